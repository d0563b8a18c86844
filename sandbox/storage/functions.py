"""SQL functions that both services' text comparisons need and SQLite does not have.

SQLite's own NOCASE and LIKE fold ASCII letters only. Comparisons whose literal is plain ASCII can use them (and their
indexes), since no text with other letters could be equal; all others go through these functions.
"""

import re
import sqlite3
import unicodedata
from functools import lru_cache

_ESCAPE = re.compile(r"[.^$*+?{}\\|()]")


def register(connection: sqlite3.Connection) -> None:
    connection.create_function("fold", 1, fold, deterministic=True)
    connection.create_function("plain", 1, plain, deterministic=True)
    connection.create_function("matches", 2, matches, deterministic=True)


def fold(value: object) -> str | None:
    """Case-insensitive form of a text; trailing blanks do not count, as in SQL Server."""
    return None if value is None else str(value).casefold().rstrip(" ")


def plain(value: object) -> str | None:
    """`fold` without accents, for installations whose collation does not heed them."""
    return None if value is None else fold(without_accents(str(value)))


def without_accents(text: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFD", text) if not unicodedata.combining(part))


def matches(pattern: str, value: object) -> bool | None:
    """SQL Server's LIKE: ``%`` any text, ``_`` one character, ``[abc]`` and ``[^abc]`` one of a set; ignores case."""
    if value is None:
        return None
    return _compile(pattern).fullmatch(str(value)) is not None


@lru_cache(maxsize=1024)
def _compile(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "%":
            parts.append(".*")
        elif character == "_":
            parts.append(".")
        elif character == "[" and (end := pattern.find("]", position + 2)) > 0:
            parts.append(_set(pattern[position + 1 : end]))
            position = end
        else:
            parts.append(_ESCAPE.sub(r"\\\g<0>", character) if character != "[" else r"\[")
        position += 1
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _set(members: str) -> str:
    negated = members.startswith("^") and len(members) > 1
    if negated:
        members = members[1:]
    parts: list[str] = []
    position = 0
    while position < len(members):
        first, last = members[position], members[position]
        if members[position + 1 : position + 2] == "-" and position + 2 < len(members):
            last = members[position + 2]
            position += 2
        position += 1
        if first <= last:  # a reversed range such as [z-a] matches nothing
            parts.append(re.escape(first) if first == last else f"{re.escape(first)}-{re.escape(last)}")
    if not parts:
        return "." if negated else r"\b\B"
    return f"[{'^' if negated else ''}{''.join(parts)}]"
