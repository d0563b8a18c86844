"""Bulk writes against the sandbox: every write has one result, and a bad record fails alone."""

from collections import Counter
from uuid import UUID, uuid4

import pytest

from connector.bulk import BulkWriter, Write, WriteResult, WriteStatus
from connector.errors import ErrorKind


def _run(client, writes, **kwargs) -> dict[int, WriteResult]:
    results: dict[int, WriteResult] = {}
    announced: list[int] = []
    for batch in BulkWriter(client).run(
        writes, before_send=lambda group: announced.extend(write.ref for write in group), **kwargs
    ):
        for result in batch:
            assert result.ref not in results
            assert result.ref in announced
            results[result.ref] = result
    assert len(announced) == len(set(announced))
    return results


def _statuses(results) -> Counter:
    return Counter(result.status for result in results.values())


def _accounts(count: int) -> list[Write]:
    return [Write(ref, "create", "accounts", uuid4(), {"name": f"Account {ref}"}) for ref in range(count)]


def _customers(count: int) -> list[Write]:
    return [Write(ref, "create", "customers", None, {"displayName": f"Customer {ref}"}) for ref in range(count)]


class TestSalesCreates:
    def test_all_are_written_with_the_keys_the_hub_chose_in_few_requests(self, sales, meter):
        sales.supports_create_multiple("account")
        sales.table("accounts")
        before = meter.requests
        writes = _accounts(250)
        results = _run(sales, writes)
        assert _statuses(results) == {WriteStatus.DONE: 250}
        assert [results[write.ref].key for write in writes] == [write.key for write in writes]
        assert meter.requests - before == 3
        found = sales.read_records("accounts", [write.key for write in writes], properties=["name"])
        assert {key: record.values["name"] for key, record in found.items()} == {
            write.key: write.body["name"] for write in writes
        }

    def test_a_bad_record_fails_alone(self, sales):
        writes = _accounts(150)
        writes[70] = Write(70, "create", "accounts", uuid4(), {"name": "x" * 161})
        results = _run(sales, writes)
        assert _statuses(results) == {WriteStatus.DONE: 149, WriteStatus.FAILED: 1}
        error = results[70].error
        assert (error.code, error.details["field"], error.details["limit"]) == ("record.text_too_long", "name", "160")

    def test_repeating_them_finds_every_key_taken_and_writes_nothing_twice(self, sales, meter):
        writes = _accounts(120)
        _run(sales, writes[:100])
        before = meter.requests
        results = _run(sales, writes)
        assert _statuses(results) == {WriteStatus.EXISTS: 100, WriteStatus.DONE: 20}
        assert meter.requests - before <= 6
        assert sales.count("accounts") == 120

    def test_a_lost_answer_is_repeated_because_the_keys_make_it_harmless(self, sales, sandbox):
        sandbox.control(
            "PUT",
            "/faults",
            [{"system": "sales", "match": "accounts", "method": "POST", "kind": "drop_after_commit", "count": 1}],
        )
        results = _run(sales, _accounts(60))
        assert _statuses(results) == {WriteStatus.EXISTS: 60}
        assert sales.count("accounts") == 60

    def test_a_missing_privilege_fails_all_without_splitting(self, sales, sandbox, meter):
        sandbox.control("PUT", "/profile", {"sales": {"denied": ["prvCreateAccount"]}})
        sales.supports_create_multiple("account")
        sales.table("accounts")
        before = meter.requests
        results = _run(sales, _accounts(100))
        assert _statuses(results) == {WriteStatus.FAILED: 100}
        assert {result.error.kind for result in results.values()} == {ErrorKind.PERMISSION}
        assert meter.requests - before == 1


class TestSalesUpdates:
    @pytest.fixture
    def rows(self, sales):
        writes = _accounts(20)
        _run(sales, writes)
        return sales.read_records("accounts", [write.key for write in writes], properties=["name"])

    def test_each_outcome_is_told_apart_and_done_ones_have_the_new_token(self, sales, rows):
        keys = list(rows)
        gone = uuid4()
        results = _run(
            sales,
            [
                Write(1, "update", "accounts", keys[0], {"name": "New"}, rows[keys[0]].token),
                Write(2, "update", "accounts", keys[1], {"name": "Late"}, 'W/"1"'),
                Write(3, "update", "accounts", gone, {"name": "Gone"}, 'W/"1"'),
                Write(4, "update", "accounts", keys[2], {"primarycontactid@odata.bind": f"/contacts({gone})"}, ""),
                Write(5, "update", "accounts", keys[3], {"name": "Whatever its version"}),
                Write(6, "delete", "accounts", keys[4], {}, rows[keys[4]].token),
                Write(7, "delete", "accounts", gone, {}),
            ],
        )
        assert {ref: result.status for ref, result in results.items()} == {
            1: WriteStatus.DONE,
            2: WriteStatus.STALE,
            3: WriteStatus.MISSING,
            4: WriteStatus.FAILED,
            5: WriteStatus.DONE,
            6: WriteStatus.DONE,
            7: WriteStatus.MISSING,
        }
        assert results[4].error.kind is ErrorKind.DEPENDENCY
        now = sales.read_records("accounts", keys, properties=["name"])
        assert results[1].token == now[keys[0]].token != rows[keys[0]].token
        assert now[keys[1]].values["name"] == rows[keys[1]].values["name"]
        assert keys[4] not in now

    def test_a_lost_answer_is_unknown_and_not_repeated(self, sales, rows, sandbox):
        sandbox.control(
            "PUT", "/faults", [{"system": "sales", "match": "$batch", "kind": "drop_after_commit", "count": 1}]
        )
        results = _run(
            sales,
            [
                Write(n, "update", "accounts", key, {"name": "New"}, row.token)
                for n, (key, row) in enumerate(rows.items())
            ],
        )
        assert _statuses(results) == {WriteStatus.UNKNOWN: len(rows)}
        assert all(result.error.outcome_unknown for result in results.values())

    def test_throttling_delays_and_fails_nothing(self, sales, rows, sandbox, meter):
        sandbox.control("PUT", "/faults", [{"system": "sales", "match": "$batch", "kind": "throttle", "count": 1}])
        results = _run(
            sales,
            [
                Write(n, "update", "accounts", key, {"name": f"New {n}"}, row.token)
                for n, (key, row) in enumerate(rows.items())
            ],
        )
        assert _statuses(results) == {WriteStatus.DONE: len(rows)}
        assert meter.throttled_seconds > 0


class TestBusinessCentral:
    def test_creates_give_key_token_and_values_and_a_bad_record_fails_alone(self, business_central, meter):
        business_central.tables(business_central.addresses.service_of("customers"))
        before = meter.requests
        writes = _customers(120)
        writes[5] = Write(5, "create", "customers", None, {"displayName": "x" * 101})
        writes[6] = Write(6, "create", "customers", None, {"displayName": "A", "salespersonCode": "NOBODY"})
        results = _run(business_central, writes)
        assert _statuses(results) == {WriteStatus.DONE: 118, WriteStatus.FAILED: 2}
        assert meter.requests - before == 2
        assert results[5].error.details["field"] == "displayName"
        assert (results[6].error.code, results[6].error.kind) == ("record.unknown_code", ErrorKind.DEPENDENCY)
        done = results[0]
        live = business_central.read_records("customers", [done.key], properties=["displayName", "number"])[done.key]
        assert isinstance(done.key, UUID)
        assert done.token == live.token
        assert done.values["displayName"] == live.values["displayName"] == "Customer 0"
        assert done.values["number"] == live.values["number"]

    def test_updates_and_deletions_tell_stale_and_missing_apart(self, business_central):
        created = _run(business_central, _customers(4))
        keys = [created[ref].key for ref in range(4)]
        gone = uuid4()
        results = _run(
            business_central,
            [
                Write(1, "update", "customers", keys[0], {"phoneNumber": "1"}, created[0].token),
                Write(2, "update", "customers", keys[1], {"phoneNumber": "1"}, 'W/"JzE5OzAnOw=="'),
                Write(3, "update", "customers", gone, {"phoneNumber": "1"}),
                Write(4, "delete", "customers", keys[2], {}, created[2].token),
                Write(5, "update", "customers", keys[3], {"phoneNumber": "2"}),
            ],
        )
        assert {ref: result.status for ref, result in results.items()} == {
            1: WriteStatus.DONE,
            2: WriteStatus.STALE,
            3: WriteStatus.MISSING,
            4: WriteStatus.DONE,
            5: WriteStatus.DONE,
        }
        assert results[1].values["phoneNumber"] == "1"
        live = business_central.read_records("customers", keys, properties=["phoneNumber"])
        assert live[keys[0]].token == results[1].token
        assert keys[2] not in live

    def test_a_number_that_is_taken_says_exists(self, business_central):
        first = _run(business_central, [Write(1, "create", "unitsOfMeasure", None, {"code": "CRATE"})])
        again = _run(business_central, [Write(1, "create", "unitsOfMeasure", None, {"code": "CRATE"})])
        assert (first[1].status, again[1].status) == (WriteStatus.DONE, WriteStatus.EXISTS)

    def test_a_lost_answer_is_unknown_and_not_repeated(self, business_central, sandbox):
        sandbox.control(
            "PUT",
            "/faults",
            [{"system": "business_central", "match": "$batch", "kind": "drop_after_commit", "count": 1}],
        )
        results = _run(business_central, _customers(10))
        assert _statuses(results) == {WriteStatus.UNKNOWN: 10}
        assert business_central.count("customers") == 10

    def test_a_request_refused_before_any_work_is_repeated(self, business_central, sandbox):
        sandbox.control(
            "PUT",
            "/faults",
            [{"system": "business_central", "match": "$batch", "kind": "throttle", "count": 2}],
        )
        results = _run(business_central, _customers(10))
        assert _statuses(results) == {WriteStatus.DONE: 10}
        assert business_central.count("customers") == 10


def test_nothing_new_is_sent_once_the_caller_stops(sales):
    results = _run(sales, _accounts(50), should_stop=lambda: True)
    assert results == {}
    assert sales.count("accounts") == 0
