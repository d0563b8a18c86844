"""Writes planned operations: one statement for a slice, whatever its size.

The model's own bulk insert costs more processor time than everything else that planning does; an operation that is
only written and never looked at here needs no model instance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection as database

from connector.choices import System
from coupling.wire import WireEncoder
from syncjobs.choices import OperationKind, OperationState

# An open operation of the same pair and system, planned by whoever, stays; ours is left out.
_INSERT = """
INSERT INTO syncjobs_operation (job_id, slice_id, connection_id, mapping_id, coupling_id, system, "table", record_id,
    bc_key, sales_key, record_name, kind, state, preview, before, after, expected_token, bc_base, sales_base, bc_token,
    sales_token, attempts, error_code, error_message, error_hint, error_details, created_at)
SELECT %(job)s, %(slice)s, %(connection)s, %(mapping)s, new.coupling_id, new.system,
    new.in_table, new.record_id, new.bc_key, new.sales_key,
    new.title, new.kind, new.state, FALSE, new.before::jsonb, new.after::jsonb, new.expected_token,
    new.bc_base::jsonb, new.sales_base::jsonb, new.bc_token, new.sales_token, 0, new.code, new.message, new.hint,
    new.details::jsonb, now()
FROM unnest(%(coupling_ids)s::bigint[], %(systems)s::text[], %(record_ids)s::uuid[], %(bc_keys)s::uuid[],
            %(sales_keys)s::uuid[], %(titles)s::text[], %(kinds)s::text[], %(states)s::text[], %(befores)s::text[],
            %(afters)s::text[], %(expected_tokens)s::text[], %(bc_bases)s::text[], %(sales_bases)s::text[],
            %(bc_tokens)s::text[], %(sales_tokens)s::text[], %(codes)s::text[], %(messages)s::text[],
            %(hints)s::text[], %(details)s::text[], %(tables)s::text[])
     WITH ORDINALITY
     AS new (coupling_id, system, record_id, bc_key, sales_key, title, kind, state, before, after, expected_token,
             bc_base, sales_base, bc_token, sales_token, code, message, hint, details, in_table, position)
ORDER BY new.position
ON CONFLICT DO NOTHING
RETURNING system, bc_key, sales_key
"""


@dataclass(slots=True)
class JournalRow:
    """An operation to be. The pair's keys are those its settled coupling will have, as far as they are known."""

    system: System
    table: str
    kind: OperationKind
    state: OperationState
    bc_key: UUID | None
    sales_key: UUID | None
    coupling_id: int | None = None
    record_id: UUID | None = None
    title: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    expected_token: str = ""
    bc_base: Mapping[str, Any] = field(default_factory=dict)
    sales_base: Mapping[str, Any] = field(default_factory=dict)
    bc_token: str = ""
    sales_token: str = ""
    code: str = ""
    message: str = ""
    hint: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, UUID | None, UUID | None]:
        """What at most one open operation of a mapping may have."""
        return str(self.system), self.bc_key, self.sales_key


def insert(
    rows: Sequence[JournalRow],
    *,
    job_id: int,
    slice_id: int | None,
    connection_id: int,
    mapping_id: int,
) -> set[tuple[str, UUID | None, UUID | None]]:
    """Inserts `rows` in their order; answers the identities of those that are in the journal now."""
    if not rows:
        return set()
    encode = WireEncoder().encode
    with database.cursor() as cursor:
        cursor.execute(
            _INSERT,
            {
                "job": job_id,
                "slice": slice_id,
                "connection": connection_id,
                "mapping": mapping_id,
                "coupling_ids": [row.coupling_id for row in rows],
                "systems": [str(row.system) for row in rows],
                "record_ids": [_text(row.record_id) for row in rows],
                "bc_keys": [_text(row.bc_key) for row in rows],
                "sales_keys": [_text(row.sales_key) for row in rows],
                "titles": [row.title[:500] for row in rows],
                "kinds": [str(row.kind) for row in rows],
                "states": [str(row.state) for row in rows],
                "befores": [encode(row.before) for row in rows],
                "afters": [encode(row.after) for row in rows],
                "expected_tokens": [row.expected_token for row in rows],
                "bc_bases": [encode(row.bc_base) for row in rows],
                "sales_bases": [encode(row.sales_base) for row in rows],
                "bc_tokens": [row.bc_token for row in rows],
                "sales_tokens": [row.sales_token for row in rows],
                "codes": [row.code for row in rows],
                "messages": [row.message for row in rows],
                "hints": [row.hint for row in rows],
                "details": [encode(row.details) for row in rows],
                "tables": [row.table for row in rows],
            },
        )
        return set(cursor.fetchall())


def _text(key: UUID | None) -> str | None:
    return str(key) if key is not None else None
