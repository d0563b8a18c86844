"""Submitted Sales orders become Business Central orders."""

from decimal import Decimal

from syncjobs.documents.choices import TransferState
from syncjobs.models import Operation
from tests.documents.trade import Trade


def test_submitted_order_becomes_one_order_and_is_handed_over(trade: Trade) -> None:
    key = trade.make_order("Order of lamps", lines=2)

    job = trade.process()

    assert (job.state, job.inserted, job.modified, job.failed) == ("succeeded", 1, 1, 0)
    [order] = trade.bc_orders()
    assert order["externalDocumentNumber"] == "ORDER OF LAMPS"
    assert order["currencyCode"] == "EUR"
    assert order["status"] == "Draft"
    lines = [(line["lineType"], line["quantity"], line["unitPrice"]) for line in order["salesOrderLines"]]
    assert lines == [("Item", 1, 10), ("Item", 2, 10)]
    sales = trade.sales.row("salesorders", key, "statecode", "statuscode", "lastbackofficesubmit")
    assert (sales["statecode"], sales["statuscode"]) == (1, 3)
    assert sales["lastbackofficesubmit"][:10] == order["orderDate"]
    document = trade.document(key)
    assert (document.transfer_state, document.bc_number) == (TransferState.TRANSFERRED, order["number"])
    assert document.coupling is not None
    assert document.problems == []
    assert document.differences == []
    assert document.attention == []
    assert not Operation.objects.exclude(state="settled").exists()


def test_second_run_creates_nothing(trade: Trade) -> None:
    key = trade.make_order()
    trade.process()

    trade.process(key)
    trade.process()

    assert len(trade.bc_orders()) == 1


def test_discounts_freight_write_ins_and_descriptions_arrive(trade: Trade) -> None:
    """The worked example of amounts, with a long description, a write-in and freight."""
    trade.bc.create("items", number="WRITEIN", displayName="Write-in", type="Service")
    trade.switch(write_in_product_no="WRITEIN")
    key = trade.make_order(
        "Amounts", lines=0, submit=False, freightamount=1020, discountpercentage=9, discountamount=3500
    )
    trade.add_line(key, quantity=10, priceperunit=4000, manualdiscountamount=3200, description="x" * 250)
    trade.add_line(key, quantity=5, priceperunit=4000, manualdiscountamount=1650, write_in="A one-off part")
    trade.submit(key)

    job = trade.process()

    assert job.state == "succeeded", list(job.log.values_list("message", flat=True))
    [order] = trade.bc_orders()
    lines = [
        (line["sequence"], line["lineType"], line["lineObjectNumber"], line["description"], line["discountAmount"])
        for line in order["salesOrderLines"]
    ]
    assert lines == [
        (10000, "Item", "LAMP", "Lamp", 3200),
        (20000, "Comment", "", "x" * 100, 0),
        (30000, "Comment", "", "x" * 100, 0),
        (40000, "Comment", "", "x" * 50, 0),
        (50000, "Item", "WRITEIN", "A one-off part", 1650),
        (60000, "Account", "8640", "Freight Amount", 0),
    ]
    assert order["discountAmount"] == Decimal("8463.50")
    assert order["totalAmountExcludingTax"] == Decimal("47706.50")
    document = trade.document(key)
    assert document.differences == []
    assert document.steps["discount"] == "done"


def test_all_problems_are_told_at_once_and_nothing_is_written(trade: Trade) -> None:
    stranger = trade.sales.create("accounts", name="Stranger", customertypecode=3)
    chair = trade.make_product("Chair", "CHAIR")
    key = trade.make_order(
        "Problems", lines=0, submit=False, **{"customerid_account@odata.bind": f"/accounts({stranger})"}
    )
    trade.add_line(key, **{"productid@odata.bind": f"/products({chair})"})
    trade.add_line(key, write_in="Something")
    trade.submit(key)

    job = trade.process()

    assert (job.state, job.failed) == ("partly", 1)
    document = trade.document(key)
    codes = {problem["code"] for problem in document.problems}
    assert codes == {"account.not_coupled", "product.not_coupled", "write_in.not_set"}
    assert document.transfer_state == TransferState.PROBLEMS
    assert trade.bc_orders() == []
    assert not Operation.objects.exists()


def test_one_order_with_problems_does_not_stop_the_others(trade: Trade) -> None:
    stranger = trade.sales.create("accounts", name="Stranger", customertypecode=3)
    bad = trade.make_order("Bad", **{"customerid_account@odata.bind": f"/accounts({stranger})"})
    good = trade.make_order("Good")

    job = trade.process()

    assert (job.inserted, job.failed) == (1, 1)
    assert [order["externalDocumentNumber"] for order in trade.bc_orders()] == ["GOOD"]
    assert trade.document(good).coupling
    assert not trade.document(bad).coupling
    assert any("Stranger" in message for message in job.log.values_list("message", flat=True))


def test_only_empty_stamps_and_1900_01_01_are_picked(trade: Trade) -> None:
    for name, stamp in (("First", "1899-12-31"), ("Second", "1900-01-01"), ("Third", "1900-01-02")):
        trade.make_order(name, lastbackofficesubmit=stamp)
    trade.make_order("Fourth")
    trade.make_order("Active", submit=False)

    trade.process()

    assert {order["externalDocumentNumber"] for order in trade.bc_orders()} == {"SECOND", "FOURTH"}


def test_refused_order_leaves_nothing_behind(trade: Trade) -> None:
    """A discount of the whole document that Business Central refuses takes the new order away again."""
    trade.faults(
        {"system": "business_central", "match": "salesOrders", "method": "PATCH", "kind": "server_error", "count": 0}
    )
    key = trade.make_order("Too deep", lines=0, submit=False, discountamount=5)
    trade.add_line(key, quantity=1, priceperunit=10)
    trade.submit(key)
    trade.bc.update("customers", trade.customer, blocked="All")

    job = trade.process()

    assert job.failed == 1
    assert [problem["code"] for problem in trade.document(key).problems] == ["customer.blocked"]
    assert trade.bc_orders() == []


def test_notes_become_attachments(trade: Trade) -> None:
    key = trade.make_order("With a note", submit=False)
    trade.sales.create(
        "annotations", subject="Door", notetext="<p>Ring twice</p><p>Ask for Ann</p>",
        **{"objectid_salesorder@odata.bind": f"/salesorders({key})"},
    )  # fmt: skip
    trade.submit(key)

    trade.process()

    [note] = trade.document(key).notes.all()
    assert note.text == "Ring twice\nAsk for Ann"
    [attachment] = trade.bc.rows("documentAttachments", "fileName", "byteSize")
    assert attachment["fileName"].startswith("note-")
    assert attachment["byteSize"] > 0
