"""Bulk writes of planning to couplings: agreed values, marks, and couplings of recognised partners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.utils import timezone

from coupling.choices import CouplingOrigin
from coupling.models import Coupling, TableMapping
from coupling.wire import WireEncoder
from syncjobs.engine.views import PairView

# What both sides agree on ends every earlier failure.
_AGREE = """
UPDATE coupling_coupling coupling SET
    bc_base = coupling.bc_base || new.bc_base::jsonb, sales_base = coupling.sales_base || new.sales_base::jsonb,
    bc_token = new.bc_token, sales_token = new.sales_token, last_synchronised_at = now(), last_job_id = %(job)s,
    outside_filter = new.outside, missing = '', conflict = false, error_code = '', error_message = '',
    error_hint = '', error_details = '{}', error_target = '', error_fingerprint = '', failures = 0, failed_at = NULL,
    skipped_at = NULL
FROM unnest(%(ids)s::bigint[], %(bc_bases)s::text[], %(sales_bases)s::text[], %(bc_tokens)s::text[],
            %(sales_tokens)s::text[], %(outsides)s::text[])
     AS new (id, bc_base, sales_base, bc_token, sales_token, outside)
WHERE coupling.id = new.id
"""

_MARK = """
UPDATE coupling_coupling coupling SET conflict = new.conflict, missing = new.missing, outside_filter = new.outside
FROM unnest(%(ids)s::bigint[], %(conflicts)s::boolean[], %(missing)s::text[], %(outsides)s::text[])
     AS new (id, conflict, missing, outside)
WHERE coupling.id = new.id
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Both sides of a coupling agree; `bc_base` and `sales_base` are the newly agreed values."""

    coupling_id: int
    bc_base: Mapping[str, Any]
    sales_base: Mapping[str, Any]
    bc_token: str
    sales_token: str
    outside_filter: str


@dataclass(frozen=True, slots=True)
class Marks:
    coupling_id: int
    conflict: bool
    missing: str
    outside_filter: str


def agree(agreements: Sequence[Agreement], *, job_id: int) -> None:
    """Notes agreements in one statement."""
    if not agreements:
        return
    encode = WireEncoder().encode
    with database.cursor() as cursor:
        cursor.execute(
            _AGREE,
            {
                "job": job_id,
                "ids": [each.coupling_id for each in agreements],
                "bc_bases": [encode(each.bc_base) for each in agreements],
                "sales_bases": [encode(each.sales_base) for each in agreements],
                "bc_tokens": [each.bc_token for each in agreements],
                "sales_tokens": [each.sales_token for each in agreements],
                "outsides": [str(each.outside_filter) for each in agreements],
            },
        )


def mark(marks: Sequence[Marks]) -> None:
    """Sets conflict, missing side and filter marks in one statement."""
    if not marks:
        return
    with database.cursor() as cursor:
        cursor.execute(
            _MARK,
            {
                "ids": [each.coupling_id for each in marks],
                "conflicts": [each.conflict for each in marks],
                "missing": [str(each.missing) for each in marks],
                "outsides": [str(each.outside_filter) for each in marks],
            },
        )


def couple_adopted(
    mapping: TableMapping,
    pairs: Sequence[tuple[PairView, Mapping[str, Any], Mapping[str, Any]]],
    *,
    job_id: int,
) -> dict[tuple[UUID | None, UUID | None], int]:
    """Couples recognised partners; the values are what both sides agree on already.

    Answers the coupling's id by keys; a pair of which somebody coupled a record meanwhile is not among them.
    """
    rows = [
        Coupling(
            connection_id=mapping.connection_id,
            mapping=mapping,
            bc_table=mapping.business_central_table,
            bc_key=pair.bc.key,
            sales_table=mapping.sales_table,
            sales_key=pair.sales.key,
            bc_base=bc_base,
            sales_base=sales_base,
            bc_token=pair.bc.token,
            sales_token=pair.sales.token,
            origin=CouplingOrigin.ADOPTED,
            last_synchronised_at=timezone.now(),
            last_job_id=job_id,
        )
        for pair, bc_base, sales_base in pairs
        if pair.bc is not None and pair.sales is not None
    ]
    Coupling.objects.bulk_create(rows, ignore_conflicts=True)
    found = Coupling.objects.filter(mapping=mapping, bc_key__in=[row.bc_key for row in rows])
    return {(bc_key, sales_key): pk for pk, bc_key, sales_key in found.values_list("pk", "bc_key", "sales_key")}


def plain(value: Any) -> Any:
    """JSON of error details: decimals and ids as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Decimal | UUID) else value
