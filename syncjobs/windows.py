"""When in the week a schedule may run by itself: chosen days, and hours that may reach past midnight."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def next_inside(now: datetime, days: Sequence[int], begin: time | None, end: time | None) -> datetime:
    """`now` where it is inside, else the next moment that is.

    `now` carries the time zone that days and hours are meant in. `days`: 0 is Monday; empty means every day. A window
    that ends before it begins reaches into the next day and belongs to the day on which it began.
    """
    for offset in range(-1, 8):
        day = now.date() + timedelta(days=offset)
        if days and day.weekday() not in days:
            continue
        opens = datetime.combine(day, begin or time(), tzinfo=now.tzinfo)
        closes_on = day if end and end > (begin or time()) else day + timedelta(days=1)
        closes = datetime.combine(closes_on, end or time(), tzinfo=now.tzinfo)
        if closes > now:
            return max(opens, now)
    return now


def words_of_window(days: Sequence[int], begin: time | None, end: time | None, zone: str = "") -> str:
    """`Mon, Tue, 08:00 to 18:00 UTC`; empty where a schedule may always run."""
    parts = [WEEKDAYS[day][:3] for day in sorted(days)] if days and len(days) < len(WEEKDAYS) else []
    if begin or end:
        parts.append(f"{begin or time():%H:%M} to {end:%H:%M}" if end else f"from {begin:%H:%M}")
    return f"{', '.join(parts)} {zone}".strip() if parts else ""
