// Leaving a step of assisted setup by a link or by closing the tab asks first, if something typed is not saved yet.

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
