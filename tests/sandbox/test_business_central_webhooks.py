"""Web hooks: registration with its handshake, delivery, merging, retries and removal."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.datasets.company import COMPANY_ID
from tests.sandbox.conftest import ApiClient

RESOURCE = f"/api/v2.0/companies({COMPANY_ID})/customers"


class Receiver:
    """A loopback server that echoes validation tokens and collects notifications."""

    def __init__(self) -> None:
        self.notifications: list[dict[str, Any]] = []
        self.handshakes = 0
        self.status = 200
        self.echo = True
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                token = parse_qs(urlsplit(self.path).query).get("validationToken")
                status, answer = receiver.status, b""
                if token:
                    receiver.handshakes += 1
                    status, answer = 200, token[0].encode() if receiver.echo else b"no"
                else:
                    receiver.notifications += json.loads(body)["value"]
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _prompt(steered: Any) -> None:
    steered.reset("empty")
    steered.control("PUT", "/profile", {"business_central": {"webhook_delay_seconds": 0, "webhook_threshold": 1000}})


def service(api: ApiClient) -> str:
    return api.root.partition("/companies(")[0]


def subscribe(api: ApiClient, url: str, resource: str = RESOURCE, **more: Any) -> Any:
    body = {"notificationUrl": url, "resource": resource, **more}
    return api.request("POST", f"{service(api)}/subscriptions", body)


def eventually(condition: Callable[[], bool]) -> None:
    """Waits until another thread has done its part."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


def test_registration_shakes_hands_and_lists(business_central: ApiClient, receiver: Receiver) -> None:
    created = subscribe(business_central, receiver.url, clientState="secret", subscriptionId="mine")
    assert created.status_code == 201, created.text
    body = created.json()
    assert (body["subscriptionId"], body["clientState"], receiver.handshakes) == ("mine", "secret", 1)
    listed = business_central.get(f"{service(business_central)}/subscriptions")["value"]
    assert [row["subscriptionId"] for row in listed] == ["mine"]
    again = subscribe(business_central, receiver.url)
    assert business_central.error(again) == (400, "Internal_EntityWithSameKeyExists")


def test_failed_handshake_and_bad_resources_store_nothing(business_central: ApiClient, receiver: Receiver) -> None:
    receiver.echo = False
    assert business_central.error(subscribe(business_central, receiver.url)) == (400, "BadRequest")
    for url, resource in (
        ("http://hub.example.org/hooks", RESOURCE),
        (receiver.url, f"/api/v2.0/companies({COMPANY_ID})/salesOrderLines"),
        (receiver.url, "/api/v2.0/customers"),
    ):
        assert business_central.error(subscribe(business_central, url, resource)) == (400, "BadRequest")
    assert business_central.get(f"{service(business_central)}/subscriptions")["value"] == []


def test_changes_arrive_with_kind_and_client_state(business_central: ApiClient, receiver: Receiver) -> None:
    subscribe(business_central, receiver.url, clientState="secret")
    row = business_central.request("POST", "customers", {"displayName": "Heard"}).json()
    eventually(lambda: len(receiver.notifications) == 1)
    note = receiver.notifications[0]
    assert note["changeType"] == "created"
    assert note["resource"] == f"api/v2.0/companies({COMPANY_ID})/customers({row['id']})"
    assert note["clientState"] == "secret"
    business_central.request("PATCH", f"customers({row['id']})", {"city": "Oslo"}, If_Match="*")
    eventually(lambda: len(receiver.notifications) == 2)
    business_central.request("PATCH", f"customers({row['id']})", {"city": "Oslo"}, If_Match="*")
    business_central.request("DELETE", f"customers({row['id']})")
    eventually(lambda: len(receiver.notifications) == 3)
    assert [note["changeType"] for note in receiver.notifications] == ["created", "updated", "deleted"]


def test_many_changes_become_one_collection_notice(
    business_central: ApiClient, receiver: Receiver, steered: Any
) -> None:
    profile = {"webhook_delay_seconds": 1, "webhook_threshold": 2}
    steered.control("PUT", "/profile", {"business_central": profile})
    subscribe(business_central, receiver.url)
    keys = [business_central.request("POST", "customers", {"displayName": f"N{n}"}).json()["id"] for n in range(4)]
    eventually(lambda: bool(receiver.notifications))
    note = receiver.notifications[0]
    assert note["changeType"] == "collection"
    assert "/customers?$filter=lastModifiedDateTime gt " in note["resource"]
    receiver.notifications.clear()
    for key in keys:
        business_central.request("DELETE", f"customers({key})")
    eventually(lambda: bool(receiver.notifications))
    assert receiver.notifications[0]["resource"].endswith("/customers")


def test_server_errors_are_repeated_by_the_clock(business_central: ApiClient, receiver: Receiver, steered: Any) -> None:
    subscribe(business_central, receiver.url)
    receiver.status = 503
    business_central.request("POST", "customers", {"displayName": "Later"})
    eventually(lambda: len(receiver.notifications) == 1)
    receiver.status = 200
    steered.control("PUT", "/clock", {"business_central": {"offset_s": 120}})
    eventually(lambda: len(receiver.notifications) == 2)
    assert len(business_central.get(f"{service(business_central)}/subscriptions")["value"]) == 1


def test_other_answers_remove_all_subscriptions_of_the_url(business_central: ApiClient, receiver: Receiver) -> None:
    subscribe(business_central, receiver.url)
    subscribe(business_central, receiver.url, RESOURCE.replace("customers", "items"))
    receiver.status = 404
    business_central.request("POST", "customers", {"displayName": "Unwanted"})
    eventually(lambda: business_central.get(f"{service(business_central)}/subscriptions")["value"] == [])


def test_renewal_needs_tag_and_moves_expiry(business_central: ApiClient, receiver: Receiver, steered: Any) -> None:
    row = subscribe(business_central, receiver.url).json()
    path = f"{service(business_central)}/subscriptions('{row['subscriptionId']}')"
    body = {"notificationUrl": receiver.url, "resource": RESOURCE}
    missing = business_central.request("PATCH", path, body)
    assert business_central.error(missing) == (400, "BadRequest_InvalidToken")
    steered.control("PUT", "/clock", {"business_central": {"offset_s": 3000}})
    renewed = business_central.request("PATCH", path, body, If_Match=row["@odata.etag"])
    assert renewed.status_code == 200, renewed.text
    assert renewed.json()["expirationDateTime"] > row["expirationDateTime"]
    assert receiver.handshakes == 2
    assert business_central.request("DELETE", path, If_Match="*").status_code == 204


def test_catalogue_of_resources_takes_a_wildcard(business_central: ApiClient) -> None:
    root = service(business_central).replace("/api/v2.0", "/api/microsoft/runtime/beta")
    path = f"{root}/companies({COMPANY_ID})/webhookSupportedResources?$filter=resource eq 'v2.0*'"
    names = {row["resource"] for row in business_central.get(path)["value"]}
    assert {"v2.0/customers", "v2.0/salesOrders"} <= names
    assert "v2.0/salesOrderLines" not in names
    assert all(name.startswith("v2.0/") for name in names)
