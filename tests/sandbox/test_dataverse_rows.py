"""Creating, changing and deleting single rows of the Dataverse Web API."""

import uuid
from decimal import Decimal

import pytest

from sandbox.dataverse.wellknown import BASE_CURRENCY_ID, DEFAULT_TEAM_ID, HUB_USER_ID, USER_IDS
from tests.sandbox.conftest import ApiClient


def etag_of(sales: ApiClient, path: str) -> str:
    return str(sales.get(f"{path}?$select=createdon")["@odata.etag"])


def test_create_returns_address_of_row(sales: ApiClient) -> None:
    response = sales.request("POST", "accounts", {"name": "Adatum"})
    assert response.status_code == 204
    assert response.headers["OData-EntityId"] == response.headers["Location"]
    assert response.headers["OData-EntityId"].startswith(f"{sales.root}accounts(")
    assert response.headers["OData-Version"] == "4.0"


def test_create_with_representation_applies_select(sales: ApiClient) -> None:
    response = sales.request(
        "POST", "accounts?$select=name", {"name": "Adatum", "telephone1": "1"}, Prefer="return=representation"
    )
    assert response.status_code == 201
    body = response.json()
    assert body["name"] == "Adatum"
    assert "telephone1" not in body
    assert response.headers["ETag"] == body["@odata.etag"]
    assert response.headers["Preference-Applied"] == "return=representation"


def test_create_fills_system_columns(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "Stamps"})
    row = sales.get(f"accounts({key})")
    assert row["_ownerid_value"] == row["_owninguser_value"] == row["_createdby_value"] == HUB_USER_ID
    assert row["createdon"] == row["modifiedon"]
    assert row["createdon"].endswith("Z")
    assert (row["statecode"], row["statuscode"]) == (0, 1)
    assert row["versionnumber"] == int(row["@odata.etag"][3:-1])


def test_create_with_own_key_and_created_date(sales: ApiClient) -> None:
    key = str(uuid.uuid4())
    assert sales.create("accounts", {"accountid": key.upper(), "overriddencreatedon": "2020-01-02T03:04:05Z"}) == key
    assert sales.get(f"accounts({key})?$select=createdon")["createdon"] == "2020-01-02T03:04:05Z"
    assert sales.error(sales.request("POST", "accounts", {"accountid": key})) == (412, "0x80040237")


def test_money_keeps_four_decimals_and_base_amount(sales: ApiClient) -> None:
    usd = sales.create(
        "transactioncurrencies",
        {
            "currencyname": "Test Dollar",
            "isocurrencycode": "XTD",
            "currencysymbol": "$",
            "currencyprecision": 2,
            "exchangerate": 2,
        },
    )
    key = sales.create(
        "accounts", {"creditlimit": 100.126, "transactioncurrencyid@odata.bind": f"/transactioncurrencies({usd})"}
    )
    response = sales.request("GET", f"accounts({key})?$select=creditlimit,creditlimit_base,exchangerate")
    assert '"creditlimit":100.1300' in response.text
    assert '"creditlimit_base":50.0650' in response.text
    assert response.json()["_transactioncurrencyid_value"] == usd


def test_money_without_currency_takes_base_currency(sales: ApiClient) -> None:
    key = sales.create("accounts", {"creditlimit": 5})
    assert sales.get(f"accounts({key})?$select=creditlimit")["_transactioncurrencyid_value"] == BASE_CURRENCY_ID


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"nonsense": 1}, 400, "0x80048d19"),
        ({"Name": "case"}, 400, "0x80048d19"),
        ({"name": 5}, 400, "0x80048d19"),
        ({"name": "x" * 161}, 400, "0x80044331"),
        ({"customertypecode": 99}, 400, "0x8004431a"),
        ({"customertypecode": "Customer"}, 400, "0x80048d19"),
        ({"numberofemployees": -1}, 400, "0x8004432f"),
        ({"numberofemployees": 1.5}, 400, "0x80048d19"),
        ({"creditlimit": -1}, 400, "0x80044330"),
        ({"creditlimit": "5"}, 400, "0x80048d19"),
        ({"creditlimit": 1e30}, 400, "0x80044330"),
        ({"creditonhold": 1}, 400, "0x80048d19"),
        ({"overriddencreatedon": "1066-10-14T00:00:00Z"}, 400, "0x80040239"),
        ({"overriddencreatedon": "soon"}, 400, "0x80048d19"),
        ({"statecode": 1}, 400, "0x80048408"),
        ({"statuscode": 2}, 400, "0x80048408"),
        ({"_primarycontactid_value": str(uuid.uuid4())}, 400, "0x80048d19"),
        ({"primarycontactid": str(uuid.uuid4())}, 400, "0x80048d19"),
        ({"primarycontactid@odata.bind": f"/contacts({uuid.uuid4()})"}, 404, "0x80040217"),
        ({"primarycontactid@odata.bind": f"/accounts({uuid.uuid4()})"}, 404, "0x80040217"),
        ({"PrimaryContactId@odata.bind": f"/contacts({uuid.uuid4()})"}, 400, "0x80048d19"),
        ([], 400, "0x80048d19"),
    ],
)
def test_create_refuses_wrong_bodies(sales: ApiClient, body: object, status: int, code: str) -> None:
    assert sales.error(sales.request("POST", "accounts", body)) == (status, code)


def test_create_refuses_malformed_json(sales: ApiClient) -> None:
    for raw in ("{", '{"name": NaN}', '{"a":' * 5000, "\xff"):
        assert sales.error(sales.request("POST", "accounts", raw=raw.encode("latin-1"))) == (400, "0x80048d19")


def test_system_columns_in_body_are_ignored(sales: ApiClient) -> None:
    key = sales.create("accounts", {"createdon": "2001-01-01T00:00:00Z", "versionnumber": 5})
    assert sales.get(f"accounts({key})?$select=createdon")["createdon"] > "2020"


def test_empty_text_is_stored_as_null(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": ""})
    assert sales.get(f"accounts({key})?$select=name")["name"] is None


def test_dates_are_converted_to_utc_seconds(sales: ApiClient) -> None:
    key = sales.create("contacts", {"birthdate": "1990-02-03", "overriddencreatedon": "2024-05-06T01:02:03.999+02:00"})
    row = sales.get(f"contacts({key})?$select=birthdate,createdon")
    assert (row["birthdate"], row["createdon"]) == ("1990-02-03", "2024-05-05T23:02:03Z")
    refused = sales.request("PATCH", f"contacts({key})", {"birthdate": "1990-02-03T00:00:00Z"})
    assert sales.error(refused) == (400, "0x80048d19")


def test_update_with_current_etag_succeeds_and_changes_it(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "One"})
    tag = etag_of(sales, f"accounts({key})")
    assert sales.request("PATCH", f"accounts({key})", {"name": "Two"}, If_Match=tag).status_code == 204
    assert etag_of(sales, f"accounts({key})") != tag
    stale = sales.request("PATCH", f"accounts({key})", {"name": "Three"}, If_Match=tag)
    assert sales.error(stale) == (412, "0x80060882")
    assert sales.get(f"accounts({key})?$select=name")["name"] == "Two"


def test_update_that_changes_nothing_is_a_new_version(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "Same"})
    tag = etag_of(sales, f"accounts({key})")
    sales.request("PATCH", f"accounts({key})", {"name": "Same"})
    assert etag_of(sales, f"accounts({key})") != tag


def test_patch_of_missing_row_creates_unless_it_must_exist(sales: ApiClient) -> None:
    key = str(uuid.uuid4())
    must_exist = sales.request("PATCH", f"accounts({key})", {"name": "x"}, If_Match="*")
    assert sales.error(must_exist) == (404, "0x80040217")
    created = sales.request("PATCH", f"accounts({key})", {"name": "x"}, Prefer="return=representation")
    assert created.status_code == 201
    updated = sales.request("PATCH", f"accounts({key})", {"name": "y"}, Prefer="return=representation")
    assert updated.status_code == 200
    exists = sales.request("PATCH", f"accounts({key})", {"name": "z"}, If_None_Match="*")
    assert sales.error(exists) == (412, "0x80040237")


def test_delete_leaves_nothing(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "Gone"})
    stale = sales.request("DELETE", f"accounts({key})", If_Match='W/"1"')
    assert sales.error(stale) == (412, "0x80060882")
    assert sales.request("DELETE", f"accounts({key})").status_code == 204
    assert sales.error(sales.request("GET", f"accounts({key})")) == (404, "0x80040217")
    assert sales.error(sales.request("DELETE", f"accounts({key})")) == (404, "0x80040217")


def test_delete_follows_relationships(sales: ApiClient) -> None:
    account = sales.create("accounts", {"name": "Parent"})
    contact = sales.create(
        "contacts", {"lastname": "Child", "parentcustomerid_account@odata.bind": f"/accounts({account})"}
    )
    other = sales.create("accounts", {"name": "Linked", "primarycontactid@odata.bind": f"/contacts({contact})"})
    assert sales.request("DELETE", f"accounts({account})").status_code == 204
    assert sales.request("GET", f"contacts({contact})").status_code == 404
    assert sales.get(f"accounts({other})?$select=_primarycontactid_value")["_primarycontactid_value"] is None


def test_delete_of_referenced_row_is_restricted(sales: ApiClient) -> None:
    account = sales.create("accounts", {"name": "Buyer"})
    sales.create("salesorders", {"name": "Order", "customerid_account@odata.bind": f"/accounts({account})"})
    assert sales.error(sales.request("DELETE", f"accounts({account})")) == (405, "0x80040227")


def test_conditional_read_answers_not_modified(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "Cached"})
    tag = etag_of(sales, f"accounts({key})")
    assert sales.request("GET", f"accounts({key})?$select=name", If_None_Match=tag).status_code == 304
    assert sales.request("GET", f"accounts({key})?$select=name", If_None_Match="null").status_code == 200


def test_single_property_can_be_read_set_and_cleared(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "Prop"})
    assert sales.get(f"accounts({key})/name")["value"] == "Prop"
    assert sales.request("PUT", f"accounts({key})/telephone1", {"value": "42"}).status_code == 204
    assert sales.request("GET", f"accounts({key})/telephone1/$value").text == "42"
    assert sales.request("DELETE", f"accounts({key})/telephone1").status_code == 204
    assert sales.request("GET", f"accounts({key})/telephone1").status_code == 204


def test_lookup_can_be_bound_cleared_and_referenced(sales: ApiClient) -> None:
    contact = sales.create("contacts", {"lastname": "Ng"})
    key = sales.create("accounts", {"name": "Lookup", "primarycontactid@odata.bind": f"contacts({contact})"})
    link = sales.get(f"accounts({key})/primarycontactid/$ref")
    assert link["@odata.id"] == f"{sales.root}contacts({contact})"
    assert sales.get(f"accounts({key})/primarycontactid?$select=lastname")["lastname"] == "Ng"
    for body in ({"primarycontactid@odata.bind": None}, {"primarycontactid": None}):
        assert sales.request("PATCH", f"accounts({key})", body).status_code == 204
        assert sales.request("GET", f"accounts({key})/primarycontactid").status_code == 204
        reference = {"@odata.id": f"{sales.root}contacts({contact})"}
        assert sales.request("PUT", f"accounts({key})/primarycontactid/$ref", reference).status_code == 204
    assert sales.request("DELETE", f"accounts({key})/primarycontactid/$ref").status_code == 204
    assert sales.get(f"accounts({key})")["_primarycontactid_value"] is None


def test_collection_references_add_and_remove(sales: ApiClient) -> None:
    account = sales.create("accounts", {"name": "Company"})
    contact = sales.create("contacts", {"lastname": "Member"})
    path = f"accounts({account})/contact_customer_accounts"
    assert sales.request("POST", f"{path}/$ref", {"@odata.id": f"{sales.root}contacts({contact})"}).status_code == 204
    assert [row["contactid"] for row in sales.get(path)["value"]] == [contact]
    assert sales.request("DELETE", f"{path}({contact})/$ref").status_code == 204
    assert sales.get(path)["value"] == []


def test_team_membership_by_association(sales: ApiClient) -> None:
    path = f"teams({DEFAULT_TEAM_ID})/teammembership_association"
    body = {"@odata.id": f"{sales.root}systemusers({HUB_USER_ID})"}
    assert sales.request("POST", f"{path}/$ref", body).status_code == 204
    assert sales.error(sales.request("POST", f"{path}/$ref", body)) == (412, "0x80040237")
    assert HUB_USER_ID in {row["systemuserid"] for row in sales.get(path)["value"]}
    assert sales.request("DELETE", f"{path}/$ref?$id={sales.root}systemusers({HUB_USER_ID})").status_code == 204
    assert HUB_USER_ID not in {row["systemuserid"] for row in sales.get("teammemberships")["value"]}


def test_owner_can_be_a_team(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "Owned", "ownerid@odata.bind": f"/teams({DEFAULT_TEAM_ID})"})
    row = sales.get(f"accounts({key})")
    assert (row["_ownerid_value"], row["_owningteam_value"], row["_owninguser_value"]) == (
        DEFAULT_TEAM_ID,
        DEFAULT_TEAM_ID,
        None,
    )
    sales.request("PATCH", f"accounts({key})", {"ownerid@odata.bind": f"/systemusers({USER_IDS[0]})"})
    assert sales.get(f"accounts({key})")["_owninguser_value"] == USER_IDS[0]


def test_deep_insert_creates_related_rows_or_nothing(sales: ApiClient) -> None:
    body = {
        "name": "Deep",
        "primarycontactid": {"lastname": "Boss"},
        "contact_customer_accounts": [{"lastname": "One"}, {"lastname": "Two"}],
    }
    key = sales.create("accounts", body)
    row = sales.get(
        f"accounts({key})?$expand=primarycontactid($select=lastname),contact_customer_accounts($select=lastname)"
    )
    assert row["primarycontactid"]["lastname"] == "Boss"
    assert {item["lastname"] for item in row["contact_customer_accounts"]} == {"One", "Two"}
    before = sales.get("contacts?$count=true&$top=1")["@odata.count"]
    failing = {"name": "Deep", "contact_customer_accounts": [{"lastname": "ok"}, {"lastname": "x" * 51}]}
    assert sales.error(sales.request("POST", "accounts", failing)) == (400, "0x80044331")
    assert sales.get("contacts?$count=true&$top=1")["@odata.count"] == before


def test_contact_names_and_addresses_are_composed(sales: ApiClient) -> None:
    key = sales.create(
        "contacts",
        {"firstname": "Ana", "middlename": "B", "lastname": "Ng", "address1_line1": "Road 1", "address1_city": "Oslo"},
    )
    row = sales.get(f"contacts({key})?$select=fullname,address1_line1")
    assert (row["fullname"], row["address1_composite"]) == ("Ana B Ng", "Road 1\r\nOslo")
    sales.request("PATCH", f"contacts({key})", {"middlename": None})
    assert sales.get(f"contacts({key})?$select=fullname")["fullname"] == "Ana Ng"


def test_state_change_needs_fitting_status(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "State"})
    assert sales.error(sales.request("PATCH", f"accounts({key})", {"statecode": 1, "statuscode": 1})) == (
        400,
        "0x80048408",
    )
    assert sales.error(sales.request("PATCH", f"accounts({key})", {"statuscode": 2})) == (400, "0x80048408")
    assert sales.request("PATCH", f"accounts({key})", {"statecode": 1}).status_code == 204
    row = sales.get(f"accounts({key})?$select=statecode,statuscode")
    assert (row["statecode"], row["statuscode"]) == (1, 2)


def test_wrong_verbs_and_addresses(sales: ApiClient) -> None:
    assert sales.error(sales.request("PATCH", "accounts", {}))[0] == 405
    assert sales.error(sales.request("DELETE", "accounts"))[0] == 405
    assert sales.error(sales.request("GET", "Accounts")) == (404, "0x8006088a")
    assert sales.error(sales.request("GET", "accounts(not-a-guid)"))[0] == 400
    assert sales.error(sales.request("GET", "accounts(accountnumber='x')")) == (400, "0x80060890")
    assert sales.error(sales.request("POST", "WhoAmI", {}))[0] == 404
    assert sales.error(sales.request("GET", "WinQuote"))[0] == 404
    assert sales.error(sales.request("GET", f"systemusers(systemuserid={USER_IDS[0]})")) == (400, "0x80060890")
    assert sales.get(f"systemusers(ownerid={USER_IDS[0]})")["systemuserid"] == USER_IDS[0]
    assert sales.error(sales.request("POST", "systemuserrolescollection", {}))[0] == 405


def test_base_currency_and_default_team_are_protected(sales: ApiClient) -> None:
    currency = f"transactioncurrencies({BASE_CURRENCY_ID})"
    assert sales.error(sales.request("PATCH", currency, {"exchangerate": 2}))[0] == 400
    assert sales.error(sales.request("DELETE", currency))[0] == 400
    assert sales.error(sales.request("DELETE", f"teams({DEFAULT_TEAM_ID})")) == (400, "0x80048307")
    assert sales.get(f"{currency}?$select=exchangerate")["exchangerate"] == Decimal(1)
