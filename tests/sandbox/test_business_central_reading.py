"""Reading API v2.0: addresses, query options, paging, values."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.datasets.company import COMPANY_ID, COMPANY_NAME
from tests.sandbox.conftest import ApiClient


@pytest.fixture(scope="module", autouse=True)
def _fresh(empty_server: Any) -> None:
    empty_server.reset("bulk", customers=40)


def environment_of(api: ApiClient) -> str:
    return api.root.partition("/api/v2.0")[0]


def pages(api: ApiClient, path: str, size: int) -> Iterator[list[dict[str, Any]]]:
    link: str | None = path
    while link:
        body = api.get(link, Prefer=f"odata.maxpagesize={size}")
        yield body["value"]
        link = body.get("@odata.nextLink")


def test_companies_have_no_etag_and_refuse_writes(business_central: ApiClient) -> None:
    root = f"{environment_of(business_central)}/api/v2.0"
    rows = business_central.get(f"{root}/companies")["value"]
    assert [(row["id"], row["name"]) for row in rows] == [(COMPANY_ID, COMPANY_NAME)]
    assert "@odata.etag" not in rows[0]
    refused = business_central.request("POST", f"{root}/companies", {"name": "Other"})
    assert business_central.error(refused) == (405, "BadRequest_MethodNotAllowed")


@pytest.mark.parametrize(
    "path",
    [
        f"companies({COMPANY_ID})/customers",
        "customers",
        f"customers?company={COMPANY_ID}",
        "customers?company=Nordhavn%20Trading",
        "customers?company=Nordhavn+Trading",
    ],
)
def test_company_can_be_chosen_in_each_documented_form(business_central: ApiClient, path: str) -> None:
    body = business_central.get(f"{environment_of(business_central)}/api/v2.0/{path}")
    assert len(body["value"]) == 40
    assert body["@odata.context"].endswith(f"$metadata#companies({COMPANY_ID})/customers")


def test_tenant_may_be_left_out_and_unknown_environment_is_refused(business_central: ApiClient) -> None:
    url = business_central.server.url
    assert business_central.get(f"{url}/v2.0/production/api/v2.0/companies")["value"]
    unknown = business_central.request("GET", f"{url}/v2.0/elsewhere/api/v2.0/companies")
    assert business_central.error(unknown) == (404, "NoEnvironment")
    listed = business_central.get(f"{url}/environments/v1.2")["value"]
    assert [item["name"] for item in listed] == ["production"]


def test_wrong_company_set_and_key_are_refused_with_their_codes(business_central: ApiClient) -> None:
    root = f"{environment_of(business_central)}/api/v2.0"
    for path, expected in (
        (f"{root}/companies(5a1f0c52-0000-4000-8000-00000000dead)/customers", (404, "Internal_CompanyNotFound")),
        (f"{root}/customers?company=nordhavn%20trading", (404, "Internal_CompanyNotFound")),
        ("clients", (404, "BadRequest_NotFound")),
        ("customers(5a1f0c52-0000-4000-8000-00000000dead)", (404, "Internal_RecordNotFound")),
        ("customers(4711)", (400, "Application_InvalidGUID")),
    ):
        assert business_central.error(business_central.request("GET", path)) == expected


def test_missing_or_foreign_token_is_refused(business_central: ApiClient, sales_token: str) -> None:
    for token in ("", "nonsense", sales_token):
        other = ApiClient(business_central.server, business_central.root, token)
        assert other.error(other.request("GET", "customers")) == (401, "Authentication_InvalidCredentials")


def test_paging_walks_every_row_once_in_number_order(business_central: ApiClient) -> None:
    parts = list(pages(business_central, "customers?$select=id,number", 7))
    numbers = [row["number"] for part in parts for row in part]
    assert [len(part) for part in parts] == [7, 7, 7, 7, 7, 5]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 40


def test_paging_follows_orderby_in_mixed_directions(business_central: ApiClient) -> None:
    query = "customers?$select=number,country,city&$orderby=country desc,city"
    rows = [row for part in pages(business_central, query, 9) for row in part]
    assert len({row["number"] for row in rows}) == 40
    countries = [row["country"] for row in rows]
    assert countries == sorted(countries, reverse=True)
    for country in set(countries):
        cities = [row["city"].lower() for row in rows if row["country"] == country]
        assert cities == sorted(cities)


def test_next_link_carries_options_and_starts_with_called_origin(business_central: ApiClient) -> None:
    body = business_central.get(
        "customers?%24filter=blocked%20eq%20'_x0020_'&$select=number&$count=true", Prefer="odata.maxpagesize=5"
    )
    link = body["@odata.nextLink"]
    assert link.startswith(business_central.root)
    assert "aid=FIRST" in link
    assert "$skiptoken=" in link
    assert body["@odata.count"] == 36
    following = business_central.get(link, Prefer="odata.maxpagesize=5")
    assert len(following["value"]) == 5
    assert set(following["value"][0]) == {"@odata.etag", "number"}


def test_skiptoken_of_deleted_row_is_no_longer_valid(business_central: ApiClient) -> None:
    number = business_central.request("POST", "customers", {"displayName": "Anchor", "number": "A000"}).json()
    body = business_central.get("customers?$select=id", Prefer="odata.maxpagesize=1")
    assert body["value"][0]["id"] == number["id"]
    assert business_central.request("DELETE", f"customers({number['id']})").status_code == 204
    refused = business_central.request("GET", body["@odata.nextLink"], Prefer="odata.maxpagesize=1")
    assert business_central.error(refused) == (400, "SkipTokenIsNoLongerValid")


def test_top_suppresses_continuation_and_skip_skips(business_central: ApiClient) -> None:
    everything = [row["number"] for row in business_central.get("customers?$select=number")["value"]]
    body = business_central.get("customers?$select=number&$top=3&$skip=2", Prefer="odata.maxpagesize=2")
    assert [row["number"] for row in body["value"]] == everything[2:4]
    assert "@odata.nextLink" not in body


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("number eq 'b0000001'", 1),
        ("number eq 'B0000001' or number eq 'B0000002'", 2),
        ("startswith(number,'B000000')", 9),
        ("tolower(number) eq 'b0000001'", 1),
        ("substring(number,5) eq '001'", 1),
        ("substring(number,0,1) eq 'B' and creditLimit ge 0", 40),
        ("not contains(number,'B000000')", 31),
        ("blocked ne '_x0020_'", 4),
        ("type eq 'Person'", 0),
        ("creditLimit ge 0 and creditLimit lt 50000", 40),
        ("lastModifiedDateTime gt 2099-01-01T00:00:00Z", 0),
        ("lastModifiedDateTime ge 2020-01-01T00:00:00.123Z", 40),
        ("salespersonCode eq null", 40),
        ("salespersonCode eq ''", 40),
        ("orders/any(o: o/id eq 1)", 40),
    ],
)
def test_filter_finds(business_central: ApiClient, condition: str, expected: int) -> None:
    body = business_central.get(f"customers?$filter={condition}&$count=true&$top=1")
    assert body["@odata.count"] == expected
    count = business_central.request("GET", f"customers/$count?$filter={condition}")
    assert (count.text, count.headers["Content-Type"].partition(";")[0]) == (str(expected), "text/plain")


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("$filter=number eq 'A' or displayName eq 'B'", (501, "BadRequest_MethodNotImplemented")),
        ("$filter=number in ('A','B')", (501, "BadRequest_MethodNotImplemented")),
        ("$filter=contains(tolower(number),'b')", (501, "BadRequest_MethodNotImplemented")),
        ("$filter=substring(number,-1) eq 'A'", (400, "BadRequest")),
        ("$filter=year(lastModifiedDateTime) eq 2026", (501, "BadRequest_MethodNotImplemented")),
        ("$filter=nosuch eq 1", (400, "BadRequest")),
        ("$filter=number eq", (400, "BadRequest")),
        ("$filter=creditLimit eq 'x'", (400, "BadRequest")),
        ("$filter=number eq '123456789012345678901'", (400, "Application_FilterErrorException")),
        ("$filter=blocked eq 'Sometimes'", (400, "Application_FilterErrorException")),
        ("$filter=currencyCode eq 'EUR'", (400, "BadRequest")),
        ("$orderby=nosuch", (400, "BadRequest")),
        ("$select=nosuch", (400, "BadRequest")),
        ("$expand=nosuch", (400, "BadRequest")),
        ("$search=marine", (501, "BadRequest_MethodNotImplemented")),
        ("$apply=groupby((city))", (501, "BadRequest_MethodNotImplemented")),
        ("$top=-1", (400, "BadRequest")),
        ("$nonsense=1", (400, "BadRequest_InvalidRequestUrl")),
    ],
)
def test_refused_query_options(business_central: ApiClient, option: str, expected: tuple[int, str]) -> None:
    assert business_central.error(business_central.request("GET", f"customers?{option}")) == expected


def test_in_operator_needs_schema_version(business_central: ApiClient) -> None:
    body = business_central.get("customers?$filter=number in ('B0000001','B0000002')&$schemaversion=2.1")
    assert len(body["value"]) == 2


def test_expand_of_single_and_collection_navigation(business_central: ApiClient) -> None:
    created = business_central.request(
        "POST", "customers", {"displayName": "Expanded", "currencyCode": "USD", "number": "X1"}
    ).json()
    row = business_central.get(
        f"customers({created['id']})?$expand=currency($select=code),paymentTerm,contactsInformation,customerFinancialDetail"
    )
    assert row["currency"]["code"] == "USD"
    assert row["paymentTerm"] is None
    assert [item["contactName"] for item in row["contactsInformation"]] == ["Expanded"]
    assert row["customerFinancialDetail"]["balance"] == 0
    assert business_central.get(f"customers({created['id']})/currency")["code"] == "USD"
    business_central.request("DELETE", f"customers({created['id']})")


def test_navigation_in_select_drops_what_follows(business_central: ApiClient) -> None:
    row = business_central.get("customers?$select=number,currency,displayName&$top=1")["value"][0]
    assert set(row) == {"@odata.etag", "number"}


def test_local_currency_reads_as_its_code_with_zero_id(business_central: ApiClient) -> None:
    rows = business_central.get("customers?$select=currencyCode,currencyId")["value"]
    by_currency = {row["currencyCode"]: row["currencyId"] for row in rows}
    assert by_currency["EUR"] == "00000000-0000-0000-0000-000000000000"
    foreign = {code: key for code, key in by_currency.items() if code != "EUR"}
    assert foreign
    for code, key in foreign.items():
        assert business_central.get(f"currencies({key})")["code"] == code


def test_metadata_answers_for_every_service(business_central: ApiClient) -> None:
    root = environment_of(business_central)
    for service, namespace in (
        ("api/v2.0", "Microsoft.NAV"),
        ("api/couplet/integration/v1.0", "Microsoft.NAV"),
        ("ODataV4", "NAV"),
    ):
        response = business_central.request("GET", f"{root}/{service}/$metadata")
        assert response.status_code == 200
        assert f'<Schema Namespace="{namespace}"' in response.text
    definitions = business_central.get(f"{root}/api/v2.0/entityDefinitions")["value"]
    assert "customers" in {item["entitySetName"] for item in definitions}


def test_maxpagesize_is_capped_and_reported(business_central: ApiClient) -> None:
    response = business_central.request("GET", "customers", Prefer="odata.maxpagesize=99999,odata.track-changes")
    assert response.headers["Preference-Applied"] == "odata.maxpagesize"
    assert "@odata.deltaLink" not in response.json()
    assert response.headers["OData-Version"] == "4.0"
    assert response.headers["Request-Id"]


def test_data_access_intent_is_for_reads_only(business_central: ApiClient) -> None:
    assert business_central.get("customers?$top=1", Data_Access_Intent="ReadOnly")["value"]
    refused = business_central.request("POST", "customers", {"displayName": "X"}, Data_Access_Intent="ReadOnly")
    assert business_central.error(refused) == (400, "BadRequest")
