"""Batches, change sets and bulk messages of the Dataverse Web API."""

import json
import re
import uuid
from typing import Any

import pytest

from tests.sandbox.conftest import ApiClient
from tests.sandbox_process import SandboxServer

Operation = tuple[str, str, Any]


def part(
    method: str, url: str, body: Any = None, *, content_id: int | None = None, headers: str = "", eol: str = "\r\n"
) -> str:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"{method} {url} HTTP/1.1", "Content-Type: application/json; type=entry"]
    lines += [headers] if headers else []
    lines += ["", "" if body is None else json.dumps(body)]
    return eol.join(lines) + eol


def batch_body(parts: list[str | list[str]], *, boundary: str = "batch_1", eol: str = "\r\n") -> str:
    text = ""
    for index, item in enumerate(parts):
        text += f"--{boundary}{eol}"
        if isinstance(item, list):
            inner = f"changeset_{index}"
            text += f"Content-Type: multipart/mixed; boundary={inner}{eol}{eol}"
            text += "".join(f"--{inner}{eol}{content}" for content in item) + f"--{inner}--{eol}{eol}"
        else:
            text += item
    return text + f"--{boundary}--{eol}"


def send(
    sales: ApiClient, parts: list[str | list[str]], *, eol: str = "\r\n", quoted: bool = False, **headers: str
) -> Any:
    boundary = '"batch_1"' if quoted else "batch_1"
    return sales.request(
        "POST",
        "$batch",
        raw=batch_body(parts, eol=eol).encode(),
        Content_Type=f"multipart/mixed; boundary={boundary}",
        **headers,
    )


def statuses(response: Any) -> list[int]:
    return [int(number) for number in re.findall(r"^HTTP/1\.1 (\d+)", response.text, re.MULTILINE)]


def account_count(sales: ApiClient) -> int:
    return int(sales.request("GET", "accounts/$count").content.decode("utf-8-sig"))


def test_batch_answers_parts_in_order(sales: ApiClient) -> None:
    response = send(
        sales,
        [
            part("POST", f"{sales.root}accounts", {"name": "Batched"}),
            part("GET", "/api/data/v9.2/accounts?$select=name&$filter=name eq 'Batched'&$top=3"),
            part("GET", "EntityDefinitions(LogicalName='account')?$select=EntitySetName"),
        ],
        quoted=True,
    )
    assert response.status_code == 200
    assert re.fullmatch(r"multipart/mixed; boundary=batchresponse_[0-9a-f-]{36}", response.headers["Content-Type"])
    assert response.text.startswith("--batchresponse_")
    assert statuses(response) == [204, 200, 200]
    assert '"name":"Batched"' in response.text
    assert re.search(r"^HTTP/1\.1 204 [A-Za-z ]+\r$", response.text, re.MULTILINE)


def test_failing_operation_stops_the_batch(sales: ApiClient) -> None:
    before = account_count(sales)
    parts: list[str | list[str]] = [
        part("POST", "/api/data/v9.2/accounts", {"name": "First"}),
        part("POST", "/api/data/v9.2/accounts", {"nonsense": 1}),
        part("POST", "/api/data/v9.2/accounts", {"name": "Third"}),
    ]
    response = send(sales, parts)
    assert (response.status_code, statuses(response)) == (400, [204, 400])
    assert account_count(sales) == before + 1
    going_on = send(sales, parts, Prefer="odata.continue-on-error")
    assert (going_on.status_code, statuses(going_on)) == (200, [204, 400, 204])
    assert going_on.headers["Preference-Applied"] == "odata.continue-on-error"


def test_change_set_uses_content_ids(sales: ApiClient) -> None:
    response = send(
        sales,
        [
            [
                part("POST", f"{sales.root}accounts", {"name": "Set"}, content_id=1),
                part(
                    "POST",
                    f"{sales.root}contacts",
                    {"lastname": "Member", "parentcustomerid_account@odata.bind": "$1"},
                    content_id=2,
                ),
                part("PUT", "$1/primarycontactid/$ref", {"@odata.id": "$2"}, content_id=3),
                part("PATCH", "$1", {"telephone1": "1"}, content_id=4),
                part("PUT", "$1/name", {"value": "Renamed"}, content_id=5),
            ]
        ],
    )
    assert response.status_code == 200, response.text
    assert statuses(response) == [204] * 5
    assert "boundary=changesetresponse_" in response.text
    assert [int(number) for number in re.findall(r"^Content-ID: (\d+)", response.text, re.MULTILINE)] == [1, 2, 3, 4, 5]
    row = sales.get("accounts?$select=telephone1&$filter=name eq 'Renamed'&$expand=primarycontactid($select=lastname)")[
        "value"
    ][0]
    assert (row["telephone1"], row["primarycontactid"]["lastname"]) == ("1", "Member")


def test_failing_change_set_rolls_back_and_answers_one_part(sales: ApiClient) -> None:
    before = account_count(sales)
    response = send(
        sales,
        [
            [
                part("POST", "/api/data/v9.2/accounts", {"name": "Lost"}, content_id=1),
                part("POST", "/api/data/v9.2/accounts", {"name": "x" * 200}, content_id=2),
            ],
            part("GET", "/api/data/v9.2/WhoAmI"),
        ],
        Prefer="odata.continue-on-error",
    )
    assert statuses(response) == [400, 200]
    assert "changesetresponse" not in response.text
    assert account_count(sales) == before


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([[part("GET", "/api/data/v9.2/accounts")]], "GET"),
        ([[part("PATCH", "$7", {"name": "x"})]], "Content-ID Reference: '$7'"),
        (
            [
                [
                    part(
                        "POST",
                        "/api/data/v9.2/contacts",
                        {"lastname": "x", "parentcustomerid_account@odata.bind": "$1"},
                        content_id=1,
                    )
                ]
            ],
            "$1",
        ),
        ([part("POST", "/api/data/v9.2/$batch")], "batch"),
    ],
)
def test_impossible_operations_are_refused(sales: ApiClient, parts: list[Any], message: str) -> None:
    response = send(sales, parts)
    assert (response.status_code, statuses(response)) == (400, [400])
    assert message in response.text


def test_malformed_batches_are_answered_as_json(sales: ApiClient) -> None:
    for content_type, raw in (
        ("application/json", "{}"),
        ("multipart/mixed", "--x--"),
        ("multipart/mixed; boundary=b", ""),
        ("multipart/mixed; boundary=b", "--b\r\n\r\nno closing"),
        ("multipart/mixed; boundary=b", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/mixed; boundary=b", "--b\r\nContent-Type: application/http\r\n\r\nnonsense\r\n--b--\r\n"),
    ):
        assert sales.error(sales.request("POST", "$batch", raw=raw, Content_Type=content_type)) == (400, "0x80048d19")
    many: list[str | list[str]] = [part("GET", "/api/data/v9.2/WhoAmI")] * 1001
    assert sales.error(send(sales, many)) == (400, "0x80040203")


def test_bare_line_feeds_follow_the_profile(sales: ApiClient, steered: SandboxServer) -> None:
    parts: list[str | list[str]] = [part("GET", "/api/data/v9.2/WhoAmI", eol="\n")]
    assert statuses(send(sales, parts, eol="\n")) == [200]
    steered.control("PUT", "/profile", {"sales": {"dynamics_web_api_batches": False}})
    assert sales.error(send(sales, parts, eol="\n")) == (400, "0x80048d19")
    assert statuses(send(sales, [part("GET", "/api/data/v9.2/WhoAmI")])) == [200]


def test_conditional_operations_in_batches(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "Tagged"})
    response = send(
        sales,
        [part("PATCH", f"/api/data/v9.2/accounts({key})", {"name": "x"}, headers='If-Match: W/"1"')],
        Prefer="odata.continue-on-error",
    )
    assert statuses(response) == [412]


# -- Bulk messages


def targets(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.account", **row} for row in rows]}


def bulk(sales: ApiClient, name: str, body: Any) -> Any:
    return sales.request("POST", f"accounts/Microsoft.Dynamics.CRM.{name}", body)


@pytest.fixture
def number_key(sales: ApiClient) -> Any:
    """An alternate key over accountnumber for the time of a test."""
    keys = "EntityDefinitions(LogicalName='account')/Keys"
    body = {"SchemaName": "new_Number", "KeyAttributes": ["accountnumber"]}
    address = sales.request("POST", keys, body).headers["OData-EntityId"]
    yield
    assert sales.request("DELETE", address).status_code == 204


def test_create_multiple_answers_ids_in_order(sales: ApiClient) -> None:
    response = bulk(sales, "CreateMultiple", targets({"name": "A"}, {"name": "B"}))
    assert response.status_code == 200
    ids = response.json()["Ids"]
    assert [sales.get(f"accounts({key})?$select=name")["name"] for key in ids] == ["A", "B"]


def test_bulk_messages_are_all_or_nothing(sales: ApiClient) -> None:
    before = account_count(sales)
    response = bulk(sales, "CreateMultiple", targets({"name": "ok"}, {"customertypecode": 999}))
    assert sales.error(response) == (400, "0x8004431a")
    assert account_count(sales) == before
    key = sales.create("accounts", {"name": "Before"})
    body = targets({"accountid": key, "name": "After"}, {"accountid": str(uuid.uuid4()), "name": "x"})
    assert sales.error(bulk(sales, "UpdateMultiple", body)) == (404, "0x80040217")
    assert sales.get(f"accounts({key})?$select=name")["name"] == "Before"


def test_update_multiple(sales: ApiClient) -> None:
    keys = [sales.create("accounts", {"name": "x"}) for _ in range(2)]
    response = bulk(
        sales,
        "UpdateMultiple",
        targets({"accountid": keys[0], "name": "1"}, {"@odata.id": f"accounts({keys[1]})", "name": "2"}),
    )
    assert response.status_code == 204
    assert [sales.get(f"accounts({key})?$select=name")["name"] for key in keys] == ["1", "2"]


@pytest.mark.usefixtures("number_key")
def test_upsert_multiple_by_alternate_key(sales: ApiClient) -> None:
    sales.create("accounts", {"accountnumber": "U-1", "name": "old"})
    rows = [{"@odata.id": f"accounts(accountnumber='{number}')", "name": "new"} for number in ("U-1", "U-2")]
    assert bulk(sales, "UpsertMultiple", targets(*rows)).status_code == 204
    found = sales.get(
        "accounts?$select=name,accountnumber&$filter=startswith(accountnumber,'U-')&$orderby=accountnumber"
    )
    assert [(row["accountnumber"], row["name"]) for row in found["value"]] == [("U-1", "new"), ("U-2", "new")]


@pytest.mark.usefixtures("number_key")
def test_alternate_key_in_address(sales: ApiClient) -> None:
    created = sales.request("PATCH", "accounts(accountnumber='A''1')", {"name": "key"})
    assert created.headers["OData-EntityId"].endswith("accounts(accountnumber='A''1')")
    assert sales.get("accounts(accountnumber='a''1')?$select=name")["name"] == "key"
    duplicate = sales.request("POST", "accounts", {"accountnumber": "a'1"})
    assert sales.error(duplicate) == (412, "0x80060892")
    assert sales.error(sales.request("GET", "accounts(accountnumber='missing')")) == (404, "0x80060891")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Targets": []},
        {"Targets": [{"name": "no type"}]},
        {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": "x"}]},
        {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.account"}], "Extra": 1},
        {"Targets": "x"},
    ],
)
def test_bulk_refuses_wrong_targets(sales: ApiClient, body: Any) -> None:
    assert sales.error(bulk(sales, "CreateMultiple", body)) == (400, "0x80048d19")


def test_bulk_is_limited_and_not_for_every_table(sales: ApiClient) -> None:
    many = targets(*({"name": str(number)} for number in range(1001)))
    assert sales.error(bulk(sales, "CreateMultiple", many)) == (400, "0x80040203")
    body = {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "lastname": "x"}]}
    refused = sales.request("POST", "systemusers/Microsoft.Dynamics.CRM.CreateMultiple", body)
    assert sales.error(refused) == (400, "0x80040800")
    query = (
        "sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name eq 'CreateMultiple'"
        " and primaryobjecttypecode eq '{}'"
    )
    assert len(sales.get(query.format("account"))["value"]) == 1
    assert sales.get(query.format("systemuser"))["value"] == []
