"""The request and answer examples of the wire specification, played against the sandbox over TLS."""

import base64
import json
import re
from decimal import Decimal
from typing import Any

import pytest
import requests

from sandbox.datasets.company import COMPANY_ID
from sandbox.identity.clients import GUEST_CLIENT_ID, GUEST_CLIENT_SECRET
from sandbox.identity.tokens import BUSINESS_CENTRAL_AUDIENCE
from tests.sandbox.conftest import ApiClient, get_token
from tests.sandbox.test_business_central_webhooks import Receiver, eventually
from tests.sandbox_process import SandboxServer

ZERO = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def wire(stranger: SandboxServer) -> ApiClient:
    """API v2.0's root; company K00120, item A-100 and resource R-20 of the examples exist."""
    form = {"client_id": GUEST_CLIENT_ID, "client_secret": GUEST_CLIENT_SECRET}
    token = get_token(stranger, f"{BUSINESS_CENTRAL_AUDIENCE}/.default", **form).json()["access_token"]
    root = f"{stranger.url}/v2.0/{stranger.tenant}/{stranger.environment}"
    api = ApiClient(stranger, f"{root}/api/v2.0/", token)
    company = f"companies({COMPANY_ID})"
    for path, body in (
        (
            f"{company}/customers",
            {"number": "K00120", "displayName": "Brattvik Marina", "email": "post@brattvik.example"},
        ),
        (f"{company}/items", {"number": "A-100", "displayName": "Anchor", "unitPrice": 12}),
        (
            f"{root}/ODataV4/Company(Id={COMPANY_ID})/Resource_Card",
            {"No": "R-20", "Name": "Rigger", "Unit_Price": 95.5},
        ),
    ):
        assert api.request("POST", path, body).status_code == 201
    return api


def only(api: ApiClient, path: str) -> dict[str, Any]:
    (row,) = api.get(path)["value"]
    return dict(row)


def test_token_answer_and_its_claims(stranger: SandboxServer) -> None:
    answer = get_token(stranger, f"{BUSINESS_CENTRAL_AUDIENCE}/.default").json()
    assert (answer["token_type"], answer["expires_in"], answer["ext_expires_in"]) == ("Bearer", 3599, 3599)
    payload = answer["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == BUSINESS_CENTRAL_AUDIENCE
    assert claims["tid"] == stranger.tenant
    assert "API.ReadWrite.All" in claims["roles"]


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": "5a1f0c52-0000-4000-8000-00000000dead"}, 400, "unauthorized_client", 700016),
        ({"scope": "nonsense"}, 400, "invalid_scope", 70011),
    ],
)
def test_token_refusals(stranger: SandboxServer, form: dict[str, str], status: int, error: str, number: int) -> None:
    scope = form.pop("scope", f"{BUSINESS_CENTRAL_AUDIENCE}/.default")
    answer = get_token(stranger, scope, **form)
    body = answer.json()
    assert (answer.status_code, body["error"]) == (status, error)
    assert body["error_codes"] == [number]
    assert body["error_description"].startswith("AADSTS")


def test_companies(wire: ApiClient) -> None:
    body = wire.get("companies")
    assert body["@odata.context"] == f"{wire.root}$metadata#companies"
    assert set(body["value"][0]) == {
        "id", "systemVersion", "timestamp", "name", "displayName", "businessProfileId", "systemCreatedAt",
        "systemCreatedBy", "systemModifiedAt", "systemModifiedBy",
    }  # fmt: skip


def test_filtered_read(wire: ApiClient) -> None:
    query = "$filter=lastModifiedDateTime gt 2026-08-01T00:00:00Z&$select=id,number,displayName"
    body = wire.get(f"companies({COMPANY_ID})/customers?{query}")
    assert body["@odata.context"] == f"{wire.root}$metadata#companies({COMPANY_ID})/customers(id,number,displayName)"
    (row,) = body["value"]
    assert list(row) == ["@odata.etag", "id", "number", "displayName"]
    assert re.fullmatch(r'W/"[A-Za-z0-9+/=]+"', row["@odata.etag"])


def test_conditional_update_and_its_refusal(wire: ApiClient) -> None:
    row = only(wire, f"companies({COMPANY_ID})/customers?$filter=number eq 'K00120'")
    path = f"companies({COMPANY_ID})/customers({row['id']})"
    changed = wire.request("PATCH", path, {"phoneNumber": "+47 70 00 00 01"}, If_Match=row["@odata.etag"])
    assert changed.status_code == 200
    assert changed.json()["phoneNumber"] == "+47 70 00 00 01"
    stale = wire.request("PATCH", path, {"phoneNumber": "+47 70 00 00 02"}, If_Match=row["@odata.etag"])
    assert wire.error(stale) == (409, "Request_EntityChanged")
    assert re.search(r"CorrelationId:  [0-9a-f-]{36}\.$", stale.json()["error"]["message"])


def test_deep_insert_of_an_order(wire: ApiClient) -> None:
    body = {
        "customerNumber": "K00120",
        "externalDocumentNumber": "CRM-7781",
        "currencyCode": "EUR",
        "salesOrderLines": [
            {"lineType": "Item", "lineObjectNumber": "A-100", "quantity": 4},
            {"lineType": "Resource", "lineObjectNumber": "R-20", "quantity": 2, "unitPrice": 95.5},
        ],
    }
    made = wire.request("POST", f"companies({COMPANY_ID})/salesOrders?$expand=salesOrderLines", body)
    assert made.status_code == 201
    order = json.loads(made.text, parse_float=Decimal)
    assert [line["sequence"] for line in order["salesOrderLines"]] == [10000, 20000]
    assert order["salesOrderLines"][1]["unitPrice"] == Decimal("95.5")
    assert (order["currencyCode"], order["currencyId"]) == ("EUR", ZERO)
    plain = wire.request("POST", f"companies({COMPANY_ID})/salesOrders", {**body, "externalDocumentNumber": "CRM-7782"})
    assert "salesOrderLines" not in plain.json()


def test_snapshot_batch(wire: ApiClient) -> None:
    item = only(wire, f"companies({COMPANY_ID})/items?$filter=number eq 'A-100'")
    url = f"companies({COMPANY_ID})/items({item['id']})"
    headers = {"Content-Type": "application/json", "If-Match": "*"}
    requests_ = [
        {"id": "1", "method": "PATCH", "url": url, "headers": headers, "body": {"unitPrice": 12.5}},
        {"id": "2", "method": "GET", "url": f"{url}?$select=id,unitPrice", "headers": {}},
    ]
    answer = wire.request("POST", "$batch", {"requests": requests_}, Isolation="snapshot")
    first, second = answer.json()["responses"]
    assert (first["id"], first["status"], second["id"], second["status"]) == ("1", 200, "2", 200)
    assert second["body"]["unitPrice"] == 12.5
    assert second["headers"]["odata-version"] == "4.0"


def test_page_service_row(wire: ApiClient) -> None:
    root = wire.root.removesuffix("api/v2.0/")
    row = wire.get(f"{root}ODataV4/Company(Id={COMPANY_ID})/Resource_Card('R-20')")
    company = "Company('Nordhavn%20Trading')"
    assert row["@odata.context"] == f"{root}ODataV4/$metadata#{company}/Resource_Card/$entity"
    assert (row["No"], row["Type"], row["Unit_Price"], row["Blocked"]) == ("R-20", "Person", Decimal("95.5"), False)
    assert "id" not in row
    assert "lastModifiedDateTime" not in row


def test_bound_action_without_body(wire: ApiClient) -> None:
    order = only(wire, f"companies({COMPANY_ID})/salesOrders?$filter=externalDocumentNumber eq 'CRM-7781'")
    path = f"companies({COMPANY_ID})/salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice"
    acted = wire.request("POST", path)
    assert (acted.status_code, acted.content) == (204, b"")
    invoice = only(wire, f"companies({COMPANY_ID})/salesInvoices?$filter=orderNumber eq '{order['number']}'")
    assert invoice["orderId"] == order["id"]
    shipment = only(wire, f"companies({COMPANY_ID})/salesShipments?$filter=orderNumber eq '{order['number']}'")
    assert shipment["externalDocumentNumber"] == "CRM-7781"


def test_bearer_problems(wire: ApiClient) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic dXNlcjprZXk="}):
        answer = requests.get(f"{wire.root}companies", headers=headers, verify=wire.server.ca_file, timeout=30)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Authentication_InvalidCredentials")


def test_addresses_of_companies_and_environments(wire: ApiClient, stranger: SandboxServer) -> None:
    environments = wire.get(f"{stranger.url}/environments/v1.2")["value"]
    assert stranger.environment in {row["name"].lower() for row in environments}
    short = f"{stranger.url}/v2.0/{stranger.environment}/api/v2.0"
    name = stranger.company
    for path in (f"{short}/companies({COMPANY_ID})/customers", f"{short}/customers?company={COMPANY_ID}"):
        assert wire.get(path)["value"]
    assert wire.get(f"{short}/customers?company={name}")["value"]
    pages = f"{stranger.url}/v2.0/{stranger.tenant}/{stranger.environment}/ODataV4"
    for path in (f"Company('{name}')/Resource_Card", f"Company(Id={COMPANY_ID})/Resource_Card"):
        assert wire.get(f"{pages}/{path}")["value"]
    assert wire.get(f"{pages}/Resource_Card?company='{name}'")["value"]
    missing = wire.request("GET", f"{stranger.url}/v2.0/{stranger.tenant}/nowhere/api/v2.0/companies")
    assert wire.error(missing) == (404, "NoEnvironment")
    assert wire.error(wire.request("POST", "companies", {"name": "Second"})) == (405, "BadRequest_MethodNotAllowed")
    unknown = wire.request("GET", "companies(5a1f0c52-0b7e-4f0e-9c56-00000000dead)/customers")
    assert wire.error(unknown) == (404, "Internal_CompanyNotFound")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("$filter=number eq 'A' or displayName eq 'B'", 501, "BadRequest_MethodNotImplemented"),
        ("$filter=nothing eq 1", 400, "BadRequest"),
        ("$filter=number eq", 400, "BadRequest"),
        ("$search=x", 501, "BadRequest_MethodNotImplemented"),
        ("$apply=groupby((number))", 501, "BadRequest_MethodNotImplemented"),
        ("$compute=number as x", 501, "BadRequest_MethodNotImplemented"),
    ],
)
def test_refused_query_options(wire: ApiClient, query: str, status: int, code: str) -> None:
    answer = wire.request("GET", f"companies({COMPANY_ID})/customers?{query}")
    assert wire.error(answer) == (status, code)


@pytest.mark.parametrize(
    "query",
    [
        "$filter=blocked eq '_x0020_'",
        "$filter=lastModifiedDateTime gt 2026-08-01T10:00:00.123Z",
        "$filter=startswith(tolower(displayName),'bratt')&$schemaversion=2.1",
        "$filter=tolower(displayName) eq 'brattvik marina'",
        "$filter=(number eq 'K00120' or number eq 'K00121') and blocked eq '_x0020_'",
        "$filter=currencyId eq 00000000-0000-0000-0000-000000000000",
        "$expand=currency,paymentTerm&$orderby=displayName desc,number&$top=1",
    ],
)
def test_query_options_of_the_specification(wire: ApiClient, query: str) -> None:
    (row,) = wire.get(f"companies({COMPANY_ID})/customers?{query}")["value"]
    assert row["number"] == "K00120"


def test_pages_counts_and_dead_tokens(wire: ApiClient) -> None:
    path = f"companies({COMPANY_ID})/paymentTerms"
    count = wire.request("GET", f"{path}/$count")
    assert count.headers["Content-Type"].startswith("text/plain")
    page = wire.get(path, Prefer="odata.maxpagesize=1")
    assert "aid=" in page["@odata.nextLink"]
    assert "$skiptoken=" in page["@odata.nextLink"]
    assert "@odata.nextLink" not in wire.get(f"{path}?$top=1")
    dead = re.sub(r"skiptoken=.*", "skiptoken=3f0d7c1e-8a52-4c7b-b1c9-00000000dead", page["@odata.nextLink"])
    assert wire.error(wire.request("GET", dead)) == (400, "SkipTokenIsNoLongerValid")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"displayName": "x" * 101}, "Application_StringExceededLength"),
        ({"displayName": "A", "paymentTermsId": "nonsense"}, "Application_InvalidGUID"),
        ({"displayName": "A", "blocked": "Sometimes"}, "Unknown"),
        ({"displayName": "A", "country": "QQ"}, "Internal_InvalidTableRelation"),
        ({"displayName": "A", "taxLiable": None}, "BadRequest_RequiredParamNotProvided"),
        ({"displayName": "A", "nothing": 1}, "BadRequest"),
        ({"number": "k00120", "displayName": "A"}, "Internal_EntityWithSameKeyExists"),
    ],
)
def test_refusals_of_writes(wire: ApiClient, body: dict[str, Any], code: str) -> None:
    answer = wire.request("POST", f"companies({COMPANY_ID})/customers", body)
    assert wire.error(answer) == (400, code)


def test_conditions_preferences_and_read_intent(wire: ApiClient) -> None:
    made = wire.request("POST", f"companies({COMPANY_ID})/customers", {"displayName": "Brief"})
    path = f"companies({COMPANY_ID})/customers({made.json()['id']})"
    assert wire.error(wire.request("PATCH", path, {"city": "Bodø"})) == (400, "BadRequest_InvalidToken")
    assert wire.request("PATCH", path, {"city": "Bodø"}, If_Match="*").status_code == 200
    readonly = wire.request("PATCH", path, {"city": "Bodø"}, If_Match="*", Data_Access_Intent="ReadOnly")
    assert readonly.status_code == 400
    assert wire.request("GET", path, Data_Access_Intent="ReadOnly").status_code == 200
    assert "@odata.deltaLink" not in wire.get(f"companies({COMPANY_ID})/customers", Prefer="odata.track-changes")
    assert wire.request("DELETE", path).status_code == 204
    quiet = wire.request(
        "POST", f"companies({COMPANY_ID})/customers", {"displayName": "Quiet"}, Prefer="return-no-content"
    )
    assert (quiet.status_code, quiet.content) == (204, b"")
    assert wire.request("GET", path).status_code == 404


def test_batch_limit(wire: ApiClient) -> None:
    read = {"method": "GET", "url": f"companies({COMPANY_ID})/paymentTerms?$top=1", "headers": {}}
    operations = [{"id": str(number), **read} for number in range(101)]
    assert wire.error(wire.request("POST", "$batch", {"requests": operations})) == (500, "Unknown")
    whole = wire.request("POST", "$batch", {"requests": operations[:100]}).json()["responses"]
    assert {item["status"] for item in whole} == {200}


def test_keys_of_pages_and_metadata_of_services(wire: ApiClient) -> None:
    root = wire.root.removesuffix("api/v2.0/")
    pages = f"{root}ODataV4/Company(Id={COMPANY_ID})"
    header = {"Code": "SUMMER", "Description": "Summer", "SourceType": "All Customers"}
    assert wire.request("POST", f"{pages}/Sales_Price_List", header).status_code == 201
    line = {"Price_List_Code": "SUMMER", "Asset_Type": "Item", "Product_No": "A-100", "Unit_Price": 9.5}
    assert wire.request("POST", f"{pages}/Sales_Price_ListLines", line).status_code == 201
    address = "Sales_Price_ListLines(Price_List_Code='SUMMER',Line_No=10000)"
    assert wire.get(f"{pages}/{address}")["Unit_Price"] == Decimal("9.5")
    assert len(wire.get(f"{pages}/Sales_Price_List('SUMMER')/Sales_Price_ListLines")["value"]) == 1
    for service, namespace in (("api/v2.0", "Microsoft.NAV"), ("ODataV4", "NAV")):
        text = wire.request("GET", f"{root}{service}/$metadata").text
        assert f'Namespace="{namespace}"' in text
    assert wire.get(f"{root}api/v2.0/entityDefinitions")["value"]


def test_subscription_its_renewal_and_notification(wire: ApiClient, stranger: SandboxServer) -> None:
    profile = {"webhook_delay_seconds": 0}
    stranger.control("PUT", "/profile", {"business_central": profile})
    hook = Receiver()
    try:
        resource = f"/api/v2.0/companies({COMPANY_ID})/customers"
        body = {"notificationUrl": hook.url, "resource": resource, "clientState": "k7-secret"}
        made = wire.request("POST", "subscriptions", body)
        assert made.status_code == 201
        row = made.json()
        assert hook.handshakes == 1
        renewed = wire.request("PATCH", f"subscriptions('{row['subscriptionId']}')", body, If_Match=row["@odata.etag"])
        assert (renewed.status_code, hook.handshakes) == (200, 2)
        customer = only(wire, f"companies({COMPANY_ID})/customers?$filter=number eq 'K00120'")
        wire.request("PATCH", f"companies({COMPANY_ID})/customers({customer['id']})", {"city": "Oslo"}, If_Match="*")
        eventually(lambda: bool(hook.notifications))
        (entry,) = hook.notifications
        assert entry["resource"] == f"api/v2.0/companies({COMPANY_ID})/customers({customer['id']})"
        assert (entry["clientState"], entry["changeType"]) == ("k7-secret", "updated")
        assert set(entry) == {
            "subscriptionId", "clientState", "expirationDateTime", "resource", "changeType", "lastModifiedDateTime",
        }  # fmt: skip
        gone = wire.request("DELETE", f"subscriptions('{row['subscriptionId']}')", If_Match="*")
        assert gone.status_code == 204
    finally:
        hook.close()
        stranger.control("PUT", "/profile", {"business_central": {"webhook_delay_seconds": 30}})
    runtime = wire.root.replace("api/v2.0/", "api/microsoft/runtime/beta/")
    listed = wire.get(f"{runtime}companies({COMPANY_ID})/webhookSupportedResources?$filter=resource eq 'v2.0*'")
    assert {"resource": "v2.0/customers"} in listed["value"]
