"""Connection Setup shows how a test went, also without JavaScript."""

from uuid import uuid4

import pytest

from connector.models import Connection, Credential
from connector.services.setup import update_connection
from coupling.models import Coupling

PAGE = "/c/default/connection/"


@pytest.fixture
def administrator(hub, people, sandbox_is_off, client):
    client.force_login(people["administrator"])
    return client


def test_test_without_javascript_leads_to_the_steps(administrator):
    html = administrator.post(f"{PAGE}test/", follow=True).content.decode()
    assert "The connection does not work yet." in html
    assert "Sign-in" in html
    assert "Not checked, because an earlier step failed." in html


def test_newest_report_stays_with_its_time(administrator, hub):
    administrator.post(f"{PAGE}test/")
    hub.connection.refresh_from_db()
    html = administrator.get(PAGE).content.decode()
    assert hub.connection.last_test_at.isoformat() in html
    assert "row-failed" in html


def test_enabling_shows_the_failed_steps_the_same_way(administrator, hub):
    hub.connection.enabled = False
    hub.connection.save()
    answer = administrator.post(PAGE, {"action": "enable"}, follow=True)
    assert answer.redirect_chain[-1][0].endswith("#test")
    assert "row-failed" in answer.content.decode()
    hub.connection.refresh_from_db()
    assert hub.connection.enabled is False


def test_htmx_gets_the_report_alone(administrator):
    html = administrator.post(f"{PAGE}test/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html
    assert "test-outcome" in html


@pytest.mark.parametrize("address", ["customers/", "accounts/", "records/business_central/items/"])
def test_sentence_under_a_list_begins_with_a_capital(administrator, address):
    lead = administrator.get(f"/c/default/{address}").context["view"].lead
    assert lead[0].isupper()


def test_list_of_jobs_asks_for_itself_only_while_a_job_lives(administrator, hub):
    assert "data-refresh" not in administrator.get("/c/default/jobs/").content.decode()
    hub.job.state = "running"
    hub.job.save()
    assert 'hx-trigger="every 3s"' in administrator.get("/c/default/jobs/").content.decode()


def test_failures_and_conflicts_of_a_job_stand_out(administrator, hub):
    html = administrator.get(f"/c/default/jobs/{hub.job.pk}/").content.decode()
    assert "counter-bad" in html
    assert "counter-conflict" in html


def synchronisation(page) -> dict[str, str]:
    """What a browser posts of the page's second form, unchanged."""
    form = page.context["forms"]["synchronisation"]
    values = {name: form[name].value() for name, field in form.fields.items() if not field.disabled}
    typed = {name: "on" if value is True else value for name, value in values.items() if value not in (None, False)}
    return {"action": "synchronisation", "seen": form.seen, **typed}


def test_changes_of_two_administrators_to_different_settings_both_stay(administrator, hub):
    mine = synchronisation(administrator.get(PAGE))
    type(hub.connection).objects.update(freight_account_no="8400")
    assert administrator.post(PAGE, {**mine, "keep_jobs_days": "90"}).status_code == 302
    hub.connection.refresh_from_db()
    assert (hub.connection.freight_account_no, hub.connection.keep_jobs_days) == ("8400", 90)


def test_a_setting_that_both_changed_is_shown_and_saving_again_decides(administrator, hub):
    mine = {**synchronisation(administrator.get(PAGE)), "freight_account_no": "8500"}
    type(hub.connection).objects.update(freight_account_no="8400")
    answer = administrator.post(PAGE, mine)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "changed this to “8400” while you were on this page" in html
    assert 'value="8500"' in html
    again = {**mine, "seen": answer.context["forms"]["synchronisation"].seen}
    assert administrator.post(PAGE, again).status_code == 302
    hub.connection.refresh_from_db()
    assert hub.connection.freight_account_no == "8500"


def addresses(page, **changes) -> dict[str, str]:
    """What a browser posts of the page's first form."""
    form = page.context["forms"]["addresses"]
    values = {name: form[name].value() or "" for name, field in form.fields.items() if not field.disabled}
    return {"action": "addresses", "seen": form.seen, **values, **changes}


def test_another_company_takes_a_connection_of_its_own_and_the_couplings_stay_parked(administrator, hub, people):
    Connection.objects.update(enabled=False, business_central_environment="Production", chosen_team_id=uuid4())
    Credential.objects.create(connection=hub.connection, secret="of the first")
    hub.customers.sales_filter = "statecode eq 0"
    hub.customers.save()
    change = addresses(administrator.get(PAGE), business_central_environment="Sandbox")
    question = administrator.post(PAGE, change).text
    assert "2 couplings belong to CRONUS" in question
    assert Connection.objects.count() == 1
    made = administrator.post(PAGE, {**change, "confirmed": "1"}, follow=True)
    assert "the couplings stay with the other one" in made.text
    old, new = Connection.objects.order_by("pk")
    assert (old.business_central_environment, new.business_central_environment) == ("Production", "Sandbox")
    assert (new.slug, new.enabled, new.sales_url, new.company_id) == ("default-2", False, old.sales_url, old.company_id)
    assert new.chosen_team_id == old.chosen_team_id
    assert Credential.objects.get(connection=new).secret == "of the first"
    assert (Coupling.objects.filter(connection=old).count(), Coupling.objects.filter(connection=new).count()) == (2, 0)
    assert new.mappings.get(name="CUSTOMER").sales_filter == "statecode eq 0"
    assert new.mappings.count() == old.mappings.count()
    assert new.transformation_rules.get().code == "TRIM"
    assert new.schedules.get().mapping == new.mappings.get(name="CUSTOMER")


def test_a_secret_is_not_carried_through_the_question_about_couplings(administrator, hub):
    Connection.objects.update(enabled=False)
    change = addresses(administrator.get(PAGE), business_central_environment="Sandbox", client_secret="s3cret")
    answer = administrator.post(PAGE, change, follow=True).text
    assert "Save the new secret by itself first" in answer
    assert "s3cret" not in answer


def test_another_organisation_has_other_teams(hub):
    hub.connection.couplings.all().delete()
    Connection.objects.update(enabled=False, chosen_team_id=uuid4(), chosen_team_name="North")
    changed = update_connection(
        connection=hub.connection, changes={"sales_url": "https://fabrikam.crm4.dynamics.com"}, user=None
    )
    assert (changed.chosen_team_id, changed.chosen_team_name) == (None, "")


def test_units_are_coupled_another_way_only_after_a_question(administrator, hub):
    Connection.objects.update(enabled=False)
    change = {**synchronisation(administrator.get(PAGE)), "unit_group_mapping": "on"}
    assert "the couplings of units go" in administrator.post(PAGE, change).text
    assert not Connection.objects.get().unit_group_mapping
    administrator.post(PAGE, {**change, "confirmed": "1"})
    assert Connection.objects.get().unit_group_mapping
    assert hub.connection.mappings.filter(name="UNIT GROUP").exists()


@pytest.mark.parametrize(
    "address", ["connection/", "mappings/CUSTOMER/", "full-synch/", "schedules/", "status/", "jobs/"]
)
def test_a_viewer_sees_pages_without_anything_to_press(hub, people, client, address):
    client.force_login(people["viewer"])
    html = client.get(f"/c/default/{address}").content.decode()
    content = html[html.index("<main") :]
    buttons = (
        "Save addresses", "Save settings", "Save fields", "Start", "Restart", "Disable", "Test connection", "Pause all",
        "Run now", "Leave out", "Tell them", "Older than 7 days",
    )  # fmt: skip
    for words in buttons:
        assert f">{words}</button>" not in content
