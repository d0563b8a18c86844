"""Two people who edit the same thing at once: each form remembers what it showed, so that nobody undoes the other.

A form carries the values that it was opened with. When it comes back, only what its person changed counts; where
somebody else changed the same value meanwhile, it is said instead of overwritten, and saving again decides.
"""

import json
from collections.abc import Mapping
from typing import Any

SEEN = "seen"


def shown(values: Mapping[str, Any]) -> str:
    """What a form's hidden field carries."""
    return json.dumps({name: _text(value) for name, value in values.items()})


def merged(seen: str, wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What to change, and the names of values that somebody else changed to something else meanwhile.

    `seen` is what the form carried; without it everything that differs from what is stored counts as changed here.
    """
    before = _parsed(seen)
    differing = {name: value for name, value in wanted.items() if _text(value) != _text(stored[name])}
    if before is None:
        return differing, []
    mine = {name: value for name, value in differing.items() if before.get(name, _text(stored[name])) != _text(value)}
    clashes = [name for name in mine if name in before and before[name] != _text(stored[name])]
    return {name: value for name, value in mine.items() if name not in clashes}, clashes


def clash_words(who: str, value: Any) -> str:
    """The sentence at a field that two people changed."""
    words = {"True": "on", "False": "off", "": "empty"}.get(_text(value), f"“{_text(value)}”")
    return f"{who} changed this to {words} while you were on this page. Save again to use yours."


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _parsed(seen: str) -> dict[str, str] | None:
    try:
        found = json.loads(seen)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
