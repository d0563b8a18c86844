"""A.5 Status back (scenarios 27 to 35)."""

from uuid import UUID

import pytest

from connector.errors import HubError
from syncjobs.choices import JobTrigger
from syncjobs.documents.choices import TransferState
from syncjobs.documents.models import DocumentEvent
from syncjobs.documents.requests import create_order
from tests.engine.invoicing import invoice_for
from tests.scenarios.documents.market import STAMP, Market

SUBMITTED, FULFILLED, INVOICED, PENDING = (1, 3), (3, 100001), (4, 100003), (0, 2)


def test_a5_27_release_is_told_once(market: Market) -> None:
    """139175 PostToCRMSalesOrderWhenSalesOrderIsReleased"""
    key = market.created()
    assert market.posts(key) == []
    market.act(key, "release")
    for _ in range(2):
        market.follow()
    [post] = market.posts(key)
    assert "released" in post


def test_a5_28_shipment_is_told_once(market: Market) -> None:
    """139175 PostToCRMSalesOrderWhenSalesOrderIsShipped"""
    key = market.created()
    market.act(key, "ship")
    for _ in range(2):
        market.follow()
    assert len([post for post in market.posts(key) if "Shipment" in post]) == 1


def test_a5_29_invoice_without_an_order_and_credit_memo_are_told_nobody(market: Market) -> None:
    """139175 DontPostToAccountWhenUncoupledInvoiceIsPosted, DoNotPostToAccountWhenCreditMemoIsPosted"""
    invoice_for(market, market.customer, lineObjectNumber="LAMP")
    memo = market.bc.create("salesCreditMemos", customerId=str(market.customer))
    path = f"{market.bc.client.addresses.table('salesCreditMemos')}({memo})"
    body = {"lineType": "Item", "lineObjectNumber": "LAMP", "quantity": 1}
    market.bc.client.session.send("POST", f"{path}/salesCreditMemoLines", body=body)
    market.bc.client.session.send("POST", f"{path}/Microsoft.NAV.post", body={})
    market.created()
    market.follow()
    assert market.posts(market.account) == []
    assert not DocumentEvent.objects.exclude(post="").exists()


def test_a5_30_account_that_was_deleted_stops_no_posting(market: Market) -> None:
    """139175 PostToAccountWhenAccountDeleted"""
    key = market.created()
    market.sales.delete("salesorders", key)  # which Sales asks for before it lets the account go
    market.sales.delete("accounts", market.account)
    market.act(key, "ship")
    market.act(key, "invoice")
    assert market.follow().failed == 0
    assert market.posts(market.account) == []


@pytest.mark.parametrize("way", ["from_shipments", "renamed"])
def test_a5_31_order_is_invoiced_however_its_invoice_was_made(market: Market, way: str) -> None:
    """139175 CRMSalesOrderStateInvoicedAfterFullyInvoicedNAVOrder, CRMSalesOrderLCYWithExternalDocNoCanBePosted"""
    key = market.created()
    if way == "renamed":
        market.bc.update("salesOrders", market.document(key).bc_key, externalDocumentNumber="OTHER")
        market.act(key, "ship")
        market.act(key, "invoice")
    else:
        shipment = market.act(key, "ship")["shipment"]["id"]
        market.follow()
        market.sandbox.control("POST", "/business-central/sales-invoices", {"shipments": [shipment]})
    market.follow()
    assert market.state(key) == INVOICED


@pytest.mark.parametrize(("fulfil", "state"), [(False, SUBMITTED), (True, FULFILLED)])
def test_a5_32_shipped_order(market: Market, fulfil: bool, state: tuple[int, int]) -> None:
    """139175 CRMSalesOrderStateSubmittedAfterNAVOrderShippedOnly; hub"""
    market.switch(fulfil_shipped_orders=fulfil)
    key = market.created()
    market.act(key, "ship")
    market.follow()
    assert market.state(key) == state


def test_a5_33_half_invoiced_order_is_not_invoiced(market: Market) -> None:
    """139175 CRMSalesOrderStateSubmittedAfterPartlyInvoicedNAVOrder"""
    key = market.created("Half", {"quantity": 4})
    market.act(key, "ship")
    market.act(key, "invoice", quantities={"10000": 2})
    market.follow()
    assert market.state(key) != INVOICED


def test_a5_34_order_deleted_in_business_central_comes_back(market: Market) -> None:
    """139175 CRMSalesOrderUncoupledAfterSalesHeaderDelete; derived"""
    key = market.created()
    first = market.document(key).bc_key
    market.bc.delete("salesOrders", first)
    for _ in range(2):
        market.follow()
    assert market.document(key).coupling is None
    assert (market.state(key), market.sales_order(key, STAMP)) == (PENDING, (None,))
    market.submit(key)
    market.process(key)
    assert market.document(key).bc_key not in (None, first)


@pytest.mark.parametrize("action", ["posted", "deleted"])
def test_a5_35_order_deleted_in_sales_ends_quietly(market: Market, action: str) -> None:
    """139175 PostSalesOrderCoupledToDeletedCRMSalesOrder, DeleteSalesOrderCoupledToDeletedCRMSalesOrder"""
    key = market.created()
    market.sales.delete("salesorders", key)
    if action == "posted":
        market.act(key, "ship")
        market.act(key, "invoice")
    else:
        market.bc.delete("salesOrders", market.document(key).bc_key)
    for _ in range(3):
        assert market.follow().failed == 0
    document = market.document(key)
    assert document.sales_gone
    assert document.transfer_state == TransferState.CLOSED


def test_a5_35_order_deleted_in_sales_cannot_be_asked_for(market: Market) -> None:
    """hub"""
    with pytest.raises(HubError, match="no order of this id"):
        create_order(connection=market.connection, key=UUID(int=7), user=None, trigger=JobTrigger.COMMAND)
