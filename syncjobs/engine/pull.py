"""First step of a run: what changed in a remote table goes into the mirror, and its pairs become dirty.

A table is read for all mappings that use it, by one worker at a time. Each page is one transaction; the cursor moves
with the last one. A reader that dies repeats from the old cursor, which does no harm: unchanged rows are not written.

Deletions: Sales reports them. Business Central does not, so its count is compared and its keys are swept where the
counts differ. A full read (first time, other properties, expired cursor) finds them by the keys it did not see.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connector.choices import System
from connector.clients import BACKGROUND, ChangePage, Client, Meter, business_central_client, sales_client
from connector.errors import RemoteError
from connector.http.session import Patience
from connector.models import Connection
from coupling.models import TableCursor
from syncjobs.choices import LogLevel
from syncjobs.constants import PAGE_ROWS, SWEEP_STOP_RECORDS, SWEEP_STOP_SHARE
from syncjobs.engine import locks, mirror
from syncjobs.engine.tables import TableReading
from syncjobs.engine.unit_groups import client_for

CURSOR_EXPIRED = "sales.delta_expired"
_REREADS = 3
_Item = TypeVar("_Item")


@dataclass(slots=True)
class Pulled:
    """`written` and `deleted` count mirror rows; `skipped` says that another worker had just read the table."""

    written: int = 0
    deleted: int = 0
    skipped: bool = False


class Reports(Protocol):
    """Where a pull reports to: a job's progress, or nobody."""

    meter: Meter

    def log(self, message: str, level: LogLevel = LogLevel.INFO) -> None:
        """A line for people."""

    def beat(self) -> None:
        """Called between requests."""


def client_of(connection: Connection, system: System, meter: Meter, patience: Patience = BACKGROUND) -> Client:
    """A client of one of the connection's systems. Raises RemoteError when its settings are incomplete."""
    make = business_central_client if system == System.BUSINESS_CENTRAL else sales_client
    return make(connection, meter=meter, patience=patience)


def pull_table(
    *,
    connection: Connection,
    system: System,
    table: str,
    client: Client,
    progress: Reports,
    wanted_since: datetime,
    sweep: bool = False,
    full: bool = False,
) -> Pulled:
    """Brings the mirror of one remote table up to date.

    A reading that another worker began after `wanted_since` is good enough. `sweep` looks for deletions in any case,
    `full` reads everything, whatever the cursor says.
    Raises RemoteError when the table cannot be read; what was read before stays, the cursor does not move.
    """
    reading, client = TableReading(connection, system, table), client_for(table, client)
    with locks.waiting_lock(table_lock(reading), while_waiting=progress.beat):
        cursor, _ = TableCursor.objects.get_or_create(connection=connection, system=system, table=table)
        if cursor.read_at and cursor.read_at >= wanted_since and not sweep:
            return Pulled(skipped=True)
        if full:
            cursor.cursor = ""
        try:
            return _Reader(reading, cursor, client, progress).read(sweep=sweep)
        except RemoteError as error:
            if error.code != CURSOR_EXPIRED:
                raise
            progress.log(
                f"Sales no longer remembers what changed in {table} since the last run; the whole table is read again."
            )
            cursor.cursor = ""
            return _Reader(reading, cursor, client, progress).read(sweep=sweep)


def refresh_records(*, reading: TableReading, keys: Sequence[UUID], client: Client, progress: Reports) -> set[UUID]:
    """Reads records live into the mirror; a record that is gone is marked deleted. Returns the keys that exist.

    A row that a write of ours renewed meanwhile is read once more, so that the mirror never goes back in time.
    """
    client = client_for(reading.table, client)
    wanted, found = list(keys), set[UUID]()
    for _ in range(_REREADS):
        if not wanted:
            break
        read_at = timezone.now()
        records = client.read_records(reading.table, wanted, properties=reading.properties)
        beside = [
            client.read_records(service, list(records), properties=names)
            for service, names in reading.services.items()
            if records
        ]
        found |= records.keys()
        with transaction.atomic():
            outcome = mirror.store(reading, list(records.values()), read_at=read_at)
            for shown in beside:
                mirror.store_service(reading, list(shown.values()), read_at=read_at)
            mirror.mark_deleted(reading, [key for key in wanted if key not in records])
        wanted = outcome.newer
        progress.beat()
    return found


def table_lock(reading: TableReading) -> str:
    return locks.table_lock(reading.connection.pk, reading.system, reading.table)


class _Reader:
    def __init__(self, reading: TableReading, cursor: TableCursor, client: Client, progress: Reports) -> None:
        self.reading, self.cursor, self.client, self.progress = reading, cursor, client, progress
        # Before the first request: whatever we write after this moment may be missing from the pages.
        self.started = timezone.now()
        self.full = not cursor.cursor or not set(reading.properties) <= set(cursor.properties)
        self.outcome = Pulled()
        self.newer: list[UUID] = []

    def read(self, *, sweep: bool) -> Pulled:
        with _seen_keys() as seen:
            pages = self.client.read_changes(
                self.reading.table, properties=self.reading.properties, cursor=self.cursor.cursor, full=self.full
            )
            for page in pages:
                self._store_page(page)
                if self.full:
                    seen.add(record.key for record in page.records)
                self.progress.beat()
            if self.full:
                self._delete_unseen(seen)
            elif self.reading.system == System.BUSINESS_CENTRAL and (sweep or self._count_differs()):
                self._sweep(seen)
        for service, names in self.reading.services.items():
            self._read_service(service, names)
        # Rows that a write of ours renewed while the pages were under way: only a live reading can tell.
        refresh_records(reading=self.reading, keys=self.newer, client=self.client, progress=self.progress)
        return self.outcome

    def _store_page(self, page: ChangePage) -> None:
        parts = list(_parts(page.records, PAGE_ROWS)) or [[]]
        for number, records in enumerate(parts, start=1):
            with transaction.atomic():
                stored = mirror.store(self.reading, records, read_at=self.started)
                if number == len(parts):
                    self.outcome.deleted += len(mirror.mark_deleted(self.reading, page.deleted))
                    if page.cursor is not None:
                        self._move_cursor(page.cursor)
            self.outcome.written += stored.written
            self.newer += stored.newer

    def _read_service(self, service: str, names: Sequence[str]) -> None:
        """Properties of the same records that another service shows, with a cursor of their own."""
        cursor, _ = TableCursor.objects.get_or_create(
            connection=self.reading.connection, system=self.reading.system, table=service
        )
        # A table that was read completely may have rows that this service showed before they were there.
        full = self.full or not cursor.cursor or not set(names) <= set(cursor.properties)
        pages = self.client.read_changes(service, properties=names, cursor=cursor.cursor, full=full)
        for page in pages:
            for records in _parts(page.records, PAGE_ROWS):
                with transaction.atomic():
                    stored = mirror.store_service(self.reading, records, read_at=self.started)
                self.outcome.written += stored.written
                self.newer += stored.newer
            if page.cursor is not None:
                cursor.cursor, cursor.read_at, cursor.properties = page.cursor, self.started, list(names)
                cursor.save()
            self.progress.beat()

    def _move_cursor(self, cursor: str) -> None:
        self.cursor.cursor = cursor
        self.cursor.read_at = self.started
        if self.full:
            self.cursor.properties = self.reading.properties
            self.cursor.full_read_at = self.started
        self.cursor.save()

    def _count_differs(self) -> bool:
        remote = self.client.count(self.reading.table)
        return remote is not None and remote != self._alive()

    def _sweep(self, seen: "_SeenKeys") -> None:
        for keys in _parts(self.client.keys(self.reading.table), PAGE_ROWS):
            seen.add(keys)
            self.progress.beat()
        self._delete_unseen(seen)
        missing = seen.not_in_mirror(self.reading)
        if missing:
            refresh_records(reading=self.reading, keys=missing, client=self.client, progress=self.progress)
            self.outcome.written += len(missing)

    def _delete_unseen(self, seen: "_SeenKeys") -> None:
        gone, alive = seen.unseen(self.reading, before=self.started), self._alive()
        if len(gone) > max(SWEEP_STOP_RECORDS, SWEEP_STOP_SHARE * alive):
            self.progress.log(
                f"{len(gone)} of {alive} records of {self.reading.table} seem to be gone from "
                f"{self.reading.system.label}. So many at once are not taken for deletions: check that the hub may "
                "still read them all. Nothing was marked as deleted.",
                LogLevel.WARNING,
            )
            return
        if gone:
            with transaction.atomic():
                self.outcome.deleted += len(mirror.mark_deleted(self.reading, gone))

    def _alive(self) -> int:
        model = mirror.model_of(self.reading.system)
        return model.objects.of_table(self.reading.connection.pk, self.reading.table).alive().count()


class _SeenKeys:
    """Keys met during a reading, in a temporary table, so that a million of them cost no memory here."""

    def add(self, keys: Iterable[UUID]) -> None:
        with database.cursor() as cursor:
            cursor.execute(
                "INSERT INTO seen_keys SELECT unnest(%s::uuid[]) ON CONFLICT DO NOTHING", [[str(key) for key in keys]]
            )

    def unseen(self, reading: TableReading, *, before: datetime) -> list[UUID]:
        """Live rows of the mirror that were not met; rows newer than the reading are left out."""
        known = mirror.model_of(reading.system)._meta.db_table
        return self._keys(
            f'SELECT key FROM {known} known WHERE connection_id = %s AND "table" = %s AND deleted_at IS NULL '  # noqa: S608
            "AND read_at <= %s AND NOT EXISTS (SELECT FROM seen_keys seen WHERE seen.key = known.key)",
            [reading.connection.pk, reading.table, before],
        )

    def not_in_mirror(self, reading: TableReading) -> list[UUID]:
        known = mirror.model_of(reading.system)._meta.db_table
        return self._keys(
            f"SELECT key FROM seen_keys seen WHERE NOT EXISTS (SELECT FROM {known} known WHERE known.key = seen.key "  # noqa: S608
            'AND connection_id = %s AND "table" = %s AND deleted_at IS NULL)',
            [reading.connection.pk, reading.table],
        )

    def _keys(self, statement: str, arguments: list[Any]) -> list[UUID]:
        with database.cursor() as cursor:
            cursor.execute(statement, arguments)
            return [row[0] for row in cursor.fetchall()]


@contextmanager
def _seen_keys() -> Iterator[_SeenKeys]:
    with database.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS seen_keys (key uuid PRIMARY KEY)")
        cursor.execute("TRUNCATE seen_keys")
    yield _SeenKeys()


def _parts(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
