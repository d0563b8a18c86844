"""Bidirectional orders that Business Central posted completely and removed: their last state goes to Sales.

It is read from the order archive, where the company keeps one, and otherwise follows from the shipments: an order that
was invoiced completely was shipped completely.
"""

from typing import Any

from django.db.models import F

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.errors import RemoteError
from connector.http.batch import Part
from connector.odata import literal, options
from connector.sales import SalesClient
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents.amounts import amount, plain
from syncjobs.documents.choices import EventKind, OrderState
from syncjobs.documents.events import note
from syncjobs.documents.following import Seen, rows_at
from syncjobs.documents.journal import Change
from syncjobs.documents.order_lines import links_of
from syncjobs.documents.write_back import SUBMITTED, TABLE, toggled
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

ARCHIVES, ARCHIVE_LINES = "salesOrderArchives", "salesOrderArchiveLines"


def write_last_state(run: JobRun, sales: SalesClient, seen: Seen) -> bool:
    """Quantities shipped and the day of the last shipment; False where Sales refused, and the next run tries again.

    A fulfilled order takes no more changes and has them already. Raises RemoteError.
    """
    document = seen.document
    if document.sales_state != OrderState.SUBMITTED:
        return True
    body: dict[str, Any] = {}
    if seen.last_shipment and seen.last_shipment != str(document.values.get("datefulfilled") or "")[:10]:
        body["datefulfilled"] = seen.last_shipment
    shipped = _shipped(run, seen)
    lines = {str(line["id"]): line for line in document.lines}
    numbers = {str(line["id"]): int(line["sequence"]) for line in document.bc_lines}
    parts = []
    for link in links_of(document) or ():
        line, quantity = lines.get(link["sales"]), shipped.get(numbers.get(link["bc"], 0))
        if line is not None and quantity is not None and amount(line.get("quantityshipped")) != amount(quantity):
            values = {"quantityshipped": plain(amount(quantity))}
            parts.append(Part("PATCH", f"salesorderdetails({link['sales']})", values, {"If-Match": "*"}))
    if not body and not parts:
        return True
    change = Change(document, System.SALES, TABLE, OperationKind.UPDATE, body, beside=parts, told={"lines": len(parts)})
    answered = False
    for _, error in toggled(run, sales, [change], final=SUBMITTED):
        answered = error is None
        if error is not None:
            run.progress.log(f"{document}: {error}", LogLevel.WARNING)
            SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
    if answered:
        note(document, EventKind.ARCHIVED, "Sales got the last state of the order.", key="last_state", job=run.job)
    return answered


def _shipped(run: JobRun, seen: Seen) -> dict[int, Any]:
    """Quantities by line number, of the newest archived version or of the order as it was last seen."""
    client = run.client(System.BUSINESS_CENTRAL)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    version = archived(client, seen.document.bc_number)
    if version is not None:
        return {int(line["sequence"]): line["quantityShipped"] for line in version[ARCHIVE_LINES]}
    return {int(line["sequence"]): line["quantity"] for line in seen.document.bc_lines}


def archived(client: BusinessCentralClient, number: str) -> dict[str, Any] | None:
    """The newest version in the archive; None where there is no archive, or nothing in it. Raises RemoteError."""
    if not number or ARCHIVES not in client.tables(client.addresses.service_of("salesOrders")):
        return None
    address = client.addresses.table(ARCHIVES) + options(
        filter=f"number eq {literal(number)}", expand=ARCHIVE_LINES
    )  # fmt: skip
    try:
        rows = rows_at(client, address)
    except RemoteError as error:
        if error.status == 404:
            return None
        raise
    return max(rows, key=lambda row: (int(row["docNoOccurrence"]), int(row["versionNumber"])), default=None)
