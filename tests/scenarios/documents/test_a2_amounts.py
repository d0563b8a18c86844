"""A.2 Discounts, freight, prices (scenarios 12 to 16)."""

from decimal import Decimal

import pytest

from connector.cached import forget
from tests.scenarios.documents.market import Market


def test_a2_12_discounts_of_a_line(market: Market) -> None:
    """139175 CRMSalesOrderManualDiscInLine, CRMSalesOrderVolumeDiscInLine"""
    by_volume = market.sales.create("discounttypes", name="Much", isamounttype=True)
    for low, high in ((1, 1000),):
        market.sales.create(
            "discounts", lowquantity=low, highquantity=high, amount=6.10,
            **{"discounttypeid@odata.bind": f"/discounttypes({by_volume})"},
        )  # fmt: skip
    prices = market.sales.create("pricelevels", name="Volume")
    market.sales.create(
        "productpricelevels", amount=40, pricingmethodcode=1,
        **{
            "pricelevelid@odata.bind": f"/pricelevels({prices})",
            "productid@odata.bind": f"/products({market.product})", "uomid@odata.bind": f"/uoms({market.unit})",
            "discounttypeid@odata.bind": f"/discounttypes({by_volume})",
        },
    )  # fmt: skip
    manual = market.created("Manual", {"quantity": 3, "priceperunit": 40, "manualdiscountamount": 7.25})
    assert market.lines(manual)[0]["discountAmount"] == Decimal("7.25")
    volume = market.created(
        "Volume", {"quantity": 3, "ispriceoverridden": False},
        **{"pricelevelid@odata.bind": f"/pricelevels({prices})"},
    )  # fmt: skip
    line = market.lines(volume)[0]
    assert (line["unitPrice"], line["discountAmount"]) == (40, Decimal("18.30"))


@pytest.mark.parametrize(
    ("header", "discount"), [({"discountamount": 8.40}, "8.40"), ({"discountpercentage": 3}, "3.70")],
    ids=["amount", "percentage"],
)  # fmt: skip
def test_a2_13_discount_of_the_header(market: Market, header: dict[str, float], discount: str) -> None:
    """139175 CRMSalesOrderAmountDiscInHeader, CRMSalesOrderPercentageDiscInHeader"""
    key = market.created("Header", {"quantity": 3, "priceperunit": 41.11}, **header)  # 123.33 in all
    assert market.bc_order(key)["discountAmount"] == Decimal(discount)


def test_a2_14_freight_needs_an_account(market: Market) -> None:
    """139175 ErrorOnFreightAccountIsEmpty, CRMSalesOrderFreightInHeader"""
    setup = next(iter(market.bc.client.query("salesReceivablesSetups", properties=["freightAccountNumber"])))
    account = setup.values["freightAccountNumber"]
    market.bc.update("salesReceivablesSetups", setup.key, freightAccountNumber="")
    forget("")
    key = market.order("Freight", freightamount=55.30)
    market.process(key)
    [problem] = market.problems(key)
    assert problem["code"] == "freight.no_account"
    assert "Freight G/L Acc. No." in problem["message"]
    assert market.bc_orders() == []
    market.switch(freight_account_no=account)
    market.process(key)
    [line] = [line for line in market.lines(key) if line["lineType"] == "Account"]
    assert (line["lineObjectNumber"], line["amountExcludingTax"]) == (account, Decimal("55.30"))


@pytest.mark.parametrize("including", [True, False], ids=["including_vat", "without_vat"])
def test_a2_15_item_priced_including_vat(market: Market, including: bool) -> None:
    """139175 SalesOrderWithItemPriceIncludesVAT, SalesOrderWithItemPriceIncludesVATFalse"""
    group = market.bc.row("workflowCustomers", market.customer, "vatBusPostingGroup")["vatBusPostingGroup"]
    market.bc.update("items", market.item, priceIncludesTax=including, unitPrice=119)
    market.bc.update("workflowItems", market.item, vatBusPostingGrPrice=group)
    [line] = market.lines(market.created("VAT", {"priceperunit": 119}))
    assert line["taxPercent"] == 19
    net = Decimal(100) if including else Decimal(119)
    assert abs(line["amountExcludingTax"] - net) <= Decimal("0.01")
    assert abs(line["amountIncludingTax"] - net * Decimal("1.19")) <= Decimal("0.01")


def test_a2_16_sales_computes_as_the_worked_example_says(market: Market) -> None:
    """139184 SalesOrderAmountsShouldBeRecalculatedOnLineModify: the volume discounts are part of the manual ones."""
    key = market.make_order("Example", lines=0, submit=False)
    first = market.add_line(key, quantity=10, priceperunit=3720, manualdiscountamount=400, tax=5000)
    second = market.add_line(key, quantity=5, priceperunit=3720, manualdiscountamount=250, tax=3000)
    amounts = [market.sales.row("salesorderdetails", line, "baseamount", "extendedamount") for line in (first, second)]
    assert [(row["baseamount"], row["extendedamount"]) for row in amounts] == [(37200, 41800), (18600, 21350)]
    names = ("totallineitemamount", "totaltax", "totalamount")
    assert market.sales_order(key, *names) == (55150, 8000, 63150)
    market.sales.update("salesorders", key, discountamount=3500, discountpercentage=9, freightamount=1020)
    names = ("totalamountlessfreight", "totalamount")
    assert market.sales_order(key, *names) == (Decimal("46686.50"), Decimal("55706.50"))
