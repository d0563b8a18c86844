"""Full synchronisations: order, blocking, restart, cancel, preview."""

import pytest

from connector.errors import ErrorKind, HubError
from coupling.models import Coupling
from syncjobs.choices import JobState, LineState
from syncjobs.models import FullSynch, FullSynchLine, SynchJob
from syncjobs.services.full_synch import advance_full_synch, blocked_by, start_full_synch
from syncjobs.services.full_synch_control import accept_failures, cancel_full_synch, restart_lines, retry_failed
from tests.engine.live import Hub

NAMES = ["CURRENCY", "CUSTOMER", "VENDOR"]


def start(hub: Hub, **arguments) -> FullSynch:
    """The queue of the tests runs jobs at once, so it has ended when this returns."""
    full_synch = start_full_synch(connection=hub.connection, mappings=arguments.pop("mappings", NAMES), **arguments)
    full_synch.refresh_from_db()
    return full_synch


def states(full_synch: FullSynch) -> dict[str, str]:
    return dict(full_synch.lines.values_list("mapping__name", "state"))


def test_lines_run_in_dependency_order_and_create_partners(hub: Hub) -> None:
    hub.bc.create("customers", displayName="Adatum")
    full_synch = start(hub)
    assert full_synch.state == JobState.SUCCEEDED, full_synch.message
    assert states(full_synch) == dict.fromkeys(NAMES, LineState.FINISHED)
    jobs = SynchJob.objects.filter(full_synch_line__full_synch=full_synch).order_by("started_at")
    assert [job.mapping.name for job in jobs] == NAMES
    assert Coupling.objects.filter(mapping__name="CUSTOMER").count() == 1
    line = full_synch.lines.get(mapping__name="CUSTOMER")
    assert (line.to_sales, line.to_business_central) == ("success", "success")


def test_only_coupled_of_the_mapping_stays_as_it_is(hub: Hub) -> None:
    start(hub)
    assert hub.mapping("CUSTOMER").synch_only_coupled_records


def test_preview_counts_and_writes_nothing(hub: Hub) -> None:
    hub.bc.create("customers", displayName="Adatum")
    hub.sales.create("accounts", name="Contoso", customertypecode=3)
    full_synch = start(hub, preview=True, mappings=["CUSTOMER"])
    plan = full_synch.lines.get().plan
    assert (plan["create_in_sales"], plan["create_in_business_central"]) == (1, 1)
    assert not Coupling.objects.exists()
    assert len(hub.sales.rows("accounts", "name")) == 1


def test_failed_line_blocks_its_dependents_and_a_restart_releases_them(hub: Hub) -> None:
    hub.sandbox.control("PUT", "/profile", {"sales": {"denied": ["prvReadTransactionCurrency"]}})
    full_synch = start(hub)
    assert states(full_synch) == {
        "CURRENCY": LineState.ERROR,
        "CUSTOMER": LineState.BLOCKED,
        "VENDOR": LineState.BLOCKED,
    }
    assert full_synch.state == JobState.PARTLY
    lines = list(full_synch.lines.select_related("mapping"))
    assert blocked_by(next(line for line in lines if line.mapping.name == "CUSTOMER"), lines) == ["CURRENCY"]
    hub.sandbox.control("PUT", "/profile", {"sales": {"denied": []}})
    restart_lines(full_synch=full_synch, mappings=["CURRENCY"])
    full_synch.refresh_from_db()
    assert full_synch.state == JobState.SUCCEEDED
    assert set(states(full_synch).values()) == {LineState.FINISHED}


def test_failed_records_do_not_fail_the_line(hub: Hub) -> None:
    hub.sales.create("accounts", name="Good", customertypecode=3)
    hub.sales.create("accounts", name="Bad", customertypecode=3, address1_country="Atlantis")
    full_synch = start(hub)
    line = full_synch.lines.get(mapping__name="CUSTOMER")
    assert (line.state, line.to_sales, line.to_business_central) == (LineState.FINISHED, "success", "error")
    assert full_synch.state == JobState.PARTLY
    assert Coupling.objects.filter(mapping__name="CUSTOMER").count() == 1


def test_second_one_is_refused_while_one_is_live(hub: Hub) -> None:
    FullSynch.objects.create(connection=hub.connection, state=JobState.RUNNING)
    with pytest.raises(HubError) as refused:
        start_full_synch(connection=hub.connection)
    assert refused.value.kind == ErrorKind.CONFLICT


def test_unknown_mapping_and_impossible_direction_are_refused(hub: Hub) -> None:
    for arguments in ({"mappings": ["NOBODY"]}, {"directions": {"CURRENCY": "to_business_central"}}):
        with pytest.raises(HubError) as refused:
            start_full_synch(connection=hub.connection, **arguments)
        assert refused.value.kind == ErrorKind.DATA
    assert not FullSynch.objects.exists()


def test_parent_that_is_not_in_the_list_does_not_block(hub: Hub) -> None:
    full_synch = start(hub, mappings=["VENDOR"])
    assert full_synch.lines.get().depends_on == []
    assert full_synch.state == JobState.SUCCEEDED


def test_cancelled_one_starts_nothing_new(hub: Hub) -> None:
    full_synch = FullSynch.objects.create(connection=hub.connection, state=JobState.RUNNING)
    for order, name in enumerate(["CURRENCY", "CUSTOMER"]):
        mapping = hub.mapping(name)
        FullSynchLine.objects.create(
            full_synch=full_synch, mapping=mapping, direction=mapping.direction, order=order,
            depends_on=["CURRENCY"] if order else [],
        )  # fmt: skip
    line = full_synch.lines.get(mapping__name="CURRENCY")
    job = hub.start("CURRENCY", line=line)
    FullSynchLine.objects.filter(pk=line.pk).update(state=LineState.RUNNING)
    cancel_full_synch(full_synch=full_synch)
    full_synch.refresh_from_db()
    job.refresh_from_db()
    assert (full_synch.state, job.state) == (JobState.CANCELLED, JobState.CANCELLED)
    assert states(full_synch) == {"CURRENCY": LineState.CANCELLED, "CUSTOMER": LineState.BLANK}


def test_only_so_many_lines_run_at_once_and_those_that_never_overlap_count_as_one(hub: Hub) -> None:
    full_synch = FullSynch.objects.create(connection=hub.connection, state=JobState.RUNNING)
    for order, name in enumerate(NAMES):
        mapping = hub.mapping(name)
        FullSynchLine.objects.create(full_synch=full_synch, mapping=mapping, direction=mapping.direction, order=order)
    line = full_synch.lines.get(mapping__name="CURRENCY")
    hub.start("CURRENCY", line=line)
    FullSynchLine.objects.filter(pk=line.pk).update(state=LineState.RUNNING)
    for places, others in ((1, LineState.BLANK), (2, LineState.FINISHED)):
        type(hub.connection).objects.update(full_synch_parallel=places)
        advance_full_synch(full_synch_id=full_synch.pk)
        assert states(full_synch) == {"CURRENCY": LineState.RUNNING, "CUSTOMER": others, "VENDOR": others}


def test_line_whose_job_ended_unnoticed_is_found_by_the_tick(hub: Hub) -> None:
    full_synch = start(hub, mappings=["CURRENCY"])
    FullSynch.objects.filter(pk=full_synch.pk).update(state=JobState.RUNNING)
    full_synch.lines.update(state=LineState.RUNNING)
    advance_full_synch(full_synch_id=full_synch.pk)
    full_synch.refresh_from_db()
    assert full_synch.state == JobState.SUCCEEDED


def one_good_and_one_bad(hub: Hub):
    hub.sales.create("accounts", name="Good", customertypecode=3)
    return hub.sales.create("accounts", name="Bad", customertypecode=3, address1_country="Atlantis")


def test_dependents_are_held_back_while_too_many_records_of_their_parent_failed(hub: Hub) -> None:
    one_good_and_one_bad(hub)
    full_synch = start(hub, mappings=["CUSTOMER", "CONTACT", "VENDOR"])
    assert states(full_synch) == {"CUSTOMER": "finished", "VENDOR": "finished", "CONTACT": "blocked"}
    assert full_synch.state == JobState.PARTLY
    assert "CONTACT waits for your decision: more than 20 % of the records of CUSTOMER" in full_synch.message
    lines = list(full_synch.lines.select_related("mapping"))
    assert blocked_by(next(line for line in lines if line.mapping.name == "CONTACT"), lines) == ["CUSTOMER"]
    accept_failures(full_synch=full_synch, mappings=["CUSTOMER"])
    assert states(full_synch)["CONTACT"] == "finished"


def test_retrying_what_failed_takes_only_that_and_releases_the_dependents(hub: Hub) -> None:
    bad = one_good_and_one_bad(hub)
    full_synch = start(hub, mappings=["CUSTOMER", "CONTACT"])
    hub.sales.update("accounts", bad, address1_country="DK")
    retry_failed(full_synch=full_synch, mappings=["CUSTOMER"])
    full_synch.refresh_from_db()
    assert states(full_synch) == {"CUSTOMER": "finished", "CONTACT": "finished"}
    assert full_synch.state == JobState.SUCCEEDED
    line = full_synch.lines.get(mapping__name="CUSTOMER")
    assert [(job.mode, job.inserted) for job in line.jobs.order_by("id")] == [("full", 1), ("selected", 1)]
    assert (line.failed_percent, line.to_business_central) == (0, "success")
    with pytest.raises(HubError) as refused:
        retry_failed(full_synch=full_synch, mappings=["CUSTOMER"])
    assert refused.value.code == "full_synch.none_failed"


def test_few_failures_and_a_restarted_dependent_are_not_held_back(hub: Hub) -> None:
    one_good_and_one_bad(hub)
    full_synch = start(hub, mappings=["CUSTOMER", "CONTACT"])
    restart_lines(full_synch=full_synch, mappings=["CONTACT"])
    assert states(full_synch)["CONTACT"] == "finished"
    hub.connection.full_synch_hold_percent = 50
    hub.connection.save()
    assert states(start(hub, mappings=["CUSTOMER", "CONTACT"]))["CONTACT"] == "finished"
