"""A job from start to end: who may start when, what is read first, slice after slice, and how it is closed.

Several workers may be on one job. Each holds the job's lock in shared form while it works, so that a job whose workers
all died can be told from one that is slow. Every change of state is a conditional update under a row lock; whoever
finds nothing left to do closes the job.

A worker that has to go leaves its slice open for another one. A cancelled or failed job gives its pairs back.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from connector.choices import System
from connector.errors import ErrorKind, HubError
from connector.services.setup import disable_if_broken
from coupling.choices import MappingKind
from coupling.models import Coupling
from syncjobs.choices import OPEN_OPERATION_STATES, JobMode, JobState, LogLevel, OperationState
from syncjobs.constants import PATIENCE_SECONDS, RESUMES
from syncjobs.documents.both_ways import carries_both_ways, exchange_orders
from syncjobs.documents.processes import run_order_mapping, run_process, runs_by_process
from syncjobs.documents.rehearsing import preview_orders, previews_both_ways
from syncjobs.engine import closing, fan_out, locks, work
from syncjobs.engine.accept import couple_accepted
from syncjobs.engine.apply import planned_operations, send
from syncjobs.engine.broken import find_broken
from syncjobs.engine.check import check_mapping
from syncjobs.engine.context import JobRun
from syncjobs.engine.deletions import hold_deletions
from syncjobs.engine.invoice_lines import read_lines
from syncjobs.engine.match import run_match
from syncjobs.engine.open_invoices import read_open_invoices
from syncjobs.engine.option_run import run_option_mapping
from syncjobs.engine.options import RunOptions
from syncjobs.engine.plan import plan_slice
from syncjobs.engine.progress import Progress, StopOnTermination
from syncjobs.engine.pull import refresh_records
from syncjobs.engine.readings import read_tables
from syncjobs.engine.recover import adopt_orphans, recover
from syncjobs.engine.rehearsal import rehearse
from syncjobs.engine.relations import read_relations
from syncjobs.engine.revert import plan_undo
from syncjobs.engine.rules import rule_for
from syncjobs.engine.settle import settle
from syncjobs.engine.steps import write_prerequisites
from syncjobs.engine.suggest import run_suggest
from syncjobs.models import JobSlice, Operation, SynchJob

logger = logging.getLogger(__name__)
_LOOK_SECONDS = 0.2


def run_job(job_id: int) -> bool:
    """Starts or resumes a job and works on it. Returns whether this call closed it."""
    return _enter(job_id, lead=True)


def work_on_job(job_id: int) -> bool:
    """Helps a running job. Returns whether this call closed it."""
    return _enter(job_id, lead=False)


def _enter(job_id: int, *, lead: bool) -> bool:
    progress = Progress(job_id)
    locks.lock_shared(locks.job_lock(job_id))
    try:
        with StopOnTermination(progress):
            job = _begin(job_id) if lead else _join(job_id)
            return job is not None and _Worker(job, progress).work()
    finally:
        locks.unlock_shared(locks.job_lock(job_id))


def _begin(job_id: int) -> SynchJob | None:
    """The job, running; None when it has ended or has to wait for another one."""
    with transaction.atomic():
        known = SynchJob.objects.filter(pk=job_id).first()
        if known is None:
            return None
        locks.lock_in_transaction(locks.start_lock(known.connection_id))
        job = SynchJob.objects.select_for_update(of=("self",)).select_related("connection", "mapping").get(pk=job_id)
        if job.state not in (JobState.QUEUED, JobState.INTERRUPTED, JobState.RUNNING):
            return None
        if job.paused:
            return None
        if job.state == JobState.QUEUED and (other := closing.blocker(job)) is not None:
            SynchJob.objects.filter(pk=job_id).update(
                message=f"Waits until {other.mapping} is done.", heartbeat_at=timezone.now()
            )
            return None
        if job.state != JobState.QUEUED:
            if not locks.is_free(locks.job_lock(job_id)):
                # Somebody is on it: help, as soon as there is something to share.
                return job if job.collected_at else None
            job.resumed += 1
        job.state = JobState.RUNNING
        job.message = ""
        job.started_at = job.started_at or timezone.now()
        job.heartbeat_at = timezone.now()
        job.save(update_fields=["state", "message", "started_at", "heartbeat_at", "resumed"])
    return job


def _join(job_id: int) -> SynchJob | None:
    return (
        SynchJob.objects.filter(pk=job_id, state=JobState.RUNNING, collected_at__isnull=False, paused=False)
        .select_related("connection", "mapping")
        .first()
    )


class _Worker:
    def __init__(self, job: SynchJob, progress: Progress) -> None:
        if job.mapping is None:
            raise ValueError(f"Job {job.pk} has no mapping.")
        self.job, self.progress = job, progress
        job.mapping.connection = job.connection
        self.run = JobRun(job, job.mapping, RunOptions.from_json(job.options), progress)
        self.slice_size = work.slice_size(job.total, fan_out.worker_count(job))

    def work(self) -> bool:
        try:
            self.progress.flush()
            self._check()
            if self.job.collected_at is None:
                self._prepare()
            self._work_slices()
            if self.progress.cancelled:
                self._drop_abandoned()
                return closing.close_cancelled(self.job)
            if self.progress.stopping:
                closing.leave(self.job)
                return False
            return closing.close(self.job)
        except DatabaseError:
            # The job's state cannot be told, let alone changed: the tick takes it up again.
            raise
        except HubError as error:
            return self._fail(error)
        except Exception:
            logger.exception("Job %s stopped", self.job.pk)
            return self._fail(
                HubError(
                    "The run stopped because of an error in the hub itself.",
                    code="engine.unexpected",
                    hint="Nothing is lost; the next run goes on. The worker's log has the details.",
                )
            )
        finally:
            self.progress.flush()

    def _fail(self, error: HubError) -> bool:
        self.progress.log(str(error), LogLevel.ERROR)
        closed = closing.close_failed(self.job, error)
        disable_if_broken(connection=self.job.connection, error=error)
        return closed

    def _check(self) -> None:
        if not self.job.connection.enabled:
            raise HubError(
                f"The connection {self.job.connection} is disabled.",
                kind=ErrorKind.CONFIG,
                code="connection.disabled",
                hint="Enable it on the Connection Setup page.",
            )
        if self.job.mode in _CARRYING and self.run.mapping.kind == MappingKind.RECORD:
            check_mapping(self.run.mapping, self.job.direction)
        if self.job.resumed > RESUMES:
            raise HubError(
                f"The run was taken up {RESUMES} times, and its worker died each time.",
                code="engine.worker_dies",
                hint="Look at the workers' memory and log; the next run goes on where this one stopped.",
            )

    def _prepare(self) -> None:
        if self.job.mode == JobMode.DOCUMENTS or runs_by_process(self.run):
            (run_process if self.job.mode == JobMode.DOCUMENTS else run_order_mapping)(self.run)
            SynchJob.objects.filter(pk=self.job.pk).update(collected_at=timezone.now())
            return
        prepare = _PREPARE.get(JobMode(self.job.mode), _prepare_pairs)
        if self.run.mapping.kind == MappingKind.OPTION:
            run_option_mapping(self.run)
            if self.progress.should_stop():
                # Its work is not in slices: whoever takes the job up has to begin it anew.
                return
        else:
            if (orphans := adopt_orphans(self.run)) is not None and locks.try_lock(locks.slice_lock(orphans.pk)):
                recover(self.run, orphans)
                self._process(orphans)
            prepare(self.run)
        SynchJob.objects.filter(pk=self.job.pk, collected_at__isnull=True).update(collected_at=timezone.now())
        self.slice_size = work.slice_size(self.job.total, fan_out.worker_count(self.job))
        if self.job.mode != JobMode.UNDO:  # whose slices have to be done one after the other
            fan_out.call_helpers(self.job, slices=-(-self.job.total // self.slice_size))

    def _work_slices(self) -> None:
        while not self.progress.should_stop():
            claimed = work.abandoned_slice(self.job)
            if claimed is not None:
                if self.job.resumed or self.progress.meter.requests:
                    self.progress.log("A worker went away; its records are checked and taken over.")
                recover(self.run, claimed)
            else:
                claimed = self._plan_next()
            if claimed is None:
                return
            self._process(claimed)

    def _drop_abandoned(self) -> None:
        """A cancelled job's slices whose worker died end too."""
        while (claimed := work.abandoned_slice(self.job)) is not None:
            recover(self.run, claimed)
            closing.drop_planned(self.job, claimed)
            work.close_slice(claimed)

    def _plan_next(self) -> JobSlice | None:
        """Claims and plans the next pairs in one transaction."""
        with transaction.atomic():
            claimed = work.claim_slice(self.job, self.slice_size)
            if claimed is None:
                return None
            outcome = plan_slice(self.job, claimed.slice, claimed.pairs)
            waiting = Operation.objects.filter(slice=claimed.slice, state=OperationState.PLANNED, preview=False)
            pairs = waiting.annotate(pair=Coalesce("bc_key", "sales_key")).values("pair").distinct().count()
            SynchJob.objects.filter(pk=self.job.pk).update(done=F("done") + len(claimed.pairs) - pairs)
            closing.add_to_plan(self.job, outcome.plan)
        for level, message in outcome.log:
            self.progress.log(message, level)
        if outcome.put_back:
            self.progress.log(f"{outcome.put_back:,} records are in another run's hands; the next run takes them.")
        return claimed.slice

    def _process(self, claimed: JobSlice) -> None:
        """Sends what the slice has planned until all of it has ended; leaves it open when the worker has to go."""
        while operations := planned_operations(claimed):
            by_id = {operation.pk: operation for operation in operations}
            open_writes = Counter(_pair(operation) for operation in operations)
            unknown = False
            for system, results in send(self.run, operations):
                outcome = settle(self.run, system, by_id, results)
                unknown = unknown or bool(outcome.unknown)
                open_writes.subtract(_pair(by_id[result.ref]) for result in results)
                pairs = {_pair(by_id[result.ref]) for result in results} - {_pair(each) for each in outcome.extra}
                self._count_done(sum(1 for pair in pairs if open_writes[pair] <= 0))
            if unknown:
                self.progress.log("Some answers never came; the records are looked at before anything is repeated.")
                recover(self.run, claimed)
            if self.progress.should_stop():
                break
        if not self.progress.should_stop():
            work.close_slice(claimed)
        elif self.progress.stopping and not (self.progress.cancelled or self.progress.ended):
            locks.unlock(locks.slice_lock(claimed.pk))
        else:
            recover(self.run, claimed)
            closing.drop_planned(self.job, claimed)
            work.close_slice(claimed)

    def _count_done(self, pairs: int) -> None:
        if pairs:
            SynchJob.objects.filter(pk=self.job.pk).update(done=F("done") + pairs)


def _pair(operation: Operation) -> UUID | None:
    key: UUID | None = operation.bc_key or operation.sales_key
    return key


def _prepare_pairs(run: JobRun) -> None:
    """Reads what the run is about and hands its pairs to the job."""
    rule = rule_for(run.mapping.name)
    read_tables(run)
    if run.options.only_pairs:
        _wait_for_others(run)
        _read_selected(run)
    if carries_both_ways(run):
        exchange_orders(run)
    if rule.reads_relations:
        read_relations(run)
    if rule.reads_invoice_lines:
        if not run.options.only_pairs:
            read_open_invoices(run)
        read_lines(run)
    hold_deletions(run)
    if run.job.mode == JobMode.PREVIEW:
        rehearse(run)
        if previews_both_ways(run):
            preview_orders(run)
        return
    write_prerequisites(run)
    work.collect(run.job, run.mapping, run.options)


def _wait_for_others(run: JobRun) -> None:
    """Somebody waits for these pairs: writes of another run that are under way for them are let through first."""
    named = Q(bc_key__in=[pair.bc_key for pair in run.options.pairs if pair.bc_key]) | Q(
        sales_key__in=[pair.sales_key for pair in run.options.pairs if pair.sales_key]
    )
    busy = Operation.objects.filter(
        named, mapping=run.mapping, preview=False, state__in=OPEN_OPERATION_STATES, job__state=JobState.RUNNING
    ).exclude(job=run.job)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while busy.exists() and time.monotonic() < deadline and not run.progress.should_stop():
        time.sleep(_LOOK_SECONDS)


def _read_selected(run: JobRun) -> None:
    """Reads the named pairs live, both sides of coupled ones."""
    keys: dict[System, set[UUID]] = {
        System.BUSINESS_CENTRAL: {pair.bc_key for pair in run.options.pairs if pair.bc_key},
        System.SALES: {pair.sales_key for pair in run.options.pairs if pair.sales_key},
    }
    coupled = Coupling.objects.filter(mapping=run.mapping)
    for bc_key, sales_key in [
        *coupled.filter(bc_key__in=keys[System.BUSINESS_CENTRAL]).values_list("bc_key", "sales_key"),
        *coupled.filter(sales_key__in=keys[System.SALES]).values_list("bc_key", "sales_key"),
    ]:
        keys[System.BUSINESS_CENTRAL].add(bc_key)
        keys[System.SALES].add(sales_key)
    for system in System:
        if keys[system]:
            refresh_records(
                reading=run.reading(system),
                keys=list(keys[system]),
                client=run.client(system),
                progress=run.progress,
            )


_CARRYING = (JobMode.MODIFIED, JobMode.FULL, JobMode.PREVIEW, JobMode.SELECTED, JobMode.CREATE, JobMode.RESTORE)
"""Modes that carry values from one side to the other."""

_PREPARE: Mapping[JobMode, Callable[[JobRun], None]] = {
    JobMode.UNDO: plan_undo,
    JobMode.BROKEN: find_broken,
    JobMode.MATCH: run_match,
    JobMode.COUPLE: couple_accepted,
    JobMode.SUGGEST: run_suggest,
}
