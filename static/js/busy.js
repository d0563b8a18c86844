// Forms that take seconds say so at once: the button waits, a status names what happens, the place of the result
// comes into view. Without this script the browser's own progress does, and the result is on the page that follows.
// The form names its status element in `data-busy` and the words in `data-busy-text`.

function status(form) {
  return document.getElementById(form.dataset.busy);
}

function begin(form) {
  const region = status(form);
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  form.dataset.busyNow = "";
  if (!region) return;
  region.classList.add("busy-now");
  region.querySelector("[data-busy-words]").textContent = `${form.dataset.busyText} …`;
  region.parentElement.scrollIntoView({ block: "nearest" });
}

function end(form) {
  const region = status(form);
  for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  delete form.dataset.busyNow;
  region?.classList.remove("busy-now");
  region?.querySelector("[data-busy-words]").replaceChildren();
}

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target.closest("form[data-busy]");
    if (!form) return;
    if ("busyNow" in form.dataset) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    begin(form);
  },
  true,
);
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest?.("form[data-busy]");
  if (form) end(form);
});
// Back in the browser's history: what was under way then is not now.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-busy]")) end(form);
});
