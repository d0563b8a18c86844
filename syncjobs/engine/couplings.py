"""Couplings as settled writes leave them: created, agreed on new values, pointed at a restored record, or removed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection as database

from connector.choices import System
from coupling.choices import CouplingOrigin
from coupling.models import Coupling
from coupling.wire import WireEncoder
from syncjobs.choices import JobMode, OperationKind
from syncjobs.models import Operation, SynchJob

_CREATE = """
INSERT INTO coupling_coupling (connection_id, mapping_id, bc_table, bc_key, sales_table, sales_key, bc_base, sales_base,
    bc_token, sales_token, origin, created_by_id, created_at, last_synchronised_at, last_job_id, error_code,
    error_message, error_hint, error_details, error_target, error_fingerprint, failures, conflict, missing,
    outside_filter)
SELECT %(connection)s, %(mapping)s, %(bc_table)s, new.bc_key, %(sales_table)s, new.sales_key, new.bc_base::jsonb,
    new.sales_base::jsonb, new.bc_token, new.sales_token, %(origin)s, %(user)s, now(), now(), %(job)s, '', '', '', '{}',
    '', '', 0, false, '', ''
FROM unnest(%(bc_keys)s::uuid[], %(sales_keys)s::uuid[], %(bc_bases)s::text[], %(sales_bases)s::text[],
            %(bc_tokens)s::text[], %(sales_tokens)s::text[])
     AS new (bc_key, sales_key, bc_base, sales_base, bc_token, sales_token)
ON CONFLICT DO NOTHING
RETURNING id, bc_key, sales_key
"""

# A success lifts only the failure of its own direction. A restored record takes the place of the one that is gone.
_AGREE = """
UPDATE coupling_coupling coupling SET
    bc_key = coalesce(new.bc_key, coupling.bc_key), sales_key = coalesce(new.sales_key, coupling.sales_key),
    missing = CASE WHEN new.bc_key IS NULL AND new.sales_key IS NULL THEN coupling.missing ELSE '' END,
    bc_base = coupling.bc_base || new.bc_base::jsonb, sales_base = coupling.sales_base || new.sales_base::jsonb,
    bc_token = coalesce(nullif(new.bc_token, ''), coupling.bc_token),
    sales_token = coalesce(nullif(new.sales_token, ''), coupling.sales_token),
    last_synchronised_at = now(), last_job_id = %(job)s, conflict = false,
    error_code = CASE WHEN lifts THEN '' ELSE error_code END,
    error_message = CASE WHEN lifts THEN '' ELSE error_message END,
    error_hint = CASE WHEN lifts THEN '' ELSE error_hint END,
    error_details = CASE WHEN lifts THEN '{}' ELSE error_details END,
    error_target = CASE WHEN lifts THEN '' ELSE error_target END,
    error_fingerprint = CASE WHEN lifts THEN '' ELSE error_fingerprint END,
    failures = CASE WHEN lifts THEN 0 ELSE failures END,
    failed_at = CASE WHEN lifts THEN NULL ELSE failed_at END,
    skipped_at = CASE WHEN lifts THEN NULL ELSE skipped_at END
FROM (
    SELECT given.*, known.error_target IN ('', given.target) AS lifts
    FROM unnest(%(ids)s::bigint[], %(targets)s::text[], %(bc_keys)s::uuid[], %(sales_keys)s::uuid[],
                %(bc_bases)s::text[], %(sales_bases)s::text[], %(bc_tokens)s::text[], %(sales_tokens)s::text[])
         AS given (id, target, bc_key, sales_key, bc_base, sales_base, bc_token, sales_token)
    JOIN coupling_coupling known ON known.id = given.id
) new
WHERE coupling.id = new.id
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A create or update that was written: the record's key and its token afterwards."""

    operation: Operation
    key: UUID
    token: str


class NewCoupling(NamedTuple):
    """A coupling that was made, as far as anybody asks."""

    id: int
    bc_key: UUID
    sales_key: UUID


@dataclass(slots=True)
class Agreed:
    """`created` couplings, `coupling_ids` by operation id, and creates that `lost` against another coupling."""

    created: list[NewCoupling] = field(default_factory=list)
    coupling_ids: dict[int, int] = field(default_factory=dict)
    lost: list[Agreement] = field(default_factory=list)


def agree(job: SynchJob, agreements: Sequence[Agreement]) -> Agreed:
    """Both sides of the pairs now hold what the operations say. Part of the caller's transaction."""
    outcome = Agreed()
    if job.mode != JobMode.UNDO:
        # An undo has taken the link away before it writes the values back.
        _create(job, [each for each in agreements if not each.operation.coupling_id], outcome)
    _update(job, [each for each in agreements if each.operation.coupling_id])
    return outcome


def remove(coupling_ids: Sequence[int]) -> None:
    Coupling.objects.filter(pk__in=coupling_ids).delete()


def _create(job: SynchJob, agreements: Sequence[Agreement], outcome: Agreed) -> None:
    creating: dict[tuple[UUID | None, UUID | None], Agreement] = {
        _pair(each): each for each in agreements if all(_pair(each))
    }
    if not creating or job.mapping is None:
        return
    mapping = job.mapping
    rows = list(creating.values())
    bc_keys = [str(bc_key) for bc_key, _ in creating]
    arguments: dict[str, Any] = {
        "connection": job.connection_id,
        "mapping": mapping.pk,
        "bc_table": mapping.business_central_table,
        "sales_table": mapping.sales_table,
        "origin": CouplingOrigin.CREATED,
        "user": job.user_id,
        "job": job.pk,
        **_columns(rows),
    }
    arguments["bc_keys"] = bc_keys
    arguments["sales_keys"] = [str(sales_key) for _, sales_key in creating]
    with database.cursor() as cursor:
        cursor.execute(_CREATE, arguments)
        outcome.created += [NewCoupling(*row) for row in cursor.fetchall()]
    found: dict[tuple[UUID | None, UUID | None], int] = {(row.bc_key, row.sales_key): row.id for row in outcome.created}
    if len(found) < len(creating):
        # Made before, by whoever settled the write first, or by a person.
        present = Coupling.objects.filter(mapping=mapping, bc_key__in=bc_keys)
        found.update({(bc_key, sales_key): pk for pk, bc_key, sales_key in present.values_list(*NewCoupling._fields)})
    for pair, each in creating.items():
        if pair in found:
            outcome.coupling_ids[each.operation.pk] = found[pair]
        else:
            outcome.lost.append(each)


def _update(job: SynchJob, agreements: Sequence[Agreement]) -> None:
    # Both systems of a pair may be in one group; a statement may touch a row once only.
    for system in System:
        rows = [each for each in agreements if each.operation.system == system]
        if not rows:
            continue
        restored = [each.key if each.operation.kind == OperationKind.CREATE else None for each in rows]
        bc = system == System.BUSINESS_CENTRAL
        none: list[UUID | None] = [None] * len(rows)
        arguments: dict[str, Any] = {
            "job": job.pk,
            "ids": [each.operation.coupling_id for each in rows],
            "targets": [str(system)] * len(rows),
            "bc_keys": [str(key) if key else None for key in (restored if bc else none)],
            "sales_keys": [str(key) if key else None for key in (none if bc else restored)],
            **_columns(rows),
        }
        with database.cursor() as cursor:
            cursor.execute(_AGREE, arguments)


def _columns(rows: Sequence[Agreement]) -> dict[str, list[str]]:
    encode = WireEncoder().encode
    return {
        "bc_bases": [encode(each.operation.bc_base) for each in rows],
        "sales_bases": [encode(each.operation.sales_base) for each in rows],
        "bc_tokens": [_token(each, System.BUSINESS_CENTRAL) for each in rows],
        "sales_tokens": [_token(each, System.SALES) for each in rows],
    }


def _token(each: Agreement, system: System) -> str:
    if each.operation.system == system:
        return each.token
    token: str = each.operation.bc_token if system == System.BUSINESS_CENTRAL else each.operation.sales_token
    return token


def _pair(each: Agreement) -> tuple[UUID | None, UUID | None]:
    if each.operation.system == System.BUSINESS_CENTRAL:
        return each.key, each.operation.sales_key
    return each.operation.bc_key, each.key
