"""What people ask of documents that are in Business Central: take them away there, ship and invoice them.

Nothing here runs by itself. Each looks at the document live first, so that a second click, or a second person, finds
done what the first one asked for.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from connector.bulk import WriteStatus
from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.http.batch import Part
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.amounts import amount
from syncjobs.documents.choices import IN_BUSINESS_CENTRAL, DocumentKind, EventKind, OrderState, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.feedback import follow_orders
from syncjobs.documents.following import read_with_lines
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.records import ORDERS, SHAPES
from syncjobs.documents.versions import keep_version
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

BC = System.BUSINESS_CENTRAL
CLOSED_LOST = (5, 6)


def may_remove(document: SalesDocument) -> bool:
    """Whether the document is of no more use in Business Central: Sales gave it up, or a won quote became an order."""
    if document.transfer_state not in IN_BUSINESS_CENTRAL or document.coupling_id is None:
        return False
    if document.kind == DocumentKind.ORDER:
        return document.sales_state == OrderState.CANCELED
    return document.sales_gone or document.sales_status in CLOSED_LOST or bool(document.marks.get("won"))


def remove_documents(run: JobRun, keys: Sequence[UUID]) -> None:
    """Deletes the named documents in Business Central, where nothing of them is shipped or invoiced yet.

    The last version of a quote is kept first. Raises RemoteError.
    """
    client = _client(run)
    for document in _named(run, keys):
        shape = SHAPES[DocumentKind(document.kind)]
        if not may_remove(document) or document.bc_key is None:
            _refuse(run, document, "Sales has not given it up, so it stays in Business Central.")
            continue
        row = read_with_lines(client, shape, [document.bc_key]).get(document.bc_key)
        if row is not None and _has_moved(row[shape.bc_lines]):
            _refuse(run, document, f"{document.bc_number} is shipped or invoiced in part, so it cannot be deleted.")
            continue
        if row is not None and document.kind == DocumentKind.QUOTE:
            keep_version(run, document, reason="won" if document.marks.get("won") else "removed")
        if row is not None and not _delete(run, document, shape.bc_table, row["@odata.etag"]):
            continue
        _forget(run, document)


def post_orders(run: JobRun, keys: Sequence[UUID]) -> None:
    """Ships and invoices what is due of the named orders, then looks what came of it. Raises RemoteError."""
    client = _client(run)
    looked = []
    for document in _named(run, keys):
        looked.append(document.sales_key)
        row = read_with_lines(client, ORDERS, [document.bc_key] if document.bc_key else [])
        if document.bc_key is None or document.bc_key not in row:
            run.progress.log(f"{document}: {document.bc_number} is posted already, or was deleted.")
            continue
        order = f"{client.addresses.table(ORDERS.bc_table)}({document.bc_key})"
        part = Part("POST", f"{order}/Microsoft.NAV.shipAndInvoice", None, {"If-Match": "*"})
        change = Change(document, BC, ORDERS.bc_table, OperationKind.UPDATE, {"shipAndInvoice": True})
        if (error := journal.call(run, change, part)) is not None:
            _refuse(run, document, str(error))
            continue
        note(document, EventKind.STEP, f"{_who(run)} had {document.bc_number} shipped and invoiced.", job=run.job)
        SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
    if looked:
        follow_orders(run, looked)


def _client(run: JobRun) -> BusinessCentralClient:
    client = run.client(BC)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    return client


def _named(run: JobRun, keys: Sequence[UUID]) -> list[SalesDocument]:
    documents = SalesDocument.objects.filter(
        connection=run.connection, sales_key__in=keys, coupling__mapping=run.mapping
    )
    return list(documents.select_related("connection", "coupling"))


def _has_moved(lines: Iterable[dict[str, Any]]) -> bool:
    return any(amount(line.get("shippedQuantity")) or amount(line.get("invoicedQuantity")) for line in lines)


def _delete(run: JobRun, document: SalesDocument, table: str, token: str) -> bool:
    """Under the token that was looked at: what somebody has just changed stays."""
    change = Change(
        document, BC, table, OperationKind.DELETE, key=document.bc_key, before=document.bc_values, token=token
    )
    for _, result in journal.write(run, [change]):
        if result.status in (WriteStatus.DONE, WriteStatus.MISSING):
            return True
        _refuse(run, document, str(result.error or f"{document.bc_number} has just been changed; look at it again."))
    return False


def _forget(run: JobRun, document: SalesDocument) -> None:
    text = f"{document.bc_number} was deleted in Business Central, as {_who(run)} asked."
    with transaction.atomic():
        if document.coupling is not None:
            document.coupling.delete()
        SalesDocument.objects.filter(pk=document.pk).update(
            coupling=None, bc_key=None, transfer_state=TransferState.CLOSED, attention=[], problems=[]
        )
        SynchJob.objects.filter(pk=run.job.pk).update(deleted=F("deleted") + 1, uncoupled=F("uncoupled") + 1)
        note(document, EventKind.DELETED, text, job=run.job)
    run.progress.log(f"{document}: {text}")


def _refuse(run: JobRun, document: SalesDocument, message: str) -> None:
    SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
    note(document, EventKind.WARNING, message, job=run.job)
    run.progress.log(f"{document}: {message}", LogLevel.ERROR)


def _who(run: JobRun) -> str:
    return run.job.user.username if run.job.user else "a program"
