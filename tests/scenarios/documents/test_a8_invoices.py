"""A.8 Invoices (scenarios 54 to 60)."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.errors import RemoteError
from coupling.models import Coupling
from syncjobs.choices import OperationState
from syncjobs.models import Operation, SynchJob
from tests.engine.invoicing import INVOICES, invoice_for, shown
from tests.scenarios.documents.market import Market


def post(shop: Market, quantity: float = 2, **more: Any) -> UUID:
    return invoice_for(shop, shop.customer, quantity, **more)


def reasons(job: SynchJob) -> str:
    failed = Operation.objects.filter(job=job, state=OperationState.FAILED)
    return " ".join(failed.values_list("error_message", flat=True))


@pytest.mark.parametrize("code", ["", "USD"], ids=["local", "foreign"])
def test_a8_54_posted_invoice(shop: Market, code: str) -> None:
    """139162 CouplePostedSalesInvoiceCreatedInNAVToCRM, CouplePostedSalesInvoiceInFCYCreatedInNAVToCRM"""
    header = {"currencyCode": code} if code else {}
    invoice = post(shop, header=header, unitPrice=100)
    shop.run_full(INVOICES)
    assert Coupling.objects.filter(mapping__name=INVOICES).count() == 1
    if code:
        money = next(
            iter(shop.sales.client.query("transactioncurrencies", properties=[], filter="isocurrencycode eq 'USD'"))
        )
        [price_list] = shown(shop, invoice, "_pricelevelid_value")
        rows = shop.sales.rows("productpricelevels", "amount", "_pricelevelid_value", "_transactioncurrencyid_value")
        mine = [row for row in rows if row["_pricelevelid_value"] == price_list]
        assert [(row["amount"], row["_transactioncurrencyid_value"]) for row in mine] == [(100, str(money.key))]


@pytest.mark.parametrize("missing", ["pricelevelid", "productid", "nothing"])
def test_a8_54_sales_refuses_price_list_lines(shop: Market, missing: str) -> None:
    """139184 ProductPriceLevelNeedsPriceLevelIDOnInsert, ProductPriceLevelMustHaveProductIDOnInsert,
    ProductPriceLevelMustHaveUniqueProductAndUoMOnInsert"""
    prices = shop.sales.create("pricelevels", name="Mine")
    body = {
        "amount": 5,
        "pricelevelid@odata.bind": f"/pricelevels({prices})",
        "productid@odata.bind": f"/products({shop.product})",
        "uomid@odata.bind": f"/uoms({shop.unit})",
    }
    if missing == "nothing":
        shop.sales.create("productpricelevels", **body)
    else:
        del body[f"{missing}@odata.bind"]
    with pytest.raises(RemoteError):
        shop.sales.create("productpricelevels", **body)


def test_a8_55_invoice_of_a_foreign_order_points_to_it(shop: Market) -> None:
    """139162 SendCoupledAndPostedFCYSalesOrderToCRM"""
    money = next(
        iter(shop.sales.client.query("transactioncurrencies", properties=[], filter="isocurrencycode eq 'USD'"))
    ).key
    order = shop.created(**{"transactioncurrencyid@odata.bind": f"/transactioncurrencies({money})"})
    shop.act(order, "ship")
    invoice = UUID(shop.act(order, "invoice")["invoice"]["id"])
    shop.run_full(INVOICES)
    assert shown(shop, invoice, "_transactioncurrencyid_value", "_salesorderid_value") == (str(money), str(order))
    key = shop.coupling(INVOICES, bc_key=invoice).sales_key
    lines = shop.sales.rows("invoicedetails", "_invoiceid_value", "_transactioncurrencyid_value")
    mine = [row["_transactioncurrencyid_value"] for row in lines if row["_invoiceid_value"] == str(key)]
    assert set(mine) == {str(money)}


@pytest.mark.parametrize("kind", ["item", "resource"])
def test_a8_56_line_blocked_since(shop: Market, kind: str) -> None:
    """139162 SyncNAVInvoiceWithBlockedItem, SyncNAVInvoiceWithBlockedResource"""
    if kind == "item":
        invoice = post(shop)
        key = next(iter(shop.bc.client.query("items", properties=[], filter="number eq '1000'"))).key
        shop.bc.update("items", key, blocked=True)
        shop.run("ITEM-PRODUCT")
    else:
        key = shop.bc.create("resources", number="FITTER", displayName="Fitter", baseUnitOfMeasureCode="HOUR")
        shop.run_full("RESOURCE-PRODUCT")
        invoice = post(shop, lineType="Resource", lineObjectNumber="FITTER", unitPrice=50)
        shop.bc.update("resources", key, blocked=True)
        shop.run("RESOURCE-PRODUCT")
    job = shop.run_full(INVOICES)
    assert job.failed == 1
    assert "blocked" in reasons(job)
    assert not Coupling.objects.filter(bc_key=invoice).exists()
    assert shop.sales.rows("invoices", "name") == []


def test_a8_57_amounts_that_sales_blanks_are_written_afterwards(shop: Market) -> None:
    """139162 ExtendedAmountIsCopiedToCRMInvoiceLine; 139184 InvoiceDetailGetsBlankAmountsOnInsert: with 19 % VAT."""
    post(shop, 4, unitPrice=250)
    shop.run_full(INVOICES)
    lines = shop.sales.rows("invoicedetails", "quantity", "baseamount", "extendedamount", "tax")
    line = next(row for row in lines if row["quantity"] == 4)
    assert (line["baseamount"], line["extendedamount"], line["tax"]) == (Decimal(1000), Decimal(1190), Decimal(190))


def test_a8_58_customer_outside_the_filter(shop: Market) -> None:
    """139181 TestSynchSalesInvHeaderWithCustomerOutOfMapFilter"""
    stranger = shop.bc.create("customers", displayName="Stranger")
    shop.connection.mappings.filter(name="CUSTOMER").update(business_central_filter="displayName eq 'Nobody'")
    invoice = invoice_for(shop, stranger)
    assert shop.run_full(INVOICES).failed == 1
    assert not Coupling.objects.filter(bc_key__in=[stranger, invoice]).exists()


def test_a8_60_read_only_states_refuse_ordinary_changes(shop: Market) -> None:
    """139184 SalesOrderShouldNotBeEditableIfSubmitted, InvoiceIsReadOnlyIfStateIsPaid,
    InvoiceIsReadOnlyIfStateIsCancelled: what the hub writes to such rows goes by their states (scenarios 1, 59)."""
    order = shop.order()
    with pytest.raises(RemoteError):
        shop.sales.update("salesorders", order, name="Other")
    for state, status in ((2, 100001), (3, 100003)):
        invoice = shop.sales.create(
            "invoices", name="Read-only", **{"customerid_account@odata.bind": f"/accounts({shop.account})"}
        )
        shop.sales.update("invoices", invoice, statecode=state, statuscode=status)
        with pytest.raises(RemoteError):
            shop.sales.update("invoices", invoice, name="Other")
