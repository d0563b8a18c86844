"""Connection Setup shows how a test went, also without JavaScript."""

import pytest

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
