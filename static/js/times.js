// Moments in the reader's own zone, relative while they are near, exact in the tooltip; refreshed as they age.

const NEAR_SECONDS = 20 * 3600;
const REFRESH_MS = 20000;
// The pages speak one language; a browser in another must not mix a second one in.
const language = document.documentElement.lang;
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const year = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

function words(moment, now) {
  const seconds = (moment - now) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 45) return seconds > 0 ? "in a moment" : "just now";
  if (distance < 3600) return relative.format(Math.round(seconds / 60), "minute");
  if (distance < NEAR_SECONDS) return relative.format(Math.round(seconds / 3600), "hour");
  return (moment.getFullYear() === now.getFullYear() ? day : year).format(moment);
}

function show(root) {
  const now = new Date();
  for (const element of root.querySelectorAll("time[data-moment]")) {
    const moment = new Date(element.dateTime);
    const text = words(moment, now);
    if (element.textContent !== text) element.textContent = text;
    if (!element.title) element.title = exact.format(moment);
  }
}

show(document);
setInterval(() => show(document), REFRESH_MS);
document.addEventListener("htmx:load", (event) => show(event.detail.elt.parentElement ?? document));
document.addEventListener("htmx:afterSettle", () => show(document));
