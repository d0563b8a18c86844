"""B. Insert, modify, unchanged, force (scenarios 8 to 18)."""

import pytest

from connector.choices import Direction
from coupling.models import Coupling
from syncjobs.choices import OperationKind
from syncjobs.models import Operation
from tests.engine.live import BC, SALES
from tests.scenarios.engine.world import World, counted


def kinds() -> list[str]:
    return sorted(Operation.objects.filter(preview=False).values_list("kind", flat=True))


def test_b08_new_rows_in_sales_are_inserted_once_each(hub: World) -> None:
    """139165 InsertRowsFromIntegrationTable, SynchNewIntegrationTableRecord"""
    hub.may_create()
    hub.account("First")
    assert hub.run("CUSTOMER").inserted == 1
    hub.account("Second")
    hub.account("Third")
    assert hub.run("CUSTOMER").inserted == 2
    created = Operation.objects.filter(kind=OperationKind.CREATE)
    assert created.count() == created.values("sales_key").distinct().count() == 3
    assert hub.names(BC) == ["First", "Second", "Third"]


def test_b09_new_record_of_business_central_is_created_and_coupled(hub: World) -> None:
    """139165 SynchNewRecord"""
    hub.may_create()
    key = hub.customer()
    assert counted(hub.run("CUSTOMER")) == {"inserted": 1}
    assert hub.sales.row("accounts", hub.coupling("CUSTOMER", bc_key=key).sales_key, "name")["name"] == "Adatum"


def test_b10_changed_row_is_modified_and_nothing_inserted(hub: World) -> None:
    """139165 ModifyRowFromIntegrationTable, SynchCoupledIntegrationTableRecord"""
    pair = hub.pair()
    hub.edit_account(pair, address1_city="Graz")
    Operation.objects.all().delete()
    assert counted(hub.run("CUSTOMER")) == {"modified": 1}
    assert kinds() == ["update"]


def test_b11_row_that_did_not_change_is_not_written(hub: World) -> None:
    """139165 UnchangedRowFromIntegrationTable"""
    hub.pair()
    Operation.objects.all().delete()
    assert counted(hub.run_full("CUSTOMER")) == {"unchanged": 1}
    assert kinds() == []


def test_b12_forced_run_modifies_what_a_first_run_inserted(hub: World) -> None:
    """139165 InsertModifyRowsFromIntegrationTable"""
    pair = hub.pair()
    hub.edit_account(pair, address1_city="Graz")
    assert counted(hub.force(pair, BC)) == {"modified": 1}
    assert hub.city_of_account(pair) == "Oslo"


def test_b13_forced_run_overwrites_what_an_ordinary_run_leaves(hub: World) -> None:
    """139165 ForceSynchCoupledIntegrationTableRecord"""
    pair = hub.pair()
    hub.edit_customer(pair, city="Bergen")
    hub.edit_account(pair, address1_city="Graz")
    hub.run("CUSTOMER", direction=Direction.TO_BUSINESS_CENTRAL)
    assert hub.city_of_customer(pair) == "Bergen"
    assert counted(hub.force(pair, SALES)) == {"modified": 1}
    assert hub.city_of_customer(pair) == "Graz"


@pytest.mark.parametrize(
    ("direction", "city"), [(Direction.TO_SALES, "Bergen"), (Direction.TO_BUSINESS_CENTRAL, "Graz")]
)
def test_b14_one_way_mapping_overwrites_the_other_sides_edit(hub: World, direction: Direction, city: str) -> None:
    """139165 OneWaySynchIgnoresDestinationChanges"""
    pair = hub.pair()
    hub.set("CUSTOMER", direction=direction)
    hub.edit_customer(pair, city="Bergen")
    hub.edit_account(pair, address1_city="Graz")
    assert counted(hub.run("CUSTOMER")) == {"modified": 1}
    assert hub.city_of_customer(pair) == hub.city_of_account(pair) == city


def test_b15_record_that_is_recognised_is_coupled_and_not_doubled(hub: World) -> None:
    """139165 UncoupledRecordFoundInFindRecord: currencies by their ISO code."""
    record = next(iter(hub.bc.client.query("currencies", properties=["code"])))
    code = record.values["code"]
    existing = hub.sales.create(
        "transactioncurrencies",
        isocurrencycode=code,
        currencyname="By hand",
        currencysymbol=code,
        exchangerate=1,
        currencyprecision=2,
    )
    hub.run_full("CURRENCY")
    assert hub.coupling("CURRENCY", bc_key=record.key).sales_key == existing
    codes = [row["isocurrencycode"] for row in hub.sales.rows("transactioncurrencies", "isocurrencycode")]
    assert len(codes) == len(set(codes))


def test_b16_only_coupled_rows_travel_where_the_mapping_says_so(hub: World) -> None:
    """139169 SynchOnlyCoupledRecordsMapping"""
    pair = hub.pair()
    hub.account("Uncoupled")
    hub.edit_account(pair, address1_city="Graz")
    assert counted(hub.run("CUSTOMER")) == {"modified": 1}
    assert hub.names(BC) == ["Adatum"]


def test_b17_filter_decides_who_gets_a_partner(hub: World) -> None:
    """139169 SynchFilteredViewToCRM"""
    hub.may_create()
    hub.set("CUSTOMER", business_central_filter="city eq 'Oslo'", direction=Direction.TO_SALES)
    hub.customer("First", city="Oslo")
    hub.customer("Second", city="Oslo")
    third = hub.customer("Third", city="Bergen")
    assert counted(hub.run("CUSTOMER")) == {"inserted": 2}
    assert hub.names(SALES) == ["First", "Second"]
    hub.set("CUSTOMER", business_central_filter="")
    pair = hub.linked(third, hub.account("Another"))
    hub.bc.update("customers", third, displayName="Third of all")
    hub.run("CUSTOMER")
    assert hub.sales.row("accounts", pair.sales_key, "name")["name"] == "Third of all"


def test_b18_scheduled_run_creates_and_later_updates_a_customer(hub: World) -> None:
    """139169 SynchUncoupledCRMAccountToCustomer, SyncCoupledCRMAccountToCustomer"""
    hub.may_create()
    account = hub.account()
    assert hub.run("CUSTOMER").inserted == 1
    pair = hub.coupling("CUSTOMER", sales_key=account)
    hub.edit_account(pair, address1_city="Graz")
    assert counted(hub.run("CUSTOMER")) == {"modified": 1}
    assert hub.city_of_customer(pair) == "Graz"
    assert Coupling.objects.get().pk == pair.pk


@pytest.mark.parametrize("blocked", ["_x0020_", "Ship"])
def test_a60_deactivated_account_blocks_its_customer_once(hub: World, blocked: str) -> None:
    """A60 of the setup's scenarios: reactivating unblocks nobody, and who unblocks the customer is left alone."""
    pair = hub.pair()
    hub.edit_customer(pair, blocked=blocked)
    hub.run("CUSTOMER")
    hub.edit_account(pair, statecode=1, statuscode=2)
    assert hub.run("CUSTOMER").failed == 0
    expected = "All" if blocked == "_x0020_" else blocked
    assert hub.bc.row("customers", pair.bc_key, "blocked") == {"blocked": expected}
    hub.edit_customer(pair, blocked="_x0020_")
    assert hub.run("CUSTOMER").modified == 0
    hub.edit_account(pair, statecode=0, statuscode=1)
    assert (hub.run("CUSTOMER").failed, hub.city_of_account(pair)) == (0, "Oslo")
    assert hub.bc.row("customers", pair.bc_key, "blocked") == {"blocked": "_x0020_"}
