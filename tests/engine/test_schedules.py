"""Schedules and the scheduler's tick."""

from datetime import time, timedelta
from zoneinfo import ZoneInfo

import django_rq
import pytest
from django.core.cache import cache
from django.utils import timezone

from connector.errors import ErrorKind, HubError
from connector.services.setup import update_connection
from coupling.models import DirtyPair
from syncjobs.choices import JobMode, JobState, ScheduleState
from syncjobs.models import Schedule, SynchJob, WorkerHeartbeat
from syncjobs.services import schedules
from syncjobs.services.ticking import tick
from syncjobs.webhooks.tasks import start_runs
from tests.engine.live import Hub


def schedule_of(hub: Hub, name: str = "CUSTOMER") -> Schedule:
    return Schedule.objects.get(connection=hub.connection, name=name)


@pytest.fixture
def scheduled(hub: Hub) -> Hub:
    """A hub of which only customers have a schedule, due now."""
    schedules.ensure_schedules(connection=hub.connection)
    Schedule.objects.exclude(name="CUSTOMER").delete()
    Schedule.objects.update(next_run=timezone.now() - timedelta(seconds=1))
    return hub


def test_every_mapping_that_is_looked_after_gets_one(hub: Hub) -> None:
    schedules.ensure_schedules(connection=hub.connection)
    names = set(Schedule.objects.values_list("name", flat=True))
    assert {"CURRENCY", "CUSTOMER", "VENDOR", "PAYMENT TERMS"} <= names
    assert "OPPORTUNITY" not in names
    assert schedule_of(hub).inactivity_timeout_minutes == 720


def test_changed_interval_survives_another_ensure(hub: Hub) -> None:
    schedules.ensure_schedules(connection=hub.connection)
    Schedule.objects.filter(name="CUSTOMER").update(interval_minutes=5)
    schedules.ensure_schedules(connection=hub.connection)
    assert schedule_of(hub).interval_minutes == 5


def test_due_schedule_runs_and_a_quiet_run_lets_it_sleep(scheduled: Hub) -> None:
    tick()
    job = SynchJob.objects.get()
    assert (job.mode, job.trigger, job.state) == (JobMode.MODIFIED, "schedule", JobState.SUCCEEDED)
    schedule = schedule_of(scheduled)
    assert schedule.state == ScheduleState.IDLE
    assert schedule.next_run > timezone.now() + timedelta(hours=11)


def test_run_with_changes_stays_ready(scheduled: Hub) -> None:
    scheduled.connection.mappings.filter(name="CUSTOMER").update(synch_only_coupled_records=False)
    scheduled.bc.create("customers", displayName="Adatum")
    tick()
    schedule = schedule_of(scheduled)
    assert schedule.state == ScheduleState.READY
    assert schedule.next_run < timezone.now() + timedelta(minutes=31)


def test_dirty_pair_wakes_a_sleeping_schedule(scheduled: Hub) -> None:
    tick()
    mapping = scheduled.mapping("CUSTOMER")
    DirtyPair.objects.create(
        mapping=mapping, pair_key=mapping.connection.company_id, bc_key=mapping.connection.company_id
    )
    assert schedules.wake() == 1
    schedule = schedule_of(scheduled)
    assert schedule.state == ScheduleState.READY
    assert schedule.next_run < timezone.now() + timedelta(minutes=1)


def test_change_in_sales_wakes_a_sleeping_schedule_by_itself(scheduled: Hub) -> None:
    key = scheduled.bc.create("customers", displayName="Adatum")
    scheduled.run_full("CUSTOMER")
    Schedule.objects.update(state=ScheduleState.IDLE, next_run=timezone.now() + timedelta(hours=5))
    scheduled.sales.update("accounts", scheduled.coupling("CUSTOMER", bc_key=key).sales_key, address1_city="Graz")
    cache.clear()
    tick()
    assert schedule_of(scheduled).state == ScheduleState.READY


def test_nothing_automatic_while_it_is_switched_off(scheduled: Hub) -> None:
    for change in ({"automatic_jobs": False}, {"automatic_jobs": True, "enabled": False}):
        type(scheduled.connection).objects.update(**change)
        tick()
        assert not SynchJob.objects.exists()


def test_paused_schedule_does_not_run(scheduled: Hub) -> None:
    schedules.pause(schedule=schedule_of(scheduled), enabled=False)
    tick()
    assert not SynchJob.objects.exists()
    schedules.pause(schedule=schedule_of(scheduled), enabled=True)
    tick()
    assert SynchJob.objects.count() == 1


def test_run_now_needs_an_enabled_connection(scheduled: Hub) -> None:
    schedule = schedule_of(scheduled)
    schedule.connection.enabled = False
    with pytest.raises(HubError) as refused:
        schedules.run_now(schedule=schedule, user=None)
    assert refused.value.kind == ErrorKind.CONFLICT


def test_failed_run_is_tried_again_after_growing_pauses_and_then_given_up(scheduled: Hub) -> None:
    schedule = schedule_of(scheduled)
    now = timezone.now()
    job = scheduled.start("CUSTOMER")
    SynchJob.objects.filter(pk=job.pk).update(state=JobState.FAILED, message="No answer.", finished_at=now)
    job.refresh_from_db()
    pauses = []
    for _ in range(schedules.ATTEMPTS):
        Schedule.objects.update(state=ScheduleState.RUNNING, job=job)
        schedules.note_end(job=job)
        schedule.refresh_from_db()
        pauses.append(schedule.next_run)
    assert pauses[0] == now + timedelta(seconds=30)
    assert pauses[1] == now + timedelta(seconds=60)
    assert (schedule.state, schedule.message, schedule.next_run) == (ScheduleState.ERROR, "No answer.", None)


def test_schedule_does_not_pile_up_jobs(scheduled: Hub) -> None:
    scheduled.start("CUSTOMER")
    tick()
    assert SynchJob.objects.count() == 1


def test_tick_shows_that_it_lives(scheduled: Hub) -> None:
    tick()
    assert WorkerHeartbeat.objects.filter(kind="scheduler").exists()


def test_job_whose_worker_died_is_taken_up_again(hub: Hub) -> None:
    job = hub.start("CUSTOMER")
    SynchJob.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING, heartbeat_at=timezone.now() - timedelta(minutes=1), started_at=timezone.now()
    )
    tick()
    job.refresh_from_db()
    assert (job.state, job.resumed) == (JobState.SUCCEEDED, 1)


def test_queued_job_that_the_queue_lost_is_called_again(hub: Hub) -> None:
    job = hub.start("CUSTOMER")
    SynchJob.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    tick()
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED


def test_queued_job_that_merely_waits_is_put_on_the_queue_once(hub: Hub) -> None:
    job = hub.start("CUSTOMER")
    queue = django_rq.get_queue("default", is_async=True)
    queue.enqueue("syncjobs.tasks.run_job", job.pk)
    SynchJob.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    tick()
    job.refresh_from_db()
    assert (job.state, len(queue.jobs)) == (JobState.QUEUED, 1)
    queue.empty()
    tick()
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED


def test_outside_its_days_and_hours_a_schedule_waits_for_the_next_ones(scheduled: Hub) -> None:
    now = timezone.now()
    Schedule.objects.update(weekdays=[(now + timedelta(days=2)).weekday()], from_time=time(6, 30))
    tick()
    assert not SynchJob.objects.exists()
    opens = schedule_of(scheduled).next_run
    assert (opens.date(), opens.time()) == ((now + timedelta(days=2)).date(), time(6, 30))
    schedules.run_now(schedule=schedule_of(scheduled), user=None)
    assert SynchJob.objects.count() == 1


def test_hours_are_those_of_the_connections_time_zone(scheduled: Hub) -> None:
    update_connection(connection=scheduled.connection, changes={"time_zone": "Pacific/Kiritimati"}, user=None)
    tomorrow = timezone.now().astimezone(ZoneInfo("Pacific/Kiritimati")).date() + timedelta(days=1)
    Schedule.objects.update(weekdays=[tomorrow.weekday()], from_time=time(6, 30))
    tick()
    opens = schedule_of(scheduled).next_run.astimezone(ZoneInfo("Pacific/Kiritimati"))
    assert (opens.date(), opens.time()) == (tomorrow, time(6, 30))
    with pytest.raises(HubError, match="no time zone"):
        update_connection(connection=scheduled.connection, changes={"time_zone": "Mars/Olympus"}, user=None)


def test_changes_wait_for_the_schedule_where_it_does_not_react_at_once(scheduled: Hub) -> None:
    tick()
    key = scheduled.connection.company_id
    DirtyPair.objects.create(mapping=scheduled.mapping("CUSTOMER"), pair_key=key, bc_key=key)
    Schedule.objects.update(reacts_at_once=False)
    assert (schedules.wake(), start_runs(scheduled.connection)) == (0, [])
    Schedule.objects.update(reacts_at_once=True)
    assert len(start_runs(scheduled.connection)) == 1
