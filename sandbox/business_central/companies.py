"""Companies of the environment. The first one lies in the sandbox's own database; each further one, made through the
control API, has a database of its own beside it, since the product keeps companies apart in the same way."""

import threading
import uuid
from pathlib import Path
from typing import Any

from sandbox.business_central.schema import Schema
from sandbox.business_central.tables import COMPANIES, define_tables
from sandbox.storage import Row, Store, Transaction

MAX_COMPANIES = 300


class Companies:
    def __init__(self, main: Store, directory: Path, schema: Schema) -> None:
        self._main = main
        self._directory = directory
        self._schema = schema
        self._lock = threading.Lock()
        self._further: dict[str, Store] = {}

    def open_stored(self, tx: Transaction) -> None:
        """Opens what an earlier run of the sandbox left."""
        for row in self.all(tx)[1:]:
            self._further[row["id"]] = self._open(row["id"])

    def remove_further(self) -> None:
        with self._lock:
            gone, self._further = self._further, {}
        for store in gone.values():
            store.close()
        for file in self._directory.glob("company-*.sqlite3*"):
            file.unlink()

    def add(self, name: str, stamp: str, set_up: list[tuple[str, list[Row]]]) -> Row:
        """A company of this name with its set-up rows (table, rows). Raises ValueError for a name that is taken."""
        row: Row = {
            "id": str(uuid.uuid4()),
            "name": name,
            "display_name": name,
            "business_profile_id": "",
            "system_created_at": stamp,
            "system_modified_at": stamp,
        }
        with self._lock, self._main.write() as tx:
            known = self.all(tx)
            if any(company["name"].lower() == name.lower() for company in known):
                raise ValueError(f"There is a company '{name}' already.")
            if len(known) >= MAX_COMPANIES:
                raise ValueError(f"An environment holds {MAX_COMPANIES} companies.")
            store = self._open(row["id"])
            with store.write() as inner:
                inner.insert(COMPANIES.name, row)
                for table, rows in set_up:
                    inner.insert_many(self._schema.tables[table].sql_name, rows)
            tx.insert(COMPANIES.name, row)
            self._further[row["id"]] = store
        return row

    def _open(self, company_id: str) -> Store:
        store = Store(self._directory / f"company-{company_id}.sqlite3")
        with store.write():
            define_tables(store, self._schema)
        return store

    # -- Finding

    @staticmethod
    def all(tx: Transaction) -> list[dict[str, Any]]:
        """The first company first."""
        return list(tx.select(COMPANIES.name, order_by="_version"))

    def store_of(self, wanted: str | None) -> Store:
        """The database of the company with this id or name; the main one for any that is not a further one."""
        if wanted is None or not self._further:
            return self._main
        with self._main.read() as tx:
            for row in self.all(tx):
                if wanted.lower().strip("{}") == row["id"] or wanted == row["name"]:
                    return self._further.get(row["id"], self._main)
        return self._main

    def store_with(self, table: str, system_id: str) -> Store:
        """The database that holds a row."""
        sql_name = self._schema.tables[table].sql_name
        for store in self._further.values():
            with store.read() as tx:
                if tx.exists(sql_name, system_id):
                    return store
        return self._main

    def stores(self) -> list[Store]:
        return [self._main, *self._further.values()]
