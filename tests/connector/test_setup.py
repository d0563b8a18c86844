"""Settings, enabling, disabling and resetting: services and the REST API over them."""

from uuid import uuid4

import pytest

from connector import auth, provisioning
from connector.choices import System
from connector.error_table import Answer, error_of_answer
from connector.models import AuditEntry, Connection, Credential
from connector.provisioning import Subscriber
from connector.services import setup
from tests.connector.conftest import COMPANY_ID, sandbox_settings

ROOT = "/api/v1/connections/default/"


@pytest.fixture
def calls(monkeypatch):
    """What a subscriber was told, in order."""
    told: list[str] = []
    subscriber = Subscriber(
        name="test",
        order=1,
        changed=lambda connection, changed, user: told.append(f"changed {sorted(changed)}"),
        enabled=lambda connection, user: told.append("enabled"),
        disabled=lambda connection: told.append("disabled"),
        reset=lambda connection, user: told.append("reset"),
    )
    monkeypatch.setattr(provisioning, "_subscribers", {"test": subscriber})
    return told


class TestFromNothing:
    def test_one_patch_with_a_company_name_is_enough_to_enable(self, db, sandbox, administrator, api, calls):
        auth._kept.clear()
        Connection.objects.create()
        body = {
            **sandbox_settings(sandbox),
            "business_central_url": f"{sandbox.url}/v2.0/{sandbox.tenant}/production/api/v2.0",
            "client_secret": sandbox.client_secret,
            "company": sandbox.company,
            "enabled": True,
        }
        answer = api(administrator).patch(ROOT, body, format="json")
        assert answer.status_code == 200, answer.data
        shown = answer.json()
        assert (shown["enabled"], shown["state"], shown["company"]) == (True, "enabled", COMPANY_ID)
        assert shown["business_central_url"] == sandbox.url
        assert (shown["base_currency"], shown["base_currency_symbol"], shown["base_currency_precision"]) == (
            "EUR",
            "€",
            2,
        )
        assert not {"client_secret", "certificate", "private_key"} & set(shown)
        assert sandbox.client_secret not in str([list(AuditEntry.objects.values()), shown])
        assert calls[-1] == "enabled"

    def test_facts_of_both_systems_are_kept(self, connection):
        setup.enable(connection=connection, user=None)
        connection.refresh_from_db()
        assert connection.local_currency_code == "EUR"
        for fact in ("organization_id", "sales_user_id", "business_unit_id", "owning_team_id", "company_row_id"):
            assert getattr(connection, fact) is not None, fact
        assert "customers" in connection.capabilities["api"]
        assert "resources" in connection.capabilities["companion"]
        assert "accounts" in connection.capabilities["company_tables"]

    def test_enabling_twice_makes_one_company_row(self, connection):
        setup.enable(connection=connection, user=None)
        first = connection.company_row_id
        setup.disable(connection=connection, user=None, reason="")
        setup.enable(connection=connection, user=None)
        assert connection.company_row_id == first

    def test_a_second_connection_is_made_by_post(self, db, administrator, api):
        answer = api(administrator).post("/api/v1/connections/", {"slug": "north", "name": "North"}, format="json")
        assert (answer.status_code, answer.json()["slug"], answer.json()["enabled"]) == (201, "north", False)
        again = api(administrator).post("/api/v1/connections/", {"slug": "north"}, format="json")
        assert (again.status_code, list(again.json())) == (400, ["slug"])


class TestRefusals:
    def test_failing_checks_leave_it_disabled_and_are_listed(self, connection, administrator, api, calls):
        Credential.objects.update(secret="wrong")
        auth._kept.clear()
        answer = api(administrator).patch(ROOT, {"enabled": True}, format="json")
        assert answer.status_code == 400
        assert "secret is not the right one" in answer.json()["detail"]
        assert {step["state"] for step in answer.json()["steps"]} >= {"failed", "skipped"}
        connection.refresh_from_db()
        assert (connection.enabled, connection.base_currency) == (False, "")
        assert "enabled" not in calls

    @pytest.mark.parametrize(
        ("body", "name"),
        [
            ({"sales_url": "http://contoso.example"}, "sales_url"),
            ({"no_such_setting": 1}, "no_such_setting"),
            ({"ownership_model": "nobody"}, "ownership_model"),
            ({"base_currency": "EUR"}, "base_currency"),
            ({"company": "No such company"}, "company"),
            ({"automatically_create_sales_orders": True}, "automatically_create_sales_orders"),
        ],
    )
    def test_bad_settings_are_named(self, connection, administrator, api, body, name):
        answer = api(administrator).patch(ROOT, body, format="json")
        assert (answer.status_code, list(answer.json())) == (400, [name])

    @pytest.mark.parametrize(
        "body",
        [
            {"sales_url": "https://other.example"},
            {"client_id": "x"},
            {"ownership_model": "person"},
            {"unit_group_mapping": False},
            {"company": None},
        ],
    )
    def test_what_holds_couplings_together_changes_only_while_disabled(self, connection, administrator, api, body):
        Connection.objects.update(enabled=True)
        answer = api(administrator).patch(ROOT, body, format="json")
        assert answer.status_code == 409
        assert next(iter(body)) in answer.json()["detail"]
        Connection.objects.update(enabled=False)
        assert api(administrator).patch(ROOT, body, format="json").status_code == 200

    def test_the_same_value_again_is_no_change(self, connection, administrator, api, sandbox, calls):
        Connection.objects.update(enabled=True)
        answer = api(administrator).patch(ROOT, {"sales_url": sandbox.url + "/"}, format="json")
        assert answer.status_code == 200
        assert calls == []

    def test_a_bad_secret_does_not_replace_a_working_one(self, connection, administrator, api, sandbox):
        Connection.objects.update(enabled=True)
        answer = api(administrator).patch(ROOT, {"client_secret": "wrong"}, format="json")
        assert (answer.status_code, list(answer.json())) == (400, ["client_secret"])
        assert Credential.objects.get().secret == sandbox.client_secret

    def test_leaving_submitted_orders_switches_automatic_creation_off(self, connection, administrator, api):
        client = api(administrator)
        client.patch(
            ROOT,
            {"sales_order_integration": "legacy", "automatically_create_sales_orders": True},
            format="json",
        )
        shown = client.patch(ROOT, {"sales_order_integration": "none"}, format="json").json()
        assert shown["automatically_create_sales_orders"] is False

    def test_leaving_submitted_orders_is_refused_while_one_waits(self, connection, administrator, api, sales):
        Connection.objects.update(sales_order_integration="legacy")
        account, order = uuid4(), uuid4()
        sales.session.send("POST", "accounts", body={"accountid": str(account), "name": "A"})
        body = {"salesorderid": str(order), "name": "Waits", "customerid_account@odata.bind": f"/accounts({account})"}
        sales.session.send("POST", "salesorders", body=body)
        sales.session.send("PATCH", f"salesorders({order})", body={"statecode": 1, "statuscode": 3})
        answer = api(administrator).patch(ROOT, {"sales_order_integration": "none"}, format="json")
        assert answer.status_code == 409
        assert "still submitted" in answer.json()["detail"]
        assert Connection.objects.get().sales_order_integration == "legacy"


class TestRoles:
    @pytest.mark.parametrize(
        ("role", "get", "patch", "post_test", "reset"),
        [
            ("administrator", 200, 200, 200, 400),
            ("operator", 200, 403, 200, 403),
            ("salesperson", 403, 403, 403, 403),
        ],
    )
    def test_each_role_may_what_its_line_says(self, connection, request, api, role, get, patch, post_test, reset):
        client = api(request.getfixturevalue(role))
        assert client.get(ROOT).status_code == get
        assert client.patch(ROOT, {"name": "New"}, format="json").status_code == patch
        assert client.post(f"{ROOT}test/").status_code == post_test
        assert client.post(f"{ROOT}reset/", {"confirm": "wrong"}, format="json").status_code == reset

    def test_strangers_are_refused(self, db):
        from rest_framework.test import APIClient

        assert APIClient().get(ROOT).status_code == 401


class TestDisableAndReset:
    def test_disabling_keeps_settings_and_empties_facts(self, connection, administrator, api, calls):
        setup.enable(connection=connection, user=None)
        shown = api(administrator).patch(ROOT, {"enabled": False}, format="json").json()
        assert (shown["enabled"], shown["state"], shown["base_currency"]) == (False, "disabled", "")
        assert calls == ["enabled", "disabled"]
        assert AuditEntry.objects.filter(action="disable connection", user=administrator).exists()

    def test_a_refused_sign_in_switches_it_off_and_says_why(self, connection, calls):
        Connection.objects.update(enabled=True, state="enabled")
        connection.refresh_from_db()
        passing = error_of_answer(Answer(System.SALES, 503))
        assert not setup.disable_if_broken(connection=connection, error=passing)
        refused = error_of_answer(Answer(System.BUSINESS_CENTRAL, 401, "Authentication_InvalidCredentials", "No."))
        assert setup.disable_if_broken(connection=connection, error=refused)
        connection.refresh_from_db()
        assert (connection.enabled, connection.state) == (False, "broken")
        assert connection.disabled_reason.startswith("Business Central does not accept the hub's application.")
        assert calls == ["disabled"]

    def test_reset_puts_settings_back_and_provisions_again(self, connection, administrator, api, sandbox, calls):
        Connection.objects.update(extended_pricing=False, ownership_model="person", write_in_product_no="W1")
        connection.refresh_from_db()
        setup.enable(connection=connection, user=None)
        answer = api(administrator).post(f"{ROOT}reset/", {"confirm": "default"}, format="json")
        assert answer.status_code == 204
        connection.refresh_from_db()
        assert (connection.extended_pricing, connection.ownership_model, connection.write_in_product_no) == (
            True,
            "team",
            "",
        )
        assert (connection.enabled, connection.sales_url, connection.base_currency) == (True, sandbox.url, "EUR")
        assert calls == ["enabled", "reset", "enabled"]
