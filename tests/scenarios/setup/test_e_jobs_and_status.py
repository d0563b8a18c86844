"""Record rules, schedules that rest and wake, failed runs that were seen, retention, health: A60 to A67 and more."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from connector.errors import HubError
from connector.models import Connection
from connector.services import setup
from coupling.models import Coupling
from syncjobs import tasks
from syncjobs.choices import JobMode, JobTrigger, ScheduleState
from syncjobs.models import Schedule, SynchJob
from syncjobs.services import retention, schedules
from syncjobs.services.jobs import start_job
from syncjobs.services.statistics import failed_runs, reset_failures
from syncjobs.services.watching import look_for_changes
from tests.coupling.factories import make_person
from tests.scenarios.engine.conftest import _database, api, hub, transactional_db  # noqa: F401  (fixtures)
from tests.scenarios.engine.world import World


@pytest.fixture
def page(hub: World, client: Client) -> Client:  # noqa: F811
    client.force_login(make_person("administrator", "administrator"))
    return client


@pytest.fixture
def scheduled(hub: World) -> World:  # noqa: F811
    """Items and customers have their schedules, due now; what changed so far was seen."""
    schedules.ensure_schedules(connection=hub.connection)
    Schedule.objects.exclude(name__in=["CUSTOMER", "ITEM-PRODUCT"]).delete()
    Schedule.objects.update(next_run=timezone.now() - timedelta(seconds=1))
    return hub


def state(name: str) -> str:
    return Schedule.objects.get(name=name).state


def blocked(world: World, coupling: Coupling) -> str:
    return str(world.bc.row("customers", coupling.bc_key, "blocked")["blocked"]).replace("_x0020_", " ").strip()


def test_a60_an_inactive_account_blocks_its_customer_and_an_active_one_unblocks_nobody(hub):  # noqa: F811
    coupling = hub.pair()
    hub.edit_account(coupling, statecode=1, statuscode=2)
    hub.run("CUSTOMER")
    assert blocked(hub, coupling) == "All"
    hub.edit_account(coupling, statecode=0, statuscode=1)
    hub.run("CUSTOMER")
    assert blocked(hub, coupling) == "All"


def test_a61_salespeople_made_from_users_get_codes_of_their_own(hub):  # noqa: F811
    hub.switch(ownership_model="person")
    before = {row["code"] for row in hub.bc.rows("salespeoplePurchasers", "code")}
    hub.run_full("SALESPEOPLE")
    made = [row["code"] for row in hub.bc.rows("salespeoplePurchasers", "code") if row["code"] not in before]
    assert len(made) >= 2
    assert len(set(made)) == len(made)
    assert all(made)


def test_a62_a_run_without_changes_lets_its_schedule_rest(scheduled):
    schedules.run_due()
    assert state("ITEM-PRODUCT") == ScheduleState.IDLE
    assert Schedule.objects.get(name="ITEM-PRODUCT").next_run > timezone.now() + timedelta(hours=1)


def test_a63_a_run_with_changes_stays_ready(scheduled):
    scheduled.pair()
    scheduled.may_create()
    scheduled.customer("Another one")
    schedules.run_due()
    assert state("CUSTOMER") == ScheduleState.READY


def test_a64_a_change_wakes_the_schedule_of_its_table_and_no_other(scheduled):
    coupling = scheduled.pair()
    schedules.run_due()
    Schedule.objects.update(state=ScheduleState.IDLE, next_run=timezone.now() + timedelta(hours=12))
    scheduled.edit_customer(coupling, city="Bergen")
    look_for_changes(connection_id=scheduled.connection.pk)
    assert (state("CUSTOMER"), state("ITEM-PRODUCT")) == (ScheduleState.READY, ScheduleState.IDLE)
    assert Schedule.objects.get(name="CUSTOMER").next_run < timezone.now() + timedelta(minutes=1)


def failed_job(world: World, ended: timedelta) -> SynchJob:
    return SynchJob.objects.create(
        connection=world.connection, mapping=world.mapping("CUSTOMER"), mode="modified", direction="to_sales",
        trigger="schedule", state="failed", finished_at=timezone.now() - ended,
    )  # fmt: skip


def test_a66_all_failures_count_until_they_are_reset_and_later_ones_from_then_on(hub, page):  # noqa: F811
    failed_job(hub, timedelta(days=2))
    failed_job(hub, timedelta(hours=1))
    assert page.get("/").context["failed_runs"] == 2
    page.post("/c/default/failures/reset/")
    hub.connection.refresh_from_db()
    assert failed_runs(hub.connection) == 0
    failed_job(hub, timedelta(minutes=1))
    assert failed_runs(hub.connection) == 1


def test_a67_without_a_failure_the_reset_time_is_now(hub):  # noqa: F811
    now = timezone.now()
    reset_failures(connection=hub.connection, now=now)
    assert Connection.objects.get().failures_reset_at == now


def test_old_jobs_go_and_those_that_a_skipped_record_needs_stay(hub, page):  # noqa: F811
    coupling = hub.pair()
    SynchJob.objects.update(finished_at=timezone.now() - timedelta(days=31))
    needed = SynchJob.objects.first()
    Coupling.objects.filter(pk=coupling.pk).update(last_job_id=needed.pk, skipped_at=timezone.now())
    fresh = hub.run("CURRENCY")
    assert retention.forget_old_jobs() > 0
    assert set(SynchJob.objects.values_list("pk", flat=True)) == {needed.pk, fresh.pk}
    assert Coupling.objects.count() == 1
    page.post("/c/default/jobs/clean/", {"action": "all", "confirmed": "1"})
    assert set(SynchJob.objects.values_list("pk", flat=True)) == {needed.pk}


def test_pausing_all_schedules_keeps_what_was_set_for_each(scheduled, page):
    schedules.pause(schedule=Schedule.objects.get(name="ITEM-PRODUCT"), enabled=False)
    page.post("/c/default/schedules/pause-all/", {"action": "pause"})
    assert schedules.run_due() == []
    page.post("/c/default/schedules/pause-all/", {"action": "resume"})
    started = {job.mapping.name for job in schedules.run_due()}
    assert ("CUSTOMER" in started, "ITEM-PRODUCT" in started) == (True, False)


def test_health_is_open_and_figures_need_a_token(hub, client, api):  # noqa: F811
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"database": True, "queue": True, "scheduler": False, "worker": False}
    assert client.get("/metrics").status_code == 401
    api("viewer")
    token = Token.objects.get(user__username="viewer").key
    text = client.get("/metrics", headers={"Authorization": f"Token {token}"}).content.decode()
    assert 'couplet_connection_enabled{connection="default"} 1' in text
    assert 'couplet_api_requests_5m{connection="default",system="sales"}' in text
    assert text.endswith("\n")


def test_what_changed_while_it_was_off_is_forgotten_where_somebody_chose_so(hub):  # noqa: F811
    coupling = hub.pair()
    hub.run("CUSTOMER")
    before, capabilities = hub.city_of_account(coupling), hub.connection.capabilities
    setup.disable(connection=hub.connection, user=None, reason="", forget=True)
    hub.edit_customer(coupling, city="Meanwhile")
    Connection.objects.update(enabled=True, capabilities=capabilities)
    with pytest.raises(HubError, match="to leave it out"):
        start_job(
            connection=Connection.objects.get(),
            mapping=hub.mapping("CUSTOMER"),
            mode=JobMode.MODIFIED,
            trigger=JobTrigger.USER,
            user=None,
        )
    tasks.forget_changes(hub.connection.pk)
    hub.connection.refresh_from_db()
    hub.run("CUSTOMER")
    assert hub.city_of_account(coupling) == before
    hub.edit_customer(coupling, city="Afterwards")
    hub.run("CUSTOMER")
    assert hub.city_of_account(coupling) == "Afterwards"
