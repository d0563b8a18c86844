"""Connection Setup: enabling, restoring, jobs, settings and what its page shows: A11 to A33."""

import re

import pytest
from django.contrib import messages
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from config.web import banners
from connector.choices import ConnectionState
from connector.errors import RemoteError, SettingsError
from connector.models import AuditEntry, Connection, Credential, Notice
from connector.services import maintenance, setup
from connector.services.connection_test import run_connection_test
from connector.services.report import Concern
from connector.services.sales_checks import judge_version
from coupling.services.defaults import load_defaults
from coupling.views.base import queued
from syncjobs.models import Schedule, SynchJob
from syncjobs.notices.causes import causes_of
from syncjobs.services import schedules
from syncjobs.services.modified import ordered_mappings
from tests.coupling.factories import make_person

COMPANY = "5a1f0c52-0000-4000-8000-000000000001"
HERE = "/c/default/connection/"


def text(answer) -> str:
    return answer.content.decode()


@pytest.fixture
def complete(connection, sandbox) -> Connection:
    """Every value is there; nothing is switched on."""
    setup.update_connection(
        connection=connection,
        changes={
            "tenant_id": sandbox.tenant, "client_id": sandbox.client_id, "client_secret": sandbox.client_secret,
            "authority_url": sandbox.url, "sales_url": sandbox.url, "business_central_url": sandbox.url,
            "business_central_environment": sandbox.environment, "company": COMPANY,
        },
        user=None,
    )  # fmt: skip
    return Connection.objects.get(pk=connection.pk)


@pytest.fixture
def enabled(complete) -> Connection:
    setup.enable(connection=complete, user=None)
    return Connection.objects.get(pk=complete.pk)


@pytest.fixture
def page(administrator, client) -> Client:
    client.force_login(administrator)
    return client


def stays_off(connection: Connection) -> bool:
    return not Connection.objects.get(pk=connection.pk).enabled


def test_a11_signing_in_and_opening_pages_asks_nothing_of_either_system(enabled, sandbox, client):
    make_person("somebody", "administrator")
    sandbox.control("DELETE", "/requests")
    before = sandbox.control("GET", "/log?limit=1000")
    client.login(username="somebody", password="secret")
    for address in (
        "/",
        HERE,
        "/c/default/jobs/",
        "/c/default/mappings/",
        "/c/default/full-synch/",
        "/c/default/status/",
    ):
        assert client.get(address).status_code == 200
    assert sandbox.control("GET", "/log?limit=1000") == before


def test_a13_enabled_is_what_is_stored(complete):
    assert Connection.objects.get().enabled is False
    setup.enable(connection=complete, user=None)
    assert Connection.objects.get().enabled is True


def test_a14_what_maintenance_switched_off_is_enabled_at_the_next_start(enabled):
    assert maintenance.begin() == [enabled]
    off = Connection.objects.get()
    assert (off.enabled, off.restore_after_maintenance) == (False, True)
    assert maintenance.restore() == [(off, "")]
    back = Connection.objects.get()
    assert (back.enabled, back.restore_after_maintenance, back.disabled_reason) == (True, False, "")


def test_a15_a_currency_that_went_missing_keeps_it_off_and_is_reported(enabled, sandbox):
    maintenance.begin()
    sandbox.control("PUT", "/profile", {"business_central": {"local_currency": "SEK"}})
    [(_, problem)] = maintenance.restore()
    assert "SEK" in problem
    off = Connection.objects.get()
    assert (off.enabled, off.restore_after_maintenance, off.state) == (False, False, ConnectionState.BROKEN)
    assert "SEK" in off.disabled_reason
    assert any("SEK" in cause.text for cause in causes_of(off, off.updated_at))
    assert maintenance.restore() == []


def test_a_person_who_switches_off_during_maintenance_means_it(enabled):
    maintenance.begin()
    setup.disable(connection=Connection.objects.get(), user=None, reason="We stop.")
    assert maintenance.restore() == []


@pytest.mark.parametrize(("missing", "words"), [("sales_url", "Sales environment URL"), ("client_id", "client id")])
def test_a16_a_missing_value_is_named_and_it_stays_off(complete, missing, words):
    Connection.objects.update(**{missing: ""})
    with pytest.raises(SettingsError) as refused:
        setup.enable(connection=Connection.objects.get(), user=None)
    assert words.lower() in f"{refused.value} {refused.value.hint}".lower()
    assert stays_off(complete)


def test_a17_a_test_that_fails_gives_its_cause(complete, sandbox):
    sandbox.control("PUT", "/profile", {"sales": {"denied": ["prvReadAccount"]}})
    with pytest.raises(SettingsError, match="prvReadAccount"):
        setup.enable(connection=complete, user=None)
    assert stays_off(complete)


def test_a18_enabling_makes_missing_mappings_and_leaves_customised_ones_alone(complete):
    complete.mappings.exclude(name="CUSTOMER").delete()
    complete.mappings.update(direction="to_sales", sales_filter="statecode eq 0")
    setup.enable(connection=complete, user=None)
    customers = complete.mappings.get(name="CUSTOMER")
    assert (customers.direction, customers.sales_filter) == ("to_sales", "statecode eq 0")
    assert complete.mappings.filter(name="CURRENCY").exists()


def test_a19_a_local_currency_that_sales_does_not_know_is_named(complete, sandbox):
    sandbox.control("PUT", "/profile", {"business_central": {"local_currency": "SEK"}})
    with pytest.raises(SettingsError, match="SEK"):
        setup.enable(connection=complete, user=None)
    assert stays_off(complete)


def test_a20_testing_changes_nothing_whether_enabled_or_not(complete, page):
    for expected in (False, True):
        page.post(f"{HERE}test/")
        stored = Connection.objects.get()
        assert (stored.enabled, stored.last_test["succeeded"]) == (expected, True)
        setup.update_connection(connection=stored, changes={"enabled": True}, user=None)


def test_a21_whoever_may_not_gets_a_short_page_and_nothing_is_read(connection, client, django_assert_max_num_queries):
    client.force_login(make_person("sales", "salesperson"))
    with django_assert_max_num_queries(6):
        answer = client.get(HERE)
    assert answer.status_code == 403
    assert "contoso" not in text(answer)


def test_a22_only_jobs_of_this_connection_are_listed(connection, page):
    other = Connection.objects.create(slug="other", name="Other")
    load_defaults(connection=other)
    for owner, number in ((connection, 3), (other, 1)):
        for _ in range(number):
            SynchJob.objects.create(
                connection=owner, mapping=owner.mappings.get(name="CUSTOMER"), mode="modified", direction="to_sales",
                trigger="user", state="succeeded",
            )  # fmt: skip
    table = page.get("/c/default/jobs/").context["table"]
    assert {row.record.connection_id for row in table.rows} == {connection.pk}
    assert len(table.rows) == 3


def test_a23_active_schedules_are_counted_in_words(enabled, page):
    Schedule.objects.exclude(name__in=["CUSTOMER", "VENDOR", "CONTACT", "CURRENCY"]).delete()
    assert "4 of 4 active. All are ready or running." in text(page.get("/c/default/status/"))
    schedules.pause(schedule=Schedule.objects.get(name="VENDOR"), enabled=False)
    assert "3 of 4 active. Some are on hold" in text(page.get("/c/default/status/"))
    assert "3 of 4</a>" in text(page.get(HERE))
    setup.disable(connection=enabled, user=None, reason="")
    assert "0 of 0 active" in text(page.get("/c/default/status/"))


def test_a24_the_version_of_sales_is_judged(complete):
    report = run_connection_test(connection=complete)
    [step] = [step for step in report.steps if (step.system, step.name) == ("sales", "Environment")]
    assert step.state == "passed"
    assert re.search(r"version 9\.2", step.message)
    judge_version("9.2.24034.00217")
    with pytest.raises(Concern, match="the hub is made for"):
        judge_version("7.2.0.0")
    for too_old in ("7.1.0.0", "6.1.4.256"):
        with pytest.raises(RemoteError, match="cannot work with"):
            judge_version(too_old)


def test_a25_declining_synchronise_modified_creates_no_job(enabled, page):
    before = SynchJob.objects.count()
    question = page.post("/c/default/modified/")
    assert "for every mapping, in the background" in text(question)
    assert SynchJob.objects.count() == before


def test_a26_synchronise_modified_runs_every_mapping_of_rows_once_in_order(enabled, page):
    SynchJob.objects.all().delete()
    names = [mapping.name for mapping in ordered_mappings(enabled)]
    assert names[0] == "CURRENCY"
    assert names.index("CUSTOMER") < names.index("CONTACT") < names.index("ITEM-PRODUCT")
    assert not {"PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT", "POSTEDSALESLINE-INV"} & set(names)
    page.post("/c/default/modified/", {"confirmed": "1"})
    jobs = SynchJob.objects.filter(trigger="user").order_by("pk")
    assert [job.mapping.name for job in jobs] == names


def test_a27_enabling_makes_all_jobs_ready_and_forgets_the_reason(enabled):
    setup.disable(connection=enabled, user=None, reason="Somebody said so.")
    Schedule.objects.update(state="on_hold", attempts=4)
    setup.enable(connection=Connection.objects.get(), user=None)
    assert set(Schedule.objects.filter(enabled=True).values_list("state", "attempts")) == {("ready", 0)}
    assert Connection.objects.get().disabled_reason == ""


def test_a28_automatic_orders_follow_submit_mode_and_own_a_job(enabled):
    def change(**changes: object) -> None:
        setup.update_connection(connection=Connection.objects.get(), changes=changes, user=None)

    def jobs() -> int:
        return Schedule.objects.filter(mapping__isnull=True, name__icontains="order").count()

    with pytest.raises(SettingsError) as refused:
        change(automatically_create_sales_orders=True)
    assert "automatically_create_sales_orders" in refused.value.fields
    change(sales_order_integration="legacy")
    before = jobs()
    change(automatically_create_sales_orders=True)
    assert jobs() == before + 1
    change(automatically_create_sales_orders=False)
    assert jobs() == before


def test_a29_defaults_come_back_with_their_jobs(enabled, page):
    enabled.mappings.filter(name="CUSTOMER").update(direction="to_sales")
    page.post("/c/default/mappings/reset/", {"confirmed": "1"})
    assert enabled.mappings.get(name="CUSTOMER").direction == "bidirectional"
    assert Schedule.objects.filter(name="CUSTOMER").exists()
    assert not Schedule.objects.filter(name__contains="%").exists()


def test_a30_item_availability_owns_a_job(enabled):
    def names() -> set[str]:
        return set(Schedule.objects.values_list("name", flat=True))

    before = names()
    setup.update_connection(
        connection=Connection.objects.get(), changes={"synchronize_item_availability": True}, user=None
    )
    added = names() - before
    setup.update_connection(
        connection=Connection.objects.get(), changes={"synchronize_item_availability": False}, user=None
    )
    assert names() == before
    assert len(added) == 1


def test_a32_details_and_exports_have_no_secret(enabled, page, sandbox):
    for address in (HERE, f"{HERE}test/report/", "/c/default/mappings/configuration/export/", "/encryption/"):
        body = page.get(address).content.decode()
        assert sandbox.client_secret not in body
        assert Credential.objects.get().secret not in body


def test_the_report_of_the_test_can_be_downloaded(enabled, page):
    answer = page.get(f"{HERE}test/report/")
    assert re.search(r'filename="couplet-default-test-\d{4}-\d\d-\d\d-\d{4}\.txt"', answer["Content-Disposition"])
    assert "[PASSED ] Sales: Privileges" in text(answer)


def test_a33_what_holds_an_enabled_connection_cannot_be_edited(enabled, page):
    form = page.get(HERE).context["forms"]["addresses"]
    held = {name for name, field in form.fields.items() if field.disabled}
    assert held >= {"tenant_id", "client_id", "sales_url", "business_central_environment", "company", "authority_url"}
    assert "client_secret" not in held


def test_a_certificate_replaces_the_secret_only_after_it_has_signed_in(enabled, page, sandbox):
    address = reverse("connection-certificate", kwargs={"connection": "default"})
    page.post(address, {"action": "make"})
    waiting = page.get(address).context["waiting"]
    assert waiting is not None
    refused = page.post(address, {"action": "switch"})
    assert refused.status_code == 422
    assert "The old one stays in use." in text(refused)
    assert Credential.objects.get().kind == "secret"
    certificate = page.get("/c/default/setup/certificate/").content.decode()
    body = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret, "certificate": certificate}
    sandbox.control("POST", "/clients", body)
    assert page.post(address, {"action": "switch"}).status_code == 302
    credential = Credential.objects.get()
    assert (credential.kind, credential.valid_until) == ("certificate", waiting.ends)
    assert Connection.objects.get().enabled


def test_a_key_is_rotated_without_losing_a_secret(enabled, page, settings):
    old = settings.COUPLET_ENCRYPTION_KEYS
    secret = Credential.objects.get().secret
    settings.COUPLET_ENCRYPTION_KEYS = ["b2xkZXItdGhhbi1ub3RoaW5nLWJ1dC0zMi1ieXRlczE=", *old]
    shown = page.get("/encryption/").context
    assert (shown["outdated"] > 0, shown["lost"]) == (True, 0)
    page.post("/encryption/rotate/", {"confirmed": "1"})
    settings.COUPLET_ENCRYPTION_KEYS = settings.COUPLET_ENCRYPTION_KEYS[:1]
    assert Credential.objects.get().secret == secret
    assert page.get("/encryption/").context["lost"] == 0
    assert AuditEntry.objects.filter(action="rotate encryption key").exists()


def test_somebody_is_told_by_own_notices_and_nobody_who_left(enabled, page, administrator, settings):
    settings.EMAIL_HOST = "mail.example.com"
    User.objects.filter(pk=administrator.pk).update(email="admin@example.com")
    page.post("/accounts/me/notices/", {"wanted": "on", "severity": "info", "every_minutes": "0"})
    target = enabled.notice_targets.get()
    assert (target.user, target.recipient) == (administrator, "admin@example.com")
    Notice.objects.create(connection=enabled, cause="x", severity="error", title="Something")
    page.post("/accounts/me/notices/", {"severity": "info", "every_minutes": "0"})
    assert not enabled.notice_targets.exists()


def test_each_kind_of_banner_and_message_can_be_switched_off(enabled, page, administrator):
    address = "/accounts/me/notices/"
    every = page.get(address).context["pages"].initial["shown"]

    def says_queued() -> bool:
        request = page.get(HERE).wsgi_request
        queued(request, [])
        return "Queued." in map(str, messages.get_messages(request))

    assert says_queued()
    page.post(address, {"part": "pages", "shown": [kind for kind in every if kind not in ("failing", "queued")]})
    assert banners.is_hidden(user=administrator, kind="failing")
    assert not says_queued()
    assert set(page.get(address).context["pages"].initial["shown"]) == set(every) - {"failing", "queued"}
    page.post(address, {"part": "pages", "shown": every})
    assert not banners.is_hidden(user=administrator, kind="failing")


def test_news_of_what_was_done_can_be_switched_off_and_warnings_cannot(enabled, page, administrator):
    banners.hide(user=administrator, kind=banners.DONE)
    answer = page.post("/c/default/schedules/time-zone/", {"time_zone": "Europe/Rome"}, follow=True)
    assert "Days and hours of schedules are those of" not in text(answer)
    answer = page.post("/c/default/schedules/time-zone/", {"time_zone": "Mars/Olympus"}, follow=True)
    assert "There is no time zone “Mars/Olympus”." in text(answer)


def test_a31_couples_salespeople_only_in_the_person_model_and_repairs_only_while_off(complete, page, sandbox):
    assert re.search(r"disabled[^>]*>\s*<svg[^>]*>.*?</svg>Couple salespeople", text(page.get(HERE)))
    Connection.objects.update(ownership_model="person", company_name="CRONUS renamed")
    assert 'href="/c/default/salespeople/couple/"' in text(page.get(HERE))
    looked = text(page.post(f"{HERE}components/", {"action": "look"}))
    assert "Missing: rows that the hub makes carry no company" in looked
    repaired = page.post(f"{HERE}components/", {"action": "repair"})
    assert "The row of the company was made." in text(repaired)
    Connection.objects.update(company_name="CRONUS again")
    assert "Differs: it is called CRONUS renamed" in text(page.post(f"{HERE}components/", {"action": "look"}))
    assert "has its present name" in text(page.post(f"{HERE}components/", {"action": "repair"}))
    assert "Nothing had to be repaired." in text(page.post(f"{HERE}components/", {"action": "repair"}))
    Connection.objects.update(enabled=True)
    assert page.post(f"{HERE}components/", {"action": "repair"}).status_code == 422
    assert AuditEntry.objects.filter(action="repair components").count() == 3
