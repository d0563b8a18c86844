"""What Business Central did with orders since: read in bulk, compared with what is known, noted once each.

Nothing is written here; `feedback` decides what Sales is told.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.odata import chunks, literal, options
from syncjobs.documents.amounts import amount
from syncjobs.documents.choices import EventKind
from syncjobs.documents.events import note
from syncjobs.documents.models import SalesDocument, key_of
from syncjobs.documents.records import CUSTOMER_TYPE, ORDERS, Shape
from syncjobs.engine.context import JobRun

_KEYS, _NUMBERS = 40, 40
RELEASED = "Released"


@dataclass(slots=True)
class Seen:
    """One order as it is in Business Central now; `order` is None where it is gone."""

    document: SalesDocument
    order: dict[str, Any] | None
    status: str = ""
    shipments: list[dict[str, Any]] = field(default_factory=list)
    invoices: list[dict[str, Any]] = field(default_factory=list)

    @property
    def lines(self) -> list[dict[str, Any]]:
        source = self.order[ORDERS.bc_lines] if self.order else self.document.bc_lines
        return [line for line in source if line["lineType"] not in ("Comment", "")]

    @property
    def last_shipment(self) -> str:
        return max((str(each["postingDate"]) for each in self.shipments), default="")

    @property
    def fully_shipped(self) -> bool:
        lines = self.lines
        return bool(lines) and all(amount(each.get("shippedQuantity")) >= amount(each["quantity"]) for each in lines)

    @property
    def fully_invoiced(self) -> bool:
        lines = self.lines
        return bool(lines) and all(amount(each.get("invoicedQuantity")) >= amount(each["quantity"]) for each in lines)


def look_at_orders(run: JobRun, documents: Sequence[SalesDocument]) -> list[Seen]:
    """Orders with lines, exact status, shipments and invoices. A few requests per forty orders. Raises RemoteError."""
    client = run.client(System.BUSINESS_CENTRAL)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    orders = read_with_lines(client, ORDERS, [each.bc_key for each in documents if each.bc_key])
    exact: dict[UUID, str] = {}
    if "salesDocuments" in (run.connection.capabilities or {}).get("pages", ()):
        read = client.read_records("salesDocuments", list(orders), properties=["status"])
        exact = {key: str(record.values["status"]) for key, record in read.items()}
    numbers = [each.bc_number for each in documents if each.bc_number]
    shipments = _by_order(client, "salesShipments", numbers)
    invoices = _by_order(client, "salesInvoices", numbers)
    seen = []
    for document in documents:
        order = orders.get(document.bc_key) if document.bc_key else None
        status = exact.get(document.bc_key, "") if document.bc_key else ""
        if order is not None and not status:
            status = {"Draft": "Open", "In_x0020_Review": "Pending Approval"}.get(order["status"], RELEASED)
        posted = [each for each in invoices[document.bc_number] if each["status"] not in ("Draft", "In_x0020_Review")]
        seen.append(Seen(document, order, status, shipments[document.bc_number], posted))
    return seen


def read_with_lines(client: BusinessCentralClient, shape: Shape, keys: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    """Documents with their lines by key; a key that is missing no longer exists."""
    found: dict[UUID, dict[str, Any]] = {}
    for chunk in chunks(dict.fromkeys(keys), _KEYS):
        condition = " or ".join(f"id eq {key}" for key in chunk)
        for row in rows_at(
            client, client.addresses.table(shape.bc_table) + options(filter=condition, expand=shape.bc_lines)
        ):
            found[UUID(row["id"])] = row
    return found


def _by_order(client: BusinessCentralClient, table: str, numbers: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for chunk in chunks(dict.fromkeys(numbers), _NUMBERS):
        condition = " or ".join(f"orderNumber eq {literal(number)}" for number in chunk)
        for row in rows_at(client, client.addresses.table(table) + options(filter=condition)):
            found[row["orderNumber"]].append(row)
    return found


def rows_at(client: BusinessCentralClient, address: str) -> list[dict[str, Any]]:
    """All rows behind an address, page after page. Raises RemoteError."""
    rows: list[dict[str, Any]] = []
    while address:
        data = client.session.get(address).data
        rows += data["value"]
        address = data.get("@odata.nextLink", "")
    return rows


def note_events(run: JobRun, seen: Seen, *, tell: bool = True) -> None:
    """Releases, shipments and invoices that were not known; `tell`: Sales shall say them in the timeline."""
    document, number = seen.document, seen.document.bc_number
    before = str(document.marks.get("bc_status") or "Open")
    now = seen.status or (RELEASED if seen.invoices or seen.shipments else before)
    times = int(document.marks.get("releases") or 0)
    if now == RELEASED and before != RELEASED:
        times += 1
        text = f"Business Central released sales order {number}."
        note(document, EventKind.RELEASED, text, key=f"released:{times}", job=run.job, post=text if tell else "")
    elif seen.order is not None and now != RELEASED and before == RELEASED:
        note(document, EventKind.REOPENED, f"Sales order {number} was reopened.", key=f"reopened:{times}", job=run.job)
    for shipment in sorted(seen.shipments, key=lambda each: str(each["number"])):
        extent = "completely" if seen.fully_shipped and shipment is max(seen.shipments, key=_number) else "in part"
        if seen.order is None:
            extent = (
                "in part"
                if len(seen.shipments) > 1 and shipment is not max(seen.shipments, key=_number)
                else "completely"
            )
        text = f"Shipment {shipment['number']} of {shipment['postingDate']} delivers sales order {number} {extent}."
        note(document, EventKind.SHIPPED, text, key=f"shipped:{shipment['id']}", job=run.job, post=text if tell else "")
    for invoice in sorted(seen.invoices, key=_number):
        total = f"{amount(invoice['totalAmountIncludingTax']):.2f} {invoice['currencyCode']}".strip()
        text = f"Invoice {invoice['number']} over {total} was made for sales order {number}."
        note(
            document, EventKind.INVOICED, text, key=f"invoiced:{invoice['id']}", job=run.job, post=text if tell else ""
        )
        if tell:
            _tell_account(
                run,
                seen,
                f"account-invoiced:{invoice['id']}",
                f"Invoice {invoice['number']} for order {number} was posted.",
            )
    if tell and seen.order is None and seen.invoices:
        _tell_account(run, seen, "account-posted", f"Sales order {number} was posted completely.")
    document.marks = {
        **document.marks, "bc_status": now, "releases": times, "last_shipment": seen.last_shipment,
    }  # fmt: skip
    if seen.order is not None:
        values = {name: value for name, value in seen.order.items() if "@" not in name}
        document.bc_lines = values.pop(ORDERS.bc_lines)
        document.bc_values = {**document.bc_values, **values}
    document.save(update_fields=["marks", "bc_lines", "bc_values"])


def _tell_account(run: JobRun, seen: Seen, key: str, text: str) -> None:
    """On the wall of the account that the order is for; orders of contacts have none."""
    values = seen.document.values
    account = key_of(values.get("_customerid_value")) if values.get(CUSTOMER_TYPE) == "account" else None
    if account is not None and run.connection.tell_accounts:
        message = f"Told to {seen.document.customer_name or 'the account'}: {text}"
        note(seen.document, EventKind.INVOICED, message, key=key, job=run.job, post=text, account=account)


def _number(row: dict[str, Any]) -> str:
    return str(row["number"])
