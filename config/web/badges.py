"""States as badges: a colour, an icon and a word each, so that colour alone never carries the meaning.

Colours stand with the enumerations (`SomeChoices.X.colour`); icons stand here because they are the pages' affair. The
same word means the same in every enumeration, so one table serves all.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ICONS = {
    "": "circle-dashed",
    "active": "circle-check",
    "blocked": "hourglass",
    "broken": "unlink",
    "business_central": "building-factory-2",
    "cancelled": "ban",
    "changes_waiting": "refresh",
    "conflict": "arrows-diff",
    "couple": "link",
    "create": "plus",
    "delete": "trash",
    "disabled": "plug-connected-x",
    "enabled": "plug-connected",
    "error": "alert-circle",
    "failed": "circle-x",
    "failing": "alert-triangle",
    "finished": "circle-check",
    "idle": "clock",
    "in_sync": "circle-check",
    "info": "info-circle",
    "interrupted": "plug-connected-x",
    "never_synchronised": "circle-dashed",
    "on_hold": "player-pause",
    "outside_filter": "filter",
    "partly": "alert-triangle",
    "passed": "circle-check",
    "planned": "clipboard-check",
    "queued": "clock",
    "ready": "player-play",
    "running": "activity",
    "sales": "cloud",
    "sent": "send",
    "settled": "circle-check",
    "skipped": "player-track-next",
    "succeeded": "circle-check",
    "success": "circle-check",
    "uncouple": "unlink",
    "update": "pencil",
    "warning": "alert-triangle",
    "working": "activity",
}

COLOURS = {
    "active": "green",
    "couple": "teal",
    "create": "green",
    "delete": "red",
    "error": "red",
    "idle": "secondary",
    "info": "secondary",
    "on_hold": "secondary",
    "ready": "green",
    "running": "yellow",
    "success": "green",
    "passed": "green",
    "failed": "red",
    "skipped": "secondary",
    "uncouple": "orange",
    "update": "azure",
    "warning": "yellow",
    "enabled": "green",
    "disabled": "secondary",
    "broken": "red",
}
"""Colours of enumerations that define none."""


@dataclass(frozen=True, slots=True)
class Badge:
    label: str
    colour: str
    icon: str


def badge_of(state: Any, label: str = "") -> Badge:
    """The badge of a member of a `TextChoices`, or of a plain word with `label`."""
    value = str(state.value if isinstance(state, StrEnum) or hasattr(state, "value") else state)
    colour = getattr(state, "colour", None) or COLOURS.get(value, "secondary")
    words = label or str(getattr(state, "label", value.replace("_", " ").capitalize()))
    return Badge(words, colour, ICONS.get(value, "circle-dot"))
