"""Undo of a job, or of what it did to one pair: a job of its own that writes back what the first one wrote."""

from django.contrib.auth.models import User
from django.db.models import QuerySet

from connector.errors import ErrorKind, HubError
from syncjobs.choices import LIVE_JOB_STATES, JobMode, JobTrigger, OperationKind, OperationState
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import Operation, SynchJob
from syncjobs.services.jobs import start_job

_CHANGE = "options__undo_change"
"""Set where only one pair of a job is undone."""


def creations_of(job: SynchJob) -> QuerySet[Operation]:
    """What the job made: an undo deletes these records where nobody has changed them since."""
    return job.operations.filter(kind=OperationKind.CREATE, state=OperationState.SETTLED, preview=False)


def undo_job(*, job: SynchJob, user: User | None, trigger: JobTrigger = JobTrigger.USER) -> SynchJob:
    """Starts the undo. Raises HubError when `job` runs, wrote nothing, or is being or was undone."""
    earlier = job.undone_by.filter(**{f"{_CHANGE}__isnull": True})
    return _start(job, earlier, RunOptions(), user, trigger)


def undo_pair(*, job: SynchJob, pair: PairRef, change_id: int, user: User | None) -> SynchJob:
    """Starts the undo of what `job` wrote to one pair; the change of its link is undone when the values are back.
    Raises as `undo_job` does."""
    options = RunOptions(undo_change=change_id).with_pairs([pair])
    return _start(job, job.undone_by.filter(**{_CHANGE: change_id}), options, user, JobTrigger.USER)


def _start(
    job: SynchJob, earlier: QuerySet[SynchJob], options: RunOptions, user: User | None, trigger: JobTrigger
) -> SynchJob:
    if job.state in LIVE_JOB_STATES:
        raise HubError(f"{job} has not ended yet.", kind=ErrorKind.CONFLICT, code="job.live", hint="Cancel it first.")
    if earlier.exclude(state__in=["failed", "cancelled"]).exists():
        raise HubError(f"{job} was undone already.", kind=ErrorKind.CONFLICT, code="job.undone")
    written = Operation.objects.filter(job=job, state=OperationState.SETTLED, preview=False)
    if job.mapping is None or not written.exists():
        raise HubError(f"{job} wrote nothing that could be undone.", kind=ErrorKind.CONFLICT, code="job.wrote_nothing")
    return start_job(
        connection=job.connection,
        mapping=job.mapping,
        mode=JobMode.UNDO,
        trigger=trigger,
        user=user,
        undo_of=job,
        options=options,
    )
