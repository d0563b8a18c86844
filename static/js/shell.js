// What every page has: messages, menus, quick search, copy buttons, focus on errors, searchable selects.

const GOOD_NEWS_MS = 6000;
const WAY_BACK_MS = 30000; // the note has a button that takes the deed back

export function announce(text) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

export function note(level, text) {
  const box = document.getElementById("messages");
  if (!box) return;
  const element = document.createElement("div");
  element.className = `toast-note toast-${level}`;
  element.dataset.toast = "";
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-close";
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", "Close this message");
  element.append(words, close);
  box.append(element);
}

function prepare(root) {
  for (const toast of root.querySelectorAll("[data-toast].toast-success:not([data-timed])")) {
    toast.dataset.timed = "";
    setTimeout(() => toast.matches(":hover, :focus-within") || toast.remove(), toast.querySelector("form") ? WAY_BACK_MS : GOOD_NEWS_MS);
  }
  root.querySelector("[data-focus]")?.focus();
  for (const select of root.querySelectorAll("select[data-searchable]:not(.tomselected)")) {
    new window.TomSelect(select, { maxOptions: 500, plugins: select.multiple ? ["remove_button"] : [] });
  }
}

document.addEventListener("click", async (event) => {
  const close = event.target.closest("[data-toast-close]");
  if (close) close.closest("[data-toast]").remove();

  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    announce("Copied");
    copy.classList.add("copied");
    setTimeout(() => copy.classList.remove("copied"), 1500);
  }

  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const results = document.getElementById("quick-results");
  if (results && !event.target.closest(".quick")) results.replaceChildren();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector("[data-search-key]") ?? document.getElementById("quick");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
  if (event.key === "Escape") {
    const menu = event.target.closest("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    if (event.target.closest(".quick")) document.getElementById("quick-results")?.replaceChildren();
  }
  const quick = event.target.closest(".quick");
  if (quick && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const stops = [quick.querySelector("input"), ...quick.querySelectorAll(".quick-results a")];
    const step = event.key === "ArrowDown" ? 1 : -1;
    const next = stops[stops.indexOf(document.activeElement) + step];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }
});

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 403) note("error", "You are not allowed to do this.");
  else note("error", "The server could not answer. Reload the page and try again.");
});
document.addEventListener("htmx:sendError", () => note("error", "The server cannot be reached."));
document.addEventListener("htmx:beforeSwap", (event) => {
  // A fragment that turns out to be the sign-in page: the session ended, so the page has to go there.
  if (event.detail.xhr.responseURL?.includes("/accounts/login/")) {
    event.detail.shouldSwap = false;
    window.location.reload();
  }
});
document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
prepare(document);
