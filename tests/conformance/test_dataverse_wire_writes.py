"""The writing examples of the wire specification for Dataverse: tokens, keys, lookups, links, bulk messages, actions,
paging and webhooks. The reading ones are in test_dataverse_wire.py."""

import re
from typing import Any

import pytest

from tests.conformance.test_dataverse_wire import empty_server
from tests.sandbox.conftest import ApiClient, get_token, sales, sales_token
from tests.sandbox.test_dataverse_webhooks import HEADER_KEY, Receiver, receiver, register
from tests.sandbox_process import SandboxServer

__all__ = ["empty_server", "receiver", "sales", "sales_token"]

TYPED = {"@odata.type": "Microsoft.Dynamics.CRM.account"}


@pytest.fixture(scope="module")
def keys(empty_server: SandboxServer, sales_token: str) -> ApiClient:
    """Keys of the examples: accountnumber, a name with an address, a lookup."""
    api = ApiClient(empty_server, f"{empty_server.url}/api/data/v9.2/", sales_token)
    for table, name, columns in (
        ("account", "new_number", ["accountnumber"]),
        ("account", "new_contact", ["primarycontactid"]),
        ("contact", "new_person", ["firstname", "emailaddress1"]),
    ):
        body = {"SchemaName": name, "KeyAttributes": columns}
        assert api.request("POST", f"EntityDefinitions(LogicalName='{table}')/Keys", body).status_code == 204
    return api


def test_token_of_the_specification(empty_server: SandboxServer) -> None:
    answer = get_token(empty_server, f"{empty_server.url}/.default").json()
    assert set(answer) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    wrong = get_token(empty_server, f"{empty_server.url}/.default", client_secret="no")
    body = wrong.json()
    assert (wrong.status_code, body["error"], body["error_codes"]) == (401, "invalid_client", [7000215])
    assert {"error_description", "timestamp", "trace_id", "correlation_id"} <= set(body)


def test_forms_of_addresses(keys: ApiClient) -> None:
    contact = keys.create("contacts", {"firstname": "Ana", "emailaddress1": "a@example.org", "lastname": "Ng"})
    body = {"name": "O'Brian", "accountnumber": "K-100", "primarycontactid@odata.bind": f"/contacts({contact})"}
    account = keys.create("accounts", body)
    for path in (
        f"accounts({account})",
        f"accounts(accountid={account})",
        "accounts(accountnumber='K-100')",
        f"accounts(_primarycontactid_value={contact})",
    ):
        assert keys.get(path)["accountid"] == account, path
    for path in (
        "contacts(firstname='Ana',emailaddress1='a@example.org')",
        "contacts(emailaddress1='a@example.org',firstname='Ana')",
    ):
        assert keys.get(path)["contactid"] == contact, path
    upserted = keys.request("PATCH", "accounts(accountnumber='K-200')", {"name": "New"})
    assert upserted.headers["OData-EntityId"].endswith("accounts(accountnumber='K-200')")
    again = keys.request("POST", "accounts", {"name": "Twice", "accountnumber": "K-100"})
    assert keys.error(again) == (412, "0x80060892")


def test_lookups_are_bound_cleared_and_linked(sales: ApiClient) -> None:
    contact = sales.create("contacts", {"lastname": "Bound"})
    account = sales.create("accounts", {"name": "Binder"})
    path = f"accounts({account})"

    def lookup() -> Any:
        return sales.get(f"{path}?$select=_primarycontactid_value")["_primarycontactid_value"]

    for value in (f"/contacts({contact})", f"contacts({contact})", f"{sales.root}contacts({contact})"):
        assert sales.request("PATCH", path, {"primarycontactid@odata.bind": value}).status_code == 204
        assert lookup() == contact
        assert sales.request("PATCH", path, {"primarycontactid@odata.bind": None}).status_code == 204
        assert lookup() is None
    target = {"@odata.id": f"{sales.root}contacts({contact})"}
    assert sales.request("PUT", f"{path}/primarycontactid/$ref", target).status_code == 204
    assert lookup() == contact
    assert sales.request("DELETE", f"{path}/primarycontactid/$ref").status_code == 204
    members = f"{path}/contact_customer_accounts"
    for removal in (f"{members}({contact})/$ref", f"{members}/$ref?$id={sales.root}contacts({contact})"):
        assert sales.request("POST", f"{members}/$ref", target).status_code == 204
        assert len(sales.get(members)["value"]) == 1
        assert sales.request("DELETE", removal).status_code == 204
        assert sales.get(members)["value"] == []
    missing = {"primarycontactid@odata.bind": "/contacts(00000000-0000-4000-8000-000000000123)"}
    assert sales.error(sales.request("PATCH", path, missing)) == (404, "0x80040217")


def test_one_column_and_conditions(sales: ApiClient) -> None:
    account = sales.create("accounts", {"name": "Conditions", "telephone1": "1"})
    path = f"accounts({account})"
    assert sales.request("PUT", f"{path}/name", {"value": "x"}).status_code == 204
    assert sales.request("DELETE", f"{path}/telephone1").status_code == 204
    row = sales.get(f"{path}?$select=name,telephone1")
    assert (row["name"], row["telephone1"]) == ("x", None)
    assert sales.request("GET", f"{path}?$select=name", If_None_Match=row["@odata.etag"]).status_code == 304
    stale = sales.request("PATCH", path, {"name": "y"}, If_Match='W/"1"')
    assert sales.error(stale) == (412, "0x80060882")
    there = sales.request("PATCH", path, {"name": "y"}, If_None_Match="*")
    assert sales.error(there) == (412, "0x80040237")
    absent = sales.request("PATCH", "accounts(00000000-0000-4000-8000-000000000777)", {"name": "y"}, If_Match="*")
    assert sales.error(absent) == (404, "0x80040217")


def test_annotations_of_an_order(sales: ApiClient) -> None:
    account = sales.create("accounts", {"name": "Adatum Ltd"})
    line = {"isproductoverridden": True, "productdescription": "Work", "quantity": 1, "priceperunit": 1250}
    body = {"name": "Order", "customerid_account@odata.bind": f"/accounts({account})", "order_details": [line]}
    order = sales.create("salesorders", body)
    select = "$select=_customerid_value,totalamount"
    text = sales.request("GET", f"salesorders({order})?{select}", Prefer='odata.include-annotations="*"').text
    example = (
        '"_customerid_value@OData.Community.Display.V1.FormattedValue":"Adatum Ltd",'
        '"_customerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty":"customerid_account",'
        '"_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"account",'
        f'"_customerid_value":"{account}",'
        '"totalamount@OData.Community.Display.V1.FormattedValue":"€1,250.00",'
        '"totalamount":1250.0000'
    )
    assert example in text


def test_pages_and_bulk_messages(keys: ApiClient) -> None:
    targets = [{**TYPED, "name": f"Page {number}"} for number in range(5)]
    made = keys.request("POST", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets}).json()["Ids"]
    page = keys.get("accounts?$select=name", Prefer="odata.maxpagesize=3")
    link = page["@odata.nextLink"]
    begin = r"\$skiptoken=%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253ccookie"
    assert re.search(begin + r".+%22%20istracking=%22False%22%20/%3E$", link)
    assert keys.get(link, Prefer="odata.maxpagesize=3")["value"]
    changed = [{**TYPED, "accountid": key, "telephone1": "7"} for key in made]
    update = keys.request("POST", "accounts/Microsoft.Dynamics.CRM.UpdateMultiple", {"Targets": changed})
    assert (update.status_code, update.content) == (204, b"")
    upserts = [{**TYPED, "@odata.id": "accounts(accountnumber='K-900')", "name": "By key"}]
    upsert = keys.request("POST", "accounts/Microsoft.Dynamics.CRM.UpsertMultiple", {"Targets": upserts})
    assert upsert.status_code == 204
    assert keys.get("accounts(accountnumber='K-900')")["name"] == "By key"


def test_actions_and_posts(sales: ApiClient) -> None:
    account = sales.create("accounts", {"name": "Actor"})
    customer = {"customerid_account@odata.bind": f"/accounts({account})"}
    order = sales.create("salesorders", {"name": "Delivered", **customer})
    post = {
        "text": "Shipped",
        "source": 2,
        "type": 7,
        "regardingobjectid_salesorder@odata.bind": f"/salesorders({order})",
    }
    key = sales.create("posts", post)
    assert sales.request("PATCH", f"posts({key})", {"text": "x"}).status_code == 405
    close = {
        "@odata.type": "Microsoft.Dynamics.CRM.orderclose",
        "subject": "Delivered",
        "salesorderid@odata.bind": f"/salesorders({order})",
    }
    assert sales.request("POST", "FulfillSalesOrder", {"OrderClose": close, "Status": 100001}).status_code == 204
    row = sales.get(f"salesorders({order})?$select=statecode,statuscode")
    assert (row["statecode"], row["statuscode"]) == (3, 100001)
    quote = sales.create("quotes", {"name": "Offer", **customer})
    assert sales.request("PATCH", f"quotes({quote})", {"statecode": 1, "statuscode": 2}).status_code == 204
    columns = {"@odata.type": "Microsoft.Dynamics.CRM.ColumnSet", "AllColumns": True}
    lost = {"QuoteClose": {"subject": "Again", "quoteid@odata.bind": f"/quotes({quote})"}, "Status": 7}
    assert sales.request("POST", "CloseQuote", lost).status_code == 204
    revised = sales.request("POST", "ReviseQuote", {"QuoteId": quote, "ColumnSet": columns}).json()
    assert (revised["statecode"], revised["revisionnumber"]) == (0, 1)


def test_webhook_call(sales: ApiClient, receiver: Receiver) -> None:
    account = sales.create("accounts", {"name": "Watched"})
    register(sales, receiver, "Update", "account", auth=HEADER_KEY, filteringattributes="name,telephone1")
    sales.request("PATCH", f"accounts({account})", {"name": "Adatum Ltd"})
    _, headers, body = receiver.next()
    assert {
        "x-ms-dynamics-organization",
        "x-ms-dynamics-entity-name",
        "x-ms-dynamics-request-name",
        "x-ms-correlation-request-id",
    } <= {name.lower() for name in headers}
    assert {
        "MessageName", "PrimaryEntityName", "PrimaryEntityId", "OrganizationId", "OrganizationName", "UserId",
        "InitiatingUserId", "BusinessUnitId", "CorrelationId", "OperationId", "RequestId", "Depth", "Mode", "Stage",
        "IsolationMode", "IsInTransaction", "IsExecutingOffline", "IsOfflinePlayback", "OperationCreatedOn",
        "SecondaryEntityName", "SharedVariables", "InputParameters", "OutputParameters", "PreEntityImages",
        "PostEntityImages", "ParentContext", "OwningExtension",
    } <= set(body)  # fmt: skip
    target = body["InputParameters"][0]["value"]
    assert target["__type"] == "Entity:http://schemas.microsoft.com/xrm/2011/Contracts"
    assert {"key": "name", "value": "Adatum Ltd"} in target["Attributes"]
    for row in sales.get("sdkmessageprocessingsteps?$select=name")["value"]:
        sales.request("DELETE", f"sdkmessageprocessingsteps({row['sdkmessageprocessingstepid']})")
