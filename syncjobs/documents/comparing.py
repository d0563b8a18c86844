"""Amounts of a transferred document beside those of Sales, line by line: pure."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from syncjobs.documents.amounts import UNIT_PRICE, amount
from syncjobs.documents.models import SalesDocument

_HALF_CENT = Decimal("0.005")


@dataclass(slots=True)
class Comparison:
    """`wrong_prices` is the sentence about a price that Business Central changed; blank where it kept them all."""

    differences: list[dict[str, Any]] = field(default_factory=list)
    attention: list[dict[str, str]] = field(default_factory=list)
    wrong_prices: str = ""


def compare(document: SalesDocument) -> Comparison:
    """Lines by their number, then the total without tax. Amounts in the result are texts, for JSON."""
    found = Comparison()
    plan = document.plan
    by_sequence = {int(line["sequence"]): line for line in document.bc_lines}
    gross = {int(sequence) for sequence in plan.get("gross", {})}
    net_of_gross = Decimal(0)
    including_tax = bool(document.bc_values.get("pricesIncludeTax"))
    for body in plan.get("lines", ()):
        line, sequence = by_sequence.get(int(body["sequence"])), int(body["sequence"])
        if line is None or body["lineType"] == "Comment":
            continue
        if sequence not in gross and abs(amount(line["unitPrice"]) - amount(body["unitPrice"])) > UNIT_PRICE:
            found.wrong_prices = (
                f"Business Central made the price of line {sequence} {line['unitPrice']} instead of"
                f" {body['unitPrice']}."
            )
        expected = amount(plan["expected_lines"].get(str(sequence)))
        actual = amount(line["amountIncludingTax" if including_tax else "amountExcludingTax"])
        if sequence in gross:
            # The net amount is Business Central's to say; what it comes to with VAT has to be the Sales amount.
            net_of_gross += expected - actual
            actual = amount(line["amountIncludingTax"])
        if abs(expected - actual) > _HALF_CENT * 2 if sequence in gross else abs(expected - actual) > _HALF_CENT:
            found.differences.append(_difference(str(sequence), str(line["description"]), expected, actual))
    expected_total = amount(plan.get("expected_total")) - net_of_gross
    total = amount(document.bc_values.get("totalAmountIncludingTax" if including_tax else "totalAmountExcludingTax"))
    tolerance = _HALF_CENT * max(len(by_sequence), 1)
    if abs(expected_total - total) > tolerance:
        found.differences.append(_difference("total", "Total without tax", expected_total, total))
        found.attention.append(
            {
                "code": "document.totals_differ",
                "message": f"Totals differ: {expected_total:.2f} in Sales, {total:.2f} in Business Central.",
            }
        )
    if including_tax:
        found.attention.append(
            {"code": "document.prices_include_tax", "message": "Prices of this Business Central document include VAT."}
        )
    return found


def _difference(line: str, description: str, sales: Decimal, business_central: Decimal) -> dict[str, Any]:
    return {
        "line": line,
        "description": description,
        "sales": f"{sales:.2f}",
        "business_central": f"{business_central:.2f}",
        "difference": f"{business_central - sales:.2f}",
    }
