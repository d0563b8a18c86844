"""Reading from both systems: changes, deletions, live reads, queries, faults on the way."""

from uuid import uuid4

import pytest

from connector import auth
from connector import sales as sales_module
from connector.bulk import BulkWriter, Write
from connector.business_central import OVERLAP
from connector.choices import System
from connector.clients import business_central_client
from connector.errors import ErrorKind, RemoteError
from connector.http import batch
from connector.http.session import Patience
from connector.models import Connection, Credential
from connector.wire import parse_time


def _write(client, *writes):
    return {
        result.ref: result
        for results in BulkWriter(client).run(writes, before_send=lambda group: None)
        for result in results
    }


def _changes(client, table, properties, cursor=""):
    pages = list(client.read_changes(table, properties=properties, cursor=cursor))
    assert [page.cursor for page in pages[:-1]] == [None] * (len(pages) - 1)
    records = {record.key: record for page in pages for record in page.records}
    return records, [key for page in pages for key in page.deleted], pages[-1].cursor


class TestSalesChanges:
    def test_only_what_changed_comes_after_the_first_read(self, sales):
        kept, changed, removed = uuid4(), uuid4(), uuid4()
        _write(
            sales,
            *(Write(n, "create", "accounts", key, {"name": "A"}) for n, key in enumerate((kept, changed, removed))),
        )
        first, _, cursor = _changes(sales, "accounts", ["name"])
        assert set(first) == {kept, changed, removed}
        assert first[kept].values == {"name": "A"}
        assert first[kept].token.startswith('W/"')
        assert first[kept].modified_at.tzinfo is not None
        _write(
            sales,
            Write(1, "update", "accounts", changed, {"name": "B"}),
            Write(2, "delete", "accounts", removed, {}),
        )
        second, deleted, _ = _changes(sales, "accounts", ["name"], cursor)
        assert {key: record.values for key, record in second.items()} == {changed: {"name": "B"}}
        assert deleted == [removed]

    def test_many_rows_come_in_pages_and_the_cursor_with_the_last(self, sales, monkeypatch):
        monkeypatch.setattr(sales_module, "PAGE_SIZE", 10)
        _write(sales, *(Write(n, "create", "accounts", uuid4(), {"name": f"A{n}"}) for n in range(25)))
        pages = list(sales.read_changes("accounts", properties=["name"], cursor=""))
        assert [len(page.records) for page in pages] == [10, 10, 5]
        assert [page.cursor is None for page in pages] == [True, True, False]

    def test_a_cursor_that_sales_forgot_raises_its_own_error(self, sales, sandbox):
        _, _, cursor = _changes(sales, "accounts", ["name"])
        sandbox.control("PUT", "/faults", [{"system": "sales", "kind": "stale_delta"}])
        with pytest.raises(RemoteError) as expired:
            _changes(sales, "accounts", ["name"], cursor)
        assert expired.value.code == "sales.delta_expired"

    def test_lookup_targets_are_read_where_asked_for(self, sales):
        account, contact = uuid4(), uuid4()
        target = "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"
        _write(sales, Write(1, "create", "accounts", account, {"name": "A"}))
        _write(
            sales,
            Write(
                1,
                "create",
                "contacts",
                contact,
                {"lastname": "Ng", "parentcustomerid_account@odata.bind": f"/accounts({account})"},
            ),
        )
        properties = ["lastname", "_parentcustomerid_value", target]
        records, _, _ = _changes(sales, "contacts", properties)
        assert records[contact].values == {
            "lastname": "Ng",
            "_parentcustomerid_value": str(account),
            target: "account",
        }


class TestSalesReads:
    def test_live_reads_take_few_requests_and_leave_out_what_is_gone(self, sales, meter):
        keys = [uuid4() for _ in range(600)]
        _write(sales, *(Write(n, "create", "accounts", key, {"name": f"A{n}"}) for n, key in enumerate(keys)))
        before = meter.requests
        found = sales.read_records("accounts", [*keys, uuid4()], properties=["name"])
        assert set(found) == set(keys)
        assert meter.requests - before == 1

    def test_query_filters_sorts_and_limits(self, sales):
        _write(sales, *(Write(n, "create", "accounts", uuid4(), {"name": f"A & {n}"}) for n in range(5)))
        names = [
            record.values["name"]
            for record in sales.query(
                "accounts", properties=["name"], filter="name ne 'A & 2'", orderby="name desc", top=2
            )
        ]
        assert names == ["A & 4", "A & 3"]
        assert sales.count("accounts", filter="name eq 'A & 1'") == 1
        assert len(list(sales.keys("accounts"))) == 5

    def test_metadata_names_keys_lookups_and_choices(self, sales):
        info = sales.table("transactioncurrencies")
        assert (info.entity, info.primary_id, info.change_tracking) == (
            "transactioncurrency",
            "transactioncurrencyid",
            True,
        )
        account = sales.entity_metadata("account")
        assert account.navigation["primarycontactid"] == {"contact": "primarycontactid"}
        assert account.attributes["name"] == "String"
        assert (1, "Net 30") in [(each.value, each.label) for each in sales.options("account", "paymenttermscode")]

    def test_an_unknown_table_says_so(self, sales):
        with pytest.raises(RemoteError) as unknown:
            sales.table("accountz")
        assert (unknown.value.code, unknown.value.kind) == ("sales.unknown_table", ErrorKind.CONFIG)

    def test_an_unknown_column_is_named(self, sales):
        with pytest.raises(RemoteError) as unknown:
            list(sales.query("accounts", properties=["nam"]))
        assert (unknown.value.code, unknown.value.details["field"]) == ("mapping.unknown_column", "nam")


class TestBusinessCentralReads:
    def test_changes_since_the_cursor_come_with_an_overlap(self, business_central):
        created = _write(business_central, Write(1, "create", "customers", None, {"displayName": "A"}))[1]
        first, _, cursor = _changes(business_central, "customers", ["displayName", "creditLimit"])
        assert first[created.key].values["displayName"] == "A"
        assert first[created.key].token == created.token
        again, _, _ = _changes(business_central, "customers", ["displayName"], cursor)
        assert set(again) == set(first)

    def test_the_cursor_is_the_servers_time_less_the_overlap(self, business_central):
        before = business_central.session.get("api/v2.0/companies").date
        _, _, cursor = _changes(business_central, "customers", ["displayName"])
        after = business_central.session.get("api/v2.0/companies").date
        assert before - OVERLAP <= parse_time(cursor) <= after - OVERLAP

    def test_nothing_older_than_the_cursor_comes(self, business_central, sandbox):
        _write(business_central, Write(1, "create", "customers", None, {"displayName": "Old"}))
        sandbox.control("PUT", "/clock", {"business_central": {"offset_s": 3600}})
        _, _, cursor = _changes(business_central, "customers", ["displayName"])
        new = _write(business_central, Write(1, "create", "customers", None, {"displayName": "New"}))[1]
        later, _, _ = _changes(business_central, "customers", ["displayName"], cursor)
        assert set(later) == {new.key}

    def test_a_server_whose_clock_is_late_loses_nothing(self, business_central, sandbox):
        sandbox.control("PUT", "/clock", {"business_central": {"offset_s": -3600}})
        _, _, cursor = _changes(business_central, "customers", ["displayName"])
        new = _write(business_central, Write(1, "create", "customers", None, {"displayName": "New"}))[1]
        later, _, _ = _changes(business_central, "customers", ["displayName"], cursor)
        assert set(later) == {new.key}

    def test_full_reads_everything_whatever_the_cursor(self, business_central):
        _write(business_central, Write(1, "create", "customers", None, {"displayName": "A"}))
        pages = list(
            business_central.read_changes(
                "customers", properties=["displayName"], cursor="2999-01-01T00:00:00Z", full=True
            )
        )
        assert sum(len(page.records) for page in pages) == 1

    def test_live_reads_leave_out_what_is_gone(self, business_central, meter):
        created = _write(
            business_central,
            *(Write(n, "create", "customers", None, {"displayName": f"C{n}"}) for n in range(120)),
        )
        keys = [result.key for result in created.values()]
        business_central.has_stamps("customers")
        before = meter.requests
        found = business_central.read_records("customers", [*keys, uuid4()], properties=["displayName"])
        assert set(found) == set(keys)
        assert meter.requests - before == 1
        assert business_central.count("customers") == len(list(business_central.keys("customers"))) == 120

    def test_companies_company_and_rates_are_read(self, business_central, sandbox):
        assert [company.name for company in business_central.companies()] == [sandbox.company]
        assert business_central.singleton("companyInformation")["currencyCode"] == "EUR"
        assert {rate.currency_code for rate in business_central.exchange_rates()} == {"GBP", "USD"}


class TestTheWayThere:
    def test_reads_survive_broken_connections_and_server_errors(self, sales, sandbox):
        faults = ["drop_before", "server_error", "truncate"]
        for kind in faults:
            sandbox.control("PUT", "/faults", [{"system": "sales", "match": "accounts", "kind": kind, "count": 1}])
            assert list(sales.query("accounts", properties=["name"])) == []
            assert sandbox.control("GET", "/faults")[0]["injected"] == 1

    def test_an_expired_token_is_renewed_once(self, sales, sandbox):
        list(sales.query("accounts", properties=["name"]))
        sandbox.control("PUT", "/faults", [{"system": "sales", "kind": "expired_token", "count": 1}])
        assert list(sales.query("accounts", properties=["name"])) == []

    def test_fresh_tokens_refused_several_times_in_a_row_are_got_over(self, sales, sandbox):
        sales.session.patience = Patience(attempts=6, total_seconds=60, base_delay_seconds=0.01)
        sandbox.control("PUT", "/faults", [{"system": "sales", "kind": "expired_token", "count": 5}])
        assert list(sales.query("accounts", properties=["name"])) == []
        assert sandbox.control("GET", "/faults")[0]["injected"] == 5

    def test_tokens_that_are_never_accepted_are_given_up(self, sales, sandbox):
        sales.session.patience = Patience(attempts=3, total_seconds=60, base_delay_seconds=0.01)
        sandbox.control("PUT", "/faults", [{"system": "sales", "kind": "expired_token", "count": 50}])
        with pytest.raises(RemoteError):
            list(sales.query("accounts", properties=["name"]))
        assert sandbox.control("GET", "/faults")[0]["injected"] == 3

    def test_throttling_is_waited_out_and_counted(self, business_central, sandbox, meter):
        business_central.has_stamps("customers")
        sandbox.control("PUT", "/faults", [{"system": "business_central", "kind": "throttle", "count": 1}])
        assert list(business_central.query("customers", properties=["number"])) == []
        assert meter.throttled_seconds > 0

    def test_a_wrong_secret_says_what_to_do(self, connection, sandbox):
        Credential.objects.update(secret="wrong")
        auth._kept.clear()
        client = business_central_client(Connection.objects.get(pk=connection.pk))
        with pytest.raises(RemoteError) as wrong:
            client.companies()
        assert (wrong.value.code, wrong.value.system) == ("sign_in.wrong_secret", System.BUSINESS_CENTRAL)

    def test_links_to_other_hosts_are_not_followed(self, sales):
        with pytest.raises(RemoteError) as foreign:
            sales.session.get("https://elsewhere.example/api/data/v9.2/accounts")
        assert foreign.value.code == "connection.foreign_host"

    def test_reads_inside_a_batch_come_in_order(self, sales):
        answers, _ = sales.timed_batch(
            [batch.Part("GET", "WhoAmI"), batch.Part("GET", "nothings"), batch.Part("GET", "RetrieveVersion")],
            repeatable=True,
        )
        assert [answer.status for answer in answers] == [200, 404, 200]
