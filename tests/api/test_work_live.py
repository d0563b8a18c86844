"""What the REST API starts, to its end, against the sandbox; every answer is held against the description."""

from uuid import uuid4

import pytest

from coupling.models import Coupling
from syncjobs.models import SynchJob
from tests.api.builders import NO_COUNTERS

COMPLETE = {
    "id",
    "mapping",
    "mode",
    "direction",
    "trigger",
    "user",
    "state",
    "message",
    "counters",
    "progress",
    "created_at",
    "started_at",
    "finished_at",
}


def ended(api, answer):
    """The job that an answer 202 or 201 names, as it is now."""
    job = answer.json()["job"]
    assert set(job) == COMPLETE
    return api("salesperson").get(f"jobs/{job['id']}/").json()


@pytest.fixture
def pair(hub, api):
    """A customer and its account, coupled and in sync."""
    customer = hub.bc.create("customers", displayName="Contoso Ltd.", city="Aarhus")
    account = hub.sales.create("accounts", name="Kontoso", customertypecode=3)
    body = {"mapping": "CUSTOMER", "business_central_id": str(customer), "sales_id": str(account)}
    made = api("salesperson").post("couplings/", {**body, "synchronize": "to_sales"})
    assert made.status_code == 201
    assert ended(api, made)["counters"] == {**NO_COUNTERS, "modified": 1}
    return Coupling.objects.get()


def test_synchronize_now_carries_a_change_across(hub, api, pair):
    hub.bc.update("customers", pair.bc_key, displayName="Contoso A/S")
    answer = api("salesperson").post(f"couplings/{pair.pk}/synchronize/", {"direction": "to_sales"})
    assert answer.status_code == 202
    job = ended(api, answer)
    assert (job["state"], job["trigger"], job["user"]) == ("succeeded", "api", "salesperson")
    assert job["counters"] == {**NO_COUNTERS, "modified": 1}
    assert hub.sales.row("accounts", pair.sales_key, "name")["name"] == "Contoso A/S"


def test_undo_reverts_and_says_so(hub, api, pair):
    hub.bc.update("customers", pair.bc_key, displayName="Contoso A/S")
    answer = api("salesperson").post(f"couplings/{pair.pk}/synchronize/", {})
    undo = api("administrator").post(f"jobs/{answer.json()['job']['id']}/undo/")
    assert ended(api, undo)["counters"] == {**NO_COUNTERS, "modified": 1}
    assert hub.sales.row("accounts", pair.sales_key, "name")["name"] == "Contoso Ltd."


@pytest.mark.parametrize("name", ["city", "address1_city"])
def test_a_conflict_is_journalled_and_resolved_by_either_systems_name(hub, api, pair, name):
    hub.bc.update("customers", pair.bc_key, city="Odense", displayName="Left")
    hub.sales.update("accounts", pair.sales_key, address1_city="Esbjerg", name="Right")
    client = api("salesperson")
    job = ended(api, client.post(f"couplings/{pair.pk}/synchronize/", {}))
    assert (job["state"], job["counters"]) == ("partly", {**NO_COUNTERS, "conflicts": 1})
    assert client.get(f"couplings/{pair.pk}/").json()["state"] == "conflict"
    [conflict] = client.get("operations/", coupling=pair.pk, state="conflict").json()["results"]
    body = {"use": "sales", "fields": {name: "business_central"}}
    assert ended(api, client.post(f"operations/{conflict['id']}/resolve/", body))["state"] == "succeeded"
    assert hub.sales.row("accounts", pair.sales_key, "name", "address1_city") == {
        "name": "Right",
        "address1_city": "Odense",
    }
    assert hub.bc.row("customers", pair.bc_key, "displayName")["displayName"] == "Right"
    assert client.post(f"operations/{conflict['id']}/resolve/", body).status_code == 409


def test_a_broken_pair_is_restored_or_its_survivor_deleted(hub, api, pair):
    client = api("salesperson")
    for action, alive in (("restore", True), ("delete-record", False)):
        hub.sales.delete("accounts", Coupling.objects.get().sales_key)
        broken = ended(api, client.post("mappings/CUSTOMER/find-broken/"))
        assert broken["message"] == "1 of 1 couplings miss a record."
        assert client.get(f"couplings/{pair.pk}/").json()["state"] == "broken"
        assert client.post(f"couplings/{pair.pk}/synchronize/", {}).json()["code"] == "coupling.broken"
        answer = client.post(f"couplings/{pair.pk}/{action}/")
        assert answer.status_code == 202
        assert ended(api, answer)["state"] == "succeeded"
        assert Coupling.objects.exists() is alive
    assert hub.bc.rows("customers", "displayName") == []


def test_bulk_names_the_jobs_and_what_was_left_out(hub, api, pair):
    client = api("salesperson")
    answer = client.post("couplings/bulk/", {"action": "restore", "couplings": [pair.pk]})
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "job": None,
            "jobs": [],
            "left_out": [{"coupling": pair.pk, "reason": "Not exactly one record is missing."}],
        },
    )
    for action in ("synchronize", "retry", "uncouple"):
        answer = client.post("couplings/bulk/", {"action": action, "couplings": [pair.pk]})
        assert ended(api, answer)["state"] == "succeeded", action
        assert answer.json()["jobs"] == [answer.json()["job"]]
    assert not Coupling.objects.exists()


def test_creating_the_other_side_of_a_record_that_does_not_exist_is_404(hub, api):
    for name in ("business_central_id", "sales_id"):
        answer = api("salesperson").post("couplings/create/", {"mapping": "CUSTOMER", name: str(uuid4())})
        assert answer.status_code == 404
    assert not SynchJob.objects.exists()


def test_the_same_record_is_not_created_twice(hub, api):
    customer = hub.bc.create("customers", displayName="Adatum")
    body = {"mapping": "CUSTOMER", "business_central_id": str(customer)}
    assert ended(api, api("salesperson").post("couplings/create/", body))["counters"]["inserted"] == 1
    assert api("salesperson").post("couplings/create/", body).status_code == 409


def test_runs_of_a_mapping(hub, api):
    hub.mapping("CUSTOMER").connection.mappings.filter(name="CUSTOMER").update(synch_only_coupled_records=False)
    hub.bc.create("customers", displayName="Adatum")
    preview = api("operator").post("mappings/CUSTOMER/synchronize/", {"mode": "preview", "direction": "to_sales"})
    assert preview.status_code == 202
    assert ended(api, preview)["state"] == "succeeded"
    assert hub.sales.rows("accounts", "name") == []
    [planned] = api("salesperson").get("operations/", job=preview.json()["job"]["id"]).json()["results"]
    assert (planned["kind"], planned["state"], planned["coupling"]) == ("create", "planned", None)
    full = ended(api, api("administrator").post("mappings/CUSTOMER/synchronize/", {"mode": "full"}))
    assert (full["mode"], full["counters"]["inserted"]) == ("full", 1)
    assert hub.sales.rows("accounts", "name") == [{"name": "Adatum"}]


def test_match_counts_records_without_a_match_as_failed_each_with_its_reason(hub, api):
    for name in ("Adatum", "Relecloud"):
        hub.bc.create("customers", displayName=name)
    hub.sales.create("accounts", name="ADATUM", customertypecode=3)
    body = {"fields": [{"business_central": "displayName", "sales": "name"}]}
    job = ended(api, api("salesperson").post("mappings/CUSTOMER/match/", body))
    assert (job["state"], job["counters"]) == ("partly", {**NO_COUNTERS, "coupled": 1, "failed": 1})
    [failed] = api("salesperson").get("operations/", job=job["id"], state="failed").json()["results"]
    assert failed["error"]["code"] == "match.none"
    assert "Relecloud" in failed["error"]["message"]


def test_a_full_synchronisation_previewed_by_an_operator_and_run_by_an_administrator(hub, api):
    hub.bc.create("customers", displayName="Adatum")
    body = {"preview": True, "mappings": ["CUSTOMER"], "directions": {"CUSTOMER": "to_sales"}}
    answer = api("operator").post("full-synchs/", body)
    assert (answer.status_code, list(answer.json())) == (202, ["full_synch"])
    preview = api("operator").get(f"full-synchs/{answer.json()['full_synch']['id']}/").json()
    assert (preview["state"], preview["preview"]) == ("succeeded", True)
    [line] = preview["lines"]
    assert line["plan"]["create_in_sales"] == 1
    assert (line["to_sales"], line["to_business_central"], line["depends_on"]) == ("success", None, [])
    assert hub.sales.rows("accounts", "name") == []
    answer = api("administrator").post("full-synchs/", {**body, "preview": False})
    real = api("operator").get(f"full-synchs/{answer.json()['full_synch']['id']}/").json()
    assert real["lines"][0]["counters"] == {**NO_COUNTERS, "inserted": 1}
    assert hub.sales.rows("accounts", "name") == [{"name": "Adatum"}]
    restarted = api("administrator").post(f"full-synchs/{real['id']}/restart/", {"mappings": ["CUSTOMER"]})
    assert (restarted.status_code, restarted.json()) == (202, {"full_synch": {"id": real["id"]}})
    again = api("operator").get(f"full-synchs/{real['id']}/").json()
    assert (again["state"], len(again["lines"][0]["jobs"])) == ("succeeded", 2)


def test_a_schedule_runs_at_once(hub, api):
    from tests.api.builders import make_schedule

    make_schedule(hub.connection, "CURRENCY")
    answer = api("operator").post("schedules/CURRENCY/run/")
    assert answer.status_code == 202
    job = ended(api, answer)
    assert (job["mapping"], job["mode"], job["trigger"], job["state"]) == ("CURRENCY", "modified", "api", "succeeded")


def test_refreshed_records_show_what_was_just_made_and_a_currencys_number_is_its_iso_code(hub, api):
    rows = api("salesperson").get("records/sales/transactioncurrencies/", refresh=1, number="EUR").json()["results"]
    assert [row["number"] for row in rows] == ["EUR"]
