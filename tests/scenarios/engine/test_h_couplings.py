"""H. Integrity of couplings (scenarios 55 to 63)."""

import pytest
from django.db import IntegrityError, transaction

from coupling.exceptions import AlreadyCoupledError
from coupling.models import Coupling
from coupling.services.couplings import couple, move, uncouple
from tests.engine.live import BC, SALES
from tests.scenarios.engine.world import World


def test_h55_partner_is_found_from_either_side(hub: World, api) -> None:
    """139161 SimpleCRMToNAVLookup, SimpleNAVToCRMLookup"""
    pair = hub.pair()
    for system, table, key, partner in (
        (BC, "customers", pair.bc_key, pair.sales_key),
        (SALES, "accounts", pair.sales_key, pair.bc_key),
    ):
        rows = api("salesperson").get(f"records/{system}/{table}/").json()["results"]
        shown = next(row for row in rows if row["id"] == str(key))
        assert shown["coupling"]["partner_id"] == str(partner)


def test_h56_two_free_records_are_coupled(hub: World) -> None:
    """139161 CanCoupleCRMIDToRecord, CanCoupleRecordToCRMID"""
    customer, account = hub.customer(), hub.account()
    made = couple(mapping=hub.mapping("CUSTOMER"), bc_key=customer, sales_key=account)
    assert Coupling.objects.get(bc_key=customer) == Coupling.objects.get(sales_key=account) == made


def test_h57_coupled_customer_takes_no_second_account(hub: World) -> None:
    """139161 CannotCreateCouplingToAlreadyCoupledRecord, CannotUpdateCouplingToAlreadyCoupledRecord"""
    mapping = hub.mapping("CUSTOMER")
    first, second = hub.account("First"), hub.account("Second")
    customer = hub.customer("Adatum")
    couple(mapping=mapping, bc_key=customer, sales_key=first)
    with pytest.raises(AlreadyCoupledError, match="Adatum"):
        couple(mapping=mapping, bc_key=customer, sales_key=second)
    other = couple(mapping=mapping, bc_key=hub.customer("Other"), sales_key=second)
    with pytest.raises(AlreadyCoupledError):
        move(coupling=other, sales_key=first)


def test_h58_coupled_account_takes_no_second_customer(hub: World) -> None:
    """139161 CannotCreateCouplingToAlreadyCoupledCRMID"""
    mapping, account = hub.mapping("CUSTOMER"), hub.account()
    couple(mapping=mapping, bc_key=hub.customer("First"), sales_key=account)
    with pytest.raises(AlreadyCoupledError, match="First"):
        couple(mapping=mapping, bc_key=hub.customer("Second"), sales_key=account)


def test_h59_coupling_with_a_deleted_customer_gives_way(hub: World) -> None:
    """139161 CanCreateCouplingToCRMIDCoupledToDeletedIntegrationRecord"""
    mapping, account, gone = hub.mapping("CUSTOMER"), hub.account(), hub.customer("Gone")
    couple(mapping=mapping, bc_key=gone, sales_key=account)
    hub.bc.delete("customers", gone)
    made = couple(mapping=mapping, bc_key=hub.customer("New"), sales_key=account)
    assert list(Coupling.objects.all()) == [made]


def test_h60_removing_a_coupling_twice_is_no_error(hub: World) -> None:
    """139161 RemoveCoupling"""
    pair = hub.pair()
    uncouple(coupling=pair)
    uncouple(coupling=pair)
    assert not Coupling.objects.exists()
    assert hub.exists(BC, "customers", pair.bc_key)
    assert hub.exists(SALES, "accounts", pair.sales_key)


def test_h61_coupled_order_with_lines_can_be_deleted_and_uncoupled(hub: World) -> None:
    """139161 RemovalOfCoupledSalesHeaderWithLinesIsNotBlocked: nothing in the hub stands in the way of a deletion."""
    hub.switch(sales_order_integration="bidirectional", unit_group_mapping=False)
    customer = hub.customer()
    number = hub.bc.row("customers", customer, "number")["number"]
    order = hub.bc.create("salesOrders", customerNumber=number)
    item = hub.bc.create("items", displayName="Lamp", baseUnitOfMeasureCode="PCS")
    hub.bc.client.session.send(
        "POST",
        f"{hub.bc.client.addresses.table('salesOrders')}({order})/salesOrderLines",
        body={"lineType": "Item", "itemId": str(item), "quantity": 1},
    )
    pair = hub.linked(order, hub.account("Stand-in"), "SALESORDER-ORDER")
    hub.bc.delete("salesOrders", order)
    uncouple(coupling=pair)
    assert not Coupling.objects.exists()


@pytest.mark.parametrize("side", ["bc_key", "sales_key"])
def test_h62_coupling_without_one_of_its_records_cannot_be_stored(hub: World, side: str) -> None:
    """139161 CanInsertRecordForWonQuote, CannotInsertRecordWithZeroTableId, CannotResetTableId: the table is the
    mapping's and cannot get lost; won quotes are remembered by their own journal (docs/differences.md)."""
    pair = hub.linked(hub.customer(), hub.account())
    with pytest.raises(IntegrityError), transaction.atomic():
        Coupling.objects.filter(pk=pair.pk).update(**{side: None})
    with pytest.raises(IntegrityError), transaction.atomic():
        Coupling.objects.filter(pk=pair.pk).update(mapping=None)


def test_h63_couplings_without_records_are_told_from_those_that_can_be_repaired(hub: World, api) -> None:
    """139161 RepairBrokenCouplingsInBulkFull, RepairBrokenCouplingThroughGetTableID: with one record left it can be
    restored, with none it goes by itself."""
    pairs = {name: hub.pair(name) for name in ("Sales left", "Central left", "None left")}
    for name in ("Sales left", "None left"):
        hub.bc.delete("customers", pairs[name].bc_key)
    for name in ("Central left", "None left"):
        hub.sales.delete("accounts", pairs[name].sales_key)
    hub.run("CUSTOMER")
    assert not Coupling.objects.filter(pk=pairs["None left"].pk).exists()
    broken = Coupling.objects.exclude(missing="")
    assert {pair.pk for pair in broken} == {pairs["Sales left"].pk, pairs["Central left"].pk}
    body = {"action": "restore", "couplings": [pair.pk for pair in broken]}
    assert api("salesperson").post("couplings/bulk/", body).status_code == 202
    assert hub.names(BC) == hub.names(SALES) == ["Central left", "Sales left"]
    assert Coupling.objects.filter(missing="").count() == 2
