"""What follows when a job has ended: its schedule's next run, its full synchronisation's next lines, waiting jobs."""

from functools import partial

from django.db import transaction

from syncjobs.engine import closing
from syncjobs.engine.fan_out import enqueue
from syncjobs.models import SynchJob
from syncjobs.services import full_synch, schedules


def job_ended(job_id: int) -> None:
    """Safe to repeat, and repeated by the scheduler's tick should the worker die right here."""
    job = SynchJob.objects.select_related("full_synch_line", "connection").filter(pk=job_id).first()
    if job is None:
        return
    schedules.note_end(job=job)
    if job.full_synch_line is not None:
        full_synch.advance_full_synch(full_synch_id=job.full_synch_line.full_synch_id)
    call_waiting_jobs(connection_id=job.connection_id)


def call_waiting_jobs(*, connection_id: int) -> None:
    """Queued jobs that waited for one that ended are put on the queue again."""
    for waiting in closing.waiting_jobs(connection_id):
        if waiting.message:
            SynchJob.objects.filter(pk=waiting.pk).update(message="")
            transaction.on_commit(partial(enqueue, "run_job", waiting))
