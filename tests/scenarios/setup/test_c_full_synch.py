"""Full Synch Review: lines, order, failures, pausing and what stays: A34 to A48, and being interrupted in every way."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from config.web.badges import badge_of
from connector.choices import System
from connector.errors import HubError
from coupling.models import TableMapping
from syncjobs import tasks
from syncjobs.choices import JobMode, JobState, LineState, ScheduleState
from syncjobs.models import FullSynch, FullSynchLine, SynchJob
from syncjobs.services import full_synch_control as control
from syncjobs.services import schedules
from syncjobs.services.full_synch import advance_full_synch, eligible_mappings, start_full_synch
from syncjobs.services.ticking import tick
from syncjobs.views.full_synch_lines import waves_of
from syncjobs.views.full_synch_plan import plan_problem
from tests.coupling.factories import make_person
from tests.engine.live import CREATING
from tests.scenarios.engine.conftest import _database, hub, transactional_db  # noqa: F401  (fixtures)
from tests.scenarios.engine.world import World

REVIEW = "/c/default/full-synch/"


@pytest.fixture
def page(hub: World, client: Client) -> Client:  # noqa: F811
    client.force_login(make_person("administrator", "administrator"))
    return client


@contextmanager
def nobody_works() -> Iterator[None]:
    """Jobs that are started in here stay queued: the tests' queue runs them on commit, and nothing is committed."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def depends_on(world: World) -> dict[str, set[str]]:
    names = {mapping.name for mapping in eligible_mappings(world.connection)}
    return {mapping.name: set(mapping.depends_on) & names for mapping in eligible_mappings(world.connection)}


def waiting(world: World, *names: str, **values: object) -> FullSynch:
    """A full synchronisation whose lines nobody has started."""
    run = FullSynch.objects.create(connection=world.connection, state=JobState.RUNNING, started_at=timezone.now())
    for order, name in enumerate(names):
        mapping = world.mapping(name)
        FullSynchLine.objects.create(
            full_synch=run, mapping=mapping, direction=mapping.direction, order=order,
            depends_on=[each for each in mapping.depends_on if each in names], **values,
        )  # fmt: skip
    return run


def states(run: FullSynch) -> dict[str, str]:
    return dict(run.lines.values_list("mapping__name", "state"))


def lines_shown(page: Client) -> dict[str, object]:
    return {line.mapping.name: line for wave in page.get(REVIEW).context["waves"] for line in wave}


def test_a34_what_others_depend_on_has_no_dependency_and_every_line_begins_blank(hub, page):  # noqa: F811
    hub.switch(ownership_model="person", unit_group_mapping=False)
    found = depends_on(hub)
    assert not (found["SALESPEOPLE"] | found["CURRENCY"] | found["UNIT OF MEASURE"])
    assert {line.state for line in lines_shown(page).values()} == {LineState.BLANK}


def test_a35_dependencies_are_those_of_the_catalogue(hub):  # noqa: F811
    hub.switch(ownership_model="person", unit_group_mapping=False, extended_pricing=False)
    found = depends_on(hub)
    options = {"PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT"} & set(found)
    assert found["CUSTOMER"] == {"SALESPEOPLE", "CURRENCY"} | options
    assert found["CONTACT"] >= {"CUSTOMER", "VENDOR"}
    assert "UNIT OF MEASURE" in found["ITEM-PRODUCT"]
    hub.switch(unit_group_mapping=True)
    found = depends_on(hub)
    assert ("ITEM UOM" in found["ITEM-PRODUCT"], "RESOURCE UOM" in found["RESOURCE-PRODUCT"]) == (True, True)
    assert ("UNIT GROUP" in found["ITEM UOM"], "UNIT GROUP" in found["RESOURCE UOM"]) == (True, True)


def test_a36_starting_takes_exactly_the_lines_without_dependencies(hub):  # noqa: F811
    run = waiting(hub, "CURRENCY", "PAYMENT TERMS", "CUSTOMER")
    with nobody_works():
        advance_full_synch(full_synch_id=run.pk)
        assert states(run) == {"CURRENCY": "running", "PAYMENT TERMS": "running", "CUSTOMER": ""}
        assert all(line.jobs.count() == 1 for line in run.lines.exclude(mapping__name="CUSTOMER"))


def test_a37_a_finished_line_queues_what_waited_for_it(hub):  # noqa: F811
    run = waiting(hub, "CURRENCY", "CUSTOMER")
    FullSynchLine.objects.filter(full_synch=run, mapping__name="CURRENCY").update(state=LineState.FINISHED)
    with nobody_works():
        advance_full_synch(full_synch_id=run.pk)
        assert states(run) == {"CURRENCY": "finished", "CUSTOMER": "running"}


def test_a38_records_that_all_fail_leave_a_finished_line_with_both_directions_in_error(hub):  # noqa: F811
    for name in ("One", "Two"):
        hub.account(name, address1_country="Atlantis")
        hub.customer(f"Customer {name}", currencyCode="USD")
    # Without CURRENCY in the run no currency has its partner in Sales.
    run = start_full_synch(connection=hub.connection, mappings=["CUSTOMER"])
    line = run.lines.get()
    assert (line.state, line.to_sales, line.to_business_central) == (LineState.FINISHED, "error", "error")
    assert not hub.connection.couplings.exists()
    assert not SynchJob.objects.filter(state__in=["queued", "running"]).exists()


def test_a39_the_good_one_is_coupled_and_the_bad_one_is_not(hub):  # noqa: F811
    hub.account("Good")
    hub.account("Bad", address1_country="Atlantis")
    run = start_full_synch(connection=hub.connection, mappings=["CUSTOMER"])
    line = run.lines.get()
    assert (line.state, line.to_business_central) == (LineState.FINISHED, "error")
    assert hub.connection.couplings.count() == 1


def test_a40_a_job_outside_the_review_changes_no_line(hub):  # noqa: F811
    run = waiting(hub, "CURRENCY")
    FullSynch.objects.filter(pk=run.pk).update(paused_at=timezone.now())
    hub.run("CUSTOMER")
    assert states(run) == {"CURRENCY": ""}


def test_a41_a_mapping_runs_once_at_a_time_and_its_schedule_comes_back(hub):  # noqa: F811
    schedules.ensure_schedules(connection=hub.connection)
    schedule = hub.connection.schedules.get(name="CUSTOMER")
    hub.connection.schedules.exclude(name="CUSTOMER").delete()
    hub.connection.schedules.update(next_run=timezone.now())
    live = hub.start("CUSTOMER", JobMode.FULL)
    assert schedules.run_due() == []
    live.delete()
    assert [job.mapping.name for job in schedules.run_due()] == ["CUSTOMER"]
    schedule.refresh_from_db()
    assert schedule.state in ("ready", "idle")


def test_a42_the_review_has_one_line_per_mapping_and_starts_nothing_by_itself(hub, page):  # noqa: F811
    shown = lines_shown(page)
    assert set(shown) == {mapping.name for mapping in eligible_mappings(hub.connection)}
    assert all(line.direction == line.mapping.direction for line in shown.values())
    assert not FullSynch.objects.exists()


def test_a43_states_have_the_colours_of_the_specification():
    colours = {state.value: badge_of(state).colour for state in LineState}
    assert colours == {
        "": "secondary", "ready": "secondary", "running": "yellow", "finished": "green", "error": "red",
        "blocked": "secondary", "cancelled": "secondary",
    }  # fmt: skip
    directions = {word: badge_of(word).colour for word in ("running", "success", "error")}
    assert directions == {"running": "yellow", "success": "green", "error": "red"}
    assert badge_of(ScheduleState.ON_HOLD).colour == "secondary"


def test_a44_finished_parents_let_exactly_their_children_start(hub):  # noqa: F811
    hub.switch(ownership_model="person", unit_group_mapping=False, extended_pricing=False)
    names = ["CURRENCY", "UNIT OF MEASURE", "ITEM-PRODUCT", "CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE", "SALESPEOPLE",
             "CUSTOMER", "CONTACT"]  # fmt: skip
    run = waiting(hub, *names)
    done = run.lines.filter(mapping__name__in=names[:4])
    done.update(state=LineState.FINISHED)
    with nobody_works():
        advance_full_synch(full_synch_id=run.pk)
        started = {name for name, state in states(run).items() if state == "running"}
    assert started == {"SALESPRC-PRODPRICE", "SALESPEOPLE"}


def test_a45_declining_the_start_leaves_everything_blank(hub, page):  # noqa: F811
    question = page.post(f"{REVIEW}start/", {"mappings": ["CURRENCY"]})
    assert "Start" in question.content.decode()
    assert not FullSynch.objects.exists()


def test_a46_a_line_leads_to_exactly_its_own_run(hub, page):  # noqa: F811
    hub.run("CURRENCY")
    run = start_full_synch(connection=hub.connection, mappings=["CURRENCY"])
    line = lines_shown(page)["CURRENCY"]
    assert line.job == run.lines.get().jobs.get()


def test_a47_nothing_can_be_started_while_one_is_live(hub, page):  # noqa: F811
    waiting(hub, "CURRENCY")
    html = page.get(REVIEW).content.decode()
    assert "Start the full synchronisation?" not in html
    assert "Pause" in html
    page.post(f"{REVIEW}start/", {"mappings": ["CURRENCY"], "confirmed": "1", "unplanned": "1"})
    assert FullSynch.objects.count() == 1


def test_a48_a_full_run_leaves_the_cursors_where_the_next_one_goes_on(hub):  # noqa: F811
    hub.customer("Adatum")
    start_full_synch(connection=hub.connection, mappings=["CUSTOMER"])
    assert hub.cursor(System.BUSINESS_CENTRAL, "customers")
    assert hub.cursor(System.SALES, "accounts")
    job = hub.run("CUSTOMER")
    assert (job.inserted, job.modified) == (0, 0)


def test_a_paused_one_starts_nothing_and_goes_on_where_it_was(hub):  # noqa: F811
    run = waiting(hub, "CURRENCY", "CUSTOMER")
    control.pause_full_synch(full_synch=run)
    advance_full_synch(full_synch_id=run.pk)
    assert states(run) == {"CURRENCY": "", "CUSTOMER": ""}
    with pytest.raises(HubError):
        start_full_synch(connection=hub.connection)
    control.resume_full_synch(full_synch=run)
    run.refresh_from_db()
    assert (run.state, run.paused_at) == (JobState.SUCCEEDED, None)


def running_customers(hub) -> tuple[FullSynch, SynchJob]:  # noqa: F811
    """A full synchronisation whose line has a job that nobody works on yet."""
    run = waiting(hub, "CUSTOMER")
    line = run.lines.get()
    job = hub.start("CUSTOMER", JobMode.FULL, line=line, options=CREATING)
    FullSynchLine.objects.filter(pk=line.pk).update(state=LineState.RUNNING, started_at=timezone.now())
    return run, job


def test_a_job_that_is_paused_before_it_began_waits_until_it_is_resumed(hub):  # noqa: F811
    hub.customer("Adatum")
    run, job = running_customers(hub)
    control.pause_full_synch(full_synch=run)
    tasks.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, states(run)) == (JobState.QUEUED, {"CUSTOMER": "running"})
    control.resume_full_synch(full_synch=run)
    line = run.lines.get()
    assert (line.state, line.jobs.count()) == (LineState.FINISHED, 1)


def test_pausing_in_the_middle_keeps_the_place_and_resuming_writes_only_the_rest(hub):  # noqa: F811
    hub.create_customers(450)
    # Longer than the second in which a worker looks whether it is to pause.
    hub.sandbox.control("PUT", "/latency", {"sales": {"base_ms": 50, "per_operation_ms": 16}})
    run, job = running_customers(hub)

    def pause_on_the_way() -> None:
        try:
            while not SynchJob.objects.filter(pk=job.pk, done__gt=0).exists():
                time.sleep(0.05)
            control.pause_full_synch(full_synch=run)
        finally:
            connections.close_all()

    pausing = threading.Thread(target=pause_on_the_way)
    pausing.start()
    tasks.run_job(job.pk)
    pausing.join()
    job.refresh_from_db()
    assert (job.state, run.lines.get().state) == (JobState.INTERRUPTED, LineState.RUNNING)
    assert 0 < job.inserted < 450
    tick(now=timezone.now() + timedelta(minutes=5))
    job.refresh_from_db()
    assert job.state == JobState.INTERRUPTED
    hub.sandbox.control("PUT", "/latency", {"sales": {"base_ms": 0, "per_operation_ms": 0}})
    control.resume_full_synch(full_synch=run)
    job.refresh_from_db()
    run.refresh_from_db()
    assert (job.state, job.inserted, run.state) == (JobState.SUCCEEDED, 450, JobState.SUCCEEDED)
    assert job.operations.filter(kind="create").count() == 450


def test_a_paused_one_can_be_cancelled(hub):  # noqa: F811
    run = waiting(hub, "CURRENCY")
    control.pause_full_synch(full_synch=run)
    control.cancel_full_synch(full_synch=run)
    run.refresh_from_db()
    assert (run.state, run.paused_at) == (JobState.CANCELLED, None)


def test_a_line_that_is_left_out_stays_out_until_it_is_taken_in_and_blocks_nobody(hub, page):  # noqa: F811
    page.post(f"{REVIEW}leave-out/", {"mapping": "CURRENCY"})
    line = lines_shown(page)["CURRENCY"]
    assert (line.left_out, line.takes_part) == (True, False)
    hub.connection.refresh_from_db()
    run = start_full_synch(connection=hub.connection)
    assert "CURRENCY" not in states(run)
    assert states(run)["CUSTOMER"] == LineState.FINISHED
    page.post(f"{REVIEW}leave-out/", {"mapping": "CURRENCY", "action": "in"})
    hub.connection.refresh_from_db()
    assert hub.connection.full_synch_left_out == []


def test_a_plan_is_out_of_date_after_a_change_or_a_day(hub, page):  # noqa: F811
    run = start_full_synch(connection=hub.connection, mappings=["CUSTOMER"], preview=True)
    run.refresh_from_db()
    assert plan_problem(run, hub.connection) == ""
    page.post("/c/default/mappings/CUSTOMER/fields/", _all_fields(hub.mapping("CUSTOMER"), enabled=False))
    assert "CUSTOMER" in plan_problem(run, hub.connection)
    hub.connection.audit_entries.all().delete()
    FullSynch.objects.filter(pk=run.pk).update(finished_at=timezone.now() - timedelta(hours=25))
    run.refresh_from_db()
    assert "older than a day" in plan_problem(run, hub.connection)


def test_waves_follow_the_dependencies(hub, page):  # noqa: F811
    waves = waves_of([line for wave in page.get(REVIEW).context["waves"] for line in wave])
    position = {line.mapping.name: number for number, wave in enumerate(waves) for line in wave}
    assert all(position[parent] < position[name] for name, parents in depends_on(hub).items() for parent in parents)


def _all_fields(mapping: TableMapping, *, enabled: bool) -> dict[str, str]:
    field = mapping.fields.filter(enabled=True).exclude(direction="").last()
    return {f"direction-{field.pk}": field.direction} | ({f"enabled-{field.pk}": "on"} if enabled else {})
