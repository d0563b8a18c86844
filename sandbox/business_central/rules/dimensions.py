"""Dimensions: default ones of customers, items and vendors, and the sets of documents and their lines."""

from typing import Any

from sandbox.business_central.bindings import fixed, register_property
from sandbox.business_central.documents import dimensions
from sandbox.business_central.documents.dimensions import SET
from sandbox.business_central.errors import BusinessCentralError, dialog, field_validation
from sandbox.business_central.navigation import register_join
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

_MASTERS = ("Customer", "Item", "Vendor")
_SHORTCUTS = ("Shortcut Dimension 1 Code", "Shortcut Dimension 2 Code")

_VALUE = (
    "(SELECT v.{0} FROM bc_dimension_value v"
    " WHERE v.dimension_code = t.dimension_code AND v.code = t.dimension_value_code)"
)
_DIMENSION = "(SELECT d.{0} FROM bc_dimension d WHERE d.code = t.dimension_code)"
for _owner, _name, _sql in (
    ("dimensionSetLines", "displayName", f"coalesce({_DIMENSION.format('name')}, '')"),
    ("dimensionSetLines", "consolidationCode", f"coalesce({_DIMENSION.format('consolidation_code')}, '')"),
    ("dimensionSetLines", "valueId", f"coalesce({_VALUE.format('system_id')}, '{ZERO_GUID}')"),
    ("dimensionSetLines", "valueCode", "t.dimension_value_code"),
    ("dimensionSetLines", "valueDisplayName", f"coalesce({_VALUE.format('name')}, '')"),
    ("dimensionSetLines", "valueConsolidationCode", f"coalesce({_VALUE.format('consolidation_code')}, '')"),
    ("defaultDimensions", "dimensionValueId", f"coalesce({_VALUE.format('system_id')}, '{ZERO_GUID}')"),
):
    register_property(_owner, _name, fixed(_sql))

for _set in ("salesOrders", "salesQuotes", "salesInvoices", "salesCreditMemos"):
    # The first shortcut dimension is the only one that the documents' navigation property can mean.
    register_join(
        _set,
        "dimensionValue",
        "t.shortcut_dimension_1_code",
        "(CASE t.dimension_code WHEN (SELECT g.shortcut_dimension_1_code FROM bc_general_ledger_setup g LIMIT 1)"
        " THEN t.code END)",
    )


# -- Values by code or id


@sets("dimensionSetLines", "valueCode")
def _set_value_code(session: Session, row: Row, value: Any) -> None:
    row["dimension_value_code"] = value


@sets("dimensionSetLines", "valueId")
@sets("defaultDimensions", "dimensionValueId")
def _set_value_id(session: Session, row: Row, value: Any) -> None:
    if value == ZERO_GUID:
        row["dimension_value_code"] = ""
        return
    found = session.by_id("Dimension Value", value)
    if found is None or row["dimension_code"] not in ("", found["dimension_code"]):
        raise dialog("The dimension value does not exist.")
    if row["dimension_value_code"] not in ("", found["code"]) and not row.get("_version"):
        raise dialog("The id and the code of the dimension value do not match.")
    row.update(dimension_code=found["dimension_code"], dimension_value_code=found["code"])


# -- Default dimensions


@before_insert("Default Dimension")
def _default_of_master(session: Session, row: Row) -> None:
    for table in _MASTERS if row["parent_id"] != ZERO_GUID else ():
        if session.by_id(table, row["parent_id"]) is not None:
            if row["parent_type"] not in ("", table):
                raise dialog(f"The parent is no {row['parent_type']}.")
            row["parent_type"] = table
            break
    else:
        raise dialog("The parent of the default dimension does not exist.")
    _complete(session, row)


@before_modify("Default Dimension")
def _default_changed(session: Session, row: Row, old: Row) -> None:
    for column in ("parent_id", "parent_type", "dimension_code"):
        if row[column] != old[column]:
            raise dialog("Parent and dimension of a default dimension cannot be changed.")
    _complete(session, row)


def _complete(session: Session, row: Row) -> None:
    if not row["dimension_code"]:
        raise dialog("Dimension Code must be filled in. Enter a value.")
    dimensions.check_value(session, row["dimension_code"], row["dimension_value_code"])
    if row.get("value_posting") == "Same Code" and not row["dimension_value_code"]:
        raise dialog("Dimension Value Code must be filled in. Enter a value.")


@before_delete(*_MASTERS)
def _defaults_go_too(session: Session, row: Row) -> None:
    for default in session.all("Default Dimension", parent_id=row["system_id"]):
        session.delete("Default Dimension", default)


# -- Sets of documents and lines


def _parent(session: Session, row: Row) -> tuple[str, Row]:
    """Table and row of the document or line, which has to be open."""
    for table in dimensions.PARENTS:
        parent = session.by_id(table, row["parent_id"])
        if parent is not None:
            break
    else:
        raise dialog("Dimensions can only be written below a document or a line.")
    header = session.by_id("Sales Header", parent["document_id"]) if table == "Sales Line" else parent
    if table not in ("Sales Header", "Sales Line") or header is None or header["posted"]:
        raise dialog("The dimensions of a posted or archived document cannot be changed.")
    if header["status"] != "Open":
        raise field_validation(
            f"Status must be equal to 'Open' in Sales Header: Document Type={header['document_type']},"
            f" No.={header['no']}. Current value is '{header['status']}'."
        )
    return table, parent


@before_insert(SET)
def _set_line_is_complete(session: Session, row: Row) -> None:
    table, parent = _parent(session, row)
    if not row["dimension_code"] or not row["dimension_value_code"]:
        raise dialog("The dimension and its value must be given: code and valueCode, or id and valueId.")
    _complete(session, row)
    if session.exists(SET, parent_id=row["parent_id"], dimension_code=row["dimension_code"]):
        raise BusinessCentralError(
            400, "Internal_EntityWithSameKeyExists", f"The dimension {row['dimension_code']} is set already."
        )
    row["parent_type"] = dimensions.kind_of(session, table, parent)


@before_modify(SET)
def _set_line_changed(session: Session, row: Row, old: Row) -> None:
    _parent(session, old)
    if row["dimension_code"] != old["dimension_code"]:
        raise dialog("The dimension of a line cannot be changed; delete it and add the other one.")
    if not row["dimension_value_code"]:
        raise dialog("The value of the dimension must be given.")
    _complete(session, row)


@before_delete(SET)
def _set_line_deletable(session: Session, row: Row) -> None:
    _mirror(session, {**row, "dimension_value_code": ""})


@after_insert(SET)
def _set_line_added(session: Session, row: Row) -> None:
    _mirror(session, row)


@after_modify(SET)
def _set_line_modified(session: Session, row: Row, old: Row) -> None:
    _mirror(session, row)


def _mirror(session: Session, row: Row) -> None:
    """The document shows its shortcut dimensions in fields of its own, and its tag moves."""
    table, parent = _parent(session, row)
    header = session.by_id("Sales Header", parent["document_id"]) if table == "Sales Line" else parent
    if header is None:
        return
    column = dimensions.shortcuts(session).get(row["dimension_code"]) if table == "Sales Header" else None
    changed = {**header, column: row["dimension_value_code"]} if column else header
    if not session.update("Sales Header", changed, header):
        session.touch("Sales Header", header)


# -- Where documents get theirs from


@validates("Sales Header", *_SHORTCUTS)
def _shortcut_exists(session: Session, row: Row, old: Any) -> None:
    for dimension, column in dimensions.shortcuts(session).items():
        dimensions.check_value(session, dimension, row[column])


@after_insert("Sales Header")
def _header_defaults(session: Session, row: Row) -> None:
    values = dimensions.defaults(session, "Customer", row["bill_to_customer_no"])
    _apply(session, row, values, dict.fromkeys(_columns(session), ""))


@after_modify("Sales Header")
def _header_changed(session: Session, row: Row, old: Row) -> None:
    values = dimensions.of(session, row["system_id"])
    if row["bill_to_customer_no"] != old["bill_to_customer_no"]:
        values |= dimensions.defaults(session, "Customer", row["bill_to_customer_no"])
    _apply(session, row, values, old)


def _columns(session: Session) -> list[str]:
    return list(dimensions.shortcuts(session).values())


def _apply(session: Session, row: Row, values: dict[str, str], before: Row) -> None:
    """Shortcut fields that were written win over ``values``; the others show what the set says."""
    shown = dict(row)
    for dimension, column in dimensions.shortcuts(session).items():
        if row[column] != before[column]:
            values.pop(dimension, None)
            if row[column]:
                values[dimension] = row[column]
        shown[column] = values.get(dimension, "")
    dimensions.replace(session, "Sales Header", row, values)
    if session.update("Sales Header", shown, row):
        row.update(shown)


@after_insert("Sales Line")
def _line_defaults(session: Session, row: Row) -> None:
    values = dimensions.of(session, row["document_id"])
    if row["type"] == "Item":
        values |= dimensions.defaults(session, "Item", row["no"])
    if values:
        dimensions.replace(session, "Sales Line", row, values)
