"""Every table of the definitions against the running service: each column's type, length, range, choices, rights and
relations, and the metadata that describes it."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sandbox.definitions.dataverse import Attribute
from sandbox.definitions.dataverse_source import load
from tests.sandbox.conftest import ApiClient

TABLES = {table.logical_name: table for table in load().tables}
NOBODY = "00000000-0000-4000-8000-00000000dead"
WRITE_IN = {"isproductoverridden": True, "productdescription": "Work", "quantity": 1, "priceperunit": 1}
BAD = "0x80048d19"


class Maker:
    """Makes a row of any table with no more than it needs."""

    def __init__(self, sales: ApiClient) -> None:
        self.sales = sales
        self.count = 0
        organisation = sales.get("organizations")["value"][0]
        unit = sales.get("uoms?$filter=isschedulebaseuom eq true")["value"][0]
        self.unit, self.group = f"/uoms({unit['uomid']})", f"/uomschedules({unit['_uomscheduleid_value']})"
        self.currency = f"/transactioncurrencies({organisation['_basecurrencyid_value']})"
        self.business_unit = f"/businessunits({sales.get('businessunits')['value'][0]['businessunitid']})"
        self.account = self.made("account")

    def made(self, name: str) -> str:
        table = TABLES[name]
        return f"/{table.entity_set}({self.sales.create(table.entity_set, self.body(name))})"

    def body(self, name: str) -> dict[str, Any]:
        self.count += 1
        unique = f"{name} {self.count}"
        units = {"defaultuomscheduleid@odata.bind": self.group, "defaultuomid@odata.bind": self.unit}
        person = {"firstname": "F", "lastname": "L", "internalemailaddress": f"u{self.count}@x.example"}
        document: dict[str, Any] = {"name": unique, "customerid_account@odata.bind": getattr(self, "account", "")}
        made: dict[str, Callable[[], dict[str, Any]]] = {
            "account": lambda: {"name": unique},
            "contact": lambda: {"lastname": unique},
            "systemuser": lambda: {
                **person,
                "domainname": f"u{self.count}@x.example",
                "businessunitid@odata.bind": self.business_unit,
            },
            "team": lambda: {"name": unique, "teamtype": 0, "businessunitid@odata.bind": self.business_unit},
            "businessunit": lambda: {"name": unique, "parentbusinessunitid@odata.bind": self.business_unit},
            "transactioncurrency": lambda: {
                "currencyname": unique,
                "isocurrencycode": f"X{chr(65 + self.count // 26 % 26)}{chr(65 + self.count % 26)}",
                "currencysymbol": "x",
                "exchangerate": 2,
                "currencyprecision": 2,
            },
            "uomschedule": lambda: {"name": unique, "baseuomname": "piece"},
            "uom": lambda: {
                "name": unique,
                "quantity": 2,
                "baseuom@odata.bind": self.unit,
                "uomscheduleid@odata.bind": self.group,
            },
            "product": lambda: {"name": unique, "productnumber": unique, **units},
            "pricelevel": lambda: {"name": unique, "transactioncurrencyid@odata.bind": self.currency},
            "productpricelevel": lambda: {
                "pricelevelid@odata.bind": self.made("pricelevel"),
                "productid@odata.bind": self.made("product"),
                "uomid@odata.bind": self.unit,
                "amount": 1,
            },
            "opportunity": lambda: {"name": unique},
            "opportunityproduct": lambda: {**WRITE_IN, "opportunityid@odata.bind": self.made("opportunity")},
            "quote": lambda: document,
            "quotedetail": lambda: {**WRITE_IN, "quoteid@odata.bind": self.made("quote")},
            "salesorder": lambda: document,
            "salesorderdetail": lambda: {**WRITE_IN, "salesorderid@odata.bind": self.made("salesorder")},
            "invoice": lambda: document,
            "invoicedetail": lambda: {**WRITE_IN, "invoiceid@odata.bind": self.made("invoice")},
            "annotation": lambda: {"subject": unique, "objectid_account@odata.bind": self.account},
            "customeraddress": lambda: {"name": unique, "parentid_account@odata.bind": self.account},
            "lead": lambda: {"subject": unique, "lastname": "L"},
        }
        return made[name]()


WRITABLE = [
    "account", "contact", "systemuser", "team", "businessunit", "transactioncurrency", "uomschedule", "uom", "product",
    "pricelevel", "productpricelevel", "opportunity", "opportunityproduct", "quote", "quotedetail", "salesorder",
    "salesorderdetail", "invoice", "invoicedetail", "annotation", "customeraddress",
]  # fmt: skip


@pytest.fixture(scope="module")
def maker(guest: ApiClient) -> Maker:
    return Maker(guest)


def refusals(attribute: Attribute) -> list[tuple[Any, str]]:
    """Values that the column must not take, each with its code."""
    found: list[tuple[Any, str]] = []
    match attribute.type:
        case "string" | "memo":
            found.append((5, BAD))
            if attribute.max_length and attribute.max_length < 100_000:
                found.append(("x" * (attribute.max_length + 1), "0x80044331"))
        case "picklist":
            found += [("1", BAD), (987_654, "0x8004431a")]
        case "boolean":
            found += [("x", BAD), (1, BAD)]
        case "integer":
            found.append(("5", BAD))
            if attribute.maximum is not None and attribute.maximum < 2**31 - 1:
                found.append((int(attribute.maximum) + 1, "0x8004432f"))
            if attribute.minimum is not None and attribute.minimum > -(2**31):
                found.append((int(attribute.minimum) - 1, "0x8004432f"))
        case "money" | "decimal" | "double":
            found.append(("abc", BAD))
            if attribute.maximum is not None:
                found.append((attribute.maximum * 10 + 1, "0x80044330"))
        case "datetime":
            early = "1600-01-01" if attribute.date_only else "1600-01-01T00:00:00Z"
            found += [("soon", BAD), (early, "0x80040239")]
    return found


def other_value(attribute: Attribute, current: Any) -> Any:
    """A valid value that differs from the current one."""
    if attribute.options:
        return next((o.value for o in attribute.options if o.value != current), None)
    return {
        "string": "other",
        "memo": "other",
        "integer": 7,
        "bigint": 7,
        "boolean": not current,
        "money": 77,
        "decimal": 7,
        "double": 7,
        "datetime": "2001-01-01" if attribute.date_only else "2001-01-01T00:00:00Z",
    }.get(attribute.type)


@pytest.mark.parametrize("name", WRITABLE)
def test_columns(maker: Maker, name: str) -> None:
    table, sales = TABLES[name], maker.sales
    address = maker.made(name).lstrip("/")
    row = json.loads(sales.request("GET", address).text, parse_float=Decimal)
    assert set(table.by_property) <= set(row)

    def patch(column: str, value: Any) -> tuple[int, str]:
        response = sales.request("PATCH", address, {column: value}, If_Match="*")
        return (204, "") if response.status_code == 204 else sales.error(response)

    for attribute in table.attributes.values():
        if attribute.primary_id or attribute.type in ("state", "status", "uniqueidentifier", "entityname"):
            continue
        if attribute.is_lookup:
            for target in attribute.targets if attribute.update else ():
                url = f"/{TABLES[target.table].entity_set}({NOBODY})"
                assert patch(f"{target.nav}@odata.bind", url) == (404, "0x80040217"), attribute.name
        elif attribute.update:
            for value, code in refusals(attribute):
                assert patch(attribute.name, value) == (400, code), (attribute.name, str(value)[:40])
            if attribute.required == "system":
                assert patch(attribute.name, None)[0] == 400, attribute.name
        elif (name, attribute.name) != ("systemuser", "isdisabled"):
            value = other_value(attribute, row[attribute.property])
            assert patch(attribute.name, value) == (204, ""), attribute.name
    after = json.loads(sales.request("GET", address).text, parse_float=Decimal)
    kept = {
        attribute.property
        for attribute in table.attributes.values()
        if not attribute.update and attribute.name not in ("modifiedon", "modifiedby", "versionnumber", "isdisabled")
    }
    assert {column: after[column] for column in kept} == {column: row[column] for column in kept}
    assert patch("nosuchcolumn", 1) == (400, BAD)
    assert patch("nosuchlink@odata.bind", f"/accounts({NOBODY})") == (400, BAD)


@pytest.mark.parametrize("name", WRITABLE)
def test_required_columns_are_missed(maker: Maker, name: str) -> None:
    table = TABLES[name]
    filled = {"businessunitid", "teamtype", "objecttypecode", "transactioncurrencyid"}  # the server knows these itself
    for attribute in table.attributes.values():
        names = {attribute.name, *(f"{target.nav}@odata.bind" for target in attribute.targets)}
        body = maker.body(name)
        if attribute.required != "system" or attribute.name in filled or not names & set(body):
            continue
        without = {key: value for key, value in body.items() if key not in names}
        response = maker.sales.request("POST", table.entity_set, without)
        assert response.status_code == 400, attribute.name


_TYPES = {
    "customer": "Lookup",
    "owner": "Lookup",
    "datetime": "DateTime",
    "bigint": "BigInt",
    "entityname": "EntityName",
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_metadata(guest: ApiClient, name: str) -> None:
    table = TABLES[name]
    entity = guest.get(f"EntityDefinitions(LogicalName='{name}')?$expand=Attributes")
    assert (entity["EntitySetName"], entity["PrimaryIdAttribute"], entity["PrimaryNameAttribute"]) == (
        table.entity_set,
        table.primary_id,
        table.primary_name,
    )
    shown = {row["LogicalName"]: row for row in entity["Attributes"]}
    assert set(shown) == set(table.attributes)
    for attribute in table.attributes.values():
        row = shown[attribute.name]
        kind = _TYPES.get(attribute.type, attribute.type.capitalize())
        assert row["@odata.type"] == f"#Microsoft.Dynamics.CRM.{kind}AttributeMetadata", attribute.name
        assert (row["IsValidForCreate"], row["IsValidForUpdate"]) == (attribute.create, attribute.update)
        if attribute.type in ("string", "memo") and attribute.max_length:
            assert row["MaxLength"] == attribute.max_length
        if attribute.is_lookup:
            assert row["Targets"] == [target.table for target in attribute.targets]


def test_relationships(guest: ApiClient) -> None:
    """Every relationship is published with its names and what a deletion does."""
    rows = guest.get("RelationshipDefinitions/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata")["value"]
    published = {
        (row["ReferencedEntity"], row["ReferencingEntity"], row["ReferencingAttribute"]): (
            row["ReferencedEntityNavigationPropertyName"],
            row["ReferencingEntityNavigationPropertyName"],
            row["CascadeConfiguration"]["Delete"],
        )
        for row in rows
    }
    for item in load().relationships:
        expected = (item.nav_on_one, item.nav_on_many, item.on_delete)
        assert published[item.one, item.many, item.column] == expected
