"""Posted invoices against the sandbox: header, lines, payment state, and why one is refused."""

from decimal import Decimal
from typing import Any

import pytest

from coupling.models import Coupling
from tests.engine.invoicing import INVOICES as NAME
from tests.engine.invoicing import failure, open_shop, post_invoice, shown
from tests.engine.live import Hub


@pytest.fixture
def shop(hub: Hub) -> Hub:
    open_shop(hub)
    return hub


def test_invoice_arrives_with_its_lines_and_totals(shop: Hub) -> None:
    invoice = post_invoice(shop, discountPercent=10)
    job = shop.run_full(NAME)
    assert (job.inserted, job.modified, job.failed) == (1, 0, 0)
    total = shop.bc.row("salesInvoices", invoice, "totalAmountIncludingTax")["totalAmountIncludingTax"]
    number = shop.bc.row("salesInvoices", invoice, "number")["number"]
    assert shown(shop, invoice, "invoicenumber", "name", "totalamount") == (number, number, total)
    rows = shop.sales.rows("invoicedetails", "quantity", "manualdiscountamount", "productdescription", "tax")
    lines = sorted(rows, key=lambda row: -row["quantity"])
    assert (lines[0]["quantity"], lines[0]["manualdiscountamount"]) == (2, 20)
    assert (lines[1]["quantity"], lines[1]["productdescription"]) == (0, "With thanks.")
    again = shop.run_full(NAME)
    assert (again.inserted, again.modified, again.unchanged, again.failed) == (0, 0, 1, 0)


def test_invoice_with_a_blocked_item_is_refused(shop: Hub) -> None:
    post_invoice(shop)
    shop.bc.update("items", Coupling.objects.get(mapping__name="ITEM-PRODUCT").bc_key, blocked=True)
    shop.run("ITEM-PRODUCT")
    job = shop.run_full(NAME)
    assert failure(job) == "engine.product_blocked"
    assert shop.sales.rows("invoices", "name") == []


def test_line_whose_answer_was_lost_is_there_once(shop: Hub) -> None:
    invoice = post_invoice(shop)
    shop.faults(
        {"system": "sales", "match": "invoicedetails", "method": "POST", "kind": "drop_after_commit", "count": 1}
    )
    shop.run_full(NAME)
    assert len(shop.sales.rows("invoicedetails", "quantity")) == 2
    assert shown(shop, invoice, "statecode", "statuscode") == (0, 4)


def test_line_that_is_missing_comes_with_the_next_run(shop: Hub) -> None:
    post_invoice(shop)
    shop.run_full(NAME)
    for row in shop.sales.client.query("invoicedetails", properties=[]):
        shop.sales.delete("invoicedetails", row.key)
    shop.run_full(NAME)
    assert len(shop.sales.rows("invoicedetails", "quantity")) == 2


def test_missing_price_is_added_to_the_invoice_list(shop: Hub) -> None:
    for row in shop.sales.client.query("productpricelevels", properties=[]):
        shop.sales.delete("productpricelevels", row.key)
    post_invoice(shop)
    shop.run_full(NAME)
    assert [row["amount"] for row in shop.sales.rows("productpricelevels", "amount")] == [Decimal(100)]


def test_cancelled_invoice_is_cancelled_in_sales(shop: Hub) -> None:
    invoice = post_invoice(shop)
    shop.run_full(NAME)
    address = f"{shop.bc.client.addresses.table('salesInvoices')}({invoice})"
    shop.bc.client.session.send("POST", f"{address}/Microsoft.NAV.cancel", body={})
    job = shop.run(NAME)
    assert (job.modified, job.failed) == (1, 0)
    assert shown(shop, invoice, "statecode", "statuscode") == (3, 100003)
    assert shop.run(NAME).modified == 0


def details(shop: Hub) -> list[dict[str, Any]]:
    """The invoice's lines in Sales, those with an amount."""
    names = (
        "productdescription",
        "quantity",
        "priceperunit",
        "manualdiscountamount",
        "baseamount",
        "extendedamount",
        "tax",
    )
    return [row for row in shop.sales.rows("invoicedetails", *names) if row["quantity"]]


@pytest.mark.parametrize(
    ("quantity", "line", "rounding"),
    [
        (3, {"unitPrice": 9.99}, True),
        (2, {"unitPrice": 119}, False),
        (7, {"unitPrice": 19.95, "discountPercent": 10}, True),
    ],
)
def test_invoice_with_prices_including_vat_comes_to_the_same_amounts(
    hub: Hub, quantity: int, line: dict[str, Any], rounding: bool
) -> None:
    open_shop(hub)
    customer = Coupling.objects.get(mapping__name="CUSTOMER").bc_key
    hub.bc.update("workflowCustomers", customer, pricesIncludingVat=True)
    invoice = post_invoice(hub, quantity, **line)
    posted = hub.bc.row(
        "salesInvoices", invoice, "pricesIncludeTax", "totalAmountExcludingTax", "totalAmountIncludingTax"
    )
    assert posted["pricesIncludeTax"]
    job = hub.run_full(NAME)
    assert (job.inserted, job.failed) == (1, 0)
    assert shown(hub, invoice, "totalamountlessfreight", "totalamount") == (
        posted["totalAmountExcludingTax"],
        posted["totalAmountIncludingTax"],
    )
    found = {row["productdescription"]: row for row in details(hub)}
    assert ("Rounding" in found) == rounding
    # Cents only: neither the price nor the discount carries tax across.
    assert abs(found.get("Rounding", {"priceperunit": 0})["priceperunit"]) < Decimal("0.1")
    assert hub.run_full(NAME).unchanged == 1


@pytest.mark.parametrize("including_vat", [False, True])
def test_amounts_are_written_where_the_organisation_does_not_calculate(hub: Hub, including_vat: bool) -> None:
    open_shop(hub)
    customer = Coupling.objects.get(mapping__name="CUSTOMER").bc_key
    hub.bc.update("workflowCustomers", customer, pricesIncludingVat=including_vat)
    organisation = next(iter(hub.sales.client.query("organizations", properties=[]))).key
    hub.sales.update("organizations", organisation, oobpricecalculationenabled=False)
    invoice = post_invoice(hub, 2, unitPrice=119, discountPercent=10)
    posted = hub.bc.row("salesInvoices", invoice, "totalAmountExcludingTax", "totalAmountIncludingTax")
    assert hub.run_full(NAME).failed == 0
    (line,) = [row for row in details(hub) if row["productdescription"] != "Rounding"]
    net, gross = posted["totalAmountExcludingTax"], posted["totalAmountIncludingTax"]
    assert (line["baseamount"], line["extendedamount"]) == (net + line["manualdiscountamount"], gross)
    assert shown(hub, invoice, "totalamountlessfreight", "totalamount") == (net, gross)
    assert hub.run_full(NAME).unchanged == 1
