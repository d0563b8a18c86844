"""Lines of posted invoices in Sales: their product, unit, tax and amounts. Written as steps of their invoice.

What the header and its lines share stands here too: how a line finds its product, and the key that its row gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from connector.choices import System
from syncjobs.choices import OperationKind
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.keys import derived_key
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.references import Role
from syncjobs.engine.results import Problem, not_coupled
from syncjobs.engine.rules.base import Extra, TableRule, register
from syncjobs.engine.rules.unit_rows import Unit, unit_named, unit_with
from syncjobs.engine.views import RecordView
from syncjobs.engine.writes import PlannedWrite

SALES = System.SALES
DETAILS = "invoicedetails"
LINES_MAPPING = "POSTEDSALESLINE-INV"
PRODUCT_LINES = ("Item", "Resource")
PRODUCT_ROWS = "product_rows"
"""Where `lookups.extra` holds the products of a slice's lines, by key."""
CENT = Decimal("0.01")
TOTALS = ("totalamountlessfreight", "totalamount", "totaltax", "totaldiscountamount")


@register(LINES_MAPPING)
class PostedInvoiceLineRule(TableRule):
    """Values of a line beside its field mappings. Lines travel as steps of their invoice, never on their own."""

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        if target != SALES or bc is None:
            return []
        line, invoice = bc.values, str(bc.values.get("_invoice") or "")
        tax = decimal_of(line.get("netAmountIncludingTax")) - decimal_of(line.get("netAmount"))
        number = line.get("sequence")
        found = [
            Extra("invoiceid@odata.bind", f"/invoices({invoice})", "_invoiceid_value", invoice),
            Extra("lineitemnumber", number, "lineitemnumber", number),
            Extra("tax", tax, "tax", tax),
        ]
        if line.get("lineType") in PRODUCT_LINES:
            place = product_of(line, lookups)
            if isinstance(place, Problem):
                return place
            product, unit = place
            found.append(Extra("productid@odata.bind", f"/products({product})", "_productid_value", product))
            found.append(Extra("uomid@odata.bind", f"/uoms({unit.key})", "_uomid_value", unit.key))
        else:
            text = " ".join(part for part in (line.get("lineObjectNumber"), line.get("description")) if part)
            found.append(Extra("isproductoverridden", True, "isproductoverridden", True))
            found.append(Extra("productdescription", f"{text or '-'}."[:500], "productdescription", None))
        return found


def line_values(line: Mapping[str, Any], invoice: UUID, *, net: bool) -> dict[str, Any]:
    """A line as the line mapping carries it: Sales knows net prices only. `net`: take the tax out of what a person
    entered with it.
    """
    values = {**line, "_invoice": str(invoice)}
    if net:
        values |= {name: without_tax(line, name) for name in ("unitPrice", "discountAmount")}
    return values


def without_tax(line: Mapping[str, Any], name: str) -> Decimal:
    """A price or discount of a line without the tax that it includes."""
    rate = 1 + decimal_of(line.get("taxPercent")) / 100
    return (decimal_of(line.get(name)) / rate).quantize(CENT, ROUND_HALF_UP)


def product_of(line: Mapping[str, Any], lookups: Lookups) -> tuple[str, Unit] | Problem:
    """Product and unit of a line in Sales."""
    number = code_of(line.get("lineObjectNumber"))
    product = lookups.sales_key(Role.PRODUCT, number)
    row = lookups.extra[PRODUCT_ROWS].get(product) if product else None
    if product is None or row is None:
        mapping = "RESOURCE-PRODUCT" if line.get("lineType") == "Resource" else "ITEM-PRODUCT"
        noun = str(line.get("lineType") or "item").lower()
        return not_coupled(noun=noun, number=number, partner="product", mapping=mapping)
    code = code_of(line.get("unitOfMeasureCode"))
    group = str(row.get("_defaultuomscheduleid_value") or "").lower()
    unit = unit_named(lookups, group, code) or unit_with(lookups, str(row.get("_defaultuomid_value") or "").lower())
    if unit is None:
        return not_coupled(noun="unit of measure", number=f"{code} of {number}", partner="unit", mapping="ITEM UOM")
    return product, unit


def amounts_of(record_id: UUID, line: Mapping[str, Any], detail: Mapping[str, Any], title: str) -> PlannedWrite | None:
    """Amounts of a line where Sales does not calculate: it blanks them when the line is made."""
    invoice_discount = decimal_of(line.get("invoiceDiscountAllocation"))
    discount = decimal_of(line.get("discountAmount"))
    base = decimal_of(line.get("netAmount")) + invoice_discount + discount
    gross = decimal_of(line.get("netAmountIncludingTax")) + invoice_discount
    known = tuple(
        None if detail.get(name) is None else decimal_of(detail[name]) for name in ("baseamount", "extendedamount")
    )
    if known == (base, gross):
        return None
    body = {"baseamount": base, "extendedamount": gross}
    return PlannedWrite(
        SALES,
        OperationKind.UPDATE,
        record_id=record_id,
        after=body,
        sales_base=body,
        title=title,
        table=DETAILS,
        is_step=True,
    )


def totals_of(
    bc: RecordView, sales: RecordView, lines: Sequence[tuple[UUID, Mapping[str, Any]]], *, with_line_discounts: bool
) -> dict[str, Decimal]:
    """Totals of an invoice that differ from Business Central's, for an organisation that does not calculate them."""
    net, gross = (
        decimal_of(bc.values.get("totalAmountExcludingTax")),
        decimal_of(bc.values.get("totalAmountIncludingTax")),
    )
    discounts = decimal_of(bc.values.get("discountAmount"))
    if with_line_discounts:
        discounts += sum((decimal_of(line.get("discountAmount")) for _, line in lines), Decimal(0))
    amounts = (net, gross, gross - net, discounts)
    wanted = dict(zip(TOTALS, amounts, strict=True))
    return {
        name: amount
        for name, amount in wanted.items()
        if sales.values.get(name) is None or decimal_of(sales.values[name]) != amount
    }


def new_line(record_id: UUID, body: Mapping[str, Any], base: Mapping[str, Any], title: str) -> PlannedWrite:
    return PlannedWrite(
        SALES,
        OperationKind.CREATE,
        record_id=record_id,
        after=body,
        sales_base=base,
        title=title,
        table=DETAILS,
        is_step=True,
    )


def rounding_line(
    blueprint: Blueprint, bc: RecordView, sales: RecordView, lines: Sequence[tuple[UUID, Mapping[str, Any]]]
) -> PlannedWrite | None:
    """With prices including VAT, what the net prices' rounding loses."""
    total = sum((decimal_of(line.get("netAmount")) for _, line in lines), Decimal(0))
    sent = Decimal(0)
    for _, line in lines:
        discounts = without_tax(line, "discountAmount") + decimal_of(line.get("invoiceDiscountAllocation"))
        price = without_tax(line, "unitPrice")
        sent += (price * decimal_of(line.get("quantity"))).quantize(CENT, ROUND_HALF_UP) - discounts
    difference = (total - sent).quantize(CENT, ROUND_HALF_UP)
    if not difference:
        return None
    body = {
        "invoiceid@odata.bind": f"/invoices({sales.key})",
        "isproductoverridden": True,
        "productdescription": "Rounding",
        "quantity": 1,
        "priceperunit": difference,
        "ispriceoverridden": True,
    }
    base = {"_invoiceid_value": str(sales.key)}
    return new_line(line_key(blueprint, bc.key), body, base, f"{bc.number}, rounding")


def line_key(blueprint: Blueprint, line: UUID) -> UUID:
    return derived_key(blueprint.facts.slug, LINES_MAPPING, line, 0)


def decimal_of(value: Any) -> Decimal:
    return Decimal(str(value or 0))


def code_of(value: Any) -> str:
    return str(value or "").strip().upper()
