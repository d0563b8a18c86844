"""Announcements of changes: registered in the sandbox, delivered over HTTP, refused without the key."""

import json
import time
from uuid import UUID, uuid4

import django_rq
import pytest
from django.test import Client

from connector import auth
from connector.bulk import BulkWriter, Write, WriteStatus
from connector.choices import System
from connector.clients import business_central_client, sales_client
from connector.models import Connection, Credential, WebhookReceiver
from connector.services import setup
from connector.webhooks import registration
from connector.webhooks.own_steps import PRIVILEGE
from coupling.models import BusinessCentralRecord, SalesRecord, TableMapping
from syncjobs.choices import JobMode, JobState
from syncjobs.models import SynchJob
from syncjobs.webhooks import tasks, waiting
from tests.connector.conftest import COMPANY_ID, sandbox_settings


@pytest.fixture
def announced(transactional_db, sandbox, settings, live_server):
    """An enabled connection whose systems reach the hub at the live server's address."""
    auth._kept.clear()
    settings.BASE_URL = str(live_server.url)
    sandbox.control("PUT", "/profile", {"business_central": {"webhook_delay_seconds": 0}})
    made = Connection.objects.create(
        **sandbox_settings(sandbox), company_id=COMPANY_ID, company_name=sandbox.company, automatic_jobs=False
    )
    Credential.objects.create(connection=made, kind="secret", secret=sandbox.client_secret)
    setup.enable(connection=Connection.objects.get(pk=made.pk), user=None)
    connection = Connection.objects.get(pk=made.pk)
    yield connection
    registration.unregister(connection)


@pytest.fixture
def receiver(announced):
    return WebhookReceiver.objects.get(connection=announced)


def waiting_keys(connection, system, table):
    """Takes what waits; announcements arrive from other threads."""
    return {
        str(key) for found in waiting.take(connection.pk) for key in found.get((system, table), waiting.Waiting()).keys
    }


def test_enabling_registers_on_both_sides_and_repeating_makes_nothing_twice(announced, receiver):
    tables = set(receiver.subscriptions.values_list("system", "table"))
    assert {("sales", "accounts"), ("business_central", "customers")} <= tables
    assert (receiver.sales_message, receiver.business_central_message) == ("", "")
    before = set(receiver.subscriptions.values_list("system", "table", "event", "remote_id"))
    registration.register(announced)
    assert set(receiver.subscriptions.values_list("system", "table", "event", "remote_id")) == before
    assert tasks.due_for_renewal() == []


def test_disabling_removes_the_registrations_from_both_sides(announced, receiver):
    endpoint = receiver.sales_endpoint_id
    setup.disable(connection=announced, user=None, reason="")
    connection = Connection.objects.get(pk=announced.pk)
    sales = sales_client(connection).session
    assert sales.get(f"serviceendpoints?$filter=serviceendpointid eq {endpoint}").data["value"] == []
    assert sales.get(f"sdkmessageprocessingsteps?$filter=_eventhandler_value eq {endpoint}").data["value"] == []
    assert business_central_client(connection).session.get("api/v2.0/subscriptions").data["value"] == []
    assert not WebhookReceiver.objects.exists()


def test_an_announced_row_of_sales_is_read_into_the_mirror(announced, receiver):
    sales = sales_client(announced).session
    made = sales.send("POST", "accounts", body={"name": "Adatum"}, headers={"Prefer": "return=representation"}).data
    body = {"PrimaryEntityName": "account", "PrimaryEntityId": made["accountid"], "MessageName": "Create"}
    address = f"/hooks/{receiver.token}/sales/"
    answer = Client().post(
        address, json.dumps(body), content_type="application/json", headers={"x-couplet-key": receiver.key}
    )
    assert answer.status_code == 202
    assert SalesRecord.objects.get(table="accounts").values["name"] == "Adatum"
    assert WebhookReceiver.objects.get().sales_heard_at is not None


def test_an_announced_deletion_of_business_central_reaches_the_mirror(announced, receiver):
    session = business_central_client(announced).session
    path = f"api/v2.0/companies({COMPANY_ID})/customers"
    made = session.send("POST", path, body={"displayName": "Adatum"}).data

    def announce(kind):
        entry = {
            "subscriptionId": "x", "clientState": receiver.key, "changeType": kind,
            "resource": f"api/v2.0/companies({COMPANY_ID})/customers({made['id']})",
        }  # fmt: skip
        address = f"/hooks/{receiver.token}/business-central/"
        assert (
            Client().post(address, json.dumps({"value": [entry]}), content_type="application/json").status_code == 202
        )

    announce("created")
    assert BusinessCentralRecord.objects.get(key=made["id"]).deleted_at is None
    session.send("DELETE", f"{path}({made['id']})", headers={"If-Match": "*"})
    announce("deleted")
    assert BusinessCentralRecord.objects.get(key=made["id"]).deleted_at is not None


@pytest.mark.parametrize("key", ["", "wrong"])
def test_nobody_without_the_key_is_heard(announced, receiver, key):
    sales = {"PrimaryEntityName": "account", "PrimaryEntityId": str(COMPANY_ID)}
    central = {"value": [{"clientState": key, "resource": f"companies({COMPANY_ID})/customers({COMPANY_ID})"}]}
    client = Client()
    for address, body in (
        (f"/hooks/{receiver.token}/sales/", sales),
        (f"/hooks/{receiver.token}/business-central/", central),
    ):
        answer = client.post(address, json.dumps(body), content_type="application/json", headers={"x-couplet-key": key})
        assert answer.status_code == 401
    assert client.post(f"/hooks/{COMPANY_ID}/sales/", "{}", content_type="application/json").status_code == 401
    assert list(waiting.take(announced.pk)) == []


def test_the_handshake_of_business_central_is_answered_in_plain_text(announced, receiver):
    answer = Client().post(f"/hooks/{receiver.token}/business-central/?validationToken=abc%20%3Cb%3E")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"abc <b>", "text/plain")


@pytest.mark.parametrize("body", ["", "no json", "[]", '{"value": 3}', '{"PrimaryEntityId": "x"}'])
def test_a_message_that_cannot_be_read_does_no_harm(announced, receiver, body):
    answer = Client().post(
        f"/hooks/{receiver.token}/sales/",
        body,
        content_type="application/json",
        headers={"x-couplet-key": receiver.key},
    )
    assert answer.status_code == 202


def test_what_the_hub_itself_changed_is_not_read_again(announced, receiver):
    body = {
        "PrimaryEntityName": "account", "PrimaryEntityId": str(COMPANY_ID),
        "InitiatingUserId": str(announced.sales_user_id),
    }  # fmt: skip
    Client().post(
        f"/hooks/{receiver.token}/sales/", json.dumps(body), content_type="application/json",
        headers={"x-couplet-key": receiver.key},
    )  # fmt: skip
    assert list(waiting.take(announced.pk)) == []


def test_what_the_hub_writes_in_bulk_is_not_even_announced(announced, receiver):
    assert receiver.passes_own_steps
    client = sales_client(announced)
    # Where nobody listens every announcement leaves a row.
    path = f"serviceendpoints({receiver.sales_endpoint_id})"
    client.session.send("PATCH", path, body={"url": "http://127.0.0.1:9/"}, headers={"If-Match": "*"})
    made = [Write(number, "create", "accounts", uuid4(), {"name": f"Quiet {number}"}) for number in range(3)]
    changed = [Write(number, "update", "accounts", write.key, {"fax": "1"}) for number, write in enumerate(made)]
    for writes in (made, changed):
        (results,) = BulkWriter(client).run(writes, before_send=lambda _: None)
        assert [result.status for result in results] == [WriteStatus.DONE] * 3
    client.session.send("POST", "accounts", body={"name": "Loud"})
    assert _failed_announcements(client) == ["Create"]


def test_own_writes_are_announced_where_sales_does_not_let_them_go_unannounced(announced, sandbox):
    sandbox.control("PUT", "/profile", {"sales": {"denied": [PRIVILEGE]}})
    client = sales_client(announced)
    made = [Write(number, "create", "accounts", uuid4(), {"name": f"Loud {number}"}) for number in range(3)]
    changed = [Write(number, "update", "accounts", write.key, {"fax": "1"}) for number, write in enumerate(made)]
    for writes in (made, changed):
        (results,) = BulkWriter(client).run(writes, before_send=lambda _: None)
        assert [result.status for result in results] == [WriteStatus.DONE] * 3
    registration.register(announced)
    assert not WebhookReceiver.objects.get().passes_own_steps


def _failed_announcements(client):
    deadline = time.monotonic() + 10
    while not (rows := client.session.get("asyncoperations?$filter=statuscode eq 31").data["value"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return [row["messagename"] for row in rows]


def test_a_burst_calls_one_worker(announced, receiver, settings):
    settings.RQ_QUEUES = {name: {**queue, "ASYNC": True} for name, queue in settings.RQ_QUEUES.items()}
    for number in range(5):
        waiting.note(
            announced,
            [waiting.Announcement(System.SALES, "account", UUID(int=number))],
        )
    assert len(django_rq.get_queue("high")) == 1
    assert len(waiting_keys(announced, System.SALES, "accounts")) == 5


def test_many_changes_of_a_table_wait_for_the_run_that_makes_them(announced, sandbox):
    mapping = TableMapping.objects.get(connection=announced, name="CUSTOMER")
    job = SynchJob.objects.create(
        connection=announced, mapping=mapping, mode=JobMode.FULL, direction=mapping.direction, state=JobState.RUNNING
    )
    sandbox.control("DELETE", "/requests")
    waiting.note(announced, [waiting.Announcement(System.BUSINESS_CENTRAL, "customers", None)])
    tasks.follow_up()
    assert sandbox.control("GET", "/requests")["business_central"]["requests"] == 0
    SynchJob.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED)
    tasks.follow_up()
    assert sandbox.control("GET", "/requests")["business_central"]["requests"] > 0
    sandbox.control("DELETE", "/requests")
    tasks.follow_up()
    assert sandbox.control("GET", "/requests")["business_central"]["requests"] == 0


def test_a_quiet_table_costs_at_most_four_requests_a_look(announced, sandbox):
    from syncjobs.tasks import look_for_changes

    look_for_changes(announced.pk)
    sandbox.control("DELETE", "/requests")
    WebhookReceiver.objects.all().delete()
    django_rq.get_connection("default").flushdb()
    look_for_changes(announced.pk)
    counted = sandbox.control("GET", "/requests")
    for system in System:
        by_table: dict[str, int] = {}
        for row in counted[system]["by"]:
            by_table[row["entity_set"]] = by_table.get(row["entity_set"], 0) + row["requests"]
        assert {table: n for table, n in by_table.items() if table and n > 4} == {}
