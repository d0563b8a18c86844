"""Sales documents: lines and totals, what an order processor posts, quotes, invoices, payments, archives."""

from typing import Any

import pytest
import requests

from tests.sandbox.conftest import ApiClient


@pytest.fixture(scope="module", autouse=True)
def _fresh(empty_server: Any) -> None:
    empty_server.reset("empty")


@pytest.fixture
def goods(business_central: ApiClient) -> dict[str, Any]:
    """A domestic customer (19% tax), an item at 100 and a resource at 50."""
    environment = business_central.root.partition("/api/v2.0")[0]
    company = business_central.root.rpartition("companies(")[2].rstrip("/)")
    customer = post(business_central, "customers", displayName="Buyer", country="DE", email="buyer@example.org")
    item = post(business_central, "items", displayName="Lamp", unitPrice=100)
    resources = f"{environment}/api/couplet/integration/v1.0/companies({company})/resources"
    resource = post(business_central, resources, displayName="Rigger", unitPrice=50)
    return {"customer": customer, "item": item, "resource": resource}


def post(api: ApiClient, path: str, **values: Any) -> dict[str, Any]:
    response = api.request("POST", path, values)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


def order_of(api: ApiClient, goods: dict[str, Any], *quantities: int) -> dict[str, Any]:
    lines = [
        {"lineType": "Item", "lineObjectNumber": goods["item"]["number"], "quantity": quantity}
        for quantity in quantities
    ]
    return post(api, "salesOrders?$expand=salesOrderLines", customerId=goods["customer"]["id"], salesOrderLines=lines)


def process(api: ApiClient, path: str, body: Any = None) -> requests.Response:
    url = f"{api.server.http_url}/sandbox/business-central/{path}"
    return requests.post(url, json=body or {}, timeout=30)


def act(api: ApiClient, path: str) -> requests.Response:
    return api.request("POST", path)


def test_deep_insert_fills_lines_and_totals(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = post(
        business_central,
        "salesOrders?$expand=salesOrderLines",
        customerNumber=goods["customer"]["number"],
        externalDocumentNumber="crm-7781",
        salesOrderLines=[
            {"lineType": "Item", "lineObjectNumber": goods["item"]["number"], "quantity": 4, "discountPercent": 10},
            {"itemId": goods["item"]["id"], "quantity": 2, "unitPrice": 95.5},
            {"lineType": "Resource", "lineObjectNumber": goods["resource"]["number"], "quantity": 3},
            {"description": "A remark"},
        ],
    )
    assert (order["externalDocumentNumber"], order["status"], order["customerName"]) == ("CRM-7781", "Draft", "Buyer")
    lines = order["salesOrderLines"]
    assert [line["sequence"] for line in lines] == [10000, 20000, 30000, 40000]
    assert [line["lineType"] for line in lines] == ["Item", "Item", "Resource", "Comment"]
    assert [line["netAmount"] for line in lines] == [360, 191, 150, 0]
    assert lines[0]["discountAmount"] == 40
    assert lines[0]["description"] == "Lamp"
    assert (order["totalAmountExcludingTax"], order["totalTaxAmount"]) == (701, 133.19)


def test_order_without_customer_or_with_unknown_product_leaves_nothing(
    business_central: ApiClient, goods: dict[str, Any]
) -> None:
    refused = business_central.request("POST", "salesOrders", {"externalDocumentNumber": "NONE"})
    assert business_central.error(refused) == (400, "Application_DialogException")
    body = {
        "customerId": goods["customer"]["id"],
        "externalDocumentNumber": "HALF",
        "salesOrderLines": [{"lineType": "Item", "lineObjectNumber": "NOSUCH", "quantity": 1}],
    }
    refused = business_central.request("POST", "salesOrders", body)
    assert business_central.error(refused) == (400, "Internal_InvalidTableRelation")
    assert business_central.get("salesOrders?$filter=externalDocumentNumber eq 'HALF'")["value"] == []


def test_line_changes_move_the_header_tag_and_totals(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = order_of(business_central, goods, 1)
    line = order["salesOrderLines"][0]
    business_central.request("PATCH", f"salesOrderLines({line['id']})", {"quantity": 3}, If_Match="*")
    after = business_central.get(f"salesOrders({order['id']})")
    assert after["totalAmountExcludingTax"] == 300
    assert after["@odata.etag"] != order["@odata.etag"]
    stale = business_central.request(
        "PATCH", f"salesOrders({order['id']})", {"externalDocumentNumber": "X"}, If_Match=order["@odata.etag"]
    )
    assert business_central.error(stale) == (409, "Request_EntityChanged")


def test_invoice_discount_is_spread_over_lines(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = order_of(business_central, goods, 1, 2)
    changed = business_central.request(
        "PATCH", f"salesOrders({order['id']})?$expand=salesOrderLines", {"discountAmount": 30}, If_Match="*"
    ).json()
    assert [line["invoiceDiscountAllocation"] for line in changed["salesOrderLines"]] == [10, 20]
    assert changed["totalAmountExcludingTax"] == 270


def test_lines_are_reachable_below_or_by_document_only(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = order_of(business_central, goods, 1)
    refused = business_central.request("GET", "salesOrderLines")
    assert business_central.error(refused) == (400, "Application_DialogException")
    by_filter = business_central.get(f"salesOrderLines?$filter=documentId eq {order['id']}")["value"]
    below = business_central.get(f"salesOrders({order['id']})/salesOrderLines")["value"]
    assert [row["id"] for row in by_filter] == [row["id"] for row in below] == [order["salesOrderLines"][0]["id"]]
    flat = post(business_central, "salesOrderLines", documentId=order["id"], itemId=goods["item"]["id"], quantity=1)
    assert flat["sequence"] == 20000
    taken = business_central.request(
        "POST", f"salesOrders({order['id']})/salesOrderLines", {"sequence": 20000, "description": "again"}
    )
    assert business_central.error(taken) == (400, "Internal_EntityWithSameKeyExists")


def test_ship_and_invoice_in_parts_until_the_order_vanishes(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = order_of(business_central, goods, 4)
    key = order["id"]
    shipped = process(business_central, f"sales-orders/{key}/ship", {"quantities": {"10000": 3}}).json()
    assert (shipped["order"]["status"], shipped["order"]["fullyShipped"]) == ("Open", False)
    assert shipped["shipment"]["orderNumber"] == order["number"]
    locked = business_central.request("PATCH", f"salesOrders({key})", {"externalDocumentNumber": "X"}, If_Match="*")
    assert business_central.error(locked) == (400, "Application_FieldValidationException")
    invoiced = process(business_central, f"sales-orders/{key}/invoice").json()
    assert (invoiced["invoice"]["totalAmountExcludingTax"], invoiced["invoice"]["status"]) == (300, "Open")
    assert invoiced["order"]["id"] == key
    nothing = process(business_central, f"sales-orders/{key}/invoice")
    assert nothing.status_code == 409
    assert "nothing to invoice" in nothing.json()["error"]["message"]
    assert act(business_central, f"salesOrders({key})/Microsoft.NAV.shipandinvoice").status_code == 204
    gone = business_central.request("GET", f"salesOrders({key})")
    assert business_central.error(gone) == (404, "Internal_RecordNotFound")
    invoices = business_central.get(f"salesInvoices?$filter=orderNumber eq '{order['number']}'")["value"]
    assert [row["totalAmountExcludingTax"] for row in invoices] == [300, 100]
    assert {row["orderId"] for row in invoices} == {key}
    archived = business_central.get(
        f"salesOrderArchives?$filter=number eq '{order['number']}'&$expand=salesOrderArchiveLines"
    )["value"]
    assert [line["quantity"] for line in archived[0]["salesOrderArchiveLines"]] == [4]
    assert business_central.get(f"items({goods['item']['id']})")["inventory"] == -4


def test_processor_refuses_unknown_orders_and_impossible_quantities(
    business_central: ApiClient, goods: dict[str, Any]
) -> None:
    order = order_of(business_central, goods, 2)
    assert process(business_central, "sales-orders/5a1f0c52-0000-4000-8000-00000000dead/ship").status_code == 404
    for quantities in ({"10000": 3}, {"99": 1}, {"10000": -1}):
        response = process(business_central, f"sales-orders/{order['id']}/ship", {"quantities": quantities})
        assert response.status_code == 409, quantities
    for body in (
        {"quantities": 3},
        {"quantities": {"10000": "NaN"}},
        {"quantities": {"x": 1}},
        {"posting_date": "soon"},
    ):
        assert process(business_central, f"sales-orders/{order['id']}/ship", body).status_code == 400, body
    assert business_central.get(f"salesOrders({order['id']})")["status"] == "Draft"


def test_release_and_reopen(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = order_of(business_central, goods, 1)
    assert process(business_central, f"sales-orders/{order['id']}/release").json()["order"]["status"] == "Open"
    assert process(business_central, f"sales-orders/{order['id']}/reopen").json()["order"]["status"] == "Draft"
    empty = post(business_central, "salesOrders", customerId=goods["customer"]["id"])
    assert process(business_central, f"sales-orders/{empty['id']}/release").status_code == 409


def test_one_invoice_over_several_orders(business_central: ApiClient, goods: dict[str, Any]) -> None:
    orders = [order_of(business_central, goods, quantity) for quantity in (1, 2)]
    shipments = [process(business_central, f"sales-orders/{o['id']}/ship").json()["shipment"]["id"] for o in orders]
    response = process(business_central, "sales-invoices", {"shipments": shipments})
    assert response.json()["invoice"]["totalAmountExcludingTax"] == 300
    for order in orders:
        assert business_central.request("GET", f"salesOrders({order['id']})").status_code == 404


def test_payments_move_state_balance_and_tag(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = order_of(business_central, goods, 1)
    process(business_central, f"sales-orders/{order['id']}/ship")
    invoice = process(business_central, f"sales-orders/{order['id']}/invoice").json()["invoice"]
    key = invoice["id"]
    part = process(business_central, f"sales-invoices/{key}/payment", {"amount": 19}).json()["invoice"]
    assert (part["status"], part["remainingAmount"]) == ("Open", 100)
    assert part["@odata.etag"] != invoice["@odata.etag"]
    paid = process(business_central, f"sales-invoices/{key}/payment").json()["invoice"]
    assert (paid["status"], paid["remainingAmount"]) == ("Paid", 0)
    assert process(business_central, f"sales-invoices/{key}/payment").status_code == 409
    customer = f"customers({goods['customer']['id']})?$expand=customerFinancialDetail"
    assert business_central.get(customer)["customerFinancialDetail"]["balance"] == 0
    again = process(business_central, f"sales-invoices/{key}/unapply-payment").json()["invoice"]
    assert (again["status"], again["remainingAmount"]) == ("Open", 119)
    assert business_central.get(customer)["customerFinancialDetail"]["balance"] == 119


def test_quote_becomes_an_order_with_another_id_and_leaves_an_archive(
    business_central: ApiClient, goods: dict[str, Any]
) -> None:
    quote = post(business_central, "salesQuotes", customerId=goods["customer"]["id"], externalDocumentNumber="Q-1")
    empty = act(business_central, f"salesQuotes({quote['id']})/Microsoft.NAV.makeOrder")
    assert business_central.error(empty) == (400, "Application_DialogException")
    post(business_central, f"salesQuotes({quote['id']})/salesQuoteLines", itemId=goods["item"]["id"], quantity=2)
    assert act(business_central, f"salesQuotes({quote['id']})/Microsoft.NAV.send").status_code == 204
    assert business_central.get(f"salesQuotes({quote['id']})")["status"] == "Sent"
    made = act(business_central, f"salesQuotes({quote['id']})/Microsoft.NAV.makeOrder")
    assert made.status_code == 204
    order = business_central.get("salesOrders?$filter=externalDocumentNumber eq 'Q-1'")["value"][0]
    assert made.headers["Location"].endswith(f"salesOrders({order['id']})")
    assert order["id"] != quote["id"]
    assert order["totalAmountExcludingTax"] == 200
    assert business_central.request("GET", f"salesQuotes({quote['id']})").status_code == 404
    archived = business_central.get(f"salesQuoteArchives?$filter=number eq '{quote['number']}'")["value"]
    assert [row["versionNumber"] for row in archived] == [1]


def test_posting_a_draft_invoice_keeps_its_id(business_central: ApiClient, goods: dict[str, Any]) -> None:
    lines = [{"itemId": goods["item"]["id"], "quantity": 1}]
    draft = post(business_central, "salesInvoices", customerId=goods["customer"]["id"], salesInvoiceLines=lines)
    assert draft["status"] == "Draft"
    assert act(business_central, f"salesInvoices({draft['id']})/Microsoft.NAV.post").status_code == 204
    posted = business_central.get(f"salesInvoices({draft['id']})")
    assert (posted["status"], posted["remainingAmount"]) == ("Open", 119)
    assert posted["number"] != draft["number"]
    deleted = business_central.request("DELETE", f"salesInvoices({draft['id']})")
    assert business_central.error(deleted) == (400, "Application_DialogException")
    assert act(business_central, f"salesInvoices({draft['id']})/Microsoft.NAV.cancel").status_code == 204
    assert business_central.get(f"salesInvoices({draft['id']})")["status"] == "Canceled"


def test_blocked_customer_and_item_stop_documents(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = order_of(business_central, goods, 1)
    business_central.request("PATCH", f"customers({goods['customer']['id']})", {"blocked": "Ship"}, If_Match="*")
    refused = process(business_central, f"sales-orders/{order['id']}/ship")
    assert refused.status_code == 409
    assert "blocked" in refused.json()["error"]["message"]
    business_central.request("PATCH", f"customers({goods['customer']['id']})", {"blocked": "_x0020_"}, If_Match="*")
    business_central.request("PATCH", f"items({goods['item']['id']})", {"blocked": True}, If_Match="*")
    line = business_central.request(
        "POST", "salesOrderLines", {"documentId": order["id"], "itemId": goods["item"]["id"], "quantity": 1}
    )
    assert business_central.error(line) == (400, "Application_DialogException")


def test_customer_with_open_documents_cannot_be_deleted(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = order_of(business_central, goods, 1)
    refused = business_central.request("DELETE", f"customers({goods['customer']['id']})")
    assert business_central.error(refused) == (400, "Application_DialogException")
    assert business_central.request("DELETE", f"salesOrders({order['id']})").status_code == 204
    assert business_central.request("DELETE", f"customers({goods['customer']['id']})").status_code == 204


def test_best_active_price_list_wins_over_item_price(business_central: ApiClient, goods: dict[str, Any]) -> None:
    environment = business_central.root.partition("/api/v2.0")[0]
    company = business_central.root.rpartition("companies(")[2].rstrip("/)")
    companion = f"{environment}/api/couplet/integration/v1.0/companies({company})"
    post(business_central, f"{companion}/customerPriceGroups", code="VIP", displayName="Key customers")
    business_central.request(
        "PATCH",
        f"{companion}/customerExtras({goods['customer']['id']})",
        {"customerPriceGroupCode": "VIP"},
        If_Match="*",
    )
    prices = post(
        business_central,
        f"{companion}/priceLists",
        code="VIPLIST",
        sourceType="Customer_x0020_Price_x0020_Group",
        sourceNumber="VIP",
        priceListLines=[{"assetType": "Item", "assetNumber": goods["item"]["number"], "unitPrice": 80}],
    )
    assert order_of(business_central, goods, 1)["salesOrderLines"][0]["unitPrice"] == 100
    business_central.request("PATCH", f"{companion}/priceLists({prices['id']})", {"status": "Active"}, If_Match="*")
    assert order_of(business_central, goods, 1)["salesOrderLines"][0]["unitPrice"] == 80
    refused = business_central.request("DELETE", f"{companion}/priceLists({prices['id']})")
    assert business_central.error(refused) == (400, "Application_DialogException")


def test_foreign_currency_prices_follow_the_rate(business_central: ApiClient, goods: dict[str, Any]) -> None:
    business_central.request("PATCH", f"customers({goods['customer']['id']})", {"currencyCode": "USD"}, If_Match="*")
    order = order_of(business_central, goods, 1)
    assert order["currencyCode"] == "USD"
    assert order["salesOrderLines"][0]["unitPrice"] == pytest.approx(108.25, abs=0.01)


def test_attachment_is_registered_filled_and_read(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = order_of(business_central, goods, 1)
    made = post(
        business_central,
        "documentAttachments",
        fileName="drawing.txt",
        parentType="Sales_x0020_Order",
        parentId=order["id"],
    )
    content = f"documentAttachments({made['id']})/attachmentContent"
    assert made["attachmentContent@odata.mediaEditLink"] == f"{business_central.root}{content}"
    assert business_central.request("GET", content).status_code == 204
    sent = business_central.request(
        "PATCH", content, raw=b"\x00binary", If_Match=made["@odata.etag"], Content_Type="application/octet-stream"
    )
    assert sent.status_code == 204, sent.text
    assert business_central.request("GET", content).content == b"\x00binary"
    below = business_central.get(f"salesOrders({order['id']})/documentAttachments")["value"]
    assert [(row["fileName"], row["byteSize"]) for row in below] == [("drawing.txt", 7)]
    orphan = {"fileName": "x", "parentType": "Sales_x0020_Order", "parentId": goods["item"]["id"]}
    refused = business_central.request("POST", "documentAttachments", orphan)
    assert business_central.error(refused) == (400, "Application_DialogException")


def test_document_prints_as_pdf(business_central: ApiClient, goods: dict[str, Any]) -> None:
    order = order_of(business_central, goods, 1)
    described = business_central.get(f"salesOrders({order['id']})/pdfDocument")
    printed = business_central.request("GET", described["pdfDocumentContent@odata.mediaReadLink"])
    assert printed.headers["Content-Type"] == "application/pdf"
    assert printed.content.startswith(b"%PDF-1.4")
    assert order["number"].encode() in printed.content
