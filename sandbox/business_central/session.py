"""One request's work on the base tables: reads and writes rows, stamps them, and remembers changes for web hooks.

Rows are dictionaries of columns and always complete: every field has a value, blank ones their kind's blank.
"""

import sqlite3
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sandbox.business_central import codec
from sandbox.business_central.errors import BusinessCentralError
from sandbox.business_central.schema import BaseTable, Schema
from sandbox.storage import Row, Transaction

ChangeType = Literal["created", "updated", "deleted"]


@dataclass(frozen=True, slots=True)
class Change:
    table: str
    system_id: str
    kind: ChangeType
    at: str
    row: Row


@dataclass(slots=True)
class Session:
    tx: Transaction
    schema: Schema
    now: datetime
    profile: Mapping[str, Any]
    user_id: str = "00000000-0000-0000-0000-000000000001"
    new_id: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))
    changes: list[Change] = field(default_factory=list)
    result: str | None = None
    """Id of the document that an action produced, for the Location header."""

    @property
    def stamp(self) -> str:
        return codec.stamp(self.now)

    @property
    def today(self) -> str:
        return self.now.date().isoformat()

    def table(self, name: str) -> BaseTable:
        return self.schema.tables[name]

    # -- Reading

    def by_id(self, table: str, system_id: str) -> Row | None:
        return self.tx.get(self.table(table).sql_name, system_id)

    def find(self, table: str, **columns: Any) -> Row | None:
        return self.tx.first(self.table(table).sql_name, **columns)

    def all(self, table: str, order_by: str = "", **columns: Any) -> list[Row]:
        sql_name = self.table(table).sql_name
        if not order_by:
            return self.tx.find(sql_name, **columns)
        by_name = self.tx.store.table(sql_name).by_name
        where = " AND ".join(f'"{name}" = ?' for name in columns)
        values = [by_name[name].encode(value) for name, value in columns.items()]
        return list(self.tx.select(sql_name, where, values, order_by))

    def exists(self, table: str, **columns: Any) -> bool:
        return self.tx.any(self.table(table).sql_name, **columns)

    def setup(self, table: str) -> Row:
        """The one row of a set-up table."""
        row = self.find(table)
        if row is None:
            raise BusinessCentralError(400, "Internal_RecordNotFound", f"The {table} does not exist.")
        return row

    @property
    def local_currency(self) -> str:
        return str(self.setup("General Ledger Setup")["lcy_code"])

    # -- Writing

    def new_row(self, table: str, **columns: Any) -> Row:
        definition = self.table(table)
        row: Row = {f.column: codec.blank_of(f) for f in definition.fields.values()}
        row.update(columns)
        return row

    def insert(self, table: str, row: Row) -> Row:
        """Stores a complete row. Raises Internal_EntityWithSameKeyExists when its key is taken."""
        definition = self.table(table)
        if codec.is_blank(row["system_id"]):
            row["system_id"] = self.new_id()
        row["system_created_at"] = row["system_modified_at"] = self.stamp
        try:
            row["_version"] = self.tx.insert(definition.sql_name, row)
        except sqlite3.IntegrityError as error:
            raise self._same_key(definition, row) from error
        self._changed(definition, row, "created")
        return row

    def update(self, table: str, row: Row, old: Row) -> bool:
        """Stores what differs from ``old`` and tells whether anything did; an unchanged row keeps its stamp."""
        definition = self.table(table)
        differing = {
            name: value
            for name, value in row.items()
            if value != old.get(name) and not name.startswith(("system_", "_"))
        }
        if not differing:
            return False
        row["system_modified_at"] = differing["system_modified_at"] = self.stamp
        try:
            row["_version"] = self.tx.update(definition.sql_name, row["system_id"], differing)
        except sqlite3.IntegrityError as error:
            raise self._same_key(definition, row) from error
        self._changed(definition, row, "updated")
        return True

    def touch(self, table: str, row: Row) -> None:
        """Moves stamp and tag of a row whose visible values changed elsewhere (a document whose lines changed)."""
        definition = self.table(table)
        row["system_modified_at"] = self.stamp
        row["_version"] = self.tx.update(
            definition.sql_name, row["system_id"], {"system_modified_at": row["system_modified_at"]}
        )
        self._changed(definition, row, "updated")

    def delete(self, table: str, row: Row) -> None:
        definition = self.table(table)
        self.tx.delete(definition.sql_name, row["system_id"])
        self._changed(definition, row, "deleted")

    def _changed(self, definition: BaseTable, row: Row, kind: ChangeType) -> None:
        self.changes.append(Change(definition.name, row["system_id"], kind, self.stamp, row))

    @staticmethod
    def _same_key(definition: BaseTable, row: Row) -> BusinessCentralError:
        shown = ",".join(f"{name}='{row[definition.column(name)]}'" for name in definition.key)
        return BusinessCentralError(
            400,
            "Internal_EntityWithSameKeyExists",
            f"The record in table {definition.name} already exists. Identification fields and values: {shown}",
        )
