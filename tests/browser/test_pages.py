"""Pages in a real browser: what people click, what moves by itself, and that everybody can read it."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from coupling.models import TableMapping
from syncjobs.models import FullSynch, JobLogEntry, SynchJob
from tests.browser.conftest import AXE, sign_in_on, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONNECTION = {"connection": "default"}


def addresses(hub) -> list[str]:
    lists = (
        "customer-list", "account-list", "job-list", "operation-list", "error-list", "schedule-list", "mapping-list",
        "full-synch-review", "connection-setup", "connection-components",
    )  # fmt: skip
    details = (
        ("job-detail", {"pk": hub.job.pk}),
        ("operation-detail", {"pk": hub.failed.pk}),
        ("operation-resolve", {"pk": hub.conflict.pk}),
        ("coupling-detail", {"pk": hub.couplings[0].pk}),
        ("mapping-detail", {"name": "CUSTOMER"}),
        ("schedule-edit", {"name": "CUSTOMER"}),
    )
    return [
        reverse("home"),
        reverse("account"),
        reverse("password-change"),
        *(reverse(name, kwargs=CONNECTION) for name in lists),
        *(reverse(name, kwargs=CONNECTION | more) for name, more in details),
        "/c/default/jobs/?search=nothing+like+this",
    ]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing_and_nothing_sticks_out(served, hub, browser, people, scheme, width):
    # The policy forbids the script that axe is; only this check goes around it.
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    problems: dict[str, object] = {}
    try:
        page = context.new_page()
        page.goto(f"{served}/accounts/login/")
        page.add_script_tag(path=AXE)
        problems["sign-in"] = violations(page)
        page.get_by_label("Username").fill("administrator")
        page.get_by_label("Password").fill("secret")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{served}/")
        for address in addresses(hub):
            page.goto(served + address)
            page.add_script_tag(path=AXE)
            problems[address] = violations(page)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                problems[f"{address} width"] = "wider than the window"
        page.goto(served + reverse("connection-setup", kwargs=CONNECTION))
        page.get_by_role("button", name="Disable").click()
        page.get_by_role("heading", name="Disable the connection?").wait_for()
        page.add_script_tag(path=AXE)
        problems["disabling"] = violations(page)
    finally:
        context.close()
    assert {address: found for address, found in problems.items() if found} == {}


def test_pages_keep_the_policy_and_raise_no_script_errors(sign_in, served, hub):
    page = sign_in("administrator")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for address in addresses(hub):
        page.goto(served + address)
    assert complaints == []


def test_running_job_moves_by_itself_and_stops_asking_when_it_has_ended(sign_in, served, hub):
    SynchJob.objects.update(state="running", done=1, total=4, finished_at=None)
    page = sign_in("operator")
    page.goto(f"{served}{hub.job.get_absolute_url()}")
    expect(page.get_by_text("1 of 4 records")).to_be_visible()
    SynchJob.objects.update(done=3)
    JobLogEntry.objects.create(job=hub.job, message="Wrote three records.")
    expect(page.get_by_text("3 of 4 records")).to_be_visible()
    expect(page.get_by_role("log").get_by_text("Wrote three records.")).to_be_visible()
    SynchJob.objects.update(state="succeeded", done=4, finished_at=timezone.now())
    expect(page.get_by_text("4 of 4 records")).to_be_visible()
    expect(page.locator("h1")).to_contain_text("Succeeded")
    expect(page.locator("#announcer")).to_have_text(re.compile("has ended: succeeded"))
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(3000)
    assert asked == []


def test_full_synchronisation_is_started_and_watched(sign_in, served, hub):
    FullSynch.objects.all().delete()
    page = sign_in("administrator")
    page.get_by_role("link", name="Full Synch Review").first.click()
    for name in TableMapping.objects.exclude(name="CURRENCY").values_list("name", flat=True):
        box = page.get_by_label(f"{name} takes part", exact=True)
        if box.count():
            box.uncheck()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Calculate the plan")).to_be_visible()
    page.get_by_role("button", name="Start without a plan").click()
    expect(page.get_by_text("The full synchronisation has started.")).to_be_visible()
    run = FullSynch.objects.get()
    assert [line.mapping.name for line in run.lines.all()] == ["CURRENCY"]
    expect(page.get_by_role("heading", name=f"Full synchronisation {run.pk}")).to_be_visible()


def test_review_shows_new_states_without_a_reload(sign_in, served, hub):
    FullSynch.objects.update(state="running", finished_at=None)
    line = hub.full_synch.lines.get()
    hub.full_synch.lines.update(state="running")
    page = sign_in("operator")
    page.goto(f"{served}/c/default/full-synch/")
    row = page.locator(f"#line-{line.mapping_id}")
    expect(row).to_contain_text("Running")
    hub.full_synch.lines.update(state="finished")
    expect(row).to_contain_text("Finished")
    FullSynch.objects.update(state="succeeded", finished_at=timezone.now())
    expect(page.get_by_role("button", name="Preview first")).to_be_visible()


def test_dark_mode_is_kept_and_follows_the_system_until_chosen(sign_in, served):
    page = sign_in("salesperson")
    scheme = page.locator("html")
    page.emulate_media(color_scheme="dark")
    expect(scheme).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Dark mode").click()
    expect(scheme).to_have_attribute("data-bs-theme", "light")
    page.reload()
    expect(scheme).to_have_attribute("data-bs-theme", "light")


def test_quick_search_with_the_keyboard(sign_in, served, hub):
    page = sign_in("salesperson")
    page.keyboard.press("/")
    page.keyboard.type("Customer 1")
    expect(page.locator(".quick-hit").first).to_contain_text("Customer 10000")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{served}/c/default/couplings/{hub.couplings[0].pk}/")


def test_list_is_searched_while_typing_and_keeps_its_address(sign_in, served, hub):
    page = sign_in("operator")
    page.goto(f"{served}/c/default/mappings/")
    page.keyboard.press("/")
    page.keyboard.type("CURR")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page).to_have_url(f"{served}/c/default/mappings/?search=CURR")
    page.get_by_role("link", name="Remove the filter Search: CURR").click()
    expect(page).to_have_url(f"{served}/c/default/mappings/")


def test_errors_are_retried_after_a_question(sign_in, served, hub):
    page = sign_in("salesperson")
    page.goto(f"{served}/c/default/errors/?state=failing")
    retry = page.locator("[data-bulk-bar]").get_by_role("button", name="Retry", exact=True)
    expect(retry).to_be_disabled()
    page.get_by_label("Select all rows of this page").check()
    retry.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Try 1 records again?")
    dialog.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("1 record is tried again.")).to_be_visible()


def test_navigation_opens_on_a_phone(sign_in, served, page: Page):
    page.set_viewport_size({"width": 390, "height": 800})
    sign_in("salesperson")
    expect(page.get_by_role("link", name="Synch Jobs")).not_to_be_visible()
    page.get_by_role("button", name="Open the navigation").click()
    page.get_by_role("link", name="Synch Jobs").click()
    page.wait_for_url(f"{served}/c/default/jobs/")


def test_everything_works_without_scripts(served, hub, browser):
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        sign_in_on(page, served, "administrator")
        page.goto(f"{served}/c/default/jobs/{hub.job.pk}/")
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("heading", name=f"Delete {hub.job}?")).to_be_visible()
        page.get_by_role("button", name="Delete the job").click()
        expect(page.get_by_text(f"{hub.job} is deleted.")).to_be_visible()
    finally:
        context.close()


def test_testing_a_connection_shows_at_once_and_then_lists_the_steps(sign_in, served, hub, sandbox_is_off):
    page = sign_in("administrator")
    page.goto(f"{served}{reverse('connection-setup', kwargs=CONNECTION)}")
    release: list[object] = []
    page.route("**/connection/test/", lambda route: release.append(route))
    button = page.get_by_role("button", name="Test connection")
    button.click()
    expect(page.locator("#test-busy")).to_be_visible()
    expect(page.locator("#test-busy")).to_contain_text("Testing both systems")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    assert len(release) == 1, "a second click asks again"
    release[0].continue_()
    expect(page.locator(".test-outcome")).to_contain_text("does not work yet")
    expect(page.locator("#test-report").get_by_text("Failed").first).to_be_visible()
    expect(page.locator("#test-busy")).to_be_hidden()
    expect(button).not_to_have_attribute("aria-disabled", "true")


def test_list_of_jobs_refreshes_itself_while_something_runs_and_nobody_selects(sign_in, served, hub):
    SynchJob.objects.update(state="running", finished_at=None)
    page = sign_in("administrator")
    page.goto(f"{served}{reverse('job-list', kwargs=CONNECTION)}")
    expect(page.locator("#list").get_by_text("Running")).to_be_visible()
    box = page.get_by_role("checkbox", name=re.compile("^Select CUSTOMER"))
    box.check()
    SynchJob.objects.update(state="succeeded", finished_at=timezone.now())
    page.wait_for_timeout(3500)
    expect(box).to_be_checked()
    expect(page.locator("#list").get_by_text("Running")).to_be_visible()
    box.uncheck()
    expect(page.locator("#list").get_by_text("Succeeded")).to_be_visible()
    expect(page.locator("[data-refresh]")).to_have_count(0)


def test_times_to_come_are_told_as_such(sign_in, served, hub):
    hub.connection.schedules.update(next_run=timezone.now() + timezone.timedelta(minutes=5, seconds=10))
    page = sign_in("administrator")
    expect(page.locator(".tile", has_text="CUSTOMER").first).to_contain_text("in 5 min.")
