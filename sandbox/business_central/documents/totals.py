"""Amounts of lines and documents. Everything is rounded to two decimals, halves away from zero."""

from decimal import ROUND_HALF_UP, Decimal

from sandbox.business_central.session import Session
from sandbox.storage import Row

CENT = Decimal("0.01")
_TOTALS = ("amount", "amount_including_vat", "total_tax_amount", "invoice_discount_amount")


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def lines_of(session: Session, header: Row) -> list[Row]:
    return session.all("Sales Line", "line_no", document_id=header["system_id"])


def line_amount(line: Row) -> Decimal:
    """Quantity times price less the line discount, with or without tax as the prices are."""
    return rounded(line["quantity"] * line["unit_price"]) - line["line_discount_amount"]


def apply_discount(line: Row) -> None:
    """The discount amount that follows from the percentage."""
    gross = line["quantity"] * line["unit_price"]
    line["line_discount_amount"] = rounded(gross * line["line_discount_percent"] / 100)


def allocate(lines: list[Row], discount: Decimal) -> list[Decimal]:
    """The invoice discount's share of each line; the last line takes what rounding leaves over."""
    bases = [line_amount(line) if line["allow_invoice_disc"] else Decimal(0) for line in lines]
    total = sum(bases, Decimal(0))
    shares = [rounded(discount * base / total) if total else Decimal(0) for base in bases]
    if total:
        last = max(index for index, base in enumerate(bases) if base)
        shares[last] += discount - sum(shares, Decimal(0))
    return shares


def set_line_amounts(header: Row, line: Row, invoice_discount: Decimal) -> None:
    amount = line_amount(line)
    factor = 1 + line["vat_percent"] / 100
    line["line_amount"] = amount
    line["inv_discount_amount"] = invoice_discount
    net = amount - invoice_discount
    if header["prices_including_vat"]:
        line["line_amount_excluding_tax"] = rounded(amount / factor)
        line["line_amount_including_tax"] = amount
        line["inv_discount_amount_excl_vat"] = rounded(invoice_discount / factor)
        line["amount_including_vat"], line["amount"] = net, rounded(net / factor)
    else:
        line["line_amount_excluding_tax"] = amount
        line["line_amount_including_tax"] = rounded(amount * factor)
        line["inv_discount_amount_excl_vat"] = invoice_discount
        line["amount"], line["amount_including_vat"] = net, rounded(net * factor)
    line["line_tax_amount"] = line["line_amount_including_tax"] - line["line_amount_excluding_tax"]
    line["tax_amount"] = line["amount_including_vat"] - line["amount"]


def recalculate(session: Session, header: Row, *, touched: bool = False) -> None:
    """Brings lines and header totals up to date. ``touched``: the header's stamp moves even if no total changed."""
    lines = lines_of(session, header)
    allowed = sum((line_amount(line) for line in lines if line["allow_invoice_disc"]), Decimal(0))
    discount = max(Decimal(0), min(header["invoice_discount_amount"], allowed))
    for line, share in zip(lines, allocate(lines, discount), strict=True):
        old = dict(line)
        set_line_amounts(header, line, share)
        session.update("Sales Line", line, old)
    old = dict(header)
    header["invoice_discount_amount"] = discount
    header["amount"] = sum((line["amount"] for line in lines), Decimal(0))
    header["amount_including_vat"] = sum((line["amount_including_vat"] for line in lines), Decimal(0))
    header["total_tax_amount"] = header["amount_including_vat"] - header["amount"]
    countable = [line for line in lines if line["type"] and line["quantity"]]
    header["completely_shipped"] = bool(countable) and all(
        line["quantity_shipped"] >= line["quantity"] for line in countable
    )
    if not session.update("Sales Header", header, old) and touched:
        session.touch("Sales Header", header)
