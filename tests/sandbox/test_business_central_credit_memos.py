"""Credit memos: drafts, corrections of invoices, posting, cancelling, and what the customer owes afterwards."""

from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.conftest import ApiClient
from tests.sandbox.test_business_central_documents import act, goods, post

__all__ = ["goods"]


@pytest.fixture
def invoice(business_central: ApiClient, goods: dict[str, Any]) -> dict[str, Any]:
    """A posted invoice over two lamps, 238 with tax."""
    lines = [{"itemId": goods["item"]["id"], "quantity": 2}, {"description": "As agreed"}]
    draft = post(business_central, "salesInvoices", customerId=goods["customer"]["id"], salesInvoiceLines=lines)
    assert act(business_central, f"salesInvoices({draft['id']})/Microsoft.NAV.post").status_code == 204
    posted: dict[str, Any] = business_central.get(f"salesInvoices({draft['id']})")
    return posted


def balance(api: ApiClient, goods: dict[str, Any]) -> Any:
    return api.get(f"customerFinancialDetails({goods['customer']['id']})")["balance"]


def stock(api: ApiClient, goods: dict[str, Any]) -> Any:
    return api.get(f"items({goods['item']['id']})")["inventory"]


def test_correction_is_a_draft_that_cancels_the_invoice_when_posted(
    business_central: ApiClient, goods: dict[str, Any], invoice: dict[str, Any]
) -> None:
    assert (balance(business_central, goods), stock(business_central, goods)) == (238, -2)
    made = act(business_central, f"salesInvoices({invoice['id']})/Microsoft.NAV.makeCorrectiveCreditMemo")
    assert made.status_code == 204
    path = f"salesCreditMemos({made.headers['Location'].rpartition('(')[2].rstrip(')')})"
    draft = business_central.get(f"{path}?$expand=salesCreditMemoLines,salesInvoice,customer")
    assert (draft["status"], draft["totalAmountIncludingTax"]) == ("Draft", 238)
    assert (draft["invoiceNumber"], draft["invoiceId"]) == (invoice["number"], invoice["id"])
    assert draft["salesInvoice"]["number"] == invoice["number"]
    assert [(line["lineType"], line["quantity"]) for line in draft["salesCreditMemoLines"]] == [
        ("Item", 2),
        ("Comment", 0),
    ]
    assert business_central.get(f"salesInvoices({invoice['id']})")["status"] == "Open"

    assert act(business_central, f"{path}/Microsoft.NAV.post").status_code == 204
    posted = business_central.get(path)
    assert posted["status"] == "Corrective"
    assert posted["number"] != draft["number"]
    canceled = business_central.get(f"salesInvoices({invoice['id']})")
    assert (canceled["status"], canceled["remainingAmount"]) == ("Canceled", 0)
    assert (balance(business_central, goods), stock(business_central, goods)) == (0, 0)
    assert business_central.error(business_central.request("DELETE", path)) == (400, "Application_DialogException")


def test_cancel_posts_the_correction_and_can_itself_be_cancelled(
    business_central: ApiClient, goods: dict[str, Any], invoice: dict[str, Any]
) -> None:
    done = act(business_central, f"salesInvoices({invoice['id']})/Microsoft.NAV.cancel")
    assert done.status_code == 204
    path = f"salesCreditMemos({done.headers['Location'].rpartition('(')[2].rstrip(')')})"
    assert business_central.get(path)["status"] == "Corrective"
    again = act(business_central, f"salesInvoices({invoice['id']})/Microsoft.NAV.cancel")
    assert business_central.error(again) == (400, "Application_DialogException")

    back = act(business_central, f"{path}/Microsoft.NAV.cancel")
    assert back.status_code == 204
    assert business_central.get(path)["status"] == "Canceled"
    corrective = business_central.get(f"salesInvoices({back.headers['Location'].rpartition('(')[2].rstrip(')')})")
    assert (corrective["status"], corrective["remainingAmount"]) == ("Corrective", 238)
    assert (balance(business_central, goods), stock(business_central, goods)) == (238, -2)


def test_free_credit_memo_lowers_the_balance(business_central: ApiClient, goods: dict[str, Any]) -> None:
    memo = post(
        business_central,
        "salesCreditMemos?$expand=salesCreditMemoLines",
        customerNumber=goods["customer"]["number"],
        externalDocumentNumber="RMA-1",
        salesCreditMemoLines=[{"itemId": goods["item"]["id"], "quantity": 1, "unitPrice": 40}],
    )
    assert (memo["status"], memo["totalAmountExcludingTax"]) == ("Draft", 40)
    path = f"salesCreditMemos({memo['id']})"
    line = f"salesCreditMemoLines({memo['salesCreditMemoLines'][0]['id']})"
    assert business_central.request("PATCH", line, {"quantity": 2, "unitPrice": 40}, If_Match="*").status_code == 200
    assert act(business_central, f"{path}/Microsoft.NAV.post").status_code == 204
    assert business_central.get(path)["status"] == "Open"
    assert balance(business_central, goods) == Decimal("-95.2")
    cancelled = act(business_central, f"{path}/Microsoft.NAV.cancel")
    assert business_central.error(cancelled) == (400, "Application_DialogException")


def test_partial_credit_leaves_the_rest_of_the_invoice_open(
    business_central: ApiClient, goods: dict[str, Any], invoice: dict[str, Any]
) -> None:
    memo = post(
        business_central,
        "salesCreditMemos",
        customerId=goods["customer"]["id"],
        invoiceNumber=invoice["number"],
        salesCreditMemoLines=[{"itemId": goods["item"]["id"], "quantity": 1}],
    )
    assert act(business_central, f"salesCreditMemos({memo['id']})/Microsoft.NAV.post").status_code == 204
    assert business_central.get(f"salesCreditMemos({memo['id']})")["status"] == "Paid"
    open_invoice = business_central.get(f"salesInvoices({invoice['id']})")
    assert (open_invoice["status"], open_invoice["remainingAmount"]) == ("Open", 119)
    assert balance(business_central, goods) == 119
    refused = act(business_central, f"salesInvoices({invoice['id']})/Microsoft.NAV.makeCorrectiveCreditMemo")
    assert business_central.error(refused) == (400, "Application_DialogException")


def test_credit_memo_names_a_posted_invoice_of_its_customer(
    business_central: ApiClient, goods: dict[str, Any], invoice: dict[str, Any]
) -> None:
    other = post(business_central, "customers", displayName="Somebody else")
    for body in (
        {"customerId": other["id"], "invoiceId": invoice["id"]},
        {"customerId": goods["customer"]["id"], "invoiceNumber": "NONE"},
    ):
        refused = business_central.request("POST", "salesCreditMemos", body)
        assert business_central.error(refused) == (400, "Application_DialogException")


def test_cancelling_gives_the_lines_of_a_standing_order_back(
    business_central: ApiClient, goods: dict[str, Any]
) -> None:
    line = {"itemId": goods["item"]["id"], "quantity": 5}
    order = post(business_central, "salesOrders", customerId=goods["customer"]["id"], salesOrderLines=[line])
    path = f"/business-central/sales-orders/{order['id']}"
    control = business_central.server.control
    control("POST", f"{path}/ship", {"quantities": {"10000": 3}, "posting_date": None})
    billed = control("POST", f"{path}/invoice", {"quantities": {"10000": 2}, "posting_date": None})["invoice"]
    assert act(business_central, f"salesInvoices({billed['id']})/Microsoft.NAV.cancel").status_code == 204
    (after,) = business_central.get(f"salesOrders({order['id']})/salesOrderLines")["value"]
    assert (after["shippedQuantity"], after["invoicedQuantity"], after["shipQuantity"]) == (1, 0, 4)
    assert control("POST", f"{path}/invoice", {"quantities": None, "posting_date": None})["invoice"] is not None
    control("POST", f"{path}/ship", {"quantities": None, "posting_date": None})
    assert control("POST", f"{path}/invoice", {"quantities": None, "posting_date": None})["order"] is None
