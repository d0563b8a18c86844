"""What both remote systems hold, in a form in which two runs over the same data can be compared.

Keys, numbers out of a series, stamps and versions differ between two runs that did the same. A row is therefore named
by what it says and by the names of the rows that it refers to; a table is the number of rows under each name.
"""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Tables = dict[str, list[dict[str, Any]]]

# Beside bookkeeping: subscriptions to changes and their deliveries, which have nothing to do with what is synchronised.
_LEFT_OUT = frozenset(
    {"_meta", "_tombstones", "bc_no_series", "bc_subscriptions", "sales_asyncoperations", "sales_serviceendpoints",
     "sales_sdkmessageprocessingsteps"}
)  # fmt: skip
_VOLATILE = frozenset(
    {"_version", "createdon", "modifiedon", "createdby", "modifiedby", "overriddencreatedon", "system_created_at",
     "system_modified_at"}
)  # fmt: skip
_ROUNDS = 4
_SHOWN = 3
_CUSTOMISATIONS = "SELECT value FROM _meta WHERE value LIKE '%\"options\"%'"
_TITLES = ("name", "fullname", "description", "no", "code", "productnumber")


@dataclass(frozen=True, slots=True)
class Contents:
    """Rows by table as they are stored, and `names`: per table how many rows go by each name."""

    rows: Tables
    names: dict[str, Counter[str]]
    _samples: dict[str, dict[str, Any]]

    @property
    def keys(self) -> dict[str, set[str]]:
        """Primary keys per table."""
        return {table: {_key(row) for row in rows} for table, rows in self.rows.items()}

    def differences(self, expected: "Contents") -> list[str]:
        """Sentences about rows that are too many or too few."""
        found = []
        for table in sorted(self.names.keys() | expected.names.keys()):
            here, there = self.names.get(table, Counter()), expected.names.get(table, Counter())
            for sign, rows, samples in (("more", here - there, self), ("less", there - here, expected)):
                if rows:
                    shown = [samples._samples[name] for name in list(rows)[:_SHOWN]]
                    found.append(f"{table}: {rows.total()} {sign}: {'; '.join(map(_title, shown))}")
            if len(here - there) == len(there - here) and (pairs := list(zip(here - there, there - here, strict=True))):
                new, old = self._samples[pairs[0][0]], expected._samples[pairs[0][1]]
                differing = {name: (old.get(name), new.get(name)) for name in old.keys() | new.keys()
                             if old.get(name) != new.get(name)}  # fmt: skip
                found.append(f"{table}: for example {_title(new)} against {_title(old)}: {differing}")
        return found


def read(directory: Path, known_numbers: frozenset[str] = frozenset()) -> Contents:
    """The sandbox's present contents. `known_numbers` were there before the run and stay as they are."""
    rows = read_rows(directory)
    named, samples = _name(rows, known_numbers)
    return Contents(rows, named, samples)


def read_rows(directory: Path) -> Tables:
    """All rows as stored, stamps and versions included: two equal readings mean that nothing was written between."""
    with sqlite3.connect(f"file:{directory / 'sandbox.sqlite3'}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {
            table: [dict(row) for row in connection.execute(f'SELECT * FROM "{table}"')]
            for table in tables
            if table not in _LEFT_OUT
        }
        # Options of choice columns are no rows; those that were added are kept with the other customisations.
        rows["options"] = [
            {"option": f"{column} {value} {label}"}
            for (stored,) in connection.execute(_CUSTOMISATIONS)
            for column, options in json.loads(stored)["options"].items()
            for value, label in options
        ]
        return rows


def numbers(rows: Tables) -> frozenset[str]:
    """Numbers and codes of Business Central's records."""
    return frozenset(
        str(row[column])
        for table, records in rows.items()
        if table.startswith("bc_")
        for row in records
        for column in ("no", "code")
        if row.get(column)
    )


def changes(before: Tables, after: Tables) -> list[str]:
    """Sentences about rows that are not exactly what they were."""
    found = []
    for table in sorted(before.keys() | after.keys()):
        old = {_key(row): row for row in before.get(table, [])}
        new = {_key(row): row for row in after.get(table, [])}
        for key in old.keys() | new.keys():
            if old.get(key) != new.get(key):
                found.append(f"{table}: {_difference(old.get(key), new.get(key))}")
    return found


def _difference(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if old is None or new is None:
        return f"{'new' if old is None else 'gone'} {_content(dict(new or old or {}))}"
    return ", ".join(f"{name}: {old[name]!r} → {new[name]!r}" for name in old if old[name] != new.get(name))


def _key(row: Mapping[str, Any]) -> str:
    # The primary key is every Sales table's first column; in Business Central it is the system id.
    return str(row.get("system_id") or next(iter(row.values())))


def _name(rows: Tables, known_numbers: frozenset[str]) -> tuple[dict[str, Counter[str]], dict[str, dict[str, Any]]]:
    by_reference: dict[str, tuple[str, int]] = {}
    for table, records in rows.items():
        for position, row in enumerate(records):
            by_reference[_key(row)] = (table, position)
            if table.startswith("bc_"):
                for column in ("no", "code"):
                    number = row.get(column)
                    if number and number not in known_numbers:
                        by_reference.setdefault(str(number), (table, position))
    own: dict[tuple[str, int], str] = {}
    references: dict[tuple[str, int], list[tuple[str, tuple[str, int]]]] = {}
    for table, records in rows.items():
        for position, row in enumerate(records):
            place = (table, position)
            found = {
                column: by_reference[value]
                for column, value in row.items()
                if isinstance(value, str) and value in by_reference and column not in _VOLATILE
            }
            # A row's own key and number say nothing; a reference to itself in another column does.
            references[place] = [(column, there) for column, there in found.items() if there != place]
            plain = {c: v for c, v in row.items() if c not in _VOLATILE and c not in found and v not in (None, "")}
            own[place] = _digest([table, sorted(plain.items())])
    names = dict(own)
    for _ in range(_ROUNDS):
        names = {
            place: _digest([own[place], sorted((column, names[there]) for column, there in references[place])])
            for place in own
        }
    counted: dict[str, Counter[str]] = {table: Counter() for table in rows}
    samples: dict[str, dict[str, Any]] = {}
    for (table, position), name in names.items():
        counted[table][name] += 1
        samples.setdefault(name, _content(rows[table][position]))
    return counted, samples


def _title(row: Mapping[str, Any]) -> str:
    return next((str(row[name]) for name in _TITLES if row.get(name)), str(row))


def _content(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _VOLATILE and value not in (None, "", 0)}


def _digest(value: Any) -> str:
    return hashlib.sha1(repr(value).encode(), usedforsecurity=False).hexdigest()
