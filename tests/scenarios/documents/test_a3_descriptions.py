"""A.3 Write-in products and descriptions (scenarios 17 to 22)."""

from itertools import cycle, islice
from uuid import UUID

import pytest

from tests.scenarios.documents.market import Market

LONGEST = "".join(islice(cycle("The quick brown fox jumps over 13 lazy dogs. "), 500)).strip().ljust(500, ".")


def texts(market: Market, key: UUID) -> list[str]:
    return [line["description"] for line in market.lines(key)]


def test_a3_17_no_write_in_product_set(market: Market) -> None:
    """139175 NotDefiendWriteInProductNo"""
    key = market.order("Unknown", {"write_in": "A part"})
    market.process(key)
    [problem] = market.problems(key)
    assert market.document(key).number in problem["message"]
    assert problem["fix"]["page"] == "sales-receivables-setup"
    assert market.bc_orders() == []


def test_a3_18_write_in_item(market: Market) -> None:
    """139175 WriteInProductItem"""
    number = market.write_in()
    [line] = market.lines(market.created("Written in", {"write_in": "A part"}))
    assert (line["lineType"], line["lineObjectNumber"]) == ("Item", number)


def test_a3_19_short_description_of_a_write_in_line(market: Market) -> None:
    """139175 WriteInItemNameCopiedToSalesOrderLineDescription"""
    market.write_in()
    assert texts(market, market.created("Written in", {"write_in": "A part"})) == ["A part"]


def test_a3_20_line_of_a_product_keeps_the_items_description(market: Market) -> None:
    """139175 NonWriteInItemNameNotCopiedToSalesOrderLineDescription"""
    key = market.created("Described", {"description": "With a longer cable"})
    assert texts(market, key) == ["Lamp", "With a longer cable"]


@pytest.mark.parametrize("kind", ["item", "resource"])
def test_a3_21_longest_description_of_a_product(market: Market, kind: str) -> None:
    """139175 LongProductDescriptionItem, LongProductDescriptionResource"""
    product = market.product if kind == "item" else market.resource()
    key = market.created("Long", market.of(product, description=LONGEST))
    comments = texts(market, key)[1:]
    assert "".join(comments) == LONGEST
    assert max(len(text) for text in comments) <= 100
    assert {line["lineType"] for line in market.lines(key)[1:]} == {"Comment"}


def test_a3_22_longest_description_of_a_write_in_line(market: Market) -> None:
    """139175 LongWriteInProductDescription"""
    market.write_in()
    assert "".join(texts(market, market.created("Long", {"write_in": LONGEST}))) == LONGEST
