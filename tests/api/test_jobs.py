"""Jobs, their log and the journal over the REST API: shown and refused."""

import pytest

from coupling.models import Coupling
from syncjobs.models import JobLogEntry, Operation, SynchJob
from tests.api.builders import (
    BEGIN,
    END,
    NO_COUNTERS,
    iso,
    make_full_synch,
    make_job,
    make_operation,
    make_pair,
    make_schedule,
)


def test_a_job_is_shown_with_exactly_the_documented_properties(connection, api, people):
    job = make_job(
        connection, user=people["operator"], trigger="api", state="partly", message="8 created, 2 failed.", inserted=8,
        failed=2, done=10, total=10, requests=3, throttled_seconds=1.25,
    )  # fmt: skip
    assert api("salesperson").get(f"jobs/{job.pk}/").json() == {
        "id": job.pk,
        "mapping": "CUSTOMER",
        "mode": "modified",
        "direction": "bidirectional",
        "trigger": "api",
        "user": "operator",
        "state": "partly",
        "message": "8 created, 2 failed.",
        "counters": {**NO_COUNTERS, "inserted": 8, "failed": 2},
        "progress": {"done": 10, "total": 10, "rate": 2.5, "throttled_seconds": 1.2, "requests": 3},
        "created_at": iso(job.created_at),
        "started_at": iso(BEGIN),
        "finished_at": iso(END),
    }


def test_a_failed_jobs_message_says_what_to_do(connection, api):
    job = make_job(connection, state="failed", message="Sales has no such column.", hint="Switch the field off.")
    shown = api("salesperson").get(f"jobs/{job.pk}/").json()
    assert shown["message"] == "Sales has no such column. Switch the field off."


def test_a_job_that_waits_has_no_rate_and_no_user(connection, api):
    job = make_job(connection, state="queued", started_at=None, finished_at=None)
    shown = api("salesperson").get(f"jobs/{job.pk}/").json()
    assert (shown["user"], shown["started_at"], shown["progress"]["rate"]) == (None, None, 0.0)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({}, ["c", "b", "a"]),
        ({"mapping": "CUSTOMER"}, ["b", "a"]),
        ({"mapping": "NONE"}, []),
        ({"state": "failed"}, ["b"]),
        ({"state": ["failed", "succeeded"]}, ["c", "b", "a"]),
        ({"mode": "full"}, ["c"]),
        ({"trigger": "api"}, ["a"]),
        ({"direction": "to_sales"}, ["c"]),
        ({"search": "broke"}, ["b"]),
        ({"changed": "true"}, ["a"]),
    ],
)
def test_jobs_take_the_filters_of_the_page_newest_first(connection, api, query, kept):
    jobs = {
        "a": make_job(connection, trigger="api", inserted=1),
        "b": make_job(connection, state="failed", message="It broke."),
        "c": make_job(connection, "CURRENCY", mode="full", direction="to_sales"),
    }
    rows = api("salesperson").get("jobs/", **query).json()["results"]
    assert [row["id"] for row in rows] == [jobs[name].pk for name in kept]


def test_the_log_goes_on_behind_an_entry(connection, api):
    job = make_job(connection)
    first, second = (JobLogEntry.objects.create(job=job, message=text) for text in ("Reading.", "Writing."))
    client = api("salesperson")
    rows = client.get(f"jobs/{job.pk}/log/").json()["results"]
    assert rows[0] == {"id": first.pk, "at": iso(first.at), "level": "info", "message": "Reading."}
    rows = client.get(f"jobs/{job.pk}/log/", after=first.pk).json()["results"]
    assert [row["id"] for row in rows] == [second.pk]
    bad = client.get(f"jobs/{job.pk}/log/", after="x")
    assert (bad.status_code, list(bad.json())) == (400, ["after"])


def test_a_waiting_job_is_cancelled_at_once_and_only_once(connection, api):
    job = make_job(connection, state="queued", started_at=None, finished_at=None)
    answer = api("operator").post(f"jobs/{job.pk}/cancel/")
    assert answer.status_code == 202
    assert answer.json()["job"]["state"] == "cancelled"
    assert answer.json()["job"] == api("operator").get(f"jobs/{job.pk}/").json()
    assert api("operator").post(f"jobs/{job.pk}/cancel/").status_code == 409


def test_a_running_job_is_asked_to_stop(connection, api):
    job = make_job(connection, state="running", finished_at=None)
    assert api("operator").post(f"jobs/{job.pk}/cancel/").json()["job"]["state"] == "running"
    job.refresh_from_db()
    assert job.cancel_requested


def test_a_job_goes_with_its_journal_unless_it_runs_or_a_skipped_pair_refers_to_it(connection, api):
    job, pair = make_job(connection), make_pair(connection)
    make_operation(job, pair)
    Coupling.objects.update(skipped_at=END, last_job_id=job.pk)
    assert api("administrator").delete(f"jobs/{job.pk}/").status_code == 409
    Coupling.objects.update(skipped_at=None)
    SynchJob.objects.update(state="running")
    assert api("administrator").delete(f"jobs/{job.pk}/").status_code == 409
    SynchJob.objects.update(state="succeeded")
    assert api("administrator").delete(f"jobs/{job.pk}/").status_code == 204
    assert not SynchJob.objects.exists()
    assert not Operation.objects.exists()


def test_undo_is_409_where_there_is_nothing_to_undo(connection, api):
    running, idle = make_job(connection, state="running"), make_job(connection)
    for job in (running, idle):
        assert api("administrator").post(f"jobs/{job.pk}/undo/").status_code == 409


def test_an_operation_is_shown_with_before_after_and_error(connection, api):
    job, pair = make_job(connection), make_pair(connection)
    operation = make_operation(
        job, pair, state="failed", attempts=2, error_code="record.too_long", error_message="The name is too long.",
        error_hint="Shorten it.",
    )  # fmt: skip
    [shown] = api("salesperson").get("operations/").json()["results"]
    assert shown == {
        "id": operation.pk,
        "job": job.pk,
        "coupling": pair.pk,
        "mapping": "CUSTOMER",
        "system": "sales",
        "table": "accounts",
        "record_id": str(pair.sales_key),
        "kind": "update",
        "state": "failed",
        "before": {"name": "Old"},
        "after": {"name": "New"},
        "attempts": 2,
        "error": {"code": "record.too_long", "message": "The name is too long.", "hint": "Shorten it."},
        "created_at": iso(operation.created_at),
    }


def test_an_operation_of_an_uncoupled_record_has_nulls(connection, api):
    operation = make_operation(make_job(connection), make_pair(connection), record_id=None)
    Operation.objects.update(coupling=None, job=None)
    [shown] = api("salesperson").get("operations/").json()["results"]
    assert shown["id"] == operation.pk
    assert (shown["job"], shown["coupling"], shown["record_id"], shown["error"]) == (None, None, None, None)


def test_money_in_the_journal_keeps_its_digits(connection, api):
    from decimal import Decimal

    make_operation(make_job(connection), make_pair(connection), after={"creditlimit": Decimal("1234567890123.4500")})
    answer = api("salesperson").get("operations/")
    assert '"creditlimit":1234567890123.4500' in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({}, ["b", "a"]),
        ({"job": "{job}"}, ["a"]),
        ({"coupling": "{pair}"}, ["b", "a"]),
        ({"coupling": 999}, []),
        ({"state": "conflict"}, ["b"]),
        ({"kind": "create"}, ["b"]),
        ({"system": "business_central"}, ["b"]),
        ({"mapping": "CURRENCY"}, []),
        ({"error": "engine.conflict"}, ["b"]),
    ],
)
def test_operations_take_the_filters_of_the_page_newest_first(connection, api, query, kept):
    pair, job = make_pair(connection), make_job(connection)
    rows = {
        "a": make_operation(job, pair),
        "b": make_operation(
            make_job(connection), pair, state="conflict", kind="create", system="business_central",
            error_code="engine.conflict",
        ),
    }  # fmt: skip
    known = {"{job}": job.pk, "{pair}": pair.pk}
    query = {name: known.get(value, value) for name, value in query.items()}
    answer = api("salesperson").get("operations/", **query).json()
    assert [row["id"] for row in answer["results"]] == [rows[name].pk for name in kept]


@pytest.mark.parametrize(
    ("address", "query", "named"),
    [
        ("jobs/", {"state": "happy"}, "state"),
        ("jobs/", {"mode": "sometimes"}, "mode"),
        ("operations/", {"state": "happy"}, "state"),
        ("operations/", {"job": "x"}, "job"),
        ("operations/", {"system": "mars"}, "system"),
        ("couplings/", {"state": "happy"}, "state"),
        ("couplings/", {"sales_id": "x"}, "sales_id"),
        ("schedules/", {"state": "happy"}, "state"),
        ("mappings/", {"direction": "up"}, "direction"),
        ("records/sales/accounts/", {"coupled": "maybe"}, "coupled"),
        ("records/sales/accounts/", {"state": "happy"}, "state"),
        ("records/sales/accounts/", {"mapping": "NONE"}, "mapping"),
    ],
)
def test_an_unknown_filter_value_is_400_naming_the_filter(connection, api, address, query, named):
    answer = api("administrator").get(address, **query)
    assert (answer.status_code, list(answer.json())) == (400, [named])


def test_only_failed_operations_are_retried_and_only_conflicts_resolved(connection, api):
    settled = make_operation(make_job(connection), make_pair(connection))
    client = api("salesperson")
    assert client.post(f"operations/{settled.pk}/retry/").json()["code"] == "operation.not_failed"
    assert client.post(f"operations/{settled.pk}/resolve/", {"use": "sales"}).json()["code"] == "operation.no_conflict"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "use"),
        ({"use": "nobody"}, "use"),
        ({"use": "sales", "fields": {"colour": "sales"}}, "fields"),
        ({"use": "sales", "fields": {"city": ["sales"]}}, "fields"),
    ],
)
def test_a_bad_decision_is_400_naming_it(connection, api, body, named):
    conflict = make_operation(make_job(connection), make_pair(connection, conflict=True), state="conflict")
    answer = api("salesperson").post(f"operations/{conflict.pk}/resolve/", body)
    assert (answer.status_code, list(answer.json())) == (400, [named])
    assert SynchJob.objects.count() == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_lists_take_a_constant_number_of_queries(connection, api, django_assert_num_queries, rows):
    names = ["CUSTOMER", "CURRENCY", "VENDOR"]
    for number in range(rows):
        job, pair = make_job(connection), make_pair(connection, str(number))
        make_operation(job, pair)
        JobLogEntry.objects.create(job=job, message="Reading.")
        make_schedule(connection, names[number])
        make_full_synch(connection, *names[: number + 1])
    client = api("operator")
    numbers = {
        "jobs/": 5,
        f"jobs/{job.pk}/log/": 6,
        "operations/": 5,
        "schedules/": 5,
        "full-synchs/": 7,
        "mappings/": 5,
        "couplings/": 7,
        "records/sales/accounts/": 8,
    }
    for address, queries in numbers.items():
        with django_assert_num_queries(queries):
            assert client.get(address).status_code == 200


def test_account_statistics_of_one_customer_are_a_job(connection, api):
    pair = make_pair(connection)
    answer = api("salesperson").post(f"couplings/{pair.pk}/statistics/")
    job = SynchJob.objects.get(pk=answer.json()["job"]["id"])
    assert (answer.status_code, job.options) == (
        202, {"process": "customer-statistics", "documents": [str(pair.sales_key)]},
    )  # fmt: skip
    Coupling.objects.filter(pk=pair.pk).update(bc_table="items")
    assert api("salesperson").post(f"couplings/{pair.pk}/statistics/").status_code == 404
