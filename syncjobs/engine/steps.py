"""Writes to further rows that a pair needs besides its own two records: a product's price list items, for example.

A step is planned when everything before it has been written, and it follows from what the mirror holds: after a crash
the next planning of the pair finds what is missing, and a step that was written already is never planned again. Steps
are operations of their own and travel in bulk with those of the other pairs.

`bc_key` names the pair a step belongs to, `record_id` the row it writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.db.models import Q

from connector.bulk import WriteResult
from connector.choices import System
from coupling.models import FieldMapping
from coupling.wire import WireEncoder
from syncjobs.choices import OPEN_OPERATION_STATES, OperationKind, OperationState
from syncjobs.engine import locks, mirror, work
from syncjobs.engine.apply import planned_operations, record_key, send
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.context import JobRun
from syncjobs.engine.journal_rows import JournalRow, insert
from syncjobs.engine.load import load_slice
from syncjobs.engine.options import PairRef
from syncjobs.engine.results import Problem
from syncjobs.engine.rules import rule_for
from syncjobs.engine.writes import PlannedWrite
from syncjobs.models import JobSlice, Operation

BC, SALES = System.BUSINESS_CENTRAL, System.SALES

# Values that a step gave a record which is coupled itself are no change of that record.
_AGREE_BESIDE = """
UPDATE coupling_coupling coupling SET
    bc_base = coupling.bc_base || new.bc_base::jsonb, sales_base = coupling.sales_base || new.sales_base::jsonb,
    {token} = coalesce(nullif(new.token, ''), coupling.{token})
FROM unnest(%(keys)s::uuid[], %(tables)s::text[], %(bc_bases)s::text[], %(sales_bases)s::text[], %(tokens)s::text[])
     AS new (key, in_table, bc_base, sales_base, token)
WHERE coupling.connection_id = %(connection)s AND coupling.{table} = new.in_table AND coupling.{key} = new.key
"""

_LIFT = """
UPDATE coupling_coupling SET error_code = '', error_message = '', error_hint = '', error_details = '{}',
    error_target = '', error_fingerprint = '', failures = 0, failed_at = NULL, skipped_at = NULL,
    last_synchronised_at = now(), last_job_id = %(job)s
WHERE id = ANY(%(ids)s) AND error_target IN ('', %(target)s)
"""


def is_step(run: JobRun, operation: Operation) -> bool:
    """Whether the operation writes to a row beside the pair's own records."""
    reading = run.reading(System(operation.system))
    return operation.table != reading.table and operation.table not in reading.services


def settle_steps(run: JobRun, system: System, done: Sequence[tuple[Operation, WriteResult]]) -> None:
    """The mirror and the couplings after steps were written. Part of the caller's transaction."""
    by_table: dict[str, list[tuple[Operation, WriteResult]]] = {}
    owners = _owner_tables(run, system, {operation.table for operation, _ in done})
    for operation, result in done:
        by_table.setdefault(owners[operation.table], []).append((operation, result))
    for table, written in by_table.items():
        gone = [
            key for operation, _ in written if operation.kind == OperationKind.DELETE and (key := record_key(operation))
        ]
        mirror.mark_deleted(run.reading(system, table), gone)
        written = [pair for pair in written if pair[0].kind != OperationKind.DELETE]
        # Two pairs may have asked for the same row.
        rows = {
            key: (operation, result) for operation, result in written if (key := result.key or record_key(operation))
        }
        mirror.store_own(
            run.reading(system, table),
            [
                mirror.OwnWrite(key, _sent(operation), _token(operation, table, result), returned=result.values)
                for key, (operation, result) in rows.items()
            ],
        )
    if done:
        _agree_beside(run, system, done, owners)


def already_written(run: JobRun, operations: Sequence[Operation]) -> set[UUID]:
    """Pairs of these operations that the slice wrote before: what follows belongs to the same change."""
    if not rule_for(run.mapping.name).has_steps:
        return set()
    slices = {operation.slice_id for operation in operations}
    keys = {operation.bc_key for operation in operations if operation.bc_key}
    before = Operation.objects.filter(slice_id__in=slices, bc_key__in=keys, state=OperationState.SETTLED)
    return {key for key in before.exclude(preview=True).values_list("bc_key", flat=True) if key}


def next_steps(run: JobRun, slice_id: int | None, written: Iterable[UUID]) -> list[Operation]:
    """Steps of pairs, by their BC keys, of which a write of this slice has just been settled; open ones come first.

    A pair with a failure in this slice is left to the next run.
    """
    rule, keys = rule_for(run.mapping.name), set(written)
    if not rule.has_steps or not keys:
        return []
    busy = Operation.objects.filter(mapping=run.mapping, bc_key__in=keys, preview=False).filter(
        Q(state__in=OPEN_OPERATION_STATES) | Q(state=OperationState.FAILED, slice_id=slice_id)
    )
    keys -= set(busy.values_list("bc_key", flat=True))
    blueprint = Blueprint.of(run.mapping).limited_to(run.job.direction)
    loaded = load_slice(blueprint, run.connection, [PairRef(key, None) for key in keys], run.options)
    found = []
    for pair in loaded.pairs:
        if pair.coupling is None or pair.bc is None or pair.sales is None:
            continue
        steps = rule.steps(blueprint, pair, loaded.lookups)
        # A problem is reported by the next planning of the pair, which meets it again.
        for write in () if isinstance(steps, Problem) else steps:
            if write.system in blueprint.targets:
                found.append(_operation(run, slice_id, pair.coupling.id, pair.bc.key, pair.sales.key, write))
    return found


def write_prerequisites(run: JobRun) -> None:
    """Writes what the mapping's rule wants to exist before any pair is planned.

    One slice of its own, taken up again like any other when its worker dies.
    """
    while (abandoned := work.abandoned_slice(run.job)) is not None:
        _process(run, abandoned)
    claimed = plan_prerequisites(run)
    if claimed is not None:
        _process(run, claimed)


def plan_prerequisites(run: JobRun) -> JobSlice | None:
    """Plans the rows that have to exist first, in a slice that this session holds; None where nothing is missing."""
    blueprint = Blueprint.of(run.mapping).limited_to(run.job.direction)
    writes = [
        write
        for write in rule_for(run.mapping.name).prerequisites(blueprint, run.connection)
        if write.system in blueprint.targets
    ]
    if not writes:
        return None
    with transaction.atomic():
        claimed = JobSlice.objects.create(job=run.job)
        insert(
            [
                JournalRow(
                    system=write.system,
                    table=write.table,
                    kind=write.kind,
                    state=OperationState.PLANNED,
                    bc_key=None,
                    sales_key=write.record_id,
                    record_id=write.record_id,
                    title=write.title,
                    after=write.after,
                    bc_base=write.bc_base,
                    sales_base=write.sales_base,
                )
                for write in writes
            ],
            job_id=run.job.pk,
            slice_id=claimed.pk,
            connection_id=run.connection.pk,
            mapping_id=run.mapping.pk,
        )
    locks.try_lock(locks.slice_lock(claimed.pk))
    return claimed


def _process(run: JobRun, claimed: JobSlice) -> None:
    # Both of them settle, and settling plans steps.
    from syncjobs.engine.recover import recover
    from syncjobs.engine.settle import settle

    recover(run, claimed)
    while (operations := planned_operations(claimed)) and not run.progress.should_stop():
        by_id = {operation.pk: operation for operation in operations}
        unknown = False
        for system, results in send(run, operations):
            unknown = bool(settle(run, system, by_id, results).unknown) or unknown
        if unknown:
            recover(run, claimed)
    if not run.progress.should_stop():
        work.close_slice(claimed)


def _operation(
    run: JobRun, slice_id: int | None, coupling_id: int, bc_key: UUID, sales_key: UUID, write: PlannedWrite
) -> Operation:
    return Operation(
        job=run.job,
        slice_id=slice_id,
        connection=run.connection,
        mapping=run.mapping,
        coupling_id=coupling_id,
        system=write.system,
        table=write.table or run.mapping.table(write.system),
        record_id=write.record_id,
        bc_key=bc_key,
        # Where several rows of one pair are written at once, the row tells the operations apart.
        sales_key=write.record_id if write.is_step and write.system == SALES else sales_key,
        record_name=write.title[:500],
        kind=write.kind,
        expected_token=write.expected_token,
        before=dict(write.before),
        after=dict(write.after),
        bc_base=dict(write.bc_base),
        sales_base=dict(write.sales_base),
    )


def _sent(operation: Operation) -> dict[str, Any]:
    sent: dict[str, Any] = operation.sales_base if operation.system == SALES else operation.bc_base
    return sent


def _owner_tables(run: JobRun, system: System, tables: set[str]) -> dict[str, str]:
    """The table whose records each of `tables` shows: itself, or another where it merely serves some properties."""
    owners = {table: table for table in tables}
    if system == BC:
        served = FieldMapping.objects.filter(mapping__connection=run.connection, business_central_service__in=tables)
        owners.update(served.values_list("business_central_service", "mapping__business_central_table").distinct())
    return owners


def _token(operation: Operation, table: str, result: WriteResult) -> str | None:
    return result.token if operation.table == table else None


def _agree_beside(
    run: JobRun, system: System, done: Sequence[tuple[Operation, WriteResult]], owners: Mapping[str, str]
) -> None:
    encode = WireEncoder().encode
    updates = [(operation, result) for operation, result in done if operation.kind == OperationKind.UPDATE]
    with database.cursor() as cursor:
        if updates:
            cursor.execute(
                _AGREE_BESIDE.format(table=f"{_short(system)}_table", key=f"{_short(system)}_key",
                                     token=f"{_short(system)}_token"),
                {
                    "connection": run.connection.pk,
                    "keys": [str(record_key(operation)) for operation, _ in updates],
                    "tables": [owners[operation.table] for operation, _ in updates],
                    "bc_bases": [encode(operation.bc_base) for operation, _ in updates],
                    "sales_bases": [encode(operation.sales_base) for operation, _ in updates],
                    "tokens": [
                        _token(operation, owners[operation.table], result) or "" for operation, result in updates
                    ],
                },
            )  # fmt: skip
        ids = [operation.coupling_id for operation, _ in done if operation.coupling_id]
        cursor.execute(_LIFT, {"job": run.job.pk, "ids": ids, "target": str(system)})


def _short(system: System) -> str:
    return "bc" if system == BC else "sales"
