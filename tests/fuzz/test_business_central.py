"""Random requests to Business Central; then counts, watermarks, totals, numbers and lines have to be right."""

import json
import re
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given

from sandbox.datasets.company import COMPANY_ID
from tests.fuzz import metadata
from tests.fuzz.checks import Sender, inner_statuses
from tests.fuzz.conftest import SEEDS, STEPS, search
from tests.fuzz.draws import ODD, Draws
from tests.fuzz.metadata import EntitySet
from tests.sandbox.conftest import ApiClient

pytestmark = pytest.mark.slow

BUSY = (
    "customers", "contacts", "items", "vendors", "salesQuotes", "salesOrders", "salesInvoices", "salesCreditMemos",
    "currencies", "paymentTerms", "shipmentMethods", "unitsOfMeasure", "countriesRegions", "salespeoplePurchasers",
    "locations", "itemCategories", "opportunities",
)  # fmt: skip
DOCUMENTS = {
    "salesQuotes": "salesQuoteLines", "salesOrders": "salesOrderLines", "salesInvoices": "salesInvoiceLines",
    "salesCreditMemos": "salesCreditMemoLines",
}  # fmt: skip
WATCHED = ("customers", "items", "contacts", "salesOrders", "salesInvoices", "paymentTerms")
PAGES = ("Resource_Card", "Customer_Card", "Shipping_Agents", "Customer_Price_Groups", "Sales_Price_List", "SalesOrder",
         "Sales_Price_ListLines", "Item_Units_of_Measure", "workflowCustomers", "workflowItems")  # fmt: skip
ACTIONS = (
    "post",
    "cancel",
    "shipAndInvoice",
    "makeOrder",
    "makeInvoice",
    "makeCorrectiveCreditMemo",
    "send",
    "Post",
    "x",
)
KINDS = (
    "create", "create", "document", "document", "line", "line", "patch", "patch", "read", "read", "below", "delete",
    "action", "action", "processor", "processor", "batch", "page", "page", "watch",
)  # fmt: skip
PLATFORM = {"companies", "subscriptions"}


@search
@given(seed=SEEDS)
def test_any_requests_leave_right_data(seed: int, business_central: ApiClient) -> None:
    business_central.server.reset("empty")
    root = business_central.root.partition("companies(")[0]
    model = metadata.read(business_central.request("GET", f"{root}$metadata").text)
    pages_root = root.replace("api/v2.0/", "ODataV4/")
    pages = metadata.read(business_central.request("GET", f"{pages_root}$metadata").text)
    random = Random(seed)
    world = World(Draws(random, model), Draws(random, pages), Sender(business_central), root, pages_root)
    world.furnish()
    for _ in range(STEPS):
        world.step()
    world.check()


class World:
    """One company under random requests."""

    def __init__(self, draws: Draws, pages: Draws, sender: Sender, root: str, pages_root: str) -> None:
        self.draws, self.pages, self.sender = draws, pages, sender
        self.root, self.pages_root = root, f"{pages_root}Company(Id={COMPANY_ID})/"
        self.watermarks = dict.fromkeys(WATCHED, "0001-01-01T00:00:00Z")
        self.mirrors: dict[str, dict[str, str]] = {name: {} for name in WATCHED}

    # -- Before

    def furnish(self) -> None:
        customer = self._make("customers", {"displayName": "Base"})
        item = self._make("items", {"displayName": "Lamp", "unitPrice": 12.5})
        line = {"itemId": item, "quantity": 3}
        for name, lines in DOCUMENTS.items():
            self._make(name, {"customerId": customer, lines: [line, line]})
        for name in BUSY:
            self._learn(name)
        for name in WATCHED:
            self._catch_up(name)

    def _make(self, name: str, body: dict[str, Any]) -> str:
        answer = self.sender.send("POST", name, body)
        assert answer.status_code == 201, answer.text
        self._remember(name, answer)
        return str(answer.json()["id"])

    def _remember(self, name: str, answer: requests.Response) -> None:
        if answer.status_code == 201 and "id" in answer.json():
            self.draws.ids.setdefault(name, []).append(answer.json()["id"])

    def _learn(self, name: str) -> None:
        self.draws.ids[name] = [row["id"] for row in self.sender.rows(f"{name}?$select=id&$top=20")]

    # -- One random request

    def step(self) -> None:
        kind = self.draws.one(KINDS)
        sets = self.draws.model.sets
        entity = sets[self.draws.one(BUSY if self.draws.chance(75) else sets.keys() - PLATFORM)]
        getattr(self, f"_{kind}")(entity)

    def _body(self, entity: EntitySet) -> dict[str, Any]:
        body = self.draws.body(entity, 5)
        for name in [name for name in body if name.endswith("Id") and self.draws.chance(70)]:
            target = {"item": "items", "customer": "customers", "contact": "contacts"}.get(name.removesuffix("Id"))
            if target and self.draws.ids.get(target):
                body[name] = self.draws.one(self.draws.ids[target])
        return body

    def _create(self, entity: EntitySet) -> None:
        self._remember(entity.name, self.sender.send("POST", entity.name, self._body(entity)))

    def _document(self, entity: EntitySet) -> None:
        name = self.draws.one(DOCUMENTS)
        lines = [self._line_body() for _ in range(self.draws.number(0, 3))]
        body = {**self.draws.body(self.draws.model.sets[name], 2), "customerId": self.draws.key("customers")}
        self._remember(name, self.sender.send("POST", name, {**body, DOCUMENTS[name]: lines}))

    def _line_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"quantity": self.draws.one((0, 1, 2, 2.5, 100, -1))}
        kind = self.draws.one(("item", "item", "text", "account", "both"))
        if kind in ("item", "both"):
            body["itemId"] = self.draws.key("items")
        if kind in ("account", "both"):
            body |= {"lineType": "Account", "lineObjectNumber": self.draws.one(("8640", "NOPE", "")), "unitPrice": 7.77}
        if kind == "text":
            body = {"description": "Only words"}
        if self.draws.chance(40):
            body |= {
                "unitPrice": self.draws.one((9.99, 0, 0.005)),
                "discountPercent": self.draws.one((0, 10, 33.3, 101)),
            }
        return body

    def _line(self, entity: EntitySet) -> None:
        name = self.draws.one(DOCUMENTS)
        path = f"{name}({self.draws.key(name)})/{DOCUMENTS[name]}"
        if self.draws.chance(50):
            self.sender.send("POST", path, self._line_body())
            return
        answer = self.sender.send("GET", path)
        rows = answer.json().get("value") if answer.ok else None
        if rows:
            line = f"{DOCUMENTS[name]}({self.draws.one([row['id'] for row in rows])})"
            method = self.draws.one(("PATCH", "PATCH", "DELETE"))
            self.sender.send(method, line, self._line_body() if method == "PATCH" else None, If_Match="*")

    def _patch(self, entity: EntitySet) -> None:
        headers = self.draws.one(({"If_Match": "*"}, {"If_Match": "*"}, {}, {"If_Match": 'W/"JzE="'}))
        self.sender.send("PATCH", f"{entity.name}({self.draws.key(entity.name)})", self._body(entity), **headers)

    def _read(self, entity: EntitySet) -> None:
        headers = {"Prefer": "odata.maxpagesize=2"} if self.draws.chance(40) else {}
        shape = self.draws.one(("{}", "{}", "{}/$count", "{}({})"))
        path = shape.format(entity.name, self.draws.key(entity.name))
        answer = self.sender.send("GET", f"{path}?{self.draws.options(entity)}", **headers)
        link = answer.json().get("@odata.nextLink") if answer.ok and "json" in answer.headers["Content-Type"] else None
        if link:
            assert self.sender.send("GET", link, **headers).status_code == 200

    def _below(self, entity: EntitySet) -> None:
        name = self.draws.one([*entity.navigations, *entity.properties, "nothing", *ODD[:6]])
        method = self.draws.one(("GET", "GET", "GET", "POST", "PUT", "DELETE"))
        body = {} if method in ("POST", "PUT") else None
        path = f"{entity.name}({self.draws.key(entity.name)})/{quote(name, safe='')}"
        self.sender.send(method, path, body)

    def _delete(self, entity: EntitySet) -> None:
        self.sender.send("DELETE", f"{entity.name}({self.draws.key(entity.name)})")

    def _action(self, entity: EntitySet) -> None:
        name = self.draws.one(DOCUMENTS)
        self.sender.send("POST", f"{name}({self.draws.key(name)})/Microsoft.NAV.{self.draws.one(ACTIONS)}")
        for made in DOCUMENTS:
            self._learn(made)

    def _processor(self, entity: EntitySet) -> None:
        what = self.draws.one(("release", "reopen", "ship", "invoice"))
        body = {"quantities": self.draws.one((None, {"10000": 1}, {"20000": 0.5}, {"10000": 99})), "posting_date": None}
        control = f"{self.sender.api.server.http_url}/sandbox/business-central"
        url = f"{control}/sales-orders/{self.draws.key('salesOrders')}/{what}"
        self.sender.log.append(f"{url} {body}")
        answer = requests.post(url, json=body, timeout=30)
        assert answer.status_code in (200, 400, 404, 409), f"{answer.status_code} {answer.text}\n{self.sender.tail()}"
        payment = f"{control}/sales-invoices/{self.draws.key('salesInvoices')}/payment"
        paid = requests.post(payment, json={"amount": self.draws.one((None, 1, 5.5, -1, 0))}, timeout=30)
        assert paid.status_code in (200, 400, 404, 409), f"{paid.status_code} {paid.text}\n{self.sender.tail()}"

    def _batch(self, entity: EntitySet) -> None:
        operations = []
        for number in range(self.draws.number(0, 4)):
            write = self.draws.chance(60)
            url = f"companies({COMPANY_ID})/{entity.name}"
            operation: dict[str, Any] = {"id": str(number), "method": "POST" if write else "GET", "headers": {}}
            if write:
                operation |= {"url": url, "body": self._body(entity)}
            else:
                operation["url"] = f"{url}?{self.draws.options(entity)}"
            operations.append(operation)
        headers = self.draws.one(({}, {"Isolation": "snapshot"}, {"Prefer": "odata.continue-on-error"}))
        before = self._count(entity.name) if "Isolation" in headers else None
        answer = self.sender.send("POST", f"{self.root}$batch", {"requests": operations}, **headers)
        if not answer.ok:
            return
        statuses = [item["status"] for item in answer.json()["responses"]]
        assert all(status < 500 or status == 501 for status in statuses), f"{answer.text}\n{self.sender.tail()}"
        if before is not None:
            whole = len(statuses) == len(operations) and all(status < 300 for status in statuses)
            expected = sum(item["method"] == "POST" for item in operations) if whole else 0
            assert self._count(entity.name) == before + expected, self.sender.tail()
        assert not inner_statuses(answer.text)

    def _page(self, entity: EntitySet) -> None:
        page = self.pages.model.sets[self.draws.one(PAGES if self.draws.chance(70) else self.pages.model.sets)]
        kind = self.draws.one(("read", "read", "create", "patch", "delete", "one"))
        path = f"{self.pages_root}{page.name}"
        if kind == "read":
            self.sender.send("GET", f"{path}?{self.pages.options(page)}")
            return
        if kind == "create":
            answer = self.sender.send("POST", path, self.pages.body(page, 5))
            if answer.status_code == 201 and all(name in answer.json() for name in page.key):
                self.pages.ids.setdefault(page.name, []).append(self._page_key(page, answer.json()))
            return
        url = f"{path}({self.pages.key(page.name)})"
        method = {"patch": "PATCH", "delete": "DELETE", "one": "GET"}[kind]
        self.sender.send(method, url, self.pages.body(page, 4) if kind == "patch" else None, If_Match="*")

    @staticmethod
    def _page_key(page: EntitySet, row: dict[str, Any]) -> str:
        def text(value: Any) -> str:
            if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
                return "'{}'".format(quote(value.replace("'", "''"), safe=""))
            return json.dumps(value).strip('"')

        return ",".join(f"{name}={text(row[name])}" for name in page.key)

    def _watch(self, entity: EntitySet) -> None:
        self._catch_up(self.draws.one(WATCHED))

    # -- Afterwards

    def check(self) -> None:
        tables = {name: self.sender.rows(name) for name in BUSY}
        for name, rows in tables.items():
            keys = [row["id"] for row in rows]
            assert len(set(keys)) == len(keys)
            assert self._count(name) == len(keys)
            paged = self.sender.rows(f"{name}?$select=id", Prefer="odata.maxpagesize=3")
            assert [row["id"] for row in paged] == keys
            number = "number" if "number" in self.draws.model.sets[name].properties else "code"
            if number in self.draws.model.sets[name].properties and name != "opportunities":
                numbers = [row[number].casefold() for row in rows]
                assert len(set(numbers)) == len(numbers), f"{name} {numbers}\n{self.sender.tail()}"
        for name in WATCHED:
            self._catch_up(name)
            now = {row["id"]: row["lastModifiedDateTime"] for row in tables[name]}
            seen = {key: stamp for key, stamp in self.mirrors[name].items() if key in now}
            assert seen == now, f"{name}\n{self.sender.tail()}"
        for name, lines in DOCUMENTS.items():
            for row in tables[name]:
                self._check_totals(row, self.sender.rows(f"{name}({row['id']})/{lines}"))

    def _count(self, name: str) -> int:
        return int(self.sender.api.request("GET", f"{name}/$count").content.decode("utf-8-sig"))

    def _catch_up(self, name: str) -> None:
        """Reads what changed since the last time, as a synchronisation does."""
        query = f"{name}?$filter=lastModifiedDateTime ge {self.watermarks[name]}&$select=id,lastModifiedDateTime"
        for row in self.sender.rows(query, Prefer="odata.maxpagesize=3"):
            self.mirrors[name][row["id"]] = row["lastModifiedDateTime"]
        self.watermarks[name] = max([self.watermarks[name], *self.mirrors[name].values()], key=_moment)

    def _check_totals(self, row: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        shown = f"{row}\n{lines}\n{self.sender.tail()}"
        assert all(line["documentId"] == row["id"] for line in lines), shown
        assert len({line["sequence"] for line in lines}) == len(lines), shown
        zero = Decimal(0)
        net = sum((line["netAmount"] for line in lines), zero)
        tax = sum((line["netTaxAmount"] for line in lines), zero)
        assert row["totalAmountExcludingTax"] == net, shown
        assert row["totalTaxAmount"] == tax, shown
        assert row["totalAmountIncludingTax"] == net + tax, shown


def _moment(stamp: str) -> str:
    """Stamps sort as texts once their fractions have the same length: trailing zeros are dropped on the wire."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return f"{whole}.{fraction:0<3}"
