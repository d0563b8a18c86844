"""Items with price lists or customer price groups, as tests of prices make them."""

from typing import Any
from uuid import UUID

from coupling.models import BusinessCentralRecord, Coupling
from syncjobs.choices import OperationState
from syncjobs.models import Operation, SynchJob
from tests.engine.live import Hub

GROUPS, LISTS = ("CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE"), ("PLHEADER-PRICE", "PLLINE-PRODPRICE")
ITEMS = ("1000", "1001")
DEFAULT_LIST = "Business Central Default Price List"
_GROUP = "Customer_x0020_Price_x0020_Group"


def make_products(hub: Hub) -> None:
    """Two items in pieces at 10 each, which are products in Sales already."""
    hub.switch(unit_group_mapping=False, extended_pricing=True)
    for number in ITEMS:
        hub.bc.create("items", number=number, displayName=f"Lamp {number}", baseUnitOfMeasureCode="PCS", unitPrice=10)
    for name in ("CURRENCY", "UNIT OF MEASURE", "ITEM-PRODUCT"):
        assert hub.run_full(name).failed == 0


def make_list(hub: Hub, **values: Any) -> list[UUID]:
    """The price list S1 with a line for each item; the lines' keys."""
    hub.bc.create("priceLists", code="S1", displayName="Summer", amountType="Price", **values)
    return [make_line(hub, number, 7 + position) for position, number in enumerate(ITEMS)]


def make_line(hub: Hub, number: str, price: int, **values: Any) -> UUID:
    body = {"unitOfMeasureCode": "PCS", "amountType": "Price", **values}
    return hub.bc.create(
        "priceListLines", priceListCode="S1", assetType="Item", assetNumber=number, unitPrice=price, **body
    )


def make_group(hub: Hub) -> list[UUID]:
    """The customer price group RETAIL with a price for each item; the prices' keys. Price lists are off."""
    hub.switch(extended_pricing=False)
    hub.bc.create("customerPriceGroups", code="RETAIL", displayName="Retail shops")
    return [make_price(hub, number, 7 + position) for position, number in enumerate(ITEMS)]


def make_price(hub: Hub, number: str, price: int, **values: Any) -> UUID:
    body = {"salesType": _GROUP, "salesCode": "RETAIL", "itemNumber": number, **values}
    return hub.bc.create("salesPrices", unitPrice=price, **body)


def prices_of(hub: Hub, name: str) -> dict[str, Any]:
    """Amounts by product number of the price list of that name in Sales."""
    lists = {row["pricelevelid"]: row["name"] for row in hub.sales.rows("pricelevels", "pricelevelid", "name")}
    rows = hub.sales.rows("productpricelevels", "_pricelevelid_value", "productnumber", "amount")
    return {row["productnumber"]: row["amount"] for row in rows if lists[row["_pricelevelid_value"]] == name}


def coupling_of_item(number: str) -> Coupling:
    keys = BusinessCentralRecord.objects.filter(table="items", number=number).values("key")
    return Coupling.objects.get(mapping__name="ITEM-PRODUCT", bc_key__in=keys)


def failures(job: SynchJob) -> list[str]:
    return list(Operation.objects.filter(job=job, state=OperationState.FAILED).values_list("error_message", flat=True))


def run_both(hub: Hub, names: tuple[str, str]) -> SynchJob:
    """Carries the list, then its prices; the job of the prices."""
    header = hub.run_full(names[0])
    assert (header.inserted, failures(header)) == (1, [])
    return hub.run_full(names[1])
