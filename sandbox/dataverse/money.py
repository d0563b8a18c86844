"""Money columns: the row's currency and exchange rate, precision, and the amounts in the base currency."""

from decimal import ROUND_HALF_UP, Decimal

from sandbox.dataverse.context import Context, Currency
from sandbox.definitions.dataverse import Attribute, Table
from sandbox.storage import Row

DOCUMENTS = ("opportunity", "quote", "salesorder", "invoice")
LINES = ("opportunityproduct", "quotedetail", "salesorderdetail", "invoicedetail")


def complete(context: Context, table: Table, old: Row | None, row: Row, changed: set[str]) -> None:
    """Fills currency and exchange rate where money is involved, rounds what was sent, and sets the base amounts."""
    pairs = table.money_pairs
    if not pairs or "transactioncurrencyid" not in table.attributes:
        return
    touched = [attribute for attribute, _ in pairs if attribute.name in changed]
    keeps_rate = table.logical_name in DOCUMENTS or table.logical_name in LINES
    currency_changed = old is None or row.get("transactioncurrencyid") != old.get("transactioncurrencyid")
    if not touched and not (currency_changed and ("transactioncurrencyid" in changed or keeps_rate)):
        return
    if row.get("transactioncurrencyid") is None:
        if not touched and not keeps_rate:
            return
        row["transactioncurrencyid"] = context.organization["basecurrencyid"]
    currency = context.currency(row["transactioncurrencyid"])
    if row.get("exchangerate") is None or currency_changed or not keeps_rate:
        row["exchangerate"] = currency.rate
    for attribute in touched:
        if row.get(attribute.name) is not None:
            row[attribute.name] = context.round_to(row[attribute.name], precision_of(context, attribute, currency))
    set_base_amounts(table, row)


def set_base_amounts(table: Table, row: Row) -> None:
    """Every ``*_base`` column is its amount divided by the row's exchange rate, to four decimals."""
    rate = row.get("exchangerate") or Decimal(1)
    for attribute, base in table.money_pairs:
        value = row.get(attribute.name)
        row[base] = None if value is None else round_to(value / rate, 4)


def precision_of(context: Context, attribute: Attribute, currency: Currency) -> int:
    if attribute.precision_source == 1:
        return int(context.organization["pricingdecimalprecision"])
    if attribute.precision_source == 0 and attribute.precision is not None:
        return attribute.precision
    return currency.precision


def round_to(value: Decimal, digits: int) -> Decimal:
    """Halves away from zero."""
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
