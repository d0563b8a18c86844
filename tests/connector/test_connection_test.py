"""The connection test against the sandbox: what passes, and what each wrong setting is called."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from connector import auth
from connector.clients import business_central_client, sales_client
from connector.models import Connection, Credential
from connector.services.connection_test import run_connection_test


def _report(connection: Connection):
    auth._kept.clear()
    return run_connection_test(connection=Connection.objects.get(pk=connection.pk))


def _failed(report):
    return {(step.system, step.name): step for step in report.steps if step.state == "failed"}


def _change(connection, **values):
    Connection.objects.filter(pk=connection.pk).update(**values)


def test_a_good_connection_passes_and_the_report_is_kept(connection):
    report = _report(connection)
    assert report.succeeded
    assert {step.system for step in report.steps} == {"business_central", "sales", "both"}
    assert {step.state for step in report.steps} == {"passed", "warning"}
    requests = [step.message for step in report.steps if step.name == "Requests"]
    assert len(requests) == 2
    assert all(message.endswith(" of 6,000 requests in the last 5 minutes.") for message in requests)
    connection.refresh_from_db()
    assert connection.last_test == report.as_json(details=True)
    assert connection.last_test_at is not None


@pytest.mark.parametrize(
    ("values", "step", "words"),
    [
        ({"tenant_id": "nowhere.example"}, ("business_central", "Sign-in"), "no tenant"),
        ({"tenant_id": ""}, ("business_central", "Sign-in"), "the tenant id"),
        (
            {"client_id": "00000000-0000-4000-8000-00000000dead"},
            ("business_central", "Sign-in"),
            "no application with this client id",
        ),
        ({"business_central_environment": "nowhere"}, ("business_central", "Environment"), "no environment"),
        ({"business_central_environment": ""}, ("business_central", "Environment"), "name is missing"),
        ({"company_id": None}, ("business_central", "Company"), "No company has been chosen"),
        (
            {"company_id": "00000000-0000-4000-8000-00000000dead"},
            ("business_central", "Company"),
            "no such company",
        ),
        ({"sales_url": ""}, ("sales", "Sign-in"), "Sales environment URL is missing"),
        ({"authority_url": "https://127.0.0.1:1"}, ("business_central", "Sign-in"), "cannot be reached"),
        ({"business_central_url": "https://127.0.0.1:1"}, ("business_central", "Environment"), "cannot be reached"),
    ],
)
def test_each_wrong_setting_is_named_and_later_steps_are_skipped(connection, values, step, words):
    _change(connection, **values)
    report = _report(connection)
    assert not report.succeeded
    found = _failed(report)[step]
    assert words in found.message
    assert found.hint
    later = [each for each in report.steps if each.system == step[0]]
    assert {each.state for each in later[later.index(found) + 1 :]} <= {"skipped"}


def test_a_wrong_secret_fails_both_sign_ins(connection):
    Credential.objects.update(secret="wrong")
    assert set(_failed(_report(connection))) == {("business_central", "Sign-in"), ("sales", "Sign-in")}


def test_an_untrusted_certificate_is_named(connection, settings):
    settings.SANDBOX_CA_FILE = ""
    step = _failed(_report(connection))["business_central", "Sign-in"]
    assert "certificate" in step.message


@pytest.mark.parametrize(
    ("content_type", "content"),
    [("text/html", b"<html>Sign in</html>"), ("application/json", b'{"hello": "world"}'), ("application/json", b"[]")],
)
def test_another_service_at_the_address_is_named(connection, content_type, content):
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            """Keeps the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _change(connection, business_central_url=f"http://127.0.0.1:{server.server_port}")
        failed = _failed(_report(connection))
        server.shutdown()
    assert list(failed) == [("business_central", "Environment")]
    assert failed["business_central", "Environment"].hint


def test_a_missing_application_user_in_sales_is_named(connection, sandbox):
    client = {"client_id": "c0091e70-0000-4000-8000-00000000abcd", "client_secret": "s"}
    sandbox.control("POST", "/clients", {**client, "sales_application_user": False})
    _change(connection, client_id=client["client_id"])
    Credential.objects.update(secret=client["client_secret"])
    failed = _failed(_report(connection))
    assert [key[0] for key in failed] == ["sales"]
    assert "no user for the hub's application" in next(iter(failed.values())).message


def test_an_application_that_is_not_enabled_in_business_central_is_named(connection, sandbox):
    client = {"client_id": "c0091e70-0000-4000-8000-00000000abce", "client_secret": "s"}
    sandbox.control("POST", "/clients", {**client, "business_central_application": False})
    _change(connection, client_id=client["client_id"])
    Credential.objects.update(secret=client["client_secret"])
    failed = _failed(_report(connection))
    assert [key[0] for key in failed] == ["business_central"]
    assert "does not accept the hub's application" in next(iter(failed.values())).message


@pytest.mark.parametrize("privilege", ["prvCreateAccount", "prvWriteContact", "prvReadProduct"])
def test_missing_privileges_in_sales_are_named(connection, sandbox, privilege):
    sandbox.control("PUT", "/profile", {"sales": {"denied": [privilege]}})
    step = _failed(_report(connection))["sales", "Privileges"]
    assert privilege in step.message


def test_a_missing_permission_in_business_central_names_the_table(connection, sandbox):
    sandbox.control("PUT", "/profile", {"business_central": {"denied": ["customers"]}})
    step = _failed(_report(connection))["business_central", "Tables"]
    assert "customers" in step.message


def test_a_local_currency_that_sales_lacks_is_named(connection, sandbox):
    sandbox.control("PUT", "/profile", {"business_central": {"local_currency": "SEK"}})
    step = _failed(_report(connection))["both", "Currencies"]
    assert "SEK" in step.message


def test_a_clock_that_is_wrong_is_a_warning_only(connection, sandbox):
    sandbox.control("PUT", "/clock", {"sales": {"offset_s": -300}})
    report = _report(connection)
    assert report.succeeded
    clocks = report.steps[-1]
    assert (clocks.name, clocks.state) == ("Clocks", "warning")
    assert "the hub and Sales" in clocks.message


def test_it_changes_nothing(connection):
    sales, business_central = sales_client(connection), business_central_client(connection)
    _, cursor = _all_rows(sales)
    _report(connection)
    assert _all_rows(sales, cursor)[0] == []
    assert business_central.count("customers") == 0


def _all_rows(client, cursor: str = ""):
    pages = list(client.read_changes("accounts", properties=["name"], cursor=cursor))
    return [record for page in pages for record in page.records], pages[-1].cursor
