"""Keeps a version of a quote or order before it is posted, converted or deleted, as the sales set-up asks."""

from sandbox.business_central.documents import dimensions
from sandbox.business_central.documents.totals import lines_of
from sandbox.business_central.session import Session
from sandbox.storage import Row


def is_archived(session: Session, header: Row) -> bool:
    setup = session.setup("Sales & Receivables Setup")
    if header["document_type"] == "Order":
        return bool(setup["archive_orders"])
    return header["document_type"] == "Quote" and setup["archive_quotes"] == "Always"


def archive(session: Session, header: Row) -> Row | None:
    """Stores the next version, when the set-up keeps versions of this kind of document."""
    if not is_archived(session, header):
        return None
    earlier = session.all("Sales Header Archive", document_type=header["document_type"], no=header["no"])
    common = {
        "doc_no_occurrence": 1,
        "version_no": max((row["version_no"] for row in earlier), default=0) + 1,
    }
    stored = session.new_row("Sales Header Archive")
    _copy(header, stored)
    stored.update(common, date_archived=session.today, archived_by="ORDER PROCESSOR")
    session.insert("Sales Header Archive", stored)
    dimensions.copy(session, header["system_id"], "Sales Header Archive", stored)
    for line in lines_of(session, header):
        copy = session.new_row("Sales Line Archive")
        _copy(line, copy)
        copy.update(common, document_no=header["no"], document_type=header["document_type"])
        copy["outstanding_quantity"] = line["quantity"] - line["quantity_shipped"]
        session.insert("Sales Line Archive", copy)
        dimensions.copy(session, line["system_id"], "Sales Line Archive", copy)
    return stored


def _copy(source: Row, target: Row) -> None:
    for column in target:
        if column in source and not column.startswith(("system_", "_")):
            target[column] = source[column]


def remove(session: Session, header: Row) -> None:
    """Takes a document with its lines out of the open documents."""
    for line in lines_of(session, header):
        dimensions.remove(session, line)
        session.delete("Sales Line", line)
    dimensions.remove(session, header)
    session.delete("Sales Header", header)
