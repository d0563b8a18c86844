"""Mappings in a real browser: the filter builder, the try-it box, and a full synchronisation on its way."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.roles import ensure_groups
from connector import auth
from coupling.models import TransformationRule
from syncjobs.models import FullSynch, FullSynchLine, SynchJob
from tests.browser.conftest import AXE, sign_in_on, violations
from tests.coupling.factories import make_person
from tests.engine.live import Hub, connect
from tests.sandbox_process import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def hub(transactional_db: None, sandbox: SandboxServer) -> Hub:
    auth._kept.clear()
    ensure_groups()
    make_person("administrator", "administrator")
    return Hub(connect(sandbox), sandbox)


@pytest.fixture
def administrator(hub: Hub, live_server: Any, browser: Any) -> Iterator[Page]:
    """Signed in, on a small screen; axe can be added to any page."""
    context = browser.new_context(
        base_url=str(live_server.url), viewport={"width": 390, "height": 900}, bypass_csp=True
    )
    yield sign_in_on(context.new_page(), str(live_server.url), "administrator")
    context.close()


def assert_accessible(page: Page) -> None:
    page.add_script_tag(path=AXE)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_filter_is_built_counted_and_saved_with_the_keyboard(administrator: Page, hub: Hub) -> None:
    for name, city in (("Adatum", "Aarhus"), ("Contoso", "Odense"), ("Fabrikam", "Aarhus")):
        hub.bc.create("customers", displayName=name, city=city)
    page = administrator
    page.goto("/c/default/mappings/CUSTOMER/filter/business_central/")
    page.get_by_role("textbox", name="Filter").fill("")
    page.get_by_label("Column").select_option("city")
    page.get_by_label("Value").fill("Aarhus")
    page.get_by_role("button", name="Add and count").press("Enter")
    expect(page.get_by_role("heading", name="2 of 3")).to_be_visible()
    expect(page.get_by_role("textbox", name="Filter")).to_have_value("city eq 'Aarhus'")
    assert_accessible(page)
    page.get_by_role("button", name="Save filter").press("Enter")
    expect(page.get_by_text("The filter in Business Central is saved.")).to_be_visible()
    assert hub.mapping("CUSTOMER").business_central_filter == "city eq 'Aarhus'"


def test_a_rule_is_tried_before_it_is_saved(administrator: Page) -> None:
    page = administrator
    page.goto("/c/default/mappings/rules/new/")
    page.get_by_label("Code").fill("short")
    page.get_by_label("What it does").select_option("expression")
    page.get_by_role("button", name="Show fields").click()
    page.get_by_label("Expression").fill("upper(left(value, 3))")
    page.get_by_label("Value", exact=True).fill("nordhavn")
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Becomes")).to_contain_text("NOR")
    page.get_by_label("Expression").fill("open('x')")
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.get_by_text("There is no such function")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Expression").fill("upper(left(value, 3))")
    page.get_by_role("button", name="Save rule").click()
    expect(page.get_by_text("SHORT is saved.")).to_be_visible()
    assert TransformationRule.objects.get().parameters == {"expression": "upper(left(value, 3))"}


def test_the_review_follows_a_run_to_its_end_without_a_reload(administrator: Page, hub: Hub) -> None:
    begun = timezone.now() - timedelta(seconds=20)
    run = FullSynch.objects.create(connection=hub.connection, state="running", started_at=begun)
    line = FullSynchLine.objects.create(
        full_synch=run, mapping=hub.mapping("CUSTOMER"), direction="bidirectional", state="running", to_sales="running",
        started_at=begun,
    )  # fmt: skip
    job = SynchJob.objects.create(
        connection=hub.connection, mapping=line.mapping, mode="full", direction="bidirectional", trigger="full_synch",
        state="running", started_at=begun, done=10, total=100, inserted=10, requests=7, full_synch_line=line,
    )  # fmt: skip
    page = administrator
    page.goto("/c/default/full-synch/")
    page.evaluate("window.stayed = true")
    row = page.get_by_role("row").filter(has_text="CUSTOMER")
    expect(row).to_contain_text("10 of 100 records")
    expect(page.get_by_text("7 requests")).to_be_visible()
    assert_accessible(page)
    SynchJob.objects.filter(pk=job.pk).update(done=60, inserted=58, failed=2)
    expect(row).to_contain_text("60 of 100 records")
    expect(page.get_by_text("left").first).to_be_visible()
    SynchJob.objects.filter(pk=job.pk).update(state="partly", done=100, finished_at=timezone.now())
    FullSynchLine.objects.filter(pk=line.pk).update(state="finished", to_sales="error", failed_percent=2)
    FullSynch.objects.filter(pk=run.pk).update(state="partly", finished_at=timezone.now())
    expect(page.get_by_role("heading", name="What it came to")).to_be_visible(timeout=10_000)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    expect(page.get_by_text("should scheduled jobs also create partners")).to_be_visible()
    assert page.evaluate("window.stayed")
    assert_accessible(page)
