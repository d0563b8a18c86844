// Set Up Coupling by keyboard: the search box is a combobox over the list below it. Without this script every hit is
// a link and every choice a page.

const box = document.getElementById("picker-search");

function options() {
  return [...document.querySelectorAll("#candidates-list [role=option]:not([aria-disabled])")];
}

function active() {
  return document.getElementById(box.getAttribute("aria-activedescendant") ?? "");
}

function activate(option) {
  for (const one of options()) one.classList.toggle("candidate-active", one === option);
  if (option) {
    box.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    box.removeAttribute("aria-activedescendant");
  }
}

function choose(option) {
  for (const one of options()) one.setAttribute("aria-selected", String(one === option));
  option.click();
}

function step(by) {
  const all = options();
  if (!all.length) return;
  const now = all.indexOf(active());
  activate(all[Math.min(Math.max(now + by, 0), all.length - 1)]);
}

let asking = false;
let searched = box?.value ?? "";

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches?.("[data-picker-form]")) asking = true;
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "candidates") return;
  asking = false;
  searched = box?.value ?? "";
});

// Does something with the hits of what stands in the box now, which may still be on their way.
function whenSettled(deed) {
  if (!asking && searched === box.value) deed();
  else {
    const wait = (event) => {
      if (event.target.id !== "candidates" || searched !== box.value) return;
      document.removeEventListener("htmx:afterSettle", wait);
      deed();
    };
    document.addEventListener("htmx:afterSettle", wait);
  }
}

// A look at a row's values without choosing it: Alt+P, or resting on it with the mouse.
const REST_MS = 500;
let resting;

function peek(option) {
  if (option?.dataset.peek) window.htmx.ajax("GET", option.dataset.peek, { target: "#peek", swap: "innerHTML" });
}

document.addEventListener("mouseover", (event) => {
  const option = event.target.closest?.("[data-peek]");
  clearTimeout(resting);
  if (option) resting = setTimeout(() => peek(option), REST_MS);
});

const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e6, End: 1e6 };

box?.addEventListener("keydown", (event) => {
  if (event.key in STEPS && !(box.value && ["Home", "End"].includes(event.key))) {
    event.preventDefault();
    step(STEPS[event.key]);
  } else if (event.key === "Enter" && !event.ctrlKey && active()) {
    event.preventDefault();
    choose(active());
  } else if (event.key === "Enter" && !event.ctrlKey && box.value.trim()) {
    // Without a row pressed on: the only one of that name is taken, else the list stays and its first row is active.
    event.preventDefault();
    whenSettled(() => {
      const sole = document.querySelector("#candidates-list [data-sole]");
      if (sole) choose(sole);
      else activate(options()[0]);
    });
  } else if (event.key === "Enter" && event.ctrlKey && active() && active().getAttribute("aria-selected") !== "true") {
    // Take and confirm: the deed's form comes with the answer.
    event.preventDefault();
    event.stopPropagation();
    document.addEventListener("htmx:afterSettle", () => document.querySelector("[data-setup-form]")?.requestSubmit(), { once: true });
    choose(active());
  } else if (event.altKey && /^[1-9]$/.test(event.key) && options()[Number(event.key) - 1]) {
    // In the search box a digit takes a hit; elsewhere it chooses what happens after coupling.
    event.preventDefault();
    event.stopPropagation();
    choose(options()[Number(event.key) - 1]);
  } else if (event.altKey && event.key.toLowerCase() === "o" && active()?.dataset.open) {
    event.preventDefault();
    window.open(active().dataset.open, "_blank", "noopener");
  } else if (event.altKey && event.key.toLowerCase() === "p") {
    event.preventDefault();
    peek(active());
  } else if (event.key === "Escape" && !box.value) {
    document.querySelector("[data-setup-cancel]")?.click();
  }
});

document.addEventListener("click", (event) => {
  // The address has moved on since the link was drawn: what was chosen comes back when creating is taken back.
  const create = event.target.closest("[data-picker-create]");
  if (!create || !new URLSearchParams(create.search).has("create")) return;
  const now = new URLSearchParams(window.location.search);
  if (now.has("partner")) now.set("before", now.get("partner"));
  now.delete("partner");
  now.set("create", "1");
  create.search = now.toString();
}, true);

document.addEventListener("click", (event) => {
  const option = event.target.closest("[data-candidate]");
  if (!option) return;
  for (const one of options()) one.setAttribute("aria-selected", String(one === option));
  activate(option);
});

document.addEventListener("keydown", (event) => {
  const form = document.querySelector("[data-setup-form]");
  if (event.key === "Enter" && event.ctrlKey && form) {
    event.preventDefault();
    form.requestSubmit();
  } else if (event.altKey && ["0", "1", "2"].includes(event.key)) {
    const choice = document.querySelector(`[data-choice="${event.key}"]`);
    if (choice) {
      event.preventDefault();
      choice.click();
    }
  } else if (event.altKey && event.key.toLowerCase() === "h") {
    event.preventDefault();
    document.getElementById("picker-coupled")?.click();
  } else if (event.altKey && event.key.toLowerCase() === "c") {
    document.querySelector("[data-picker-create]")?.click();
  } else if (event.altKey && event.key.toLowerCase() === "s") {
    event.preventDefault();
    box?.focus();
  }
});

// What is typed makes the hits below old: Enter must not choose one of them.
box?.addEventListener("input", () => activate(null));

document.addEventListener("htmx:afterSwap", (event) => {
  // The list is new: nothing in it is active until an arrow key is pressed, and nothing is looked at.
  if (event.target.id === "candidates") box?.removeAttribute("aria-activedescendant");
  if (event.target.id === "candidates" || event.target.id === "choice") {
    clearTimeout(resting);
    document.getElementById("peek")?.replaceChildren();
  }
});
document.addEventListener("htmx:configRequest", (event) => {
  if (!event.target.matches?.("[data-picker-form]")) return;
  const chosen = document.querySelector('[data-setup-form] input[name="partner"]');
  if (chosen) event.detail.parameters.set?.("partner", chosen.value);
});

// A record that was merely looked at is free again once the page is left; a deed on it frees it anyway.
window.addEventListener("pagehide", () => {
  const claim = document.querySelector("[data-claim]");
  if (claim) navigator.sendBeacon(claim.action, new FormData(claim));
});
