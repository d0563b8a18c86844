"""Coupling in a real browser: the couplings home, and a coupling that is deleted and taken back by its note."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from connector.choices import System
from coupling.models import Coupling
from tests.browser.conftest import AXE, sign_in_on, violations
from tests.coupling.factories import make_account, make_coupling, make_customer, make_record

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("sandbox_is_off")]


def test_a_deleted_coupling_comes_back_from_its_note(served, sign_in, hub):
    mapping = hub.connection.mappings.get(name="CURRENCY")
    code = make_record(hub.connection, System.BUSINESS_CENTRAL, "currencies", number="USD", name="US dollar")
    row = make_record(hub.connection, System.SALES, "transactioncurrencies", number="USD", name="US dollar")
    coupling = make_coupling(mapping, code, row)
    page = sign_in("salesperson")
    page.goto(f"{served}/c/default/couplings/")
    assert page.get_by_role("heading", name="Customers and accounts").is_visible()
    page.evaluate(AXE.read_text())
    assert violations(page) == []
    page.goto(f"{served}/c/default/couplings/{coupling.pk}/")
    page.get_by_role("button", name="Delete coupling").click()
    undo = page.get_by_role("button", name="Undo")
    undo.wait_for()
    assert not Coupling.objects.filter(mapping=mapping).exists()
    undo.press("Enter")
    page.get_by_text("Coupled again: 1.").wait_for()
    assert Coupling.objects.filter(mapping=mapping).exists()


@pytest.fixture
def look_alikes(hub):
    """A free customer with a very long name, and accounts it may be."""
    long = "Nordhavn Skibsudrustning og Maritim Handelsgesellschaft mit beschränkter Haftung & Søn " * 2
    customer = make_customer(hub.connection, "30000", long[:100], city="Aarhus")
    accounts = [make_account(hub.connection, name, address1_city="Odense") for name in (long, "Zenith", "Zenith East")]
    return customer, accounts


@pytest.mark.parametrize("width", [1440, 390])
def test_coupling_pages_are_readable_and_nothing_sticks_out(served, hub, browser, people, look_alikes, width):
    customer, accounts = look_alikes
    place = {"connection": "default"}
    set_up = reverse(
        "coupling-setup", kwargs={**place, "system": "business_central", "table": "customers", "key": customer.key}
    )
    pair = {**place, "pk": hub.couplings[1].pk}
    addresses = (
        f"{reverse('customer-list', kwargs=place)}?sort=state",
        set_up,
        f"{set_up}?search=zenith",
        f"{set_up}?search=nothing",
        f"{set_up}?partner={accounts[0].key}",
        f"{set_up}?create=1",
        reverse("coupling-detail", kwargs=pair),
        reverse("coupling-synchronize", kwargs=pair),
        reverse("coupling-log", kwargs=pair),
        reverse("coupling-table-uncouple", kwargs={**place, "name": "CUSTOMER"}),
        reverse("error-list", kwargs=place),
    )
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    problems: dict[str, object] = {}
    try:
        page = context.new_page()
        sign_in_on(page, served, "administrator")
        for address in addresses:
            page.goto(served + address)
            page.add_script_tag(path=AXE)
            found = violations(page)
            sticks_out = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
            if found or sticks_out:
                problems[address] = (found, sticks_out)
    finally:
        context.close()
    assert problems == {}


def test_picker_is_used_by_keyboard_alone(served, sign_in, hub, look_alikes):
    customer, _ = look_alikes
    page = sign_in("salesperson")
    place = {"connection": "default", "system": "business_central", "table": "customers", "key": customer.key}
    page.goto(served + reverse("coupling-setup", kwargs=place))
    box = page.get_by_role("combobox")
    box.type("zen")
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("Enter")
    # Two begin so: nothing is chosen, the first is active.
    expect(box).to_have_attribute("aria-activedescendant", "candidate-1")
    page.keyboard.press("Alt+p")
    expect(page.locator("#peek")).to_contain_text("fields differ")
    expect(page.get_by_text("No account chosen yet")).to_be_visible()
    box.type("ith")
    page.keyboard.press("Enter")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Zenith")
    expect(page.get_by_role("button", name="Couple and update Sales")).to_be_visible()
    page.keyboard.press("Alt+0")
    expect(page.get_by_role("button", name="Couple", exact=True)).to_be_visible()
    page.keyboard.press("Alt+c")
    expect(page.get_by_role("link", name="Do not create one")).to_be_visible()
    page.keyboard.press("Alt+c")
    expect(page.get_by_role("button", name="Couple", exact=True)).to_be_visible()
    assert "choice=none" in page.url


def test_a_second_person_is_told_and_takes_over(served, sign_in, hub, look_alikes, browser):
    customer, _ = look_alikes
    place = {"connection": "default", "system": "business_central", "table": "customers", "key": customer.key}
    address = served + reverse("coupling-setup", kwargs=place)
    sign_in("salesperson").goto(address)
    context = browser.new_context()
    other = context.new_page()
    sign_in_on(other, served, "operator")
    other.goto(address)
    expect(other.get_by_role("alert")).to_contain_text("is being coupled by salesperson right now")
    other.get_by_role("button", name="Take over").click()
    expect(other.get_by_text("is being coupled by")).to_have_count(0)
    context.close()
