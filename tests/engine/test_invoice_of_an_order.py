"""A posted invoice of an order that came from Sales: linked with that order, and with what the order knows."""

from typing import Any
from uuid import UUID

import pytest

from syncjobs.documents.processes import ORDER_STATUS
from tests.documents.trade import Trade
from tests.engine.invoicing import INVOICES, failure, shown
from tests.engine.live import connect
from tests.sandbox_process import SandboxServer

LINKS = ("_salesorderid_value", "_opportunityid_value", "_pricelevelid_value", "name")


@pytest.fixture
def trade(sandbox: SandboxServer, transactional_db: None, settings: Any) -> Trade:
    settings.COUPLET_CREATE_GRACE_SECONDS = 0
    made = Trade(connect(sandbox), sandbox)
    made.switch(sales_order_integration="legacy", unit_group_mapping=False, ownership_model="team")
    made.set_up()
    for name in ("CURRENCY", "CUSTOMER", "ITEM-PRODUCT"):
        made.run(name)
    return made


def ordered(trade: Trade) -> tuple[UUID, UUID, UUID]:
    """An order of an opportunity with a price list of its own, in both systems; order, opportunity, list."""
    opportunity = trade.sales.create("opportunities", name="Refit")
    price_list = trade.sales.create("pricelevels", name="Friends")
    order = trade.make_order(
        "Lamps for the refit",
        **{
            "opportunityid@odata.bind": f"/opportunities({opportunity})",
            "pricelevelid@odata.bind": f"/pricelevels({price_list})",
        },
    )
    assert trade.process().failed == 0
    return order, opportunity, price_list


def invoiced(trade: Trade, order: UUID, **quantities: int) -> UUID:
    """Ships and invoices the order in Business Central; the posted invoice."""
    path = f"/business-central/sales-orders/{trade.document(order).bc_key}"
    trade.sandbox.control("POST", f"{path}/ship", {})
    answer = trade.sandbox.control("POST", f"{path}/invoice", {})
    return UUID(answer["invoice"]["id"])


@pytest.mark.parametrize("told", [False, True], ids=["order_still_open_in_the_hub", "order_closed_in_the_hub"])
def test_invoice_is_linked_with_its_order(trade: Trade, told: bool) -> None:
    order, opportunity, price_list = ordered(trade)
    invoice = invoiced(trade, order)
    if told:
        trade.process(name=ORDER_STATUS)
    job = trade.run_full(INVOICES)
    assert (job.inserted, job.failed) == (1, 0)
    assert shown(trade, invoice, *LINKS) == (str(order), str(opportunity), str(price_list), "Lamps for the refit")


def test_invoice_for_another_customer_than_its_order_is_refused(trade: Trade) -> None:
    order, _, _ = ordered(trade)
    invoiced(trade, order)
    other = trade.sales.create("accounts", name="Contoso", customertypecode=3)
    trade.run("SALESORDER-ORDER")
    trade.mapping("CUSTOMER").couplings.update(sales_key=other)
    job = trade.run_full(INVOICES)
    assert (job.inserted, failure(job)) == (0, "engine.invoice_order_customer")


def test_invoice_over_shipments_is_linked_by_the_reference(trade: Trade) -> None:
    order, opportunity, _ = ordered(trade)
    path = f"/business-central/sales-orders/{trade.document(order).bc_key}"
    shipment = trade.sandbox.control("POST", f"{path}/ship", {})["shipment"]["id"]
    invoice = trade.sandbox.control("POST", "/business-central/sales-invoices", {"shipments": [shipment]})
    key = UUID((invoice.get("invoice") or invoice)["id"])
    assert trade.run_full(INVOICES).failed == 0
    assert shown(trade, key, *LINKS[:2]) == (str(order), str(opportunity))
