"""Further companies: listed with the first, kept apart from it, gone after a reset."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import ApiClient
from tests.sandbox_process import SandboxServer


@pytest.fixture(scope="module", autouse=True)
def _fresh(empty_server: SandboxServer) -> Iterator[None]:
    empty_server.reset("empty")
    yield
    empty_server.reset("empty")


@pytest.fixture(scope="module")
def company(empty_server: SandboxServer) -> dict[str, Any]:
    made = empty_server.control("POST", "/business-central/companies", {"name": "Sydhavn Trading"})
    return dict(made)


@pytest.fixture
def further(business_central: ApiClient, company: dict[str, Any]) -> ApiClient:
    root = business_central.root.partition("companies(")[0]
    return replace(business_central, root=f"{root}companies({company['id']})/")


def test_both_companies_are_listed_and_none_is_the_default(
    business_central: ApiClient, company: dict[str, Any], further: ApiClient
) -> None:
    service = business_central.root.partition("companies(")[0]
    listed = [row["name"] for row in business_central.get(f"{service}companies")["value"]]
    assert listed == ["Nordhavn Trading", "Sydhavn Trading"]
    bare = business_central.request("GET", f"{service}customers")
    assert business_central.error(bare) == (404, "Internal_CompanyNotFound")
    assert further.get("companyInformation")["value"][0]["displayName"] == "Sydhavn Trading"
    page = service.replace("api/v2.0/", "ODataV4/")
    assert further.get(f"{page}Company('Sydhavn Trading')/Resource_List")["value"] == []
    assert business_central.get(f"{service}customers?company={company['name']}")["value"] == []


def test_rows_belong_to_one_company(business_central: ApiClient, further: ApiClient) -> None:
    customer = further.request("POST", "customers", {"displayName": "Only there"}).json()
    assert business_central.request("GET", f"customers({customer['id']})").status_code == 404
    assert business_central.get("customers")["value"] == []
    own = {row["id"] for row in further.get("paymentTerms")["value"]}
    assert own.isdisjoint(row["id"] for row in business_central.get("paymentTerms")["value"])
    service = business_central.root.partition("companies(")[0]
    part = {"id": "1", "method": "POST", "url": further.root.removeprefix(service) + "items", "body": {}}
    for number in (1, 2):
        part["body"] = {"displayName": f"Batch {number}", "baseUnitOfMeasureCode": "PCS"}
        headers = {"Isolation": "snapshot"} if number == 1 else {}
        answer = further.request("POST", f"{service}$batch", {"requests": [part]}, **headers).json()
        assert answer["responses"][0]["status"] == 201
    assert len(further.get("items")["value"]) == 2


def test_its_orders_are_processed(further: ApiClient, empty_server: SandboxServer) -> None:
    customer = further.request("POST", "customers", {"displayName": "Buyer"}).json()
    item = further.request("POST", "items", {"displayName": "Lamp", "baseUnitOfMeasureCode": "PCS"}).json()
    line = {"lineType": "Item", "lineObjectNumber": item["number"], "quantity": 1, "unitPrice": 9}
    body = {"customerNumber": customer["number"], "salesOrderLines": [line]}
    order = further.request("POST", "salesOrders", body).json()
    shipped = empty_server.control("POST", f"/business-central/sales-orders/{order['id']}/ship", {})
    assert shipped["shipment"]["orderNumber"] == order["number"]
    assert further.get("salesShipments")["value"]


def test_names_are_unique_and_a_reset_removes_companies(
    business_central: ApiClient, empty_server: SandboxServer, company: dict[str, Any]
) -> None:
    with pytest.raises(requests.HTTPError, match="400"):
        empty_server.control("POST", "/business-central/companies", {"name": company["name"].upper()})
    empty_server.reset("empty")
    service = business_central.root.partition("companies(")[0]
    assert len(business_central.get(f"{service}companies")["value"]) == 1
    assert business_central.request("GET", f"{service}customers").status_code == 200
