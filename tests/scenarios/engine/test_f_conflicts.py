"""F. Update conflicts (scenarios 44 to 49), G. Deletion conflicts (50 to 54)."""

import pytest

from connector.choices import Direction, System
from coupling.choices import DeletionConflict, UpdateConflict
from coupling.models import Coupling
from syncjobs.choices import JobState, OperationState
from syncjobs.models import Operation
from tests.engine.live import BC, SALES
from tests.scenarios.engine.world import World, counted


def test_f44_unmapped_edits_on_both_sides_are_no_conflict(hub: World) -> None:
    """139165 NoFalsePositiveConflictWhenToIntegrationTableSyncAfterUnmappedFieldChange"""
    pair = hub.pair()
    hub.edit_customer(pair, taxLiable=True)
    hub.edit_account(pair, description="Unmapped")
    job = hub.run("CUSTOMER", direction=Direction.TO_SALES)
    assert (job.modified, job.failed, job.conflicts) == (0, 0, 0)


@pytest.mark.parametrize(
    ("direction", "expected"), [(Direction.TO_SALES, "Bergen"), (Direction.TO_BUSINESS_CENTRAL, "Graz")]
)
def test_f45_one_way_field_edited_on_both_sides_follows_its_source(
    hub: World, direction: Direction, expected: str
) -> None:
    """139165 NoFalsePositiveConflictWhenToIntegrationTableSyncAfterUnidirectionalFieldChange, …WhenFrom…"""
    hub.set_field("CUSTOMER", "address1_city", direction=direction)
    pair = hub.linked(hub.customer("Adatum", city="Oslo"), hub.account("Adatum", address1_city="Oslo"))
    hub.run_full("CUSTOMER")
    hub.edit_customer(pair, city="Bergen")
    hub.edit_account(pair, address1_city="Graz")
    assert counted(hub.run("CUSTOMER", direction=direction)) == {"modified": 1}
    assert hub.city_of_customer(pair) == hub.city_of_account(pair) == expected


def test_f46_different_fields_on_two_sides_conflict_where_records_count_as_a_whole(hub: World) -> None:
    """139165 FalsePositiveConflictWhenToIntegrationTableSyncAfterBidirectionalFieldChange: the built-in way is the
    setting “merge fields” off."""
    pair = hub.pair()
    hub.set("CUSTOMER", merge_fields=False)
    hub.edit_customer(pair, city="Bergen")
    hub.edit_account(pair, telephone1="1")
    job = hub.run("CUSTOMER", direction=Direction.TO_SALES)
    assert counted(job) == {"conflicts": 1}
    assert Operation.objects.get(job=job, state=OperationState.CONFLICT).error_message
    assert (hub.city_of_customer(pair), hub.city_of_account(pair)) == ("Bergen", "Oslo")


def test_f46_different_fields_on_two_sides_merge_by_default(hub: World) -> None:
    """139165 FalsePositiveConflict…: docs/differences.md, “Conflicts”."""
    pair = hub.pair()
    hub.edit_customer(pair, city="Bergen")
    hub.edit_account(pair, telephone1="1")
    assert counted(hub.run("CUSTOMER")) == {"modified": 2}
    assert hub.city_of_account(pair) == "Bergen"
    assert hub.bc.row("customers", pair.bc_key, "phoneNumber")["phoneNumber"] == "1"


@pytest.mark.parametrize("direction", [Direction.TO_SALES, Direction.TO_BUSINESS_CENTRAL])
def test_f47_same_field_on_both_sides_waits_for_a_person(hub: World, direction: Direction) -> None:
    """139165 TruePositiveConflictWhenToIntegrationTableSyncAfterBidirectionalFieldChange, …WhenFrom…"""
    pair = hub.pair()
    hub.edit_customer(pair, city="Bergen")
    hub.edit_account(pair, address1_city="Graz")
    assert counted(hub.run("CUSTOMER", direction=direction)) == {"conflicts": 1}
    assert (hub.city_of_customer(pair), hub.city_of_account(pair)) == ("Bergen", "Graz")


@pytest.mark.parametrize(
    ("policy", "expected"), [(UpdateConflict.SEND_TO_SALES, "Bergen"), (UpdateConflict.GET_FROM_SALES, "Graz")]
)
def test_f48_policy_settles_the_conflict(hub: World, policy: UpdateConflict, expected: str) -> None:
    """139165 AutomaticConflictResolutionToIntegrationTableAfterBidirectionalFieldChange"""
    hub.set("CUSTOMER", update_conflict_resolution=policy)
    pair = hub.pair()
    hub.edit_customer(pair, city="Bergen")
    hub.edit_account(pair, address1_city="Graz")
    assert counted(hub.run("CUSTOMER")) == {"modified": 1}
    assert hub.city_of_customer(pair) == hub.city_of_account(pair) == expected


def test_f49_both_touched_and_nothing_mapped_is_unchanged(hub: World) -> None:
    """139180 IgnoreUnchangedWhenNoFieldsWereModifiedButSourceAndDestinationInConflict"""
    pair = hub.pair()
    hub.edit_customer(pair, taxLiable=True)
    hub.edit_account(pair, description="Unmapped")
    assert counted(hub.run_full("CUSTOMER")) == {"unchanged": 1}


def delete_customer(hub: World, *, only_coupled: bool, one_way: bool = False) -> Coupling:
    pair = hub.pair()
    direction = Direction.TO_BUSINESS_CENTRAL if one_way else Direction.BIDIRECTIONAL
    hub.set("CUSTOMER", synch_only_coupled_records=only_coupled, direction=direction)
    hub.bc.delete("customers", pair.bc_key)
    return pair


ONLY_COUPLED = pytest.mark.parametrize("only_coupled", [True, False], ids=["only_coupled", "all"])
ONE_WAY = pytest.mark.parametrize("one_way", [False, True], ids=["both_ways", "one_way"])


def test_g50_deleted_partner_is_skipped_the_second_time(hub: World) -> None:
    """139165 FailedRecordedOnDeletedRecord"""
    delete_customer(hub, only_coupled=True)
    assert hub.run("CUSTOMER").skipped == 0
    assert hub.run("CUSTOMER").skipped == 1


@ONLY_COUPLED
def test_g51_without_a_policy_the_pair_fails_then_is_skipped_and_stays_coupled(hub: World, only_coupled: bool) -> None:
    """139165 AutoResolveDeletedRecordNoStrategyBidirectionalOnlyCoupled, …BidirectionalAll"""
    pair = delete_customer(hub, only_coupled=only_coupled)
    first, second = hub.run("CUSTOMER"), hub.run("CUSTOMER")
    assert (counted(first), counted(second)) == ({"failed": 1}, {"skipped": 1})
    pair.refresh_from_db()
    assert (pair.missing, first.state) == (System.BUSINESS_CENTRAL, JobState.PARTLY)
    assert hub.names(SALES) == ["Adatum"]


@ONLY_COUPLED
@ONE_WAY
def test_g52_g53_policy_remove_coupling_lets_the_survivor_go(hub: World, only_coupled: bool, one_way: bool) -> None:
    """139165 AutoResolveDeletedRecordRemoveCouplingBidirectionalOnlyCoupled, …BidirectionalAll,
    …UnidirectionalOnlyCoupled, …UnidirectionalAll"""
    hub.set("CUSTOMER", deletion_conflict_resolution=DeletionConflict.REMOVE_COUPLING)
    pair = delete_customer(hub, only_coupled=only_coupled, one_way=one_way)
    job = hub.run("CUSTOMER")
    assert (job.skipped, job.failed) == (0, 0)
    assert not Coupling.objects.filter(pk=pair.pk).exists()
    assert hub.exists(SALES, "accounts", pair.sales_key)


@ONE_WAY
def test_g54_policy_restore_makes_the_record_again(hub: World, one_way: bool) -> None:
    """139165 AutoResolveDeletedRecordRestoreRecordsBidirectionalOnlyCoupled, …UnidirectionalOnlyCoupled"""
    hub.set("CUSTOMER", deletion_conflict_resolution=DeletionConflict.RESTORE_RECORDS)
    pair = delete_customer(hub, only_coupled=True, one_way=one_way)
    assert counted(hub.run("CUSTOMER")) == {"inserted": 1}
    made = hub.coupling("CUSTOMER", sales_key=pair.sales_key)
    assert made.bc_key != pair.bc_key
    assert hub.names(BC) == hub.names(SALES) == ["Adatum"]
    assert hub.exists(BC, "customers", made.bc_key)
