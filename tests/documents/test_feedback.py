"""What Business Central does with an order comes back to Sales."""

from uuid import UUID

from syncjobs.documents.choices import TransferState
from syncjobs.documents.processes import ORDER_STATUS, POST_ORDERS, REMOVE_ORDERS
from tests.documents.trade import Trade


def act(trade: Trade, key: UUID, action: str, **body: object) -> dict:
    order = trade.document(key).bc_key
    answer: dict = trade.sandbox.control("POST", f"/business-central/sales-orders/{order}/{action}", body)
    return answer


def told(trade: Trade, key: UUID) -> list[str]:
    """The order's timeline: posts and notes of the hub."""
    return [
        row["text"] for row in trade.sales.rows("posts", "text", "_regardingobjectid_value")
        if row["_regardingobjectid_value"] == str(key)
    ]  # fmt: skip


def state(trade: Trade, key: UUID) -> tuple[int, int]:
    row = trade.sales.row("salesorders", key, "statecode", "statuscode")
    return row["statecode"], row["statuscode"]


def test_released_shipped_in_part_and_invoiced_are_told_once_each(trade: Trade) -> None:
    key = trade.make_order("Timeline", lines=2)
    trade.process()

    act(trade, key, "release")
    trade.process(name=ORDER_STATUS)
    trade.process(name=ORDER_STATUS)
    assert len(told(trade, key)) == 1
    assert "released" in told(trade, key)[0]

    act(trade, key, "ship", quantities={"10000": 1})
    trade.process(name=ORDER_STATUS)
    assert len(told(trade, key)) == 2
    assert state(trade, key) == (1, 3)

    act(trade, key, "ship")
    trade.process(name=ORDER_STATUS)
    assert len(told(trade, key)) == 3
    assert state(trade, key) == (3, 100001)

    act(trade, key, "invoice")
    trade.process(name=ORDER_STATUS)
    assert len(told(trade, key)) == 4
    assert state(trade, key) == (4, 100003)
    assert trade.document(key).transfer_state == TransferState.CLOSED


def test_partly_invoiced_order_is_not_invoiced_in_sales(trade: Trade) -> None:
    trade.switch(fulfil_shipped_orders=False)
    key = trade.make_order("Half", lines=2)
    trade.process()
    act(trade, key, "ship")
    act(trade, key, "invoice", quantities={"10000": 1})

    trade.process(name=ORDER_STATUS)

    assert state(trade, key) == (1, 3)


def test_header_fields_come_back_by_the_mapping_run(trade: Trade) -> None:
    key = trade.make_order("Dates", lines=2)
    trade.process()
    trade.bc.update(
        "salesOrders", trade.document(key).bc_key, requestedDeliveryDate="2027-03-05", shipToCity="Bergen"
    )  # fmt: skip
    act(trade, key, "ship", quantities={"10000": 1}, posting_date="2026-11-20")

    job = trade.run("SALESORDER-ORDER")

    assert (job.state, job.failed) == ("succeeded", 0), list(job.log.values_list("message", flat=True))
    row = trade.sales.row("salesorders", key, "requestdeliveryby", "datefulfilled", "shipto_city", "statecode")
    assert row["requestdeliveryby"][:10] == "2027-03-05"
    assert row["datefulfilled"][:10] == "2026-11-20"
    assert (row["shipto_city"], row["statecode"]) == ("Bergen", 1)


def test_deleted_order_goes_back_to_the_salesperson_and_can_be_submitted_again(trade: Trade) -> None:
    key = trade.make_order("Deleted")
    trade.process()
    first = trade.document(key).bc_key
    trade.bc.delete("salesOrders", first)

    trade.process(name=ORDER_STATUS)
    assert state(trade, key) == (1, 3)
    trade.process(name=ORDER_STATUS)

    assert state(trade, key) == (0, 2)
    document = trade.document(key)
    assert (document.transfer_state, document.coupling) == (TransferState.NONE, None)
    trade.submit(key)
    trade.process()
    assert trade.document(key).bc_key not in (None, first)
    assert len(trade.bc_orders()) == 1


def test_order_that_is_reopened_in_sales_says_so_until_it_is_submitted_again(trade: Trade) -> None:
    key = trade.make_order("Corrected")
    trade.process()
    trade.sales.update("salesorders", key, statecode=0, statuscode=1)
    trade.process(name=ORDER_STATUS)
    assert [each["code"] for each in trade.document(key).attention] == ["order.reopened"]
    trade.submit(key)
    trade.process(name=ORDER_STATUS)
    assert trade.document(key).attention == []


def test_postings_are_told_on_the_accounts_wall_once_each(trade: Trade) -> None:
    key = trade.make_order("Wall")
    trade.process(key)
    act(trade, key, "ship")
    act(trade, key, "invoice")
    trade.process(name=ORDER_STATUS)
    trade.process(key, name=ORDER_STATUS)
    wall = told(trade, trade.account)
    assert [word in " ".join(wall) for word in ("Invoice PSI", "was posted completely")] == [True, True]
    assert len(wall) == 2


def test_accounts_are_not_told_where_nobody_wants_it(trade: Trade) -> None:
    key = trade.make_order("Gone")
    trade.process(key)
    trade.switch(tell_accounts=False)
    act(trade, key, "ship")
    act(trade, key, "invoice")
    assert trade.process(name=ORDER_STATUS).state == "succeeded"
    assert told(trade, trade.account) == []
    assert state(trade, key) == (4, 100003)


def test_cancelled_order_is_deleted_on_request_unless_something_is_shipped(trade: Trade) -> None:
    keys = [trade.make_order(name, lines=2) for name in ("First", "Second")]
    trade.process(*keys)
    act(trade, keys[1], "ship", quantities={"10000": 1})
    for key in keys:
        close = {"subject": "Cancelled", "salesorderid@odata.bind": f"/salesorders({key})"}
        trade.sales.client.session.send("POST", "CancelSalesOrder", body={"OrderClose": close, "Status": 4})
    trade.process(name=ORDER_STATUS)
    assert [trade.document(key).attention[0]["code"] for key in keys] == ["order.cancelled"] * 2

    job = trade.process(*keys, name=REMOVE_ORDERS)

    assert (job.deleted, job.failed) == (1, 1)
    assert [each["externalDocumentNumber"] for each in trade.bc_orders()] == ["SECOND"]
    assert [trade.document(key).transfer_state for key in keys] == [TransferState.CLOSED, TransferState.TRANSFERRED]


def test_order_that_sales_wants_is_not_deleted(trade: Trade) -> None:
    key = trade.make_order()
    trade.process(key)
    assert trade.process(key, name=REMOVE_ORDERS).failed == 1
    assert len(trade.bc_orders()) == 1


def test_ship_and_invoice_posts_once_however_often_it_is_asked_for(trade: Trade) -> None:
    key = trade.make_order()
    trade.process(key)
    for _ in range(2):
        assert trade.process(key, name=POST_ORDERS).failed == 0
    assert len([row for row in trade.bc.rows("salesInvoices", "status") if row["status"] == "Open"]) == 1
    assert state(trade, key) == (4, 100003)
    assert trade.document(key).transfer_state == TransferState.CLOSED


def test_deleted_order_is_cancelled_in_sales_where_that_is_wanted(trade: Trade) -> None:
    trade.switch(cancel_deleted_orders=True)
    key = trade.make_order("Deleted for good")
    trade.process(key)
    trade.bc.delete("salesOrders", trade.document(key).bc_key)
    for _ in range(2):
        trade.process(name=ORDER_STATUS)
    assert state(trade, key) == (2, 4)
    assert (trade.document(key).transfer_state, trade.document(key).coupling) == (TransferState.CLOSED, None)


def test_constant_and_switched_off_field_of_the_mapping_count(trade: Trade) -> None:
    fields = trade.mapping("SALESORDER-ORDER").fields
    fields.filter(sales_attribute="shipto_city").update(enabled=False)
    fields.filter(sales_attribute="billto_city").update(constant_value="Head office", business_central_property="")
    key = trade.make_order("Mapped")
    trade.process(key)
    trade.bc.update("salesOrders", trade.document(key).bc_key, shipToCity="Bergen", shipToName="The yard")
    act(trade, key, "release")
    trade.process(name=ORDER_STATUS)
    row = trade.sales.row("salesorders", key, "shipto_city", "shipto_name", "billto_city")
    assert row == {"shipto_city": None, "shipto_name": "The yard", "billto_city": "Head office"}
