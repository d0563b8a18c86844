"""Dimensions: default ones of masters, the sets of documents and lines, and where they go when documents are posted."""

from typing import Any

import pytest
import requests

from tests.sandbox.conftest import ApiClient


@pytest.fixture
def parties(business_central: ApiClient) -> dict[str, Any]:
    """A customer of region WEST and an item of department PROD."""
    customer = business_central.request("POST", "customers", {"displayName": "Dimension customer"}).json()
    item = business_central.request(
        "POST",
        "items",
        {
            "displayName": "Dimension item",
            "baseUnitOfMeasureCode": "PCS",
            "unitPrice": 10,
            "generalProductPostingGroupCode": "RETAIL",
            "inventoryPostingGroupCode": "RESALE",
        },
    ).json()
    for path, body in (
        (f"customers({customer['id']})/defaultDimensions", {"dimensionCode": "region", "dimensionValueCode": "west"}),
        (
            "defaultDimensions",
            {
                "parentType": "Item",
                "parentId": item["id"],
                "dimensionCode": "DEPARTMENT",
                "dimensionValueCode": "PROD",
                "postingValidation": "Code_x0020_Mandatory",
            },
        ),
    ):
        assert business_central.request("POST", path, body).status_code == 201
    return {"customer": customer, "item": item}


def order_of(business_central: ApiClient, parties: dict[str, Any], **values: Any) -> dict[str, Any]:
    line = {"lineType": "Item", "lineObjectNumber": parties["item"]["number"], "quantity": 1}
    body = {"customerNumber": parties["customer"]["number"], **values, "salesOrderLines": [line]}
    response = business_central.request("POST", "salesOrders?$expand=salesOrderLines", body)
    assert response.status_code == 201, response.text
    return dict(response.json())


def code_of(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def shown(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["code"]: row["valueCode"] for row in rows}


def test_values_are_read_below_their_dimension(business_central: ApiClient) -> None:
    rows = business_central.get("dimensions?$expand=dimensionValues&$filter=code eq 'PROJECT'")["value"]
    assert [value["code"] for value in rows[0]["dimensionValues"]] == ["FAIR", "OUTLET"]
    assert business_central.request("POST", "dimensions", {}).status_code == 405


def test_documents_take_dimensions_over_and_lines_those_of_the_item_too(
    business_central: ApiClient, parties: dict[str, Any]
) -> None:
    order = order_of(business_central, parties, shortcutDimension1Code="sales")
    expand = "$expand=dimensionSetLines,dimensionValue,salesOrderLines($expand=dimensionSetLines)"
    read = business_central.get(f"salesOrders({order['id']})?{expand}")
    assert shown(read["dimensionSetLines"]) == {"DEPARTMENT": "SALES", "REGION": "WEST"}
    assert read["dimensionValue"]["displayName"] == "Sales"
    assert shown(read["salesOrderLines"][0]["dimensionSetLines"]) == {"DEPARTMENT": "PROD", "REGION": "WEST"}
    assert read["dimensionSetLines"][0]["parentType"] == "Sales_x0020_Order"


def test_sets_are_written_below_a_document(business_central: ApiClient, parties: dict[str, Any]) -> None:
    order = order_of(business_central, parties)
    below = f"salesOrders({order['id']})/dimensionSetLines"
    made = business_central.request("POST", below, {"code": "PROJECT", "valueCode": "FAIR"})
    assert made.status_code == 201
    row = made.json()
    outlet = business_central.get("dimensionValues?$filter=code eq 'OUTLET'")["value"][0]
    changed = business_central.request("PATCH", f"{below}({row['id']})", {"valueId": outlet["id"]}, If_Match="*")
    assert changed.json()["valueDisplayName"] == "Outlet opening"
    assert business_central.get(f"salesOrders({order['id']})")["shortcutDimension2Code"] == "OUTLET"
    again = business_central.request("POST", below, {"id": row["id"], "valueId": outlet["id"]})
    assert code_of(again) == (400, "Internal_EntityWithSameKeyExists")
    assert business_central.request("DELETE", f"{below}({row['id']})").status_code == 204
    assert business_central.get(f"salesOrders({order['id']})")["shortcutDimension2Code"] == ""


@pytest.mark.parametrize(
    "body", [{"code": "NOPE", "valueCode": "FAIR"}, {"code": "PROJECT", "valueCode": "NOPE"}, {"code": "PROJECT"}]
)
def test_dimension_and_value_must_exist(
    business_central: ApiClient, parties: dict[str, Any], body: dict[str, str]
) -> None:
    order = order_of(business_central, parties)
    refused = business_central.request("POST", f"salesOrders({order['id']})/dimensionSetLines", body)
    assert code_of(refused) == (400, "Application_DialogException")


def test_posting_copies_the_sets(business_central: ApiClient, parties: dict[str, Any]) -> None:
    order = order_of(business_central, parties, shortcutDimension2Code="FAIR")
    action = business_central.request("POST", f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice")
    assert action.status_code == 204
    for entity_set, lines, link in (
        ("salesInvoices", "salesInvoiceLines", "orderNumber"),
        ("salesShipments", "salesShipmentLines", "orderNumber"),
        ("salesOrderArchives", "salesOrderArchiveLines", "number"),
    ):
        expand = f"$expand=dimensionSetLines,{lines}($expand=dimensionSetLines)"
        row = business_central.get(f"{entity_set}?$filter={link} eq '{order['number']}'&{expand}")["value"][0]
        assert shown(row["dimensionSetLines"]) == {"PROJECT": "FAIR", "REGION": "WEST"}, entity_set
        assert shown(row[lines][0]["dimensionSetLines"]) == {
            "DEPARTMENT": "PROD",
            "PROJECT": "FAIR",
            "REGION": "WEST",
        }
    invoice = business_central.get(f"salesInvoices?$filter=orderNumber eq '{order['number']}'")["value"][0]
    refused = business_central.request(
        "POST", f"salesInvoices({invoice['id']})/dimensionSetLines", {"code": "DEPARTMENT", "valueCode": "ADM"}
    )
    assert code_of(refused) == (400, "Application_DialogException")
