"""Money of documents: rounding as the two systems do it, and what a header discount comes to."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

ZERO = Decimal(0)
CENT = Decimal("0.01")
UNIT_PRICE = Decimal("0.00001")
"""Business Central's usual precision of unit prices."""


def amount(value: Any) -> Decimal:
    """A wire value as Decimal; nothing is zero."""
    return ZERO if value is None or value == "" else Decimal(str(value))


def precision(places: Any) -> Decimal:
    """Of `2:2`, a currency's least and most decimals; a cent where nothing is said."""
    most = str(places or "").rpartition(":")[2].strip()
    return Decimal(1).scaleb(-int(most)) if most.isdigit() else CENT


def rounded(value: Decimal, precision: Decimal = CENT) -> Decimal:
    """To a multiple of `precision`, halves away from zero. A precision of zero leaves the value alone."""
    if not precision:
        return value
    return (value / precision).quantize(Decimal(1), ROUND_HALF_UP) * precision


def plain(value: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent, as the services write it."""
    short = value.normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral_value() else short


def line_discount(line: Mapping[str, Any], precision: Decimal = CENT) -> Decimal:
    """Volume discount of all units plus the manual one."""
    volume = amount(line.get("quantity")) * amount(line.get("volumediscountamount"))
    return rounded(volume + amount(line.get("manualdiscountamount")), precision)


def header_discount(header: Mapping[str, Any], precision: Decimal = CENT) -> Decimal | None:
    """What the header takes off all lines together; None where it names no discount."""
    if not amount(header.get("discountamount")) and not amount(header.get("discountpercentage")):
        return None
    return rounded(amount(header.get("totallineitemamount")) - amount(header.get("totalamountlessfreight")), precision)


def net_price(gross: Decimal, tax_percent: Decimal, precision: Decimal = UNIT_PRICE) -> Decimal:
    """The price without tax of a price that includes it."""
    return rounded(gross / (1 + tax_percent / 100), precision)
