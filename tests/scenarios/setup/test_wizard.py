"""Assisted setup against the sandbox: A1 to A10 of the specification, resuming, and two administrators at once."""

from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from connector.clients import INTERACTIVE, sales_client
from connector.models import AuditEntry, Connection, Credential, SetupDraft
from connector.tasks import finish_setup
from connector.wizard import drafts, finish
from sandbox.dataverse import wellknown
from syncjobs.models import FullSynch
from tests.coupling.factories import make_account, make_coupling, make_customer, make_person
from tests.scenarios.setup.walk import accept, as_shown, complete, finished, go, text, watched


def test_a09_whole_setup_enables_the_connection_and_plans_the_first_synchronisation(wizard, identity, sandbox):
    complete(wizard, identity, sandbox)
    assert not wizard.open("summary").context["obstacles"]
    finished(wizard)
    assert watched(wizard, "?finish=plan")["HX-Redirect"] == "/c/default/full-synch/"
    assert wizard.client.get("/c/default/setup/step/summary/?finish=done").url == "/c/default/connection/"
    connection = Connection.objects.get()
    assert (connection.enabled, connection.sales_url, connection.ownership_model) == (True, sandbox.url, "team")
    assert connection.setup_completed_at is not None
    assert Credential.objects.get().secret == sandbox.client_secret
    assert FullSynch.objects.get().preview is True
    assert not SetupDraft.objects.exists()
    assert AuditEntry.objects.filter(action="finish setup").exists()


def test_a01_leaving_keeps_the_draft_and_changes_nothing(wizard, identity):
    accept(wizard, "welcome", consent="on")
    answer = wizard.post("identity", "leave", **identity)
    assert "Your answers are kept as a draft" in text(answer)
    assert wizard.post("identity", "leave", confirmed="1", **identity).url == "/c/default/connection/"
    connection = Connection.objects.get()
    assert (connection.tenant_id, connection.setup_completed_at) == ("", None)
    assert not Credential.objects.exists()
    assert wizard.draft.secret == identity["client_secret"]
    assert go(wizard.client.get("/c/default/setup/")) == "identity"
    assert f'value="{identity["client_id"]}"' in text(wizard.open("identity"))


def test_secrets_of_a_draft_are_encrypted_and_never_shown(wizard, identity):
    wizard.post("identity", "back", **identity)
    page = text(wizard.open("identity"))
    assert identity["client_secret"] not in page
    assert "A secret is stored" in page
    with database.cursor() as cursor:
        cursor.execute("SELECT secret, answers::text FROM connector_setupdraft")
        secret, answers = cursor.fetchone()
    assert identity["client_secret"] not in secret + answers


def test_back_never_discards_what_was_typed_however_wrong(wizard):
    assert go(wizard.post("identity", "back", tenant_id="not a tenant", client_id="nor an id")) == "welcome"
    page = text(wizard.open("identity"))
    assert 'value="not a tenant"' in page
    assert 'value="nor an id"' in page


def test_finish_judges_the_draft_alone_also_when_steps_were_skipped(wizard, identity):
    wizard.post("identity", "back", **{**identity, "client_secret": ""})
    answer = wizard.post("summary", "finish")
    assert answer.status_code == 422
    assert {each.step for each in answer.context["obstacles"]} >= {"welcome", "identity", "sales", "business-central"}
    assert Connection.objects.get().enabled is False


def test_two_administrators_are_told_of_each_other_and_lose_nothing(wizard, identity):
    make_person("second", "administrator")
    second = Client()
    second.login(username="second", password="secret")
    wizard.open("identity")
    stale = wizard.draft.revision
    second.post(
        "/c/default/setup/step/identity/",
        {**identity, "action": "back", "revision": stale, "tenant_id": "second.example"},
    )
    answer = wizard.post("identity", revision=stale, **{**identity, "tenant_id": "first.example"})
    assert answer.status_code == 422
    assert "second saved this setup while you were on this page" in text(answer)
    assert 'value="first.example"' in text(answer)
    assert wizard.draft.answers["identity"]["tenant_id"] == "second.example"
    wizard.post("identity", "back", **{**identity, "tenant_id": "first.example"})
    assert wizard.draft.answers["identity"]["tenant_id"] == "first.example"


def test_a_mapping_that_others_need_is_switched_on_and_said(wizard, identity, sandbox):
    complete(wizard, identity, sandbox, until="subjects")
    values = as_shown(wizard.open("subjects").context)
    del values["on-CUSTOMER"]
    answer = wizard.post("subjects", **values)
    assert answer.status_code == 422
    assert "needs CUSTOMER, which is switched on now" in text(answer)
    assert "on-CUSTOMER" in wizard.draft.answers["subjects"]


def test_switches_bring_their_mappings_before_going_on(wizard, identity, sandbox):
    complete(wizard, identity, sandbox, until="subjects")
    values = {**as_shown(wizard.open("subjects").context), "sales_order_integration": "legacy"}
    answer = wizard.post("subjects", **values)
    assert answer.status_code == 422
    assert "SALESORDER-ORDER" in text(answer)


def test_choices_of_the_draft_reach_the_mappings(wizard, identity, sandbox):
    complete(wizard, identity, sandbox, until="subjects")
    values = as_shown(wizard.open("subjects").context) | {"direction-CUSTOMER": "to_sales", "creates-CUSTOMER": "on"}
    del values["on-OPPORTUNITY"]
    # Invoices need opportunities.
    values = {name: value for name, value in values.items() if not name.startswith("on-POSTEDSALES")}
    complete(wizard, identity, sandbox, **values)
    finished(wizard)
    mappings = {mapping.name: mapping for mapping in Connection.objects.get().mappings.all()}
    assert (mappings["CUSTOMER"].direction, mappings["CUSTOMER"].synch_only_coupled_records) == ("to_sales", False)
    assert mappings["OPPORTUNITY"].enabled is False


def test_a_failing_finish_leaves_the_connection_off_and_goes_on_when_repeated(wizard, identity, sandbox):
    complete(wizard, identity, sandbox)
    sandbox.control("PUT", "/profile", {"sales": {"denied": ["prvReadContact"]}})
    finished(wizard)
    page = text(wizard.open("summary"))
    assert "prvReadContact" in page
    assert "Retry" in page
    assert 'href="/c/default/setup/step/compatibility/">Go to the step' in page
    assert [line["state"] for line in wizard.draft.progress["steps"][:3]] == ["passed", "failed", ""]
    connection = Connection.objects.get()
    assert (connection.enabled, connection.setup_completed_at) == (False, None)
    sandbox.control("PUT", "/profile", {"sales": {"denied": []}})
    finished(wizard)
    assert Connection.objects.get().enabled is True


def test_finish_goes_on_after_its_worker_died_and_nobody_changes_anything_meanwhile(wizard, identity, sandbox):
    complete(wizard, identity, sandbox)
    wizard.post("summary", "finish")
    assert "Finish is at work" in text(wizard.open("summary"))
    assert 'hx-trigger="every 1s"' in text(watched(wizard, "?finish=plan"))
    assert go(wizard.post("people", "back", ownership_model="person")) == "summary"
    assert wizard.draft.answers["people"]["ownership_model"] == "team"
    finish.resume_silent()
    assert wizard.draft.progress["takeovers"] == 0
    draft = wizard.draft
    draft.progress["at"] = (timezone.now() - finish.SILENT_AFTER).isoformat()
    draft.save()
    finish.resume_silent()
    assert wizard.draft.progress["takeovers"] == 1
    finish_setup(draft.pk, draft.progress["user"])
    assert Connection.objects.get().enabled is True
    assert not SetupDraft.objects.exists()


def test_the_team_that_owns_new_rows_can_be_chosen_and_is_warned_of_without_a_role(wizard, identity, sandbox):
    complete(wizard, identity, sandbox, until="people")
    sales = sales_client(drafts.candidate(wizard.draft), patience=INTERACTIVE)
    unit = {"businessunitid@odata.bind": f"/businessunits({wellknown.BUSINESS_UNIT_ID})"}
    made = sales.session.send(
        "POST", "teams", body={"name": "North", **unit}, headers={"Prefer": "return=representation"}
    )
    team = made.data["teamid"]
    assert "North (business unit" in text(wizard.post("people", "people", ownership_model="team"))
    wizard.post("people", ownership_model="team", chosen_team_id=team)
    wizard.post("first", start="none")
    assert "North (business unit" in text(wizard.open("summary"))
    finished(wizard)
    connection = Connection.objects.get()
    assert str(connection.owning_team_id) == team
    [step] = [each for each in connection.last_test["steps"] if each["name"] == "Owning team"]
    assert (step["state"], "no security role" in step["message"]) == ("warning", True)


def test_a_connection_without_mappings_gets_them_with_the_choices(wizard, identity, sandbox):
    Connection.objects.get().mappings.all().delete()
    complete(wizard, identity, sandbox, until="subjects")
    values = as_shown(wizard.open("subjects").context) | {"direction-CUSTOMER": "to_sales"}
    complete(wizard, identity, sandbox, **values)
    finished(wizard)
    assert Connection.objects.get().mappings.get(name="CUSTOMER").direction == "to_sales"


@pytest.mark.parametrize("role", ["operator", "salesperson"])
def test_others_get_no_access_page_before_anything_is_read(wizard, role):
    make_person(role, role)
    client = Client()
    client.login(username=role, password="secret")
    assert client.get("/c/default/setup/step/identity/").status_code == 403
    assert client.post("/c/default/setup/demo/").status_code == 403
    assert not SetupDraft.objects.exists()


def test_a_company_that_couplings_depend_on_is_named_before_finish(wizard, identity, sandbox, connection):
    complete(wizard, identity, sandbox)
    assert not wizard.open("summary").context["obstacles"]
    Connection.objects.update(company_id=uuid4())
    mapping = connection.mappings.get(name="CUSTOMER")
    make_coupling(mapping, make_customer(connection, "10000", "Adatum"), make_account(connection, "Adatum"))
    [obstacle] = wizard.open("summary").context["obstacles"]
    assert obstacle.step == "business-central"
    assert "Connection Setup makes another connection for the other ones" in obstacle.sentence
