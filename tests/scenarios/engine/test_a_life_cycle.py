"""A. Job life cycle and direction (scenarios 1 to 7)."""

import pytest

from connector.choices import Direction
from connector.errors import HubError
from coupling.models import Coupling
from syncjobs.choices import JobMode, JobState, OperationState
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import Operation, SynchJob
from tests.engine.live import BC, CREATING, SALES
from tests.scenarios.engine.world import World, counted


def test_a01_mapping_without_fields_stops_with_an_error_of_the_job(hub: World) -> None:
    """139165 MissingFieldMappingFailsHard"""
    hub.customer()
    hub.mapping("CUSTOMER").fields.all().delete()
    job = hub.run_full("CUSTOMER")
    assert (job.state, counted(job)) == (JobState.FAILED, {})
    assert "field" in job.message
    assert job.hint
    assert not Operation.objects.exists()


def test_a01_mapping_whose_fields_all_go_the_other_way_stops_too(hub: World) -> None:
    """139165 MissingFieldMappingFailsHard"""
    hub.customer()
    hub.mapping("CUSTOMER").fields.update(direction="to_business_central")
    job = hub.run("CUSTOMER", JobMode.FULL, direction=Direction.TO_SALES, options=CREATING)
    assert (job.state, counted(job)) == (JobState.FAILED, {})
    assert "Sales" in job.message


def test_a02_empty_table_succeeds_with_nothing_counted(hub: World) -> None:
    """139165 ProcessingZeroRows"""
    job = hub.run_full("CUSTOMER")
    assert (job.state, counted(job), Operation.objects.count()) == (JobState.SUCCEEDED, {}, 0)


@pytest.mark.parametrize(
    ("direction", "forbidden"),
    [(Direction.TO_SALES, Direction.TO_BUSINESS_CENTRAL), (Direction.TO_BUSINESS_CENTRAL, Direction.TO_SALES)],
)
def test_a03_run_against_the_mappings_direction_is_refused(
    hub: World, direction: Direction, forbidden: Direction
) -> None:
    """139165 CannotSynchAgainstMappingDirection: a run that is asked for does not even begin."""
    hub.set("CUSTOMER", direction=direction)
    with pytest.raises(HubError) as refused:
        hub.start("CUSTOMER", direction=forbidden)
    assert "CUSTOMER" in str(refused.value)
    assert not SynchJob.objects.exists()


def test_a03_record_of_the_wrong_side_is_left_without_a_trace(hub: World) -> None:
    """139165 CannotSynchAgainstMappingDirection"""
    hub.set("CUSTOMER", direction=Direction.TO_SALES)
    account = hub.account()
    options = RunOptions(ignore_only_coupled=True).with_pairs([PairRef(None, account)])
    job = hub.run("CUSTOMER", JobMode.SELECTED, options=options)
    assert (job.state, counted(job), hub.names(BC)) == (JobState.SUCCEEDED, {}, [])


@pytest.mark.parametrize("direction", list(Direction))
def test_a04_job_says_the_mappings_direction(hub: World, direction: Direction) -> None:
    """139169 SynchZeroItemsPopulatesDefaultSynchDirectionToMatchMapping, BidirectionalSynchCreatesTwoJobs: one job
    per request; both directions are added up."""
    hub.set("CUSTOMER", direction=direction)
    job = hub.run("CUSTOMER")
    assert (job.direction, job.state, counted(job)) == (direction, JobState.SUCCEEDED, {})


@pytest.mark.parametrize("side", ["business_central_filter", "sales_filter"])
def test_a05_filter_that_cannot_be_read_stops_the_run(hub: World, side: str) -> None:
    """139169 SynchInvalidViewCausesError"""
    hub.customer()
    hub.account()
    hub.set("CUSTOMER", **{side: "name eq '"})
    job = hub.run_full("CUSTOMER")
    assert (job.state, counted(job)) == (JobState.FAILED, {})
    assert "filter" in job.message.lower()
    assert not Coupling.objects.exists()


def test_a06_record_whose_partner_cannot_be_taken_fails_alone(hub: World) -> None:
    """139165 SynchronizeSucceedsWithLoggedErrorWhenFindCoupledRecordEventFails"""
    hub.switch(unit_group_mapping=False)
    group = hub.sales.create("uomschedules", name="NAV PCS", baseuomname="PCS")
    hub.sales.update("uomschedules", group, statecode=1, statuscode=2)
    unit = next(row.key for row in hub.bc.client.query("unitsOfMeasure", properties=[], filter="code eq 'PCS'"))
    options = RunOptions(ignore_only_coupled=True).with_pairs([PairRef(unit, None)])
    job = hub.run("UNIT OF MEASURE", JobMode.SELECTED, options=options)
    assert (job.state, counted(job)) == (JobState.PARTLY, {"failed": 1})
    assert Operation.objects.get(state=OperationState.FAILED).error_message


def test_a07_one_run_fills_both_sides(hub: World) -> None:
    """139169 BidirectionalSynchCanUpdateDataInBothSystems"""
    hub.may_create()
    for name in ("Adatum", "Contoso"):
        hub.customer(name)
    for name in ("Fabrikam", "Litware"):
        hub.account(name)
    job = hub.run("CUSTOMER")
    assert (job.inserted, job.failed) == (4, 0)
    assert hub.names(BC) == hub.names(SALES) == ["Adatum", "Contoso", "Fabrikam", "Litware"]
