// Lists: selecting rows, the bulk bar, the order of columns, links that follow the filters.
import { announce } from "./shell.js";

function boxes(form) {
  return [...form.querySelectorAll('input[name="pk"]')];
}

function refresh(form) {
  const all = form.querySelector('input[name="all"]');
  const selected = boxes(form).filter((box) => box.checked).length;
  const everything = all?.checked ?? false;
  const bar = form.querySelector("[data-bulk-bar]");
  if (!bar) return;
  bar.classList.toggle("bulk-active", selected > 0 || everything);
  const words = everything ? "All that match:" : selected ? `${selected} selected:` : "Select rows, then:";
  bar.querySelector("[data-bulk-count]").textContent = words;
  for (const button of bar.querySelectorAll("button")) button.disabled = !selected && !everything;
  const head = form.querySelector("[data-check-all]");
  if (head) {
    head.checked = selected > 0 && selected === boxes(form).length;
    head.indeterminate = selected > 0 && !head.checked;
  }
}

export function selectedCount(form) {
  const all = form.querySelector('input[name="all"]');
  return all?.checked ? Number(all.dataset.total) : boxes(form).filter((box) => box.checked).length;
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-bulk]");
  if (!form) return;
  if (event.target.matches("[data-check-all]")) {
    for (const box of boxes(form)) box.checked = event.target.checked;
  }
  refresh(form);
});

document.addEventListener("click", (event) => {
  const move = event.target.closest("[data-move]");
  if (!move) return;
  const item = move.closest("li");
  const other = move.dataset.move === "up" ? item.previousElementSibling : item.nextElementSibling;
  if (!other) return;
  if (move.dataset.move === "up") other.before(item);
  else other.after(item);
  move.focus();
});

function follow() {
  for (const link of document.querySelectorAll("[data-export]")) {
    const parameters = new URLSearchParams(window.location.search);
    parameters.delete("page");
    parameters.set("export", "csv");
    link.search = parameters.toString();
  }
}

document.addEventListener("htmx:configRequest", (event) => {
  // Empty filters have no place in addresses that people share.
  if (event.target.id !== "filter-form") return;
  const parameters = event.detail.parameters;
  for (const [name, value] of [...parameters.entries()]) if (value === "") parameters.delete(name);
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "list") return;
  for (const form of event.target.querySelectorAll("[data-bulk]")) refresh(form);
  const count = event.target.querySelector("[data-announce]");
  // A list that refreshes itself says nothing: only what the reader asked for is announced.
  if (count && !event.detail.requestConfig?.elt.matches?.("[data-refresh]")) announce(count.textContent.trim());
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.target.matches?.("[data-refresh]")) return;
  // Whoever has selected rows must not lose the selection to a refresh.
  const form = document.querySelector("#list [data-bulk]");
  if (form && selectedCount(form)) event.preventDefault();
});
document.addEventListener("htmx:pushedIntoHistory", follow);
for (const form of document.querySelectorAll("[data-bulk]")) refresh(form);
