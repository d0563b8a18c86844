"""Writing API v2.0: validation order and codes, concurrency tags, numbers, relations, batches."""

from typing import Any

import pytest

from sandbox.datasets.company import COMPANY_ID
from tests.sandbox.conftest import ApiClient

ZERO = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module", autouse=True)
def _fresh(empty_server: Any) -> None:
    empty_server.reset("empty")


def create(api: ApiClient, entity_set: str, **values: Any) -> dict[str, Any]:
    response = api.request("POST", entity_set, values)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


def test_create_fills_defaults_and_answers_with_location_and_tag(business_central: ApiClient) -> None:
    response = business_central.request("POST", "customers", {"displayName": "Brattvik Marina"})
    body = response.json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"{business_central.root}customers({body['id']})"
    assert response.headers["ETag"] == body["@odata.etag"]
    assert body["number"].startswith("C000")
    assert (body["type"], body["blocked"], body["currencyCode"]) == ("Company", "_x0020_", "EUR")
    assert (body["currencyId"], body["creditLimit"], body["addressLine1"]) == (ZERO, 0, "")


def test_numbers_of_the_series_rise_and_manual_numbers_are_normalised(business_central: ApiClient) -> None:
    first = create(business_central, "customers", displayName="One")["number"]
    second = create(business_central, "customers", displayName="Two")["number"]
    assert int(second[1:]) == int(first[1:]) + 1
    assert create(business_central, "customers", displayName="Three", number=" k-9 ")["number"] == "K-9"
    taken = business_central.request("POST", "customers", {"displayName": "Four", "number": "K-9"})
    assert business_central.error(taken) == (400, "Internal_EntityWithSameKeyExists")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"displayname": "Case matters"}, (400, "BadRequest")),
        ({"displayName": "X", "nosuch": 1}, (400, "BadRequest")),
        ({"displayName": "X", "balanceDue": 1}, (400, "BadRequest_InvalidOperation")),
        ({"displayName": 1}, (400, "BadRequest")),
        ({"displayName": "X", "creditLimit": "1"}, (400, "BadRequest")),
        ({"displayName": "X", "taxLiable": None}, (400, "BadRequest_RequiredParamNotProvided")),
        ({"displayName": "X" * 101}, (400, "Application_StringExceededLength")),
        ({"displayName": "X", "blocked": "Sometimes"}, (400, "Unknown")),
        ({"displayName": "X", "currencyId": "4711"}, (400, "Application_InvalidGUID")),
        ({"displayName": "X", "country": "XX"}, (400, "Internal_InvalidTableRelation")),
        ({"displayName": "X", "salespersonCode": "NOBODY"}, (400, "Internal_InvalidTableRelation")),
        (
            {"displayName": "X", "paymentTermsId": "5a1f0c52-0000-4000-8000-00000000dead"},
            (400, "Application_DialogException"),
        ),
        ({"displayName": "X", "currencyCode": "XXX"}, (400, "Application_DialogException")),
        ({"displayName": "  "}, (400, "Application_DialogException")),
        ({"phoneNumber": "1"}, (400, "Application_DialogException")),
        ({"displayName": "X", "phoneNumber": "call me"}, (400, "Application_DialogException")),
        ({"displayName": "X", "email": "no address"}, (400, "Application_DialogException")),
        ([], (400, "BadRequest")),
    ],
)
def test_create_refuses(business_central: ApiClient, body: Any, expected: tuple[int, str]) -> None:
    assert business_central.error(business_central.request("POST", "customers", body)) == expected


def test_refusals_come_in_the_documented_order(business_central: ApiClient) -> None:
    """One body with every fault: each repair reveals the next one."""
    body: dict[str, Any] = {
        "nosuch": 1, "balanceDue": 1, "creditLimit": "x", "city": "C" * 31, "blocked": "?", "country": "XX",
        "phoneNumber": "abc",
    }  # fmt: skip
    order = [
        ("nosuch", "BadRequest"),
        ("balanceDue", "BadRequest_InvalidOperation"),
        ("creditLimit", "BadRequest"),
        ("city", "Application_StringExceededLength"),
        ("blocked", "Unknown"),
        ("country", "Internal_InvalidTableRelation"),
        ("phoneNumber", "Application_DialogException"),
    ]
    for name, code in order:
        assert business_central.error(business_central.request("POST", "customers", body)) == (400, code), name
        del body[name]
    body["displayName"] = "Repaired"
    assert business_central.request("POST", "customers", body).status_code == 201


def test_malformed_json_and_unsupported_verbs_are_refused(business_central: ApiClient) -> None:
    assert business_central.error(business_central.request("POST", "customers", raw="{")) == (400, "BadRequest")
    key = create(business_central, "customers", displayName="Verbs")["id"]
    put = business_central.request("PUT", f"customers({key})", {"displayName": "X"})
    assert business_central.error(put) == (405, "BadRequest_MethodNotAllowed")
    setup = business_central.request("POST", "generalLedgerSetup", {})
    assert business_central.error(setup) == (405, "BadRequest_MethodNotAllowed")


def test_update_needs_a_current_tag(business_central: ApiClient) -> None:
    row = create(business_central, "customers", displayName="Tagged")
    path = f"customers({row['id']})"
    missing = business_central.request("PATCH", path, {"city": "Oslo"})
    assert business_central.error(missing) == (400, "BadRequest_InvalidToken")
    malformed = business_central.request("PATCH", path, {"city": "Oslo"}, If_Match='"x"')
    assert business_central.error(malformed) == (400, "BadRequest_InvalidToken")
    changed = business_central.request("PATCH", path, {"city": "Oslo"}, If_Match=row["@odata.etag"])
    assert changed.status_code == 200
    assert changed.json()["@odata.etag"] != row["@odata.etag"]
    stale = business_central.request("PATCH", path, {"phoneNumber": "abc"}, If_Match=row["@odata.etag"])
    assert business_central.error(stale) == (409, "Request_EntityChanged")
    assert business_central.request("PATCH", path, {"city": "Bergen"}, If_Match="*").json()["city"] == "Bergen"


def test_delete_checks_the_tag_only_when_given(business_central: ApiClient) -> None:
    row = create(business_central, "paymentTerms", code="T1")
    business_central.request("PATCH", f"paymentTerms({row['id']})", {"displayName": "x"}, If_Match="*")
    stale = business_central.request("DELETE", f"paymentTerms({row['id']})", If_Match=row["@odata.etag"])
    assert business_central.error(stale) == (409, "Request_EntityChanged")
    assert business_central.request("DELETE", f"paymentTerms({row['id']})").status_code == 204
    gone = business_central.request("DELETE", f"paymentTerms({row['id']})")
    assert business_central.error(gone) == (404, "Internal_RecordNotFound")


def test_unchanged_update_keeps_tag_and_stamp(business_central: ApiClient) -> None:
    row = create(business_central, "customers", displayName="Calm", city="Oslo")
    same = business_central.request("PATCH", f"customers({row['id']})", {"city": "Oslo"}, If_Match="*").json()
    assert (same["@odata.etag"], same["lastModifiedDateTime"]) == (row["@odata.etag"], row["lastModifiedDateTime"])


def test_references_clear_by_blank_values_and_pairs_must_agree(business_central: ApiClient) -> None:
    usd = business_central.get("currencies?$filter=code eq 'USD'")["value"][0]["id"]
    row = create(business_central, "customers", displayName="Pairs", currencyId=usd, country="de")
    assert (row["currencyCode"], row["country"]) == ("USD", "DE")
    path = f"customers({row['id']})"
    clash = business_central.request("PATCH", path, {"currencyId": usd, "currencyCode": "GBP"}, If_Match="*")
    assert business_central.error(clash) == (400, "Application_DialogException")
    cleared = business_central.request("PATCH", path, {"currencyId": ZERO, "country": ""}, If_Match="*").json()
    assert (cleared["currencyCode"], cleared["country"]) == ("EUR", "")
    local = business_central.request("PATCH", path, {"currencyCode": "eur"}, If_Match="*").json()
    assert (local["currencyCode"], local["currencyId"]) == ("EUR", ZERO)


def test_renaming_a_code_is_followed_by_what_refers_to_it(business_central: ApiClient) -> None:
    terms = create(business_central, "paymentTerms", code="OLD", dueDateCalculation="14d")
    assert terms["dueDateCalculation"] == "14D"
    customer = create(business_central, "customers", displayName="Follower", paymentTermsId=terms["id"])
    renamed = business_central.request("PATCH", f"paymentTerms({terms['id']})", {"code": "NEW"}, If_Match="*")
    assert renamed.json()["id"] == terms["id"]
    row = business_central.get(f"customers({customer['id']})?$expand=paymentTerm")
    assert (row["paymentTermsId"], row["paymentTerm"]["code"]) == (terms["id"], "NEW")


def test_client_ids_are_ignored_except_on_items(business_central: ApiClient) -> None:
    wanted = "5a1f0c52-0000-4000-8000-0000000000ff"
    assert create(business_central, "customers", displayName="Own id", id=wanted)["id"] != wanted
    assert create(business_central, "items", displayName="Own id", id=wanted)["id"] == wanted


def test_prefer_no_content_and_select_shrink_the_answer(business_central: ApiClient) -> None:
    empty = business_central.request("POST", "customers", {"displayName": "A"}, Prefer="return-no-content")
    assert (empty.status_code, empty.content) == (204, b"")
    small = business_central.request("POST", "customers?$select=number", {"displayName": "B"}).json()
    assert set(small) == {"@odata.context", "@odata.etag", "number"}


def test_customer_keeps_a_company_contact_in_step(business_central: ApiClient) -> None:
    customer = create(business_central, "customers", displayName="In Step", city="Oslo")
    contact = business_central.get("contacts?$filter=displayName eq 'In Step'")["value"][0]
    assert (contact["type"], contact["city"], contact["contactBusinessRelation"]) == ("Company", "Oslo", "Customer")
    business_central.request("PATCH", f"customers({customer['id']})", {"city": "Moss"}, If_Match="*")
    assert business_central.get(f"contacts({contact['id']})")["city"] == "Moss"
    business_central.request("PATCH", f"contacts({contact['id']})", {"phoneNumber": "+47 1"}, If_Match="*")
    assert business_central.get(f"customers({customer['id']})")["phoneNumber"] == "+47 1"


def test_person_contact_belongs_to_a_company(business_central: ApiClient) -> None:
    company = create(business_central, "contacts", displayName="Firm", type="Company")
    person = create(
        business_central, "contacts", displayName="Ida Maria Berg", type="Person", companyNumber=company["number"]
    )
    assert person["companyName"] == "Firm"
    wrong = business_central.request(
        "POST", "contacts", {"displayName": "X", "type": "Person", "companyNumber": person["number"]}
    )
    assert business_central.error(wrong) == (400, "Application_DialogException")
    refused = business_central.request("DELETE", f"contacts({company['id']})")
    assert business_central.error(refused) == (400, "Application_DialogException")


def test_blocked_salesperson_cannot_be_chosen(business_central: ApiClient) -> None:
    create(business_central, "salespeoplePurchasers", code="BL", displayName="Blocked", blocked=True)
    refused = business_central.request("POST", "customers", {"displayName": "X", "salespersonCode": "BL"})
    assert business_central.error(refused) == (400, "Application_DialogException")


def test_stamp_has_no_trailing_zeros(business_central: ApiClient) -> None:
    stamp = create(business_central, "customers", displayName="Stamp")["lastModifiedDateTime"]
    assert stamp.endswith("Z")
    fraction = stamp.rpartition(".")[2].rstrip("Z") if "." in stamp else "1"
    assert fraction[-1] != "0"
    assert len(fraction) <= 3


# -- $batch


def batch(api: ApiClient, requests: list[dict[str, Any]], **headers: str) -> list[dict[str, Any]]:
    root = api.root.partition("/companies(")[0]
    response = api.request("POST", f"{root}/$batch", {"requests": requests}, **headers)
    assert response.status_code == 200, response.text
    answers: list[dict[str, Any]] = response.json()["responses"]
    return answers


def post_customer(key: str, name: str) -> dict[str, Any]:
    return {
        "id": key,
        "method": "POST",
        "url": f"companies({COMPANY_ID})/customers",
        "headers": {"Content-Type": "application/json"},
        "body": {"displayName": name},
    }


def names(api: ApiClient, prefix: str) -> list[str]:
    found = api.get(f"customers?$filter=startswith(displayName,'{prefix}')&$select=displayName")["value"]
    return sorted(row["displayName"] for row in found)


def test_batch_stops_at_first_failure_and_keeps_earlier_work(business_central: ApiClient) -> None:
    answers = batch(
        business_central, [post_customer("1", "Stop A"), post_customer("2", ""), post_customer("3", "Stop B")]
    )
    assert [(answer["id"], answer["status"]) for answer in answers] == [("1", 201), ("2", 400)]
    assert answers[1]["body"]["error"]["code"] == "Application_DialogException"
    assert names(business_central, "Stop") == ["Stop A"]


def test_batch_continues_on_error_when_asked(business_central: ApiClient) -> None:
    requests = [post_customer("1", "Go A"), post_customer("2", ""), post_customer("3", "Go B")]
    answers = batch(business_central, requests, Prefer="odata.continue-on-error")
    assert [answer["status"] for answer in answers] == [201, 400, 201]
    assert names(business_central, "Go ") == ["Go A", "Go B"]


def test_snapshot_batch_undoes_everything_yet_reports_success(business_central: ApiClient) -> None:
    requests = [post_customer("1", "Snap A"), post_customer("2", "")]
    answers = batch(business_central, requests, Isolation="snapshot")
    assert [answer["status"] for answer in answers] == [201, 400]
    assert names(business_central, "Snap") == []
    assert [a["status"] for a in batch(business_central, requests[:1], Isolation="snapshot")] == [201]
    assert names(business_central, "Snap") == ["Snap A"]


def test_batch_takes_relative_and_absolute_urls_and_company_header(business_central: ApiClient) -> None:
    root = business_central.root.partition("/companies(")[0]
    answers = batch(
        business_central,
        [
            {"id": "1", "method": "GET", "url": f"{root}/companies({COMPANY_ID})/currencies?$filter=code eq 'USD'"},
            {"id": "2", "method": "GET", "url": "currencies", "headers": {"Company": "Nordhavn Trading"}},
            {"id": "3", "method": "GET", "url": "/currencies?$top=1"},
        ],
    )
    assert [answer["status"] for answer in answers] == [200, 200, 200]
    assert [row["code"] for row in answers[0]["body"]["value"]] == ["USD"]


def test_batch_skips_what_depends_on_a_failure(business_central: ApiClient) -> None:
    dependent = {**post_customer("2", "Depends"), "dependsOn": ["1"]}
    answers = batch(business_central, [post_customer("1", ""), dependent], Prefer="odata.continue-on-error")
    assert [answer["status"] for answer in answers] == [400, 424]
    assert names(business_central, "Depends") == []


def test_batch_of_more_than_a_hundred_operations_fails_as_a_whole(business_central: ApiClient) -> None:
    root = business_central.root.partition("/companies(")[0]
    requests = [post_customer(str(index), f"Many {index}") for index in range(101)]
    refused = business_central.request("POST", f"{root}/$batch", {"requests": requests})
    assert business_central.error(refused) == (500, "Unknown")
    assert names(business_central, "Many") == []


def test_denied_set_is_refused_with_permission_message(business_central: ApiClient, steered: Any) -> None:
    steered.control("PUT", "/profile", {"business_central": {"denied": ["customers"]}})
    try:
        refused = business_central.request("GET", "customers")
        assert business_central.error(refused) == (403, "Internal_ServerError")
        assert "permission" in refused.json()["error"]["message"]
        assert business_central.get("currencies")["value"]
    finally:
        steered.control("PUT", "/profile", {"business_central": {"denied": []}})


def test_renumbered_customer_keeps_contact_and_documents(business_central: ApiClient) -> None:
    customer = create(business_central, "customers", displayName="Renumbered", number="OLD-1")
    item = create(business_central, "items", displayName="Thing", number="THING-1")
    lines = [{"lineType": "Item", "lineObjectNumber": "THING-1", "quantity": 1}]
    order = create(business_central, "salesOrders", customerNumber="OLD-1", salesOrderLines=lines)
    business_central.request("PATCH", f"customers({customer['id']})", {"number": "NEW-1"}, If_Match="*")
    business_central.request("PATCH", f"items({item['id']})", {"number": "THING-2"}, If_Match="*")
    after = business_central.get(f"salesOrders({order['id']})?$expand=salesOrderLines")
    assert (after["customerNumber"], after["customerId"]) == ("NEW-1", customer["id"])
    assert after["salesOrderLines"][0]["lineObjectNumber"] == "THING-2"
    (contact,) = business_central.get(f"customers({customer['id']})/contactsInformation")["value"]
    assert contact["contactName"] == "Renumbered"


def test_a_required_value_cannot_be_emptied_and_an_action_cannot_be_read(business_central: ApiClient) -> None:
    item = create(business_central, "items", displayName="Shirt", baseUnitOfMeasureCode="PCS")
    variant = create(business_central, "itemVariants", itemId=item["id"], code="BLUE")
    emptied = business_central.request("PATCH", f"itemVariants({variant['id']})", {"code": " "}, If_Match="*")
    assert business_central.error(emptied) == (400, "Application_DialogException")
    customer = create(business_central, "customers", displayName="Reader of actions")
    order = create(business_central, "salesOrders", customerNumber=customer["number"])
    read = business_central.request("GET", f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice")
    assert business_central.error(read) == (405, "BadRequest_MethodNotAllowed")
    disputed = business_central.request(
        "POST", "salesInvoices", {"customerNumber": customer["number"], "disputeStatus": "LATE"}
    )
    assert business_central.error(disputed) == (400, "Internal_InvalidTableRelation")
