"""The request and response examples of the wire specification for Dataverse, sent as they stand there."""

import re
from typing import Any

import pytest

from tests.sandbox.conftest import ApiClient, sales, sales_token
from tests.sandbox_process import SandboxServer

__all__ = ["sales", "sales_token"]

METADATA_READS = (
    "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute&$filter=LogicalName eq 'account'",
    "EntityDefinitions?$select=EntitySetName,LogicalName",
    "EntityDefinitions?$select=SchemaName&$filter=ChangeTrackingEnabled eq true",
    "EntityDefinitions(LogicalName='account')?$select=IsOptimisticConcurrencyEnabled,ChangeTrackingEnabled",
    "EntityDefinitions(LogicalName='account')/Attributes?$select=LogicalName,AttributeType,RequiredLevel"
    "&$filter=LogicalName eq 'name'",
    "EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    "?$select=LogicalName&$expand=OptionSet($select=Options)",
    "EntityDefinitions(LogicalName='account')/Keys",
    "EntityDefinitions(LogicalName='contact')/ManyToOneRelationships"
    "?$select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName",
)
FILTERS = (
    "accounts?$select=name,revenue&$filter=statecode eq 0&$orderby=name asc,createdon desc&$top=50",
    "accounts?$filter=Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=['K-100','K-200'])",
    "contacts?$filter=Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)"
    '&@p1=\'lastname\'&@p2=["O\'Brian","Ng"]',
    "accounts?$filter=Microsoft.Dynamics.CRM.OnOrAfter(PropertyName='modifiedon',PropertyValue='2025-03-01')",
    "accounts?$filter=Microsoft.Dynamics.CRM.LastXHours(PropertyName='modifiedon',PropertyValue=4)",
    "accounts?$filter=primarycontactid/fullname eq 'x'",
    "salesorders?$filter=order_details/any(d:d/quantity gt 5)",
    "accounts?$filter=name eq @n&@n='x'",
    "accounts?$filter=createdon ge 2025-03-01T00:00:00Z",
    "salesorders?$expand=customerid_account($select=name),"
    "order_details($select=quantity;$filter=quantity gt 0;$orderby=lineitemnumber;$top=10)",
    "sdkmessagefilters?$select=sdkmessagefilterid"
    "&$filter=sdkmessageid/name eq 'CreateMultiple' and primaryobjecttypecode eq 'account'",
    "sdkmessages?$filter=name eq 'Update'",
)
BATCH = """--batch_7c1
Content-Type: multipart/mixed; boundary="changeset_a1"

--changeset_a1
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

POST {api}accounts HTTP/1.1
Content-Type: application/json; type=entry

{{"name":"Adatum Ltd"}}
--changeset_a1
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

POST {api}contacts HTTP/1.1
Content-Type: application/json; type=entry

{{"lastname":"Ng","parentcustomerid_account@odata.bind":"$1"}}
--changeset_a1--

--batch_7c1
Content-Type: application/http
Content-Transfer-Encoding: binary

GET /api/data/v9.2/accounts?$select=name&$top=3 HTTP/1.1
Accept: application/json

--batch_7c1--
"""


@pytest.fixture(scope="module")
def empty_server(sandbox_server: SandboxServer) -> SandboxServer:
    sandbox_server.reset("empty")
    return sandbox_server


@pytest.mark.parametrize("path", [*METADATA_READS, *FILTERS])
def test_reads_of_the_specification_are_answered(sales: ApiClient, path: str) -> None:
    assert "value" in (body := sales.get(path)) or body["MetadataId"]


def test_service_document_and_functions(sales: ApiClient) -> None:
    assert {"name": "accounts", "kind": "EntitySet", "url": "accounts"} in sales.get("")["value"]
    for form in ("WhoAmI", "WhoAmI()"):
        assert set(sales.get(form)) == {"@odata.context", "BusinessUnitId", "UserId", "OrganizationId"}
    assert sales.get("RetrieveVersion")["Version"].startswith("9.2.")
    assert sales.request("POST", "WhoAmI", {}).status_code == 404
    sales.get('RetrieveTotalRecordCount(EntityNames=@p)?@p=["account","contact"]')


def test_missing_token_is_challenged(sales: ApiClient) -> None:
    response = sales.session.get(f"{sales.root}accounts", timeout=30)
    assert response.status_code == 401
    challenge = response.headers["WWW-Authenticate"]
    assert re.fullmatch(r"Bearer authorization_uri=[^,\"]+, resource_id=[^,\"]+/", challenge)


def test_create_with_a_lookup_and_read_annotated(sales: ApiClient) -> None:
    contact = sales.create("contacts", {"firstname": "Ana", "lastname": "Ng"})
    body: dict[str, Any] = {
        "name": "Adatum Ltd",
        "customertypecode": 3,
        "creditlimit": 5000,
        "primarycontactid@odata.bind": f"/contacts({contact})",
    }
    made = sales.request("POST", "accounts", body)
    assert made.status_code == 204
    assert made.headers["OData-EntityId"] == made.headers["Location"]
    path = made.headers["OData-EntityId"]
    row = sales.get(f"{path}?$select=creditlimit,_primarycontactid_value", Prefer='odata.include-annotations="*"')
    assert str(row["creditlimit"]) == "5000.0000"
    assert row["_primarycontactid_value@OData.Community.Display.V1.FormattedValue"] == "Ana Ng"
    assert row["_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "contact"
    names = list(row)
    assert names.index("creditlimit@OData.Community.Display.V1.FormattedValue") < names.index("creditlimit")


def test_batch_of_the_specification(sales: ApiClient) -> None:
    raw = BATCH.format(api=sales.root).replace("\n", "\r\n")
    answer = sales.request("POST", "$batch", raw=raw, Content_Type='multipart/mixed; boundary="batch_7c1"')
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert answer.text.startswith("--batchresponse_")
    assert answer.text.count("HTTP/1.1 204 No Content") == 2
    assert answer.text.count("HTTP/1.1 200 OK") == 1
    assert "boundary=changesetresponse_" in answer.text
    contact = sales.get("contacts?$filter=lastname eq 'Ng' and firstname eq null&$expand=parentcustomerid_account")
    assert contact["value"][0]["parentcustomerid_account"]["name"] == "Adatum Ltd"


def test_create_multiple_and_changes_since(sales: ApiClient) -> None:
    first = sales.get("accounts?$select=name,accountnumber", Prefer="odata.track-changes")
    typed = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    answer = sales.request(
        "POST",
        "accounts/Microsoft.Dynamics.CRM.CreateMultiple",
        {"Targets": [{**typed, "name": "A"}, {**typed, "name": "B"}]},
    )
    created = answer.json()
    assert created["@odata.context"].endswith("$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse")
    assert sales.request("DELETE", f"accounts({created['Ids'][1]})").status_code == 204
    delta = sales.get(first["@odata.deltaLink"])
    assert delta["@odata.context"].endswith("/$metadata#accounts(name,accountnumber)/$delta")
    kept, gone = delta["value"]
    assert (kept["accountid"], kept["name"], kept["accountnumber"]) == (created["Ids"][0], "A", None)
    assert (gone["id"], gone["reason"]) == (created["Ids"][1], "deleted")
    assert gone["@odata.context"].endswith("$metadata#accounts/$deletedEntity")


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "accounts(00000000-0000-0000-0000-000000000001)", None, (404, "0x80040217")),
        ("GET", "Account", None, (404, "0x8006088a")),
        ("GET", "accounts?$select=Name", None, (400, "0x80060888")),
        ("GET", "accounts(accountnumber='K-100')", None, (400, "0x80060890")),
        ("POST", "accounts", {"nosuch": 1}, (400, "0x80048d19")),
        ("POST", "accounts", {"name": "x" * 161}, (400, "0x80044331")),
        ("POST", "accounts", {"name": "x", "statecode": 1}, (400, "0x80048408")),
        ("PATCH", "accounts", {"name": "x"}, (405, "0x80040227")),
    ],
)
def test_errors_of_the_specification(
    sales: ApiClient, method: str, path: str, body: Any, expected: tuple[int, str]
) -> None:
    assert sales.error(sales.request(method, path, body)) == expected
