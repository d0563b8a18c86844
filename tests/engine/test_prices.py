"""Price lists and prices against the sandbox, with customer price groups and with price list headers."""

from typing import Any
from uuid import UUID

import pytest

from coupling.models import Coupling
from syncjobs.choices import JobMode, OperationState
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import Operation, SynchJob
from tests.engine.live import SALES, Hub

GROUPS, LISTS = ("CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE"), ("PLHEADER-PRICE", "PLLINE-PRODPRICE")
ITEMS = ("1000", "1001")


@pytest.fixture
def hub_with_products(hub: Hub) -> Hub:
    hub.switch(unit_group_mapping=False, extended_pricing=True)
    for number in ITEMS:
        hub.bc.create("items", number=number, displayName=f"Lamp {number}", baseUnitOfMeasureCode="PCS", unitPrice=10)
    for name in ("CURRENCY", "UNIT OF MEASURE", "ITEM-PRODUCT"):
        assert hub.run_full(name).failed == 0
    return hub


def make_list(hub: Hub, **values: Any) -> list[UUID]:
    """A price list with a line for each item; the lines' keys."""
    hub.bc.create("priceLists", code="S1", displayName="Summer", amountType="Price", **values)
    return [make_line(hub, number, 7 + position) for position, number in enumerate(ITEMS)]


def list_state(hub: Hub, name: str) -> int:
    return next(row["statecode"] for row in hub.sales.rows("pricelevels", "name", "statecode") if row["name"] == name)


def make_line(hub: Hub, number: str, price: int, **values: Any) -> UUID:
    body = {"unitOfMeasureCode": "PCS", "amountType": "Price", **values}
    return hub.bc.create(
        "priceListLines", priceListCode="S1", assetType="Item", assetNumber=number, unitPrice=price, **body
    )


def make_group(hub: Hub) -> None:
    hub.switch(extended_pricing=False)
    hub.bc.create("customerPriceGroups", code="RETAIL", displayName="Retail shops")
    for position, number in enumerate(ITEMS):
        body = {"salesType": "Customer_x0020_Price_x0020_Group", "salesCode": "RETAIL", "itemNumber": number}
        hub.bc.create("salesPrices", unitPrice=7 + position, **body)


def prices_of(hub: Hub, name: str) -> dict[str, Any]:
    lists = {row["pricelevelid"]: row["name"] for row in hub.sales.rows("pricelevels", "pricelevelid", "name")}
    rows = hub.sales.rows("productpricelevels", "_pricelevelid_value", "productnumber", "amount")
    return {row["productnumber"]: row["amount"] for row in rows if lists[row["_pricelevelid_value"]] == name}


def failures(job: SynchJob) -> list[str]:
    return list(Operation.objects.filter(job=job, state=OperationState.FAILED).values_list("error_message", flat=True))


def run_both(hub: Hub, names: tuple[str, str]) -> SynchJob:
    header = hub.run_full(names[0])
    assert (header.inserted, failures(header)) == (1, [])
    return hub.run_full(names[1])


def test_m098_new_price_list_with_two_lines(hub_with_products: Hub) -> None:
    make_list(hub_with_products)
    job = run_both(hub_with_products, LISTS)
    assert (job.inserted, failures(job)) == (2, [])
    assert prices_of(hub_with_products, "S1") == {"1000": 7, "1001": 8}
    again = [hub_with_products.run_full(name) for name in LISTS]
    assert [(job.inserted, job.modified, job.failed) for job in again] == [(0, 0, 0), (0, 0, 0)]


def test_m098_new_price_group_with_two_prices(hub_with_products: Hub) -> None:
    make_group(hub_with_products)
    job = run_both(hub_with_products, GROUPS)
    assert (job.inserted, failures(job)) == (2, [])
    assert prices_of(hub_with_products, "RETAIL") == {"1000": 7, "1001": 8}


def test_m098_price_list_with_unit_groups(hub_with_products: Hub) -> None:
    hub = hub_with_products
    hub.switch(unit_group_mapping=True)
    hub.bc.create("items", number="2000", displayName="Rope", baseUnitOfMeasureCode="PCS", unitPrice=10)
    hub.bc.create("itemUnitsOfMeasure", itemNumber="2000", code="BOX", quantityPerUnitOfMeasure=12)
    for name in ("UNIT GROUP", "ITEM UOM"):
        assert hub.run_full(name).failed == 0
    hub.run_full("ITEM-PRODUCT")
    hub.bc.create("priceLists", code="S1", displayName="Summer", amountType="Price")
    make_line(hub, "2000", 9, unitOfMeasureCode="BOX")
    job = run_both(hub, LISTS)
    assert (job.inserted, failures(job)) == (1, [])
    assert prices_of(hub, "S1") == {"2000": 9}


def test_m099_line_of_a_list_that_is_not_coupled_fails(hub_with_products: Hub) -> None:
    lines = make_list(hub_with_products)
    run_both(hub_with_products, LISTS)
    Coupling.objects.filter(mapping__name=LISTS[0]).delete()
    hub_with_products.bc.update("priceListLines", lines[0], unitPrice=5)
    job = hub_with_products.run(LISTS[1])
    assert job.failed == 1
    assert failures(job) == ["The price list S1 must be coupled first."]


def test_m100_line_of_an_item_that_is_not_coupled_fails(hub_with_products: Hub) -> None:
    lines = make_list(hub_with_products)
    run_both(hub_with_products, LISTS)
    item = Coupling.objects.get(mapping__name="ITEM-PRODUCT", pk__in=_couplings_of("1001"))
    item.delete()
    for line in lines:
        hub_with_products.bc.update("priceListLines", line, unitPrice=5)
    job = hub_with_products.run(LISTS[1])
    assert (job.modified, job.failed) == (1, 1)
    assert failures(job) == ["The item or resource 1001 must be coupled first."]


def test_m101_unit_price_does_not_touch_a_price_of_a_list(hub_with_products: Hub) -> None:
    hub = hub_with_products
    make_list(hub)
    run_both(hub, LISTS)
    item = Coupling.objects.get(mapping__name="ITEM-PRODUCT", pk__in=_couplings_of("1000"))
    hub.bc.update("items", item.bc_key, unitPrice=99)
    hub.run("ITEM-PRODUCT")
    assert prices_of(hub, "S1")["1000"] == 7
    assert prices_of(hub, "Business Central Default Price List")["1000"] == 99


@pytest.mark.parametrize(("status", "state"), [("Draft", 1), ("Active", 0)])
def test_new_list_is_active_where_it_is_in_business_central(hub_with_products: Hub, status: str, state: int) -> None:
    hub = hub_with_products
    make_list(hub)
    for row in hub.bc.client.query("priceLists", properties=["code"]):
        hub.bc.update("priceLists", row.key, status=status)
    job = hub.run_full(LISTS[0])
    assert (job.inserted, failures(job)) == (1, [])
    assert list_state(hub, "S1") == state


def test_group_with_prices_in_two_currencies_is_refused(hub_with_products: Hub) -> None:
    hub = hub_with_products
    make_group(hub)
    body = {"salesType": "Customer_x0020_Price_x0020_Group", "salesCode": "RETAIL", "currencyCode": "USD"}
    hub.bc.create("salesPrices", itemNumber="1000", unitPrice=8, **body)
    job = hub.run_full(GROUPS[0])
    assert Operation.objects.get(job=job).error_code == "engine.price_list_currencies"


def test_price_that_is_in_the_list_already_is_taken_over(hub_with_products: Hub) -> None:
    hub = hub_with_products
    make_list(hub)
    run_both(hub, LISTS)
    Coupling.objects.filter(mapping__name=LISTS[1]).delete()
    job = hub.run_full(LISTS[1])
    assert (job.inserted, job.coupled, job.failed) == (0, 2, 0)


def _couplings_of(number: str) -> list[int]:
    from coupling.models import BusinessCentralRecord

    keys = BusinessCentralRecord.objects.filter(table="items", number=number).values("key")
    return list(Coupling.objects.filter(bc_key__in=keys).values_list("pk", flat=True))


def test_list_that_is_synchronised_by_hand_takes_its_prices_along(hub_with_products: Hub) -> None:
    hub = hub_with_products
    make_list(hub)
    key = next(record.key for record in hub.bc.client.query("priceLists", properties=["code"], filter="code eq 'S1'"))
    options = RunOptions(create_side=SALES).with_pairs([PairRef(key, None)])
    job = hub.run("PLHEADER-PRICE", JobMode.CREATE, options=options)
    assert (job.inserted, job.failed) == (1, 0)
    assert len(prices_of(hub, "S1")) == 2
    children = SynchJob.objects.get(options__follows=job.pk)
    assert (children.mapping.name, children.inserted) == ("PLLINE-PRODPRICE", 2)
