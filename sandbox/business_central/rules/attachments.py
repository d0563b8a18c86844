"""Attachments of documents, customers, vendors and items."""

from sandbox.business_central.errors import dialog
from sandbox.business_central.rules.registry import before_insert
from sandbox.business_central.schema import ZERO_GUID
from sandbox.business_central.session import Session
from sandbox.storage import Row

_TABLES = {
    "Sales Order": "Sales Header",
    "Sales Quote": "Sales Header",
    "Sales Invoice": "Sales Header",
    "Sales Credit Memo": "Sales Header",
    "Customer": "Customer",
    "Vendor": "Vendor",
    "Item": "Item",
}


@before_insert("Document Attachment")
def _parent_exists(session: Session, row: Row) -> None:
    if row["parent_id"] == ZERO_GUID:
        raise dialog("The parentId of the attachment must be given.")
    if not row["parent_type"]:
        row["parent_type"] = _type_of(session, row["parent_id"])
    table = _TABLES.get(row["parent_type"])
    if table is None or session.by_id(table, row["parent_id"]) is None:
        raise dialog("The parent of the attachment does not exist.")
    if not row["file_name"].strip():
        raise dialog("fileName must be given.")


def _type_of(session: Session, system_id: str) -> str:
    header = session.by_id("Sales Header", system_id)
    if header is not None:
        return f"Sales {header['document_type']}"
    return next((table for table in ("Customer", "Vendor", "Item") if session.by_id(table, system_id)), "")
