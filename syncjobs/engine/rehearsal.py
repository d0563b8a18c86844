"""A preview: the run itself, rehearsed in a transaction that is rolled back, with an answer for every request made up.

Planning, settling and the steps that follow are those of a real run, so the operations are the ones it would make,
further rows included. In the preview of a full synchronisation the mappings that a line depends on are rehearsed before
it, as far as their own previews create or couple something: what they would couple is there for the line's lookups.

Nothing leaves the hub, and of what was rehearsed only the list of operations is kept, on disk until the transaction is
gone. A number that Business Central would assign reads "(new 1)".
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import UUID, uuid5

from django.db import DatabaseError, transaction
from django.utils import timezone

from connector.bulk import WriteResult, WriteStatus
from connector.choices import System
from connector.errors import HubError
from coupling.choices import MappingKind
from coupling.models import Coupling, TableMapping
from syncjobs.choices import JobMode, JobState, LogLevel, OperationKind, OperationState
from syncjobs.constants import LARGEST_SLICE
from syncjobs.engine import closing, work
from syncjobs.engine.apply import mark_sent, planned_operations, record_key
from syncjobs.engine.context import JobRun
from syncjobs.engine.made_up import Systems
from syncjobs.engine.option_run import rehearse_options
from syncjobs.engine.options import RunOptions
from syncjobs.engine.plan import plan_slice
from syncjobs.engine.progress import Progress
from syncjobs.engine.settle import settle
from syncjobs.engine.steps import plan_prerequisites
from syncjobs.models import FullSynchLine, JobSlice, Operation, SynchJob

_COUNTERS = ("inserted", "modified", "unchanged", "skipped", "failed", "coupled", "uncoupled", "deleted", "conflicts")
_COPIED = (
    *("system", "table", "record_id", "bc_key", "sales_key", "record_name", "kind", "state", "before", "after"),
    *("expected_token", "bc_base", "sales_base", "bc_token", "sales_token", "coupling_id"),
    *("error_code", "error_message", "error_hint", "error_details"),
)
_NOBODY = UUID("2b1d0c86-5b0e-4b52-9a7c-7d1f2f6f5d10")
_CREATES = ("create_in_sales", "create_in_business_central", "couple")


def rehearse(run: JobRun) -> None:
    """Rehearses the run of a preview job whose tables were read, and leaves its operations, counters and plan."""
    with TemporaryFile() as spool:
        with _explained(), transaction.atomic():
            systems = Systems(run.connection)
            for line in _parents(run):
                _Rehearsal(run, systems, line.mapping, line.direction, JobMode.FULL).perform(None)
            rehearsal = _Rehearsal(run, systems, run.mapping, run.job.direction, _mode(run))
            rehearsal.perform(spool)
            transaction.set_rollback(True)
        _keep(run, rehearsal, systems, spool)


@contextmanager
def _explained() -> Iterator[None]:
    """Nothing was kept, so what the database refuses fails the preview and is not taken up again."""
    try:
        yield
    except DatabaseError as error:
        raise HubError(
            f"The preview could not be worked out: {error}",
            code="engine.rehearsal",
            hint="Nothing was written. Preview fewer mappings at once.",
        ) from error


def _mode(run: JobRun) -> JobMode:
    return JobMode.FULL if run.job.full_synch_line_id else JobMode.MODIFIED


def _parents(run: JobRun) -> list[FullSynchLine]:
    """Earlier lines of the same full synchronisation that this one builds on and that would couple something."""
    if run.job.full_synch_line is None:
        return []
    lines = {
        line.mapping.name: line
        for line in run.job.full_synch_line.full_synch.lines.select_related("mapping").order_by("order", "id")
    }
    wanted, waiting = set(), list(run.job.full_synch_line.depends_on)
    while waiting:
        name = waiting.pop()
        if name in lines and name not in wanted:
            wanted.add(name)
            waiting += lines[name].depends_on
    return [
        line
        for name, line in lines.items()
        if name in wanted and line.plan and any(line.plan.get(key) for key in _CREATES)
    ]


class _Silent(Progress):
    """Reports to nobody, since its job is gone with the transaction; stops when the real one is cancelled."""

    def __init__(self, job_id: int, real: Progress) -> None:
        super().__init__(job_id)
        self.real = real
        self.meter = real.meter

    def log(self, message: str, level: LogLevel = LogLevel.INFO) -> None:
        self.real.log(message, level)

    def flush(self) -> None:
        self.real.cancelled = SynchJob.objects.values_list("cancel_requested", flat=True).get(pk=self.real.job_id)
        self.cancelled = self.real.cancelled


class _Rehearsal:
    """One mapping's run, inside the transaction."""

    def __init__(self, real: JobRun, systems: Systems, mapping: TableMapping, direction: str, mode: JobMode) -> None:
        mapping.connection = real.connection
        self.real, self.systems, self.mode = real, systems, mode
        self.plan: Counter[str] = Counter()
        self.counters: dict[str, int] = {}
        self.total = 0
        options = real.options if mapping.pk == real.mapping.pk else RunOptions(ignore_only_coupled=True)
        self.job = SynchJob.objects.create(
            connection=real.connection,
            mapping=mapping,
            mode=mode,
            direction=direction,
            trigger=real.job.trigger,
            state=JobState.RUNNING,
            options=options.to_json(),
        )
        self.run = JobRun(self.job, mapping, options, _Silent(self.job.pk, real.progress), _clients=real.clients)

    def perform(self, spool: IO[bytes] | None) -> None:
        """Plans and settles everything; the operations go to `spool`, slice by slice."""
        if self.run.mapping.kind == MappingKind.OPTION:
            rehearse_options(self.run)
            return
        claimed = plan_prerequisites(self.run)
        if claimed is not None:
            self._process(claimed, spool)
        self.total = work.collect(self.job, self.run.mapping, self.run.options)
        self.job.collected_at = timezone.now()
        while (part := work.claim_slice(self.job, LARGEST_SLICE)) is not None:
            outcome = plan_slice(self.job, part.slice, part.pairs)
            self.plan.update(outcome.plan)
            for level, message in outcome.log if spool is not None else ():
                self.real.progress.log(message, level)
            self._process(part.slice, spool)
            if self.run.progress.should_stop():
                break
        row = SynchJob.objects.get(pk=self.job.pk)
        self.counters = {name: getattr(row, name) for name in _COUNTERS}

    def _process(self, claimed: JobSlice, spool: IO[bytes] | None) -> None:
        while operations := planned_operations(claimed):
            by_id = {operation.pk: operation for operation in operations}
            for system in (System.SALES, System.BUSINESS_CENTRAL):
                mine = [operation for operation in operations if operation.system == system]
                for start in range(0, len(mine), LARGEST_SLICE):
                    self._answer(system, mine[start : start + LARGEST_SLICE], by_id)
        if spool is not None:
            pickle.dump(list(Operation.objects.filter(slice=claimed).order_by("id").values(*_COPIED)), spool)
        work.close_slice(claimed)

    def _answer(self, system: System, operations: Sequence[Operation], by_id: dict[int, Operation]) -> None:
        if not operations:
            return
        mark_sent([_Sent(operation.pk) for operation in operations])  # type: ignore[misc]
        results = [self._result(system, operation) for operation in operations]
        settle(self.run, system, by_id, results)
        self.systems.follow(self.run, system, operations, results)

    def _result(self, system: System, operation: Operation) -> WriteResult:
        key = record_key(operation)
        values = None
        if key is None:
            key = uuid5(_NOBODY, str(operation.pk))
            values = self.systems.assigned(self.run, operation, key)
        return WriteResult(operation.pk, WriteStatus.DONE, key, "", values, None)


class _Sent:
    """What marking as sent looks at of a write."""

    def __init__(self, ref: int) -> None:
        self.ref = ref


def _keep(run: JobRun, rehearsal: _Rehearsal, systems: Systems, spool: IO[bytes]) -> None:
    """One transaction with the mark that the job has been collected, so that a preview is there whole or not at all."""
    job = run.job
    with transaction.atomic():
        known = set(Coupling.objects.filter(mapping=run.mapping).values_list("pk", flat=True))
        for rows in _parts(spool):
            Operation.objects.bulk_create(_preview(run, row, systems.made_up, known) for row in rows)
        closing.add_to_plan(job, rehearsal.plan)
        SynchJob.objects.filter(pk=job.pk).update(
            total=rehearsal.total, done=rehearsal.total, collected_at=timezone.now(), **rehearsal.counters
        )
    job.total = rehearsal.total


def _parts(spool: IO[bytes]) -> Iterator[list[dict[str, Any]]]:
    spool.seek(0)
    while True:
        try:
            yield pickle.load(spool)  # noqa: S301 - written a moment ago, into a file without a name
        except EOFError:
            return


def _preview(run: JobRun, row: dict[str, Any], made_up: set[UUID], known: set[int]) -> Operation:
    """An operation as a preview shows it: planned, without keys that nobody has yet."""
    for name in ("record_id", "bc_key", "sales_key"):
        if row[name] in made_up:
            row[name] = None
    if row["coupling_id"] not in known:
        row["coupling_id"] = None
    if row["state"] in (OperationState.SETTLED, OperationState.SENT):
        row["state"] = OperationState.PLANNED
    if row["kind"] == OperationKind.CREATE and row["state"] == OperationState.PLANNED and row["record_id"] is None:
        row["bc_key"] = None
    return Operation(job=run.job, connection=run.connection, mapping=run.mapping, preview=True, **row)
