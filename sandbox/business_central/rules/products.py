"""Items, their units, resources and sales price lists."""

from decimal import Decimal
from typing import Any

from sandbox.business_central.documents.posting import next_entry
from sandbox.business_central.errors import dialog, field_validation
from sandbox.business_central.rules.registry import (
    after_insert,
    after_modify,
    before_delete,
    before_insert,
    before_modify,
    on_new_row,
    sets,
    validates,
)
from sandbox.business_central.session import Session
from sandbox.storage import Row


@on_new_row("Item")
def _item_defaults(session: Session, row: Row) -> None:
    """What the product's configuration template fills, so that a new item can be posted at once."""
    row.update(gen_prod_posting_group="RETAIL", inventory_posting_group="RESALE", vat_prod_posting_group="STANDARD")
    row.update(base_unit_of_measure="PCS", allow_invoice_disc=True)


@on_new_row("Resource")
def _resource_defaults(session: Session, row: Row) -> None:
    row.update(gen_prod_posting_group="SERVICES", vat_prod_posting_group="STANDARD", base_unit_of_measure="HOUR")


@before_insert("Item")
def _complete_item(session: Session, row: Row) -> None:
    if row["type"] != "Inventory":
        row["inventory_posting_group"] = ""
    row["search_description"] = row["search_description"] or row["description"].upper()
    row["sales_unit_of_measure"] = row["sales_unit_of_measure"] or row["base_unit_of_measure"]


@before_modify("Item")
def _type_fixed(session: Session, row: Row, old: Row) -> None:
    if row["type"] != old["type"] and session.exists("Item Ledger Entry", item_no=old["no"]):
        raise dialog(f"You cannot change Type because there are ledger entries for the item {old['no']}.")
    if row["base_unit_of_measure"] != old["base_unit_of_measure"]:
        if session.exists("Item Ledger Entry", item_no=old["no"]):
            raise dialog(f"You cannot change the base unit of measure: there are ledger entries for item {old['no']}.")
        if row["sales_unit_of_measure"] == old["base_unit_of_measure"]:
            row["sales_unit_of_measure"] = row["base_unit_of_measure"]


def _price_not_negative(session: Session, row: Row, old: Any) -> None:
    if row["unit_price"] < 0:
        raise dialog("Unit Price must not be negative.")


validates("Item", "Unit Price")(_price_not_negative)
validates("Resource", "Unit Price")(_price_not_negative)


@sets("items", "inventory")
def _set_inventory(session: Session, row: Row, value: Any) -> None:
    """The difference to the current stock is posted as an adjustment of today; a new item cannot have stock."""
    if not session.by_id("Item", row["system_id"]):
        raise dialog("The inventory cannot be given when the item is created.")
    entries = session.all("Item Ledger Entry", item_no=row["no"])
    difference = value - sum((entry["quantity"] for entry in entries), Decimal(0))
    if not difference:
        return
    entry = session.new_row(
        "Item Ledger Entry",
        entry_no=next_entry(session, "Item Ledger Entry"),
        item_no=row["no"],
        posting_date=session.today,
        entry_type="Positive Adjmt." if difference > 0 else "Negative Adjmt.",
        document_no="ADJUST",
        description=row["description"],
        quantity=difference,
    )
    session.insert("Item Ledger Entry", entry)


def _unit_row(session: Session, table: str, column: str, number: str, code: str) -> None:
    """A base unit always has a factor of its own."""
    if code and not session.exists(table, **{column: number, "code": code}):
        unit = session.new_row(table, **{column: number, "code": code}, qty_per_unit_of_measure=Decimal(1))
        session.insert(table, unit)


@after_insert("Item")
def _item_unit(session: Session, row: Row) -> None:
    _unit_row(session, "Item Unit of Measure", "item_no", row["no"], row["base_unit_of_measure"])


@after_modify("Item")
def _item_unit_changed(session: Session, row: Row, old: Row) -> None:
    _unit_row(session, "Item Unit of Measure", "item_no", row["no"], row["base_unit_of_measure"])


@after_insert("Resource")
def _resource_unit(session: Session, row: Row) -> None:
    _unit_row(session, "Resource Unit of Measure", "resource_no", row["no"], row["base_unit_of_measure"])


@before_insert("Resource")
def _resource_dated(session: Session, row: Row) -> None:
    row["last_date_modified"] = session.today
    row["search_name"] = row["search_name"] or row["name"].upper()


@before_modify("Resource")
def _resource_changed(session: Session, row: Row, old: Row) -> None:
    if any(row[name] != old[name] for name in row if name in old):
        row["last_date_modified"] = session.today


def _factor_positive(session: Session, row: Row, old: Any) -> None:
    if row["qty_per_unit_of_measure"] <= 0:
        raise dialog("Qty. per Unit of Measure must be greater than 0.")


validates("Item Unit of Measure", "Qty. per Unit of Measure")(_factor_positive)
validates("Resource Unit of Measure", "Qty. per Unit of Measure")(_factor_positive)


@on_new_row("Item Unit of Measure", "Resource Unit of Measure")
def _factor_one(session: Session, row: Row) -> None:
    row["qty_per_unit_of_measure"] = Decimal(1)


@before_modify("Item Unit of Measure")
def _base_factor(session: Session, row: Row, old: Row) -> None:
    item = session.find("Item", no=row["item_no"])
    if item and item["base_unit_of_measure"] == row["code"] and row["qty_per_unit_of_measure"] != 1:
        raise dialog(f"The quantity per unit of the base unit of measure {row['code']} must be 1.")


@before_delete("Item Unit of Measure")
def _base_unit_stays(session: Session, row: Row) -> None:
    item = session.find("Item", no=row["item_no"])
    if item and item["base_unit_of_measure"] == row["code"]:
        raise dialog(f"You cannot delete the base unit of measure {row['code']} of item {row['item_no']}.")


def _delete_units(session: Session, table: str, column: str, number: str) -> None:
    for unit in session.all(table, **{column: number}):
        session.delete(table, unit)


@before_delete("Item")
def _item_deletable(session: Session, row: Row) -> None:
    if session.exists("Item Ledger Entry", item_no=row["no"]):
        raise dialog(f"You cannot delete Item {row['no']} because it has ledger entries.")
    if session.exists("Sales Line", type="Item", no=row["no"]):
        raise dialog(f"You cannot delete Item {row['no']} because there is at least one document that includes it.")
    _delete_units(session, "Item Unit of Measure", "item_no", row["no"])
    _delete_units(session, "Item Variant", "item_no", row["no"])


@before_delete("Resource")
def _resource_deletable(session: Session, row: Row) -> None:
    if session.exists("Sales Line", type="Resource", no=row["no"]):
        raise dialog(f"You cannot delete Resource {row['no']} because there is at least one document that includes it.")
    _delete_units(session, "Resource Unit of Measure", "resource_no", row["no"])


# -- Price lists


@on_new_row("Price List Header")
def _list_defaults(session: Session, row: Row) -> None:
    row.update(price_type="Sale", source_group="Customer", source_type="All Customers", status="Draft")
    row.update(amount_type="Price", allow_line_disc=True, allow_invoice_disc=True)


@validates("Price List Header", "Source Type")
def _source_cleared(session: Session, row: Row, old: Any) -> None:
    if row["source_type"] != old:
        row["source_no"] = row["assign_to_no"] = ""


@validates("Price List Header", "Source No.", "Assign-to No.")
def _source_exists(session: Session, row: Row, old: Any) -> None:
    number = row["source_no"] if row["source_no"] != old else row["assign_to_no"]
    table, column = {
        "Customer": ("Customer", "no"),
        "Customer Price Group": ("Customer Price Group", "code"),
        "Contact": ("Contact", "no"),
    }.get(row["source_type"], ("", ""))
    if number and table and not session.exists(table, **{column: number}):
        raise dialog(f"The {row['source_type']} {number} does not exist.")
    row["source_no"] = row["assign_to_no"] = number


@validates("Price List Header", "Status")
def _activation(session: Session, row: Row, old: Any) -> None:
    """Lines follow the status of their list; an active list needs a source."""
    if row["status"] == old:
        return
    if row["status"] == "Active" and row["source_type"] not in ("All Customers", "All") and not row["source_no"]:
        raise field_validation(f"Assign-to No. must have a value in Price List Header: Code={row['code']}.")
    for line in session.all("Price List Line", price_list_code=row["code"]):
        session.update("Price List Line", {**line, "status": row["status"]}, line)


@before_modify("Price List Header")
def _active_locked(session: Session, row: Row, old: Row) -> None:
    """An active list takes no change but that of its status, unless the set-up allows editing active prices."""
    changed = {name for name in row if row[name] != old.get(name)} - {"status", "ending_date"}
    if old["status"] == "Active" and row["status"] == "Active" and changed and not _may_edit_active(session):
        raise field_validation(f"Status must not be Active in Price List Header: Code={row['code']}.")


def _may_edit_active(session: Session) -> bool:
    return bool(session.setup("Sales & Receivables Setup")["allow_editing_active_price"])


@before_delete("Price List Header")
def _list_deletable(session: Session, row: Row) -> None:
    if row["status"] == "Active":
        raise dialog(f"You cannot delete the active price list {row['code']}.")
    for line in session.all("Price List Line", price_list_code=row["code"]):
        session.delete("Price List Line", line)


@on_new_row("Price List Line")
def _line_defaults(session: Session, row: Row) -> None:
    row.update(price_type="Sale", asset_type="Item", amount_type="Price", status="Draft")
    row.update(allow_line_disc=True, allow_invoice_disc=True)


@validates("Price List Line", "Asset No.", "Product No.")
def _asset(session: Session, row: Row, old: Any) -> None:
    number = row["asset_no"] if row["asset_no"] != old else row["product_no"]
    table = row["asset_type"] if row["asset_type"] in ("Item", "Resource", "G/L Account") else ""
    product = session.find(table, no=number) if table and number else None
    if number and table and product is None:
        raise dialog(f"The {table} {number} does not exist.")
    row["asset_no"] = row["product_no"] = number
    if product is not None:
        row["description"] = product["description" if table == "Item" else "name"]
        row["unit_of_measure_code"] = row["unit_of_measure_code"] or product.get("base_unit_of_measure", "")


@before_insert("Price List Line")
def _line_of_list(session: Session, row: Row) -> None:
    header = session.find("Price List Header", code=row["price_list_code"])
    if header is None:
        raise dialog(f"The price list {row['price_list_code']} does not exist.")
    if header["status"] == "Active" and not _may_edit_active(session):
        raise field_validation(f"Status must not be Active in Price List Header: Code={header['code']}.")
    if not row["line_no"]:
        lines = session.all("Price List Line", "line_no", price_list_code=header["code"])
        row["line_no"] = (lines[-1]["line_no"] if lines else 0) + 10_000
    for name in ("source_type", "source_no", "assign_to_no", "currency_code", "starting_date", "ending_date"):
        if not header["allow_updating_defaults"] or row[name] in ("", "0001-01-01"):
            row[name] = header[name]


@before_modify("Price List Line")
def _line_changeable(session: Session, row: Row, old: Row) -> None:
    if old["status"] != "Active" or row == old:
        return
    if not _may_edit_active(session):
        raise field_validation(f"Status must not be Active in Price List Line: Code={old['price_list_code']}.")
    row["status"] = "Draft"


@before_delete("Price List Line")
def _line_deletable(session: Session, row: Row) -> None:
    if row["status"] == "Active" and not _may_edit_active(session):
        raise dialog("You cannot delete a line of an active price list.")
