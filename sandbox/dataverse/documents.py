"""What opportunities, quotes, orders and invoices have in common: their lines, numbers and editable states."""

import secrets
from dataclasses import dataclass

from sandbox.dataverse.context import Context
from sandbox.storage import Row


@dataclass(frozen=True, slots=True)
class Document:
    """One kind of document. ``line_state`` is the line's column that repeats the document's state, ``line_locked`` the
    one that repeats its price lock; ``editable`` is the state in which columns and lines can be written."""

    table: str
    line_table: str
    line_parent: str
    editable: int
    number: str | None = None
    number_prefix: str = ""
    line_state: str | None = None
    line_locked: str | None = None


DOCUMENTS = {
    "opportunity": Document("opportunity", "opportunityproduct", "opportunityid", 0),
    "quote": Document("quote", "quotedetail", "quoteid", 0, "quotenumber", "QUO", "quotestatecode"),
    "salesorder": Document(
        "salesorder",
        "salesorderdetail",
        "salesorderid",
        0,
        "ordernumber",
        "ORD",
        "salesorderstatecode",
        "salesorderispricelocked",
    ),
    "invoice": Document(
        "invoice", "invoicedetail", "invoiceid", 0, "invoicenumber", "INV", "invoicestatecode", "invoiceispricelocked"
    ),
}
BY_LINE = {document.line_table: document for document in DOCUMENTS.values()}

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
_FIRST_NUMBER = 1000


def next_number(context: Context, document: Document) -> str:
    """A number such as ``ORD-01042-K7Q2ZD``: a counter that never repeats and a suffix that cannot be guessed."""
    key = f"autonumber/{document.table}"
    counter = int(context.tx.meta(key) or _FIRST_NUMBER)
    context.tx.set_meta(key, str(counter + 1))
    suffix = "".join(secrets.choice(_LETTERS) for _ in range(6))
    return f"{document.number_prefix}-{counter:05d}-{suffix}"


def lines_of(context: Context, document: Document, key: str) -> list[Row]:
    """The document's lines in the order in which people see them."""
    table = context.table(document.line_table)
    rows = context.tx.find(table.storage, **{document.line_parent: key})
    return sorted(rows, key=lambda row: (row.get("lineitemnumber") or 0, row["createdon"], row["_version"]))


def changes_price(context: Context, document: Document, row: Row, *, creating: bool, header: Row | None = None) -> bool:
    """Whether a write of this document or line leads to a price calculation (skippricecalculation)."""
    if not context.organization["oobpricecalculationenabled"]:
        return False
    skipped = {0: set(), 1: {True}, 2: {False}, 3: {True, False}}
    codes = [row.get("skippricecalculation") or 0]
    if header is not None:
        codes.append(header.get("skippricecalculation") or 0)
    return not any(creating in skipped.get(code, set()) for code in codes)
