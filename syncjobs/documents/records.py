"""Reads orders and quotes with their lines from Sales, in bulk, into `SalesDocument`.

One request brings a page of headers with all their lines. Only what Sales says is written here; where the transfer of
a document stands follows from it in `note_eligibility`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from connector.choices import System
from connector.models import Connection
from connector.odata import chunks, options
from connector.sales import SalesClient
from connector.wire import parse_time
from coupling.models import BusinessCentralRecord, Coupling
from coupling.services.words import fold
from syncjobs.documents.amounts import amount
from syncjobs.documents.choices import DocumentKind, OrderState, QuoteState, TransferState
from syncjobs.documents.models import SalesDocument
from syncjobs.engine.blueprint import COMPANY_READ
from syncjobs.models import Operation

NEVER = date(1900, 1, 1)
"""The stamp that means the same as none."""

_ADDRESS = ("name", "contactname", "line1", "line2", "line3", "postalcode", "city", "stateorprovince", "country")
_HEADER = (
    "name", "_customerid_value", "_transactioncurrencyid_value", "_pricelevelid_value", "_opportunityid_value",
    "_ownerid_value", "shippingmethodcode", "paymenttermscode", "freighttermscode", "willcall", "requestdeliveryby",
    "discountpercentage", "discountamount", "freightamount", "totallineitemamount", "totallineitemdiscountamount",
    "totaldiscountamount", "totalamountlessfreight", "totaltax", "totalamount", "description", "statecode",
    "statuscode", "modifiedon", "createdon", "exchangerate",
    *(f"{side}_{part}" for side in ("shipto", "billto") for part in _ADDRESS),
)  # fmt: skip
_LINE = (
    "_productid_value", "_uomid_value", "isproductoverridden", "producttypecode", "productname", "productdescription",
    "description", "quantity", "priceperunit", "volumediscountamount", "manualdiscountamount", "tax", "baseamount",
    "extendedamount", "sequencenumber", "lineitemnumber", "ispriceoverridden", "requestdeliveryby",
)  # fmt: skip
_NAMED = (
    "_customerid_value", "_transactioncurrencyid_value", "_pricelevelid_value", "_opportunityid_value",
    "_quoteid_value", "_ownerid_value", "shippingmethodcode", "paymenttermscode", "freighttermscode", "statecode",
    "statuscode",
)  # fmt: skip
_LINE_NAMED = ("_productid_value", "_uomid_value")
_FORMATTED = "@OData.Community.Display.V1.FormattedValue"
_TARGET = "@Microsoft.Dynamics.CRM.lookuplogicalname"
_ANNOTATIONS = {"Prefer": f'odata.include-annotations="{_FORMATTED[1:]},{_TARGET[1:]}"'}
_KEYS_PER_QUERY = 200
CUSTOMER_TYPE = "customerid_type"


@dataclass(frozen=True, slots=True)
class Shape:
    """How one kind of document lies in Sales and in Business Central."""

    kind: DocumentKind
    entity: str
    table: str
    primary_id: str
    lines: str
    line_id: str
    number: str
    header: tuple[str, ...]
    line_columns: tuple[str, ...]
    bc_table: str
    bc_lines: str
    mapping: str


ORDERS = Shape(
    DocumentKind.ORDER, "salesorder", "salesorders", "salesorderid", "order_details", "salesorderdetailid",
    "ordernumber",
    (*_HEADER, "ordernumber", "lastbackofficesubmit", "datefulfilled", "submitdate", "_quoteid_value", "ispricelocked"),
    (*_LINE, "quantityshipped", "quantitybackordered", "quantitycancelled"),
    "salesOrders", "salesOrderLines", "SALESORDER-ORDER",
)  # fmt: skip
QUOTES = Shape(
    DocumentKind.QUOTE, "quote", "quotes", "quoteid", "quote_details", "quotedetailid", "quotenumber",
    (*_HEADER, "quotenumber", "revisionnumber", "effectivefrom", "effectiveto", "closedon"), _LINE,
    "salesQuotes", "salesQuoteLines", "SALES-QUOTE",
)  # fmt: skip
SHAPES = {shape.kind: shape for shape in (ORDERS, QUOTES)}

SUBMITTED = "statecode eq 1 and (lastbackofficesubmit eq null or lastbackofficesubmit eq 1900-01-01)"
ALL_SUBMITTED = "statecode eq 1"
ACTIVE_OR_WON = "(statecode eq 1 or statecode eq 2)"
"""Quotes that their process picks."""


def read_where(client: SalesClient, connection: Connection, shape: Shape, condition: str) -> list[SalesDocument]:
    """The documents that an OData filter admits, stored. Raises RemoteError."""
    return store(connection, shape, _read(client, connection, shape, condition))


def read_keys(client: SalesClient, connection: Connection, shape: Shape, keys: Iterable[UUID]) -> list[SalesDocument]:
    """Named documents as they are now, stored; what no longer exists is marked so. Raises RemoteError."""
    wanted = list(dict.fromkeys(keys))
    rows: list[dict[str, Any]] = []
    for chunk in chunks(wanted, _KEYS_PER_QUERY):
        values = ",".join(f'"{key}"' for key in chunk)
        condition = f"Microsoft.Dynamics.CRM.In(PropertyName='{shape.primary_id}',PropertyValues=[{values}])"
        rows.extend(_read(client, connection, shape, condition))
    documents = store(connection, shape, rows)
    gone = set(wanted) - {document.sales_key for document in documents}
    if gone:
        SalesDocument.objects.filter(connection=connection, kind=shape.kind, sales_key__in=gone).update(
            sales_gone=True, read_at=timezone.now()
        )
    return documents


def _read(client: SalesClient, connection: Connection, shape: Shape, condition: str) -> Iterator[dict[str, Any]]:
    columns = list(shape.header)
    if shape.table in (connection.capabilities or {}).get("company_tables", ()):
        columns.append(COMPANY_READ)
    expand = f"{shape.lines}($select={','.join(shape.line_columns)};$orderby=sequencenumber asc)"
    address = shape.table + options(
        select=",".join(columns), filter=condition, expand=expand, orderby=f"modifiedon asc,{shape.primary_id} asc"
    )
    while address:
        data = client.session.get(address, headers=_ANNOTATIONS).data
        yield from data["value"]
        address = data.get("@odata.nextLink", "")


def store(connection: Connection, shape: Shape, rows: Iterable[dict[str, Any]]) -> list[SalesDocument]:
    """Writes what Sales said and returns the rows as they are in the hub, in the order read."""
    made = [_document(connection, shape, row) for row in rows]
    names = [field for field in _SALES_FIELDS if field != "sales_key"]
    for chunk in chunks(made, 500):
        SalesDocument.objects.bulk_create(
            chunk, update_conflicts=True, unique_fields=["connection", "kind", "sales_key"], update_fields=names
        )
    keys = [document.sales_key for document in made]
    adopt_couplings(connection, shape, keys)
    note_eligibility(connection, shape, keys)
    known = {
        document.sales_key: document
        for document in SalesDocument.objects.filter(connection=connection, kind=shape.kind, sales_key__in=keys)
        .select_related("coupling", "connection", "job")
    }  # fmt: skip
    return [known[key] for key in keys]


_SALES_FIELDS = (
    "sales_key", "number", "revision", "name", "customer_name", "currency", "total", "sales_state", "sales_status",
    "handed_over", "sales_modified_at", "sales_token", "sales_gone", "values", "lines", "search_text", "read_at",
)  # fmt: skip


def _document(connection: Connection, shape: Shape, row: dict[str, Any]) -> SalesDocument:
    values = {name: row.get(name) for name in (*shape.header, COMPANY_READ) if name in row}
    values[CUSTOMER_TYPE] = row.get(f"_customerid_value{_TARGET}") or ""
    named = {name: row[f"{name}{_FORMATTED}"] for name in _NAMED if f"{name}{_FORMATTED}" in row}
    customer = str(named.get("_customerid_value") or "")
    number, name = str(row.get(shape.number) or ""), str(row.get("name") or "")
    return SalesDocument(
        connection=connection,
        kind=shape.kind,
        sales_key=UUID(row[shape.primary_id]),
        number=number[:100],
        revision=int(row.get("revisionnumber") or 0),
        name=name,
        customer_name=customer[:200],
        currency=str(named.get("_transactioncurrencyid_value") or "")[:10],
        total=amount(row.get("totalamount")),
        sales_state=row["statecode"],
        sales_status=row["statuscode"] or 0,
        handed_over=_stamp(row.get("lastbackofficesubmit")),
        sales_modified_at=parse_time(row.get("modifiedon")),
        sales_token=row.get("@odata.etag", ""),
        sales_gone=False,
        values=values | {"names": named},
        lines=[_line(shape, line) for line in row.get(shape.lines, ())],
        search_text=" ".join(fold(text) for text in (number, name, customer) if text),
        read_at=timezone.now(),
    )


def _line(shape: Shape, row: dict[str, Any]) -> dict[str, Any]:
    values = {name: row.get(name) for name in shape.line_columns}
    named = {name: row[f"{name}{_FORMATTED}"] for name in _LINE_NAMED if f"{name}{_FORMATTED}" in row}
    return {"id": row[shape.line_id], "names": named, **values}


def _stamp(value: Any) -> date | None:
    """The day of the hand-over; the organisation's empty date counts as none."""
    if not value:
        return None
    day = date.fromisoformat(str(value)[:10])
    return None if day == NEVER else day


def eligible(kind: DocumentKind | str) -> Q:
    """Which documents the processes pick by what Sales says of them."""
    if kind == DocumentKind.ORDER:
        return Q(kind=kind, sales_state=OrderState.SUBMITTED, handed_over__isnull=True, sales_gone=False)
    return Q(kind=kind, sales_state__in=[QuoteState.ACTIVE, QuoteState.WON], sales_gone=False)


def note_eligibility(connection: Connection, shape: Shape, keys: Sequence[UUID]) -> None:
    """Documents that became ready, and such as are no longer."""
    documents = SalesDocument.objects.filter(
        connection=connection, kind=shape.kind, sales_key__in=keys, coupling__isnull=True
    )
    picked = eligible(shape.kind)
    documents.filter(picked, transfer_state=TransferState.NONE).update(transfer_state=TransferState.WAITING)
    open_states = [TransferState.WAITING, TransferState.PROBLEMS, TransferState.FAILED]
    documents.filter(~picked, transfer_state__in=open_states).update(
        transfer_state=TransferState.NONE, problems=[], error_code="", error_message="", error_hint=""
    )


def adopt_couplings(connection: Connection, shape: Shape, keys: Sequence[UUID]) -> None:
    """Documents whose coupling exists although their row does not say so: coupled by hand, or the row is new."""
    known = SalesDocument.objects.filter(
        connection=connection, kind=shape.kind, sales_key__in=keys, coupling__isnull=True
    ).exclude(transfer_state__in=[TransferState.CREATING, TransferState.UNCERTAIN])
    missing = {document.sales_key: document for document in known.only("pk", "sales_key")}
    couplings = Coupling.objects.filter(connection=connection, sales_table=shape.table, sales_key__in=list(missing))
    for coupling in couplings:
        numbers = BusinessCentralRecord.objects.filter(
            connection=connection, table=coupling.bc_table, key=coupling.bc_key
        ).values_list("number", flat=True)
        SalesDocument.objects.filter(pk=missing[coupling.sales_key].pk).update(
            coupling=coupling,
            bc_key=coupling.bc_key,
            bc_number=next(iter(numbers), ""),
            transfer_state=TransferState.TRANSFERRED,
            problems=[],
        )


def open_operations(connection: Connection) -> Any:
    """Writes of documents that have no end yet."""
    return Operation.objects.filter(
        connection=connection, job__mode="documents", state__in=["planned", "sent"], system__in=System.values
    )
