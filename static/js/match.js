// Reviews: rows by keyboard. Criteria: Reset.

function boxes() {
  return [...document.querySelectorAll('#list input[name="pk"]')];
}

function set(box, checked) {
  if (box.checked === checked) return;
  box.checked = checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

document.addEventListener("keydown", (event) => {
  const all = boxes();
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select, dialog");
  if (!all.length || typing) return;
  const at = all.indexOf(document.activeElement);
  if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    for (const box of all) set(box, true);
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (at >= 0 || event.target === document.body)) {
    const next = all[at + (event.key === "ArrowDown" ? 1 : -1)] ?? (at < 0 ? all[0] : null);
    if (!next) return;
    event.preventDefault();
    if (event.shiftKey && at >= 0) {
      set(all[at], true);
      set(next, true);
    }
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter" && at >= 0) {
    event.preventDefault();
    all[at].closest("tr").querySelector("a.btn")?.click();
  }
});

const reset = document.querySelector("[data-match-reset]");
if (reset) {
  reset.hidden = false;
  reset.addEventListener("click", () => {
    for (const box of document.querySelectorAll('[name^="match-"], [name^="case-"]')) box.checked = false;
  });
}
