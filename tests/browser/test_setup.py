"""Setting up in a real browser against the sandbox: the whole wizard, wrong values, pages that everybody can read."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from config.roles import ensure_groups
from connector import auth
from connector.models import Connection, SetupDraft
from coupling.services.defaults import load_defaults
from syncjobs.models import FullSynch
from tests.browser.conftest import AXE, sign_in_on, violations
from tests.coupling.factories import make_person
from tests.sandbox_process import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STEPS = (
    "welcome", "identity", "sales", "business-central", "compatibility", "subjects", "people", "first", "summary",
)  # fmt: skip


@pytest.fixture
def served(transactional_db: None, live_server: Any, sandbox: SandboxServer) -> str:
    """A hub to which nothing has been connected yet, and its administrator."""
    auth._kept.clear()
    ensure_groups()
    make_person("administrator", "administrator")
    load_defaults(connection=Connection.objects.create())
    return str(live_server.url)


def step(page: Page) -> str:
    return page.url.rstrip("/").rpartition("/")[2]


def go_on(page: Page) -> None:
    """Next, with the warnings understood where there are some."""
    before = step(page)
    page.locator("#setup-next").click()
    page.wait_for_load_state()
    understood = page.get_by_label("I understand the warnings")
    if step(page) == before and understood.count():
        understood.check()
        page.locator("#setup-next").click()
        page.wait_for_load_state()
    assert step(page) != before, page.locator(".wizard-middle").inner_text()


def identify(page: Page, sandbox: SandboxServer) -> None:
    page.get_by_label("Directory (tenant) ID").fill(sandbox.tenant)
    page.get_by_label("Application (client) ID").fill(sandbox.client_id)
    page.get_by_label("Client secret", exact=True).fill(sandbox.client_secret)
    if page.get_by_role("button", name="Advanced").count():
        page.get_by_role("button", name="Advanced").click()
        page.get_by_label("Client secret", exact=True).fill(sandbox.client_secret)
    page.get_by_label("Cloud").select_option("other")
    page.get_by_label("Identity service").fill(sandbox.url)


def until(page: Page, sandbox: SandboxServer, served: str, last: str) -> None:
    """Goes through the steps before `last` with good values."""
    page.goto(f"{served}/c/default/setup/")
    while step(page) != last:
        match step(page):
            case "welcome":
                page.get_by_label("I am allowed to let this hub move data").check()
            case "identity":
                identify(page, sandbox)
            case "sales":
                page.get_by_label("Sales environment URL").fill(sandbox.url)
            case "business-central":
                page.get_by_label("Business Central environment", exact=True).fill(sandbox.environment)
                page.get_by_label("Business Central service").fill(sandbox.url)
                page.get_by_role("button", name="Find companies").click()
                page.wait_for_load_state()
                page.get_by_label("Company").select_option(index=1)
        go_on(page)


def test_from_signing_in_to_a_started_full_synchronisation(
    sign_in: Callable[[str], Page], served: str, sandbox: SandboxServer
) -> None:
    page = sign_in("administrator")
    page.get_by_role("link", name="Assisted Setup").first.click()
    expect(page.get_by_role("heading", name="Assisted Setup")).to_be_visible()
    until(page, sandbox, served, "summary")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", name="Full Synch Review")).to_be_visible(timeout=60_000)
    assert Connection.objects.get().enabled
    assert not SetupDraft.objects.exists()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("The full synchronisation has started.")).to_be_visible(timeout=60_000)
    assert FullSynch.objects.filter(preview=False).count() == 1


WRONG = (
    ("identity", "Directory (tenant) ID", "not a tenant", "Enter a GUID or a domain"),
    ("identity", "Application (client) ID", "my-app", "A client id is a GUID"),
    ("identity", "Application (client) ID", "00000000-0000-4000-8000-00000000dead", "no application with this client"),
    ("identity", "Identity service", "http://login.example.com", "Enter an https address"),
    ("sales", "Sales environment URL", "http://contoso.example.com", "Enter an https address"),
    ("business-central", "Business Central environment", "no where", "no blanks"),
)


@pytest.mark.parametrize(("where", "field", "value", "words"), WRONG)
def test_a_wrong_value_is_named_at_its_field_and_nothing_typed_is_lost(
    sign_in: Callable[[str], Page], served: str, sandbox: SandboxServer, where: str, field: str, value: str, words: str
) -> None:
    page = sign_in("administrator")
    page.goto(f"{served}/c/default/setup/step/{where}/")
    if where == "identity":
        identify(page, sandbox)
    page.get_by_label(field, exact=True).fill(value)
    page.locator("#setup-next").click()
    page.wait_for_load_state()
    assert step(page) == where
    expect(page.locator(".wizard-middle")).to_contain_text(words)
    expect(page.get_by_label(field, exact=True)).to_have_value(value)
    if where == "identity" and field != "Directory (tenant) ID":
        expect(page.get_by_label("Directory (tenant) ID")).to_have_value(sandbox.tenant)


def test_leaving_with_something_typed_asks_first(sign_in: Callable[[str], Page], served: str) -> None:
    page = sign_in("administrator")
    page.goto(f"{served}/c/default/setup/step/identity/")
    page.get_by_label("Directory (tenant) ID").fill("contoso.com")
    page.get_by_role("button", name="Save draft and leave").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your answers are kept as a draft")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("Directory (tenant) ID")).to_have_value("contoso.com")
    page.get_by_role("button", name="Save draft and leave").click()
    dialog.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Connection Setup")).to_be_visible()
    assert SetupDraft.objects.get().answers["identity"]["tenant_id"] == "contoso.com"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), pytest.param(390, "dark", marks=pytest.mark.extended)])
def test_axe_finds_nothing_on_any_step_and_nothing_sticks_out(
    served: str, sandbox: SandboxServer, browser: Any, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    problems: dict[str, object] = {}

    def look(page: Page, name: str) -> None:
        page.add_script_tag(path=AXE)
        problems[name] = violations(page)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            problems[f"{name} width"] = "wider than the window"

    try:
        page = context.new_page()
        sign_in_on(page, served, "administrator")
        if width == 1440 and scheme == "light":
            until(page, sandbox, served, "summary")
        for each in STEPS:
            page.goto(f"{served}/c/default/setup/step/{each}/")
            look(page, each)
        page.goto(f"{served}/c/default/setup/step/identity/")
        page.get_by_label("Directory (tenant) ID").fill("not a tenant")
        page.locator("#setup-next").click()
        page.wait_for_load_state()
        look(page, "a refused step")
        for address in (
            "/c/default/connection/", "/c/default/connection/certificate/", "/c/default/status/", "/encryption/",
            "/c/default/statistics/", "/accounts/people/", "/accounts/me/notices/", "/c/default/full-synch/",
            "/c/default/mappings/", "/c/default/mappings/CUSTOMER/", "/c/default/mappings/rules/new/",
        ):  # fmt: skip
            page.goto(served + address)
            look(page, address)
    finally:
        context.close()
    assert {name: found for name, found in problems.items() if found} == {}
