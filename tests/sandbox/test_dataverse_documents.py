"""Products, price lists, quotes, orders and invoices: states, prices, totals and the sales actions."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from sandbox.dataverse.wellknown import BASE_CURRENCY_ID, PRIMARY_UNIT_ID, UNIT_GROUP_ID
from tests.sandbox.conftest import ApiClient


@dataclass
class Shop:
    account: str
    product: str
    price_list: str


@pytest.fixture(scope="module")
def shop(empty_server: Any, sales_token: str) -> Shop:
    sales = ApiClient(empty_server, f"{empty_server.url}/api/data/v9.2/", sales_token)
    account = sales.create("accounts", {"name": "Buyer"})
    product = sales.create("products", product_body("P-1"))
    assert sales.request("PATCH", f"products({product})", {"statecode": 0, "statuscode": 1}).status_code == 204
    price_list = sales.create(
        "pricelevels",
        {"name": "Standard", "transactioncurrencyid@odata.bind": f"/transactioncurrencies({BASE_CURRENCY_ID})"},
    )
    sales.create("productpricelevels", price_body(price_list, product, 10))
    return Shop(account, product, price_list)


def product_body(number: str) -> dict[str, Any]:
    return {
        "name": f"Product {number}",
        "productnumber": number,
        "defaultuomid@odata.bind": f"/uoms({PRIMARY_UNIT_ID})",
        "defaultuomscheduleid@odata.bind": f"/uomschedules({UNIT_GROUP_ID})",
        "quantitydecimal": 2,
    }


def price_body(price_list: str, product: str, amount: float) -> dict[str, Any]:
    return {
        "amount": amount,
        "pricelevelid@odata.bind": f"/pricelevels({price_list})",
        "productid@odata.bind": f"/products({product})",
        "uomid@odata.bind": f"/uoms({PRIMARY_UNIT_ID})",
    }


def header_body(shop: Shop, **values: Any) -> dict[str, Any]:
    return {
        "name": "Document",
        "customerid_account@odata.bind": f"/accounts({shop.account})",
        "pricelevelid@odata.bind": f"/pricelevels({shop.price_list})",
        **values,
    }


def line_body(shop: Shop, quantity: float, **values: Any) -> dict[str, Any]:
    return {
        "productid@odata.bind": f"/products({shop.product})",
        "uomid@odata.bind": f"/uoms({PRIMARY_UNIT_ID})",
        "quantity": quantity,
        **values,
    }


def order_with_lines(sales: ApiClient, shop: Shop, *lines: dict[str, Any], **values: Any) -> str:
    return sales.create("salesorders", header_body(shop, order_details=list(lines), **values))


# -- Products


def test_product_states(sales: ApiClient, shop: Shop) -> None:
    key = sales.create("products", product_body("P-states"))
    path = f"products({key})"
    assert sales.get(f"{path}?$select=statecode")["statecode"] == 2
    assert sales.error(sales.request("PATCH", path, {"statecode": 1, "statuscode": 2})) == (400, "0x8004f978")
    assert sales.request("PATCH", path, {"statecode": 0, "statuscode": 1}).status_code == 204
    assert sales.error(sales.request("PATCH", path, {"statecode": 2, "statuscode": 0})) == (400, "0x8004f912")
    assert sales.request("PATCH", path, {"statecode": 3, "statuscode": 3}).status_code == 204
    assert sales.request("POST", f"{path}/Microsoft.Dynamics.CRM.RevertProduct", {}).status_code == 204
    assert sales.request("PATCH", path, {"statecode": 1, "statuscode": 2}).status_code == 204
    assert sales.error(sales.request("PATCH", path, {"description": "x"}))[0] == 400


def test_product_numbers_and_units_are_checked(sales: ApiClient, shop: Shop) -> None:
    assert sales.error(sales.request("POST", "products", product_body("p-1"))) == (412, "0x80043b06")
    group = sales.create("uomschedules", {"name": "Weight", "baseuomname": "kg"})
    unit = sales.get(f"uoms?$select=name,isschedulebaseuom&$filter=_uomscheduleid_value eq {group}")["value"][0]
    assert (unit["name"], unit["isschedulebaseuom"]) == ("kg", True)
    wrong = {**product_body("P-2"), "defaultuomid@odata.bind": f"/uoms({unit['uomid']})"}
    assert sales.error(sales.request("POST", "products", wrong)) == (400, "0x80043b14")
    assert sales.error(sales.request("POST", "uomschedules", {"name": "Nameless"})) == (400, "0x80043810")
    box = {"name": "box", "quantity": 10, "uomscheduleid@odata.bind": f"/uomschedules({group})"}
    assert sales.error(sales.request("POST", "uoms", box))[0] == 400
    sales.create("uoms", {**box, "baseuom@odata.bind": f"/uoms({unit['uomid']})"})
    assert sales.request("DELETE", f"uomschedules({group})").status_code == 204
    assert sales.get(f"uoms?$filter=_uomscheduleid_value eq {group}")["value"] == []


def test_price_list_takes_one_price_per_product_and_unit(sales: ApiClient, shop: Shop) -> None:
    second = sales.request("POST", "productpricelevels", price_body(shop.price_list, shop.product, 5))
    assert sales.error(second) == (412, "0x80043b08")
    row = sales.get(f"productpricelevels?$filter=_productid_value eq {shop.product}")["value"][0]
    assert (row["productnumber"], row["_transactioncurrencyid_value"]) == ("P-1", BASE_CURRENCY_ID)


# -- Prices and totals


def test_order_totals_are_calculated(sales: ApiClient, shop: Shop) -> None:
    key = order_with_lines(
        sales,
        shop,
        line_body(shop, 3, manualdiscountamount=1, tax=2.5),
        {"isproductoverridden": True, "productdescription": "Set-up", "quantity": 1, "priceperunit": 20},
        freightamount=4,
        discountpercentage=10,
        discountamount=1,
    )
    row = sales.get(f"salesorders({key})?$expand=order_details($orderby=priceperunit)")
    assert row["totallineitemamount"] == Decimal(49)
    assert row["totallineitemdiscountamount"] == Decimal(1)
    assert row["totaldiscountamount"] == Decimal("5.9")
    assert row["totalamountlessfreight"] == Decimal("43.1")
    assert row["totaltax"] == Decimal("2.5")
    assert row["totalamount"] == row["totalamount_base"] == Decimal("49.6")
    assert row["pricingerrorcode"] == 0
    assert row["ordernumber"].startswith("ORD-")
    assert row["_accountid_value"] == shop.account
    line = row["order_details"][0]
    assert (line["priceperunit"], line["baseamount"], line["extendedamount"]) == (10, 30, Decimal("31.5"))
    assert (line["productnumber"], line["salesorderstatecode"]) == ("P-1", 0)


def test_price_of_existing_product_comes_from_the_list_unless_overridden(sales: ApiClient, shop: Shop) -> None:
    key = order_with_lines(
        sales, shop, line_body(shop, 1, priceperunit=99), line_body(shop, 1, priceperunit=99, ispriceoverridden=True)
    )
    lines = sales.get(f"salesorders({key})/order_details?$select=priceperunit&$orderby=priceperunit")["value"]
    assert [line["priceperunit"] for line in lines] == [10, 99]


def test_line_without_price_marks_line_and_document(sales: ApiClient, shop: Shop) -> None:
    product = sales.create("products", product_body("P-unlisted"))
    sales.request("PATCH", f"products({product})", {"statecode": 0, "statuscode": 1})
    body = {**line_body(shop, 1), "productid@odata.bind": f"/products({product})"}
    key = order_with_lines(sales, shop, body)
    row = sales.get(f"salesorders({key})?$expand=order_details")
    assert (row["pricingerrorcode"], row["order_details"][0]["pricingerrorcode"]) == (1, 11)


def test_totals_follow_changes_and_deletions_of_lines(sales: ApiClient, shop: Shop) -> None:
    key = order_with_lines(sales, shop, line_body(shop, 1), line_body(shop, 2))
    lines = sales.get(f"salesorders({key})/order_details?$select=quantity&$orderby=quantity")["value"]
    sales.request("PATCH", f"salesorderdetails({lines[0]['salesorderdetailid']})", {"quantity": 5})
    assert sales.get(f"salesorders({key})?$select=totalamount")["totalamount"] == 70
    sales.request("DELETE", f"salesorderdetails({lines[1]['salesorderdetailid']})")
    assert sales.get(f"salesorders({key})?$select=totalamount")["totalamount"] == 50


def test_volume_discount_from_discount_list(sales: ApiClient, shop: Shop) -> None:
    discounts = sales.create("discounttypes", {"name": "Many", "isamounttype": False})
    step = {
        "lowquantity": 10,
        "highquantity": 100,
        "percentage": 20,
        "discounttypeid@odata.bind": f"/discounttypes({discounts})",
    }
    sales.create("discounts", step)
    overlapping = {**step, "lowquantity": 50, "highquantity": 200}
    assert sales.error(sales.request("POST", "discounts", overlapping))[0] == 400
    item = sales.get(f"productpricelevels?$filter=_productid_value eq {shop.product}")["value"][0][
        "productpricelevelid"
    ]
    sales.request("PATCH", f"productpricelevels({item})", {"discounttypeid@odata.bind": f"/discounttypes({discounts})"})
    key = order_with_lines(sales, shop, line_body(shop, 10))
    row = sales.get(f"salesorders({key})?$expand=order_details")
    assert row["order_details"][0]["volumediscountamount"] == 2
    assert (row["totalamount"], row["totallineitemdiscountamount"]) == (80, 20)
    sales.request("DELETE", f"productpricelevels({item})/discounttypeid/$ref")


def test_skipped_calculation_keeps_amounts(sales: ApiClient, shop: Shop) -> None:
    key = sales.create("salesorders", header_body(shop, skippricecalculation=3))
    sales.create(
        "salesorderdetails", {**line_body(shop, 3, priceperunit=7), "salesorderid@odata.bind": f"/salesorders({key})"}
    )
    sales.request("PATCH", f"salesorders({key})", {"totalamount": 123})
    assert sales.get(f"salesorders({key})?$select=totalamount")["totalamount"] == 123
    body = {"entityLogicalName": "salesorder", "entityId": key}
    assert sales.request("POST", "RecalculatePrice", body).status_code == 204
    assert sales.get(f"salesorders({key})?$select=totalamount")["totalamount"] == 30


def test_locked_prices_stay_when_the_list_changes(sales: ApiClient, shop: Shop) -> None:
    key = order_with_lines(sales, shop, line_body(shop, 1))
    path = f"salesorders({key})/Microsoft.Dynamics.CRM.LockSalesOrderPricing"
    assert sales.request("POST", path, {}).status_code == 204
    item = sales.get(f"productpricelevels?$filter=_productid_value eq {shop.product}")["value"][0][
        "productpricelevelid"
    ]
    sales.request("PATCH", f"productpricelevels({item})", {"amount": 11})
    recalculate = {"entityLogicalName": "salesorder", "entityId": key}
    sales.request("POST", "RecalculatePrice", recalculate)
    assert sales.get(f"salesorders({key})?$select=totalamount")["totalamount"] == 10
    assert sales.request("POST", "UnlockSalesOrderPricing", {"SalesOrderId": key}).status_code == 204
    assert sales.get(f"salesorders({key})?$select=totalamount")["totalamount"] == 11
    sales.request("PATCH", f"productpricelevels({item})", {"amount": 10})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"uomid@odata.bind": None}, "0x80043b0d"),
        ({"productid@odata.bind": None}, "0x80043b11"),
        ({"isproductoverridden": True, "productdescription": "x"}, "0x80043afa"),
    ],
)
def test_line_rules(sales: ApiClient, shop: Shop, change: dict[str, Any], code: str) -> None:
    key = sales.create("salesorders", header_body(shop))
    body = {**line_body(shop, 1), "salesorderid@odata.bind": f"/salesorders({key})", **change}
    assert sales.error(sales.request("POST", "salesorderdetails", body)) == (400, code)


def test_currency_of_document_and_price_list_must_agree(sales: ApiClient, shop: Shop) -> None:
    other = sales.create(
        "transactioncurrencies",
        {
            "currencyname": "Other",
            "isocurrencycode": "XOT",
            "currencysymbol": "o",
            "currencyprecision": 2,
            "exchangerate": 3,
        },
    )
    body = header_body(shop, **{"transactioncurrencyid@odata.bind": f"/transactioncurrencies({other})"})
    assert sales.error(sales.request("POST", "salesorders", body)) == (400, "0x80048cee")


# -- States and actions


def test_submitted_order_is_read_only_until_reopened(sales: ApiClient, shop: Shop) -> None:
    key = order_with_lines(sales, shop, line_body(shop, 1))
    line = sales.get(f"salesorders({key})/order_details")["value"][0]["salesorderdetailid"]
    assert sales.request("PATCH", f"salesorders({key})", {"statecode": 1, "statuscode": 3}).status_code == 204
    assert sales.error(sales.request("PATCH", f"salesorders({key})", {"description": "x"})) == (400, "0x8004022e")
    assert sales.error(sales.request("PATCH", f"salesorderdetails({line})", {"quantity": 9})) == (400, "0x80043b09")
    assert sales.get(f"salesorderdetails({line})?$select=salesorderstatecode")["salesorderstatecode"] == 1
    assert sales.error(sales.request("PATCH", f"salesorders({key})", {"statecode": 3}))[1] == "0x80048408"
    sales.request("PATCH", f"salesorders({key})", {"statecode": 0, "statuscode": 1})
    assert sales.request("PATCH", f"salesorders({key})", {"description": "x"}).status_code == 204


@pytest.mark.parametrize("path", ["FulfillSalesOrder", "salesorders/Microsoft.Dynamics.CRM.FulfillSalesOrder"])
def test_fulfil_order(sales: ApiClient, shop: Shop, path: str) -> None:
    key = order_with_lines(sales, shop, line_body(shop, 1))
    close = {
        "@odata.type": "Microsoft.Dynamics.CRM.orderclose",
        "subject": "Delivered",
        "salesorderid@odata.bind": f"/salesorders({key})",
    }
    assert sales.error(sales.request("POST", path, {"OrderClose": close, "Status": 4})) == (400, "0x80048408")
    assert sales.request("POST", path, {"OrderClose": close, "Status": -1}).status_code == 204
    row = sales.get(f"salesorders({key})?$select=statecode,statuscode&$expand=salesorder_ordercloses($select=subject)")
    assert (row["statecode"], row["statuscode"]) == (3, 100001)
    assert row["salesorder_ordercloses"][0]["subject"] == "Delivered"
    invoiced = sales.request("PATCH", f"salesorders({key})", {"statecode": 4, "statuscode": 100003})
    assert invoiced.status_code == 204


def test_cancel_order(sales: ApiClient, shop: Shop) -> None:
    key = order_with_lines(sales, shop)
    close = {"subject": "No", "salesorderid@odata.bind": f"/salesorders({key})"}
    assert sales.request("POST", "CancelSalesOrder", {"OrderClose": close, "Status": 4}).status_code == 204
    assert sales.error(sales.request("POST", "CancelSalesOrder", {"OrderClose": close, "Status": 4}))[0] == 400


def test_quote_from_draft_to_order(sales: ApiClient, shop: Shop) -> None:
    key = sales.create("quotes", header_body(shop, quote_details=[line_body(shop, 2)], shipto_city="Oslo"))
    close = {"QuoteClose": {"subject": "Won", "quoteid@odata.bind": f"/quotes({key})"}, "Status": 4}
    assert sales.error(sales.request("POST", "WinQuote", close))[0] == 400
    sales.request("PATCH", f"quotes({key})", {"statecode": 1, "statuscode": 2})
    convert = {"QuoteId": key, "ColumnSet": {"@odata.type": "Microsoft.Dynamics.CRM.ColumnSet", "AllColumns": True}}
    assert sales.error(sales.request("POST", "ConvertQuoteToSalesOrder", convert))[0] == 400
    assert sales.request("POST", "WinQuote", close).status_code == 204
    response = sales.request("POST", "ConvertQuoteToSalesOrder", convert)
    assert response.status_code == 200, response.text
    order = response.json()
    assert (order["_quoteid_value"], order["shipto_city"], order["totalamount"]) == (key, "Oslo", 20)
    line = sales.get(f"salesorders({order['salesorderid']})/order_details")["value"][0]
    assert line["_quotedetailid_value"] is not None


def test_revise_quote_keeps_the_number(sales: ApiClient, shop: Shop) -> None:
    key = sales.create("quotes", header_body(shop, quote_details=[line_body(shop, 1)]))
    revise = {"QuoteId": key, "ColumnSet": {"@odata.type": "Microsoft.Dynamics.CRM.ColumnSet", "AllColumns": True}}
    assert sales.error(sales.request("POST", "ReviseQuote", revise)) == (400, "0x80048d00")
    sales.request("PATCH", f"quotes({key})", {"statecode": 1, "statuscode": 2})
    revision = sales.request("POST", "ReviseQuote", revise).json()
    original = sales.get(f"quotes({key})")
    assert (original["statecode"], original["statuscode"]) == (3, 7)
    assert (revision["quotenumber"], revision["revisionnumber"], revision["statecode"]) == (
        original["quotenumber"],
        1,
        0,
    )
    assert len(sales.get(f"quotes({revision['quoteid']})/quote_details")["value"]) == 1


def test_invoice_states(sales: ApiClient, shop: Shop) -> None:
    order = order_with_lines(sales, shop, line_body(shop, 1))
    body = {"SalesOrderId": order, "ColumnSet": {"AllColumns": True}}
    invoice = sales.request("POST", "ConvertSalesOrderToInvoice", body).json()
    path = f"invoices({invoice['invoiceid']})"
    assert (invoice["totalamount"], sales.get(f"salesorders({order})")["statecode"]) == (10, 4)
    assert sales.request("PATCH", path, {"statecode": 2, "statuscode": 100001}).status_code == 204
    assert sales.error(sales.request("PATCH", path, {"description": "x"})) == (400, "0x8004022e")
    assert sales.request("PATCH", path, {"statecode": 3, "statuscode": 100003}).status_code == 204
    assert sales.error(sales.request("PATCH", path, {"statecode": 2, "statuscode": 100001})) == (400, "0x80100000")


def test_win_and_reopen_opportunity(sales: ApiClient, shop: Shop) -> None:
    key = sales.create("opportunities", {"name": "Big", "customerid_account@odata.bind": f"/accounts({shop.account})"})
    close = {"OpportunityClose": {"subject": "Won", "opportunityid@odata.bind": f"/opportunities({key})"}, "Status": 3}
    assert sales.request("POST", "WinOpportunity", close).status_code == 204
    assert sales.get(f"opportunities({key})?$select=statecode")["statecode"] == 1
    assert sales.request("PATCH", f"opportunities({key})", {"statecode": 0}).status_code == 204


def test_deleting_a_closed_document_takes_its_lines(sales: ApiClient, shop: Shop) -> None:
    key = order_with_lines(sales, shop, line_body(shop, 1))
    sales.request("PATCH", f"salesorders({key})", {"statecode": 1})
    assert sales.request("DELETE", f"salesorders({key})").status_code == 204
    assert sales.get(f"salesorderdetails?$filter=_salesorderid_value eq {key}")["value"] == []


@pytest.mark.parametrize(
    "body", [{}, {"OrderClose": {}, "Status": -1}, {"OrderClose": {"subject": "x"}}, {"Status": 1, "Foo": 2}]
)
def test_actions_refuse_wrong_parameters(sales: ApiClient, body: dict[str, Any]) -> None:
    assert sales.error(sales.request("POST", "FulfillSalesOrder", body))[0] == 400


# -- Notes and posts


def test_post_needs_a_wall(sales: ApiClient, shop: Shop, steered: Any) -> None:
    order = order_with_lines(sales, shop)
    body = {
        "text": "Shipped",
        "source": 2,
        "type": 7,
        "regardingobjectid_salesorder@odata.bind": f"/salesorders({order})",
    }
    key = sales.create("posts", body)
    assert sales.get(f"posts({key})")["largetext"] == "Shipped"
    assert sales.error(sales.request("PATCH", f"posts({key})", {"text": "x"}))[0] == 405
    assert sales.error(sales.request("POST", "posts", {"text": "x"}))[0] == 400
    steered.control("PUT", "/profile", {"sales": {"order_wall": False}})
    assert sales.error(sales.request("POST", "posts", body)) == (400, "0x80040265")


def test_notes_of_a_row(sales: ApiClient, shop: Shop) -> None:
    order = order_with_lines(sales, shop)
    body = {"subject": "Note", "notetext": "Hello", "objectid_salesorder@odata.bind": f"/salesorders({order})"}
    key = sales.create("annotations", body)
    row = sales.get(f"annotations?$filter=_objectid_value eq {order}")["value"][0]
    assert (row["annotationid"], row["objecttypecode"]) == (key, "salesorder")
    sales.request("DELETE", f"salesorders({order})")
    assert sales.request("GET", f"annotations({key})").status_code == 404
