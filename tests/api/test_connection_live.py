"""Testing, enabling and resetting a connection over the REST API, against the sandbox."""

import pytest

from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord, TableCursor
from syncjobs.models import FullSynch, Operation, Schedule, SynchJob
from tests.api.builders import make_full_synch, make_job, make_operation, make_pair


def test_a_test_tells_every_step_and_changes_nothing(hub, api):
    Connection.objects.update(enabled=False, state="disabled")
    before = Connection.objects.values("enabled", "state", "base_currency").get()
    report = api("operator").post("test/").json()
    assert report["succeeded"] is True
    assert {step["system"] for step in report["steps"]} == {"business_central", "sales", "both"}
    assert {step["state"] for step in report["steps"]} <= {"passed", "warning"}
    assert Connection.objects.values("enabled", "state", "base_currency").get() == before


def test_steps_after_a_failure_of_the_same_system_are_skipped(hub, api):
    Connection.objects.update(enabled=False, business_central_environment="nowhere")
    answer = api("operator").post("test/")
    assert answer.status_code == 200
    report = answer.json()
    assert report["succeeded"] is False
    states = [step["state"] for step in report["steps"] if step["system"] == "business_central"]
    failed = states.index("failed")
    assert set(states[failed + 1 :]) == {"skipped"}
    assert "failed" not in [step["state"] for step in report["steps"] if step["system"] == "sales"]


def test_enabling_runs_the_checks_and_reads_the_base_currency(hub, api):
    client = api("administrator")
    off = client.patch("", {"enabled": False}).json()
    assert (off["enabled"], off["state"], off["base_currency"]) == (False, "disabled", "")
    answer = client.patch("", {"enabled": True})
    assert answer.status_code == 200
    assert (
        answer.json().items()
        >= {
            "enabled": True,
            "state": "enabled",
            "base_currency": "EUR",
            "base_currency_symbol": "€",
            "base_currency_precision": 2,
        }.items()
    )
    assert Schedule.objects.filter(name="CUSTOMER").exists()


def test_enabling_with_a_failed_check_is_400_with_the_steps(hub, api):
    client = api("administrator")
    client.patch("", {"enabled": False, "client_secret": "wrong"})
    answer = client.patch("", {"enabled": True})
    assert answer.status_code == 400
    assert list(answer.json()) == ["detail", "steps"]
    assert answer.json()["detail"] == "The connection cannot be enabled: The client secret is not the right one."
    assert "failed" in {step["state"] for step in answer.json()["steps"]}
    assert client.get("").json()["enabled"] is False


def test_a_company_goes_in_by_name_and_comes_out_by_id(hub, api):
    client = api("administrator")
    client.patch("", {"enabled": False})
    assert client.patch("", {"company": ""}).json()["company"] is None
    assert client.patch("", {"company": hub.sandbox.company}).json()["company"] == str(hub.connection.company_id)
    unknown = client.patch("", {"company": "Nobody Ltd."})
    assert (unknown.status_code, list(unknown.json())) == (400, ["company"])


def test_order_integration_stays_while_submitted_orders_wait(hub, api):
    client = api("administrator")
    assert client.patch("", {"sales_order_integration": "legacy"}).status_code == 200
    account = hub.sales.create("accounts", name="Adatum", customertypecode=3)
    answer = hub.sales.client.session.send(
        "POST",
        "salesorders",
        body={"name": "Waiting order", "customerid_account@odata.bind": f"/accounts({account})"},
        headers={"Prefer": "return=representation"},
    )
    order = answer.data["salesorderid"]
    hub.sales.client.session.send(
        "PATCH", f"salesorders({order})", body={"statecode": 1, "statuscode": 3}, headers={"If-Match": "*"}
    )
    refused = client.patch("", {"sales_order_integration": "none"})
    assert refused.status_code == 409
    assert answer.data["ordernumber"] in refused.json()["detail"]


@pytest.mark.parametrize("enabled", [True, False])
def test_a_reset_forgets_everything_but_how_to_connect(hub, api, enabled):
    Connection.objects.update(enabled=enabled, automatic_jobs=False, name="Mine")
    pair = make_pair(hub.connection)
    make_operation(make_job(hub.connection), pair)
    make_full_synch(hub.connection, "CURRENCY")
    hub.connection.mappings.filter(name="CUSTOMER").update(sales_filter="", synch_only_coupled_records=False)
    hub.mapping("CUSTOMER").fields.all().delete()
    hub.mapping("CUSTOMER").templates.all().delete()
    answer = api("administrator").post("reset/", {"confirm": "default"})
    assert (answer.status_code, answer.content) == (204, b"")
    for model in (BusinessCentralRecord, SalesRecord, TableCursor, Coupling, SynchJob, Operation, FullSynch):
        assert not model.objects.exists(), model
    customers = hub.mapping("CUSTOMER")
    assert customers.synch_only_coupled_records
    assert "customertypecode" in customers.sales_filter
    assert customers.fields.filter(sales_attribute="name").exists()
    assert customers.templates.count() == 1
    settings = api("administrator").get("").json()
    assert settings.items() >= {"enabled": enabled, "automatic_jobs": True, "name": "Mine"}.items()
    assert settings["company"] == str(hub.connection.company_id)
    assert Schedule.objects.exists() is enabled
