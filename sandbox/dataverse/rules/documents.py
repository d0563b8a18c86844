"""Headers and lines of sales documents: numbers, copies, editable states, products and write-ins."""

from decimal import Decimal

from sandbox.dataverse import errors, money
from sandbox.dataverse.context import Context
from sandbox.dataverse.documents import BY_LINE, DOCUMENTS, Document, changes_price, lines_of, next_number
from sandbox.dataverse.rules import rule
from sandbox.dataverse.rules.parties import compose_addresses
from sandbox.definitions.dataverse import TABLE_SUFFIX, Table
from sandbox.storage import Row

HEADERS = tuple(DOCUMENTS)
LINES = tuple(BY_LINE)
_STATE_COLUMNS = {"statecode", "statuscode"}
TOTALS = (
    "totallineitemamount",
    "totallineitemdiscountamount",
    "totaldiscountamount",
    "totalamountlessfreight",
    "totaltax",
    "totalamount",
)


# -- Headers


@rule("before", "create", tables=HEADERS)
def fill_header(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    document = DOCUMENTS[table.logical_name]
    if document.number is not None and not new.get(document.number):
        new[document.number] = next_number(context, document)
    if document.number is not None and table.logical_name != "quote":
        _require_unique_number(context, table, document.number, new)
    if "revisionnumber" in table.attributes and new.get("revisionnumber") is None:
        new["revisionnumber"] = 0
    if new.get("pricelevelid") is not None and "transactioncurrencyid" not in changed:
        _take_currency_of_price_list(context, new)
    new["pricingerrorcode"] = 0
    for name in TOTALS:
        new[name] = Decimal(0)
    money.set_base_amounts(table, new)


def _require_unique_number(context: Context, table: Table, column: str, row: Row) -> None:
    if context.tx.first(table.storage, **{column: row[column]}) is not None:
        raise errors.DataverseError(
            412, errors.DUPLICATE, f"A {table.logical_name} with the number {row[column]} already exists."
        )


def _take_currency_of_price_list(context: Context, row: Row) -> None:
    price_list = context.get("pricelevel", row["pricelevelid"])
    if price_list is not None and price_list["transactioncurrencyid"] is not None:
        row["transactioncurrencyid"] = price_list["transactioncurrencyid"]
        row["exchangerate"] = context.currency(price_list["transactioncurrencyid"]).rate


_CURRENCY_CODES = {
    "opportunity": "0x80048cf6",
    "quote": "0x80048ced",
    "salesorder": "0x80048cee",
    "invoice": "0x80048cee",
}


@rule("before", "create", "update", tables=HEADERS)
def check_header(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    document = DOCUMENTS[table.logical_name]
    if old is not None and old["statecode"] != document.editable and changed - _STATE_COLUMNS:
        raise errors.DataverseError(
            400, errors.READ_ONLY, f"The {table.logical_name} is read-only in its current state."
        )
    if (
        old is not None
        and old["statecode"] != new["statecode"]
        and changed - _STATE_COLUMNS
        and not context.profile.columns_before_state
    ):
        raise errors.DataverseError(
            400, errors.READ_ONLY, f"The state of the {table.logical_name} cannot change together with other columns."
        )
    if new.get("pricelevelid") is not None and (old is None or changed & {"pricelevelid", "transactioncurrencyid"}):
        price_list = context.get("pricelevel", new["pricelevelid"])
        if price_list is not None and price_list["transactioncurrencyid"] != new.get("transactioncurrencyid"):
            raise errors.DataverseError(
                400,
                _CURRENCY_CODES[table.logical_name],
                f"The currency of the {table.logical_name} differs from the currency of the price list.",
            )
    if old is None or "customerid" in changed:
        kind = new.get("customerid" + TABLE_SUFFIX)
        new["accountid"] = new.get("customerid") if kind == "account" else None
        new["contactid"] = new.get("customerid") if kind == "contact" else None
    compose_addresses(table, new, changed, new=old is None)


@rule("after", "create", "update", tables=HEADERS)
def header_written(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    document = DOCUMENTS[table.logical_name]
    key = new[table.primary_id]
    if old is not None and old["statecode"] != new["statecode"] and document.line_state is not None:
        # The lines' copy of the state is a view on the header: it changes without a new row version.
        lines = context.table(document.line_table)
        context.tx.execute(
            f'UPDATE "{lines.storage}" SET "{document.line_state}" = ? WHERE "{document.line_parent}" = ?',  # noqa: S608
            (new["statecode"], key),
        )
    if changed - _STATE_COLUMNS and changes_price(context, document, new, creating=old is None):
        context.price_documents.add((table.logical_name, key))


# -- Lines


@rule("before", "create", "update", "delete", tables=LINES)
def check_line(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    document = BY_LINE[table.logical_name]
    header = _header(context, document, new)
    if header is None:
        if old is new:
            return
        raise errors.invalid_argument(f"The {document.table} of the line is missing.")
    if header["statecode"] != document.editable and not _is_cascade(context, document, new):
        raise errors.DataverseError(
            400, errors.PARENT_READ_ONLY, f"The parent {document.table} of the line is read-only."
        )
    if old is new:  # a delete
        return
    if old is None:
        _fill_line(context, document, table, new, header)
    _check_product(context, table, old, new, changed, header)


def header_key(document: Document, line: Row) -> str | None:
    key: str | None = line.get(document.line_parent)
    return key


def _is_cascade(context: Context, document: Document, line: Row) -> bool:
    """Lines go with their document whatever its state is."""
    return (document.table, header_key(document, line)) in context.deleting


def _header(context: Context, document: Document, line: Row) -> Row | None:
    key = header_key(document, line)
    return context.get(document.table, key) if key is not None else None


def _fill_line(context: Context, document: Document, table: Table, new: Row, header: Row) -> None:
    new["transactioncurrencyid"] = header["transactioncurrencyid"]
    new["exchangerate"] = header["exchangerate"]
    for name in ("ownerid", "ownerid" + TABLE_SUFFIX, "owninguser", "owningbusinessunit"):
        if name.removesuffix(TABLE_SUFFIX) in table.attributes:
            new[name] = header.get(name)
    if document.line_state is not None:
        new[document.line_state] = header["statecode"]
    if document.line_locked is not None:
        new[document.line_locked] = bool(header.get("ispricelocked"))
    new["pricingerrorcode"] = 0
    money.set_base_amounts(table, new)
    if new.get("sequencenumber") is None and "sequencenumber" in table.attributes:
        new["sequencenumber"] = len(lines_of(context, document, header_key(document, new) or "")) + 1


def _check_product(context: Context, table: Table, old: Row | None, new: Row, changed: set[str], header: Row) -> None:
    write_in = bool(new.get("isproductoverridden"))
    if write_in:
        if new.get("uomid") is not None or new.get("productid") is not None:
            raise errors.DataverseError(400, "0x80043afa", "A write-in product has neither a product nor a unit.")
        if not new.get("productdescription"):
            raise errors.DataverseError(400, "0x80043b11", "The product or the description of a write-in is missing.")
        name = new["productdescription"]
    else:
        product = context.get("product", new["productid"]) if new.get("productid") else None
        if product is None:
            raise errors.DataverseError(400, "0x80043b11", "The product of the line is missing.")
        unit = context.get("uom", new["uomid"]) if new.get("uomid") else None
        if unit is None:
            raise errors.DataverseError(400, "0x80043b0d", "The unit of the line is missing.")
        if context.profile.price_list_required and not header.get("pricelevelid"):
            raise errors.DataverseError(400, "0x80043b12", "The price list of the document is missing.")
        if product["defaultuomscheduleid"] is not None and unit["uomscheduleid"] != product["defaultuomscheduleid"]:
            raise errors.DataverseError(400, "0x80043b14", "The unit is not valid for this product.")
        if old is None or "productid" in changed:
            if product["statecode"] not in (0, 3):
                raise errors.DataverseError(400, "0x8004f996", "Only an active product can be added to a document.")
            if "productnumber" in table.attributes:
                new["productnumber"] = product["productnumber"]
        name = product["name"]
    if "productname" in table.attributes and (old is None or changed & {"productid", "productdescription"}):
        new["productname"] = name
    if table.primary_name is not None and (old is None or changed & {"productid", "productdescription"}):
        new[table.primary_name] = new.get(table.primary_name) if table.primary_name in changed else name


@rule("after", "create", "update", "delete", tables=LINES)
def line_written(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    document = BY_LINE[table.logical_name]
    header = _header(context, document, new)
    if header is None or (document.table, header_key(document, new)) in context.deleting:
        return
    if changes_price(context, document, new, creating=old is None, header=header):
        context.price_documents.add((document.table, str(header_key(document, new))))
    if old is not None and old.get(document.line_parent) not in (None, new.get(document.line_parent)):
        context.price_documents.add((document.table, old[document.line_parent]))
