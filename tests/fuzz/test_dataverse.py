"""Random requests to the Dataverse Web API; then counts, delta links, totals, states and keys have to be right."""

import json
import re
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given

from tests.fuzz import metadata
from tests.fuzz.checks import Sender, inner_statuses
from tests.fuzz.conftest import SEEDS, STEPS, search
from tests.fuzz.draws import Draws
from tests.fuzz.metadata import EntitySet
from tests.sandbox.conftest import ApiClient

pytestmark = pytest.mark.slow

CRM = "Microsoft.Dynamics.CRM."
FUNCTIONS = tuple(
    f"{CRM}{name}(PropertyName='{{name}}'{rest})"
    for name, rest in (
        ("In", ",PropertyValues=[{value}]"), ("NotIn", ",PropertyValues=['a','1']"),
        ("Between", ",PropertyValues=['1','2']"),
        ("On", ",PropertyValue={value}"), ("OnOrAfter", ",PropertyValue='2025-01-01'"), ("Today", ""), ("ThisYear", ""),
        ("LastXHours", ",PropertyValue=4"), ("OlderThanXDays", ",PropertyValue=99999999999"), ("EqualUserId", ""),
        ("ContainValues", ",PropertyValues=['1']"), ("Nothing", ""),
    )
)  # fmt: skip
BUSY = (
    "accounts", "contacts", "leads", "tasks", "quotes", "quotedetails", "salesorders", "salesorderdetails", "invoices",
    "invoicedetails", "products", "productpricelevels", "pricelevels", "opportunities", "opportunityproducts",
    "annotations", "posts", "discounts", "uoms",
)  # fmt: skip
KEPT = {"organizations", "systemusers", "businessunits", "teams", "transactioncurrencies", "roles", "uomschedules"}
"""Rows that every request depends on: they are read, not changed."""
DOCUMENTS = {"quotes": "quotedetails", "salesorders": "salesorderdetails", "invoices": "invoicedetails"}
TRACKED = ("accounts", "contacts", "salesorders", "salesorderdetails", "leads")


@search
@given(seed=SEEDS)
def test_any_requests_leave_right_data(seed: int, sales: ApiClient) -> None:
    sales.server.reset("empty")
    model = metadata.read(sales.request("GET", "$metadata").text)
    random = Random(seed)
    world = World(Draws(random, model), Sender(sales))
    world.furnish()
    for _ in range(STEPS):
        world.step()
    world.check()


class World:
    """One organisation under random requests."""

    def __init__(self, draws: Draws, sender: Sender) -> None:
        self.draws, self.sender, self.model = draws, sender, draws.model
        self.links: dict[str, str] = {}
        self.mirrors: dict[str, dict[str, Any]] = {}

    # -- Before

    def furnish(self) -> None:
        """Rows to work on, an alternate key, and a delta link for each tracked table."""
        key = {"SchemaName": "new_Number", "KeyAttributes": ["accountnumber"]}
        self.sender.send("POST", "EntityDefinitions(LogicalName='account')/Keys", key)
        for name in (*BUSY, *KEPT):
            self._learn(name)
        unit, group = self.draws.ids["uoms"][0], self.draws.ids["uomschedules"][0]
        currency = self.draws.ids["transactioncurrencies"][0]
        account = self._make("accounts", {"name": "Base"})
        prices = self._make(
            "pricelevels",
            {"name": "Prices", "transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency})"},
        )
        units = {
            "defaultuomid@odata.bind": f"/uoms({unit})",
            "defaultuomscheduleid@odata.bind": f"/uomschedules({group})",
        }
        product = self._make("products", {"name": "Lamp", "productnumber": "P1", "quantitydecimal": 2, **units})
        price = {"amount": 12.5, "uomid@odata.bind": f"/uoms({unit})"}
        links = {"pricelevelid@odata.bind": f"/pricelevels({prices})", "productid@odata.bind": f"/products({product})"}
        self._make("productpricelevels", {**price, **links})
        self.sender.send("PATCH", f"products({product})", {"statecode": 0, "statuscode": 1})
        order = {"name": "Order", "customerid_account@odata.bind": f"/accounts({account})"}
        for name in DOCUMENTS:
            self._make(name, {**order, "pricelevelid@odata.bind": f"/pricelevels({prices})"})
        for name in TRACKED:
            self.mirrors[name] = {}
            self._follow(name, f"{name}?$select={self.model.sets[name].key[0]}", first=True)

    def _make(self, name: str, body: dict[str, Any]) -> str:
        answer = self.sender.send("POST", name, body)
        assert answer.status_code == 204, answer.text
        key = answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")
        self.draws.ids.setdefault(name, []).append(key)
        return key

    def _learn(self, name: str) -> None:
        key = self.model.sets[name].key[0]
        rows = self.sender.rows(f"{name}?$select={key}&$top=20")
        self.draws.ids[name] = [row[key] for row in rows]

    # -- One random request

    def step(self) -> None:
        draws = self.draws
        kind = draws.one(("create", "create", "line", "patch", "patch", "read", "read", "path", "delete", "state",
                          "action", "batch", "bulk", "link", "metadata"))  # fmt: skip
        entity = self.model.sets[draws.one(BUSY if draws.chance(75) else self.model.sets)]
        getattr(self, f"_{kind}")(entity)

    def _body(self, entity: EntitySet) -> dict[str, Any]:
        body = self.draws.body(entity)
        links = [link for link in entity.navigations.values() if not link.many]
        for link in self.draws.some(links, 3):
            target = self.model.of_type(link.target)
            if target is not None:
                url = f"/{target.name}({self.draws.key(target.name)})"
                body[f"{link.name}@odata.bind"] = self.draws.one((url, url, url, url[1:], None, 5))
        return body

    def _create(self, entity: EntitySet) -> None:
        if entity.name in KEPT:
            return
        prefer = {"Prefer": "return=representation"} if self.draws.chance(30) else {}
        answer = self.sender.send("POST", entity.name, self._body(entity), **prefer)
        self._remember(entity, answer.headers.get("OData-EntityId"))

    def _remember(self, entity: EntitySet, url: str | None) -> None:
        found = re.search(r"\(([0-9a-f-]{36})\)$", url or "")
        if found:
            self.draws.ids.setdefault(entity.name, []).append(found.group(1))

    def _line(self, entity: EntitySet) -> None:
        name = self.draws.one(DOCUMENTS)
        lines = self.model.sets[DOCUMENTS[name]]
        body = self.draws.body(lines, 2)
        header = next(link for link in lines.navigations.values() if link.name == f"{name[:-1]}id")
        body[f"{header.name}@odata.bind"] = f"/{name}({self.draws.key(name)})"
        body["quantity"] = self.draws.one((1, 2, 2.5, 100, 0, -1))
        if self.draws.chance(70):
            unit, product = self.draws.ids["uoms"][0], self.draws.key("products")
            body["productid@odata.bind"] = f"/products({product})"
            body["uomid@odata.bind"] = f"/uoms({unit})"
        else:
            body |= {"isproductoverridden": True, "productdescription": "Work", "priceperunit": 9.99}
        if self.draws.chance(40):
            body |= {"manualdiscountamount": 1.11, "tax": self.draws.one((0, 2.34))}
        answer = self.sender.send("POST", lines.name, body)
        self._remember(lines, answer.headers.get("OData-EntityId"))

    def _patch(self, entity: EntitySet) -> None:
        if entity.name in KEPT:
            return
        key = self.draws.key(entity.name)
        headers = self.draws.one(({}, {"If_Match": "*"}, {"If_None_Match": "*"}, {"If_Match": 'W/"1"'}))
        if self.draws.chance(15) and entity.name == "accounts":
            key = f"accountnumber='K{self.draws.one(range(3))}'"
        answer = self.sender.send("PATCH", f"{entity.name}({key})", self._body(entity), **headers)
        self._remember(entity, answer.headers.get("OData-EntityId"))

    def _read(self, entity: EntitySet) -> None:
        headers = {
            "Prefer": self.draws.one(("odata.maxpagesize=3", 'odata.include-annotations="*"', "odata.track-changes"))
        }
        query = self.draws.options(entity, FUNCTIONS)
        shape = self.draws.one(("{}", "{}", "{}/$count", "{}({})"))
        path = shape.format(entity.name, self.draws.key(entity.name))
        answer = self.sender.send("GET", f"{path}?{query}", **(headers if self.draws.chance(50) else {}))
        link = answer.json().get("@odata.nextLink") if answer.ok and "json" in answer.headers["Content-Type"] else None
        if link:
            assert self.sender.send("GET", link, **headers).status_code == 200

    def _path(self, entity: EntitySet) -> None:
        name = self.draws.one([*entity.navigations, *entity.properties, "nothing"])
        tail = self.draws.one(("", "", "/$ref", "/$count", "/$value", "/nothing"))
        method = self.draws.one(("GET", "GET", "GET", "PUT", "DELETE", "POST"))
        if entity.name in KEPT:
            method = "GET"
        body = {"value": "x"} if method in ("PUT", "POST") else None
        self.sender.send(method, f"{entity.name}({self.draws.key(entity.name)})/{name}{tail}", body)

    def _delete(self, entity: EntitySet) -> None:
        if entity.name not in KEPT | {"uoms"}:
            self.sender.send("DELETE", f"{entity.name}({self.draws.key(entity.name)})")

    def _state(self, entity: EntitySet) -> None:
        name = self.draws.one((*DOCUMENTS, "opportunities", "products", "leads", "tasks", "accounts"))
        body = {"statecode": self.draws.one(range(5))}
        if self.draws.chance(60):
            body["statuscode"] = self.draws.one((1, 2, 3, 4, 5, 6, 100001, 100003))
        self.sender.send("PATCH", f"{name}({self.draws.key(name)})", body)

    def _action(self, entity: EntitySet) -> None:
        name, close, table = self.draws.one((
            ("WinQuote", "QuoteClose", "quote"), ("CloseQuote", "QuoteClose", "quote"),
            ("CancelSalesOrder", "OrderClose", "salesorder"), ("FulfillSalesOrder", "OrderClose", "salesorder"),
            ("ReviseQuote", "", "quote"), ("ConvertQuoteToSalesOrder", "", "quote"),
            ("ConvertSalesOrderToInvoice", "", "salesorder"), ("RecalculatePrice", "entity", "salesorder"),
            ("UnlockSalesOrderPricing", "", "salesorder"), ("bound", "", ""),
        ))  # fmt: skip
        if name == "bound":
            kind, action = self.draws.one(self.model.bound or [("account", "Nothing")])
            target = self.model.of_type(kind)
            path = f"{target.name}({self.draws.key(target.name)})/{CRM}{action}" if target else action
            self.sender.send(self.draws.one(("POST", "GET")), path, None if self.draws.chance(50) else {})
            return
        key = self.draws.key(f"{table}s")
        body: dict[str, Any]
        if close == "entity":
            body = {"entityLogicalName": table, "entityId": key}
        elif close:
            bind = {f"{table}id@odata.bind": f"/{table}s({key})"}
            body = {close: {"subject": "x", **bind}, "Status": self.draws.one((-1, 3, 4, 5, 100001))}
        else:
            names = {"quote": "QuoteId", "salesorder": "SalesOrderId"}
            body = {names[table]: key}
            if not name.startswith("Unlock"):
                body["ColumnSet"] = {"@odata.type": f"{CRM}ColumnSet", "AllColumns": True}
        answer = self.sender.send("POST", name, body)
        if answer.status_code == 200:
            made = {"ReviseQuote": "quotes", "ConvertQuoteToSalesOrder": "salesorders"}.get(name, "invoices")
            self._learn(made)

    def _bulk(self, entity: EntitySet) -> None:
        if entity.name in KEPT:
            return
        name = self.draws.one(("CreateMultiple", "UpdateMultiple", "UpsertMultiple"))
        targets = []
        for _ in range(self.draws.number(0, 4)):
            target = {"@odata.type": f"{CRM}{entity.type}", **self._body(entity)}
            if name != "CreateMultiple":
                target[entity.key[0]] = self.draws.key(entity.name)
            targets.append(target)
        before = self._count(entity.name) if name == "CreateMultiple" else 0
        answer = self.sender.send("POST", f"{entity.name}/{CRM}{name}", {"Targets": targets})
        if name == "CreateMultiple":
            grown = self._count(entity.name) - before
            assert grown == (len(targets) if answer.ok else 0), self.sender.tail()

    def _batch(self, entity: EntitySet) -> None:
        parts = []
        for _ in range(self.draws.number(1, 4)):
            if entity.name not in KEPT and self.draws.chance(60):
                text = json.dumps(self._body(entity))
                parts.append(f"POST {entity.name} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{text}")
            else:
                parts.append(f"GET {entity.name}?{self.draws.options(entity)} HTTP/1.1\r\nAccept: */*\r\n\r\n")
        head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        if self.draws.chance(50):
            inner = "".join(f"--c\r\n{head}Content-ID: {n}\r\n\r\n{part}\r\n" for n, part in enumerate(parts, 1))
            raw = f"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{inner}--c--\r\n\r\n--b--\r\n"
        else:
            raw = "".join(f"--b\r\n{head}\r\n{part}\r\n" for part in parts) + "--b--\r\n"
        headers = {"Prefer": "odata.continue-on-error"} if self.draws.chance(50) else {}
        kind = "multipart/mixed; boundary=b"
        self.sender.log.append(raw[:1500])
        answer = self.sender.api.request("POST", "$batch", raw=raw.encode(), Content_Type=kind, **headers)
        self.sender.check(answer)
        assert all(status < 500 or status == 501 for status in inner_statuses(answer.text)), self.sender.tail()

    def _link(self, entity: EntitySet) -> None:
        if not entity.navigations or entity.name in KEPT:
            return
        link = entity.navigations[self.draws.one(entity.navigations)]
        target = self.model.of_type(link.target)
        other = f"{target.name}({self.draws.key(target.name)})" if target else "nothings(1)"
        method = self.draws.one(("PUT", "POST", "DELETE"))
        body = {"@odata.id": f"{self.sender.api.root}{other}"} if method != "DELETE" else None
        self.sender.send(method, f"{entity.name}({self.draws.key(entity.name)})/{link.name}/$ref", body)

    def _metadata(self, entity: EntitySet) -> None:
        path = f"EntityDefinitions(LogicalName='{entity.type}')"
        tail = self.draws.one(
            ("", "/Attributes", "/Keys", "/OneToManyRelationships", "/Attributes(LogicalName='name')")
        )
        query = self.draws.one(("", "?$select=LogicalName", "?$filter=LogicalName eq 'name'", "?$expand=x", "?$top=1"))
        self.sender.send("GET", f"{path}{tail}{query}")

    # -- Afterwards

    def check(self) -> None:
        tables = {name: self.sender.rows(name) for name in BUSY}
        for name, rows in tables.items():
            self._check_counts(name, rows)
        for name in TRACKED:
            self._follow(name, self.links[name])
            now = {row[self.model.sets[name].key[0]]: row["@odata.etag"] for row in tables[name]}
            assert self.mirrors[name] == now, f"{name}: {self.mirrors[name]} {now}\n{self.sender.tail()}"
        numbers = [row["accountnumber"] for row in tables["accounts"] if row["accountnumber"] is not None]
        assert len({number.casefold().rstrip() for number in numbers}) == len(numbers)
        for name in ("salesorders", "invoices"):
            column = {"salesorders": "ordernumber", "invoices": "invoicenumber"}[name]
            assert len({row[column] for row in tables[name]}) == len(tables[name])
        for name, lines in DOCUMENTS.items():
            for row in tables[name]:
                key = f"{name[:-1]}id"
                own = [line for line in tables[lines] if line[f"_{key}_value"] == row[key]]
                self._check_totals(row, own)
        self._check_states(tables)

    def _count(self, name: str) -> int:
        answer = self.sender.api.request("GET", f"{name}/$count")
        return int(answer.content.decode("utf-8-sig"))

    def _check_counts(self, name: str, rows: list[dict[str, Any]]) -> None:
        key = self.model.sets[name].key[0]
        keys = [row[key] for row in rows]
        assert len(set(keys)) == len(keys)
        assert self._count(name) == len(keys)
        paged = self.sender.rows(f"{name}?$select={key}&$orderby={key}", Prefer="odata.maxpagesize=2")
        assert sorted(row[key] for row in paged) == sorted(keys)

    def _follow(self, name: str, url: str, *, first: bool = False) -> None:
        key, mirror = self.model.sets[name].key[0], self.mirrors[name]
        prefer = {"Prefer": "odata.track-changes,odata.maxpagesize=2"}
        while True:
            page = json.loads(self.sender.send("GET", url, **prefer).text)
            for row in page["value"]:
                if row.get("reason") == "deleted":
                    mirror.pop(row["id"], None)
                else:
                    mirror[row[key]] = row["@odata.etag"]
            if "@odata.nextLink" not in page:
                self.links[name] = page["@odata.deltaLink"]
                return
            url = page["@odata.nextLink"]

    def _check_totals(self, row: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        if row.get("skippricecalculation") or any(line.get("skippricecalculation") for line in lines):
            return  # these amounts stay as they were sent
        if row["statecode"] != 0:
            return  # closed documents are not calculated again
        zero = Decimal(0)
        per_unit = [line["manualdiscountamount"] or zero for line in lines]
        net = sum(((line["baseamount"] or zero) - off for line, off in zip(lines, per_unit, strict=True)), zero)
        assert row["totallineitemamount"] == net, f"{row}\n{lines}\n{self.sender.tail()}"
        assert row["totaltax"] == sum((line["tax"] or zero for line in lines), zero), self.sender.tail()
        rest = row["totallineitemamount"] - (row["totaldiscountamount"] or zero)
        assert row["totalamountlessfreight"] == rest, self.sender.tail()
        assert row["totalamount"] == rest + (row["freightamount"] or zero) + row["totaltax"], self.sender.tail()

    def _check_states(self, tables: dict[str, list[dict[str, Any]]]) -> None:
        for name in (*DOCUMENTS, "leads", "tasks", "accounts", "products"):
            kind = self.model.sets[name].type
            path = f"EntityDefinitions(LogicalName='{kind}')/Attributes/{CRM}StatusAttributeMetadata"
            (status,) = self.sender.api.get(f"{path}?$select=LogicalName&$expand=OptionSet")["value"]
            fitting = {(option["State"], option["Value"]) for option in status["OptionSet"]["Options"]}
            assert {(row["statecode"], row["statuscode"]) for row in tables[name]} <= fitting, self.sender.tail()
