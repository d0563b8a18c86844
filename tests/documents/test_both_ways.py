"""Bidirectional orders: headers and lines go to the side that did not change them, orders are made on either side."""

from typing import Any
from uuid import UUID

from syncjobs.choices import JobMode
from syncjobs.documents.choices import TransferState
from syncjobs.documents.processes import NOTES
from tests.documents.both_sides import ORDERS, details, exchange, lines, reopened
from tests.documents.test_feedback import act, state
from tests.documents.trade import Trade
from tests.engine.live import CREATING


def test_lines_and_header_changed_in_sales_go_into_the_open_order(both: Trade) -> None:
    key = both.make_order("Changed", lines=2)
    both.process(key)
    exchange(both)
    first, second = [row.key for row in both.sales.client.query(
        "salesorderdetails", properties=["quantity"], filter=f"_salesorderid_value eq {key}", orderby="quantity asc"
    )]  # fmt: skip
    reopened(both, key)
    both.sales.update("salesorderdetails", first, quantity=7)
    both.sales.delete("salesorderdetails", second)
    both.add_line(key, quantity=3, priceperunit=25)
    both.sales.update("salesorders", key, discountamount=15, requestdeliveryby="2027-04-01")
    both.submit(key)
    # Meanwhile somebody in Business Central gives a better price.
    both.bc.update("salesOrderLines", UUID(lines(both, key)[0]["id"]), unitPrice=8)

    exchange(both)

    found = [(line["quantity"], line["unitPrice"]) for line in lines(both, key)]
    assert found == [(7, 8), (3, 25)]
    order = next(iter(both.bc_orders()))
    assert (order["discountAmount"], order["requestedDeliveryDate"]) == (15, "2027-04-01")
    assert state(both, key) == (1, 3)
    # What the hub wrote is no change of anybody's.
    assert exchange(both).modified == 0
    act(both, key, "release")
    exchange(both)
    found = [(row["quantity"], row["priceperunit"]) for row in details(both, key, "quantity", "priceperunit")]
    assert sorted(found) == [(3, 25), (7, 8)]
    assert exchange(both).modified == 0


def test_lines_and_header_of_a_released_order_go_to_sales(both: Trade) -> None:
    key = both.make_order("From the warehouse", lines=2)
    both.process(key)
    exchange(both)
    order = both.document(key).bc_key
    first, second = lines(both, key)
    both.bc.update("salesOrderLines", UUID(first["id"]), quantity=4, unitPrice=12, discountAmount=3)
    both.bc.delete("salesOrderLines", UUID(second["id"]))
    both.bc.create("salesOrderLines", documentId=str(order), itemId=str(both.item), quantity=2, unitPrice=30)
    both.bc.update("salesOrders", order, shipToCity="Bergen")
    act(both, key, "release")

    exchange(both)

    names = ("quantity", "priceperunit", "manualdiscountamount", "ispriceoverridden")
    found = [tuple(row[name] for name in names) for row in details(both, key, *names)]
    assert sorted(found) == [(2, 30, 0, True), (4, 12, 3, True)]
    row = both.sales.row("salesorders", key, "shipto_city", "bcbi_businesscentralordernumber", "statecode")
    assert row == {
        "shipto_city": "Bergen", "bcbi_businesscentralordernumber": both.document(key).bc_number, "statecode": 1,
    }  # fmt: skip
    assert exchange(both).modified == 0


def line_becomes(both: Trade, key: UUID, **values: Any) -> None:
    """The only line of an order is changed in Sales, and the order submitted again."""
    line = next(iter(both.sales.client.query(
        "salesorderdetails", properties=["quantity"], filter=f"_salesorderid_value eq {key}"
    ))).key  # fmt: skip
    reopened(both, key)
    both.sales.update("salesorderdetails", line, **values)
    both.submit(key)


def test_change_of_a_released_order_waits_until_it_is_reopened(both: Trade) -> None:
    key = both.make_order("Too late")
    both.process(key)
    exchange(both)
    act(both, key, "release")
    exchange(both)
    line_becomes(both, key, quantity=9)

    exchange(both)
    assert [line["quantity"] for line in lines(both, key)] == [1]
    assert [each["code"] for each in both.document(key).attention] == ["order.released"]

    act(both, key, "reopen")
    exchange(both)
    assert [line["quantity"] for line in lines(both, key)] == [9]
    assert both.document(key).attention == []


def test_note_deleted_in_sales_goes_in_business_central(both: Trade) -> None:
    key = both.make_order("Noted")
    note = both.sales.create(
        "annotations", subject="Gate", notetext="Code 12", **{"objectid_salesorder@odata.bind": f"/salesorders({key})"}
    )
    both.process(key)
    assert len(both.bc.rows("documentAttachments", "fileName")) == 1
    both.sales.delete("annotations", note)
    assert both.process(name=NOTES).state == "succeeded"
    assert both.bc.rows("documentAttachments", "fileName") == []


def test_line_changed_on_both_sides_is_left_for_a_person(both: Trade) -> None:
    key = both.make_order("Both")
    both.process(key)
    exchange(both)
    line_becomes(both, key, quantity=9)
    both.bc.update("salesOrderLines", UUID(lines(both, key)[0]["id"]), quantity=5)

    assert both.run(ORDERS).conflicts == 1
    assert "changed on both sides" in both.document(key).attention[0]["message"]
    assert [line["quantity"] for line in lines(both, key)] == [5]

    mapping = both.mapping("SOLINE-ORDERDETAIL")
    mapping.update_conflict_resolution = "get_from_sales"
    mapping.save()
    exchange(both)
    assert [line["quantity"] for line in lines(both, key)] == [9]
    assert both.document(key).attention == []


def test_released_order_of_business_central_is_made_in_sales_once(both: Trade) -> None:
    made = both.bc.create(
        "salesOrders", customerId=str(both.customer),
        salesOrderLines=[
            {"lineType": "Item", "itemId": str(both.item), "quantity": 4, "unitPrice": 11},
            {"lineType": "Comment", "description": "By hand"},
        ],
    )  # fmt: skip
    exchange(both, JobMode.FULL, options=CREATING)
    assert both.sales.rows("salesorders", "name") == []  # not released yet
    both.sandbox.control("POST", f"/business-central/sales-orders/{made}/release", {})

    for _ in range(2):
        exchange(both, JobMode.FULL, options=CREATING)

    (row,) = both.sales.client.query(
        "salesorders", properties=["name", "_customerid_value", "statecode", "totalamount"]
    )
    assert (row.values["name"], row.values["_customerid_value"]) == ("Adatum Ltd", str(both.account))
    assert row.values["statecode"] == 1
    assert [
        (each["quantity"], each["priceperunit"]) for each in details(both, row.key, "quantity", "priceperunit")
    ] == [(4, 11)]
    document = both.document(row.key)
    assert (document.bc_key, document.transfer_state) == (made, TransferState.TRANSFERRED)
    both.sandbox.control("POST", f"/business-central/sales-orders/{made}/ship", {})
    exchange(both)
    assert state(both, row.key) == (3, 100001)
    both.sandbox.control("POST", f"/business-central/sales-orders/{made}/invoice", {})
    exchange(both)
    assert (state(both, row.key), both.document(row.key).transfer_state) == ((4, 100003), TransferState.CLOSED)
    assert exchange(both, JobMode.FULL).modified == 0  # what was posted and removed is nobody's trouble


def test_lines_of_orders_that_a_person_coupled_are_joined_or_left_alone(both: Trade) -> None:
    keys = [both.make_order(name, lines=2) for name in ("Alike", "Different")]
    for key, counts in zip(keys, ((1, 2), (1, 2, 3)), strict=True):
        made = both.bc.create(
            "salesOrders",
            customerId=str(both.customer),
            salesOrderLines=[{"lineType": "Item", "itemId": str(both.item), "quantity": each} for each in counts],
        )
        both.couple(ORDERS, "salesOrders", made, "salesorders", key)
    both.run(ORDERS, JobMode.FULL)
    found = [[each["code"] for each in both.document(key).attention] for key in keys]
    assert found == [[], ["order.lines_unknown"]]
    assert [len(lines(both, key)) for key in keys] == [2, 3]
    assert [len(details(both, key, "quantity")) for key in keys] == [2, 2]
