"""C. Change detection, echoes, clock skew (scenarios 19 to 32).

The built-in integration compares time stamps; the hub compares the values both sides last agreed on. What people see is
the same: an edit arrives once, an echo is no change, and no clock can make a run miss or repeat anything.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from connector.choices import Direction
from coupling.choices import CouplingState
from coupling.models import Coupling
from syncjobs.choices import JobMode, JobState
from tests.engine.live import BC, SALES
from tests.scenarios.engine.world import World, counted

SKEW = pytest.mark.parametrize("skew", [0, 300, -300], ids=["in_step", "ahead", "behind"])


def test_c19_freshly_coupled_pair_counts_as_changed_until_it_was_synchronised(hub: World) -> None:
    """139161 CoupledRecordsAreNewerUntilSynched"""
    pair = hub.linked(hub.customer(city="Oslo"), hub.account("Adatum", address1_city="Graz"))
    never = CouplingState.NEVER_SYNCHRONISED
    assert Coupling.objects.with_state().get(pk=pair.pk).state == never
    assert hub.run("CUSTOMER", JobMode.FULL, direction=Direction.TO_SALES).conflicts == 1
    assert counted(hub.force(pair, BC)) == {"modified": 1}
    assert hub.run("CUSTOMER").modified == 0
    hub.edit_account(pair, address1_city="Graz")
    assert counted(hub.run("CUSTOMER")) == {"modified": 1}


def test_c20_new_account_is_inserted_once_and_then_left_alone(hub: World) -> None:
    """139165 SynchronizeNewRecordFromCRMShouldOnlyInsertOnceAndUpdateOnNextSynch: a row whose echo is recognised is not
    even looked at, so nothing is counted as unchanged."""
    hub.may_create()
    hub.account()
    assert hub.run("CUSTOMER").inserted == 1
    for _ in range(2):
        job = hub.run("CUSTOMER")
        assert (job.inserted, job.modified, job.failed) == (0, 0, 0)
    assert hub.names(BC) == hub.names(SALES) == ["Contoso"]


@SKEW
def test_c21_nothing_to_do_counts_nothing_whatever_the_clock_says(hub: World, skew: int) -> None:
    """139180 LastSyncTimeNotUpdatedIfNothingToSyncCRMClockSynced, …ClockBehind, …ClockAhead"""
    hub.clock(skew)
    pair = hub.pair()
    before = Coupling.objects.values_list("last_synchronised_at", "bc_token", "sales_token").get(pk=pair.pk)
    for _ in range(2):
        assert counted(hub.run("CUSTOMER")) == {}
    after = Coupling.objects.values_list("last_synchronised_at", "bc_token", "sales_token").get(pk=pair.pk)
    assert after == before


@SKEW
def test_c22_conflict_leaves_both_sides_and_is_met_again(hub: World, skew: int) -> None:
    """139180 LastSyncTimeUpdatedCorrectlyWhenSyncFailedCRMClockSynced, …ClockBehind, …ClockAhead: one job for both
    directions, a conflict counts once."""
    hub.clock(skew)
    pair = hub.pair()
    base = dict(pair.bc_base)
    hub.edit_customer(pair, city="Bergen")
    hub.edit_account(pair, address1_city="Graz")
    job = hub.run("CUSTOMER")
    assert (job.state, counted(job)) == (JobState.PARTLY, {"conflicts": 1})
    assert (hub.city_of_customer(pair), hub.city_of_account(pair)) == ("Bergen", "Graz")
    pair.refresh_from_db()
    assert pair.conflict
    assert pair.bc_base["city"] == base["city"] == "Oslo"


@pytest.mark.parametrize("skew", [0, 300], ids=["in_step", "ahead"])
def test_c23_first_contact_becomes_primary_and_that_is_no_change_of_its_customer(hub: World, skew: int) -> None:
    """139180 LastSyncTimeUpdatedCorrectlyAfterFixingCustomerPrimaryContactNoCRMClockSynced, …ClockAhead"""
    hub.clock(skew)
    pair = hub.pair()
    contact = hub.sales.create(
        "contacts", lastname="Vance", **{"parentcustomerid_account@odata.bind": f"/accounts({pair.sales_key})"}
    )
    assert hub.run_full("CONTACT").inserted == 1
    made = hub.coupling("CONTACT", sales_key=contact)
    number = hub.bc.row("contacts", made.bc_key, "number")["number"]
    shown = hub.bc.row("workflowCustomers", pair.bc_key, "primaryContactNumber")
    assert shown["primaryContactNumber"] == number
    assert hub.sales.row("accounts", pair.sales_key, "_primarycontactid_value") == {
        "_primarycontactid_value": str(contact)
    }
    job = hub.run("CUSTOMER")
    assert (job.modified, job.failed, job.conflicts) == (0, 0, 0)


@pytest.mark.parametrize("skew", [300, -300], ids=["ahead", "behind"])
def test_c24_customer_renamed_twice_arrives_twice(hub: World, skew: int) -> None:
    """139180 SyncChangeToCrmTwoTimesWhenCrmClockBehind, SyncChangeToCrmTwoTimesCrmClockAhead"""
    hub.clock(skew)
    pair = hub.pair()
    for name in ("First", "Second"):
        hub.edit_customer(pair, displayName=name)
        assert counted(hub.run("CUSTOMER")) == {"modified": 1}
        assert hub.names(SALES) == hub.names(BC) == [name]


@pytest.mark.parametrize("skew", [300, -300], ids=["ahead", "behind"])
def test_c25_account_renamed_twice_arrives_twice(hub: World, skew: int) -> None:
    """139180 SyncChangeFromCrmTwoTimesWhenCrmClockBehind, SyncChangeFromCrmTwoTimesWhenCrmClockAhead"""
    hub.clock(skew)
    pair = hub.pair()
    for name in ("First", "Second"):
        hub.edit_account(pair, name=name)
        assert hub.run("CUSTOMER").modified == 1
        assert hub.names(SALES) == hub.names(BC) == [name]
    assert hub.run("CUSTOMER").modified == 0


@pytest.mark.parametrize("skew", [300, -300], ids=["ahead", "behind"])
def test_c26_an_edit_on_each_side_in_turn_arrives_once(hub: World, skew: int) -> None:
    """139180 SyncChangeToCrmThenSyncChangeFromCrmWhenCrmClockBehind, …WhenCrmClockAhead"""
    hub.clock(skew)
    pair = hub.pair()
    hub.edit_customer(pair, displayName="First")
    assert hub.run("CUSTOMER").modified == 1
    hub.edit_account(pair, name="Second")
    assert hub.run("CUSTOMER").modified == 1
    assert hub.run("CUSTOMER").modified == 0
    assert hub.names(SALES) == hub.names(BC) == ["Second"]


def test_c27_edits_under_the_hubs_own_account_count_like_any_others(hub: World) -> None:
    """139169 TestSynchFromCRMIncludesChangesByIntegrationUser: the tests edit as the hub's own application."""
    hub.may_create()
    hub.set("CUSTOMER", direction=Direction.TO_BUSINESS_CENTRAL)
    for name in ("First", "Second", "Third"):
        hub.account(name)
    assert counted(hub.run("CUSTOMER")) == {"inserted": 3}
    assert hub.names(BC) == ["First", "Second", "Third"]


def test_c28_row_stamped_in_the_future_hides_nothing(hub: World) -> None:
    """139169 SynchUpdatesLastSynchModifiedOnWhenDataChanges"""
    hub.may_create()
    hub.clock(24 * 3600)
    hub.account("Tomorrow's")
    hub.clock(0)
    hub.account("Today's")
    assert hub.run("CUSTOMER").inserted == 2
    hub.account("Later")
    hub.customer("Adatum")
    assert hub.run("CUSTOMER").inserted == 2
    watermark = datetime.fromisoformat(hub.cursor(BC, "customers"))
    assert watermark <= datetime.now(UTC) + timedelta(seconds=5)


def test_c29_watermark_never_goes_back(hub: World) -> None:
    """139169 SynchUpdatesLastSynchModifiedOnWhenNoDataChanges"""
    pair = hub.pair()
    before = hub.cursor(BC, "customers")
    hub.edit_customer(pair, taxLiable=True)
    hub.run("CUSTOMER")
    assert hub.cursor(BC, "customers") >= before


def test_c30_edit_of_an_unmapped_field_writes_nothing(hub: World) -> None:
    """139180 SynchModifiedRecordWithNonMappedFieldToCRM: the pair's state stays “in sync”."""
    pair = hub.pair()
    hub.edit_customer(pair, taxLiable=True)
    job = hub.run("CUSTOMER")
    assert (job.modified, job.failed) == (0, 0)
    assert Coupling.objects.with_state().get(pk=pair.pk).state == CouplingState.IN_SYNC


def test_c31_full_run_reads_everything_again_and_starts_new_cursors(hub: World) -> None:
    """139165 MappingPageInvokeSynchonizeAllClearsModifiedOnDateTimes"""
    pair = hub.pair()
    nonsense = "2099-01-01T00:00:00Z"
    hub.connection.cursors.filter(system=BC, table="customers").update(cursor=nonsense)
    hub.edit_customer(pair, displayName="Renamed")
    job = hub.run("CUSTOMER", JobMode.FULL)
    assert job.modified == 1
    assert hub.names(SALES) == ["Renamed"]
    assert hub.cursor(BC, "customers") < nonsense


@pytest.mark.parametrize("count", [400, 1200])
def test_c32_any_number_of_records_is_named_in_few_requests(hub: World, count: int) -> None:
    """139180 SplitTableFilterNothingToSplit, SplitTableFilterIntoChunks: keys are asked for in parts of a size the
    service takes. A mapping's filter is never sent: the database evaluates it, whatever its operators."""
    hub.create_customers(60)
    keys = [record.key for record in hub.bc.client.query("customers", properties=[])]
    unknown = [UUID(int=number + 1) for number in range(count - len(keys))]
    hub.requests()
    found = hub.bc.client.read_records("customers", [*keys, *unknown], properties=["displayName"])
    assert set(found) == set(keys)
    assert hub.request_count() <= 3
