"""Resource paths: segments with their keys or function arguments."""

import re
from dataclasses import dataclass

from sandbox.http import decode_segment
from sandbox.odata.ast import Call, Literal
from sandbox.odata.filters import FilterSyntaxError, parse_filter

_MARKS = re.compile(r"['()/]")


@dataclass(frozen=True, slots=True)
class Segment:
    """``accounts(accountnumber='K-1')`` is name ``accounts`` and keys ``{"accountnumber": Literal}``; an unnamed key is
    under the empty name. ``keys`` is None without parentheses and empty for ``()``."""

    name: str
    keys: dict[str, Literal] | None = None


class UrlError(ValueError):
    """A path that is not a resource path."""


def parse_path(path: str, aliases: dict[str, str]) -> list[Segment]:
    """The segments of a path relative to the service root. Raises `UrlError`."""
    return [_segment(part, aliases) for part in split_path(path)]


def split_path(path: str) -> list[str]:
    """Decoded segments; slashes within quotes or parentheses belong to keys."""
    text = decode_segment(path)
    if "'" not in text and "(" not in text:
        return [part for part in text.split("/") if part]
    parts: list[str] = []
    start = 0
    quoted, depth = False, 0
    for mark in _MARKS.finditer(text):
        character = mark.group()
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif depth <= 0:
            parts.append(text[start : mark.start()])
            start = mark.end()
    parts.append(text[start:])
    return [part for part in parts if part]


def _segment(text: str, aliases: dict[str, str]) -> Segment:
    name, parenthesis, _ = text.partition("(")
    if not parenthesis:
        return Segment(name)
    if not text.endswith(")"):
        raise UrlError(f"Bad Request - Error in query syntax: '{text}'.")
    try:
        call = parse_filter("f" + text[len(name) :], aliases)
    except FilterSyntaxError as error:
        raise UrlError(f"Bad Request - Error in query syntax. {error.message}") from error
    if not isinstance(call, Call):
        raise UrlError(f"Bad Request - Error in query syntax: '{text}'.")
    values = [*(("", argument) for argument in call.arguments), *call.named]
    keys: dict[str, Literal] = {}
    for key, value in values:
        if not isinstance(value, Literal) or key in keys:
            raise UrlError(f"Bad Request - Error in query syntax: '{text}'.")
        keys[key] = value
    return Segment(name, keys)
