"""The dimensions of documents and lines: taken from the customer and the product, and copied along when a document
becomes another one."""

from sandbox.business_central.errors import dialog
from sandbox.business_central.session import Session
from sandbox.dataverse.wellknown import fixed_id
from sandbox.storage import Row

SET = "Dimension Set Entry Buffer"
_KINDS = {
    "Sales Header": "Sales {document_type}",
    "Sales Line": "Sales {document_type} Line",
    "Sales Shipment Header": "Sales Shipment",
    "Sales Shipment Line": "Sales Shipment Line",
    "Sales Header Archive": "Sales {document_type} Archive",
    "Sales Line Archive": "Sales {document_type} Archive Line",
}
PARENTS = tuple(_KINDS)


def of(session: Session, parent_id: str) -> dict[str, str]:
    """Value by dimension."""
    return {row["dimension_code"]: row["dimension_value_code"] for row in session.all(SET, parent_id=parent_id)}


def defaults(session: Session, table: str, number: str) -> dict[str, str]:
    """What a customer, item or vendor brings along."""
    master = session.find(table, no=number) if number else None
    if master is None:
        return {}
    rows = session.all("Default Dimension", parent_id=master["system_id"])
    return {row["dimension_code"]: row["dimension_value_code"] for row in rows if row["dimension_value_code"]}


def replace(session: Session, table: str, parent: Row, values: dict[str, str]) -> None:
    """Makes ``values`` the dimensions of a document or line."""
    known = {row["dimension_code"]: row for row in session.all(SET, parent_id=parent["system_id"])}
    for code, row in known.items():
        if code not in values:
            session.delete(SET, row)
    for code, value in values.items():
        if code in known:
            session.update(SET, {**known[code], "dimension_value_code": value}, known[code])
        else:
            row = session.new_row(SET, parent_id=parent["system_id"], dimension_code=code, dimension_value_code=value)
            # Not from the session's source of ids: datasets number their documents with it.
            row["system_id"] = fixed_id(SET, parent["system_id"], code)
            row["parent_type"] = kind_of(session, table, parent)
            session.insert(SET, row)


def kind_of(session: Session, table: str, parent: Row) -> str:
    """The parent type as the API names it; blank for documents that the type has no member for."""
    kind = _KINDS[table].format(document_type=parent.get("document_type", ""))
    enum = session.table(SET).fields["Parent Type"].enum
    return kind if enum is not None and kind in enum.api else ""


def copy(session: Session, source_id: str, table: str, target: Row) -> None:
    values = of(session, source_id)
    if values:
        replace(session, table, target, values)


def remove(session: Session, parent: Row) -> None:
    for row in session.all(SET, parent_id=parent["system_id"]):
        session.delete(SET, row)


def check_value(session: Session, dimension: str, value: str) -> None:
    if not session.exists("Dimension", code=dimension):
        raise dialog(f"The dimension {dimension} does not exist.")
    if value and not session.exists("Dimension Value", dimension_code=dimension, code=value):
        raise dialog(f"The dimension value {value} of the dimension {dimension} does not exist.")


def shortcuts(session: Session) -> dict[str, str]:
    """Column of a document by the dimension it repeats."""
    setup = session.setup("General Ledger Setup")
    columns = ("shortcut_dimension_1_code", "shortcut_dimension_2_code")
    return {setup[column]: column for column in columns if setup[column]}
