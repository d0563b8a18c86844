"""Bulk ends of operations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection as database

from coupling.wire import WireEncoder
from syncjobs.choices import OperationState

_END = """
UPDATE syncjobs_operation operation SET
    state = ended.state, settled_at = clock_timestamp(),
    record_id = coalesce(ended.record_id, operation.record_id),
    bc_key = CASE WHEN operation.system = 'business_central' THEN coalesce(ended.record_id, bc_key) ELSE bc_key END,
    sales_key = CASE WHEN operation.system = 'sales' THEN coalesce(ended.record_id, sales_key) ELSE sales_key END,
    coupling_id = coalesce(ended.coupling_id, operation.coupling_id),
    error_code = ended.code, error_message = ended.message, error_hint = ended.hint,
    error_details = ended.details::jsonb
FROM unnest(%s::bigint[], %s::text[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[])
     AS ended (id, state, record_id, coupling_id, code, message, hint, details)
WHERE operation.id = ended.id
"""


@dataclass(frozen=True, slots=True)
class Ending:
    """How one operation ended. `record_id` of the record written, `coupling_id` of the coupling it made."""

    operation_id: int
    state: OperationState
    record_id: UUID | None = None
    coupling_id: int | None = None
    code: str = ""
    message: str = ""
    hint: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def end_operations(endings: Sequence[Ending]) -> None:
    """Writes the ends in one statement."""
    if not endings:
        return
    encode = WireEncoder().encode
    with database.cursor() as cursor:
        cursor.execute(
            _END,
            [
                [each.operation_id for each in endings],
                [str(each.state) for each in endings],
                [str(each.record_id) if each.record_id else None for each in endings],
                [each.coupling_id for each in endings],
                [each.code for each in endings],
                [each.message for each in endings],
                [each.hint for each in endings],
                [encode(dict(each.details)) for each in endings],
            ],
        )
