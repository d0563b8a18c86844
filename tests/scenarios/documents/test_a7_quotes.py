"""A.7 Quotes (scenarios 41 to 53)."""

from uuid import UUID

import pytest

from connector.cached import forget
from coupling.services.links import sales_url
from syncjobs.documents import links
from syncjobs.documents.models import QuoteVersion
from tests.scenarios.documents.market import Market
from tests.scenarios.documents.test_a3_descriptions import LONGEST


@pytest.mark.parametrize("foreign", [False, True], ids=["local", "foreign"])
def test_a7_41_active_quote(market: Market, foreign: bool) -> None:
    """139172 CRMQuoteLCY, CRMQuoteFCY"""
    header = {}
    if foreign:
        money = market.foreign_currency()
        header = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({money})"}
    key = market.quote(**header)
    before = market.sales.row("quotes", key, "statecode", "statuscode", "totalamount")
    market.process_quotes(key)
    [quote] = market.bc_quotes()
    assert quote["currencyCode"] == ("USD" if foreign else market.connection.local_currency_code)
    assert str(market.document(key).coupling.bc_key) == quote["id"]
    assert market.sales.row("quotes", key, "statecode", "statuscode", "totalamount") == before


def test_a7_42_quote_in_an_unknown_currency(market: Market) -> None:
    """139172 CRMQuoteFCYNotExists"""
    money = market.foreign_currency("XPF")
    key = market.quote(**{"transactioncurrencyid@odata.bind": f"/transactioncurrencies({money})"})
    market.process_quotes(key)
    [problem] = market.problems(key)
    assert "XPF" in problem["message"]
    assert market.bc_quotes() == []


@pytest.mark.parametrize("missing", ["freight.no_account", "write_in.not_set"])
def test_a7_43_quote_that_needs_setup(market: Market, missing: str) -> None:
    """139172 ErrorOnFreightAccountIsEmpty, NotDefinedWriteInProductNo"""
    if missing == "write_in.not_set":
        key = market.quote("Setup", {"write_in": "A part"})
    else:
        setup = next(iter(market.bc.client.query("salesReceivablesSetups", properties=["freightAccountNumber"])))
        market.bc.update("salesReceivablesSetups", setup.key, freightAccountNumber="")
        forget("")
        key = market.quote(freightamount=5)
    market.process_quotes(key)
    assert [problem["code"] for problem in market.problems(key)] == [missing]
    assert market.bc_quotes() == []


@pytest.mark.parametrize("kind", ["item", "resource"])
def test_a7_44_write_in_line_of_a_quote(market: Market, kind: str) -> None:
    """139172 WriteInProductItem, WriteInProductResource"""
    number = market.write_in(kind)
    market.process_quotes(market.quote("Written in", {"write_in": "A part"}))
    line = market.bc_quotes()[0]["salesQuoteLines"][0]
    assert (line["lineType"], line["lineObjectNumber"]) == (kind.capitalize(), number)


@pytest.mark.parametrize("kind", ["item", "resource"])
def test_a7_45_longest_description_on_a_quote(market: Market, kind: str) -> None:
    """139172 LongProductDescriptionItem, LongProductDescriptionResource"""
    product = market.product if kind == "item" else market.resource()
    market.process_quotes(market.quote("Long", market.of(product, description=LONGEST)))
    lines = market.bc_quotes()[0]["salesQuoteLines"]
    assert "".join(line["description"] for line in lines[1:]) == LONGEST


def test_a7_46_lines_own_description_comes_before_the_products(market: Market) -> None:
    """139172 LineItemDescriptionUsedInsteadOfProductDescription"""
    market.write_in()
    market.process_quotes(market.quote("Both", {"write_in": "Of the product", "description": "Of the line"}))
    assert [line["description"] for line in market.bc_quotes()[0]["salesQuoteLines"]] == ["Of the line"]


def test_a7_47_automatic_processing(market: Market) -> None:
    """139172 CreateSalesQuoteInNAVWithJobQueueSunshine, CRMQuoteNameToSalesHeaderExternalDocumentNo"""
    market.switch(automatically_process_quotes=True)
    name = "ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 AND MORE"
    key = market.quote(name)
    market.process_quotes()
    [quote] = market.bc_quotes()
    assert quote["externalDocumentNumber"] == name[:35]
    assert market.document(key).coupling is not None


@pytest.mark.parametrize(("until", "day"), [("2027-05-31", "2027-05-31"), (None, "0001-01-01")])
def test_a7_48_effective_to(market: Market, until: str | None, day: str) -> None:
    """derived 5348"""
    market.process_quotes(market.quote(effectiveto=until))
    assert market.bc_quotes()[0]["validUntilDate"] == day


@pytest.mark.parametrize("processed", [True, False], ids=["processed_before", "new"])
def test_a7_49_50_won_quote_with_a_submitted_order(market: Market, processed: bool) -> None:
    """139172 CRMExistingQuoteWon, CRMNewQuoteWon"""
    key = market.quote()
    if processed:
        market.process_quotes(key)
    market.win(key)
    order = market.order_of(key)
    market.submit(order)
    for _ in range(2):
        market.process_quotes(key)
    [made] = market.bc_orders()
    document = market.document(key)
    assert document.order_number == made["number"]
    assert str(market.document(order).bc_key) == made["id"]
    assert document.marks["won"]
    assert [(version.reason, version.bc_number) for version in QuoteVersion.objects.all()] == [
        ("won", document.bc_number)
    ]


def test_a7_51_revised_quote(market: Market) -> None:
    """derived 5348"""
    key = market.quote(effectiveto="2027-01-31")
    market.note(key, "First thoughts", "quote")
    market.process_quotes(key)
    [before] = market.bc_quotes()

    newer = UUID(market.call("ReviseQuote", QuoteId=str(key), ColumnSet={"AllColumns": True})["quoteid"])
    market.sales.update("quotes", newer, effectiveto="2027-02-28")
    market.add_quote_line(newer, quantity=3)
    market.note(newer, "Second thoughts", "quote")
    market.activate(newer)
    market.process_quotes(newer)
    [after] = market.bc_quotes()
    assert (after["number"], after["validUntilDate"]) == (before["number"], "2027-02-28")
    assert [line["quantity"] for line in after["salesQuoteLines"] if line["lineType"] != "Comment"] == [1, 3]
    assert str(market.document(newer).coupling.bc_key) == after["id"]
    assert market.document(key).coupling is None
    [version] = QuoteVersion.objects.all()
    assert (version.revision, len(version.lines)) == (0, len(before["salesQuoteLines"]))
    assert market.bc_notes() == ["Second thoughts"]


def test_a7_52_won_quote_waits_for_its_order(market: Market) -> None:
    """derived 5348"""
    key = market.quote()
    market.process_quotes(key)
    market.win(key)
    order = market.order_of(key)
    market.process_quotes(key)
    assert market.bc_orders() == []
    assert market.document(key).attention[0]["code"] == "quote.order_not_submitted"
    market.submit(order)
    market.process_quotes(key)
    [made] = market.bc_orders()
    assert market.document(key).order_number == made["number"]
    assert QuoteVersion.objects.get().reason == "won"


@pytest.mark.parametrize("kind", ["quote", "order"])
def test_a7_53_link_into_sales(market: Market, kind: str) -> None:
    """139177 TestNavigateToCRMQuoteFromQuotesList, TestNavigateToCRMSalesOrderFromSalesOrderList"""
    key = market.quote() if kind == "quote" else market.order()
    if kind == "quote":
        market.process_quotes(key)
    else:
        market.process(key)
    address = links.in_sales(market.document(key))
    assert address == sales_url(market.connection, "quote" if kind == "quote" else "salesorder", key)
    assert str(key) in address
