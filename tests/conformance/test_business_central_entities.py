"""Every entity of the definitions against the running service: each property's type, length, members, rights and
relations, each navigation property, each forbidden verb."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from sandbox.business_central.bindings import is_writable
from sandbox.business_central.rules import load_rules
from sandbox.business_central.schema import (
    COMPANION_SERVICE,
    PAGES_SERVICE,
    STANDARD_SERVICE,
    Page,
    Property,
    load_schema,
)
from sandbox.datasets.company import COMPANY_ID
from sandbox.identity.tokens import BUSINESS_CENTRAL_AUDIENCE
from tests.sandbox.conftest import ApiClient, get_token
from tests.sandbox_process import SandboxServer

load_rules()
SCHEMA = load_schema()
PLATFORM = {"companies", "subscriptions", "webhookSupportedResources"}
"""Sets without a base table."""
ONLY_BELOW = {"dimensionSetLines", "contactsInformation"}
PAGES = sorted(
    (service, page.entity_set)
    for service in (STANDARD_SERVICE, PAGES_SERVICE, COMPANION_SERVICE)
    for page in set(SCHEMA.services[service].values())
    if page.entity_set not in PLATFORM | ONLY_BELOW
)
UNKNOWN_ID = "5a1f0c52-0000-4000-8000-00000000dead"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Central:
    """Requests to any of the three services, and rows to try things with."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api
        self.environment = api.root.partition("/api/v2.0")[0]
        self.count = 0

    def request(self, service: str, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        company = f"Company(Id={COMPANY_ID})" if service == PAGES_SERVICE else f"companies({COMPANY_ID})"
        return self.api.request(method, f"{self.environment}/{service}/{company}/{path}", body, **headers)

    def first(self, service: str, path: str) -> Any:
        return self.request(service, "GET", f"{path}{'&' if '?' in path else '?'}$top=1").json()["value"][0]

    def code(self) -> str:
        self.count += 1
        return f"Z{self.count}"

    def made(self, service: str, entity_set: str) -> Any:
        response = self.request(service, "POST", entity_set, self.body(entity_set))
        assert response.status_code == 201, (entity_set, response.text)
        return response.json()

    def body(self, entity_set: str) -> dict[str, Any]:
        """What a new row needs; every code is new."""
        item = self.first(STANDARD_SERVICE, "items?$filter=type eq 'Inventory' and blocked eq false")
        customer = self.first(STANDARD_SERVICE, "customers?$filter=blocked eq '_x0020_'")["number"]

        def coded(entity: str, name: str = "code", service: str = STANDARD_SERVICE) -> str:
            return str(self.made(service, entity)[name])

        def line(document: str) -> dict[str, Any]:
            parent = self.made(STANDARD_SERVICE, document)["id"]
            return {"documentId": parent, "lineType": "Item", "lineObjectNumber": item["number"], "quantity": 1}

        def price(service: str, of: str) -> dict[str, Any]:
            names = ("Price_List_Code", "Asset_Type", "Product_No", "Unit_Price")
            if service == COMPANION_SERVICE:
                names = ("priceListCode", "assetType", "assetNumber", "unitPrice")
            return dict(zip(names, (of, "Item", item["number"], 3), strict=True))

        special: dict[str, Callable[[], dict[str, Any]]] = {
            "contacts": lambda: {"displayName": "Person", "type": "Person"},
            "opportunities": lambda: {
                "description": "Chance",
                "contactNumber": self.first(STANDARD_SERVICE, "contacts?$filter=type eq 'Person'")["number"],
                "salespersonCode": self.first(STANDARD_SERVICE, "salespeoplePurchasers")["code"],
            },
            "items": lambda: {"displayName": "Item", "baseUnitOfMeasureCode": item["baseUnitOfMeasureCode"]},
            "itemVariants": lambda: {"itemNumber": item["number"], "code": self.code()},
            "salesOrderLines": lambda: line("salesOrders"),
            "salesQuoteLines": lambda: line("salesQuotes"),
            "salesInvoiceLines": lambda: line("salesInvoices"),
            "salesCreditMemoLines": lambda: line("salesCreditMemos"),
            "SalesOrderSalesLines": lambda: {
                "Document_No": self.made(STANDARD_SERVICE, "salesOrders")["number"],
                "Document_Type": "Order",
                "Type": "Item",
                "No": item["number"],
                "Quantity": 1,
            },
            "defaultDimensions": lambda: {
                "parentType": "Item",
                "parentId": self.made(STANDARD_SERVICE, "items")["id"],
                "dimensionCode": "REGION",
                "dimensionValueCode": "EAST",
            },
            "documentAttachments": lambda: {"parentId": item["id"], "parentType": "Item", "fileName": "plan.txt"},
            "Resource_Card": lambda: {"No": self.code(), "Name": "R", "Base_Unit_of_Measure": "HOUR"},
            "Sales_Price_List": lambda: {"Code": self.code(), "SourceType": "All Customers"},
            "Shipping_Agent_Services": lambda: {
                "Shipping_Agent_Code": coded("Shipping_Agents", "Code", PAGES_SERVICE),
                "Code": self.code(),
            },
            "Item_Units_of_Measure": lambda: {
                "Item_No": item["number"],
                "Code": coded("unitsOfMeasure"),
                "Qty_per_Unit_of_Measure": 3,
            },
            "Sales_Price_ListLines": lambda: price(PAGES_SERVICE, coded("Sales_Price_List", "Code", PAGES_SERVICE)),
            "priceListLines": lambda: price(COMPANION_SERVICE, coded("priceLists", "code", COMPANION_SERVICE)),
            "itemUnitsOfMeasure": lambda: {
                "itemNumber": item["number"],
                "code": coded("unitsOfMeasure"),
                "quantityPerUnitOfMeasure": 3,
            },
            "resources": lambda: {"number": self.code()},
        }
        if entity_set in special:
            return special[entity_set]()
        page = next(found[entity_set] for found in SCHEMA.services.values() if entity_set in found)
        if "customerNumber" in page.properties:
            return {"customerNumber": customer}
        if "code" in page.properties:
            return {"code": self.code()}
        if "Code" in page.properties:
            return {"Code": self.code()}
        return {"displayName": "Made"} if "displayName" in page.properties else {"Name": "Made"}


@pytest.fixture(scope="module")
def central(stranger: SandboxServer) -> Central:
    stranger.reset("demo")
    token = get_token(stranger, f"{BUSINESS_CENTRAL_AUDIENCE}/.default").json()["access_token"]
    root = f"{stranger.url}/v2.0/{stranger.tenant}/{stranger.environment}/api/v2.0/"
    return Central(ApiClient(stranger, root, token))


def code_of(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json().get("error", {}).get("code", "")


def address_of(page: Page, row: dict[str, Any]) -> str:
    def literal(name: str) -> str:
        value = row[name]
        plain = isinstance(value, int) or page.properties[name].kind == "guid"
        return str(value) if plain else "'{}'".format(value.replace("'", "''"))

    if len(page.key) == 1:
        return f"{page.entity_set}({literal(page.key[0])})"
    return f"{page.entity_set}({','.join(f'{name}={literal(name)}' for name in page.key)})"


def has_type(prop: Property, value: Any) -> bool:
    match prop.kind:
        case "guid":
            return isinstance(value, str) and _GUID.fullmatch(value) is not None
        case "boolean":
            return isinstance(value, bool)
        case "decimal":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "integer" | "bigint":
            return isinstance(value, int) and not isinstance(value, bool)
        case "date":
            return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None
        case "datetime":
            return isinstance(value, str) and value.endswith("Z")
    return isinstance(value, str)


def sample(central: Central, page: Page) -> dict[str, Any] | None:
    """A row to read and change; None where the set cannot be filled here."""
    if page.can_insert and page.entity_set not in _NOT_BY_HAND:
        return dict(central.made(page.service, page.entity_set))
    if page.entity_set in _LINES:
        return None
    found = central.request(page.service, "GET", f"{page.entity_set}?$top=1").json()["value"]
    return dict(found[0]) if found else None


_LINES = {"salesOrderLines", "salesQuoteLines", "salesInvoiceLines", "salesCreditMemoLines"}
_NOT_BY_HAND = {
    "workflowCustomers", "workflowItems", "workflowVendors", "salesDocuments", "salesDocumentLines", "Contact_Card",
    "Name_Details", "Vendor_Card", "SalesOrder", "SalesOrderSalesLines", "Opportunity_List", "Sales_Prices",
    "salesPrices", "Resource_Units_of_Measure", "resourceUnitsOfMeasure", "Customer_Card", "Opportunity_Entries",
}  # fmt: skip
"""Views of tables that another page fills."""


@pytest.mark.parametrize(("service", "entity_set"), PAGES)
def test_properties(central: Central, service: str, entity_set: str) -> None:
    page = SCHEMA.services[service][entity_set]
    row = sample(central, page)
    if row is None:
        pytest.skip("the demo company has no row of this kind")
    address = address_of(page, row)
    shown = central.request(service, "GET", address).json()
    values = [prop for prop in page.properties.values() if prop.kind != "stream"]
    assert [name for name in shown if not name.startswith("@") and "@" not in name] == [prop.name for prop in values]
    for prop in values:
        assert has_type(prop, shown[prop.name]), (prop.name, shown[prop.name])
        if not prop.filterable:
            refused = central.request(service, "GET", f"{entity_set}?$filter={prop.name} eq null&$top=1")
            assert refused.status_code == 400, prop.name
    if page.can_modify:
        for prop in values:
            _check_refusals(central, page, address, prop)
        refused = central.request(service, "PATCH", address, {"nosuch": 1}, If_Match="*")
        assert code_of(refused) == (400, "BadRequest")
        assert code_of(central.request(service, "PATCH", address, {})) == (400, "BadRequest_InvalidToken")


def _check_refusals(central: Central, page: Page, address: str, prop: Property) -> None:
    def patch(value: Any) -> tuple[int, str]:
        return code_of(central.request(page.service, "PATCH", address, {prop.name: value}, If_Match="*"))

    if prop.field in ("SystemId", "SystemModifiedAt", "SystemCreatedAt", "SystemRowVersion"):
        return  # ignored without a word
    if not is_writable(page, prop):
        value: Any = {"boolean": True, "decimal": 7, "integer": 7, "bigint": 7, "date": "2020-01-01"}.get(
            prop.kind, "x"
        )
        assert patch(value) == (400, "BadRequest_InvalidOperation"), prop.name
        return
    if prop.kind in ("enum", "option"):
        assert patch("Nonsense") == (400, "Unknown"), prop.name
        return
    assert patch("text" if prop.kind != "text" else 5)[0] == 400, prop.name
    if prop.kind == "text":
        if prop.length:
            assert patch("9" * (prop.length + 1)) == (400, "Application_StringExceededLength"), prop.name
        if prop.required:
            assert patch("")[0] == 400, prop.name
    else:
        assert patch(None) == (400, "BadRequest_RequiredParamNotProvided"), prop.name
    if prop.kind == "guid" and prop.relates_to is not None:
        assert patch(UNKNOWN_ID)[0] == 400, prop.name


@pytest.mark.parametrize(("service", "entity_set"), PAGES)
def test_verbs_and_navigation(central: Central, service: str, entity_set: str) -> None:
    page = SCHEMA.services[service][entity_set]
    forbidden = (405, "BadRequest_MethodNotAllowed")
    if not page.can_insert:
        assert code_of(central.request(service, "POST", entity_set, {})) == forbidden
    row = sample(central, page)
    if row is None:
        pytest.skip("the demo company has no row of this kind")
    address = address_of(page, row)
    for method, allowed in (("PATCH", page.can_modify), ("DELETE", page.can_delete)):
        if not allowed:
            answer = central.request(service, method, address, {} if method == "PATCH" else None, If_Match="*")
            assert code_of(answer) == forbidden, method
    for navigation in page.navigation.values():
        if not navigation.served:
            continue
        expanded = central.request(service, "GET", f"{address}?$expand={navigation.name}")
        assert expanded.status_code == 200, (navigation.name, expanded.text)
        assert isinstance(expanded.json()[navigation.name], list) == navigation.many
        assert central.request(service, "GET", f"{address}/{navigation.name}").status_code in (200, 204)


def test_members_of_enumerations_are_published(central: Central) -> None:
    text = central.api.request("GET", f"{central.environment}/{STANDARD_SERVICE}/$metadata").text
    used = {
        prop.enum
        for page in SCHEMA.services[STANDARD_SERVICE].values()
        for prop in page.properties.values()
        if prop.enum is not None
    }
    for enum in used:
        assert f'<EnumType Name="{enum.name}"' in text
        for member in enum.api.values():
            assert f'Name="{member}"' in text, (enum.name, member)
