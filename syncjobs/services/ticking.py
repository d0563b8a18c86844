"""One tick of the scheduler: due runs, sleeping schedules that have to wake, jobs without a worker, full synchs."""

from datetime import datetime, timedelta
from functools import partial

import django_rq
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from connector.wizard import finish
from syncjobs.choices import LIVE_JOB_STATES, JobState, ScheduleState
from syncjobs.constants import DEAD_AFTER
from syncjobs.context import SCHEDULER
from syncjobs.documents.watching import DOCUMENT_PROCESSES
from syncjobs.engine import closing, locks
from syncjobs.engine.fan_out import DEFAULT, LOW, enqueue, waiting_jobs
from syncjobs.models import FullSynch, Schedule, SynchJob, WorkerHeartbeat
from syncjobs.notices import causes
from syncjobs.services import forgetting, full_synch, retention, schedules
from syncjobs.services.suggesting import look_for_outdated_suggestions
from syncjobs.services.workers import note_workers
from syncjobs.webhooks import tasks as announcements

_GONE = "Its worker went away; it goes on by itself."
_LOOK_EVERY = timedelta(minutes=1)
_LOOK_AT_DOCUMENTS_SECONDS = 60


def tick(*, now: datetime | None = None) -> None:
    """Does what is due. Every part may be repeated, so two schedulers at once do no harm."""
    now = now or timezone.now()
    WorkerHeartbeat.objects.update_or_create(name=SCHEDULER, defaults={"kind": SCHEDULER, "at": now})
    note_workers(now=now)
    resume_dead_jobs(now=now)
    call_forgotten_jobs(now=now)
    schedules.note_lost_ends()
    schedules.wake(now=now)
    schedules.run_due(now=now)
    look_for_outdated_suggestions(now=now)
    look_between_runs(now=now)
    announcements.follow_up()
    causes.look(now=now)
    finish.resume_silent()
    forgetting.ask_again()
    look_for_documents(now=now)
    if retention.is_due():
        django_rq.get_queue(LOW).enqueue("syncjobs.tasks.forget_old_jobs", result_ttl=0, failure_ttl=3600)
    for pk in FullSynch.objects.filter(state__in=LIVE_JOB_STATES).values_list("pk", flat=True):
        full_synch.advance_full_synch(full_synch_id=pk)


def resume_dead_jobs(*, now: datetime) -> list[int]:
    """Jobs whose workers all died are interrupted and put on the queue again. Returns their ids."""
    resumed = []
    silent = SynchJob.objects.filter(
        state__in=[JobState.RUNNING, JobState.INTERRUPTED], heartbeat_at__lt=now - DEAD_AFTER, paused=False
    )
    keys = list(silent.values_list("pk", flat=True))
    # One that is interrupted may wait for a free worker for long.
    waiting = waiting_jobs() if keys else set()
    for pk in keys:
        with transaction.atomic():
            if pk in waiting or not locks.is_free(locks.job_lock(pk)):
                continue
            changed = SynchJob.objects.filter(
                pk=pk, state__in=[JobState.RUNNING, JobState.INTERRUPTED], heartbeat_at__lt=now - DEAD_AFTER
            ).update(state=JobState.INTERRUPTED, heartbeat_at=now, message=_GONE)
            if changed:
                transaction.on_commit(partial(_run, pk))
                resumed.append(pk)
    return resumed


def call_forgotten_jobs(*, now: datetime) -> None:
    """Queued jobs that the queue lost: Postgres knows them, Redis does not. Those that merely wait are left alone."""
    known: set[int] | None = None
    for connection_id in set(SynchJob.objects.filter(state=JobState.QUEUED).values_list("connection_id", flat=True)):
        for job in closing.waiting_jobs(connection_id):
            if (job.heartbeat_at or job.created_at) >= now - DEAD_AFTER:
                continue
            known = waiting_jobs() if known is None else known
            if job.pk not in known:
                SynchJob.objects.filter(pk=job.pk).update(heartbeat_at=now, message="")
                enqueue("run_job", job)


def look_between_runs(*, now: datetime) -> None:
    """Every minute somebody looks whether anything changed, whatever the schedules' intervals are."""
    sleeping = Schedule.objects.filter(
        state__in=[ScheduleState.IDLE, ScheduleState.READY],
        enabled=True,
        connection__enabled=True,
        connection__automatic_jobs=True,
    )
    for connection_id in set(sleeping.values_list("connection_id", flat=True)):
        if cache.add(f"couplet:look:{connection_id}", now.isoformat(), timeout=_LOOK_EVERY.total_seconds()):
            django_rq.get_queue(DEFAULT).enqueue(
                "syncjobs.tasks.look_for_changes", connection_id, result_ttl=0, failure_ttl=3600
            )


def look_for_documents(*, now: datetime) -> None:
    """Every minute somebody looks whether documents wait in Sales that a process would take at its next run only."""
    waiting = Schedule.objects.filter(
        name__in=DOCUMENT_PROCESSES,
        state=ScheduleState.READY,
        enabled=True,
        next_run__gt=now,
        connection__enabled=True,
        connection__automatic_jobs=True,
    )
    for connection_id in set(waiting.values_list("connection_id", flat=True)):
        if cache.add(f"couplet:documents:look:{connection_id}", now.isoformat(), timeout=_LOOK_AT_DOCUMENTS_SECONDS):
            django_rq.get_queue(DEFAULT).enqueue(
                "syncjobs.tasks.look_for_documents", connection_id, result_ttl=0, failure_ttl=3600
            )


def _run(job_id: int) -> None:
    enqueue("run_job", SynchJob.objects.get(pk=job_id))
