"""Undo of a job: a job of its own that writes back what the first one wrote."""

from django.contrib.auth.models import User

from connector.errors import ErrorKind, HubError
from syncjobs.choices import LIVE_JOB_STATES, JobMode, JobTrigger, OperationState
from syncjobs.engine.options import RunOptions
from syncjobs.models import Operation, SynchJob
from syncjobs.services.jobs import start_job


def undo_job(
    *, job: SynchJob, user: User | None, trigger: JobTrigger = JobTrigger.USER, change_id: int | None = None
) -> SynchJob:
    """Starts the undo; `change_id` names a change of a link that is undone when the values are back.

    Raises HubError when `job` runs, wrote nothing, or is being or was undone."""
    if job.state in LIVE_JOB_STATES:
        raise HubError(f"{job} has not ended yet.", kind=ErrorKind.CONFLICT, code="job.live", hint="Cancel it first.")
    if job.undone_by.exclude(state__in=["failed", "cancelled"]).exists():
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
        options=RunOptions(undo_change=change_id),
    )
