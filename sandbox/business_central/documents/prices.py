"""Which price and discount a line gets: the best of the active price lists, else the product's own price."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sandbox.business_central.schema import BLANK_DATE
from sandbox.business_central.session import Session
from sandbox.storage import Row

HUNDRED = Decimal(100)
_ASSETS = {"Item": "Item", "Resource": "Resource", "G/L Account": "G/L Account"}


@dataclass(frozen=True, slots=True)
class Price:
    unit_price: Decimal
    discount_percent: Decimal


def exchange_rate(session: Session, currency: str, on: str) -> Decimal:
    """Local currency per one unit of the currency on that day; 1 for the local currency and where no rate is known."""
    if not currency:
        return Decimal(1)
    rates = session.all("Currency Exchange Rate", "starting_date DESC", currency_code=currency)
    for rate in rates:
        if rate["starting_date"] <= on and rate["exchange_rate_amount"]:
            return Decimal(rate["relational_exch_rate_amount"] / rate["exchange_rate_amount"])
    return Decimal(1)


def units_per(session: Session, line_type: str, number: str, unit: str) -> Decimal:
    """Base units in one of the given unit of measure."""
    table, column = (
        ("Item Unit of Measure", "item_no") if line_type == "Item" else ("Resource Unit of Measure", "resource_no")
    )
    if line_type not in ("Item", "Resource") or not unit:
        return Decimal(1)
    row = session.find(table, **{column: number, "code": unit})
    return Decimal(row["qty_per_unit_of_measure"]) if row and row["qty_per_unit_of_measure"] else Decimal(1)


def find_price(session: Session, header: Row, line: Row) -> Price:
    """Price in the document's currency per the line's unit, and the discount percentage."""
    candidates = list(_matching(session, header, line))
    prices = [row["unit_price"] for row in candidates if row["amount_type"] in ("Price", "Any") and row["unit_price"]]
    discounts = [row["line_discount_percent"] for row in candidates if row["amount_type"] in ("Discount", "Any")]
    unit_price = min(prices) if prices else _own_price(session, header, line)
    return Price(unit_price, max(discounts, default=Decimal(0)))


def _own_price(session: Session, header: Row, line: Row) -> Decimal:
    """The price on the product card, which is in local currency and per base unit."""
    table = {"Item": "Item", "Resource": "Resource"}.get(line["type"])
    product = session.find(table, no=line["no"]) if table else None
    if product is None:
        return Decimal(0)
    per_unit = product["unit_price"] * units_per(session, line["type"], line["no"], line["unit_of_measure_code"])
    rate = exchange_rate(session, header["currency_code"], header["posting_date"])
    return round(Decimal(per_unit) / rate, 2)


def _matching(session: Session, header: Row, line: Row) -> Iterator[Row]:
    today = header["document_date"]
    sources = {
        ("All Customers", ""),
        ("Customer", header["sell_to_customer_no"]),
        ("Customer Price Group", header["customer_price_group"]),
        ("Customer Disc. Group", header["customer_disc_group"]),
    }
    lists: dict[str, Row | None] = {}
    for row in session.all("Price List Line", asset_no=line["no"]):
        code = row["price_list_code"]
        if code not in lists:
            lists[code] = session.find("Price List Header", code=code)
        owner = lists[code] or row
        starts = row["starting_date"] if row["starting_date"] != BLANK_DATE else owner["starting_date"]
        ends = row["ending_date"] if row["ending_date"] != BLANK_DATE else owner["ending_date"]
        if (
            row["status"] == "Active"
            and owner["status"] == "Active"
            and row["asset_type"] == _ASSETS.get(line["type"])
            and ((row["source_type"], row["source_no"]) in sources or row["source_type"] == "All Customers")
            and row["currency_code"] == header["currency_code"]
            and row["unit_of_measure_code"] in ("", line["unit_of_measure_code"])
            and row["variant_code"] in ("", line["variant_code"])
            and row["minimum_quantity"] <= line["quantity"]
            and starts <= today
            and (ends == BLANK_DATE or today <= ends)
        ):
            yield row
