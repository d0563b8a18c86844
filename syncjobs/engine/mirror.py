"""Bulk writes of the mirror, and the dirty pairs that go with them.

Everything here is a fixed number of statements for any number of records. Callers own the transaction: a mirror row and
the dirty pairs it causes have to be committed together.

A row remembers when it was read. Reading and writing overlap between workers, so a page that was asked for before a
write of ours was answered must not put the older values back: such rows are reported as `newer` and read again.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection as database

from connector.choices import System
from connector.clients import WireRecord
from coupling.models import BusinessCentralRecord, RemoteRecord, SalesRecord
from coupling.services.search import search_text
from coupling.wire import WireEncoder
from syncjobs.engine.keys import key_array
from syncjobs.engine.tables import TableReading

_BLANK = (None, "", 0, False, "0001-01-01", "0001-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000")
"""What a system fills in by itself for a value that nobody sent."""

_UPSERT = """
INSERT INTO {table} (connection_id, "table", key, number, name, token, modified_at, deleted_at, values, search_text,
    read_at)
SELECT %s, %s, new.key, new.number, new.name, new.token, new.modified_at, NULL, new.values::jsonb, new.search_text, %s
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[])
     AS new (key, number, name, token, modified_at, values, search_text)
ON CONFLICT (connection_id, "table", key) DO UPDATE SET
    number = excluded.number, name = excluded.name, token = excluded.token, modified_at = excluded.modified_at,
    deleted_at = NULL, values = excluded.values, search_text = excluded.search_text, read_at = excluded.read_at
WHERE {table}.read_at <= excluded.read_at
RETURNING key
"""

_MERGE = """
INSERT INTO {table} (connection_id, "table", key, number, name, token, modified_at, deleted_at, values, search_text,
    read_at)
SELECT %s, %s, new.key, new.number, new.name, new.token, new.modified_at, NULL, new.values::jsonb, new.search_text,
       clock_timestamp()
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[])
     AS new (key, number, name, token, modified_at, values, search_text)
ON CONFLICT (connection_id, "table", key) DO UPDATE SET
    number = excluded.number, name = excluded.name, token = excluded.token,
    modified_at = coalesce(excluded.modified_at, {table}.modified_at), deleted_at = NULL,
    values = {table}.values || excluded.values, search_text = excluded.search_text, read_at = excluded.read_at
"""

_ADD = """
UPDATE {table} known SET values = known.values || new.values::jsonb, read_at = %(read_at)s
FROM unnest(%(keys)s::uuid[], %(values)s::text[]) AS new (key, values)
WHERE known.connection_id = %(connection)s AND known."table" = %(table)s AND known.key = new.key
  AND known.read_at <= %(read_at)s
RETURNING known.key
"""

_LIFT_MARKS = """
UPDATE coupling_coupling SET error_code = '', error_message = '', error_hint = '', error_details = '{}',
    error_target = '', error_fingerprint = '', failures = 0, failed_at = NULL, skipped_at = NULL
WHERE connection_id = %(connection)s AND skipped_at IS NOT NULL
  AND CASE WHEN %(bc)s THEN bc_table = %(table)s AND bc_key = ANY(%(keys)s::uuid[])
           ELSE sales_table = %(table)s AND sales_key = ANY(%(keys)s::uuid[]) END
"""

_MARK_DIRTY = """
INSERT INTO coupling_dirtypair (mapping_id, pair_key, bc_key, sales_key, since, job_id)
SELECT mapping.id, coalesce(coupled.bc_key, changed.key),
       coalesce(coupled.bc_key, CASE WHEN %(bc)s THEN changed.key END),
       coalesce(coupled.sales_key, CASE WHEN %(bc)s THEN NULL ELSE changed.key END), now(), NULL
FROM unnest(%(mappings)s::bigint[], %(keys)s::uuid[]) AS changed (mapping_id, key)
JOIN coupling_tablemapping mapping ON mapping.id = changed.mapping_id
LEFT JOIN coupling_coupling coupled ON coupled.connection_id = mapping.connection_id
    AND CASE WHEN %(bc)s THEN coupled.bc_table = %(table)s AND coupled.bc_key = changed.key
             ELSE coupled.sales_table = %(table)s AND coupled.sales_key = changed.key END
WHERE coupled.mapping_id = mapping.id
   OR (coupled.id IS NULL AND NOT %(coupled_only)s AND NOT mapping.synch_only_coupled_records)
ON CONFLICT (mapping_id, pair_key, job_id) DO UPDATE SET
    bc_key = coalesce(coupling_dirtypair.bc_key, excluded.bc_key),
    sales_key = coalesce(coupling_dirtypair.sales_key, excluded.sales_key)
"""


@dataclass(slots=True)
class Stored:
    """What became of records that were read: keys changed per mapping, and keys whose row is newer than the reading."""

    written: int = 0
    changed: dict[int, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    newer: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OwnWrite:
    """A record after a write of ours: values as sent, and as answered where there are any.

    `token` None keeps what the row has: the write went to another service of the table.
    """

    key: UUID
    values: Mapping[str, Any]
    token: str | None
    returned: Mapping[str, Any] | None = None


def model_of(system: System) -> type[RemoteRecord]:
    return BusinessCentralRecord if system == System.BUSINESS_CENTRAL else SalesRecord


def store(reading: TableReading, records: Sequence[WireRecord], *, read_at: datetime) -> Stored:
    """Writes records that were asked for at `read_at` and notes which mappings' pairs they make dirty."""
    # A record that changed while its table was paged through may come twice; the later one counts.
    records = list({record.key: record for record in records}.values())
    known = _known(reading, [record.key for record in records])
    return _store(reading, records, known, read_at)


def store_service(reading: TableReading, records: Sequence[WireRecord], *, read_at: datetime) -> Stored:
    """Adds what another service shows of the same records; token and search words stay those of the own table."""
    records = list({record.key: record for record in records}.values())
    known = _known(reading, [record.key for record in records])
    outcome = Stored()
    rows = {}
    for record in records:
        old = known.get(record.key)
        if old is None or old.deleted_at or _has(old.values, record.values):
            continue
        if old.read_at > read_at:
            outcome.newer.append(record.key)
        else:
            rows[record.key] = record
    if rows:
        encode = WireEncoder().encode
        with database.cursor() as cursor:
            cursor.execute(
                _ADD.format(table=model_of(reading.system)._meta.db_table),
                {
                    "read_at": read_at,
                    "connection": reading.connection.pk,
                    "table": reading.table,
                    "keys": [str(key) for key in rows],
                    "values": [encode(record.values) for record in rows.values()],
                },
            )
            written = {row[0] for row in cursor.fetchall()}
        _note_written(reading, outcome, rows, known, written)
    return outcome


def store_own(reading: TableReading, writes: Sequence[OwnWrite]) -> list[UUID]:
    """Notes what our own writes made of the records, so that reading them back is no change.

    Returns the keys of records that hold more than was sent: the system filled in or changed other watched values.
    """
    known = _known(reading, [write.key for write in writes])
    wanted = set(reading.properties).union(*reading.services.values())
    records, surprising = [], []
    for write in writes:
        old = known.get(write.key)
        values = {**(old.values if old else {}), **write.values}
        for name, value in (write.returned or {}).items():
            if name not in wanted:
                continue
            if name not in write.values and _differs(values, name, value) and _is_watched(reading, name):
                surprising.append(write.key)
            values[name] = value
        token = write.token if write.token is not None else (old.token if old else "")
        records.append(WireRecord(write.key, values, token, None))
    _write_rows(_MERGE, reading, records, None)
    return surprising


def mark_deleted(reading: TableReading, keys: Sequence[UUID]) -> list[UUID]:
    """Sets `deleted_at`; returns the keys that were alive. Coupled pairs become dirty, unknown keys are ignored."""
    if not keys:
        return []
    model = model_of(reading.system)
    with database.cursor() as cursor:
        cursor.execute(
            f"UPDATE {model._meta.db_table} SET deleted_at = clock_timestamp(), read_at = clock_timestamp() "  # noqa: S608
            'WHERE connection_id = %s AND "table" = %s AND key = ANY(%s::uuid[]) AND deleted_at IS NULL RETURNING key',
            [reading.connection.pk, reading.table, [str(key) for key in keys]],
        )
        gone = [row[0] for row in cursor.fetchall()]
    for mapping in reading.mappings:
        mark_dirty(reading, [mapping.pk] * len(gone), gone, coupled_only=True)
    return gone


def mark_dirty(
    reading: TableReading, mapping_ids: Sequence[int], keys: Sequence[UUID], *, coupled_only: bool = False
) -> None:
    """Pairs of the records become dirty, under the mapping they are coupled with or any that may couple them.

    A record that changed gets another chance: its coupling is no longer skipped.
    """
    if not keys:
        return
    arguments: dict[str, Any] = {
        "connection": reading.connection.pk,
        "mappings": list(mapping_ids),
        "keys": [str(key) for key in keys],
        "bc": reading.system == System.BUSINESS_CENTRAL,
        "table": reading.table,
        "coupled_only": coupled_only,
    }
    with database.cursor() as cursor:
        cursor.execute(_MARK_DIRTY, arguments)
        cursor.execute(_LIFT_MARKS, arguments)


def _store(
    reading: TableReading, records: Sequence[WireRecord], known: Mapping[UUID, Any], read_at: datetime
) -> Stored:
    outcome = Stored()
    rows = {}
    for record in records:
        old = known.get(record.key)
        if old is not None and old.read_at > read_at:
            outcome.newer.append(record.key)
        elif old is None or old.deleted_at or old.token != record.token or not _has(old.values, record.values):
            rows[record.key] = record
    # Properties of other services stay in the row.
    merged = [
        WireRecord(
            key,
            {**known[key].values, **record.values} if key in known and not known[key].deleted_at else record.values,
            record.token,
            record.modified_at,
        )
        for key, record in rows.items()
    ]
    written = _write_rows(_UPSERT, reading, merged, read_at)
    _note_written(reading, outcome, rows, known, written)
    return outcome


def _note_written(
    reading: TableReading,
    outcome: Stored,
    rows: Mapping[UUID, WireRecord],
    known: Mapping[UUID, Any],
    written: set[UUID],
) -> None:
    outcome.written = len(written)
    for key, record in rows.items():
        if key not in written:
            outcome.newer.append(key)
            continue
        for mapping_id in _changed_mappings(reading, known.get(key), record.values):
            outcome.changed[mapping_id].append(key)
    for mapping_id, keys in outcome.changed.items():
        mark_dirty(reading, [mapping_id] * len(keys), keys)


def _has(old: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return all(name in old and old[name] == value for name, value in values.items())


def _known(reading: TableReading, keys: Sequence[UUID]) -> dict[UUID, Any]:
    rows = (
        model_of(reading.system)
        .objects.of_table(reading.connection.pk, reading.table)
        .filter(key__in=key_array(keys))
        .only("key", "token", "values", "deleted_at", "read_at", "modified_at")
    )
    return {row.key: row for row in rows}


def _write_rows(
    statement: str, reading: TableReading, records: Sequence[WireRecord], read_at: datetime | None
) -> set[UUID]:
    if not records:
        return set()
    encode = WireEncoder().encode
    numbers = [reading.number(record.values) for record in records]
    names = [reading.name(record.values) for record in records]
    columns: list[Any] = [
        [str(record.key) for record in records],
        numbers,
        names,
        [record.token for record in records],
        [record.modified_at for record in records],
        [encode(record.values) for record in records],
        [
            search_text(record.values, number=number, name=name)
            for record, number, name in zip(records, numbers, names, strict=True)
        ],
    ]
    head: list[Any] = [reading.connection.pk, reading.table]
    if read_at is not None:
        head.append(read_at)
    with database.cursor() as cursor:
        cursor.execute(statement.format(table=model_of(reading.system)._meta.db_table), [*head, *columns])
        return {row[0] for row in cursor.fetchall()} if cursor.description else set()


def _changed_mappings(reading: TableReading, old: Any, values: Mapping[str, Any]) -> list[int]:
    if old is None or old.deleted_at:
        return list(reading.watched)
    changed = {name for name, value in values.items() if _differs(old.values, name, value)}
    return [pk for pk, watched in reading.watched.items() if changed & watched] if changed else []


def _differs(old: Mapping[str, Any], name: str, value: Any) -> bool:
    # A row that we created lacks what only the system adds: blanks, and annotations of values that we know.
    return old[name] != value if name in old else value not in _BLANK and "@" not in name


def _is_watched(reading: TableReading, name: str) -> bool:
    return any(name in watched for watched in reading.watched.values())
