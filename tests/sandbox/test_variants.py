"""Answers that public sources leave open: each reading that the profile offers is really given."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox.conftest import ApiClient
from tests.sandbox_process import SandboxServer

Choose = Callable[..., None]


@pytest.fixture(scope="module", autouse=True)
def _fresh(empty_server: SandboxServer) -> None:
    empty_server.reset("empty")


@pytest.fixture
def choose(empty_server: SandboxServer) -> Iterator[Choose]:
    """Sets profile values of one system and takes them back afterwards."""
    before = empty_server.control("GET", "/profile")

    def change(system: str, **values: Any) -> None:
        empty_server.control("PUT", "/profile", {system: values})

    yield change
    empty_server.control("PUT", "/profile", before)


def numbers(rows: dict[str, Any], name: str = "name") -> list[Any]:
    return [row[name] for row in rows["value"]]


# -- Sales


@pytest.fixture
def account(sales: ApiClient) -> str:
    return f"accounts({sales.create('accounts', {'name': 'Variant'})})"


@pytest.fixture
def order(sales: ApiClient, account: str) -> str:
    body = {"name": "Variant", "customerid_account@odata.bind": f"/{account}"}
    return f"salesorders({sales.create('salesorders', body)})"


WRITE_IN = {"isproductoverridden": True, "productdescription": "Work", "quantity": 1, "priceperunit": 2.345}


def test_text_comparisons(sales: ApiClient, choose: Choose) -> None:
    for name in ("Café 100", "Cafe 100", "Cafe 1_0"):
        sales.create("accounts", {"name": name})
    accented = "accounts?$select=name&$orderby=name&$filter=name eq 'café 100'"
    like = "accounts?$select=name&$orderby=name&$filter=name eq 'cafe 1_0'"
    assert numbers(sales.get(accented)) == ["Café 100"]
    assert numbers(sales.get(like)) == ["Cafe 100", "Cafe 1_0"]
    choose("sales", eq_wildcards=False)
    assert numbers(sales.get(like)) == ["Cafe 1_0"]
    choose("sales", heeds_accents=False)
    assert len(numbers(sales.get(accented))) == 2
    assert len(numbers(sales.get("accounts?$select=name&$filter=startswith(name,'cafê')"))) == 3


def test_bodies(sales: ApiClient, account: str, choose: Choose) -> None:
    def patch(**values: Any) -> Any:
        return sales.request("PATCH", account, values)

    patch(telephone1="")
    assert sales.get(account)["telephone1"] is None
    assert patch(createdon="2020-01-01T00:00:00Z").status_code == 204
    choose("sales", empty_text_is_null=False, refuses_read_only=True, refuses_state_on_create=False)
    patch(telephone1="")
    assert sales.get(account)["telephone1"] == ""
    assert sales.error(patch(createdon="2020-01-01T00:00:00Z")) == (400, "0x80048d19")
    made = sales.create("accounts", {"name": "Born inactive", "statecode": 1})
    assert sales.get(f"accounts({made})")["statecode"] == 0


def test_codes_and_statuses(sales: ApiClient, account: str, order: str, choose: Choose) -> None:
    del order
    assert sales.error(sales.request("DELETE", account)) == (405, "0x80040227")
    choose("sales", restricted_delete_status=400, syntax_error_code="0x0", expired_delta_status=410)
    assert sales.error(sales.request("DELETE", account)) == (400, "0x80040227")
    assert sales.error(sales.request("GET", "accounts?$filter=Name eq 'x'")) == (400, "0x0")
    old = "accounts?$select=name&$deltatoken=1%2101%2f01%2f2001%2000%3a00%3a00"
    assert sales.error(sales.request("GET", old)) == (410, "0x80044352")


def test_states(sales: ApiClient, order: str, choose: Choose) -> None:
    cancel = {"statecode": 2, "statuscode": 4}
    assert sales.error(sales.request("PATCH", order, cancel)) == (400, "0x80048408")
    choose("sales", columns_before_state=False, patch_to_invoiced=False, closed_line_code="0x8004022e")
    both = sales.request("PATCH", order, {"statecode": 1, "description": "Late"})
    assert sales.error(both) == (400, "0x8004022e")
    assert sales.request("PATCH", order, {"statecode": 1}).status_code == 204
    line = sales.request("POST", "salesorderdetails", {**WRITE_IN, "salesorderid@odata.bind": f"/{order}"})
    assert sales.error(line) == (400, "0x8004022e")
    invoiced = sales.request("PATCH", order, {"statecode": 4, "statuscode": 100003})
    assert sales.error(invoiced) == (400, "0x80048408")
    choose("sales", patch_to_closed=True)
    assert sales.request("PATCH", order, cancel).status_code == 204


def test_actions_that_may_be_elsewhere(sales: ApiClient, order: str, choose: Choose) -> None:
    body = {"OrderClose": {"subject": "Done", "salesorderid@odata.bind": f"/{order}"}, "Status": 100001}
    choose("sales", fulfill_binding="bound", invoice_price_lock=False)
    assert sales.request("POST", "FulfillSalesOrder", body).status_code == 404
    bound = sales.request("POST", "salesorders/Microsoft.Dynamics.CRM.FulfillSalesOrder", body)
    assert bound.status_code == 204, bound.text
    assert sales.request("POST", "UnlockInvoicePricing", {"InvoiceId": order}).status_code == 404


def test_prices(sales: ApiClient, order: str, choose: Choose) -> None:
    def extended(quantity: int) -> Any:
        body = {**WRITE_IN, "quantity": quantity, "priceperunit": 0.5, "tax": 0.005}
        key = sales.create("salesorderdetails", {**body, "salesorderid@odata.bind": f"/{order}"})
        return sales.get(f"salesorderdetails({key})")["tax"]

    assert float(extended(1)) == 0.01
    choose("sales", rounds_half_even=True)
    assert float(extended(1)) == 0


def test_products(sales: ApiClient, order: str, choose: Choose) -> None:
    unit = sales.get("uoms?$filter=isschedulebaseuom eq true")["value"][0]
    product = sales.create(
        "products",
        {
            "name": "Boat",
            "productnumber": "BOAT-1",
            "defaultuomid@odata.bind": f"/uoms({unit['uomid']})",
            "defaultuomscheduleid@odata.bind": f"/uomschedules({unit['_uomscheduleid_value']})",
        },
    )
    address = f"products({product})"
    assert sales.request("PATCH", address, {"statecode": 0, "statuscode": 1}).status_code == 204
    choose("sales", active_products_editable=False, price_list_required=True)
    assert sales.error(sales.request("PATCH", address, {"name": "Ship"})) == (400, "0x8004022e")
    line = {
        "salesorderid@odata.bind": f"/{order}",
        "productid@odata.bind": f"/{address}",
        "uomid@odata.bind": f"/uoms({unit['uomid']})",
        "quantity": 1,
    }
    assert sales.error(sales.request("POST", "salesorderdetails", line)) == (400, "0x80043b12")


# -- Business Central


def test_filters(business_central: ApiClient, choose: Choose) -> None:
    computed = "customers?$filter=taxAreaDisplayName eq ''&$orderby=taxAreaDisplayName"
    blank = "customers?$filter=blocked eq '_x0020_'"
    assert business_central.error(business_central.request("GET", computed)) == (400, "BadRequest")
    assert business_central.request("GET", blank).status_code == 200
    choose("business_central", computed_filters=True, blank_enum_filter=False, unsupported_option_status=400)
    assert business_central.request("GET", computed).status_code == 200
    assert business_central.error(business_central.request("GET", blank)) == (400, "Application_FilterErrorException")
    assert business_central.error(business_central.request("GET", "customers?$search=x")) == (400, "BadRequest")
    business_central.request("POST", "paymentMethods", {"code": "CAFE", "displayName": "Café"})
    choose("business_central", heeds_accents=False)
    found = business_central.get("paymentMethods?$filter=displayName eq 'cafe'")
    assert numbers(found, "code") == ["CAFE"]


def test_writes(business_central: ApiClient, choose: Choose) -> None:
    own = "5a1f0c52-0000-4000-8000-0000000000aa"
    choose(
        "business_central",
        null_text_refused=True,
        posted_ids_kept=True,
        etag_header=False,
        location_header=False,
        if_match_required=True,
    )
    null = business_central.request("POST", "customers", {"displayName": "Variant", "city": None})
    assert business_central.error(null) == (400, "BadRequest_RequiredParamNotProvided")
    made = business_central.request("POST", "customers", {"id": own, "displayName": "Variant"})
    assert made.json()["id"] == own
    assert not {"ETag", "Location"} & set(made.headers)
    bare = business_central.request("DELETE", f"customers({own})")
    assert business_central.error(bare) == (400, "BadRequest_InvalidToken")
    assert business_central.request("DELETE", f"customers({own})", If_Match="*").status_code == 204


def test_batches(business_central: ApiClient, choose: Choose, steered: SandboxServer) -> None:
    root = business_central.root.partition("companies(")[0]
    missing = {"id": "1", "method": "GET", "url": "customers(5a1f0c52-0000-4000-8000-00000000dead)"}
    body = {"requests": [missing, {"id": "2", "method": "GET", "url": "customers?$top=1", "dependsOn": ["1"]}]}
    carry_on = {"Prefer": "odata.continue-on-error"}

    def statuses() -> list[int]:
        answer = business_central.request("POST", f"{root}$batch", body, **carry_on)
        return [part["status"] for part in answer.json()["responses"]]

    assert statuses() == [404, 424]
    choose("business_central", depends_on=False, batch_operations_count=True)
    assert statuses() == [404, 200]
    steered.control("PUT", "/limits", {"business_central": {"requests_per_5_minutes": 2}})
    assert business_central.request("POST", f"{root}$batch", body, **carry_on).status_code == 200
    assert business_central.request("GET", "customers?$top=1").status_code == 429


def test_maintenance_and_names_on_pages(business_central: ApiClient, choose: Choose) -> None:
    environment = business_central.root.partition("/api/v2.0")[0]
    page = f"{environment}/ODataV4/Resource_Card"
    resource = {"No": "VARIANT", "Name": "Rigger", "Base_Unit_of_Measure": "HOUR"}
    assert business_central.request("POST", page, resource).status_code == 201
    order_page = f"{environment}/ODataV4/Sales_Receivables_Setup"
    shown = business_central.get(order_page)["value"][0]["Price_Calculation_Method"]
    choose("business_central", enum_names_on_pages=True)
    named = business_central.get(order_page)["value"][0]["Price_Calculation_Method"]
    assert (shown, named) == ("Lowest Price", "Lowest_x0020_Price")
    choose("business_central", maintenance=True)
    assert business_central.error(business_central.request("GET", "customers")) == (503, "Internal_TenantUnavailable")
