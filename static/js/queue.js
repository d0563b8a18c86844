// Couple next: keys for what the buttons do. Every key presses a button of the page, so both always do the same.
import { announce } from "./shell.js";

const form = document.querySelector("[data-queue]");
const candidates = [...document.querySelectorAll("[data-candidate-number]")];
const dialog = document.querySelector("[data-queue-dialog]");
let marked = candidates.findIndex((each) => each.querySelector("[data-queue-accept]"));
if (marked < 0) marked = 0;

function mark(index, speak) {
  if (!candidates.length) return;
  marked = Math.min(Math.max(index, 0), candidates.length - 1);
  candidates.forEach((each, at) => each.classList.toggle("queue-marked", at === marked));
  const now = candidates[marked];
  now.scrollIntoView({ block: "nearest" });
  if (speak) {
    const name = now.querySelector("h3").textContent;
    announce(`Candidate ${marked + 1} of ${candidates.length}: ${name}, ${now.querySelector("strong").textContent}`);
  }
}

function press(selector) {
  const button = document.querySelector(selector);
  if (button && !button.disabled) button.click();
  return Boolean(button);
}

function busy(event) {
  return event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]");
}

document.addEventListener("keydown", (event) => {
  if (busy(event) || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const key = event.key.toLowerCase();
  const own = event.target.closest("a, button, summary");
  let done = true;
  if (key === "enter") {
    // A focused button or link is what Enter means.
    if (own || !form) return;
    done = press(`[data-queue-accept="${candidates[marked]?.dataset.candidateNumber}"]`);
  } else if (/^[1-9]$/.test(key)) done = press(`[data-queue-accept="${key}"]`);
  else if (key === "arrowdown" || key === "j") mark(marked + 1, true);
  else if (key === "arrowup" || key === "k") mark(marked - 1, true);
  else if (key === "x") done = press(`[data-queue-rule-out="${candidates[marked]?.dataset.candidateNumber}"]`);
  else if (key === "?") dialog?.showModal();
  else done = /^[a-z/]$/.test(key) && press(`[data-queue-key="${key}"]`);
  if (done) {
    event.preventDefault();
    // The page's own "/" would take the focus to the quick search.
    event.stopImmediatePropagation();
  }
}, true);

const help = document.querySelector("[data-queue-help]");
if (help) {
  help.hidden = false;
  help.addEventListener("click", () => dialog.showModal());
}
mark(marked, false);
