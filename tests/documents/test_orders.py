"""Submitted Sales orders become Business Central orders."""

from syncjobs.documents.choices import TransferState
from syncjobs.models import Operation
from tests.documents.trade import Trade


def test_submitted_order_becomes_one_order_and_is_handed_over(trade: Trade) -> None:
    key = trade.make_order("Order of lamps", lines=2)

    job = trade.process()

    assert (job.state, job.inserted, job.failed) == ("succeeded", 1, 0), (
        job.message,
        list(job.log.values_list("message")),
    )
    [order] = trade.bc_orders()
    assert order["externalDocumentNumber"] == "ORDER OF LAMPS"
    assert order["currencyCode"] == "EUR"
    assert order["status"] == "Draft"
    lines = [(line["lineType"], line["quantity"], line["unitPrice"]) for line in order["salesOrderLines"]]
    assert lines == [("Item", 1, 10), ("Item", 2, 10)]
    sales = trade.sales.row("salesorders", key, "statecode", "statuscode", "lastbackofficesubmit")
    assert (sales["statecode"], sales["statuscode"]) == (1, 3)
    assert sales["lastbackofficesubmit"] == order["orderDate"]
    document = trade.document(key)
    assert (document.transfer_state, document.bc_number) == (TransferState.TRANSFERRED, order["number"])
    assert document.coupling is not None
    assert document.problems == [] and document.differences == [] and document.attention == []
    assert not Operation.objects.exclude(state="settled").exists()
