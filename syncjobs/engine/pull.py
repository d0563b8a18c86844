"""First step of a run: what changed in a remote table goes into the mirror, and its pairs become dirty.

A table is read for all mappings that use it, by one worker at a time. Each page is one transaction; the cursor moves
with the last one. A reader that dies repeats from the old cursor, which does no harm: unchanged rows are not written.

Deletions: Sales reports them. Business Central does not, so its count is compared and its keys are swept where the
counts differ. A full read (first time, other properties, expired cursor) finds them by the keys it did not see.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Protocol, TypeVar
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from connector.choices import System
from connector.clients import (
    BACKGROUND,
    ChangePage,
    Client,
    FirstPage,
    Meter,
    WireRecord,
    business_central_client,
    sales_client,
)
from connector.errors import RemoteError
from connector.http.session import Patience
from connector.models import Connection
from coupling.models import TableCursor
from syncjobs.choices import LogLevel
from syncjobs.constants import PAGE_ROWS, SWEEP_STOP_RECORDS, SWEEP_STOP_SHARE
from syncjobs.engine import locks, mirror
from syncjobs.engine.reading_memory import SeenKeys, ValuesBeside, seen_keys, values_beside
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
            return TableReader(reading, cursor, client, progress).read(sweep=sweep)
        except RemoteError as error:
            if error.code != CURSOR_EXPIRED:
                raise
            progress.log(
                f"Sales no longer remembers what changed in {table} since the last run; the whole table is read again."
            )
            cursor.cursor = ""
            return TableReader(reading, cursor, client, progress).read(sweep=sweep)


def refresh_records(*, reading: TableReading, keys: Iterable[UUID], client: Client, progress: Reports) -> set[UUID]:
    """Reads records live into the mirror; a record that is gone is marked deleted. Returns the keys that exist.

    A row that a write of ours renewed meanwhile is read once more, so that the mirror never goes back in time.
    """
    client = client_for(reading.table, client)
    found = set[UUID]()
    for part in _parts(keys, PAGE_ROWS):
        found |= _refresh(reading, part, client, progress)
    return found


def _refresh(reading: TableReading, wanted: list[UUID], client: Client, progress: Reports) -> set[UUID]:
    found = set[UUID]()
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


class TableReader:
    """One reading of a table. The caller holds the table's lock; `first` are pages that were asked for already."""

    def __init__(
        self,
        reading: TableReading,
        cursor: TableCursor,
        client: Client,
        progress: Reports,
        first: Mapping[str, FirstPage] | None = None,
    ) -> None:
        self.reading, self.cursor, self.client, self.progress = reading, cursor, client, progress
        self.first = dict(first or {})
        # Before the first request: whatever we write after this moment may be missing from the pages.
        self.started = timezone.now()
        self.full = not cursor.cursor or not set(reading.properties) <= set(cursor.properties)
        self.services = self._services()
        self.outcome = Pulled()
        self.newer: list[UUID] = []

    @property
    def stamped_services(self) -> list[TableCursor]:
        """Cursors of the services that can be asked for their changes."""
        return [cursor for cursor in self.services.values() if self._is_known(cursor) and cursor.cursor]

    def read(self, *, sweep: bool) -> Pulled:
        with seen_keys() as seen, values_beside() if self.full and self.services else nullcontext() as beside:
            if beside is not None:
                self._read_beside(beside)
            pages = self.client.read_changes(
                self.reading.table,
                properties=self.reading.properties,
                cursor=self.cursor.cursor,
                full=self.full,
                first=self.first.get(self.reading.table),
            )
            for page in pages:
                self._store_page(page, beside)
                if self.full:
                    seen.add(record.key for record in page.records)
                self.progress.beat()
            if self.full:
                self._delete_unseen(seen)
            elif self.reading.system == System.BUSINESS_CENTRAL and (sweep or self._count_differs()):
                self._sweep(seen)
        if self.full:
            for cursor in self.services.values():
                cursor.save()
        else:
            self._read_services()
        # Rows that a write of ours renewed while the pages were under way: only a live reading can tell.
        refresh_records(reading=self.reading, keys=self.newer, client=self.client, progress=self.progress)
        return self.outcome

    def _services(self) -> dict[str, TableCursor]:
        """Cursors of the services that show further properties of the records, by service."""
        names = list(self.reading.services)
        place = {"connection": self.reading.connection, "system": self.reading.system}
        known = {row.table: row for row in TableCursor.objects.filter(**place, table__in=names)} if names else {}
        return {name: known.get(name) or TableCursor(**place, table=name) for name in names}

    def _is_known(self, cursor: TableCursor) -> bool:
        """Whether the service was read for the properties that are wanted now."""
        return cursor.read_at is not None and set(self.reading.services[cursor.table]) <= set(cursor.properties)

    def _read_beside(self, beside: ValuesBeside) -> None:
        """All that other services show, before the records themselves are read: nothing newer can be missed."""
        for service, cursor in self.services.items():
            for page in self._service_pages(cursor, full=True):
                for records in _parts(page.records, PAGE_ROWS):
                    beside.add(service, records)
                self.progress.beat()

    def _read_services(self) -> None:
        """What changed in other services; everything where a service cannot tell, or was not read so far."""
        for cursor in self.services.values():
            for page in self._service_pages(cursor, full=not self._is_known(cursor)):
                for records in _parts(page.records, PAGE_ROWS):
                    with transaction.atomic():
                        stored = mirror.store_service(self.reading, records, read_at=self.started)
                    self.outcome.written += stored.written
                    self.newer += stored.newer
                self.progress.beat()
            cursor.save()

    def _service_pages(self, cursor: TableCursor, *, full: bool) -> Iterator[ChangePage]:
        """Moves the cursor with the last page, and leaves saving it to the caller."""
        names = list(self.reading.services[cursor.table])
        first = None if full else self.first.get(cursor.table)
        for page in self.client.read_changes(
            cursor.table, properties=names, cursor=cursor.cursor, full=full, first=first
        ):
            yield page
            if page.cursor is not None:
                cursor.cursor, cursor.read_at, cursor.properties = page.cursor, self.started, names

    def _store_page(self, page: ChangePage, beside: ValuesBeside | None) -> None:
        parts = list(_parts(page.records, PAGE_ROWS)) or [[]]
        for number, part in enumerate(parts, start=1):
            records = _joined(part, beside) if beside is not None else part
            with transaction.atomic():
                stored = mirror.store(self.reading, records, read_at=self.started)
                if number == len(parts):
                    self.outcome.deleted += len(mirror.mark_deleted(self.reading, page.deleted))
                    if page.cursor is not None:
                        self._move_cursor(page.cursor)
            self.outcome.written += stored.written
            self.newer += stored.newer

    def _move_cursor(self, cursor: str) -> None:
        self.cursor.cursor = cursor
        self.cursor.read_at = self.started
        if self.full:
            self.cursor.properties = self.reading.properties
            self.cursor.full_read_at = self.started
        self.cursor.save()

    def _count_differs(self) -> bool:
        first = self.first.get(self.reading.table)
        told = first.count if first is not None else None
        remote = told if told is not None else self.client.count(self.reading.table)
        return remote is not None and remote != self._alive()

    def _sweep(self, seen: SeenKeys) -> None:
        for keys in _parts(self.client.keys(self.reading.table), PAGE_ROWS):
            seen.add(keys)
            self.progress.beat()
        self._delete_unseen(seen)
        missing = seen.not_in_mirror(self.reading)
        if missing:
            refresh_records(reading=self.reading, keys=missing, client=self.client, progress=self.progress)
            self.outcome.written += len(missing)

    def _delete_unseen(self, seen: SeenKeys) -> None:
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


def _joined(records: Sequence[WireRecord], beside: ValuesBeside) -> list[WireRecord]:
    """The records with what other services show of them."""
    values = beside.of(record.key for record in records)
    return [replace(each, values={**each.values, **values.get(each.key, {})}) for each in records]


def _parts(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
