"""Query options of the Dataverse Web API: filters, order, expansion, annotations, counting and paging."""

from typing import Any

import pytest

from tests.sandbox.conftest import ApiClient


@pytest.fixture(scope="module")
def _data(sales_token: str, empty_server: Any) -> None:
    sales = ApiClient(empty_server, f"{empty_server.url}/api/data/v9.2/", sales_token)
    boss = sales.create("contacts", {"firstname": "Ada", "lastname": "Boss"})
    rows: list[dict[str, Any]] = [
        {"name": "Alpha A/S", "accountnumber": "K-100", "creditlimit": 100, "address1_city": "Århus"},
        {"name": "alpha beta", "accountnumber": "K-200", "creditlimit": 200.5, "customertypecode": 3},
        {"name": "Gamma 100%", "accountnumber": "K-300", "numberofemployees": 7, "creditonhold": True},
        {"name": "Delta_x", "accountnumber": None, "description": "quoted 'text'"},
        {"name": "Deltaxx ", "accountnumber": "k-400"},
    ]
    for row in rows:
        sales.create("accounts", {**row, "primarycontactid@odata.bind": f"/contacts({boss})"})
    alpha = sales.get("accounts?$filter=accountnumber eq 'K-100'")["value"][0]["accountid"]
    for name in ("One", "Two", "Three"):
        sales.create("contacts", {"lastname": name, "parentcustomerid_account@odata.bind": f"/accounts({alpha})"})


pytestmark = pytest.mark.usefixtures("_data")


def names(sales: ApiClient, filter_text: str) -> set[str]:
    return {row["name"] for row in sales.get(f"accounts?$select=name&$filter={filter_text}")["value"]}


@pytest.mark.parametrize(
    ("filter_text", "expected"),
    [
        ("name eq 'ALPHA a/s'", {"Alpha A/S"}),
        ("address1_city eq 'århus'", {"Alpha A/S"}),
        ("name eq 'Deltaxx'", {"Deltaxx "}),
        ("name eq 'Delta_x'", {"Delta_x", "Deltaxx "}),
        ("name eq 'Delta[_]x'", {"Delta_x"}),
        ("contains(name,'100[%25]')", {"Gamma 100%"}),
        ("startswith(name,'alpha')", {"Alpha A/S", "alpha beta"}),
        ("endswith(name,'beta')", {"alpha beta"}),
        ("not contains(name,'a')", set()),
        ("description eq 'quoted ''text'''", {"Delta_x"}),
        ("accountnumber eq null", {"Delta_x"}),
        ("accountnumber ne null and creditlimit gt 100", {"alpha beta"}),
        ("creditlimit eq 200.5", {"alpha beta"}),
        ("creditlimit ge 100 and creditlimit le 200.5", {"Alpha A/S", "alpha beta"}),
        ("creditonhold eq true", {"Gamma 100%"}),
        ("numberofemployees lt 8", {"Gamma 100%"}),
        ("customertypecode eq 3 or numberofemployees eq 7", {"alpha beta", "Gamma 100%"}),
        ("(name eq 'a' or name eq 'alpha beta') and statecode eq 0", {"alpha beta"}),
        ("primarycontactid/fullname eq 'ada boss' and accountnumber eq 'K-100'", {"Alpha A/S"}),
        ("contact_customer_accounts/any(c:c/lastname eq 'Two')", {"Alpha A/S"}),
        ("contact_customer_accounts/any()", {"Alpha A/S"}),
        ("contact_customer_accounts/all(c:c/lastname ne 'Two') and startswith(name,'alpha')", {"alpha beta"}),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=['K-100','k-300'])",
            {"Alpha A/S", "Gamma 100%"},
        ),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)&@p1='accountnumber'&@p2=[\"K-200\"]",
            {"alpha beta"},
        ),
        (
            "Microsoft.Dynamics.CRM.NotIn(PropertyName='accountnumber',PropertyValues=['K-100','K-200','K-300'])",
            {"Delta_x", "Deltaxx "},
        ),
        ("Microsoft.Dynamics.CRM.Between(PropertyName='creditlimit',PropertyValues=['50','150'])", {"Alpha A/S"}),
        ("name eq @n&@n='alpha beta'", {"alpha beta"}),
        ("createdon eq modifiedon and accountnumber eq 'K-100'", {"Alpha A/S"}),
        ("Microsoft.Dynamics.CRM.Today(PropertyName='createdon') and accountnumber eq 'K-100'", {"Alpha A/S"}),
        ("Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid') and accountnumber eq 'K-100'", {"Alpha A/S"}),
    ],
)
def test_filter_finds(sales: ApiClient, filter_text: str, expected: set[str]) -> None:
    assert names(sales, filter_text) == expected


@pytest.mark.parametrize("spelling", ["%24filter=name+eq+'alpha%20beta'", "$filter=name%20eq%20'alpha+beta'"])
def test_filter_spellings_are_equal(sales: ApiClient, spelling: str) -> None:
    assert len(sales.get(f"accounts?{spelling}")["value"]) == 1


def test_unequal_includes_empty_values_unless_switched(sales: ApiClient) -> None:
    assert "Delta_x" in names(sales, "accountnumber ne 'K-100'")
    sales.server.control("PUT", "/profile", {"sales": {"ne_includes_null": False}})
    assert "Delta_x" not in names(sales, "accountnumber ne 'K-100'")
    sales.server.control("PUT", "/profile", {"sales": {"ne_includes_null": True}})


@pytest.mark.parametrize(
    "query",
    [
        "$filter=foo eq 1",
        "$filter=Name eq 'x'",
        "$filter=name eq",
        "$filter=name eq 5",
        "$filter=statecode eq 'Active'",
        "$filter=name in ('a','b')",
        "$filter=unknown(name,'x')",
        "$filter=tolower(name) eq 'x'",
        "$filter=Microsoft.Dynamics.CRM.Nothing(PropertyName='name')",
        "$filter=primarycontactid/foo eq 'x'",
        "$filter=name",
        "$filter=((((((((((name eq 'x'",
        "$select=foo",
        "$select=primarycontactid",
        "$orderby=foo",
        "$orderby=name sideways",
        "$expand=foo",
        "$expand=primarycontactid($filter=lastname eq 'x')",
        "$top=x",
        "$top=-1",
        "$count=maybe",
        "$skip=5",
        "$search=x",
        "$compute=x",
        "$skiptoken=nonsense",
        "unknownoption=1",
    ],
)
def test_query_is_refused_with_code(sales: ApiClient, query: str) -> None:
    assert sales.error(sales.request("GET", f"accounts?{query}")) == (400, "0x80060888")


@pytest.mark.parametrize("query", ["$apply=groupby((name))", "fetchXml=%3Cfetch/%3E", "savedQuery=x", "sql=select"])
def test_query_that_is_not_offered_says_so(sales: ApiClient, query: str) -> None:
    assert sales.error(sales.request("GET", f"accounts?{query}")) == (501, "0x80040315")


def test_order_and_top(sales: ApiClient) -> None:
    body = sales.get("accounts?$select=name&$orderby=creditlimit desc,name asc&$top=2")
    assert [row["name"] for row in body["value"]] == ["alpha beta", "Alpha A/S"]
    assert "@odata.nextLink" not in body
    assert body["@odata.context"].endswith("#accounts(name)")


def test_order_over_navigation(sales: ApiClient) -> None:
    body = sales.get("contacts?$select=lastname&$orderby=parentcustomerid_account/name desc,lastname&$top=1")
    assert body["value"][0]["lastname"] == "One"


def test_expand_single_and_collection(sales: ApiClient) -> None:
    query = (
        "accounts?$select=name&$filter=accountnumber eq 'K-100'&$expand=primarycontactid($select=fullname),"
        "contact_customer_accounts($select=lastname;$filter=lastname ne 'Two';$orderby=lastname desc;$top=1)"
    )
    body = sales.get(query)
    row = body["value"][0]
    assert row["primarycontactid"]["fullname"] == "Ada Boss"
    assert [item["lastname"] for item in row["contact_customer_accounts"]] == ["Three"]
    assert "contact_customer_accounts@odata.nextLink" in row
    assert body["@odata.context"].endswith(
        "#accounts(name,primarycontactid(fullname),contact_customer_accounts(lastname))"
    )


def test_expand_of_empty_lookup_is_null(sales: ApiClient) -> None:
    row = sales.get("accounts?$filter=accountnumber eq 'K-100'&$expand=parentaccountid($select=name)")["value"][0]
    assert row["parentaccountid"] is None


def test_nested_expand(sales: ApiClient) -> None:
    query = (
        "contacts?$select=lastname&$filter=lastname eq 'One'&$expand=parentcustomerid_account($select=name;"
        "$expand=primarycontactid($select=lastname),contact_customer_accounts($select=lastname))"
    )
    account = sales.get(query)["value"][0]["parentcustomerid_account"]
    assert account["primarycontactid"]["lastname"] == "Boss"
    assert len(account["contact_customer_accounts"]) == 3


def test_nested_expand_pages_collections(sales: ApiClient) -> None:
    query = (
        "accounts?$select=name&$filter=accountnumber eq 'K-100'"
        "&$expand=contact_customer_accounts($select=lastname;$expand=owninguser($select=fullname))"
    )
    row = sales.get(query, Prefer="odata.maxpagesize=2")["value"][0]
    assert len(row["contact_customer_accounts"]) == 2
    assert row["contact_customer_accounts"][0]["owninguser"]["fullname"]
    assert "contact_customer_accounts@odata.nextLink" in row


def test_too_many_expands_are_refused(sales: ApiClient) -> None:
    listed = ",".join("contact_customer_accounts" for _ in range(16))
    assert sales.error(sales.request("GET", f"accounts?$expand={listed}")) == (400, "0x80060888")


def test_annotations(sales: ApiClient) -> None:
    everything = sales.get(
        "contacts?$select=_parentcustomerid_value,statecode&$filter=lastname eq 'One'&$count=true",
        Prefer='odata.include-annotations="*"',
    )
    row = everything["value"][0]
    keys = list(row)
    assert row["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"] == "Alpha A/S"
    assert (
        row["_parentcustomerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "parentcustomerid_account"
    )
    assert row["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert keys.index("_parentcustomerid_value@OData.Community.Display.V1.FormattedValue") < keys.index(
        "_parentcustomerid_value"
    )
    assert row["statecode@OData.Community.Display.V1.FormattedValue"] == "Active"
    assert everything["@Microsoft.Dynamics.CRM.totalrecordcount"] == 1
    assert everything["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False
    plain = sales.get("contacts?$select=statecode&$top=1")
    assert not [key for key in plain["value"][0] if "FormattedValue" in key]


def test_formatted_money_and_dates(sales: ApiClient) -> None:
    row = sales.get(
        "accounts?$select=creditlimit,createdon,creditonhold&$filter=creditlimit eq 200.5",
        Prefer='odata.include-annotations="OData.Community.Display.V1.FormattedValue"',
    )["value"][0]
    assert row["creditlimit@OData.Community.Display.V1.FormattedValue"] == "€200.50"
    assert row["creditonhold@OData.Community.Display.V1.FormattedValue"] == "No"
    assert row["createdon@OData.Community.Display.V1.FormattedValue"].endswith(("AM", "PM"))


def test_count_is_plain_text_with_byte_order_mark(sales: ApiClient) -> None:
    response = sales.request("GET", "accounts/$count?$filter=startswith(name,'alpha')")
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.content == b"\xef\xbb\xbf2"


@pytest.mark.parametrize(
    "order", ["", "&$orderby=creditlimit", "&$orderby=creditlimit desc,name", "&$orderby=address1_city desc"]
)
def test_paging_returns_every_row_once(sales: ApiClient, order: str) -> None:
    link: str | None = f"accounts?$select=name{order}"
    seen: list[str] = []
    pages = 0
    while link:
        body = sales.get(link, Prefer="odata.maxpagesize=2")
        seen += [row["accountid"] for row in body["value"]]
        link = body.get("@odata.nextLink")
        pages += 1
        if link:
            assert "pagingcookie=" in link.replace("%3D", "=")
    assert pages == 3
    assert len(seen) == len(set(seen)) == 5
    assert seen == [row["accountid"] for row in sales.get(f"accounts?$select=name{order}")["value"]]


def test_navigation_path_is_a_query(sales: ApiClient) -> None:
    key = sales.get("accounts?$filter=accountnumber eq 'K-100'")["value"][0]["accountid"]
    body = sales.get(f"accounts({key})/contact_customer_accounts?$select=lastname&$orderby=lastname&$top=2")
    assert [row["lastname"] for row in body["value"]] == ["One", "Three"]
    assert sales.request("GET", f"accounts({key})/contact_customer_accounts/$count").text.endswith("3")
