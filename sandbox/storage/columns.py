"""How a table of the sandbox is described to SQLite, and how its values cross that border.

Rows are plain dictionaries. Text, GUIDs (lower case), dates and date-times are stored exactly as handed in, so each
system must hand in one sortable form (Sales keeps seconds, Business Central a fixed three-digit fraction). Decimals
become scaled integers: they compare, sort and sum exactly, which neither REAL nor TEXT would do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any, Literal

Kind = Literal["text", "integer", "boolean", "decimal", "real", "datetime", "date", "guid"]

_SQL_TYPES: Mapping[str, str] = {
    "text": "TEXT",
    "integer": "INTEGER",
    "boolean": "INTEGER",
    "decimal": "INTEGER",
    "real": "REAL",
    "datetime": "TEXT",
    "date": "TEXT",
    "guid": "TEXT",
}

VERSION = "_version"
"""Bookkeeping column of every table: the organisation-wide row version of the last write."""

MAX_INTEGER = 2**63 - 1


class ValueTooLarge(ValueError):  # noqa: N818 - reads as the condition it names
    """A number that the column cannot hold; callers turn it into their service's range error."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``scale`` is the number of decimal digits kept for kind ``decimal`` and ignored otherwise."""

    name: str
    kind: Kind = "text"
    collate: str | None = None
    scale: int = 5

    @property
    def sql(self) -> str:
        collate = f" COLLATE {self.collate}" if self.collate else ""
        return f'"{self.name}" {_SQL_TYPES[self.kind]}{collate}'

    def encode(self, value: Any) -> Any:
        """The value as SQLite stores it."""
        if value is None:
            return None
        if self.kind == "decimal":
            return scaled(value, self.scale)
        if self.kind == "boolean":
            return 1 if value else 0
        return value

    def decoder(self) -> Callable[[Any], Any] | None:
        """Turns a stored value back into the one handed in, or None where they are the same."""
        if self.kind == "boolean":
            return bool
        if self.kind == "decimal":
            scale = self.scale
            return lambda value: Decimal(value).scaleb(-scale)
        return None


def scaled(value: Any, scale: int) -> int:
    """The integer that stands for a decimal at the given scale, halves away from zero."""
    if not value:
        return 0
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    result = int(number.scaleb(scale).to_integral_value(ROUND_HALF_UP))
    if abs(result) > MAX_INTEGER:
        raise ValueTooLarge(f"{value} does not fit")
    return result


@dataclass(frozen=True)
class Table:
    """One SQL table. ``indexes`` and ``unique`` are tuples of column names; the primary key is unique by itself."""

    name: str
    columns: tuple[Column, ...]
    primary_key: str = "id"
    indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def scales(self) -> tuple[tuple[int, int], ...]:
        """(position, scale) of the decimals: SQLite takes all other values as they are, True and False as 1 and 0."""
        return tuple((index, column.scale) for index, column in enumerate(self.columns) if column.kind == "decimal")

    @cached_property
    def select_list(self) -> str:
        return ", ".join(f'"{name}"' for name in self._read_names)

    @cached_property
    def _read_names(self) -> tuple[str, ...]:
        return (*self.names, VERSION)

    @cached_property
    def decoders(self) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
        pairs = ((column.name, column.decoder()) for column in self.columns)
        return tuple((name, decode) for name, decode in pairs if decode is not None)

    def decode(self, row: tuple[Any, ...]) -> dict[str, Any]:
        """A dictionary from a result row that was read with `select_list`; it carries ``_version`` as well."""
        result = dict(zip(self._read_names, row, strict=True))
        for name, decode in self.decoders:
            value = result[name]
            if value is not None:
                result[name] = decode(value)
        return result

    @cached_property
    def insert_sql(self) -> str:
        marks = ", ".join("?" * (len(self.columns) + 1))
        return f'INSERT INTO "{self.name}" ({self.select_list}) VALUES ({marks})'  # noqa: S608 - names are ours
