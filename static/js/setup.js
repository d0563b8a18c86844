// Leaving a step of assisted setup by a link or by closing the tab asks first, if something typed is not saved yet.
// A subject's own box switches all its mappings; the checklist of the first step can be printed.

const form = document.querySelector("form[data-setup]");
let touched = false;

form?.addEventListener("input", () => {
  touched = true;
});
form?.addEventListener("submit", () => {
  touched = false;
});
window.addEventListener("beforeunload", (event) => {
  if (touched) event.preventDefault();
});

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());

for (const all of document.querySelectorAll("[data-card-switch]")) {
  const boxes = [...all.closest("fieldset").querySelectorAll('input[name^="on-"]:not(:disabled)')];
  const show = () => {
    const on = boxes.filter((box) => box.checked).length;
    all.checked = on > 0;
    all.indeterminate = on > 0 && on < boxes.length;
  };
  all.hidden = boxes.length === 0;
  show();
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  all.closest("fieldset").addEventListener("input", show);
}
