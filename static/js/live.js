// Live regions: a log that follows its end until the reader scrolls away, and one announcement when a job ends.
import { announce } from "./shell.js";

function pane(element) {
  return element.closest?.("[data-log]") ?? null;
}

document.addEventListener("htmx:afterSwap", (event) => {
  const log = pane(event.target) ?? document.querySelector("[data-log]");
  const toggle = document.querySelector("[data-log-follow]");
  if (log && (toggle?.checked ?? true)) log.scrollTop = log.scrollHeight;
});

document.addEventListener("htmx:afterSettle", () => {
  const ended = document.querySelector("[data-ended]:not([data-announced])");
  if (!ended) return;
  ended.dataset.announced = "";
  announce(ended.dataset.ended);
});

for (const log of document.querySelectorAll("[data-log]")) log.scrollTop = log.scrollHeight;
for (const ended of document.querySelectorAll("[data-ended]")) ended.dataset.announced = "";
