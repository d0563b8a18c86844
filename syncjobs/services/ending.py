"""What follows when a job has ended: its schedule's next run, its full synchronisation's next lines, waiting jobs."""

from functools import partial

from django.db import transaction

from connector.errors import HubError
from coupling.link_changes import CouplingChange
from coupling.services.changes import finish_undo
from syncjobs.choices import JobState
from syncjobs.engine import closing
from syncjobs.engine.fan_out import enqueue
from syncjobs.models import SynchJob
from syncjobs.services import full_synch, schedules
from syncjobs.services.children import start_children


def job_ended(job_id: int) -> None:
    """Safe to repeat, and repeated by the scheduler's tick should the worker die right here."""
    job = SynchJob.objects.select_related("full_synch_line", "connection", "mapping", "user").filter(pk=job_id).first()
    if job is None:
        return
    schedules.note_end(job=job)
    _undo_link(job)
    _start_children(job)
    if job.full_synch_line is not None:
        full_synch.advance_full_synch(full_synch_id=job.full_synch_line.full_synch_id)
    call_waiting_jobs(connection_id=job.connection_id)


def _start_children(job: SynchJob) -> None:
    try:
        start_children(job)
    except HubError as error:
        SynchJob.objects.filter(pk=job.pk).update(message=f"{job.message} What belongs to it waits: {error}".strip())


def _undo_link(job: SynchJob) -> None:
    """The values of a pair are back; its link follows."""
    change_id = job.options.get("undo_change")
    if change_id is None or job.state not in (JobState.SUCCEEDED, JobState.PARTLY):
        return
    change = CouplingChange.objects.select_related("mapping__connection", "connection").filter(pk=change_id).first()
    if change is None:
        return
    try:
        finish_undo(change, job.user)
    except HubError as error:
        SynchJob.objects.filter(pk=job.pk).update(message=f"{job.message} The link stays as it is: {error}".strip())


def call_waiting_jobs(*, connection_id: int) -> None:
    """Queued jobs that waited for one that ended are put on the queue again."""
    for waiting in closing.waiting_jobs(connection_id):
        if waiting.message:
            SynchJob.objects.filter(pk=waiting.pk).update(message="")
            transaction.on_commit(partial(enqueue, "run_job", waiting))
