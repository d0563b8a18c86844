"""A whole lead-to-cash day, played by its people: on the sandbox's pages of both products and on the hub's own.

The salesperson quotes, revises, wins and submits; the order processor releases, ships, invoices, blocks, renames and
deletes; in between somebody presses the hub's buttons and reads what its pages say.
"""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from syncjobs.documents.models import QuoteVersion
from tests.browser.conftest import AXE, violations
from tests.documents.acting import Desk
from tests.documents.conftest import trade  # noqa: F401  (fixture)
from tests.documents.trade import Trade

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LIFT = "Carrying it up to the third floor by hand, since the lift of the house is out of order until the autumn. " * 2


class Office:
    """The hub's pages, and the two products beside it."""

    def __init__(self, browser: Browser, hub: str, trade: Trade) -> None:  # noqa: F811
        self.hub, self.trade = hub, trade
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.page: Page = self.context.new_page()
        self.sales = Desk(self.context.new_page(), trade.sandbox.http_url, "sales")
        self.central = Desk(self.context.new_page(), trade.sandbox.http_url, "business-central")

    def sign_in(self, name: str) -> None:
        sign_in(self.page, self.hub, name)

    def open(self, name: str, **arguments: Any) -> None:
        self.page.goto(self.hub + reverse(name, kwargs={"connection": "default", **arguments}))

    def press(self, label: str) -> None:
        """A button of the page; a question is answered with yes."""
        self.page.get_by_role("button", name=label, exact=True).first.click()
        dialog = self.page.get_by_role("dialog")
        if dialog.is_visible():
            dialog.get_by_role("button", name=label).click()
        self.page.wait_for_load_state()

    def order(self, name: str, *, price: str = "10", quantity: str = "2", **header: str) -> str:
        """A submitted order over lamps; its key."""
        key = self.sales.new("salesorders", name=name, customerid="Adatum Ltd", **header)
        self.sales.add("Order Products", **self.lamps(price, quantity))
        self.sales.press("Submit order")
        return key

    def lamps(self, price: str, quantity: str) -> dict[str, Any]:
        return {
            "productid": "Lamp", "uomid": "Primary Unit", "quantity": quantity, "ispriceoverridden": True,
            "priceperunit": price,
        }  # fmt: skip

    def see(self, key: str) -> None:
        """The page of an order, after the list has read Sales."""
        self.open("sales-order-list")
        self.press("Refresh")
        self.open("sales-order-detail", key=key)

    def central_order(self, key: str) -> None:
        """The order's page in Business Central."""
        self.central.open("salesOrders", self.trade.document(UUID(key)).bc_key)


def sign_in(page: Page, hub: str, name: str) -> None:
    page.goto(f"{hub}/accounts/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{hub}/")


@pytest.fixture
def office(trade: Trade, live_server: Any, people: dict[str, User], browser: Browser) -> Iterator[Office]:  # noqa: F811
    made = Office(browser, str(live_server.url), trade)
    made.sign_in("operator")
    yield made
    made.context.close()


def state_of(page: Page) -> Any:
    return page.locator("#state-title")


def test_lead_to_cash_day(office: Office, trade: Trade) -> None:  # noqa: F811
    quote = a_quote_in_dollars_waits_for_the_write_in_product(office, trade)
    quote = three_revisions_keep_one_quote(office, trade, quote)
    order = the_quote_is_won_and_ordered(office, quote)
    the_order_is_shipped_and_invoiced_in_parts(office, order)
    a_deleted_order_comes_back_and_is_submitted_again(office)
    a_blocked_customer_holds_the_order_up(office)
    a_renamed_product_still_finds_its_item(office, trade)
    a_cancelled_order_is_deleted_on_request(office, trade)


def a_quote_in_dollars_waits_for_the_write_in_product(office: Office, trade: Trade) -> str:  # noqa: F811
    sales, page = office.sales, office.page
    trade.sales.create(
        "transactioncurrencies", isocurrencycode="USD", currencyname="US Dollar", currencysymbol="$", exchangerate=1.1,
        currencyprecision=2,
    )  # fmt: skip
    key = sales.new("quotes", name="Refit", customerid="Adatum Ltd", transactioncurrencyid="US Dollar")
    sales.add("Quote Products", **office.lamps("40", "10"))
    sales.add("Quote Products", isproductoverridden=True, productdescription=LIFT, quantity="1", priceperunit="120")
    sales.press("Activate quote")
    office.open("sales-quote-list")
    office.press("Refresh")
    row = page.locator("#list tbody tr", has_text="Refit")
    expect(row).to_contain_text("no write-in product is set")
    office.central.new("items", number="WRITE-IN", displayName="Write-in sales", type="Service")
    trade.switch(write_in_product_no="WRITE-IN")
    office.open("sales-quote-detail", key=key)
    office.press("Check again")
    expect(state_of(page)).to_have_text("Ready")
    office.press("Process in Business Central")
    expect(state_of(page)).to_contain_text("Created SQ")
    [quote] = trade.documents("salesQuotes")
    assert (quote["currencyCode"], quote["totalAmountExcludingTax"]) == ("USD", 520)
    written = [line["description"] for line in quote["salesQuoteLines"][1:]]
    assert "".join(written) == LIFT.rstrip()
    return key


def three_revisions_keep_one_quote(office: Office, trade: Trade, key: str) -> str:  # noqa: F811
    sales, page = office.sales, office.page
    [before] = trade.documents("salesQuotes")
    for revision in (1, 2, 3):
        sales.open("quotes", key)
        sales.press("Revise")
        sales.page.goto(f"{sales.root}quotes/?q=Refit")
        sales.page.locator("main tbody tr", has_text="Draft").get_by_role("link").first.click()
        key = sales.key
        sales.add("Quote Products", **office.lamps(str(30 + revision), "1"))
        sales.press("Activate quote")
        office.open("sales-quote-list")
        office.press("Refresh")
        office.open("sales-quote-detail", key=key)
        office.press("Process in Business Central")
        expect(page.locator("#document")).to_contain_text(f"Revision {revision} took the place")
    [after] = trade.documents("salesQuotes")
    assert after["number"] == before["number"]
    assert after["totalAmountExcludingTax"] == 520 + 31 + 32 + 33
    page.get_by_role("link", name="Version of revision 1").click()
    changes = page.get_by_role("region", name="Differences")
    expect(changes).to_contain_text("LAMP Lamp: 1 PCS at 32")
    expect(changes).to_contain_text("Total without tax")
    assert sorted(QuoteVersion.objects.values_list("revision", flat=True)) == [0, 1, 2]
    return key


def the_quote_is_won_and_ordered(office: Office, key: str) -> str:
    sales, page = office.sales, office.page
    sales.open("quotes", key)
    sales.press("Win")
    office.open("sales-quote-list")
    office.press("Refresh")
    office.open("sales-quote-detail", key=key)
    office.press("Process in Business Central")
    expect(page.locator("#document")).to_contain_text("there is no order of it in Sales")
    sales.press("Create order")
    sales.find("salesorders", "Refit")
    order = sales.key
    sales.press("Submit order")
    office.press("Process in Business Central")
    expect(page.locator("#document")).to_contain_text("became order SO")
    office.see(order)
    expect(state_of(page)).to_contain_text("Created SO")
    return order


def the_order_is_shipped_and_invoiced_in_parts(office: Office, order: str) -> None:
    central, page = office.central, office.page
    office.central_order(order)
    central.press("Release")
    central.press("Post shipment", part="4")
    office.press("Look in Business Central")
    expect(page.locator(".timeline")).to_contain_text("in part.")
    expect(state_of(page)).to_contain_text("Created SO")
    office.central_order(order)  # an action opens what it made
    central.press("Post shipment")
    office.press("Look in Business Central")
    expect(page.locator("#document")).to_contain_text("Fulfilled in Sales")
    office.central_order(order)
    central.press("Post invoice", part="4")
    office.press("Look in Business Central")
    expect(page.locator("#document")).to_contain_text("Fulfilled in Sales")
    office.central_order(order)
    central.press("Post invoice")
    office.press("Look in Business Central")
    expect(state_of(page)).to_have_text("Closed")
    office.sales.open("salesorders", order)
    assert office.sales.value("statecode") == "Invoiced"
    told = "\n".join(office.sales.timeline)
    assert [told.count(word) for word in ("released", "Shipment", "Invoice PSI")] == [1, 2, 2], told


def a_deleted_order_comes_back_and_is_submitted_again(office: Office) -> None:
    page = office.page
    key = office.order("Second")
    office.see(key)
    office.press("Create in Business Central")
    expect(state_of(page)).to_contain_text("Created SO")
    first = state_of(page).inner_text()
    office.central_order(key)
    office.central.delete()
    for _ in range(2):  # one look alone may be wrong
        office.press("Look in Business Central")
    expect(page.locator("#document")).to_contain_text("the Sales order is active again")
    office.sales.open("salesorders", key)
    assert office.sales.value("statecode") == "Active"
    office.sales.press("Submit order")
    office.see(key)
    office.press("Create in Business Central")
    expect(state_of(page)).to_contain_text("Created SO")
    assert state_of(page).inner_text() != first


def a_blocked_customer_holds_the_order_up(office: Office) -> None:
    central, page = office.central, office.page
    central.find("customers", "Adatum")
    central.change(blocked="All")
    key = office.order("Third")
    office.see(key)
    office.press("Create in Business Central")
    expect(page.locator("#document")).to_contain_text("is blocked (All) in Business Central")
    expect(state_of(page)).to_have_text("1 thing missing")
    central.change(blocked=" ")
    office.press("Check again")
    expect(state_of(page)).to_have_text("Ready")
    office.press("Create in Business Central")
    expect(state_of(page)).to_contain_text("Created SO")


def a_renamed_product_still_finds_its_item(office: Office, trade: Trade) -> None:  # noqa: F811
    office.central.find("items", "LAMP")
    office.central.change(number="LAMP-2", displayName="Lamp of brass")
    office.sales.find("products", "Lamp")
    office.sales.change(name="Brass lamp")
    key = office.sales.new("salesorders", name="Fourth", customerid="Adatum Ltd")
    office.sales.add("Order Products", **{**office.lamps("12", "3"), "productid": "Brass lamp"})
    office.sales.press("Submit order")
    office.see(key)
    office.press("Create in Business Central")
    expect(state_of(office.page)).to_contain_text("Created SO")
    order = next(each for each in trade.bc_orders() if each["externalDocumentNumber"] == "FOURTH")
    [line] = order["salesOrderLines"]
    assert (line["lineObjectNumber"], line["description"]) == ("LAMP-2", "Lamp of brass")


def a_cancelled_order_is_deleted_on_request(office: Office, trade: Trade) -> None:  # noqa: F811
    page = office.page
    office.sales.press("Cancel order")
    office.press("Look in Business Central")
    expect(page.locator("#document")).to_contain_text("The order was cancelled in Sales")
    office.press("Delete in Business Central")
    expect(state_of(page)).to_have_text("Closed")
    assert "FOURTH" not in [each["externalDocumentNumber"] for each in trade.bc_orders()]


# -- Everybody can read it


@pytest.fixture
def documents(trade: Trade, settings: Any) -> list[str]:  # noqa: F811
    """Addresses of every page of documents, over an order in trouble, one that is there, and a revised quote."""
    from tests.documents.test_quotes import make_quote, process, revise

    there = trade.make_order("There", lines=3)
    trade.process(there)
    trouble = trade.make_order("Trouble", submit=False)
    trade.add_line(trouble, write_in=LIFT)
    trade.submit(trouble)
    trade.process(trouble)
    quote = make_quote(trade)
    process(trade, quote)
    newer = revise(trade, quote, price=11)
    process(trade, newer)
    version = QuoteVersion.objects.get()
    names: list[tuple[str, dict[str, Any]]] = [
        ("sales-order-list", {}), ("sales-order-detail", {"key": there}), ("sales-order-detail", {"key": trouble}),
        ("sales-quote-list", {}), ("sales-quote-detail", {"key": newer}), ("sales-quote-archive-list", {}),
        ("sales-quote-archive-detail", {"pk": version.pk}), ("sales-receivables-setup", {}),
    ]  # fmt: skip
    return [reverse(name, kwargs={"connection": "default", **arguments}) for name, arguments in names]


def test_axe_finds_nothing_on_pages_of_documents(
    documents: list[str],
    live_server: Any,
    people: dict[str, User],
    browser: Browser,
) -> None:
    problems: dict[str, object] = {}
    for width in (1440, 390):
        for scheme in ("light", "dark"):
            look(browser, str(live_server.url), documents, width, scheme, problems.__setitem__)
    assert problems == {}


def look(
    browser: Browser, hub: str, addresses: list[str], width: int, scheme: Any, found: Callable[[str, object], None]
) -> None:
    # The policy forbids the script that axe is; only this check goes around it.
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    try:
        page = context.new_page()
        sign_in(page, hub, "administrator")
        for address in addresses:
            page.goto(hub + address)
            page.add_script_tag(path=AXE)
            if faults := violations(page):
                found(f"{address} {width} {scheme}", faults)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found(f"{address} {width} {scheme} width", "wider than the window")
    finally:
        context.close()
