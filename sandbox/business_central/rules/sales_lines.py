"""Lines of open documents: product, quantity, unit, price and discount, each filling in what follows from it."""

from decimal import Decimal
from typing import Any

from sandbox.business_central.bindings import derived_id, fixed, register_property
from sandbox.business_central.documents import dimensions, totals
from sandbox.business_central.documents.prices import find_price, units_per
from sandbox.business_central.errors import BusinessCentralError, bad_request, dialog, field_validation
from sandbox.business_central.rules.registry import (
    after_insert,
    after_modify,
    before_delete,
    before_insert,
    before_modify,
    sets,
    validates,
)
from sandbox.business_central.schema import ZERO_GUID
from sandbox.business_central.session import Session
from sandbox.storage import Row

TABLE = "Sales Line"
_API_TYPES = {"Comment": "", "Account": "G/L Account", "Charge": "Charge (Item)"}
"""Line types of the API that are called otherwise in the table."""
_PRODUCTS = {"Item": "Item", "Resource": "Resource", "G/L Account": "G/L Account"}

_TYPE_SQL = " ".join(f"WHEN '{stored}' THEN '{api}'" for api, stored in _API_TYPES.items())
register_property(TABLE, "lineType", fixed(f"CASE t.type {_TYPE_SQL} ELSE t.type END"))
for _name, _type, _table in (("itemId", "Item", "Item"), ("accountId", "G/L Account", "G/L Account")):
    _sql = f"CASE t.type WHEN '{_type}' THEN {derived_id(_table, 't.no')} ELSE '{ZERO_GUID}' END"
    register_property(TABLE, _name, fixed(_sql))
register_property(
    TABLE,
    "itemVariantId",
    fixed(
        "coalesce((SELECT v.system_id FROM bc_item_variant v WHERE v.item_no = t.no AND v.code = t.variant_code"  # noqa: S608
        f" AND t.variant_code <> ''), '{ZERO_GUID}')"
    ),
)
register_property(TABLE, "discountAppliedBeforeTax", fixed("1"))


def _header(session: Session, row: Row) -> Row:
    header = session.by_id("Sales Header", row["document_id"]) if row["document_id"] != ZERO_GUID else None
    if header is None or header["document_type"] != row["document_type"]:
        raise dialog("The document of the line does not exist. Give a valid documentId.")
    return header


def _open_header(session: Session, row: Row) -> Row:
    header = _header(session, row)
    if header["posted"] or header["status"] != "Open":
        raise field_validation(
            f"Status must be equal to 'Open' in Sales Header: Document Type={header['document_type']},"
            f" No.={header['no']}. Current value is '{header['status']}'."
        )
    return header


# -- Properties that name the product


@sets(TABLE, "lineType")
def _set_type(session: Session, row: Row, value: Any) -> None:
    kind = _API_TYPES.get(value, value)
    if kind not in ("", *_PRODUCTS):
        raise dialog(f"Lines of type {value} are not supported.")
    if row["no"] and kind != row["type"]:
        raise dialog("The line type cannot be changed once a product is chosen.")
    row["type"] = kind


@sets(TABLE, "itemId")
def _set_item(session: Session, row: Row, value: Any) -> None:
    _choose_by_id(session, row, "Item", value)


@sets(TABLE, "accountId")
def _set_account(session: Session, row: Row, value: Any) -> None:
    _choose_by_id(session, row, "G/L Account", value)


def _choose_by_id(session: Session, row: Row, kind: str, value: str) -> None:
    if value == ZERO_GUID:
        return
    product = session.by_id(kind, value)
    if product is None:
        raise dialog(f"The {kind} of the line does not exist.")
    if row["type"] not in ("", kind):
        raise dialog("The line type and the product of the line do not match; give only one of itemId and accountId.")
    row["type"] = kind
    if row["no"] and row["no"] != product["no"] and row.get("_chosen"):
        raise dialog("itemId and lineObjectNumber do not match.")
    row["no"] = product["no"]
    _choose(session, row, "")


@sets(TABLE, "itemVariantId")
def _set_variant(session: Session, row: Row, value: Any) -> None:
    variant = session.by_id("Item Variant", value) if value != ZERO_GUID else None
    if value != ZERO_GUID and (variant is None or variant["item_no"] != row["no"]):
        raise dialog("The item variant does not belong to the item of the line.")
    row["variant_code"] = variant["code"] if variant else ""


@validates(TABLE, "No.")
def _choose(session: Session, row: Row, old: Any) -> None:
    """Description, unit, taxes and price of the product."""
    if not row["no"]:
        return
    if not row["type"]:
        row["type"] = "Item"
    product = session.find(_PRODUCTS[row["type"]], no=row["no"])
    if product is None:
        raise BusinessCentralError(
            400,
            "Internal_InvalidTableRelation",
            f"The field No. of table Sales Line contains a value ({row['no']}) that cannot be found in the related"
            f" table ({row['type']}).",
        )
    if product["blocked"]:
        raise dialog(f"Blocked must be equal to 'No' in {row['type']}: No.={row['no']}. Current value is 'Yes'.")
    if row["type"] == "G/L Account" and not product["direct_posting"]:
        raise dialog(f"Direct Posting must be equal to 'Yes' in G/L Account: No.={row['no']}.")
    header = _header(session, row)
    row["_chosen"] = True
    row["description"] = product["description" if row["type"] == "Item" else "name"]
    row["description_2"] = product.get("description_2", "")
    row["unit_of_measure_code"] = product.get("sales_unit_of_measure") or product.get("base_unit_of_measure", "")
    row["qty_per_unit_of_measure"] = units_per(session, row["type"], row["no"], row["unit_of_measure_code"])
    row["gen_prod_posting_group"] = product["gen_prod_posting_group"]
    row["vat_prod_posting_group"] = product.get("vat_prod_posting_group", "")
    row["vat_bus_posting_group"] = header["vat_bus_posting_group"]
    row["item_category_code"] = product.get("item_category_code", "")
    row["allow_invoice_disc"] = product.get("allow_invoice_disc", True)
    row["location_code"] = row["location_code"] or header["location_code"]
    setup = session.find(
        "VAT Posting Setup",
        vat_bus_posting_group=row["vat_bus_posting_group"],
        vat_prod_posting_group=row["vat_prod_posting_group"],
    )
    row["vat_percent"] = setup["vat_percent"] if setup else Decimal(0)
    row["tax_code"] = row["vat_prod_posting_group"]
    _price(session, row, header)


def _price(session: Session, row: Row, header: Row) -> None:
    price = find_price(session, header, row)
    row["unit_price"] = price.unit_price
    if header["prices_including_vat"]:
        row["unit_price"] = totals.rounded(price.unit_price * (1 + row["vat_percent"] / 100))
    row["line_discount_percent"] = price.discount_percent
    totals.apply_discount(row)


@validates(TABLE, "Quantity")
def _quantity(session: Session, row: Row, old: Any) -> None:
    if row["quantity"] < row["quantity_shipped"]:
        raise field_validation("Quantity must not be less than the quantity shipped.")
    if not row["type"] and row["quantity"]:
        raise dialog("A comment line has no quantity.")
    row["qty_to_ship"] = row["quantity"] - row["quantity_shipped"]
    row["qty_to_invoice"] = row["quantity"] - row["quantity_invoiced"]
    _price(session, row, _header(session, row))


@validates(TABLE, "Unit of Measure Code")
def _unit(session: Session, row: Row, old: Any) -> None:
    unit = row["unit_of_measure_code"]
    table, column = (
        ("Item Unit of Measure", "item_no") if row["type"] == "Item" else ("Resource Unit of Measure", "resource_no")
    )
    if unit and row["type"] in ("Item", "Resource") and not session.exists(table, **{column: row["no"], "code": unit}):
        raise BusinessCentralError(
            400,
            "Internal_InvalidTableRelation",
            f"The field Unit of Measure Code of table Sales Line contains a value ({unit}) that cannot be found in the"
            f" related table ({table}).",
        )
    if unit and row["type"] == "G/L Account" and not session.exists("Unit of Measure", code=unit):
        raise dialog(f"The unit of measure {unit} does not exist.")
    row["qty_per_unit_of_measure"] = units_per(session, row["type"], row["no"], unit)
    if row["no"]:
        _price(session, row, _header(session, row))


@validates(TABLE, "Unit Price")
def _unit_price(session: Session, row: Row, old: Any) -> None:
    totals.apply_discount(row)


@validates(TABLE, "Line Discount %")
def _discount_percent(session: Session, row: Row, old: Any) -> None:
    if not 0 <= row["line_discount_percent"] <= 100:
        raise dialog("Line Discount % must be between 0 and 100.")
    totals.apply_discount(row)


@validates(TABLE, "Line Discount Amount")
def _discount_amount(session: Session, row: Row, old: Any) -> None:
    gross = row["quantity"] * row["unit_price"]
    if gross == 0 or not 0 <= row["line_discount_amount"] <= totals.rounded(gross):
        if row["line_discount_amount"] == 0:
            row["line_discount_percent"] = Decimal(0)
            return
        raise dialog("The line discount amount must be between 0 and the amount of the line.")
    row["line_discount_percent"] = round(row["line_discount_amount"] * 100 / gross, 5)


@validates(TABLE, "Qty. to Ship")
def _to_ship(session: Session, row: Row, old: Any) -> None:
    if not 0 <= row["qty_to_ship"] <= row["quantity"] - row["quantity_shipped"]:
        raise field_validation("You cannot ship more than the outstanding quantity.")


@validates(TABLE, "Qty. to Invoice")
def _to_invoice(session: Session, row: Row, old: Any) -> None:
    if not 0 <= row["qty_to_invoice"] <= row["quantity"] - row["quantity_invoiced"]:
        raise field_validation("You cannot invoice more than the quantity that is not yet invoiced.")


# -- Rows


@before_insert(TABLE)
def _complete(session: Session, row: Row) -> None:
    header = _open_header(session, row)
    row["document_no"] = header["no"]
    if not row["line_no"]:
        lines = totals.lines_of(session, header)
        row["line_no"] = (lines[-1]["line_no"] if lines else 0) + 10_000
    if row["line_no"] < 0:
        raise bad_request("sequence must not be negative.")
    if row["type"] and not row["no"]:
        raise dialog(f"The line of type {row['type']} needs a lineObjectNumber or an id.")
    row["customer_price_group"] = header["customer_price_group"]
    row["shipment_date"] = row["shipment_date"] if row["shipment_date"] > "0001-01-01" else header["order_date"]
    row.pop("_chosen", None)


@before_modify(TABLE)
def _changeable(session: Session, row: Row, old: Row) -> None:
    _open_header(session, old)
    row.pop("_chosen", None)
    for column, name in (("line_no", "sequence"), ("document_id", "documentId")):
        if row[column] != old[column]:
            raise dialog(f"The {name} of a line cannot be changed.")
    if old["no"] and row["no"] != old["no"]:
        raise dialog("The lineObjectNumber of a line cannot be changed.")


def _totals(session: Session, row: Row, old: Row | None = None) -> None:
    header = _header(session, row)
    totals.recalculate(session, header, touched=True)
    row.update(session.by_id(TABLE, row["system_id"]) or {})


after_insert(TABLE)(_totals)
after_modify(TABLE)(_totals)


@before_delete(TABLE)
def _deletable(session: Session, row: Row) -> None:
    header = _open_header(session, row)
    if row["quantity_shipped"]:
        raise dialog(f"You cannot delete the line {row['line_no']} because it has been shipped.")
    dimensions.remove(session, row)
    session.tx.delete(session.table(TABLE).sql_name, row["system_id"])
    totals.recalculate(session, header, touched=True)
