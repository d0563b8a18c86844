"""The acting pages: every area opens, records can be found, created, changed and acted upon, refusals are shown."""

import html
import re
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import ApiClient
from tests.sandbox_process import SandboxServer

_FORM = re.compile(r'<form method="post" class="record">(.*?)</form>', re.DOTALL)
_SELECT = re.compile(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', re.DOTALL)
_TEXTAREA = re.compile(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', re.DOTALL)


class Person:
    """A browser without scripts."""

    def __init__(self, server: SandboxServer) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.trust_env = False

    def open(self, path: str) -> str:
        response = self.session.get(f"{self.server.http_url}{path}", timeout=60)
        assert response.status_code == 200, f"{path}: {response.status_code}"
        return response.text

    def links(self, page: str, pattern: str) -> list[str]:
        return list(dict.fromkeys(re.findall(rf'href="({pattern})"', page)))

    def submit(self, path: str, **changes: str) -> requests.Response:
        """Sends the record form as it stands with some fields changed."""
        found = _FORM.search(self.open(path))
        assert found is not None
        form = found[1]
        values: dict[str, str] = {}
        for tag in re.findall(r"<input[^>]*>", form):
            name = re.search(r'name="([^"]*)"', tag)
            value = re.search(r'value="([^"]*)"', tag)
            if name and ("checkbox" not in tag or "checked" in tag):
                values[name[1]] = html.unescape(value[1]) if value else ""
        for name, options in _SELECT.findall(form):
            chosen = re.search(r'value="([^"]*)" selected', options)
            values[name] = html.unescape(chosen[1]) if chosen else ""
        for name, text in _TEXTAREA.findall(form):
            values[name] = html.unescape(text)
        return self.post(path, {**values, **changes})

    def post(self, path: str, values: dict[str, str]) -> requests.Response:
        token = self.session.cookies.get("sandbox_csrftoken") or ""
        url = f"{self.server.http_url}{path}"
        return self.session.post(
            url, data={"csrfmiddlewaretoken": token, **values}, headers={"Referer": url}, timeout=60
        )


@pytest.fixture(scope="module")
def person(empty_server: SandboxServer) -> Person:
    empty_server.reset("demo")
    return Person(empty_server)


def shown(response: requests.Response) -> list[str]:
    return [html.unescape(text) for text in re.findall(r'role="(?:alert|status)">(.*?)<', response.text)]


@pytest.mark.parametrize("product", ["sales", "business-central"])
def test_every_area_lists_and_opens(person: Person, product: str) -> None:
    home = person.open(f"/{product}/")
    assert "not the real product" in home
    areas = person.links(home, rf"/{product}/\w+/")
    assert len(areas) > 10
    for area in areas:
        page = person.open(area)
        assert 'role="alert"' not in page, area
        for record in person.links(page, rf"{area}[0-9a-f-]{{36}}/")[:1]:
            assert "<form" in person.open(record)


def test_customer_can_be_found_changed_and_created(person: Person, business_central: ApiClient) -> None:
    page = person.open("/business-central/customers/?q=C00010")
    (address,) = person.links(page, r"/business-central/customers/[0-9a-f-]{36}/")
    saved = person.submit(address, phoneNumber="+47 70 00 00 01", customerPriceGroupCode="VIP")
    assert shown(saved) == ["Saved."]
    row = business_central.get("customers?$filter=number eq 'C00010'")["value"][0]
    assert row["phoneNumber"] == "+47 70 00 00 01"
    refused = person.submit(address, phoneNumber="call me")
    assert shown(refused) == ["Phone No. must not contain letters."]
    assert 'value="call me"' in refused.text
    created = person.submit("/business-central/customers/new/", displayName="Made by hand")
    assert shown(created) == ["Created."]
    assert business_central.get("customers?$filter=displayName eq 'Made by hand'&$select=number")["value"]


def test_stale_form_is_refused(person: Person, business_central: ApiClient) -> None:
    row = business_central.get("customers?$top=1&$skip=5")["value"][0]
    address = f"/business-central/customers/{row['id']}/"
    business_central.request("PATCH", f"customers({row['id']})", {"city": "Elsewhere"}, If_Match="*")
    answer = person.submit(address, etag=row["@odata.etag"], city="Here")
    assert "Another user has already changed the record" in shown(answer)[0]


def test_account_is_changed_as_the_chosen_user(person: Person, sales: ApiClient) -> None:
    users = re.findall(r'<option value="([0-9a-f-]{36})"', person.open("/sales/"))
    person.post("/sales/act-as/", {"user": users[1]})
    page = person.open("/sales/accounts/")
    address = person.links(page, r"/sales/accounts/[0-9a-f-]{36}/")[0]
    assert shown(person.submit(address, address1_city="Ulm")) == ["Saved."]
    key = address.rstrip("/").rpartition("/")[2]
    row = sales.get(f"accounts({key})?$select=address1_city,_modifiedby_value")
    assert (row["address1_city"], row["_modifiedby_value"]) == ("Ulm", users[1])


def test_order_is_released_shipped_and_invoiced(person: Person, business_central: ApiClient) -> None:
    order: dict[str, Any] = business_central.get("salesOrders?$filter=fullyShipped eq false&$expand=salesOrderLines")[
        "value"
    ][0]
    address = f"/business-central/salesOrders/{order['id']}/"
    assert order["number"] in person.open(address)
    shipped = person.post(f"{address}action/ship/", {})
    assert "Shipment PSS" in shown(shipped)[0]
    invoiced = person.post(f"{address}action/invoice/", {})
    assert "The order is complete and was archived." in shown(invoiced)[0]
    invoice = business_central.get(f"salesInvoices?$filter=orderNumber eq '{order['number']}'")["value"][-1]
    paid = person.post(f"/business-central/salesInvoices/{invoice['id']}/action/payment/", {"amount": ""})
    assert shown(paid) == [f"Invoice {invoice['number']} is now paid."]
    again = person.post(f"/business-central/salesInvoices/{invoice['id']}/action/payment/", {})
    assert shown(again)[0].startswith("Not done:")


def test_line_is_added_to_an_order(person: Person, business_central: ApiClient) -> None:
    order = business_central.get("salesOrders?$filter=status eq 'Draft'")["value"][0]
    page = person.open(f"/business-central/salesOrders/{order['id']}/")
    (add,) = [html.unescape(link) for link in re.findall(r'href="([^"]*/new/\?parent=[^"]*)"', page)]
    item = business_central.get("items?$filter=blocked eq false&$top=1")["value"][0]
    made = person.submit(add, itemId=item["id"], quantity="2")
    assert shown(made) == ["Created."]


def test_posted_invoice_can_be_read_and_corrected_only(person: Person, business_central: ApiClient) -> None:
    invoice = business_central.get("salesInvoices?$filter=status eq 'Open'")["value"][0]
    address = f"/business-central/salesInvoices/{invoice['id']}/"
    page = person.open(address)
    assert ">Save<" not in page
    assert "/new/?parent=" not in page
    assert re.findall(r'action="[^"]*/action/(\w+)/"', page) == [
        "payment",
        "unapplyPayment",
        "send",
        "cancel",
        "cancelAndSend",
        "makeCorrectiveCreditMemo",
    ]
    done = person.post(f"{address}action/makeCorrectiveCreditMemo/", {})
    assert shown(done) == ["Make corrective credit memo: done."]
    memo = business_central.get(f"salesCreditMemos?$filter=invoiceNumber eq '{invoice['number']}'")["value"][0]
    draft = person.open(f"/business-central/salesCreditMemos/{memo['id']}/")
    assert ">Save<" in draft
    assert re.findall(r'action="[^"]*/action/(\w+)/"', draft) == ["post", "postAndSend", "send"]
    assert shown(person.post(address, {"externalDocumentNumber": "X"})) == [
        "The record is read-only in its current state."
    ]


def test_submitted_order_is_read_only(person: Person, sales: ApiClient) -> None:
    account = sales.create("accounts", {"name": "Reader"})
    order = sales.create(
        "salesorders", {"name": "Closed soon", "customerid_account@odata.bind": f"/accounts({account})"}
    )
    address = f"/sales/salesorders/{order}/"
    page = person.open(address)
    assert 'name="description"' in page
    assert 'name="totalamount"' not in page
    assert shown(person.post(f"{address}action/submit/", {})) == ["Order submitted."]
    closed = person.open(address)
    assert ">Save<" not in closed
    assert 'name="description"' not in closed


def test_unknown_areas_and_records_are_not_found(person: Person) -> None:
    for path in ("/sales/nosuch/", "/business-central/customers/5a1f0c52-0000-4000-8000-00000000dead/"):
        assert person.session.get(f"{person.server.http_url}{path}", timeout=30).status_code == 404


def test_the_products_own_addresses_lead_to_the_record(person: Person, sales: ApiClient) -> None:
    """What a program links to: the form of a row, the card of a record with a number."""
    account = sales.get("accounts?$select=accountid&$top=1")["value"][0]["accountid"]
    found = person.session.get(
        f"{person.server.http_url}/main.aspx?pagetype=entityrecord&etn=account&id={account}", timeout=60
    )
    assert found.url.endswith(f"/sales/accounts/{account}/")
    card = "?company=Any&page=21&filter=%27No.%27+IS+%27C00010%27"
    found = person.session.get(f"{person.server.http_url}/business-central/{card}", timeout=60)
    assert "/business-central/customers/" in found.url
    assert "C00010" in found.text


def test_style_sheet_is_served(person: Person) -> None:
    response = person.session.get(f"{person.server.http_url}/acting/style.css", timeout=30)
    assert response.headers["Content-Type"].startswith("text/css")


def test_timeline_takes_notes_and_opportunities_are_won(person: Person, sales_token: str) -> None:
    sales = ApiClient(person.server, f"{person.server.url}/api/data/v9.2/", sales_token)
    account = sales.create("accounts", {"name": "Noted"})
    path = f"/sales/accounts/{account}/"
    assert "Nothing yet." in person.open(path)
    assert shown(person.post(f"{path}action/note/", {"text": "Called about lamps"})) == ["Note added."]
    assert "Called about lamps" in person.open(path)
    assert shown(person.post(f"{path}action/note/", {"text": " "})) == ["Not done: The note is empty."]
    bind = {"parentaccountid@odata.bind": f"/accounts({account})"}
    chance = sales.create("opportunities", {"name": "Ferry", **bind})
    assert shown(person.post(f"/sales/opportunities/{chance}/action/win/", {})) == ["Opportunity won."]
    assert sales.get(f"opportunities({chance})?$select=statecode")["statecode"] == 1


def test_an_action_leads_to_what_it_made(person: Person, sales_token: str) -> None:
    sales = ApiClient(person.server, f"{person.server.url}/api/data/v9.2/", sales_token)
    account = sales.create("accounts", {"name": "Reviser"})
    quote = sales.create("quotes", {"name": "First offer", "customerid_account@odata.bind": f"/accounts({account})"})
    address = f"/sales/quotes/{quote}/"
    added = person.submit(
        f"/sales/quotedetails/new/?parent=quoteid:{quote}",
        isproductoverridden="true",
        productdescription="Assembly",
        quantity="2",
        priceperunit="40",
    )
    assert shown(added) == ["Created."]
    assert address in added.url
    assert "Assembly" in added.text
    person.post(f"{address}action/activate/", {})
    revised = person.post(f"{address}action/revise/", {})
    assert shown(revised) == ["This is the new revision, a draft."]
    assert address not in revised.url
    assert "Assembly" in revised.text
    assert ">Save<" in revised.text


def test_part_of_an_order_is_shipped(person: Person, business_central: ApiClient) -> None:
    item = business_central.get("items?$filter=type eq 'Inventory' and blocked eq false&$top=1")["value"][0]
    customer = business_central.get("customers?$filter=blocked eq '_x0020_'&$top=1")["value"][0]
    line = {"lineType": "Item", "lineObjectNumber": item["number"], "quantity": 5}
    body = {"customerNumber": customer["number"], "salesOrderLines": [line, {**line, "quantity": 3}]}
    order = business_central.request("POST", "salesOrders", body).json()
    address = f"/business-central/salesOrders/{order['id']}/"
    page = person.open(address)
    assert 'name="ship_10000" inputmode="decimal" value="5"' in page
    assert "action/invoice/" not in page
    shipped = person.post(f"{address}action/ship/", {"ship_10000": "2", "ship_20000": ""})
    assert "Shipment PSS" in shown(shipped)[0]
    lines = business_central.get(f"salesOrders({order['id']})/salesOrderLines")["value"]
    assert [int(row["shippedQuantity"]) for row in lines] == [2, 0]
    person.post(f"{address}action/ship/", {})
    done = person.post(f"{address}action/invoice/", {})
    assert "/business-central/salesInvoices/" in done.url
    assert "The order is complete and was archived." in shown(done)[0]
