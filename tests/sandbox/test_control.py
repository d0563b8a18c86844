"""The control API: reset, counters, latency, limits, faults, clock, profile, log."""

import http.client
import json
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.sandbox.conftest import ApiClient
from tests.sandbox_process import SandboxServer


def sales_counts(server: SandboxServer) -> dict[str, Any]:
    counts: dict[str, Any] = server.control("GET", "/requests")["sales"]
    return counts


def test_health_tells_how_to_connect(empty_server: SandboxServer) -> None:
    health = empty_server.control("GET", "/health")
    assert health["status"] == "ok"
    assert health["sales_scope"] == f"{empty_server.http_url}/.default"
    assert set(health) == {
        "status",
        "version",
        "tenant",
        "environment",
        "company",
        "sales_scope",
        "business_central_scope",
        "freight_account_no",
    }


def test_unknown_requests_are_refused(empty_server: SandboxServer) -> None:
    for method, path, body, status in (
        ("GET", "/nothing", None, 404),
        ("DELETE", "/health", None, 405),
        ("POST", "/reset", {"dataset": "huge"}, 400),
        ("POST", "/reset", {"data": "demo"}, 400),
        ("PUT", "/limits", {"sales": {"requests": 1}}, 400),
        ("PUT", "/limits", {"crm": {}}, 400),
        ("PUT", "/faults", [{"system": "sales", "kind": "earthquake"}], 400),
        ("PUT", "/faults", {}, 400),
        ("PUT", "/profile", {"sales": {"colour": "red"}}, 400),
        ("PUT", "/profile", {"sales": {"order_wall": "yes"}}, 400),
        ("PUT", "/clock", {"sales": {"offset_s": "x"}}, 400),
        ("POST", "/clients", {}, 400),
        ("POST", "/clients", {"client_id": "x", "certificate": "no pem"}, 400),
    ):
        with pytest.raises(requests.HTTPError) as refused:
            empty_server.control(method, path, body)
        assert refused.value.response.status_code == status
        assert refused.value.response.json()["error"]["message"]


def test_operations_count_under_their_own_method_and_set(sales: ApiClient, steered: SandboxServer) -> None:
    steered.control("DELETE", "/requests")
    targets = [{"@odata.type": "Microsoft.Dynamics.CRM.account", "name": str(number)} for number in range(3)]
    created = sales.request("POST", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets}).json()[
        "Ids"
    ]
    updates = [{"@odata.type": "Microsoft.Dynamics.CRM.account", "accountid": key, "fax": "1"} for key in created]
    sales.request("POST", "accounts/Microsoft.Dynamics.CRM.UpdateMultiple", {"Targets": updates})
    sales.get("accounts?$top=1")
    part = "--b\r\nContent-Type: application/http\r\n\r\n{}\r\n"
    parts = part.format("GET /api/data/v9.2/accounts?$top=1 HTTP/1.1\r\n\r\n")
    parts += part.format(
        'POST /api/data/v9.2/contacts HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{"lastname":"x"}'
    )
    sales.request("POST", "$batch", raw=parts + "--b--\r\n", Content_Type="multipart/mixed; boundary=b")
    counts = sales_counts(steered)
    by = {(item["method"], item["entity_set"]): (item["requests"], item["operations"]) for item in counts["by"]}
    assert by == {
        ("POST", "accounts"): (1, 3),
        ("PATCH", "accounts"): (1, 3),
        ("GET", "accounts"): (2, 2),
        ("POST", "contacts"): (1, 1),
    }
    assert (counts["requests"], counts["operations"], counts["throttled"]) == (4, 9, 0)
    assert counts["bytes_in"] > 0 < counts["bytes_out"]


def test_log_shows_latest_requests_first(sales: ApiClient, steered: SandboxServer) -> None:
    sales.get("WhoAmI")
    sales.request("GET", "nothing")
    latest = steered.control("GET", "/log?limit=2")["value"]
    assert [(entry["path"].rpartition("/")[2], entry["status"]) for entry in latest] == [
        ("nothing", 404),
        ("WhoAmI", 200),
    ]
    assert latest[0]["system"] == "sales"
    assert latest[0]["correlation_id"]


def test_latency_is_per_request_and_record(sales: ApiClient, steered: SandboxServer) -> None:
    steered.control("PUT", "/latency", {"sales": {"base_ms": 100, "per_operation_ms": 50}})
    started = time.monotonic()
    sales.create("accounts", {"name": "Slow"})
    assert time.monotonic() - started >= 0.15
    kept = steered.control("PUT", "/latency", {"business_central": {"base_ms": 1}})
    assert kept["sales"]["base_ms"] == 100


def test_request_limit(sales: ApiClient, steered: SandboxServer) -> None:
    steered.control("PUT", "/limits", {"sales": {"requests_per_5_minutes": 2}})
    answers = [sales.request("GET", "WhoAmI") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    left = [answer.headers["x-ms-ratelimit-burst-remaining-xrm-requests"] for answer in answers]
    assert left == ["1", "0", "0"]
    refused = sales.request("GET", "WhoAmI")
    assert sales.error(refused) == (429, "0x80072322")
    assert 1 <= int(refused.headers["Retry-After"]) <= 300
    steered.control("PUT", "/limits", {"sales": {"requests_per_5_minutes": None}})
    assert sales.get("WhoAmI")


def test_execution_time_limit(sales: ApiClient, steered: SandboxServer) -> None:
    steered.control("PUT", "/limits", {"sales": {"execution_seconds_per_5_minutes": 0.05}})
    steered.control("PUT", "/latency", {"sales": {"base_ms": 60}})
    assert sales.request("GET", "WhoAmI").status_code == 200
    assert sales.error(sales.request("GET", "WhoAmI")) == (429, "0x80072321")


def test_concurrency_limit_fails_at_once(sales: ApiClient, steered: SandboxServer) -> None:
    steered.control("PUT", "/limits", {"sales": {"concurrent": 2}})
    steered.control("PUT", "/latency", {"sales": {"base_ms": 500}})
    barrier = threading.Barrier(4)

    def call(_: int) -> int:
        client = ApiClient(steered, sales.root, sales.token)
        barrier.wait()
        response = client.request("GET", "WhoAmI")
        if response.status_code == 429:
            assert client.error(response) == (429, "0x80072326")
        return response.status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(call, range(4))) == [200, 200, 429, 429]


# -- Faults


def fault(kind: str, **values: Any) -> list[dict[str, Any]]:
    return [{"system": "sales", "kind": kind, "count": 1, **values}]


@pytest.mark.parametrize(("kind", "status"), [("throttle", 429), ("server_error", 503), ("expired_token", 401)])
def test_faults_answer_once(sales: ApiClient, steered: SandboxServer, kind: str, status: int) -> None:
    steered.control("PUT", "/faults", fault(kind, match="accounts", method="GET"))
    assert sales.request("GET", "contacts?$top=1").status_code == 200
    assert sales.request("GET", "EntityDefinitions(LogicalName='account')?$select=LogicalName").status_code == 200
    struck = sales.request("GET", "accounts?$top=1")
    assert struck.status_code == status
    assert sales.request("GET", "accounts?$top=1").status_code == 200
    assert steered.control("GET", "/faults")[0]["injected"] == 1
    if kind == "throttle":
        assert struck.headers["Retry-After"] == "1"


def test_dropped_before_does_nothing_and_after_commit_does(sales: ApiClient, steered: SandboxServer) -> None:
    for kind, expected in (("drop_before", 0), ("drop_after_commit", 1)):
        steered.control("PUT", "/faults", fault(kind, match="accounts", method="POST"))
        with pytest.raises(requests.ConnectionError):
            sales.request("POST", "accounts", {"name": kind})
        assert len(sales.get(f"accounts?$filter=name eq '{kind.replace('_', '[_]')}'")["value"]) == expected


def test_truncated_answer_is_noticed(sales: ApiClient, steered: SandboxServer) -> None:
    steered.control("PUT", "/faults", fault("truncate", match="systemusers"))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        sales.request("GET", "systemusers")


def test_fault_on_operation_strikes_the_whole_batch(sales: ApiClient, steered: SandboxServer) -> None:
    steered.control("PUT", "/faults", fault("throttle", match="contacts", method="POST"))
    body = (
        "--b\r\nContent-Type: application/http\r\n\r\nPOST /api/data/v9.2/contacts HTTP/1.1\r\n"
        'Content-Type: application/json\r\n\r\n{"lastname":"Struck"}\r\n--b--\r\n'
    )
    struck = sales.request("POST", "$batch", raw=body, Content_Type="multipart/mixed; boundary=b")
    assert struck.status_code == 429
    assert sales.get("contacts?$filter=lastname eq 'Struck'")["value"] == []


def test_stale_delta_strikes_only_delta_links(sales: ApiClient, steered: SandboxServer) -> None:
    link = sales.get("teams?$select=name", Prefer="odata.track-changes")["@odata.deltaLink"]
    steered.control("PUT", "/faults", fault("stale_delta"))
    assert sales.request("GET", "teams?$select=name").status_code == 200
    assert sales.error(sales.request("GET", link)) == (400, "0x80044352")
    assert sales.request("GET", link).status_code == 200


def test_faults_of_other_clients_do_not_strike(sales: ApiClient, steered: SandboxServer) -> None:
    steered.control("PUT", "/faults", fault("throttle", client_id="someone-else"))
    assert sales.request("GET", "WhoAmI").status_code == 200


def test_same_seed_strikes_the_same_requests(sales: ApiClient, steered: SandboxServer) -> None:
    def pattern() -> list[int]:
        steered.control("PUT", "/faults", fault("throttle", probability=0.5, seed=7, count=None))
        return [sales.request("GET", "WhoAmI").status_code for _ in range(12)]

    first = pattern()
    assert first == pattern()
    assert {200, 429} == set(first)


# -- Profile and reset


def test_denied_privilege(sales: ApiClient, steered: SandboxServer) -> None:
    steered.control("PUT", "/profile", {"sales": {"denied": ["prvCreateAccount", "prvReadContact"]}})
    assert sales.error(sales.request("POST", "accounts", {"name": "x"})) == (403, "0x80040220")
    assert sales.error(sales.request("GET", "contacts")) == (403, "0x80040220")
    assert sales.request("GET", "accounts?$top=1").status_code == 200
    user = sales.get("WhoAmI")["UserId"]
    path = f"systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"
    names = {item["PrivilegeName"] for item in sales.get(path)["RolePrivileges"]}
    assert "prvWriteAccount" in names
    assert "prvCreateAccount" not in names


def test_base_solution_can_be_missing(sales: ApiClient, steered: SandboxServer) -> None:
    assert sales.request("GET", "bcbi_companies").status_code == 200
    steered.control("PUT", "/profile", {"sales": {"business_central_solution": False}})
    assert sales.error(sales.request("GET", "bcbi_companies")) == (404, "0x8006088a")
    assert sales.error(sales.request("GET", "accounts?$select=_bcbi_companyid_value"))[0] == 400
    steered.control("PUT", "/profile", {"sales": {"business_central_solution": True}})
    assert sales.request("GET", "accounts?$select=_bcbi_companyid_value").status_code == 200


@pytest.mark.parametrize("time", ["made", "restored"])
def test_reset_restores_everything_but_clients(sales: ApiClient, steered: SandboxServer, time: str) -> None:
    """The second time with the same clients, the data comes from a copy of what the first time made."""
    sales.create("accounts", {"name": "Gone after reset"})
    column = {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "new_Gone", "MaxLength": 20,
        "DisplayName": {"LocalizedLabels": [{"Label": "Gone", "LanguageCode": 1033}]},
    }  # fmt: skip
    assert sales.request("POST", "EntityDefinitions(LogicalName='account')/Attributes", column).status_code == 204
    sales.create("accounts", {"name": "Gone as well", "new_gone": "x"})
    sales.request(
        "POST", "EntityDefinitions(LogicalName='account')/Keys", {"SchemaName": "new_K", "KeyAttributes": ["name"]}
    )
    steered.control("POST", "/clients", {"client_id": "11111111-0000-4000-8000-000000000001", "client_secret": "s"})
    steered.control("PUT", "/clock", {"sales": {"offset_s": 30}})
    steered.control("PUT", "/faults", fault("throttle"))
    steered.reset("empty")
    assert steered.control("GET", "/faults") == []
    assert sales_counts(steered)["requests"] == 0
    assert sales.get("accounts")["value"] == []
    assert sales.error(sales.request("GET", "accounts?$select=new_gone"))[0] == 400
    sales.create("accounts", {"name": "New"})
    assert sales.get("EntityDefinitions(LogicalName='account')/Keys")["value"] == []
    assert sales.get("systemusers?$filter=applicationid eq 11111111-0000-4000-8000-000000000001")["value"]


def test_same_seed_gives_the_same_data(sales: ApiClient, steered: SandboxServer) -> None:
    def load(seed: int) -> list[tuple[str, str]]:
        steered.reset("bulk", seed=seed, accounts=50, contacts=20)
        rows = sales.get("accounts?$select=name&$orderby=accountid")["value"]
        return [(row["accountid"], row["name"]) for row in rows]

    first = load(3)
    assert len(first) == 50
    assert first == load(3)
    assert first != load(4)
    steered.reset("empty")


def test_what_is_no_request_is_refused_in_the_services_shape(empty_server: SandboxServer) -> None:
    context = ssl.create_default_context(cafile=empty_server.ca_file)
    host, port = urlsplit(empty_server.url).hostname or "", urlsplit(empty_server.url).port
    for length, status in (("999999999", 413), ("-5", 400)):
        connection = http.client.HTTPSConnection(host, port, context=context, timeout=30)
        connection.putrequest("POST", "/api/data/v9.2/accounts")
        connection.putheader("Content-Length", length)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == status
        assert set(json.loads(answer.read())["error"]) == {"code", "message"}
        assert answer.getheader("x-ms-service-request-id")
        connection.close()
