"""Assisted setup against the sandbox: A1 to A10 of the specification, resuming, and two administrators at once."""

from decimal import Decimal

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from connector.clients import INTERACTIVE, sales_client
from connector.models import AuditEntry, Connection, Credential, SetupDraft
from connector.services.local_currency import create_currency
from connector.tasks import finish_setup
from connector.wizard import checks, drafts, finish
from sandbox.dataverse import wellknown
from syncjobs.models import FullSynch
from tests.coupling.factories import make_person

COMPANY = "5a1f0c52-0000-4000-8000-000000000001"


def text(answer) -> str:
    return answer.content.decode()


def go(answer) -> str:
    """The step that the answer leads to."""
    assert answer.status_code == 302, text(answer)
    return answer.url.rstrip("/").rpartition("/")[2]


def accept(wizard, step, **values):
    """Next, and once more with the warnings understood where there are some."""
    answer = wizard.post(step, **values)
    if answer.status_code == 422:
        answer = wizard.post(step, understood="on", **values)
    return go(answer)


def complete(wizard, identity, sandbox, *, until="summary", sales=None, **subjects):
    """Answers every step before `until` with good values."""
    central = {
        "business_central_environment": sandbox.environment,
        "business_central_url": sandbox.url,
        "company": COMPANY,
    }
    steps = [
        ("welcome", {"consent": "on"}),
        ("identity", identity),
        ("sales", {"sales_url": sandbox.url, **(sales or {})}),
        ("business-central", central),
        ("compatibility", {}),
        ("subjects", None),
        ("people", {"ownership_model": "team"}),
        ("first", {"start": "plan"}),
    ]
    for step, values in steps:
        if step == until:
            return
        if values is None:
            page = wizard.open("subjects").context
            values = dict(subjects) or as_shown(page)
        accept(wizard, step, **values)


def finished(wizard):
    """Finish, and the worker that it calls."""
    assert "/summary/?finish=" in wizard.post("summary", "finish").url
    finish_setup(wizard.draft.pk, wizard.draft.progress["user"])


def watched(wizard, query=""):
    """What the summary's page is answered when it asks how far Finish is."""
    return wizard.client.get(f"/c/default/setup/step/summary/{query}", headers={"HX-Request": "true"})


def as_shown(page):
    rows = [row for card in page["cards"] for row in card.rows]
    values = {
        "shown": [row.offer.name for row in rows],
        "sales_order_integration": "none",
        "write_in_product_type": "item",
        "unit_group_mapping": "on",
        "extended_pricing": "on",
    }
    for row in rows:
        values |= {f"direction-{row.key}": row.choice.direction}
        values |= {f"on-{row.key}": "on"} if row.choice.enabled else {}
        values |= {f"creates-{row.key}": "on"} if row.choice.creates else {}
    return values


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


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_a07_what_is_missing_is_named_before_any_request(wizard, identity, sandbox, missing):
    before = sandbox.control("GET", "/log?limit=1000")
    answer = wizard.post("identity", **{**identity, missing: ""})
    assert answer.status_code == 422
    assert f"Enter the {missing.replace('_', ' ').replace('client id', 'client ID')}." in text(answer)
    assert sandbox.control("GET", "/log?limit=1000") == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tenant_id": "nowhere.example"}, "no tenant"),
        ({"tenant_id": "no tenant at all"}, "Enter a GUID or a domain"),
        ({"client_id": "00000000-0000-4000-8000-00000000dead"}, "no application with this client id"),
        ({"client_id": "my-app"}, "A client id is a GUID"),
        ({"client_secret": "wrong"}, "secret"),
        ({"authority_url": "https://127.0.0.1:1"}, "cannot be reached"),
        ({"authority_url": "http://login.example.com"}, "Enter an https address"),
    ],
)
def test_each_wrong_value_of_the_identity_is_named(wizard, identity, change, words):
    answer = wizard.post("identity", **{**identity, **change})
    assert answer.status_code == 422
    assert words in text(answer)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Enter the environment&#x27;s URL."),
        ("http://x.com", "Enter an https address."),
        ("not an address", "Enter an address such as"),
        ("https://x.com/org", "We will use https://x.com instead of https://x.com/org"),
    ],
)
def test_a04_a08_an_address_that_cannot_be_used_stays_on_the_step(wizard, typed, words):
    answer = wizard.post("sales", sales_url=typed)
    assert answer.status_code == 422
    assert words in text(answer)


@pytest.mark.parametrize("typed", ["test.dynamics.com", "HTTPS://Test.Dynamics.com", "https://test.dynamics.com/"])
def test_a08_scheme_and_capitals_raise_no_question(wizard, typed):
    wizard.post("sales", "back", sales_url=typed)
    form = wizard.open("sales").context["form"]
    assert form.is_valid()
    assert form.settings()["sales_url"] == "https://test.dynamics.com"


def test_a08_a_shortened_address_is_used_once_it_is_confirmed(wizard):
    wizard.post("sales", "back", sales_url="https://x.com/org", use_address="https://x.com")
    form = wizard.open("sales").context["form"]
    assert form.is_valid()
    assert form.settings()["sales_url"] == "https://x.com"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"business_central_environment": ""}, "Enter the environment"),
        ({"business_central_environment": "no where"}, "no blanks"),
        ({"business_central_environment": "nowhere"}, "no environment"),
        ({"company": ""}, "Choose the company"),
    ],
)
def test_each_wrong_value_of_business_central_is_named(wizard, identity, sandbox, change, words):
    complete(wizard, identity, sandbox, until="business-central")
    good = {"business_central_environment": sandbox.environment, "business_central_url": sandbox.url}
    wizard.post("business-central", "companies", **good)
    answer = wizard.post("business-central", **{**good, "company": COMPANY, **change})
    assert answer.status_code == 422
    assert words in text(answer)


def test_a_missing_privilege_and_a_missing_currency_block_with_the_way_out(wizard, identity, sandbox):
    sandbox.control("PUT", "/profile", {"sales": {"denied": ["prvCreateAccount"]}})
    complete(wizard, identity, sandbox, until="sales")
    answer = wizard.post("sales", sales_url=sandbox.url, understood="on")
    assert answer.status_code == 422
    assert "prvCreateAccount" in text(answer)
    assert "How to fix" in text(answer)
    sandbox.control("PUT", "/profile", {"sales": {"denied": []}, "business_central": {"local_currency": "SEK"}})
    complete(wizard, identity, sandbox, until="compatibility")
    answer = wizard.post("compatibility", understood="on")
    assert answer.status_code == 422
    assert "SEK" in text(answer)
    assert "Create it in Sales" in text(answer)
    assert "Business Central has no exchange rate for EUR" in text(wizard.post("compatibility", "make-currency"))
    sales = sales_client(drafts.candidate(wizard.draft), patience=INTERACTIVE)
    create_currency(sales, "SEK", Decimal("11.5"))
    [made] = sales.query("transactioncurrencies", properties=["exchangerate"], filter="isocurrencycode eq 'SEK'")
    assert made.values["exchangerate"] == Decimal("11.5")
    assert "Sales knows SEK now." in text(wizard.post("compatibility", "make-currency"))


def test_a_change_puts_all_later_checks_out_of_date(wizard, identity, sandbox):
    complete(wizard, identity, sandbox, until="compatibility")
    states = {entry.step.slug: entry.state for entry in wizard.open("welcome").context["stepper"]}
    assert states["sales"] == "done"
    wizard.post("identity", "back", **{**identity, "client_secret": "another"})
    states = {entry.step.slug: entry.state for entry in wizard.open("welcome").context["stepper"]}
    assert [states[slug] for slug in ("identity", "sales", "business-central")] == ["stale"] * 3


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


def test_an_application_user_that_may_do_everything_needs_a_reason_which_is_kept(wizard, identity, sandbox):
    complete(wizard, identity, sandbox, until="sales")
    wizard.post("sales", "back", sales_url=sandbox.url)
    sales = sales_client(drafts.candidate(wizard.draft), patience=INTERACTIVE)
    user, role = wellknown.HUB_USER_ID, f"{sandbox.url}/api/data/v9.2/roles({wellknown.SYSTEM_ADMINISTRATOR_ROLE_ID})"
    sales.session.send("POST", f"systemusers({user})/systemuserroles_association/$ref", body={"@odata.id": role})
    assert "Why may the application user" not in text(wizard.open("sales"))
    refused = wizard.post("sales", sales_url=sandbox.url, understood="on")
    assert refused.status_code == 422
    assert "Why may the application user stay System Administrator?" in text(refused)
    assert accept(wizard, "sales", sales_url=sandbox.url, over_privileged_reason="Tests only.") == "business-central"
    complete(wizard, identity, sandbox, sales={"over_privileged_reason": "Tests only."})
    finished(wizard)
    assert Connection.objects.get().over_privileged_reason == "Tests only."
    changed = AuditEntry.objects.filter(action="change connection").first()
    assert changed.after["over_privileged_reason"] == "Tests only."


def test_one_check_is_run_again_alone_and_then_what_waited_for_it(wizard, identity, sandbox):
    sandbox.control("PUT", "/profile", {"sales": {"denied": ["prvCreateAccount"]}})
    complete(wizard, identity, sandbox, until="sales")
    wizard.post("sales", sales_url=sandbox.url)
    sandbox.control("PUT", "/profile", {"sales": {"denied": []}})
    before = len(sandbox.control("GET", "/log?limit=1000")["value"])
    answer = wizard.post("sales", "check:sales:Privileges", sales_url=sandbox.url)
    rows = {row["name"]: row["state"] for row in wizard.draft.checks["sales"]["rows"]}
    assert (answer.status_code, rows["Privileges"], rows["Other integration"]) == (200, "passed", "warning")
    assert len(sandbox.control("GET", "/log?limit=1000")["value"]) - before < 10
    assert accept(wizard, "sales", sales_url=sandbox.url) == "business-central"


def test_every_check_can_run_alone(wizard, identity, sandbox):
    complete(wizard, identity, sandbox, until="subjects")
    before = {step: [(row["name"], row["state"]) for row in each["rows"]] for step, each in wizard.draft.checks.items()}
    for step, each in wizard.draft.checks.items():
        for row in each["rows"]:
            checks.run_check(wizard.draft, step, row["system"], row["name"])
    after = {step: [(row["name"], row["state"]) for row in each["rows"]] for step, each in wizard.draft.checks.items()}
    assert after == before


def test_a_key_pair_of_the_hub_can_be_downloaded_without_its_private_part(wizard, identity):
    wizard.post("identity", "key-pair", **{**identity, "client_secret": ""})
    certificate = text(wizard.client.get("/c/default/setup/certificate/"))
    assert "BEGIN CERTIFICATE" in certificate
    assert "PRIVATE KEY" not in certificate
    assert "Thumbprint" in text(wizard.open("identity"))


def test_a_certificate_signs_in_as_well_as_a_secret(wizard, identity, sandbox):
    wizard.post("identity", "key-pair", **{**identity, "client_secret": ""})
    client = {"client_id": "c0091e70-0000-4000-8000-00000000cafe", "certificate": wizard.draft.certificate}
    sandbox.control("POST", "/clients", client)
    values = {**identity, "client_secret": "", "credential_kind": "certificate", "client_id": client["client_id"]}
    assert accept(wizard, "identity", **values) == "sales"


@pytest.mark.parametrize("role", ["operator", "salesperson"])
def test_others_get_no_access_page_before_anything_is_read(wizard, role):
    make_person(role, role)
    client = Client()
    client.login(username=role, password="secret")
    assert client.get("/c/default/setup/step/identity/").status_code == 403
    assert client.post("/c/default/setup/demo/").status_code == 403
    assert not SetupDraft.objects.exists()
