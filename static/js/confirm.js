// Buttons with data-confirm ask in a dialog first. Without this script the server asks on a page of its own.
import { selectedCount } from "./lists.js";

const dialog = document.getElementById("confirm-dialog");
let waiting = null;

function ask(button) {
  const form = button.form.closest("[data-bulk]");
  const n = form ? selectedCount(form) : 1;
  dialog.querySelector("#confirm-title").textContent = button.dataset.confirmTitle ?? "Are you sure?";
  dialog.querySelector("#confirm-text").textContent = button.dataset.confirm.replace("{n}", String(n));
  const yes = dialog.querySelector("#confirm-yes");
  yes.textContent = button.dataset.confirmLabel ?? button.textContent.trim();
  yes.className = "confirmDanger" in button.dataset ? "btn btn-danger" : "btn btn-primary";
  waiting = button;
  dialog.returnValue = "no";
  dialog.showModal();
}

dialog?.addEventListener("close", () => {
  const button = waiting;
  waiting = null;
  if (!button) return;
  button.focus();
  if (dialog.returnValue !== "yes") return;
  const confirmed = document.createElement("input");
  confirmed.type = "hidden";
  confirmed.name = "confirmed";
  confirmed.value = "1";
  button.form.append(confirmed);
  button.form.requestSubmit(button);
});

document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest("button[data-confirm]");
    if (!button?.form || button.disabled || !dialog) return;
    if (button.form.querySelector('input[name="confirmed"]')) return;
    event.preventDefault();
    event.stopPropagation();
    ask(button);
  },
  true,
);
