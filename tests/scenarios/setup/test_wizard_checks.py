"""Values and checks of assisted setup against the sandbox: what is refused, what is said, and what is run again."""

from decimal import Decimal

import pytest

from connector.clients import INTERACTIVE, sales_client
from connector.models import AuditEntry, Connection
from connector.services.local_currency import create_currency
from connector.wizard import checks, drafts
from sandbox.dataverse import wellknown
from tests.scenarios.setup.walk import COMPANY, accept, complete, finished, text


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
