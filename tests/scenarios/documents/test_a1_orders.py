"""A.1 Creating orders (scenarios 1 to 11)."""

import pytest
from django.utils import timezone

from coupling.models import OptionMapping
from syncjobs.choices import JobTrigger
from syncjobs.documents.records import eligible
from syncjobs.documents.requests import create_order
from tests.scenarios.documents.market import STAMP, Market


def test_a1_01_order_in_local_currency(market: Market) -> None:
    """139175 CRMSalesOrderLCY: API v2.0 writes the local currency's code where the record's field is blank."""
    key = market.created()
    order = market.bc_order(key)
    assert (order["currencyCode"], order["status"]) == (market.connection.local_currency_code, "Draft")
    assert market.state(key) == (1, 3)
    assert market.sales_order(key, STAMP)[0][:10] == timezone.localdate().isoformat()


def test_a1_02_order_in_foreign_currency(market: Market) -> None:
    """139175 CRMSalesOrderFCY"""
    money = market.foreign_currency()
    key = market.created(**{"transactioncurrencyid@odata.bind": f"/transactioncurrencies({money})"})
    assert market.bc_order(key)["currencyCode"] == "USD"


def test_a1_03_automatic_creation(market: Market) -> None:
    """139175 CreateSalesOrderInNAVWithJobQueueSunshine"""
    market.switch(automatically_create_sales_orders=True)
    key = market.order()
    market.process()
    assert [row["id"] for row in market.bc_orders()] == [str(market.document(key).bc_key)]
    assert market.document(key).coupling is not None


def test_a1_04_failed_order_does_not_stop_the_next(market: Market) -> None:
    """139175 CreateSalesOrderInNAVWithJobQueueAfterFail"""
    stranger = market.sales.create("accounts", name="Stranger", customertypecode=3)
    market.order("First", **{"customerid_account@odata.bind": f"/accounts({stranger})"})
    market.order("Second")
    job = market.process()
    assert (job.inserted, job.failed) == (1, 1)
    assert [row["externalDocumentNumber"] for row in market.bc_orders()] == ["SECOND"]
    assert any("Stranger" in line for line in job.log.values_list("message", flat=True))


def test_a1_05_stamps_that_are_picked(market: Market) -> None:
    """139175 CRMSalesOrderListFilters"""
    for stamp in ("1899-12-31", "1900-01-01", "1900-01-02"):
        market.order(stamp, lastbackofficesubmit=stamp)
    market.order("empty")
    market.make_order("active", submit=False)
    market.process()
    made = {row["externalDocumentNumber"] for row in market.bc_orders()}
    assert made == {"1900-01-01", "EMPTY"}
    listed = market.connection.sales_documents.filter(eligible("order"))
    assert not listed.filter(name__in=["active", "1899-12-31", "1900-01-02"]).exists()


def test_a1_06_long_name_becomes_the_external_document_number(market: Market) -> None:
    """139175 CRMOrderNameToSalesHeaderExternalDocumentNo"""
    name = "ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 AND MORE"
    assert market.bc_order(market.created(name))["externalDocumentNumber"] == name[:35]


@pytest.mark.parametrize("paged", [True, False], ids=["page", "no_page"])
def test_a1_07_coupled_options(market: Market, paged: bool) -> None:
    """139183 CreateSOInNAVCopiesCRMOptionFields"""
    codes = {"PAYMENT TERMS": "30 DAYS", "SHIPMENT METHOD": "EXW", "SHIPPING AGENT": "DHL"}
    chosen = {}
    for name, code in codes.items():
        market.run_full(name)
        chosen[name] = OptionMapping.objects.get(mapping__name=name, bc_code=code)
    if not paged:
        pages = [page for page in market.connection.capabilities["pages"] if page != "salesDocuments"]
        market.switch(capabilities={**market.connection.capabilities, "pages": pages})
    key = market.created(
        paymenttermscode=chosen["PAYMENT TERMS"].option_value,
        freighttermscode=chosen["SHIPMENT METHOD"].option_value,
        shippingmethodcode=chosen["SHIPPING AGENT"].option_value,
    )
    order = market.bc_order(key)
    assert order["paymentTermsId"] == str(chosen["PAYMENT TERMS"].bc_key)
    assert order["shipmentMethodId"] == str(chosen["SHIPMENT METHOD"].bc_key)
    document = market.document(key)
    assert any("Shipping Agent Code (DHL)" in text for text in document.omissions) is not paged
    if paged:
        row = market.bc.row("salesDocuments", document.bc_key, "shippingAgentCode")
        assert row["shippingAgentCode"] == "DHL"
    assert document.coupling is not None


@pytest.mark.parametrize("kind", ["item", "resource"])
def test_a1_08_retired_product(market: Market, kind: str) -> None:
    """139162 SyncCRMSalesOrderWithInactiveCRMProduct, SyncCRMSalesOrderWithInactiveCRMProductResource"""
    product = market.product if kind == "item" else market.resource()
    key = market.order("Retired", market.of(product))
    market.sales.update("products", product, statecode=1, statuscode=2)
    market.process(key)
    [problem] = market.problems(key)
    assert problem["code"] == "product.not_active"
    assert "Retired" in problem["message"]
    assert market.bc_orders() == []


def test_a1_09_order_that_is_coupled_already(market: Market) -> None:
    """derived 5343"""
    key = market.created()
    again = create_order(connection=market.connection, key=key, user=None, trigger=JobTrigger.COMMAND)
    assert again.exists
    assert market.document(key).bc_number in again.message
    assert len(market.bc_orders()) == 1


def test_a1_10_order_whose_answer_got_lost(market: Market) -> None:
    """hub"""
    key = market.order()
    market.faults({"system": "business_central", "match": "salesOrders", "kind": "drop_after_commit", "count": 1})
    market.process()
    market.process()
    assert [row["id"] for row in market.bc_orders()] == [str(market.document(key).bc_key)]


def test_a1_11_order_of_a_contact_is_for_its_account(market: Market) -> None:
    """derived 5343"""
    bind = {"parentcustomerid_account@odata.bind": f"/accounts({market.account})"}
    contact = market.sales.create("contacts", lastname="Vance", **bind)
    key = market.make_order("Contact", lines=0, submit=False)
    market.sales.update("salesorders", key, **{"customerid_contact@odata.bind": f"/contacts({contact})"})
    market.add_line(key)
    market.submit(key)
    market.process(key)
    assert market.bc_order(key)["customerId"] == str(market.customer)
