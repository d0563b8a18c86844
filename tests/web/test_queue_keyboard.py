"""Couple next and reviews by keyboard in a real browser, with axe."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from coupling.matching.compute import compute_suggestions
from coupling.matching.models import QueueStep, RuledOutPair
from tests.browser.conftest import AXE, violations
from tests.coupling.factories import make_account, make_connection, make_customer, make_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def signed_in(page: Page, live_server):
    connection = make_connection(company_name="CRONUS")
    for number, name in enumerate(("Adatum", "Fabrikam")):
        make_customer(connection, f"{number}0000", name, phoneNumber=f"089 500000{number}")
        make_account(connection, name, "A1", telephone1=f"089 500000{number}")
        make_account(connection, f"{name} Works", "A2", telephone1=f"089 500000{number}")
    compute_suggestions(mapping=connection.mappings.select_related("connection").get(name="CUSTOMER"))
    make_person("salesperson", "salesperson")
    page.goto(f"{live_server.url}/accounts/login/")
    page.fill("[name=username]", "salesperson")
    page.fill("[name=password]", "secret")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")
    return page


def test_queue_by_keys_and_without_a_mouse(signed_in: Page, live_server):
    page = signed_in
    page.goto(live_server.url + reverse("queue", args=["default", "CUSTOMER"]))
    heading = page.locator("#queue-title")
    first = heading.inner_text()
    marked = page.locator(".queue-marked h3")
    best = marked.inner_text()
    page.keyboard.press("ArrowDown")
    expect(marked).not_to_have_text(best)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    expect(page.get_by_text("Ruled out; the two are not suggested")).to_be_visible()
    assert RuledOutPair.objects.count() == 1
    expect(heading).to_have_text(first)
    page.keyboard.press("s")
    expect(heading).not_to_have_text(first)
    assert QueueStep.objects.filter(deed="skipped").count() == 1
    page.keyboard.press("u")
    expect(heading).to_have_text(first)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert violations(page) == []


def test_review_rows_by_keys(signed_in: Page, live_server):
    page = signed_in
    page.goto(live_server.url + f"{reverse('suggestion-review', args=['default', 'CUSTOMER'])}?sort=-score")
    boxes = page.locator('#list input[name="pk"]')
    expect(boxes).to_have_count(2)
    page.keyboard.press("ArrowDown")
    expect(boxes.first).to_be_focused()
    page.keyboard.press("Space")
    expect(boxes.first).to_be_checked()
    page.keyboard.press("Shift+ArrowDown")
    expect(boxes.last).to_be_checked()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(page.locator("#queue-title")).to_be_visible()
