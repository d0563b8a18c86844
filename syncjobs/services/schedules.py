"""Recurring runs: one schedule per mapping whose changes have to be looked for by themselves, and per process.

A run without a change lets its schedule sleep for the inactivity time-out; a dirty pair wakes it. A run that fails as a
whole is tried again after a growing pause, ten times.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from connector.errors import HubError
from connector.models import Connection
from connector.services.audit import record_change
from coupling.defaults import default_mappings
from coupling.models import DirtyPair
from syncjobs.choices import LIVE_JOB_STATES, JobMode, JobState, JobTrigger, ScheduleState
from syncjobs.documents.processes import is_running, is_scheduled, processes, start_process
from syncjobs.models import Schedule, SynchJob
from syncjobs.services.jobs import check_connection, start_job
from syncjobs.windows import next_inside

ATTEMPTS = 10
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=6)
_WAKE_AFTER = timedelta(seconds=30)
_PLANS_ANEW = frozenset({"interval_minutes", "weekdays", "from_time", "until_time"})
_LIVE = (ScheduleState.READY, ScheduleState.RUNNING, ScheduleState.IDLE)
_DEFAULT_INTERVAL, _DEFAULT_TIMEOUT = 30, 720


def ensure_schedules(*, connection: Connection) -> list[Schedule]:
    """Creates the missing schedules of the mappings that have one; existing ones keep what people set.

    Those of mappings of one's own start on hold, so that nobody's first attempt runs by itself.
    """
    intervals = {
        mapping.name: (mapping.interval_minutes, mapping.inactivity_timeout_minutes) for mapping in default_mappings()
    }
    schedules = []
    for mapping in connection.mappings.filter(available=True):
        interval, timeout = intervals.get(mapping.name, (_DEFAULT_INTERVAL, _DEFAULT_TIMEOUT))
        if interval is None:
            continue
        schedule, _ = Schedule.objects.get_or_create(
            connection=connection,
            name=mapping.name,
            defaults={
                "mapping": mapping,
                "interval_minutes": interval,
                "inactivity_timeout_minutes": timeout or 0,
                "next_run": timezone.now() + timedelta(minutes=interval),
                "enabled": not mapping.user_defined,
                "state": ScheduleState.ON_HOLD if mapping.user_defined else ScheduleState.READY,
            },
        )
        schedules.append(schedule)
    return schedules + _ensure_processes(connection)


def _ensure_processes(connection: Connection) -> list[Schedule]:
    """Schedules of the processes that the connection's switches ask for; those of the others go."""
    schedules = []
    for process in processes():
        rows = Schedule.objects.filter(connection=connection, name=process.name, mapping__isnull=True)
        if not is_scheduled(connection, process.name):
            rows.delete()
            continue
        schedule, _ = Schedule.objects.get_or_create(
            connection=connection,
            name=process.name,
            defaults={"interval_minutes": process.interval_minutes, "next_run": timezone.now()},
        )
        schedules.append(schedule)
    return schedules


def resume(*, connection: Connection) -> None:
    """After enabling a connection: all its schedules are ready again, the failed ones with all their attempts."""
    connection.schedules.filter(enabled=True).update(
        state=ScheduleState.READY, attempts=0, message="", next_run=timezone.now()
    )


def active_of(connection: Connection) -> tuple[int, int]:
    """How many schedules are ready or running, of how many; none of none while the connection is disabled."""
    if not connection.enabled:
        return 0, 0
    states = list(Schedule.objects.filter(connection=connection).values_list("state", "enabled"))
    return sum(enabled and state in _LIVE for state, enabled in states), len(states)


def run_due(*, now: datetime | None = None) -> list[SynchJob]:
    """Starts the runs that are due, connection by connection, in the mappings' order; outside its days and hours a
    schedule waits for the next ones."""
    now = now or timezone.now()
    due = (
        Schedule.objects.filter(
            Q(state=ScheduleState.READY) | Q(state=ScheduleState.IDLE),
            enabled=True,
            next_run__lte=now,
            connection__enabled=True,
            connection__forget_changes=False,
            connection__automatic_jobs=True,
        )
        .filter(Q(mapping__isnull=True) | Q(mapping__enabled=True, mapping__available=True))
        .select_related("connection", "mapping")
        .order_by("connection_id", "mapping__order", "name")
    )
    started = []
    for schedule in due:
        local = now.astimezone(ZoneInfo(schedule.connection.time_zone))
        opens = next_inside(local, schedule.weekdays, schedule.from_time, schedule.until_time)
        if opens > now:
            Schedule.objects.filter(pk=schedule.pk).update(next_run=opens)
        elif job := _start(schedule, JobTrigger.SCHEDULE, None, now):
            started.append(job)
    return started


def run_now(*, schedule: Schedule, user: User | None, trigger: JobTrigger = JobTrigger.USER) -> SynchJob:
    """Starts the run of a schedule at once. Raises HubError while the connection is disabled."""
    check_connection(schedule.connection)
    now = timezone.now()
    with transaction.atomic():
        Schedule.objects.filter(pk=schedule.pk).update(attempts=0, message="")
        job = _begin(schedule, trigger, user)
        _note_start(schedule, job, now)
    return job


def pause(*, schedule: Schedule, enabled: bool) -> None:
    """Puts a schedule on hold or makes it ready again. A run under way goes on."""
    schedule.enabled = enabled
    schedule.attempts, schedule.message = 0, ""
    running = SynchJob.objects.filter(pk=schedule.job_id or 0, state__in=LIVE_JOB_STATES).exists()
    if not enabled:
        schedule.state = ScheduleState.ON_HOLD
    elif not running:
        schedule.state, schedule.next_run = ScheduleState.READY, timezone.now()
    else:
        schedule.state = ScheduleState.RUNNING
    schedule.save(update_fields=["enabled", "attempts", "message", "state", "next_run"])


def change_schedule(*, schedule: Schedule, user: User | None, changes: Mapping[str, Any]) -> Schedule:
    """Changes how often, when in the week and after which rest a schedule runs; a waiting run is planned anew.

    Audited.
    """
    after = {name: value for name, value in changes.items() if value != getattr(schedule, name)}
    if not after:
        return schedule
    before = {name: getattr(schedule, name) for name in after}
    for name, value in after.items():
        setattr(schedule, name, value)
    if after.keys() & _PLANS_ANEW and schedule.state == ScheduleState.READY:
        schedule.next_run = (schedule.last_run or timezone.now()) + timedelta(minutes=schedule.interval_minutes)
    with transaction.atomic():
        schedule.save(update_fields=[*after, "next_run"])
        record_change(
            connection=schedule.connection,
            user=user,
            action="schedule.change",
            target=schedule.name,
            before=_written(before),
            after=_written(after),
        )
    return schedule


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: f"{value:%H:%M}" if isinstance(value, time) else value for name, value in values.items()}


def wake(*, now: datetime | None = None) -> int:
    """Sleeping schedules that react at once and whose mapping has pairs waiting run in half a minute; how many."""
    now = now or timezone.now()
    waiting = DirtyPair.objects.filter(mapping_id=OuterRef("mapping_id"), job_id__isnull=True)
    return (
        Schedule.objects.filter(Exists(waiting), state=ScheduleState.IDLE, enabled=True, reacts_at_once=True)
        .filter(Q(next_run__isnull=True) | Q(next_run__gt=now + _WAKE_AFTER))
        .update(state=ScheduleState.READY, next_run=now + _WAKE_AFTER)
    )


def note_end(*, job: SynchJob) -> None:
    """Plans the next run of the schedule whose job has ended; nothing for other jobs."""
    schedule = Schedule.objects.filter(job_id=job.pk, state=ScheduleState.RUNNING).first()
    if schedule is None:
        return
    now = job.finished_at or timezone.now()
    if job.state == JobState.FAILED:
        _note_failure(schedule, job, now)
    else:
        schedule.attempts, schedule.message = 0, ""
        active = job.inserted or job.modified or job.deleted or job.failed or job.state == JobState.CANCELLED
        if active or schedule.inactivity_timeout_minutes == 0:
            schedule.state = ScheduleState.READY
            schedule.next_run = now + timedelta(minutes=schedule.interval_minutes)
        else:
            sleep = max(schedule.interval_minutes, schedule.inactivity_timeout_minutes)
            schedule.state, schedule.next_run = ScheduleState.IDLE, now + timedelta(minutes=sleep)
    if not schedule.enabled:
        schedule.state = ScheduleState.ON_HOLD
    schedule.save(update_fields=["state", "attempts", "message", "next_run"])


def note_lost_ends() -> None:
    """Schedules that still count as running although their job has ended: the worker died between the two."""
    for schedule in Schedule.objects.filter(state=ScheduleState.RUNNING).select_related("job"):
        if schedule.job is None:
            Schedule.objects.filter(pk=schedule.pk).update(state=ScheduleState.READY, next_run=timezone.now())
        elif schedule.job.state not in LIVE_JOB_STATES:
            note_end(job=schedule.job)


def _start(schedule: Schedule, trigger: JobTrigger, user: User | None, now: datetime) -> SynchJob | None:
    if _is_running(schedule):
        # What runs does the work; the schedule looks again when it is over.
        return None
    try:
        with transaction.atomic():
            job = _begin(schedule, trigger, user)
            _note_start(schedule, job, now)
    except HubError as error:
        Schedule.objects.filter(pk=schedule.pk).update(
            message=str(error), next_run=now + timedelta(minutes=schedule.interval_minutes)
        )
        return None
    return job


def _note_start(schedule: Schedule, job: SynchJob, now: datetime) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(state=ScheduleState.RUNNING, job=job, last_run=now, message="")


def _note_failure(schedule: Schedule, job: SynchJob, now: datetime) -> None:
    schedule.attempts += 1
    schedule.message = job.message
    if schedule.attempts >= ATTEMPTS:
        schedule.state, schedule.next_run = ScheduleState.ERROR, None
    else:
        schedule.state = ScheduleState.READY
        schedule.next_run = now + min(_FIRST_PAUSE * 2 ** (schedule.attempts - 1), _LONGEST_PAUSE)


def _begin(schedule: Schedule, trigger: JobTrigger, user: User | None) -> SynchJob:
    if schedule.mapping is None:
        return start_process(connection=schedule.connection, name=schedule.name, trigger=trigger, user=user)
    return start_job(
        connection=schedule.connection, mapping=schedule.mapping, mode=JobMode.MODIFIED, trigger=trigger, user=user
    )


def _is_running(schedule: Schedule) -> bool:
    if schedule.mapping is None:
        return is_running(schedule.connection, schedule.name)
    live = SynchJob.objects.filter(mapping=schedule.mapping, state__in=LIVE_JOB_STATES)
    return live.exclude(mode__in=[JobMode.SELECTED, JobMode.DOCUMENTS]).exists()
