"""What a reading has to remember until its end, in temporary tables, so that a million records cost no memory here."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection as database

from connector.records import WireRecord
from connector.wire import loads
from coupling.wire import WireEncoder
from syncjobs.engine import mirror
from syncjobs.engine.tables import TableReading


class SeenKeys:
    """Keys met during a reading."""

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


class ValuesBeside:
    """What other services show of the records, kept until the records themselves are read.

    Their values then go into the mirror with the record's own, in one write instead of one for each service.
    """

    def add(self, service: str, records: Sequence[WireRecord]) -> None:
        encode = WireEncoder().encode
        with database.cursor() as cursor:
            cursor.execute(
                "INSERT INTO values_beside SELECT %s, new.key, new.values FROM unnest(%s::uuid[], %s::text[]) "
                "AS new (key, values) ON CONFLICT (key, service) DO UPDATE SET values = excluded.values",
                [service, [str(record.key) for record in records], [encode(record.values) for record in records]],
            )

    def of(self, keys: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
        found: dict[UUID, dict[str, Any]] = {}
        with database.cursor() as cursor:
            cursor.execute(
                "SELECT key, values FROM values_beside WHERE key = ANY(%s::uuid[])", [[str(key) for key in keys]]
            )
            for key, values in cursor.fetchall():
                found.setdefault(key, {}).update(loads(values))
        return found


@contextmanager
def seen_keys() -> Iterator[SeenKeys]:
    """Empty at first; one at a time for each connection with the database."""
    _empty("seen_keys", "key uuid PRIMARY KEY")
    yield SeenKeys()


@contextmanager
def values_beside() -> Iterator[ValuesBeside]:
    """Empty at first and at last; one at a time for each connection with the database."""
    _empty("values_beside", "service text, key uuid, values text, PRIMARY KEY (key, service)")
    yield ValuesBeside()
    _empty("values_beside", "")


def _empty(table: str, columns: str) -> None:
    with database.cursor() as cursor:
        if columns:
            cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {table} ({columns})")
        cursor.execute(f"TRUNCATE {table}")
