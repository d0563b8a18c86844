"""A.6 Switches and bidirectional orders (scenarios 36 to 40)."""

from typing import Any

import pytest

from connector.errors import SettingsError
from connector.services.setup import update_connection
from syncjobs.documents.processes import AVAILABILITY, CREATE_ORDERS, FINISHED, PROCESS_QUOTES
from syncjobs.models import Schedule
from tests.scenarios.documents.market import Market


def change(market: Market, **changes: Any) -> None:
    market.connection = update_connection(connection=market.connection, changes=changes, user=None)


def organisation_takes_orders(market: Market) -> bool:
    address = f"organizations({market.connection.organization_id})?$select=issopintegrationenabled"
    return bool(market.sales.client.session.get(address).data["issopintegrationenabled"])


def test_a6_36_switching_order_integration_off(market: Market) -> None:
    """139175 DisableCRMSalesOrderIntegrationWithSOInSubmittedState, DisableCRMSalesOrderIntegration"""
    change(market, sales_order_integration="none")
    change(market, sales_order_integration="legacy")
    assert organisation_takes_orders(market)
    key = market.order()
    with pytest.raises(SettingsError, match="still submitted"):
        change(market, sales_order_integration="none")
    market.connection.refresh_from_db()
    assert market.connection.sales_order_integration == "legacy"
    assert organisation_takes_orders(market)
    market.sales.update("salesorders", key, statecode=0, statuscode=1)
    change(market, sales_order_integration="none")
    assert not organisation_takes_orders(market)


@pytest.mark.parametrize(
    ("switch", "name"),
    [
        ("automatically_create_sales_orders", CREATE_ORDERS),
        ("automatically_process_quotes", PROCESS_QUOTES),
        ("synchronize_item_availability", AVAILABILITY),
    ],
)
def test_a6_37_a9_67_switch_brings_its_job_and_takes_it_away(market: Market, switch: str, name: str) -> None:
    """139160 EnablingAutoCreateSalesOrdersMakesJobQueueEntryCreated,
    DisablingAutoCreateSalesOrdersMakesJobQueueEntryDeleted, EnablingAutoProcessSalesQuotesMakesJobQueueEntryCreated,
    DisablingAutoProcessSalesQuotesMakesJobQueueEntryDeleted, EnableDisableCRMItemAvailabilityWebService"""
    jobs = Schedule.objects.filter(connection=market.connection, name=name)
    assert not jobs.exists()
    change(market, **{switch: True})
    assert jobs.count() == 1
    change(market, **{switch: False})
    assert not jobs.exists()


def test_a6_37_automatic_creation_needs_order_integration(market: Market) -> None:
    """139160 AutoCreateSalesOrdersEditableIfOrdersIntegrationEnabled"""
    change(market, sales_order_integration="none")
    with pytest.raises(SettingsError):
        change(market, automatically_create_sales_orders=True)


def test_a6_39_bidirectional_order_that_is_shipped_is_fulfilled(market: Market) -> None:
    """139175 BidirectionalSalesOrderFulfillOrder"""
    change(market, sales_order_integration="bidirectional")
    assert Schedule.objects.filter(connection=market.connection, name=FINISHED).count() == 1
    key = market.created("Both ways", {"quantity": 2})
    market.act(key, "ship")
    market.process(name=FINISHED)
    assert market.state(key) == (3, 100001)
    market.act(key, "invoice")
    market.process(name=FINISHED)
    assert market.state(key) == (4, 100003)
    assert market.posts(key) == []


def test_a6_38_order_that_is_posted_leaves_two_versions_and_its_last_state(market: Market) -> None:
    """139175 BidirectionalSalesOrderCreatesArchive"""
    change(market, sales_order_integration="bidirectional")
    key = market.created("Archived", {"quantity": 3})
    number = market.document(key).bc_number
    market.act(key, "ship", posting_date="2026-11-20")
    market.act(key, "invoice")
    address = market.bc.client.addresses.table("salesOrderArchives")
    rows = market.bc.client.session.get(
        f"{address}?$filter=number eq '{number}'&$expand=salesOrderArchiveLines&$orderby=versionNumber asc"
    ).data["value"]
    shipped = [[line["quantityShipped"] for line in row["salesOrderArchiveLines"]] for row in rows]
    assert shipped == [[0], [3]]
    market.process(name=FINISHED)
    assert market.state(key) == (4, 100003)
    assert str(market.sales_order(key, "datefulfilled")[0])[:10] == "2026-11-20"
    condition = f"_salesorderid_value eq {key}"
    lines = market.sales.client.query("salesorderdetails", properties=["quantityshipped"], filter=condition)
    assert [line.values["quantityshipped"] for line in lines] == [3]


def test_a6_40_released_order_keeps_its_status_and_the_change_waits(market: Market) -> None:
    """139175 SyncFromCRMKeepsReleasedStatusWhenPrepaymentFullyInvoiced,
    SyncFromCRMReopensOrderWhenPrepaymentOutstanding: the standard API neither releases nor reopens an order, so a
    person does (docs/differences.md, “Released order that is changed in Sales”)."""
    change(market, sales_order_integration="bidirectional")
    key = market.created("Prepaid", {"quantity": 1})
    market.run("SALESORDER-ORDER")
    market.act(key, "release")
    market.sales.update("salesorders", key, statecode=0, statuscode=1)
    market.add_line(key, quantity=5, priceperunit=4)
    market.submit(key)
    market.run("SALESORDER-ORDER")
    assert (market.bc_order(key)["status"], len(market.lines(key))) == ("Open", 1)  # released, in the words of the API
    assert "Choose Reopen below" in market.document(key).attention[0]["message"]
    market.act(key, "reopen")
    market.run("SALESORDER-ORDER")
    assert (market.bc_order(key)["status"], len(market.lines(key))) == ("Draft", 2)
    assert market.document(key).attention == []
