"""Bidirectional orders: reopened and released from the hub, dates of lines, lines that stay, prices, previews."""

from typing import Any
from uuid import UUID

from django.test import Client

from config.roles import ensure_groups
from syncjobs.choices import JobMode
from syncjobs.documents.processes import RELEASE_ORDERS, REOPEN_ORDERS
from syncjobs.models import JobLogEntry, Operation, SynchJob
from tests.coupling.factories import make_person
from tests.documents.both_sides import ORDERS, details, exchange, lines, reopened
from tests.documents.test_feedback import act
from tests.documents.trade import Trade
from tests.engine.live import CREATING


def lines_of_sales(trade: Trade, order: UUID) -> list[UUID]:
    rows = trade.sales.client.query(
        "salesorderdetails", properties=["quantity"], filter=f"_salesorderid_value eq {order}", orderby="quantity asc"
    )
    return [row.key for row in rows]


def agreed(trade: Trade, name: str, count: int = 1) -> UUID:
    """An order that both systems have."""
    key = trade.make_order(name, lines=count)
    trade.process(key)
    exchange(trade)
    return key


def changed(trade: Trade, order: UUID, line: UUID, **values: Any) -> None:
    """As a salesperson does it: reopened, changed, submitted again."""
    reopened(trade, order)
    trade.sales.update("salesorderdetails", line, **values)
    trade.submit(order)


def asked(trade: Trade, order: UUID, process: str) -> None:
    """A process that somebody asked for, and the run of the pair that follows it."""
    job = trade.process(order, name=process)
    assert (job.state, job.modified) == ("succeeded", 1), list(job.log.values_list("message", flat=True))
    assert SynchJob.objects.filter(mode=JobMode.SELECTED).latest("pk").state == "succeeded"


def test_order_is_reopened_from_its_page_takes_the_change_and_is_released(both: Trade) -> None:
    key = agreed(both, "Late wish")
    act(both, key, "release")
    exchange(both)
    [line] = lines_of_sales(both, key)
    changed(both, key, line, quantity=9)
    exchange(both)
    ensure_groups()
    person = Client()
    person.force_login(make_person("seller", "salesperson"))
    page = person.get(both.document(key).get_absolute_url()).content.decode()
    assert 'value="reopen"' in page
    assert "Choose Reopen below" in page

    asked(both, key, REOPEN_ORDERS)

    assert [line["quantity"] for line in lines(both, key)] == [9]
    assert both.document(key).attention == []
    page = person.get(both.document(key).get_absolute_url()).content.decode()
    assert 'value="reopen"' not in page
    assert 'value="release"' in page
    asked(both, key, RELEASE_ORDERS)
    assert both.bc.row("salesOrders", both.document(key).bc_key, "status")["status"] == "Open"  # released, for the API


def test_without_the_companion_the_order_says_where_to_click(both: Trade) -> None:
    key = agreed(both, "By hand")
    act(both, key, "release")
    [line] = lines_of_sales(both, key)
    changed(both, key, line, quantity=9)
    capabilities = both.connection.capabilities
    left = [name for name in capabilities["companion"] if name != "salesOrderExtras"]
    both.switch(capabilities={**capabilities, "companion": left})
    exchange(both)
    assert "choose Release, then Reopen" in both.document(key).attention[0]["message"]


def test_delivery_date_of_a_line_goes_both_ways(both: Trade) -> None:
    key = both.make_order("Dated", lines=0, submit=False)
    both.add_line(key, requestdeliveryby="2027-03-01")
    both.submit(key)
    both.process(key)
    exchange(both)  # a new line gets its date with the first run
    [line] = lines_of_sales(both, key)
    assert date_of(both, key) == "2027-03-01"
    changed(both, key, line, requestdeliveryby="2027-03-05")
    exchange(both)
    assert date_of(both, key) == "2027-03-05"
    assert exchange(both).modified == 0
    both.bc.client.session.send(
        "PATCH", f"{both.bc.client.addresses.table('salesDocumentLines')}{place(both, key)}",
        body={"requestedDeliveryDate": "2027-03-09"}, headers={"If-Match": "*"},
    )  # fmt: skip
    act(both, key, "release")
    exchange(both)
    assert str(details(both, key, "requestdeliveryby")[0]["requestdeliveryby"])[:10] == "2027-03-09"
    assert exchange(both).modified == 0


def place(trade: Trade, key: UUID) -> str:
    number = trade.document(key).bc_number
    return f"(documentType='Order',documentNumber='{number}',lineNumber=10000)"


def date_of(trade: Trade, key: UUID) -> str:
    address = f"{trade.bc.client.addresses.table('salesDocumentLines')}{place(trade, key)}"
    return str(trade.bc.client.session.get(address).data["requestedDeliveryDate"])


def test_field_mapping_of_lines_that_is_switched_off_or_one_way_holds(both: Trade) -> None:
    fields = both.mapping("SOLINE-ORDERDETAIL").fields
    fields.filter(sales_attribute="priceperunit").update(direction="to_sales")
    fields.filter(sales_attribute="quantityshipped").update(enabled=False)
    key = agreed(both, "One way")
    [line] = lines_of_sales(both, key)
    changed(both, key, line, priceperunit=55, quantity=3)
    exchange(both)
    assert [(line["quantity"], line["unitPrice"]) for line in lines(both, key)] == [(3, 10)]
    act(both, key, "release")
    act(both, key, "ship", quantities={"10000": 1})
    exchange(both)
    assert [row["quantityshipped"] for row in details(both, key, "quantityshipped")] in ([None], [0])


def test_line_deleted_in_sales_that_is_shipped_stays_and_is_said_once(both: Trade) -> None:
    key = agreed(both, "Shipped in part", 2)
    act(both, key, "release")
    act(both, key, "ship", quantities={"10000": 1})
    exchange(both)
    reopened(both, key)
    both.sales.delete("salesorderdetails", lines_of_sales(both, key)[0])
    both.submit(key)
    for _ in range(2):
        exchange(both)
        assert [each["code"] for each in both.document(key).attention] == ["order.line_kept"]
    assert len(lines(both, key)) == 2
    assert len(details(both, key, "quantity")) == 1
    assert both.document(key).events.filter(message__contains="shipped already").count() == 1


def test_order_made_in_sales_has_a_price_list_of_its_own_that_keeps_the_price(both: Trade) -> None:
    made = both.bc.create(
        "salesOrders", customerId=str(both.customer),
        salesOrderLines=[{"lineType": "Item", "itemId": str(both.item), "quantity": each, "unitPrice": 11}
                         for each in (4, 2)],
    )  # fmt: skip
    both.sandbox.control("POST", f"/business-central/sales-orders/{made}/release", {})
    preview = both.run(ORDERS, JobMode.PREVIEW, options=CREATING)
    assert (preview.state, preview.inserted) == ("succeeded", 1)
    assert both.sales.rows("salesorders", "name") == []
    exchange(both, JobMode.FULL, options=CREATING)
    (order,) = both.sales.client.query("salesorders", properties=["_pricelevelid_value"])
    document = both.document(order.key)
    price_list = UUID(order.values["_pricelevelid_value"])
    name = both.sales.row("pricelevels", price_list, "name")["name"]
    assert name == f"Business Central Order {document.bc_number} Price List"

    def prices() -> list[float]:
        rows = both.sales.client.query(
            "productpricelevels", properties=["amount"], filter=f"_pricelevelid_value eq {price_list}"
        )
        return [row.values["amount"] for row in rows]

    assert prices() == [11]
    act(both, order.key, "reopen")
    changed(both, order.key, lines_of_sales(both, order.key)[0], priceperunit=8, ispriceoverridden=True)
    exchange(both)
    assert sorted(line["unitPrice"] for line in lines(both, order.key)) == [8, 11]
    assert prices() == [8]


def test_preview_counts_orders_that_a_run_would_create(both: Trade) -> None:
    key = both.make_order("Ready")
    stranger = both.sales.create("accounts", name="Stranger", customertypecode=3)
    both.make_order("Waits", **{"customerid_account@odata.bind": f"/accounts({stranger})"})
    job = both.run(ORDERS, JobMode.PREVIEW, options=CREATING)
    assert (job.state, job.inserted, job.failed) == ("partly", 1, 1)
    found = Operation.objects.filter(job=job, preview=True, kind="create")
    assert {(each.state, each.sales_key == key) for each in found} == {("planned", True), ("failed", False)}
    assert both.bc_orders() == []


def test_archive_orders_is_switched_on_where_the_companion_offers_it(both: Trade) -> None:
    client = both.bc.client
    row = client.singleton("salesReceivablesSetups")
    both.bc.update("salesReceivablesSetups", UUID(row["id"]), archiveOrders=False)
    job = exchange(both)
    assert client.singleton("salesReceivablesSetups")["archiveOrders"] is True
    assert JobLogEntry.objects.filter(job=job, message__contains="Archive Orders was switched on").count() == 1
