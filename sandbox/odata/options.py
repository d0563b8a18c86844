"""The query options other than ``$filter``, parsed into small frozen shapes that can be cached.

Syntax errors are `OptionError` (a ValueError); each service turns them into its own status and code.
"""

from dataclasses import dataclass
from functools import lru_cache


class OptionError(ValueError):
    """A query option that does not follow the OData grammar."""


@dataclass(frozen=True, slots=True)
class OrderTerm:
    path: tuple[str, ...]
    descending: bool


@dataclass(frozen=True, slots=True)
class Expand:
    """One navigation property to expand with the options written in its parentheses."""

    navigation: str
    select: tuple[str, ...] | None = None
    filter: str | None = None
    orderby: tuple[OrderTerm, ...] = ()
    top: int | None = None
    skip: int | None = None
    count: bool = False
    expand: "tuple[Expand, ...]" = ()
    ref: bool = False
    """``name/$ref``: only the links."""


@lru_cache(maxsize=512)
def parse_select(text: str) -> tuple[str, ...]:
    """Names in order, without repetitions."""
    names = [part.strip() for part in text.split(",")]
    if not all(names):
        raise OptionError("Syntax error in $select: a property name is missing.")
    return tuple(dict.fromkeys(names))


@lru_cache(maxsize=512)
def parse_orderby(text: str) -> tuple[OrderTerm, ...]:
    terms = []
    for part in text.split(","):
        words = part.split()
        if not words or len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
            raise OptionError(f"Syntax error in $orderby: '{text}'.")
        terms.append(OrderTerm(tuple(words[0].split("/")), words[-1] == "desc" and len(words) == 2))
    return tuple(terms)


def parse_count(text: str) -> bool:
    if text not in ("true", "false"):
        raise OptionError(f"Invalid value '{text}' for $count.")
    return text == "true"


def parse_number(name: str, text: str) -> int:
    """A value of $top or $skip: a whole number that is not negative."""
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > 2**31 - 1:
        raise OptionError(
            f"Invalid value '{text}' for {name} query option found. The value must be a whole number >= 0."
        )
    return int(text)


@lru_cache(maxsize=512)
def parse_expand(text: str) -> tuple[Expand, ...]:
    """``a($select=x;$expand=b),c`` as a tree. Raises `OptionError`."""
    return tuple(_item(part) for part in split_outside(text, ","))


def _item(text: str) -> Expand:
    text = text.strip()
    name, parenthesis, rest = text.partition("(")
    name = name.strip()
    ref = name.endswith("/$ref")
    if ref:
        name = name[:-5]
    if not name or (parenthesis and not rest.endswith(")")):
        raise OptionError(f"Syntax error in $expand: '{text}'.")
    values: dict[str, str] = {}
    for option in split_outside(rest[:-1], ";") if parenthesis and rest[:-1].strip() else ():
        key, equals, value = option.strip().partition("=")
        if not equals or key in values:
            raise OptionError(f"Syntax error in $expand: '{option}'.")
        values[key] = value
    unknown = values.keys() - {"$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$levels"}
    if unknown or "$levels" in values:
        raise OptionError(f"The option '{sorted(unknown)[0] if unknown else '$levels'}' is not supported in $expand.")
    return Expand(
        navigation=name,
        select=parse_select(values["$select"]) if "$select" in values else None,
        filter=values.get("$filter"),
        orderby=parse_orderby(values["$orderby"]) if "$orderby" in values else (),
        top=parse_number("$top", values["$top"]) if "$top" in values else None,
        skip=parse_number("$skip", values["$skip"]) if "$skip" in values else None,
        count=parse_count(values["$count"]) if "$count" in values else False,
        expand=parse_expand(values["$expand"]) if "$expand" in values else (),
        ref=ref,
    )


def split_outside(text: str, separator: str) -> list[str]:
    """Splits where the separator stands outside of parentheses and quotes."""
    parts: list[str] = []
    depth = 0
    quoted = False
    start = 0
    for index, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
            if depth > 30:
                raise OptionError("The expression is nested too deeply.")
        elif character == ")":
            depth -= 1
            if depth < 0:
                raise OptionError(f"Syntax error: unbalanced parentheses in '{text}'.")
        elif character == separator and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    if depth or quoted:
        raise OptionError(f"Syntax error: unbalanced parentheses or quotes in '{text}'.")
    return [*parts, text[start:]]
