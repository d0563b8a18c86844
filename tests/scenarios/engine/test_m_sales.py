"""M. Prices, products, currencies, invoices (scenarios 98 to 106)."""

from decimal import Decimal
from uuid import UUID

import pytest

from coupling.models import Coupling
from coupling.services.defaults import load_defaults
from syncjobs.choices import JobState, OperationState
from syncjobs.models import Operation
from tests.engine.goods import (
    DEFAULT_LIST,
    GROUPS,
    LISTS,
    coupling_of_item,
    failures,
    make_group,
    make_line,
    make_list,
    make_products,
    prices_of,
    run_both,
)
from tests.engine.invoicing import INVOICES, failure, invoice_for, open_shop, pay, post_invoice, shown
from tests.scenarios.engine.world import World

PRICING = pytest.mark.parametrize("names", [LISTS, GROUPS], ids=["price_list", "price_group"])


@pytest.fixture
def shop(hub: World) -> World:
    """Two products in Sales."""
    make_products(hub)
    return hub


def priced(hub: World, names: tuple[str, str]) -> list[UUID]:
    """A list or group with a price for each item, carried to Sales; the keys of the prices."""
    keys = make_list(hub) if names == LISTS else make_group(hub)
    run_both(hub, names)
    return keys


def change(hub: World, names: tuple[str, str], key: UUID) -> None:
    hub.bc.update("priceListLines" if names == LISTS else "salesPrices", key, unitPrice=5)


def list_of(names: tuple[str, str]) -> str:
    return "S1" if names == LISTS else "RETAIL"


@PRICING
def test_m098_new_list_arrives_under_its_name_with_its_prices(shop: World, names: tuple[str, str]) -> None:
    """139180 SyncNewPriceListHeaderWithTwoLines, SyncNewCustPriceGrWithTwoSalesPrices"""
    make_list(shop) if names == LISTS else make_group(shop)
    job = run_both(shop, names)
    assert (job.inserted, failures(job)) == (2, [])
    assert prices_of(shop, list_of(names)) == {"1000": 7, "1001": 8}
    again = [shop.run_full(name) for name in names]
    assert [(job.inserted, job.modified, job.failed) for job in again] == [(0, 0, 0), (0, 0, 0)]


def test_m098_price_in_a_further_unit_of_an_item(shop: World) -> None:
    """139180 SyncNewPriceListHeaderWithTwoLinesWithUnitGroupEnabled"""
    shop.switch(unit_group_mapping=True)
    shop.bc.create("items", number="2000", displayName="Rope", baseUnitOfMeasureCode="PCS", unitPrice=10)
    shop.bc.create("itemUnitsOfMeasure", itemNumber="2000", code="BOX", quantityPerUnitOfMeasure=12)
    for name in ("UNIT GROUP", "ITEM UOM"):
        assert shop.run_full(name).failed == 0
    shop.run_full("ITEM-PRODUCT")
    shop.bc.create("priceLists", code="S1", displayName="Summer", amountType="Price")
    make_line(shop, "2000", 9, unitOfMeasureCode="BOX")
    job = run_both(shop, LISTS)
    assert (job.inserted, failures(job)) == (1, [])
    assert prices_of(shop, "S1") == {"2000": 9}


@PRICING
def test_m099_price_of_a_list_that_is_not_coupled_fails(shop: World, names: tuple[str, str]) -> None:
    """139180 SyncModifiedPriceListLineIfPriceListHeaderIsNotCoupled,
    SyncModifiedSalesPriceIfCustPriceGroupIsNotCoupled"""
    first, _ = priced(shop, names)
    Coupling.objects.filter(mapping__name=names[0]).delete()
    change(shop, names, first)
    job = shop.run(names[1])
    assert job.failed == 1
    assert failures(job) == [f"The price list {list_of(names)} must be coupled first."]


@PRICING
def test_m100_price_of_an_item_that_is_not_coupled_fails(shop: World, names: tuple[str, str]) -> None:
    """139180 SyncPriceListLineForDecoupledItemShouldFail, SyncPriceListForDecoupledItemShouldFail: the other price is
    carried (docs/differences.md, “A bad price”)."""
    keys = priced(shop, names)
    coupling_of_item("1001").delete()
    for key in keys:
        change(shop, names, key)
    job = shop.run(names[1])
    assert (job.modified, job.failed) == (1, 1)
    assert failures(job) == ["The item or resource 1001 must be coupled first."]


@PRICING
def test_m101_unit_price_of_an_item_leaves_the_price_of_a_list(shop: World, names: tuple[str, str]) -> None:
    """139180 SyncItemUnitPriceIfPriceListHeaderExists, SyncItemUnitPriceIfCustPriceGroupExists"""
    priced(shop, names)
    shop.bc.update("items", coupling_of_item("1000").bc_key, unitPrice=99)
    assert shop.run("ITEM-PRODUCT").failed == 0
    assert prices_of(shop, list_of(names))["1000"] == 7
    assert prices_of(shop, DEFAULT_LIST)["1000"] == 99


def default_lists(hub: World) -> list[str]:
    rows = hub.sales.rows("pricelevels", "name", "pricelevelid")
    return [row["pricelevelid"] for row in rows if row["name"] == DEFAULT_LIST]


def test_m102_default_price_list_is_made_once_and_found_again(hub: World) -> None:
    """139173 TestFindCRMDefaultPriceListCreate, TestFindCRMDefaultPriceListGet, TestCRMDefaultPriceListIdAfterReset,
    TestCRMDefaultPriceListIdRestoredAfterReset: nothing is remembered, the list is known by its name."""
    make_products(hub)
    made = default_lists(hub)
    assert len(made) == 1
    load_defaults(connection=hub.connection)
    hub.switch(unit_group_mapping=False)
    hub.bc.create("items", number="1002", displayName="Rope", baseUnitOfMeasureCode="PCS", unitPrice=3)
    assert hub.run_full("ITEM-PRODUCT").failed == 0
    assert default_lists(hub) == made
    assert prices_of(hub, DEFAULT_LIST) == {"1000": 10, "1001": 10, "1002": 3}


def test_m102_default_price_list_that_is_there_is_used(hub: World) -> None:
    """139173 TestFindCRMDefaultPriceListGet"""
    mine = hub.sales.create("pricelevels", name=DEFAULT_LIST)
    make_products(hub)
    assert default_lists(hub) == [str(mine)]
    assert prices_of(hub, DEFAULT_LIST) == {"1000": 10, "1001": 10}


def rates_in_sales(hub: World) -> dict[str, tuple[Decimal, int]]:
    """Exchange rate and precision by ISO code."""
    rows = hub.sales.rows("transactioncurrencies", "isocurrencycode", "exchangerate", "currencyprecision")
    return {row["isocurrencycode"]: (row["exchangerate"], row["currencyprecision"]) for row in rows}


def units_per_local(hub: World) -> dict[str, Decimal]:
    """How many of each currency Business Central gives for one of its local one."""
    rows = hub.bc.rows("currencyExchangeRates", "currencyCode", "exchangeRateAmount", "relationalExchangeRateAmount")
    return {
        row["currencyCode"]: Decimal(row["exchangeRateAmount"]) / Decimal(row["relationalExchangeRateAmount"])
        for row in rows
    }


def test_m103_rates_are_counted_against_the_base_currency_of_sales(hub: World) -> None:
    """139173 TestGetCRMLCYToFCYExchangeRate, TestGetFCYtoFCYExchangeRate: 12 to one against 3 to one gives 4."""
    local = units_per_local(hub)
    hub.run_full("CURRENCY")
    found = rates_in_sales(hub)
    assert found["EUR"][0] == 1
    assert {code: round(found[code][0], 6) for code in local} == {code: round(rate, 6) for code, rate in local.items()}
    # Where the organisation counts in a currency that is foreign to the company, the cross rate holds.
    hub.connection.base_currency = "USD"
    hub.connection.save()
    hub.run_full("CURRENCY")
    assert round(rates_in_sales(hub)["GBP"][0], 6) == round(local["GBP"] / local["USD"], 6)


@pytest.mark.parametrize("missing", ["base", "rate"])
def test_m103_rate_that_cannot_be_known_is_an_error(hub: World, missing: str) -> None:
    """139173 TestGetCRMLCYToFCYExchangeRateOnNullBaseCurrency, TestGetEmptytoLCYExchangeRate"""
    code = "USD"
    if missing == "base":
        hub.connection.base_currency = ""
        hub.connection.save()
    else:
        hub.bc.create("currencies", code=(code := "AAA"), displayName="Odd coin")
    job = hub.run_full("CURRENCY")
    failed = Operation.objects.get(job=job, state=OperationState.FAILED, record_name__contains=code)
    assert failed.error_code == ("engine.no_base_currency" if missing == "base" else "engine.no_exchange_rate")
    assert failed.error_hint
    assert code not in rates_in_sales(hub)


@pytest.mark.parametrize("precision", [0, 2, 4])
def test_m103_new_currency_has_the_organisations_precision(hub: World, precision: int) -> None:
    """139173 TestGetBaseCurrencyPrecision: Sales itself knows no more than four decimals."""
    hub.connection.base_currency_precision = precision
    hub.connection.save()
    hub.run_full("CURRENCY")
    assert rates_in_sales(hub)["USD"][1] == precision


def test_m104_state_of_an_invoice_follows_its_payments(hub: World) -> None:
    """139173 TestUpdateCRMInvoiceStateActive, TestUpdateCRMInvoiceStatePartial, TestUpdateCRMInvoiceStatePaid"""
    open_shop(hub)
    invoice = post_invoice(hub)
    hub.run_full(INVOICES)
    assert shown(hub, invoice, "statecode", "statuscode") == (0, 4)
    pay(hub, invoice, amount=19)
    hub.run(INVOICES)
    assert shown(hub, invoice, "statecode", "statuscode") == (2, 100002)
    pay(hub, invoice)
    hub.run(INVOICES)
    assert shown(hub, invoice, "statecode", "statuscode") == (2, 100001)
    job = hub.run(INVOICES)
    assert (job.modified, job.failed) == (0, 0)


def test_m105_draft_product_of_a_sold_item_becomes_active(hub: World) -> None:
    """139173 TestSetCRMProductStateToActive"""
    hub.switch(unit_group_mapping=False, extended_pricing=False)
    item = hub.bc.create("items", number="1000", displayName="Lamp", baseUnitOfMeasureCode="PCS", unitPrice=10)
    for name in ("CURRENCY", "UNIT OF MEASURE"):
        assert hub.run_full(name).failed == 0
    groups = hub.sales.rows("uomschedules", "name", "uomscheduleid")
    group = next(row["uomscheduleid"] for row in groups if row["name"] == "NAV PCS")
    units = hub.sales.rows("uoms", "uomid", "_uomscheduleid_value")
    unit = next(row["uomid"] for row in units if row["_uomscheduleid_value"] == group)
    product = hub.sales.create(
        "products", productnumber="1000", name="Lamp", quantitydecimal=2, producttypecode=1,
        **{"defaultuomid@odata.bind": f"/uoms({unit})", "defaultuomscheduleid@odata.bind": f"/uomschedules({group})"},
    )  # fmt: skip
    hub.linked(item, product, "ITEM-PRODUCT")
    hub.run_full("ITEM-PRODUCT")
    assert hub.sales.row("products", product, "statecode", "statuscode") == {"statecode": 0, "statuscode": 1}


def test_m105_product_that_is_retired_and_active_again_blocks_and_unblocks_its_item(hub: World) -> None:
    """139173 TestSetCRMProductStateToActive: a product's state is Sales' to decide, its item follows."""
    make_products(hub)
    pair = coupling_of_item("1000")
    hub.sales.update("products", pair.sales_key, statecode=1, statuscode=2)
    assert hub.run("ITEM-PRODUCT").failed == 0
    assert hub.bc.row("items", pair.bc_key, "blocked") == {"blocked": True}
    hub.sales.update("products", pair.sales_key, statecode=0, statuscode=1)
    assert hub.run("ITEM-PRODUCT").failed == 0
    assert hub.bc.row("items", pair.bc_key, "blocked") == {"blocked": False}
    assert hub.sales.row("products", pair.sales_key, "statecode", "statuscode") == {"statecode": 0, "statuscode": 1}


def test_m106_invoice_of_a_customer_outside_the_filter_fails(hub: World) -> None:
    """139181 TestSynchSalesInvHeaderWithCustomerOutOfMapFilter"""
    open_shop(hub)
    outsider = hub.customer("Outside")
    invoice_for(hub, outsider)
    hub.bc.update("customers", outsider, blocked="All")
    job = hub.run_full(INVOICES)
    assert (job.state, job.failed, failure(job)) == (JobState.PARTLY, 1, "engine.not_coupled")
    hub.run_full("CUSTOMER")
    assert not Coupling.objects.filter(bc_key=outsider).exists()
    assert hub.sales.rows("invoices", "name") == []
