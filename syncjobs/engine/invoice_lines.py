"""Lines of posted invoices, which Business Central serves below their invoice only.

They never change after posting. So they are read once for every invoice that is coupled or is about to be, a hundred
invoices to a batch, and kept in the mirror.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast

from connector.business_central import BusinessCentralClient
from connector.business_central_addresses import Service
from connector.choices import System
from connector.error_table import error_of_answer
from connector.http.batch import BUSINESS_CENTRAL_LIMIT, Part
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling

if TYPE_CHECKING:
    from syncjobs.engine.context import JobRun

LINES = "salesInvoiceLines"
PROPERTIES = (
    *("documentId", "sequence", "lineType", "lineObjectNumber", "description", "unitOfMeasureCode", "quantity"),
    *("unitPrice", "discountAmount", "invoiceDiscountAllocation", "netAmount", "netAmountIncludingTax"),
    *("taxPercent", "shipmentDate"),
)


def read_lines(run: JobRun) -> None:
    """Reads the lines of invoices that have none in the mirror yet. Raises RemoteError."""
    client = run.client(System.BUSINESS_CENTRAL)
    if not isinstance(client, BusinessCentralClient):
        return
    wanted, last = _wanted(run), _FIRST
    while part := list(
        wanted.filter(key__gt=last).order_by("key").values_list("key", flat=True)[:BUSINESS_CENTRAL_LIMIT]
    ):
        _store(run.connection, _ask(client, part))
        last = part[-1]
        run.progress.beat()


def lines_of(connection: Connection, invoices: Iterable[UUID]) -> dict[UUID, list[tuple[UUID, dict[str, Any]]]]:
    """Lines with their ids by invoice, in their order."""
    found: dict[UUID, list[tuple[UUID, dict[str, Any]]]] = {}
    rows = BusinessCentralRecord.objects.of_table(connection.pk, LINES).filter(
        number__in=[str(key) for key in invoices]
    )
    for number, key, values in rows.values_list("number", "key", "values"):
        found.setdefault(UUID(number), []).append((key, values))
    return {invoice: sorted(lines, key=lambda line: line[1].get("sequence") or 0) for invoice, lines in found.items()}


def _wanted(run: JobRun) -> QuerySet[BusinessCentralRecord]:
    """Posted invoices of the run that have no line in the mirror."""
    connection, table = run.connection, run.mapping.business_central_table
    invoices = BusinessCentralRecord.objects.of_table(connection.pk, table).alive().filter(values__status__in=_POSTED)
    if run.options.only_pairs:
        invoices = invoices.filter(key__in=[pair.bc_key for pair in run.options.pairs if pair.bc_key])
    elif run.mapping.synch_only_coupled_records and not run.options.ignore_only_coupled:
        invoices = invoices.filter(key__in=Coupling.objects.filter(mapping=run.mapping).values("bc_key"))
    known = BusinessCentralRecord.objects.of_table(connection.pk, LINES)
    text = Cast("key", TextField())
    wanted: QuerySet[BusinessCentralRecord] = invoices.annotate(key_text=text).exclude(
        Exists(known.filter(number=OuterRef("key_text")))
    )
    return wanted


_FIRST = UUID(int=0)
_POSTED = ("Open", "Paid", "Canceled", "Corrective")


def _ask(client: BusinessCentralClient, invoices: Sequence[UUID]) -> list[tuple[UUID, UUID, dict[str, Any]]]:
    select = ",".join(("id", *PROPERTIES))
    path = client.addresses.in_service("salesInvoices")
    parts = [Part("GET", f"{path}({key})/salesInvoiceLines?$select={select}") for key in invoices]
    answers = client.batch(Service.API, parts, repeatable=True)
    found = []
    for position, invoice in enumerate(invoices):
        answer = answers.get(position)
        if answer is None or answer.status == 404:
            continue
        if answer.status >= 300:
            raise error_of_answer(client.session.refusal(answer.status, answer.headers, answer.data))
        found += [
            (invoice, UUID(row["id"]), {name: row.get(name) for name in PROPERTIES}) for row in answer.data["value"]
        ]
    return found


def _store(connection: Connection, lines: Sequence[tuple[UUID, UUID, dict[str, Any]]]) -> None:
    BusinessCentralRecord.objects.bulk_create(
        [
            BusinessCentralRecord(
                connection=connection,
                table=LINES,
                key=key,
                number=str(invoice),
                name=str(values.get("description") or "")[:400],
                values=values,
            )
            for invoice, key, values in lines
        ],
        update_conflicts=True,
        unique_fields=["connection", "table", "key"],
        update_fields=["number", "name", "values"],
    )
