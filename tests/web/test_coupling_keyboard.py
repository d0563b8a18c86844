"""Set Up Coupling by keyboard in a real browser: the search box is a combobox over the list below it."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from coupling.models import Coupling
from tests.coupling.factories import make_account, make_connection, make_customer, make_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def setup_page(page: Page, live_server):
    connection = make_connection(company_name="CRONUS")
    customer = make_customer(connection, "10000", "Adatum Corporation")
    for name in ("Adatum", "Adatum East", "Fabrikam", "Fabrikam West"):
        make_account(connection, name)
    make_person("salesperson", "salesperson")
    page.goto(f"{live_server.url}/accounts/login/")
    page.fill("[name=username]", "salesperson")
    page.fill("[name=password]", "secret")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")
    arguments = {"connection": "default", "system": "business_central", "table": "customers", "key": customer.key}
    page.goto(live_server.url + reverse("coupling-setup", kwargs=arguments))
    return page


def test_typing_arrows_and_enter_choose_a_row(setup_page: Page):
    box = setup_page.get_by_role("combobox")
    expect(box).to_be_focused()
    box.type("fabri")
    expect(setup_page.get_by_role("option")).to_contain_text(["Fabrikam", "Fabrikam West"])
    setup_page.keyboard.press("ArrowDown")
    setup_page.keyboard.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "candidate-2")
    setup_page.keyboard.press("Enter")
    expect(setup_page.get_by_role("heading", name="Adatum Corporation and Fabrikam West")).to_be_visible()
    expect(setup_page.get_by_role("option", selected=True)).to_contain_text("Fabrikam West")


def test_alt_and_a_digit_choose_what_happens_and_the_button_says_it(setup_page: Page):
    setup_page.get_by_role("option", name="Adatum East").click()
    expect(setup_page.get_by_role("button", name="Couple and update Sales")).to_be_visible()
    setup_page.keyboard.press("Alt+0")
    expect(setup_page.get_by_role("button", name="Couple", exact=True)).to_be_visible()
    setup_page.keyboard.press("Alt+2")
    expect(setup_page.get_by_role("button", name="Couple and update Business Central")).to_be_visible()
    assert not Coupling.objects.exists()


def test_without_a_script_every_row_is_a_link_and_every_choice_a_page(setup_page: Page, browser, live_server):
    cookies = setup_page.context.cookies()
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)
    plain = context.new_page()
    plain.goto(setup_page.url)
    plain.fill("#picker-search", "fabrikam")
    plain.get_by_role("button", name="Search").click()
    plain.get_by_role("option", name="Fabrikam West").click()
    expect(plain.get_by_role("heading", name="Adatum Corporation and Fabrikam West")).to_be_visible()
    plain.get_by_text("Only couple").click()
    expect(plain.get_by_role("button", name="Couple", exact=True)).to_be_visible()
    context.close()
