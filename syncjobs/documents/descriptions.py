"""Long texts of lines as the main line's description and comment lines, which hold 100 characters each.

Business Central counts characters outside the Basic Multilingual Plane twice; such a one is never cut in half.
"""

import re

DESCRIPTION_LENGTH = 100
_LINE_BREAK = re.compile("\r\n|\r|\n")


def width(text: str) -> int:
    """Length as Business Central counts it: UTF-16 units."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def take(text: str, length: int = DESCRIPTION_LENGTH) -> tuple[str, str]:
    """The longest beginning of at most `length` units, and the rest."""
    used = 0
    for index, character in enumerate(text):
        used += 2 if ord(character) > 0xFFFF else 1
        if used > length:
            return text[:index], text[index:]
    return text, ""


def cut(text: str, length: int = DESCRIPTION_LENGTH) -> list[str]:
    """`text` in pieces of at most `length`; together they are the text."""
    pieces = []
    while text:
        piece, text = take(text, length)
        pieces.append(piece)
    return pieces


def split_description(text: str, *, main: str, write_in: bool, always: bool = False) -> tuple[str, list[str]]:
    """The main line's description and the comment lines.

    `main` is the product's own description, which a coupled product keeps; of a write-in the text begins on the main
    line. `always`: comment lines are written although the text says the same as `main` (quotes).
    """
    first, *further = _LINE_BREAK.split(text)
    if write_in:
        description, rest = take(first)
    else:
        description, rest = main, first
        if first == main and not always:
            rest = ""
    return description, [piece for line in (rest, *further) for piece in cut(line)]
