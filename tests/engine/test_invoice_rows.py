"""Lines of invoices whose prices include VAT: net prices go across, and a rounding line makes up for the rest."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from syncjobs.engine.rules.invoice_rows import decimal_of, line_values, rounding_line
from syncjobs.engine.views import RecordView

INVOICE, LINE = UUID(int=1), UUID(int=2)
BLUEPRINT: Any = SimpleNamespace(facts=SimpleNamespace(slug="default"))


def line(price: str, quantity: str, net: str, rate: str = "25") -> dict[str, Any]:
    return {
        "unitPrice": Decimal(price),
        "quantity": Decimal(quantity),
        "taxPercent": Decimal(rate),
        "netAmount": Decimal(net),
    }


def rounding(*lines: dict[str, Any]) -> Decimal:
    invoice = RecordView(INVOICE, number="103001")
    write = rounding_line(BLUEPRINT, invoice, RecordView(UUID(int=9)), [(LINE, each) for each in lines])
    return Decimal(0) if write is None else decimal_of(write.after["priceperunit"])


def test_prices_without_vat_go_across_as_they_are():
    values = line_values(line("9.99", "3", "29.97"), INVOICE, net=False)
    assert (values["unitPrice"], values["_invoice"]) == (Decimal("9.99"), str(INVOICE))


def test_prices_including_vat_lose_their_tax():
    assert line_values(line("9.99", "3", "23.98"), INVOICE, net=True)["unitPrice"] == Decimal("7.99")


@pytest.mark.parametrize(
    "lines",
    [
        [line("9.99", "3", "23.98")],
        [line("100", "2", "160")],
        [line("0.99", "7", "5.54"), line("19.95", "11", "205.10", "7")],
    ],
)
def test_lines_and_rounding_come_to_the_net_amount(lines):
    sent = sum(line_values(each, INVOICE, net=True)["unitPrice"] * each["quantity"] for each in lines)
    assert sent + rounding(*lines) == sum(each["netAmount"] for each in lines)


def test_nothing_lost_gives_no_rounding_line():
    assert rounding(line("100", "2", "160")) == 0
