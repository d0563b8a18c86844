"""Units, items and resources against the sandbox: what a product needs before it is active, in both unit settings."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database

from coupling.models import Coupling, SalesRecord
from syncjobs.choices import OperationState
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.rules.price_rows import new_default_list
from syncjobs.models import Operation
from tests.engine.goods import DEFAULT_LIST
from tests.engine.live import Hub


@pytest.fixture
def plain(hub: Hub) -> Hub:
    hub.switch(unit_group_mapping=False, extended_pricing=False)
    return hub


@pytest.fixture
def grouped(hub: Hub) -> Hub:
    hub.switch(unit_group_mapping=True, extended_pricing=True)
    return hub


def make_item(hub: Hub, number: str = "1000", **values: Any) -> Any:
    body = {"displayName": "Lamp", "baseUnitOfMeasureCode": "PCS", "unitPrice": 12.5, "unitCost": 8, **values}
    return hub.bc.create("items", number=number, **body)


def run_units(hub: Hub) -> None:
    hub.run_full("CURRENCY")
    for name in ("UNIT OF MEASURE",) if not hub.connection.unit_group_mapping else ("UNIT GROUP", "ITEM UOM"):
        job = hub.run_full(name)
        assert job.failed == 0, list(Operation.objects.filter(job=job).values_list("error_message", flat=True))


def products(hub: Hub) -> list[dict[str, Any]]:
    return hub.sales.rows(
        "products", "productnumber", "name", "price", "statecode", "producttypecode", "quantitydecimal",
        "_pricelevelid_value", "_defaultuomid_value", "_defaultuomscheduleid_value",
    )  # fmt: skip


def price_items(hub: Hub) -> list[dict[str, Any]]:
    return hub.sales.rows("productpricelevels", "_pricelevelid_value", "_uomid_value", "amount", "pricingmethodcode")


def test_unit_becomes_a_group_with_one_unit(plain: Hub) -> None:
    run_units(plain)
    groups = {row["name"]: row["uomscheduleid"] for row in plain.sales.rows("uomschedules", "name", "uomscheduleid")}
    units = {
        row["_uomscheduleid_value"]: row["name"] for row in plain.sales.rows("uoms", "name", "_uomscheduleid_value")
    }
    assert units[groups["NAV PCS"]] == "PCS"


def test_unit_group_of_the_name_is_taken_over_and_its_unit_renamed(plain: Hub) -> None:
    group = plain.sales.create("uomschedules", name="NAV PCS", baseuomname="Each")
    run_units(plain)
    assert Coupling.objects.filter(mapping__name="UNIT OF MEASURE", sales_key=group).exists()
    units = plain.sales.rows("uoms", "name", "_uomscheduleid_value")
    assert [unit["name"] for unit in units if unit["_uomscheduleid_value"] == str(group)] == ["PCS"]


def test_unit_group_that_is_inactive_is_refused(plain: Hub) -> None:
    group = plain.sales.create("uomschedules", name="NAV PCS", baseuomname="PCS")
    plain.sales.update("uomschedules", group, statecode=1, statuscode=2)
    plain.run_full("UNIT OF MEASURE")
    failed = Operation.objects.get(state=OperationState.FAILED)
    assert failed.error_code == "engine.unit_group_inactive"


def test_item_becomes_an_active_product_with_its_price(plain: Hub) -> None:
    make_item(plain)
    run_units(plain)
    job = plain.run_full("ITEM-PRODUCT")
    assert (job.inserted, job.modified, job.failed) == (1, 0, 0)
    (product,) = products(plain)
    (price,) = price_items(plain)
    assert (product["statecode"], product["producttypecode"], product["quantitydecimal"]) == (0, 1, 2)
    assert product["_pricelevelid_value"] == price["_pricelevelid_value"]
    assert (price["amount"], price["pricingmethodcode"]) == (Decimal("12.5"), 1)
    assert [row["name"] for row in plain.sales.rows("pricelevels", "name")] == [DEFAULT_LIST]
    assert plain.run_full("ITEM-PRODUCT").unchanged == 1
    assert not Operation.objects.filter(state__in=[OperationState.PLANNED, OperationState.SENT]).exists()


def test_changed_price_reaches_the_default_list(plain: Hub) -> None:
    item = make_item(plain)
    run_units(plain)
    plain.run_full("ITEM-PRODUCT")
    plain.bc.update("items", item, unitPrice=20)
    job = plain.run("ITEM-PRODUCT")
    assert (job.modified, job.failed) == (1, 0)
    assert [price["amount"] for price in price_items(plain)] == [20]


def test_price_whose_answer_was_lost_is_there_once(plain: Hub) -> None:
    make_item(plain)
    run_units(plain)
    plain.faults(
        {"system": "sales", "match": "productpricelevels", "method": "POST", "kind": "drop_after_commit", "count": 1}
    )
    job = plain.run_full("ITEM-PRODUCT")
    assert (job.inserted, job.failed) == (1, 0)
    assert (products(plain)[0]["statecode"], len(price_items(plain))) == (0, 1)


def test_missing_price_is_made_again(plain: Hub) -> None:
    make_item(plain)
    run_units(plain)
    plain.run_full("ITEM-PRODUCT")
    for row in plain.sales.client.query("productpricelevels", properties=[]):
        plain.sales.delete("productpricelevels", row.key)
    job = plain.run_full("ITEM-PRODUCT")
    assert (job.modified, job.failed, len(price_items(plain))) == (1, 0, 1)


def test_product_number_in_use_is_explained(plain: Hub) -> None:
    make_item(plain)
    plain.sales.create("products", productnumber="1000", name="Another", quantitydecimal=2)
    run_units(plain)
    plain.run_full("ITEM-PRODUCT")
    assert Operation.objects.get(state=OperationState.FAILED).error_code == "engine.product_number_taken"


def test_write_in_product_is_left_out(plain: Hub) -> None:
    plain.switch(write_in_product_no="1000", write_in_product_type="item")
    make_item(plain)
    run_units(plain)
    assert plain.run_full("ITEM-PRODUCT").skipped == 1
    assert products(plain) == []


def test_units_of_an_item_share_its_group_and_have_prices(grouped: Hub) -> None:
    make_item(grouped)
    grouped.bc.create("itemUnitsOfMeasure", itemNumber="1000", code="BOX", quantityPerUnitOfMeasure=12)
    run_units(grouped)
    job = grouped.run_full("ITEM-PRODUCT")
    assert (job.inserted, job.failed) == (1, 0)
    (product,) = products(grouped)
    units = {
        row["name"]: row["uomid"]
        for row in grouped.sales.rows("uoms", "uomid", "name", "_uomscheduleid_value")
        if row["_uomscheduleid_value"] == product["_defaultuomscheduleid_value"]
    }
    assert set(units) == {"PCS", "BOX"}
    assert product["_defaultuomid_value"] == units["PCS"]
    amounts = {price["_uomid_value"]: price["amount"] for price in price_items(grouped)}
    assert amounts == {units["PCS"]: Decimal("12.5"), units["BOX"]: 150}
    for name in ("UNIT GROUP", "ITEM UOM", "ITEM-PRODUCT"):
        job = grouped.run_full(name)
        assert (job.inserted, job.modified, job.failed) == (0, 0, 0), name


def product_with_group(hub: Hub, unit: str = "PCS") -> Any:
    """A product made by a salesperson, with a unit group of its own."""
    hub.run_full("CURRENCY")
    group = hub.sales.create("uomschedules", name="Lamps", baseuomname=unit)
    units = hub.sales.rows("uoms", "uomid", "_uomscheduleid_value")
    base = next(row["uomid"] for row in units if row["_uomscheduleid_value"] == str(group))
    bound = {"defaultuomid@odata.bind": f"/uoms({base})", "defaultuomscheduleid@odata.bind": f"/uomschedules({group})"}
    key = hub.sales.create("products", productnumber="S-1", name="Lamp", quantitydecimal=2, producttypecode=1, **bound)
    hub.sales.update("products", key, statecode=0, statuscode=1)
    return key, group


def test_item_is_made_from_a_product_and_takes_its_unit_group_over(grouped: Hub) -> None:
    product, group = product_with_group(grouped)
    run_units(grouped)
    job = grouped.run_full("ITEM-PRODUCT")
    assert (job.inserted, job.failed) == (1, 0), list(Operation.objects.values_list("error_message", flat=True))
    pair = Coupling.objects.get(mapping__name="ITEM-PRODUCT")
    item = grouped.bc.row("items", pair.bc_key, "number", "displayName", "baseUnitOfMeasureCode")
    assert (item["displayName"], item["baseUnitOfMeasureCode"]) == ("Lamp", "PCS")
    assert Coupling.objects.get(mapping__name="UNIT GROUP", bc_key=pair.bc_key).sales_key == group
    assert grouped.sales.row("products", product, "productnumber")["productnumber"] == item["number"]
    for name in ("UNIT GROUP", "ITEM UOM", "ITEM-PRODUCT"):
        job = grouped.run_full(name)
        assert (job.inserted, job.failed) == (0, 0), name
    assert len(products(grouped)) == 1
    units = [row["name"] for row in grouped.sales.rows("uoms", "name", "_uomscheduleid_value")
             if row["_uomscheduleid_value"] == str(group)]  # fmt: skip
    assert units == ["PCS"]


def test_item_from_a_product_whose_unit_business_central_lacks_says_so(grouped: Hub) -> None:
    product_with_group(grouped, unit="Primary Unit")
    run_units(grouped)
    job = grouped.run_full("ITEM-PRODUCT")
    assert (job.inserted, job.failed) == (0, 1)
    assert Operation.objects.get(state=OperationState.FAILED).error_code == "engine.no_unit_code"


def test_unit_added_later_gets_its_price(grouped: Hub) -> None:
    make_item(grouped)
    run_units(grouped)
    grouped.run_full("ITEM-PRODUCT")
    assert len(price_items(grouped)) == 1
    grouped.bc.create("itemUnitsOfMeasure", itemNumber="1000", code="BOX", quantityPerUnitOfMeasure=12)
    job = grouped.run_full("ITEM UOM")
    assert (job.inserted, job.failed) == (1, 0)
    assert sorted(price["amount"] for price in price_items(grouped)) == [Decimal("12.5"), 150]
    assert grouped.run_full("ITEM UOM").modified == 0


def test_default_list_has_one_key_though_another_job_makes_it_meanwhile(plain: Hub) -> None:
    """Items and resources may find out at once that it is missing, whichever of them has made it by the next query."""
    blueprint = Blueprint.of(plain.mapping("ITEM-PRODUCT"))
    plain.run_full("CURRENCY")
    [first] = new_default_list(blueprint, plain.connection)
    looks = 0

    def make_it_after_the_first_look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal looks
        result = execute(sql, params, many, context)
        if "salesrecord" in sql and "SELECT" in sql and "pricelevels" in params:
            looks += 1
            if looks == 1:
                SalesRecord.objects.create(
                    connection=plain.connection, table="pricelevels", key=first.record_id, values=first.sales_base
                )
        return result

    with database.execute_wrapper(make_it_after_the_first_look):
        [second] = new_default_list(blueprint, plain.connection)
    assert looks >= 1
    assert (second.record_id, second.after) == (first.record_id, first.after)
    assert list(new_default_list(blueprint, plain.connection)) == []
