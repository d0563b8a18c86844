"""Requested delivery dates of single lines: API v2.0 does not have them, the page of document lines (6403) does.

Where the page is published, lines of orders get their date here; where it is not, dates of lines stay where they are.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.odata import chunks, literal, options
from syncjobs.choices import OperationKind
from syncjobs.documents import journal
from syncjobs.documents.following import rows_at
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.order_lines import NO_DAY
from syncjobs.documents.records import ORDERS
from syncjobs.engine.context import JobRun

PAGE, DATE = "salesDocumentLines", "requestedDeliveryDate"
_NUMBERS = 40


def add_dates(run: JobRun, orders: Iterable[dict[str, Any]]) -> None:
    """Gives the lines of orders that were just read their dates; a request for forty orders. Raises RemoteError."""
    if PAGE not in (run.connection.capabilities or {}).get("pages", ()):
        return
    client = run.client(System.BUSINESS_CENTRAL)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    by_number = {str(order["number"]): order for order in orders}
    for chunk in chunks(by_number, _NUMBERS):
        numbers = " or ".join(f"documentNumber eq {literal(number)}" for number in chunk)
        condition = f"documentType eq 'Order' and ({numbers})"
        names = f"id,documentType,documentNumber,lineNumber,{DATE}"
        address = client.addresses.table(PAGE) + options(select=names, filter=condition)
        dates = {str(row["id"]): str(row[DATE] or "") for row in rows_at(client, address)}
        for number in chunk:
            for line in by_number[number][ORDERS.bc_lines]:
                if line["id"] in dates:
                    line[DATE] = dates[line["id"]]


def write_date(run: JobRun, document: SalesDocument, line: dict[str, Any], day: str) -> str:
    """Sets a line's date, blank for none; what went wrong, blank for nothing."""
    key = UUID(str(line["id"]))
    change = Change(
        document, System.BUSINESS_CENTRAL, PAGE, OperationKind.UPDATE, {DATE: day or NO_DAY}, key=key,
        before={DATE: line.get(DATE)}, sales_key=key,
    )  # fmt: skip
    path = f"(documentType='Order',documentNumber={literal(document.bc_number)},lineNumber={int(line['sequence'])})"
    error = journal.write_at(run, change, path)
    return "" if error is None else str(error)
