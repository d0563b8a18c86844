"""Failure marks of couplings: what failed, how often, and when it is not tried again by itself.

The rule: a data error marks the pair failing. The same error (code and offending value) in the same direction in the
next run marks it skipped. Transient and throttled errors never mark; a missing privilege marks but never skips, since
it says nothing about the record; neither does what waits for a person's word.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection as database

from connector.choices import System
from connector.errors import ErrorKind, HubError
from coupling.models import TableMapping
from coupling.wire import WireEncoder
from syncjobs.engine.options import PairRef
from syncjobs.engine.work import put_back

NEVER_MARKS = frozenset({ErrorKind.TRANSIENT, ErrorKind.THROTTLED, ErrorKind.CONFIG})
_NEVER_SKIPS = frozenset({ErrorKind.PERMISSION, ErrorKind.CONFLICT})

_MARK = """
UPDATE coupling_coupling coupling SET
    error_code = new.code, error_message = new.message, error_hint = new.hint, error_details = new.details::jsonb,
    error_target = new.target, error_fingerprint = new.fingerprint, failed_at = now(), last_job_id = %(job)s,
    failures = CASE WHEN NOT same THEN 1 WHEN seen THEN failures ELSE failures + 1 END,
    skipped_at = CASE WHEN same AND new.may_skip AND (failures > 1 OR NOT seen) THEN coalesce(skipped_at, now()) END
FROM (
    SELECT given.*, known.error_fingerprint = given.fingerprint AND known.error_target = given.target
               AND known.failures > 0 AS same,
           known.last_job_id IS NOT DISTINCT FROM %(job)s AND known.failed_at IS NOT NULL AS seen
    FROM unnest(%(ids)s::bigint[], %(targets)s::text[], %(codes)s::text[], %(messages)s::text[], %(hints)s::text[],
                %(details)s::text[], %(fingerprints)s::text[], %(may_skip)s::boolean[])
         AS given (id, target, code, message, hint, details, fingerprint, may_skip)
    JOIN coupling_coupling known ON known.id = given.id
) new
WHERE coupling.id = new.id
RETURNING coupling.id, coupling.skipped_at IS NOT NULL
"""

_LIFT_COUPLED = """
UPDATE coupling_coupling SET error_code = '', error_message = '', error_hint = '', error_details = '{}',
    error_target = '', error_fingerprint = '', failures = 0, failed_at = NULL, skipped_at = NULL
WHERE connection_id = %(connection)s AND error_code <> ''
  AND error_details ->> 'mapping' = %(mapping)s AND error_details ->> 'number' = ANY(%(names)s::text[])
RETURNING mapping_id, bc_key, sales_key
"""

_LIFT_UNCOUPLED = """
SELECT DISTINCT mapping_id, bc_key, sales_key FROM syncjobs_operation
WHERE connection_id = %(connection)s AND state = 'failed' AND coupling_id IS NULL AND NOT preview
  AND error_details ->> 'mapping' = %(mapping)s AND error_details ->> 'number' = ANY(%(names)s::text[])
"""


_WAITS = """
SELECT EXISTS (SELECT FROM coupling_coupling
               WHERE connection_id = %(connection)s AND error_code <> '' AND error_details ->> 'mapping' = %(mapping)s)
    OR EXISTS (SELECT FROM syncjobs_operation
               WHERE connection_id = %(connection)s AND state = 'failed' AND coupling_id IS NULL AND NOT preview
                 AND error_details ->> 'mapping' = %(mapping)s)
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """A pair that could not be brought to `target`. `details` of a missing partner: its mapping and number."""

    coupling_id: int
    target: System
    kind: ErrorKind
    code: str
    message: str
    hint: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""

    @classmethod
    def from_error(cls, coupling_id: int, target: System, error: HubError) -> "Failure":
        return cls(
            coupling_id,
            target,
            error.kind,
            error.code,
            str(error),
            error.hint,
            error.details,
            fingerprint(error.code, error.details.get("value") or error.details.get("field") or str(error)),
        )


def fingerprint(code: str, value: Any) -> str:
    """What makes two errors the same: their code and the value that was refused."""
    return hashlib.sha256(f"{code}\n{value}".encode()).hexdigest()


def mark_failures(failures: Sequence[Failure], *, job_id: int) -> set[int]:
    """Marks the couplings in one statement; returns the ids of those that are skipped from now on.

    A second failure within the same job counts once: only another run shows that the error stays.
    """
    marking = {each.coupling_id: each for each in failures if each.kind not in NEVER_MARKS}
    if not marking:
        return set()
    rows = list(marking.values())
    encode = WireEncoder().encode
    with database.cursor() as cursor:
        cursor.execute(
            _MARK,
            {
                "job": job_id,
                "ids": [row.coupling_id for row in rows],
                "targets": [str(row.target) for row in rows],
                "codes": [row.code for row in rows],
                "messages": [row.message for row in rows],
                "hints": [row.hint for row in rows],
                "details": [encode(dict(row.details)) for row in rows],
                "fingerprints": [row.fingerprint or fingerprint(row.code, row.message) for row in rows],
                "may_skip": [row.kind not in _NEVER_SKIPS for row in rows],
            },
        )
        return {pk for pk, skipped in cursor.fetchall() if skipped}


def anything_waits_for(mapping: TableMapping) -> bool:
    """Whether any record failed because one of the mapping's had no partner; mostly none did."""
    with database.cursor() as cursor:
        cursor.execute(_WAITS, {"connection": mapping.connection_id, "mapping": mapping.name})
        return bool(cursor.fetchone()[0])


def lift_dependents(*, mapping: TableMapping, names: Sequence[str]) -> None:
    """Records that failed because one of the now coupled records had no partner get another chance.

    `names`: what the failed records may have called it: its number, name or key on either side.
    """
    arguments: dict[str, Any] = {"connection": mapping.connection_id, "mapping": mapping.name, "names": list(names)}
    with database.cursor() as cursor:
        cursor.execute(_LIFT_COUPLED, arguments)
        waiting = cursor.fetchall()
        cursor.execute(_LIFT_UNCOUPLED, arguments)
        waiting += cursor.fetchall()
    by_mapping: dict[int, list[PairRef]] = {}
    for mapping_id, bc_key, sales_key in waiting:
        by_mapping.setdefault(mapping_id, []).append(PairRef(bc_key, sales_key))
    for mapping_id, pairs in by_mapping.items():
        put_back(job_id=None, mapping_id=mapping_id, pairs=pairs)
