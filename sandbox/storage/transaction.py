"""Reading and writing rows inside one transaction.

Every write takes the next organisation-wide row version, and since there is only one writer at a time, versions rise in
commit order: a change-tracking reader can never be overtaken by a lower version that commits later.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sandbox.storage.columns import VERSION, Table, scaled

if TYPE_CHECKING:
    from sandbox.storage.store import Store

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Alike:
    """Many new rows that differ in a few columns only: every row has the same columns, ``template`` the others."""

    template: Row
    rows: Sequence[Row]

    def __iter__(self) -> Iterator[Row]:
        """The rows with all their columns."""
        return ({**self.template, **row} for row in self.rows)


TOMBSTONES = "_tombstones"


class Transaction:
    """One snapshot (reads) or the one open write. Made by `Store.read` and `Store.write`, never directly."""

    def __init__(self, store: "Store", connection: sqlite3.Connection, *, writable: bool) -> None:
        self.store = store
        self.connection = connection
        self.writable = writable
        self.version = store.version
        self.definitions: dict[str, Table] = {}
        self._on_commit: list[Callable[[], None]] = []

    # -- Reading

    def execute(self, sql: str, params: Sequence[Any] = ()) -> sqlite3.Cursor:
        return self.connection.execute(sql, params)

    def get(self, table: str, key: str) -> Row | None:
        """The row with this primary key, or None."""
        definition = self.store.table(table)
        found = self.execute(
            f'SELECT {definition.select_list} FROM "{table}" WHERE "{definition.primary_key}" = ?',  # noqa: S608
            (key,),
        ).fetchone()
        return None if found is None else definition.decode(found)

    def exists(self, table: str, key: str) -> bool:
        definition = self.store.table(table)
        sql = f'SELECT 1 FROM "{table}" WHERE "{definition.primary_key}" = ?'  # noqa: S608
        return self.execute(sql, (key,)).fetchone() is not None

    def find(self, table: str, **equals: Any) -> list[Row]:
        """All rows whose columns equal the given values (None means empty)."""
        where, params = self._equals(self.store.table(table), equals)
        return list(self.select(table, where, params))

    def first(self, table: str, **equals: Any) -> Row | None:
        where, params = self._equals(self.store.table(table), equals)
        return next(self.select(table, where, params, limit=1), None)

    def any(self, table: str, **equals: Any) -> bool:
        """Whether `find` would return a row."""
        where, params = self._equals(self.store.table(table), equals)
        return bool(self.count(table, where, params, limit=1))

    def select(
        self,
        table: str,
        where_sql: str = "",
        params: Sequence[Any] = (),
        order_by: str = "",
        limit: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[Row]:
        """Rows as dictionaries, lazily. Parameters are stored values: decimals must be scaled by the caller."""
        definition = self.store.table(table)
        chosen = definition.select_list if columns is None else ", ".join(f'"{name}"' for name in columns)
        sql = f'SELECT {chosen} FROM "{table}"'  # noqa: S608
        if where_sql:
            sql += f" WHERE {where_sql}"
        if order_by:
            sql += f" ORDER BY {order_by}"
        if limit is not None:
            sql += f" LIMIT {limit}"
        cursor = self.execute(sql, params)
        if columns is None:
            for found in cursor:
                yield definition.decode(found)
            return
        decoders = [(name, decode) for name, decode in definition.decoders if name in columns]
        for found in cursor:
            row = dict(zip(columns, found, strict=True))
            for name, decode in decoders:
                if row[name] is not None:
                    row[name] = decode(row[name])
            yield row

    def count(self, table: str, where_sql: str = "", params: Sequence[Any] = (), limit: int | None = None) -> int:
        """How many rows match; with ``limit`` counting stops there."""
        where = f" WHERE {where_sql}" if where_sql else ""
        if limit is None:
            sql = f'SELECT count(*) FROM "{table}"{where}'  # noqa: S608
        else:
            sql = f'SELECT count(*) FROM (SELECT 1 FROM "{table}"{where} LIMIT {limit})'  # noqa: S608
        return int(self.execute(sql, params).fetchone()[0])

    def tombstones(self, table: str, after: int, upto: int, limit: int | None = None) -> list[tuple[str, int]]:
        """(key, version) of rows deleted between two versions (first exclusive, last inclusive), oldest first. Each row
        counts once, by its last deletion; one that was made again under its old key is not deleted."""
        primary_key = self.store.table(table).primary_key
        sql = (
            f"SELECT key, max(version) FROM {TOMBSTONES} WHERE table_name = ? AND version > ? AND version <= ?"  # noqa: S608
            f' AND NOT EXISTS (SELECT 1 FROM "{table}" AS present WHERE present."{primary_key}" = {TOMBSTONES}.key)'
            " GROUP BY key ORDER BY max(version)"
        )
        if limit is not None:
            sql += f" LIMIT {limit}"
        return [(key, version) for key, version in self.execute(sql, (table, after, upto))]

    def meta(self, key: str) -> str | None:
        """A value of the process's own bookkeeping (which dataset is loaded, custom metadata, …)."""
        found = self.execute("SELECT value FROM _meta WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])

    # -- Writing

    def insert(self, table: str, row: Mapping[str, Any]) -> int:
        """Stores a row; missing columns are empty. Returns its version.

        Raises sqlite3.IntegrityError when a unique key is taken.
        """
        definition = self.store.table(table)
        version = self.next_version()
        self.execute(definition.insert_sql, self._values(definition, row, version))
        return version

    def insert_many(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        definition = self.store.table(table)
        self.connection.executemany(
            definition.insert_sql, (self._values(definition, row, self.next_version()) for row in rows)
        )

    def insert_alike(self, table: str, alike: Alike) -> None:
        """`insert_many` in a fraction of the time: what the rows have in common stands in the statement itself."""
        if not alike.rows:
            return
        definition = self.store.table(table)
        varying = tuple(alike.rows[0])
        common = [name for name in definition.names if name not in alike.rows[0]]
        literals = (_literal(definition.by_name[name].encode(alike.template.get(name))) for name in common)
        columns = ", ".join(f'"{name}"' for name in (*varying, VERSION, *common))
        values = ", ".join((*"?" * (len(varying) + 1), *literals))
        sql = f'INSERT INTO "{table}" ({columns}) VALUES ({values})'  # noqa: S608 - names and template are ours
        take = itemgetter(*varying)
        by_name = definition.by_name
        scales = [(n, by_name[name].scale) for n, name in enumerate(varying) if by_name[name].kind == "decimal"]
        first = self.version + 1
        self.version += len(alike.rows)

        def encoded() -> Iterator[list[Any]]:
            for version, row in enumerate(alike.rows, first):
                values = [*take(row), version]
                for index, scale in scales:
                    values[index] = scaled(values[index], scale)
                yield values

        self.connection.executemany(sql, encoded())

    def update(self, table: str, key: str, changes: Mapping[str, Any]) -> int:
        """Writes the given columns and returns the row's new version (an empty change counts as a write too)."""
        definition = self.store.table(table)
        version = self.next_version()
        by_name = definition.by_name
        assignments = "".join(f'"{name}" = ?, ' for name in changes)
        params = [by_name[name].encode(value) for name, value in changes.items()]
        self.execute(
            f'UPDATE "{table}" SET {assignments}"{VERSION}" = ? WHERE "{definition.primary_key}" = ?',  # noqa: S608
            (*params, version, key),
        )
        return version

    def delete(self, table: str, key: str) -> None:
        """Removes a row and leaves a tombstone for change tracking."""
        definition = self.store.table(table)
        self.execute(f'DELETE FROM "{table}" WHERE "{definition.primary_key}" = ?', (key,))  # noqa: S608
        self.execute(
            f"INSERT INTO {TOMBSTONES} (table_name, key, version) VALUES (?, ?, ?)",  # noqa: S608
            (table, key, self.next_version()),
        )

    def set_meta(self, key: str, value: str) -> None:
        self.execute(
            "INSERT INTO _meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (key, value),
        )

    def next_version(self) -> int:
        if not self.writable:
            raise RuntimeError("A reading transaction cannot write.")
        self.version += 1
        return self.version

    def on_commit(self, action: Callable[[], None]) -> None:
        """Runs after a successful commit, outside of the write lock; dropped on rollback."""
        self._on_commit.append(action)

    def take_on_commit(self) -> list[Callable[[], None]]:
        actions, self._on_commit = self._on_commit, []
        return actions

    # -- Helpers

    @staticmethod
    def _values(definition: Table, row: Mapping[str, Any], version: int) -> list[Any]:
        values = list(map(row.get, definition.names))
        for index, scale in definition.scales:
            if (value := values[index]) is not None:
                values[index] = scaled(value, scale)
        values.append(version)
        return values

    @staticmethod
    def _equals(definition: Table, equals: Mapping[str, Any]) -> tuple[str, list[Any]]:
        parts: list[str] = []
        params: list[Any] = []
        for name, value in equals.items():
            if value is None:
                parts.append(f'"{name}" IS NULL')
            else:
                parts.append(f'"{name}" = ?')
                params.append(definition.by_name[name].encode(value))
        return " AND ".join(parts), params


def _literal(value: Any) -> str:
    """A stored value as SQL text."""
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(int(value))
    if isinstance(value, float):
        return repr(value)
    return "'{}'".format(str(value).replace("'", "''"))
