"""Webhooks of the Sales side: registration, messages, filters, failures."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any

import pytest

from tests.sandbox.conftest import ApiClient
from tests.sandbox.test_dataverse_bulk_and_batch import part, send, statuses
from tests.sandbox_process import SandboxServer

WAIT_SECONDS = 10


@dataclass
class Receiver:
    """A web server that keeps what it is sent; ``statuses`` are its next answers, 200 when empty."""

    url: str = ""
    calls: "Queue[tuple[str, dict[str, str], bytes]]" = field(default_factory=Queue)
    statuses: list[int] = field(default_factory=list)

    def next(self) -> tuple[str, dict[str, str], Any]:
        path, headers, body = self.calls.get(timeout=WAIT_SECONDS)
        return path, headers, json.loads(body)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    result = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            result.calls.put((self.path, dict(self.headers.items()), body))
            self.send_response(result.statuses.pop(0) if result.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Quiet: the calls are in the queue."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    result.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield result
    server.shutdown()
    server.server_close()


def register(
    sales: ApiClient, receiver: Receiver, message: str, table: str, *, auth: dict[str, Any], **step: Any
) -> str:
    endpoint = sales.create("serviceendpoints", {"name": "hub", "url": receiver.url, "contract": 8, **auth})
    message_id = sales.get(f"sdkmessages?$filter=name eq '{message}'")["value"][0]["sdkmessageid"]
    filters = sales.get(
        f"sdkmessagefilters?$filter=_sdkmessageid_value eq {message_id} and primaryobjecttypecode eq '{table}'"
    )["value"]
    return sales.create(
        "sdkmessageprocessingsteps",
        {
            "name": f"hub: {message} of {table}",
            "mode": 1,
            "stage": 40,
            "rank": 1,
            "supporteddeployment": 0,
            "asyncautodelete": True,
            "sdkmessageid@odata.bind": f"/sdkmessages({message_id})",
            "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({filters[0]['sdkmessagefilterid']})",
            "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint})",
            **step,
        },
    )


HEADER_KEY = {"authtype": 5, "authvalue": '<settings><setting name="x-hub-key" value="secret" /></settings>'}
URL_KEY = {"authtype": 4, "authvalue": "se cret"}


@pytest.fixture(autouse=True)
def _no_steps_afterwards(sales: ApiClient) -> Iterator[None]:
    yield
    for row in sales.get("sdkmessageprocessingsteps?$select=name")["value"]:
        sales.request("DELETE", f"sdkmessageprocessingsteps({row['sdkmessageprocessingstepid']})")


def attributes(body: Any) -> dict[str, Any]:
    target = body["InputParameters"][0]["value"]
    return {item["key"]: item["value"] for item in target["Attributes"]}


def test_update_is_announced_with_changed_columns(sales: ApiClient, receiver: Receiver) -> None:
    key = sales.create("accounts", {"name": "Before"})
    register(sales, receiver, "Update", "account", auth=HEADER_KEY, filteringattributes="name,telephone1")
    sales.request("PATCH", f"accounts({key})", {"fax": "not of interest"})
    sales.request("PATCH", f"accounts({key})?tag=hub", {"name": "After", "creditlimit": 5, "customertypecode": 3})
    path, headers, body = receiver.next()
    assert (path, headers["x-hub-key"]) == ("/hook", "secret")
    assert headers["x-ms-dynamics-entity-name"] == "account"
    assert headers["x-ms-dynamics-request-name"] == "Update"
    assert (body["MessageName"], body["PrimaryEntityId"], body["Stage"], body["Mode"]) == ("Update", key, 40, 1)
    assert {"key": "tag", "value": "hub"} in body["SharedVariables"]
    values = attributes(body)
    assert values["name"] == "After"
    assert values["customertypecode"]["Value"] == 3
    assert values["creditlimit"]["Value"] == 5
    assert values["modifiedon"].startswith("/Date(")
    assert "fax" not in values
    with pytest.raises(Empty):
        receiver.calls.get(timeout=0.2)


def test_create_and_delete_of_bulk_rows(sales: ApiClient, receiver: Receiver) -> None:
    register(sales, receiver, "Create", "contact", auth=URL_KEY)
    register(sales, receiver, "Delete", "contact", auth=URL_KEY)
    targets = [{"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": name} for name in ("A", "B")]
    ids = sales.request("POST", "contacts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets}).json()["Ids"]
    calls = [receiver.next() for _ in ids]
    assert {path for path, _, _ in calls} == {"/hook?code=se%20cret"}
    assert {body["PrimaryEntityId"] for _, _, body in calls} == set(ids)
    assert all(body["OutputParameters"][0]["key"] == "id" for _, _, body in calls)
    sales.request("DELETE", f"contacts({ids[0]})")
    _, _, body = receiver.next()
    assert (body["MessageName"], body["InputParameters"][0]["value"]["Id"]) == ("Delete", ids[0])


@pytest.mark.parametrize("by", ["step", "kind", "part of a batch"])
def test_a_request_may_pass_steps_by(sales: ApiClient, receiver: Receiver, by: str) -> None:
    step = register(sales, receiver, "Create", "contact", auth=URL_KEY)
    passing = {"MSCRM.BypassBusinessLogicExecutionStepIds": step}
    if by == "kind":
        passing = {"MSCRM.BypassBusinessLogicExecution": "CustomSync,CustomAsync"}
    if by == "part of a batch":
        lines = "\r\n".join(f"{name}: {value}" for name, value in passing.items())
        url = f"{sales.root}contacts"
        alone, in_a_set = (
            part("POST", url, {"lastname": "quiet"}, headers=lines, content_id=number) for number in (1, 2)
        )
        assert statuses(send(sales, [alone, [in_a_set]])) == [204, 204]
    else:
        assert sales.request("POST", "contacts", {"lastname": "quiet"}, **passing).status_code == 204
    loud = sales.create("contacts", {"lastname": "loud"})
    _, _, body = receiver.next()
    assert body["PrimaryEntityId"] == loud
    with pytest.raises(Empty):
        receiver.calls.get(timeout=0.2)


def test_passing_steps_by_takes_a_privilege(sales: ApiClient, receiver: Receiver, steered: SandboxServer) -> None:
    step = register(sales, receiver, "Create", "contact", auth=URL_KEY)
    steered.control("PUT", "/profile", {"sales": {"denied": ["prvBypassCustomBusinessLogic"]}})
    passing = {"MSCRM.BypassBusinessLogicExecutionStepIds": step}
    answer = sales.request("POST", "contacts", {"lastname": "quiet"}, **passing)
    assert sales.error(answer) == (403, "0x80040220")
    assert "prvBypassCustomBusinessLogic" in answer.json()["error"]["message"]


def test_rolled_back_changes_are_not_announced(sales: ApiClient, receiver: Receiver) -> None:
    register(sales, receiver, "Create", "contact", auth=URL_KEY)
    targets = [{"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": name} for name in ("ok", "x" * 60)]
    sales.request("POST", "contacts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets})
    with pytest.raises(Empty):
        receiver.calls.get(timeout=0.3)


def test_gateway_errors_are_repeated_once_and_others_recorded(sales: ApiClient, receiver: Receiver) -> None:
    register(sales, receiver, "Create", "contact", auth=URL_KEY)
    receiver.statuses[:] = [503, 200]
    sales.create("contacts", {"lastname": "Repeated"})
    assert receiver.next()[2] == receiver.next()[2]
    receiver.statuses[:] = [500]
    sales.create("contacts", {"lastname": "Failed"})
    receiver.next()
    deadline = threading.Event()
    for _ in range(50):
        failed = sales.get("asyncoperations?$filter=statuscode eq 31")["value"]
        if failed:
            break
        deadline.wait(0.1)
    assert len(failed) == 1
    assert "500" in failed[0]["message"]


@pytest.mark.parametrize(
    "change",
    [{"url": "ftp://x"}, {"url": None}, {"authtype": 0}, {"authvalue": None}, {"contract": 99}, {"contract": None}],
)
def test_wrong_endpoints_are_refused(sales: ApiClient, change: dict[str, Any]) -> None:
    body = {"name": "hub", "url": "https://hub.example/x", "contract": 8, **URL_KEY, **change}
    assert sales.error(sales.request("POST", "serviceendpoints", body))[0] == 400


def test_secret_cannot_be_read_back(sales: ApiClient, receiver: Receiver) -> None:
    key = sales.create("serviceendpoints", {"name": "hub", "url": receiver.url, "contract": 8, **URL_KEY})
    assert sales.get(f"serviceendpoints({key})")["authvalue"] is None
