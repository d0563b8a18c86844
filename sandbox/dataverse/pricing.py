"""Price calculation: what the server computes for lines and totals after every write to a document.

Rules and rounding are those of the out-of-the-box pricing engine: prices from the price list, volume discounts from
discount lists, halves away from zero to the precision of the currency.
"""

from decimal import Decimal

from sandbox.dataverse import money, records
from sandbox.dataverse.context import Context, Currency
from sandbox.dataverse.documents import DOCUMENTS, Document, lines_of
from sandbox.definitions.dataverse import Table
from sandbox.storage import Row

DETAIL_ERROR = 1
MISSING_PRICE_LIST = 2
MISSING_QUANTITY = 4
MISSING_PRODUCT = 6
NOT_IN_PRICE_LIST = 11
_ZERO = Decimal(0)
_HUNDRED = Decimal(100)


def calculate_pending(context: Context) -> None:
    """Calculates every document that the operation touched."""
    while context.price_documents:
        logical_name, key = context.price_documents.pop()
        calculate(context, DOCUMENTS[logical_name], key)


def calculate(context: Context, document: Document, key: str, *, from_list: bool = False) -> None:
    """Prices and amounts of all lines, then the totals. ``from_list`` looks prices up even when they are locked."""
    header = context.get(document.table, key)
    if header is None:
        return
    table = context.table(document.table)
    currency = context.currency(header["transactioncurrencyid"] or context.organization["basecurrencyid"])
    lines = [
        _line(context, document, header, line, currency, from_list=from_list)
        for line in lines_of(context, document, key)
    ]
    totals = _totals(context, header, lines, currency)
    _write(context, table, key, header, {**header, **totals})


def _totals(context: Context, header: Row, lines: list[Row], currency: Currency) -> Row:
    digits = currency.precision
    per_unit = context.organization["discountcalculationmethod"] == 1
    item_amount = item_discount = tax = _ZERO
    for line in lines:
        manual = _manual_discount(line, per_unit=per_unit)
        item_amount += _amount(line, "baseamount") - manual
        item_discount += manual + _amount(line, "volumediscountamount") * _amount(line, "quantity")
        tax += _amount(line, "tax")
    percentage = header.get("discountpercentage") or _ZERO
    discount = context.round_to(_amount(header, "discountamount") + item_amount * percentage / _HUNDRED, digits)
    less_freight = item_amount - discount
    failed = any((line.get("pricingerrorcode") or 0) != 0 for line in lines)
    return {
        "totallineitemamount": context.round_to(item_amount, digits),
        "totallineitemdiscountamount": context.round_to(item_discount, digits),
        "totaldiscountamount": discount,
        "totalamountlessfreight": context.round_to(less_freight, digits),
        "totaltax": context.round_to(tax, digits),
        "totalamount": context.round_to(less_freight + _amount(header, "freightamount") + tax, digits),
        "pricingerrorcode": DETAIL_ERROR if failed else 0,
    }


def _line(context: Context, document: Document, header: Row, line: Row, currency: Currency, *, from_list: bool) -> Row:
    """The line with its amounts, stored where they changed."""
    table = context.table(document.line_table)
    result = {**line, "pricingerrorcode": 0, "volumediscountamount": _ZERO}
    write_in = bool(line.get("isproductoverridden"))
    if line.get("quantity") is None:
        result["pricingerrorcode"] = MISSING_QUANTITY
    elif not write_in:
        _price_from_list(context, header, line, result, from_list=from_list)
    quantity = _amount(result, "quantity")
    digits = currency.precision
    per_unit = context.organization["discountcalculationmethod"] == 1
    base = context.round_to(
        (_amount(result, "priceperunit") - _amount(result, "volumediscountamount")) * quantity, digits
    )
    result["baseamount"] = base
    extended = base - _manual_discount(result, per_unit=per_unit) + _amount(result, "tax")
    result["extendedamount"] = context.round_to(extended, digits)
    _write(context, table, line[table.primary_id], line, result)
    return result


def _price_from_list(context: Context, header: Row, line: Row, result: Row, *, from_list: bool) -> None:
    price_list = header.get("pricelevelid")
    item = None
    if line.get("productid") is None:
        result["pricingerrorcode"] = MISSING_PRODUCT
    elif price_list is not None:
        item = context.tx.first(
            "sales_productpricelevels", pricelevelid=price_list, productid=line["productid"], uomid=line.get("uomid")
        )
    if item is not None and item.get("discounttypeid") is not None:
        result["volumediscountamount"] = _volume_discount(context, item, line, _amount(line, "priceperunit"))
    if line.get("ispriceoverridden"):
        return
    if header.get("ispricelocked") and line.get("priceperunit") is not None and not from_list:
        return
    if item is None:
        if result["pricingerrorcode"] == 0:
            result["pricingerrorcode"] = MISSING_PRICE_LIST if price_list is None else NOT_IN_PRICE_LIST
        return
    digits = int(context.organization["pricingdecimalprecision"])
    result["priceperunit"] = context.round_to(_list_price(context, item), digits)
    result["volumediscountamount"] = _volume_discount(context, item, line, result["priceperunit"])


def _list_price(context: Context, item: Row) -> Decimal:
    """The pricing methods: an amount, or a percentage of the product's list price or costs."""
    method = item.get("pricingmethodcode") or 1
    if method == 1:
        return _amount(item, "amount")
    product = context.get("product", item["productid"]) or {}
    rate = _amount(item, "percentage") / _HUNDRED
    if method == 2:
        return _amount(product, "price") * rate
    cost = _amount(product, "currentcost" if method in (3, 4) else "standardcost")
    if method in (3, 5):
        return cost * (1 + rate)
    return cost / (1 - rate) if rate < 1 else cost


def _volume_discount(context: Context, item: Row, line: Row, price: Decimal) -> Decimal:
    """Discount per unit from the item's discount list for the line's quantity."""
    kind = item.get("discounttypeid")
    if kind is None:
        return _ZERO
    quantity = _amount(line, "quantity")
    for discount in context.tx.find("sales_discounts", discounttypeid=kind):
        if discount["lowquantity"] <= quantity <= discount["highquantity"]:
            if discount["isamounttype"]:
                return _amount(discount, "amount")
            return context.round_to(price * _amount(discount, "percentage") / _HUNDRED, 4)
    return _ZERO


def _manual_discount(line: Row, *, per_unit: bool) -> Decimal:
    discount = _amount(line, "manualdiscountamount")
    return discount * _amount(line, "quantity") if per_unit else discount


def _amount(row: Row, name: str) -> Decimal:
    value = row.get(name)
    return value if isinstance(value, Decimal) else _ZERO


def _write(context: Context, table: Table, key: str, old: Row, new: Row) -> None:
    """Stores calculated values; a row that did not change keeps its version."""
    money.set_base_amounts(table, new)
    if all(new[name] == old.get(name) for name in new):
        return
    new["modifiedon"] = context.now
    new["modifiedby"] = context.user_id
    records.write(context, table, key, old, new)
