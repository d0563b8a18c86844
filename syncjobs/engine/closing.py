"""Ends of jobs: succeeded, partly, failed, cancelled, or left for another worker; and who may start next."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from connector.errors import HubError
from syncjobs.choices import JobMode, JobState, OperationState
from syncjobs.engine import locks, work
from syncjobs.engine.options import PairRef
from syncjobs.models import FullSynchLine, JobSlice, Operation, SynchJob

CANCELLED = "engine.cancelled"
EXCLUSIVE_MODES = (JobMode.MODIFIED, JobMode.FULL, JobMode.PREVIEW, JobMode.MATCH, JobMode.BROKEN, JobMode.UNDO)
"""Runs over a whole mapping; jobs about single pairs overtake them."""

PLAN_KEYS = (
    "create_in_sales",
    "create_in_business_central",
    "update_in_sales",
    "update_in_business_central",
    "unchanged",
    "couple",
    "ambiguous",
    "blocked",
    "failing",
    "conflicts",
)

_WORDS = {
    "inserted": "created",
    "modified": "updated",
    "coupled": "coupled",
    "uncoupled": "uncoupled",
    "deleted": "deleted",
    "unchanged": "unchanged",
    "skipped": "skipped",
    "conflicts": "in conflict",
    "failed": "failed",
}


def blocker(job: SynchJob) -> SynchJob | None:
    """A job that has to end before `job` may start: another run of the mapping or of one it never overlaps with."""
    if job.mode not in EXCLUSIVE_MODES or job.mapping is None:
        return None
    return (
        SynchJob.objects.filter(
            connection_id=job.connection_id,
            mapping__name__in=[job.mapping.name, *job.mapping.serialised_with],
            mode__in=EXCLUSIVE_MODES,
            state__in=[JobState.RUNNING, JobState.INTERRUPTED],
        )
        .exclude(pk=job.pk)
        .select_related("mapping")
        .first()
    )


def waiting_jobs(connection_id: int) -> list[SynchJob]:
    """Queued jobs that may start now, oldest first, one of each group that never overlaps."""
    found: list[SynchJob] = []
    busy: set[str] = set()
    queued = SynchJob.objects.filter(connection_id=connection_id, state=JobState.QUEUED, paused=False).order_by("id")
    for job in queued.select_related("mapping", "connection"):
        group = {job.mapping.name, *job.mapping.serialised_with} if job.mapping else set()
        if job.mode in EXCLUSIVE_MODES and (group & busy or blocker(job)):
            continue
        if job.mode in EXCLUSIVE_MODES:
            busy |= group
        found.append(job)
    return found


def close(job: SynchJob) -> bool:
    """Closes the job if nothing is left and nobody has closed it; returns whether it did."""
    with transaction.atomic():
        row = SynchJob.objects.select_for_update().get(pk=job.pk)
        if row.state != JobState.RUNNING or not work.is_finished(row):
            return False
        row.state = JobState.PARTLY if row.failed or row.conflicts else JobState.SUCCEEDED
        row.done = row.total
        _end(row, row.message or _sentence(row))
    return True


def close_failed(job: SynchJob, error: HubError) -> bool:
    """The job itself failed: everything that was not sent waits for the next run."""
    with transaction.atomic():
        row = SynchJob.objects.select_for_update().get(pk=job.pk)
        if row.state != JobState.RUNNING:
            return False
        _release(row)
        row.state, row.hint = JobState.FAILED, error.hint
        _end(row, str(error))
    return True


def close_cancelled(job: SynchJob) -> bool:
    """The last worker of a cancelled job ends it; what was written stays."""
    with transaction.atomic():
        row = SynchJob.objects.select_for_update().get(pk=job.pk)
        if row.state != JobState.RUNNING or JobSlice.objects.filter(job=row, open=True).exists():
            return False
        _release(row)
        row.state = JobState.CANCELLED
        _end(row, f"Cancelled. Until then: {_sentence(row)}")
    return True


def leave(job: SynchJob) -> None:
    """A worker that has to go leaves the job to others; without any, the tick takes it up again."""
    with transaction.atomic():
        row = SynchJob.objects.select_for_update().get(pk=job.pk)
        if row.state == JobState.RUNNING and locks.is_free(locks.job_lock(job.pk)):
            SynchJob.objects.filter(pk=job.pk).update(state=JobState.INTERRUPTED)


def drop_planned(job: SynchJob, claimed: JobSlice) -> None:
    """What a slice planned and never sent is not going to be sent: its pairs wait for the next run."""
    with transaction.atomic():
        planned = Operation.objects.select_for_update().filter(
            slice=claimed, state=OperationState.PLANNED, preview=False
        )
        pairs = [PairRef(bc_key, sales_key) for bc_key, sales_key in planned.values_list("bc_key", "sales_key")]
        planned.update(
            state=OperationState.SKIPPED,
            settled_at=timezone.now(),
            error_code=CANCELLED,
            error_message="The run ended before this was sent.",
            error_hint="The next run plans it again.",
        )
        if job.mapping_id:
            work.put_back(job_id=None, mapping_id=job.mapping_id, pairs=pairs)


def add_to_plan(job: SynchJob, counts: Mapping[str, int]) -> None:
    """Adds a slice's planned changes to the line of the full synchronisation that the job belongs to."""
    if job.full_synch_line_id is None:
        return
    line = FullSynchLine.objects.select_for_update().get(pk=job.full_synch_line_id)
    plan = dict(line.plan or dict.fromkeys(PLAN_KEYS, 0))
    for name, count in counts.items():
        plan[name] = plan.get(name, 0) + count
    FullSynchLine.objects.filter(pk=line.pk).update(plan=plan)


def _release(job: SynchJob) -> None:
    """Slices end, what was not sent goes back; what was sent without an answer is found by the mapping's next run."""
    for claimed in JobSlice.objects.filter(job=job, open=True):
        drop_planned(job, claimed)
        JobSlice.objects.filter(pk=claimed.pk).update(open=False)
    work.give_back(job)


def _end(job: SynchJob, message: str) -> None:
    job.message = message
    job.finished_at = timezone.now()
    job.heartbeat_at = job.finished_at
    job.save(update_fields=["state", "message", "hint", "done", "finished_at", "heartbeat_at"])


def _sentence(job: SynchJob) -> str:
    """`3 created, 1 failed.`, or that nothing had to be done."""
    parts = [f"{getattr(job, name):,} {word}" for name, word in _WORDS.items() if getattr(job, name)]
    if job.mode == JobMode.PREVIEW:
        return "Preview: nothing was written."
    return f"{', '.join(parts)}.".capitalize() if parts else "Nothing had changed."
