"""Page web services and the companion API: the same tables under other names, keys and spellings."""

from typing import Any

import pytest

from sandbox.datasets.company import COMPANY_ID
from tests.sandbox.conftest import ApiClient


@pytest.fixture(scope="module", autouse=True)
def _fresh(empty_server: Any) -> None:
    empty_server.reset("demo")


@pytest.fixture
def pages(business_central: ApiClient) -> ApiClient:
    root = business_central.root.partition("/api/v2.0")[0]
    return ApiClient(business_central.server, f"{root}/ODataV4/Company('Nordhavn%20Trading')/", business_central.token)


@pytest.fixture
def companion(business_central: ApiClient) -> ApiClient:
    root = business_central.root.partition("/api/v2.0")[0]
    service = f"{root}/api/couplet/integration/v1.0/companies({COMPANY_ID})/"
    return ApiClient(business_central.server, service, business_central.token)


def test_every_published_page_and_alias_can_be_read(pages: ApiClient) -> None:
    root = pages.root.partition("/Company(")[0]
    names = [item["name"] for item in pages.get(root)["value"] if item["name"] != "Company"]
    assert {"Resource_Card", "hub_Resources", "workflowCustomers", "salesDocuments", "Sales_Prices"} <= set(names)
    for name in names:
        assert "value" in pages.get(f"{name}?$top=1"), name


def test_company_by_name_is_case_sensitive_and_by_id_works(pages: ApiClient) -> None:
    root = pages.root.partition("/Company(")[0]
    assert pages.get(f"{root}/Company(Id={COMPANY_ID})/Shipping_Agents")["value"]
    refused = pages.request("GET", f"{root}/Company('nordhavn%20trading')/Shipping_Agents")
    assert pages.error(refused) == (404, "Internal_CompanyNotFound")


def test_captions_keys_and_raw_currency_on_pages(pages: ApiClient) -> None:
    customer = pages.get("workflowCustomers?$filter=blocked eq ' ' and currencyCode eq ''&$top=1")["value"][0]
    assert (customer["blocked"], customer["currencyCode"]) == (" ", "")
    card = pages.get(f"Customer_Card('{customer['number']}')")
    assert card["Name"] == customer["name"]
    line = pages.get("Price_List_Line_Review(Price_List_Code='S00010',Line_No=10000)")
    assert (line["Asset_Type"], line["Source_Type"]) == ("Item", "Customer Price Group")
    missing = pages.request("GET", "Resource_Card('NOSUCH')")
    assert pages.error(missing) == (404, "BadRequest_ResourceNotFound")


def test_page_write_is_seen_by_all_views_of_the_table(
    pages: ApiClient, companion: ApiClient, business_central: ApiClient
) -> None:
    customer = pages.get("hub_CustomerCard?$top=1")["value"][0]
    changed = pages.request(
        "PATCH",
        f"hub_CustomerCard('{customer['No']}')",
        {"MobilePhoneNo": "+47 9", "Shipping_Agent_Code": "dhl", "Customer_Price_Group": "VIP"},
        If_Match=customer["@odata.etag"],
    )
    assert changed.status_code == 200, changed.text
    row = business_central.get(f"customers?$filter=number eq '{customer['No']}'")["value"][0]
    extra = companion.get(f"customerExtras({row['id']})")
    assert (extra["shippingAgentCode"], extra["customerPriceGroupCode"]) == ("DHL", "VIP")
    assert pages.get(f"workflowCustomers({row['id']})")["shippingAgentCode"] == "DHL"
    assert extra["systemRowVersion"] > 0
    unknown = pages.request("PATCH", f"Customer_Card('{customer['No']}')", {"Shipping_Agent_Code": "X"}, If_Match="*")
    assert pages.error(unknown) == (400, "Internal_InvalidTableRelation")


def test_read_only_pages_refuse_writes(pages: ApiClient) -> None:
    assert pages.error(pages.request("POST", "Resource_List", {"No": "X"})) == (405, "BadRequest_MethodNotAllowed")
    assert pages.error(pages.request("DELETE", "Sales_Receivables_Setup('')")) == (405, "BadRequest_MethodNotAllowed")


def test_resource_by_page_and_by_companion(pages: ApiClient, companion: ApiClient) -> None:
    created = pages.request("POST", "hub_Resources", {"No": "R-20", "Name": "Rigger", "Unit_Price": 95.5})
    assert created.status_code == 201, created.text
    body = created.json()
    assert (body["Base_Unit_of_Measure"], body["Type"], body["Unit_Price"]) == ("HOUR", "Person", 95.5)
    row = companion.get("resources?$filter=number eq 'R-20'")["value"][0]
    assert row["displayName"] == "Rigger"
    units = companion.get("resourceUnitsOfMeasure?$filter=resourceNumber eq 'R-20'")["value"]
    assert [(unit["code"], unit["quantityPerUnitOfMeasure"]) for unit in units] == [("HOUR", 1)]


def test_price_list_parts_below_header_and_as_root_set(pages: ApiClient) -> None:
    below = pages.get("hub_SalesPriceList('S00010')/Sales_Price_ListLines?$top=2")["value"]
    expanded = pages.get("Sales_Price_List('S00010')?$expand=Sales_Price_ListLines($top=2)")["Sales_Price_ListLines"]
    assert below == expanded
    assert {line["Price_List_Code"] for line in below} == {"S00010"}
    active = pages.request("PATCH", "Sales_Price_List('S00010')", {"Description": "x"}, If_Match="*")
    assert pages.error(active) == (400, "Application_FieldValidationException")


def test_sales_documents_show_open_documents_with_their_real_status(pages: ApiClient) -> None:
    released = pages.get("salesDocuments?$filter=documentType eq 'Order' and status eq 'Released'")["value"]
    assert released
    assert all(row["number"].startswith("SO") for row in released)
    numbers = {row["number"] for row in pages.get("salesDocuments?$select=number")["value"]}
    posted = {row["No"] for row in pages.get("hub_PostedSalesInvoices?$select=No")["value"]}
    assert posted
    assert not numbers & posted


def test_profile_switches_pages_archives_and_companion_off(
    pages: ApiClient, companion: ApiClient, business_central: ApiClient, steered: Any
) -> None:
    off = {"companion_extension": False, "pages": False, "quote_archives": False}
    steered.control("PUT", "/profile", {"business_central": off})
    try:
        assert companion.error(companion.request("GET", "resources")) == (404, "BadRequest_NotFound")
        assert pages.error(pages.request("GET", "Resource_Card")) == (404, "BadRequest_NotFound")
        assert pages.get("workflowCustomers?$top=1")["value"]
        archives = business_central.request("GET", "salesQuoteArchives")
        assert business_central.error(archives) == (404, "BadRequest_NotFound")
        root = pages.root.partition("/Company(")[0]
        assert "Resource_Card" not in pages.request("GET", f"{root}/$metadata").text
    finally:
        steered.control("PUT", "/profile", {"business_central": dict.fromkeys(off, True)})


def test_classic_sales_prices_by_page_and_companion(pages: ApiClient, companion: ApiClient) -> None:
    item = pages.get("workflowItems?$top=1")["value"][0]["number"]
    body = {"Sales_Type": "Customer Price Group", "Sales_Code": "VIP", "Item_No": item, "Unit_Price": 3.5}
    assert pages.request("POST", "hub_SalesPrices", body).status_code == 201
    condition = "Sales_Type eq 'Customer_x0020_Price_x0020_Group' and Sales_Code ne ''"
    assert [row["Unit_Price"] for row in pages.get(f"Sales_Prices?$filter={condition}")["value"]] == [
        pytest.approx(3.5)
    ]
    assert companion.get("salesPrices")["value"][0]["salesType"] == "Customer_x0020_Price_x0020_Group"


def test_changed_local_currency_is_shown_everywhere(business_central: ApiClient, steered: Any) -> None:
    steered.control("PUT", "/profile", {"business_central": {"local_currency": "NOK"}})
    try:
        assert business_central.get("companyInformation")["value"][0]["currencyCode"] == "NOK"
        codes = {row["currencyCode"] for row in business_central.get("customers?$select=currencyCode")["value"]}
        assert "NOK" in codes
        assert "EUR" not in codes
    finally:
        steered.control("PUT", "/profile", {"business_central": {"local_currency": "EUR"}})


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ({"stale_tag_status": 412}, (412, "Request_EntityChanged")),
        ({"same_key_status": 409}, (409, "Internal_EntityWithSameKeyExists")),
        ({"missing_row_code": "BadRequest_ResourceNotFound"}, (404, "BadRequest_ResourceNotFound")),
        ({"denied": ["customers"], "denied_status": 400}, (400, "Internal_ServerError")),
    ],
)
def test_unconfirmed_answers_have_their_other_reading(
    business_central: ApiClient, steered: Any, variant: dict[str, Any], expected: tuple[int, str]
) -> None:
    key = business_central.get("customers?$top=1&$select=id")["value"][0]["id"]
    steered.control("PUT", "/profile", {"business_central": variant})
    try:
        match next(iter(variant)):
            case "stale_tag_status":
                refused = business_central.request("PATCH", f"customers({key})", {"city": "X"}, If_Match='W/"JzE="')
            case "same_key_status":
                refused = business_central.request("POST", "customers", {"displayName": "X", "number": "C00010"})
            case "missing_row_code":
                refused = business_central.request("GET", "customers(5a1f0c52-0000-4000-8000-00000000dead)")
            case _:
                refused = business_central.request("GET", f"customers({key})")
        assert business_central.error(refused) == expected
    finally:
        usual = {"stale_tag_status": 409, "same_key_status": 400, "denied": [], "denied_status": 403}
        usual["missing_row_code"] = "Internal_RecordNotFound"
        steered.control("PUT", "/profile", {"business_central": usual})


def test_nested_rows_come_without_expand_when_the_profile_says_so(business_central: ApiClient, steered: Any) -> None:
    steered.control("PUT", "/profile", {"business_central": {"nested_rows_in_answer": True}})
    try:
        body = {"customerNumber": "C00010", "salesOrderLines": [{"description": "A remark"}]}
        answer = business_central.request("POST", "salesOrders", body).json()
        assert [line["description"] for line in answer["salesOrderLines"]] == ["A remark"]
    finally:
        steered.control("PUT", "/profile", {"business_central": {"nested_rows_in_answer": False}})
