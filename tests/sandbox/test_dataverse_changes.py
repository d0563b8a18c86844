"""Change tracking of the Dataverse Web API."""

from typing import Any

import pytest

from tests.sandbox.conftest import ApiClient
from tests.sandbox_process import SandboxServer

TRACK = {"Prefer": "odata.track-changes,odata.maxpagesize=3"}
DAY = 86400


def read_all(sales: ApiClient, link: str, **headers: str) -> tuple[list[dict[str, Any]], str]:
    """All rows of a tracked read and the delta link of its last page."""
    rows: list[dict[str, Any]] = []
    while True:
        body = sales.get(link, **headers)
        rows += body["value"]
        if "@odata.deltaLink" in body:
            assert "@odata.nextLink" not in body
            return rows, body["@odata.deltaLink"]
        link = body["@odata.nextLink"]


def test_first_read_pages_and_ends_with_delta_link(sales: ApiClient) -> None:
    keys = {sales.create("contacts", {"lastname": f"Row {number}"}) for number in range(7)}
    rows, link = read_all(sales, "contacts?$select=lastname", **TRACK)
    assert keys <= {row["contactid"] for row in rows}
    assert len(rows) == len({row["contactid"] for row in rows})
    assert link.startswith(sales.root)
    changed, again = read_all(sales, link)
    assert changed == []
    assert "$deltatoken=" in again


def test_delta_reports_changes_once_and_deletions_last(sales: ApiClient) -> None:
    keep = sales.create("contacts", {"lastname": "Keep"})
    drop = sales.create("contacts", {"lastname": "Drop"})
    _, link = read_all(sales, "contacts?$select=lastname", **TRACK)
    new = sales.create("contacts", {"lastname": "New"})
    for number in range(3):
        sales.request("PATCH", f"contacts({keep})", {"telephone1": str(number)})
    brief = sales.create("contacts", {"lastname": "Brief"})
    for key in (drop, brief):
        sales.request("DELETE", f"contacts({key})")
    body = sales.get(link)
    assert body["@odata.context"].endswith("$metadata#contacts(lastname)/$delta")
    assert [row.get("contactid") for row in body["value"][:2]] == [new, keep]
    assert [(row["id"], row["reason"]) for row in body["value"][2:]] == [(drop, "deleted"), (brief, "deleted")]
    assert body["value"][2]["@odata.context"].endswith("#contacts/$deletedEntity")
    count = sales.request("GET", "contacts/$count?" + link.partition("?")[2].partition("&")[2])
    assert count.content.decode("utf-8-sig") == "4"


def test_delta_pages_through_changes_and_deletions(sales: ApiClient) -> None:
    doomed = [sales.create("contacts", {"lastname": "x"}) for _ in range(5)]
    _, link = read_all(sales, "contacts?$select=lastname", **TRACK)
    fresh = [sales.create("contacts", {"lastname": "y"}) for _ in range(5)]
    for key in doomed:
        sales.request("DELETE", f"contacts({key})")
    rows, _ = read_all(sales, link, Prefer="odata.maxpagesize=2")
    assert [row["contactid"] for row in rows[:5]] == fresh
    assert [row["id"] for row in rows[5:]] == doomed


def test_row_changed_while_paging_is_in_the_next_delta(sales: ApiClient) -> None:
    key = sales.create("contacts", {"lastname": "Moving"})
    for number in range(5):
        sales.create("contacts", {"lastname": f"pad {number}"})
    first = sales.get("contacts?$select=lastname", **TRACK)
    sales.request("PATCH", f"contacts({key})", {"lastname": "Moved"})
    _, link = read_all(sales, first["@odata.nextLink"], Prefer="odata.maxpagesize=3")
    rows, _ = read_all(sales, link)
    assert [row["lastname"] for row in rows] == ["Moved"]


@pytest.mark.parametrize("option", ["$filter=lastname eq 'x'", "$orderby=lastname", "$top=5", "$expand=createdby"])
def test_other_options_are_refused(sales: ApiClient, option: str) -> None:
    response = sales.request("GET", f"contacts?{option}", Prefer="odata.track-changes")
    assert sales.error(response)[0] == 400
    assert option.partition("=")[0] in response.json()["error"]["message"]


def test_untracked_table_is_refused(sales: ApiClient) -> None:
    response = sales.request("GET", "organizations?$select=name", Prefer="odata.track-changes")
    assert sales.error(response) == (400, "0x80072491")


def test_delta_link_expires(sales: ApiClient, steered: SandboxServer, sales_token: str) -> None:
    _, link = read_all(sales, "contacts?$select=lastname", **TRACK)
    organization = sales.get("organizations?$select=expirechangetrackingindays")["value"][0]
    sales.request("PATCH", f"organizations({organization['organizationid']})", {"expirechangetrackingindays": 0})
    steered.control("PUT", "/clock", {"sales": {"offset_s": 60}})
    assert sales.error(sales.request("GET", link)) == (400, "0x80044352")
    sales.request("PATCH", f"organizations({organization['organizationid']})", {"expirechangetrackingindays": 7})
    assert sales.request("GET", link).status_code == 200


def test_delta_link_expires_with_a_change_of_the_definition(sales: ApiClient) -> None:
    _, link = read_all(sales, "contacts?$select=lastname", **TRACK)
    column = {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "SchemaName": "new_Shoe",
        "DisplayName": {"LocalizedLabels": [{"Label": "Shoe", "LanguageCode": 1033}]},
        "MaxLength": 10,
    }
    assert sales.request("POST", "EntityDefinitions(LogicalName='contact')/Attributes", column).status_code == 204
    assert sales.error(sales.request("GET", link)) == (400, "0x80044352")
    assert sales.error(sales.request("GET", "contacts?$deltatoken=nonsense"))[0] == 400


def test_deletions_follow_a_page_that_is_exactly_full(sales: ApiClient) -> None:
    doomed = [sales.create("contacts", {"lastname": "x"}) for _ in range(2)]
    _, link = read_all(sales, "contacts?$select=lastname", **TRACK)
    fresh = [sales.create("contacts", {"lastname": "y"}) for _ in range(3)]
    for key in doomed:
        sales.request("DELETE", f"contacts({key})")
    rows, _ = read_all(sales, link, Prefer="odata.maxpagesize=3")
    assert [row.get("contactid", row.get("id")) for row in rows] == [*fresh, *doomed]


def test_row_made_again_under_its_key_is_no_deletion(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "Phoenix"})
    link = sales.get("accounts?$select=name", Prefer="odata.track-changes")["@odata.deltaLink"]
    for _ in range(2):
        assert sales.request("DELETE", f"accounts({key})").status_code == 204
        assert sales.request("PATCH", f"accounts({key})", {"name": "Again"}).status_code == 204
    delta = sales.get(link)
    assert [(row["accountid"], row["name"]) for row in delta["value"]] == [(key, "Again")]
    for _ in range(2):
        assert sales.request("DELETE", f"accounts({key})").status_code == 204
        sales.request("PATCH", f"accounts({key})", {"name": "Again"})
    assert sales.request("DELETE", f"accounts({key})").status_code == 204
    assert [row["reason"] for row in sales.get(link)["value"]] == ["deleted"]
    assert sales.request("GET", f"accounts/$count?{link.partition('&')[2]}").content.decode("utf-8-sig") == "1"
