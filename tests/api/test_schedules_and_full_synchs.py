"""Schedules, full synchronisations and the status over the REST API: shown and refused."""

from datetime import UTC, datetime

import pytest

from syncjobs.models import WorkerHeartbeat
from tests.api.builders import (
    BEGIN,
    END,
    NO_COUNTERS,
    iso,
    make_full_synch,
    make_job,
    make_schedule,
)


def test_a_schedule_is_shown_paused_and_changed(connection, api):
    make_schedule(connection, interval_minutes=30, inactivity_timeout_minutes=720, last_run=BEGIN)
    client = api("administrator")
    shown = client.get("schedules/CUSTOMER/").json()
    assert shown == {
        "name": "CUSTOMER",
        "mapping": "CUSTOMER",
        "enabled": True,
        "interval_minutes": 30,
        "inactivity_timeout_minutes": 720,
        "weekdays": [],
        "from_time": None,
        "until_time": None,
        "reacts_at_once": True,
        "state": "ready",
        "attempts": 0,
        "last_run": iso(BEGIN),
        "next_run": iso(END),
    }
    assert client.get("schedules/").json()["results"] == [shown]
    paused = client.patch("schedules/CUSTOMER/", {"enabled": False}).json()
    assert (paused["enabled"], paused["state"]) == (False, "on_hold")
    changed = client.patch("schedules/CUSTOMER/", {"enabled": True, "interval_minutes": 5}).json()
    assert (changed["enabled"], changed["state"], changed["interval_minutes"]) == (True, "ready", 5)
    hours = client.patch(
        "schedules/CUSTOMER/", {"weekdays": [0, 1], "from_time": "08:00", "until_time": "18:00"}
    ).json()
    assert (hours["weekdays"], hours["from_time"], hours["until_time"]) == ([0, 1], "08:00:00", "18:00:00")


@pytest.mark.parametrize(
    "body",
    [
        {"interval_minutes": 0},
        {"interval_minutes": None},
        {"inactivity_timeout_minutes": -1},
        {"enabled": "perhaps"},
        {"weekdays": [7]},
        {"from_time": "25:00"},
    ],
)
def test_a_bad_change_of_a_schedule_is_400_under_its_name(connection, api, body):
    make_schedule(connection)
    answer = api("administrator").patch("schedules/CUSTOMER/", body)
    assert (answer.status_code, list(answer.json())) == (400, list(body))


def test_schedules_are_409_while_the_connection_is_disabled(connection, api):
    connection.enabled = False
    connection.save()
    client = api("administrator")
    assert client.get("schedules/").status_code == 200
    assert client.patch("schedules/CUSTOMER/", {"enabled": False}).status_code == 409
    assert client.post("schedules/CUSTOMER/run/").status_code == 409


def test_a_schedule_with_a_blank_in_its_name_is_found_percent_encoded(connection, api):
    make_schedule(connection, "PAYMENT TERMS")
    assert api("operator").get("schedules/PAYMENT%20TERMS/").json()["name"] == "PAYMENT TERMS"


def test_a_full_synchronisation_is_shown_with_its_lines(connection, api):
    full_synch = make_full_synch(connection, "CURRENCY", "CUSTOMER", state="partly", preview=True)
    line = full_synch.lines.get(mapping__name="CUSTOMER")
    line.depends_on, line.state, line.to_sales = ["CURRENCY"], "blocked", ""
    line.started_at = line.finished_at = None
    line.save()
    full_synch.lines.filter(mapping__name="CURRENCY").update(state="error", to_sales="error")
    job = make_job(connection, "CURRENCY", full_synch_line=full_synch.lines.get(mapping__name="CURRENCY"), failed=3)
    shown = api("salesperson").get(f"full-synchs/{full_synch.pk}/").json()
    assert (shown["id"], shown["state"], shown["preview"]) == (full_synch.pk, "partly", True)
    assert shown["lines"] == [
        {
            "mapping": "CURRENCY",
            "direction": "to_sales",
            "depends_on": [],
            "state": "error",
            "blocked_by": [],
            "to_sales": "error",
            "to_business_central": None,
            "counters": {**NO_COUNTERS, "failed": 3},
            "plan": None,
            "jobs": [job.pk],
            "started_at": iso(BEGIN),
            "finished_at": iso(END),
        },
        {
            "mapping": "CUSTOMER",
            "direction": "bidirectional",
            "depends_on": ["CURRENCY"],
            "state": "blocked",
            "blocked_by": ["CURRENCY"],
            "to_sales": None,
            "to_business_central": None,
            "counters": NO_COUNTERS,
            "plan": None,
            "jobs": [],
            "started_at": None,
            "finished_at": None,
        },
    ]


def test_failures_are_accepted_and_retried_by_those_who_may(connection, api):
    full_synch = make_full_synch(connection, "CUSTOMER", "CONTACT", state="partly")
    full_synch.lines.filter(mapping__name="CUSTOMER").update(state="finished", failed_percent=40)
    full_synch.lines.filter(mapping__name="CONTACT").update(state="blocked", depends_on=["CUSTOMER"])
    shown = api("operator").get(f"full-synchs/{full_synch.pk}/").json()
    assert {line["mapping"]: line["blocked_by"] for line in shown["lines"]}["CONTACT"] == ["CUSTOMER"]
    accept, retry = (f"full-synchs/{full_synch.pk}/{what}/" for what in ("accept", "retry"))
    body = {"mappings": ["CUSTOMER"]}
    assert api("operator").post(accept, body).status_code == 403
    assert api("salesperson").post(retry, body).status_code == 403
    assert api("operator").post(retry, {"mappings": ["CONTACT"]}).status_code == 409
    assert api("administrator").post(accept, {"mappings": ["NONE"]}).status_code == 400
    assert api("administrator").post(accept, body).status_code == 202
    assert full_synch.lines.get(mapping__name="CUSTOMER").failures_accepted


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"mappings": ["NONE"]}, "NONE"),
        ({"directions": {"NONE": "to_sales"}}, "NONE"),
        ({"directions": {"CURRENCY": "to_business_central"}}, "CURRENCY"),
        ({"directions": {"CUSTOMER": "sideways"}}, "sideways"),
        ({"mappings": []}, "mappings"),
        ({"preview": "perhaps"}, "preview"),
    ],
)
def test_a_bad_full_synchronisation_is_400_naming_what_is_wrong(connection, api, body, part):
    answer = api("administrator").post("full-synchs/", body)
    assert answer.status_code == 400
    assert part in answer.content.decode()


def test_one_full_synchronisation_at_a_time(connection, api):
    running = make_full_synch(connection, "CURRENCY", state="running")
    client = api("administrator")
    for preview in (True, False):
        assert client.post("full-synchs/", {"preview": preview}).status_code == 409
    ended = make_full_synch(connection, "CURRENCY")
    for full_synch in (running, ended):
        assert client.post(f"full-synchs/{full_synch.pk}/restart/", {"mappings": ["CURRENCY"]}).status_code == 409
    assert client.post(f"full-synchs/{ended.pk}/cancel/").status_code == 409
    answer = client.post(f"full-synchs/{running.pk}/cancel/")
    assert (answer.status_code, answer.json()) == (202, {"full_synch": {"id": running.pk}})


def test_a_line_that_is_not_there_cannot_be_restarted(connection, api):
    full_synch = make_full_synch(connection, "CURRENCY")
    answer = api("administrator").post(f"full-synchs/{full_synch.pk}/restart/", {"mappings": ["CUSTOMER"]})
    assert answer.status_code == 400
    assert "CUSTOMER" in answer.json()["detail"]


def test_the_status_shows_connections_workers_and_queues(connection, api):
    at = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    WorkerHeartbeat.objects.create(name="w1", kind="worker", at=at)
    shown = api("salesperson").get("/api/v1/status/").json()
    assert shown.pop("version")
    assert shown == {
        "connections": [
            {
                "slug": "default",
                "name": "Business Central and Sales",
                "enabled": True,
                "state": "enabled",
                "disabled_reason": "",
            }
        ],
        "workers": [{"name": "w1", "kind": "worker", "heartbeat_at": iso(at)}],
        "queues": {"high": 0, "default": 0, "low": 0},
    }


def test_the_status_is_200_without_any_connection(db, api):
    answer = api("salesperson").get("/api/v1/status/")
    assert (answer.status_code, answer.json()["connections"]) == (200, [])
