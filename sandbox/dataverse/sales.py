"""The sales actions: closing, winning, revising and converting documents, and pricing on demand."""

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.dataverse import crud, errors, payload, pricing, records, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.documents import DOCUMENTS, Document, lines_of
from sandbox.dataverse.query import options as query_options
from sandbox.dataverse.query import read
from sandbox.definitions.dataverse import TABLE_SUFFIX, Table
from sandbox.http import Request, Response
from sandbox.odata.sql import is_guid
from sandbox.storage import Row

REVISED = 7
WON_QUOTE_STATE = 2
_NOT_COPIED = {
    "createdon",
    "createdby",
    "modifiedon",
    "modifiedby",
    "statecode",
    "statuscode",
    "versionnumber",
    "overriddencreatedon",
    "quotenumber",
    "ordernumber",
    "invoicenumber",
    "revisionnumber",
    "quotestatecode",
    "salesorderstatecode",
    "invoicestatecode",
    "closedon",
    "submitdate",
    "submitstatus",
    "submitstatusdescription",
    "lastbackofficesubmit",
    "datefulfilled",
    "ispricelocked",
    "salesorderispricelocked",
    "invoiceispricelocked",
}


def parameters(request: Request, *names: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The body of an action. Raises 0x80048d19 for missing and unknown parameters."""
    body = crud.body_of(request)
    if not isinstance(body, dict):
        raise errors.bad_payload("The request body must be a JSON object.")
    given = {name: value for name, value in body.items() if not name.startswith("@odata")}
    for name in names:
        if given.get(name) is None:
            raise errors.bad_payload(f"The parameter '{name}' is missing.")
    for name in given:
        if name not in names and name not in optional:
            raise errors.bad_payload(f"The parameter '{name}' is unknown.")
    return given


def _guid(value: Any, name: str) -> str:
    if not isinstance(value, str) or not is_guid(value):
        raise errors.bad_payload(f"The parameter '{name}' must be a guid.")
    return value.lower()


# -- Closing


def _close(
    close_table: str, parameter: str, document: str, state: int, from_states: tuple[int, ...]
) -> Callable[[Context, Request, str | None], Response]:
    """An action that takes a close activity and a status and moves the document to a state."""

    def action(context: Context, request: Request, key: str | None) -> Response:
        body = parameters(request, parameter, "Status")
        status = body["Status"]
        if isinstance(status, bool) or not isinstance(status, int):
            raise errors.bad_payload("The parameter 'Status' must be a whole number.")
        activity = context.table(close_table)
        parsed = payload.parse(context, activity, body[parameter], creating=True)
        lookup = {"quoteclose": "quoteid", "orderclose": "salesorderid", "opportunityclose": "opportunityid"}[
            close_table
        ]
        document_key = parsed.values.get(lookup)
        if document_key is None:
            raise errors.invalid_argument(f"The {document} to close ({lookup}) is missing.")
        table = context.table(document)
        row = context.tx.get(table.storage, document_key)
        if row is None:
            raise errors.not_found(document, document_key)
        if row["statecode"] not in from_states:
            raise errors.DataverseError(
                400, errors.STATE_MISMATCH, f"The {document} cannot be closed in its current state."
            )
        context.require("Write", table)
        set_state(context, table, row, state, status)
        parsed.values.setdefault("actualend", context.now)
        activity_key = records.insert(context, activity, parsed.values, parsed.key)
        completed = {"statecode": 1, "statuscode": 2}
        context.tx.update(activity.storage, activity_key, completed)
        return responses.no_content()

    return action


def set_state(context: Context, table: Table, row: Row, state: int, status: int) -> None:
    """Moves a document to a state that a plain update must not reach. Status -1 is the state's default."""
    model = table.state
    if model is None:
        raise errors.invalid_argument(f"The entity '{table.logical_name}' has no states.")
    if status == -1:
        status = model.by_value[state].default_status
    if model.state_of_status.get(status) != state:
        raise errors.DataverseError(
            400,
            errors.STATE_MISMATCH,
            f"{status} is not a valid status code for state code {state} on {table.logical_name}.",
        )
    new = {**row, "statecode": state, "statuscode": status, "modifiedon": context.now, "modifiedby": context.user_id}
    if table.logical_name == "quote" and state in (2, 3):
        new["closedon"] = context.now
    if table.logical_name == "salesorder" and state == 3:
        new["datefulfilled"] = context.now
    if table.logical_name == "opportunity":
        new["actualclosedate"] = context.now[:10]
    records.write(context, table, row[table.primary_id], row, new)
    records.announce_update(context, table, row, new, {"statecode", "statuscode"})


# -- Copies


def copy_document(
    context: Context, source: Document, row: Row, target: Document, given: Row, line_link: str | None = None
) -> str:
    """A new document with the header columns both kinds have and a copy of every line; returns its id."""
    source_table, table = context.table(source.table), context.table(target.table)
    values = {**_copied(source_table, table, row), **given}
    key = records.insert(context, table, values, str(uuid.uuid4()))
    line_table, source_lines = context.table(target.line_table), context.table(source.line_table)
    for line in lines_of(context, source, row[source_table.primary_id]):
        copied = _copied(source_lines, line_table, line)
        copied[target.line_parent] = key
        if line_link is not None:
            copied[line_link] = line[source_lines.primary_id]
        records.insert(context, line_table, copied, str(uuid.uuid4()))
    return key


def _copied(source: Table, target: Table, row: Row) -> Row:
    return {name: row[name] for name in _shared(source, target) if row.get(name) is not None}


def _shared(source: Table, target: Table) -> Iterable[str]:
    for name, attribute in target.attributes.items():
        other = source.attributes.get(name)
        if other is None or name in _NOT_COPIED or attribute.primary_id or attribute.base_currency:
            continue
        if other.type == attribute.type:
            yield name
            if attribute.polymorphic and other.polymorphic:
                yield name + TABLE_SUFFIX


def _revise_quote(context: Context, request: Request, key: str | None) -> Response:
    body = parameters(request, "QuoteId", optional=("ColumnSet",))
    quote_key = _guid(body["QuoteId"], "QuoteId")
    table, document = context.table("quote"), DOCUMENTS["quote"]
    row = context.tx.get(table.storage, quote_key)
    if row is None:
        raise errors.not_found("quote", quote_key)
    context.require("Create", table)
    drafts = context.tx.find(table.storage, quotenumber=row["quotenumber"], statecode=0)
    if drafts:
        raise errors.DataverseError(400, "0x80048d00", "A draft revision of this quote exists already.")
    if row["statecode"] not in (1, 3):
        raise errors.DataverseError(400, errors.STATE_MISMATCH, "Only an active or closed quote can be revised.")
    if row["statecode"] == 1:
        set_state(context, table, row, 3, REVISED)
    highest = max(
        item["revisionnumber"] or 0 for item in context.tx.find(table.storage, quotenumber=row["quotenumber"])
    )
    given = {"quotenumber": row["quotenumber"], "revisionnumber": highest + 1}
    new_key = copy_document(context, document, row, document, given)
    return _answer(context, request, table, new_key, 200)


def _convert_quote(context: Context, request: Request, key: str | None) -> Response:
    body = parameters(request, "QuoteId", optional=("ColumnSet", "QuoteCloseDate", "QuoteCloseStatus"))
    quote_key = _guid(body["QuoteId"], "QuoteId")
    quotes, orders = context.table("quote"), context.table("salesorder")
    row = context.tx.get(quotes.storage, quote_key)
    if row is None:
        raise errors.not_found("quote", quote_key)
    if row["statecode"] != WON_QUOTE_STATE:
        raise errors.DataverseError(400, errors.STATE_MISMATCH, "Only a won quote can be converted to an order.")
    context.require("Create", orders)
    given = {"quoteid": quote_key}
    new_key = copy_document(context, DOCUMENTS["quote"], row, DOCUMENTS["salesorder"], given, line_link="quotedetailid")
    return _answer(context, request, orders, new_key, 200)


def _convert_order(context: Context, request: Request, key: str | None) -> Response:
    body = parameters(request, "SalesOrderId", optional=("ColumnSet", "ProcessInstanceId"))
    order_key = _guid(body["SalesOrderId"], "SalesOrderId")
    orders, invoices = context.table("salesorder"), context.table("invoice")
    row = context.tx.get(orders.storage, order_key)
    if row is None:
        raise errors.not_found("salesorder", order_key)
    if row["statecode"] in (2, 4):
        raise errors.DataverseError(400, errors.STATE_MISMATCH, "The order cannot be invoiced in its current state.")
    context.require("Create", invoices)
    new_key = copy_document(
        context,
        DOCUMENTS["salesorder"],
        row,
        DOCUMENTS["invoice"],
        {"salesorderid": order_key},
        line_link="salesorderdetailid",
    )
    set_state(context, orders, row, 4, -1)
    return _answer(context, request, invoices, new_key, 200)


def _answer(context: Context, request: Request, table: Table, key: str, status: int) -> Response:
    """The new row, calculated, as the actions answer it."""
    pricing.calculate_pending(context)
    body = read.single(context, table, key, query_options.read(request), table.entity_set)
    return responses.json(body, status, {"ETag": body["@odata.etag"]})


# -- Pricing


def _lock(locked: bool, table_name: str, parameter: str) -> Callable[[Context, Request, str | None], Response]:
    def action(context: Context, request: Request, key: str | None) -> Response:
        if key is None:
            key = _guid(parameters(request, parameter)[parameter], parameter)
        table = context.table(table_name)
        row = context.tx.get(table.storage, key)
        if row is None:
            raise errors.not_found(table_name, key)
        context.require("Write", table)
        new = {**row, "ispricelocked": locked, "modifiedon": context.now, "modifiedby": context.user_id}
        records.write(context, table, key, row, new)
        document = DOCUMENTS[table_name]
        lines = context.table(document.line_table)
        context.tx.execute(
            f'UPDATE "{lines.storage}" SET "{document.line_locked}" = ? WHERE "{document.line_parent}" = ?',  # noqa: S608
            (locked, key),
        )
        if not locked:
            context.price_documents.add((table_name, key))
        return responses.no_content()

    return action


def _recalculate_price(context: Context, request: Request, key: str | None) -> Response:
    body = parameters(request, "entityLogicalName", "entityId")
    document = DOCUMENTS.get(str(body["entityLogicalName"]))
    if document is None:
        raise errors.invalid_argument(f"The entity '{body['entityLogicalName']}' has no prices.")
    document_key = _guid(body["entityId"], "entityId")
    if context.get(document.table, document_key) is None:
        raise errors.not_found(document.table, document_key)
    pricing.calculate(context, document, document_key)
    return responses.no_content()


# -- Products


def _publish_hierarchy(context: Context, request: Request, key: str | None) -> Response:
    table = context.table("product")
    row = context.tx.get(table.storage, key or "")
    if row is None:
        raise errors.not_found("product", key or "")
    if row["productstructure"] != 2:
        raise errors.DataverseError(400, "0x8004f983", "Only a product family can be published as a hierarchy.")
    pending = [row]
    while pending:
        item = pending.pop()
        if item["statecode"] in (2, 3):
            new = {**item, "statecode": 0, "statuscode": 1, "modifiedon": context.now, "modifiedby": context.user_id}
            records.write(context, table, item["productid"], item, new)
            records.announce_update(context, table, item, new, {"statecode", "statuscode"})
        pending += context.tx.find(table.storage, parentproductid=item["productid"])
    return responses.no_content()


def _revert_product(context: Context, request: Request, key: str | None) -> Response:
    table = context.table("product")
    row = context.tx.get(table.storage, key or "")
    if row is None:
        raise errors.not_found("product", key or "")
    if row["statecode"] != 3:
        raise errors.DataverseError(400, errors.STATE_MISMATCH, "Only a product under revision can be reverted.")
    records.change(context, table, row["productid"], {"statecode": 0, "statuscode": 1})
    return responses.no_content()


Action = Callable[[Context, Request, str | None], Response]
_fulfill = _close("orderclose", "OrderClose", "salesorder", 3, (0, 1))
UNBOUND: dict[str, Action] = {
    "FulfillSalesOrder": _fulfill,
    "CancelSalesOrder": _close("orderclose", "OrderClose", "salesorder", 2, (0, 1)),
    "WinQuote": _close("quoteclose", "QuoteClose", "quote", 2, (1,)),
    "CloseQuote": _close("quoteclose", "QuoteClose", "quote", 3, (1,)),
    "WinOpportunity": _close("opportunityclose", "OpportunityClose", "opportunity", 1, (0,)),
    "LoseOpportunity": _close("opportunityclose", "OpportunityClose", "opportunity", 2, (0,)),
    "ReviseQuote": _revise_quote,
    "ConvertQuoteToSalesOrder": _convert_quote,
    "ConvertSalesOrderToInvoice": _convert_order,
    "UnlockSalesOrderPricing": _lock(False, "salesorder", "SalesOrderId"),
    "UnlockInvoicePricing": _lock(False, "invoice", "InvoiceId"),
    "RecalculatePrice": _recalculate_price,
}
COLLECTION_BOUND: dict[tuple[str, str], Action] = {("salesorder", "FulfillSalesOrder"): _fulfill}
ROW_BOUND: dict[tuple[str, str], Action] = {
    ("salesorder", "LockSalesOrderPricing"): _lock(True, "salesorder", "SalesOrderId"),
    ("invoice", "LockInvoicePricing"): _lock(True, "invoice", "InvoiceId"),
    ("product", "PublishProductHierarchy"): _publish_hierarchy,
    ("product", "RevertProduct"): _revert_product,
}
