"""The sandbox's database: one SQLite file, many readers, one writer.

WAL gives every reading request a snapshot while a write is under way; a process-wide lock makes writes queue up fairly
instead of failing with SQLITE_BUSY. Nothing here has to survive a power cut, so commits do not wait for the disk.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.storage import functions
from sandbox.storage.columns import VERSION, Table
from sandbox.storage.transaction import TOMBSTONES, Transaction

_BOOKKEEPING = f"""
CREATE TABLE IF NOT EXISTS _meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS {TOMBSTONES} (table_name TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS {TOMBSTONES}_version ON {TOMBSTONES} (table_name, version);
"""

FIRST_VERSION = 1_000_000
"""Row versions of a real organisation are large; starting high also shows clients that assume small integers."""

_WRITER_CACHE_KIB = 16_000
_READER_CACHE_KIB = 1_000


@dataclass(frozen=True, slots=True)
class Image:
    """Data and definitions of a store at one moment."""

    connection: sqlite3.Connection
    tables: dict[str, Table]


class Store:
    """All tables of both systems in one file. Thread-safe; every thread has its own reading connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tables: dict[str, Table] = {}
        self._local = threading.local()
        self._write_lock = threading.RLock()
        self._writer = self._connect(_WRITER_CACHE_KIB)
        self._writer.executescript(_BOOKKEEPING)
        self.version = self._stored_version()

    # -- Definitions

    def define(self, table: Table) -> None:
        """Makes the table exist with these columns and indexes; columns that are new are added to existing data."""
        with self.write() as tx:
            present = {row[1] for row in tx.execute(f'PRAGMA table_info("{table.name}")')}
            if not present:
                columns = ", ".join(column.sql for column in table.columns)
                tx.execute(
                    f'CREATE TABLE "{table.name}" ({columns}, "{VERSION}" INTEGER NOT NULL,'
                    f' PRIMARY KEY ("{table.primary_key}"))'
                )
            else:
                for column in table.columns:
                    if column.name not in present:
                        tx.execute(f'ALTER TABLE "{table.name}" ADD COLUMN {column.sql}')
            self._create_indexes(tx, table)
            tx.definitions[table.name] = table

    def table(self, name: str) -> Table:
        current: Transaction | None = getattr(self._local, "transaction", None)
        if current is not None and name in current.definitions:
            return current.definitions[name]
        return self._tables[name]

    def tables(self) -> list[Table]:
        return list(self._tables.values())

    def drop_all(self) -> None:
        """Forgets every table and all data; used by reset, which defines and fills everything anew."""
        with self.write() as tx:
            query = "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 1) <> '_'"
            names = [row[0] for row in tx.execute(query)]
            for name in names:
                tx.execute(f'DROP TABLE "{name}"')
            tx.execute(f"DELETE FROM {TOMBSTONES}")  # noqa: S608
            tx.execute("DELETE FROM _meta")
            tx.version = FIRST_VERSION

    def image(self) -> Image:
        """A copy of everything, in memory; `restore` takes it."""
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        with self._write_lock:
            self._writer.backup(copy)
            return Image(copy, dict(self._tables))

    def restore(self, image: Image) -> None:
        """Everything becomes as it was when the image was made."""
        with self._write_lock:
            image.connection.backup(self._writer)
            self._tables = dict(image.tables)
            self.version = self._stored_version()

    def drop_unique(self, tx: Transaction, table: str, columns: tuple[str, ...]) -> None:
        """Removes the unique index over these columns."""
        tx.execute(f'DROP INDEX IF EXISTS "{_index_name(table, columns, unique=True)}"')

    # -- Transactions

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """The exclusive writing transaction; nested use joins the one that is open on this thread."""
        current: Transaction | None = getattr(self._local, "transaction", None)
        if current is not None and current.writable:
            yield current
            return
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            tx = Transaction(self, self._writer, writable=True)
            self._local.transaction = tx
            try:
                yield tx
                if tx.version != self.version:
                    tx.set_meta("version", str(tx.version))
                self._writer.execute("COMMIT")
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            finally:
                self._local.transaction = current
            self.version = tx.version
            self._tables.update(tx.definitions)
        for action in tx.take_on_commit():
            action()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A snapshot; inside a writing transaction of the same thread it is that transaction."""
        current: Transaction | None = getattr(self._local, "transaction", None)
        if current is not None:
            yield current
            return
        connection = self._reader()
        connection.execute("BEGIN")
        try:
            # The first read fixes the snapshot, so that the version below belongs to exactly this state.
            connection.execute("SELECT 1 FROM _meta LIMIT 1").fetchone()
            tx = Transaction(self, connection, writable=False)
            tx.version = int(tx.meta("version") or FIRST_VERSION)
            self._local.transaction = tx
            yield tx
        finally:
            self._local.transaction = None
            connection.execute("ROLLBACK")

    @contextmanager
    def savepoint(self, tx: Transaction) -> Iterator[None]:
        """A part of a writing transaction that can fail alone (a batch that continues on errors)."""
        tx.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            tx.execute("ROLLBACK TO part")
            tx.execute("RELEASE part")
            raise
        tx.execute("RELEASE part")

    def close(self) -> None:
        with self._write_lock:
            self._writer.execute("PRAGMA optimize")
            self._writer.close()

    # -- Helpers

    def _connect(self, cache_kib: int) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;"
            # A hundred threads read: no memory map, which each would hold of the whole file, and small caches.
            f"PRAGMA cache_size = -{cache_kib}; PRAGMA mmap_size = 0; PRAGMA case_sensitive_like = OFF;"
        )
        functions.register(connection)
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect(_READER_CACHE_KIB)
        return connection

    def _stored_version(self) -> int:
        found = self._writer.execute("SELECT value FROM _meta WHERE key = 'version'").fetchone()
        return int(found[0]) if found else FIRST_VERSION

    @staticmethod
    def _create_indexes(tx: Transaction, table: Table) -> None:
        for columns, unique in [
            *((columns, False) for columns in (*table.indexes, (VERSION,))),
            *((columns, True) for columns in table.unique),
        ]:
            name = _index_name(table.name, columns, unique=unique)
            listed = ", ".join(f'"{column}"' for column in columns)
            kind = "UNIQUE INDEX" if unique else "INDEX"
            tx.execute(
                f'CREATE {kind} IF NOT EXISTS "{name}" ON "{table.name}" ({listed}){_where(table, columns, unique)}'
            )


def _index_name(table: str, columns: tuple[str, ...], *, unique: bool) -> str:
    return f"{table}__{'__'.join(columns)}{'__unique' if unique else ''}"


def _where(table: Table, columns: tuple[str, ...], unique: bool) -> str:
    """Most lookups are empty in most rows; leaving those out of the index makes inserts a good deal cheaper."""
    if unique or len(columns) != 1 or columns[0] == VERSION or table.by_name[columns[0]].kind != "guid":
        return ""
    return f' WHERE "{columns[0]}" IS NOT NULL'
