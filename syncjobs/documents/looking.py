"""What became of creates whose answer never came, by looking in Business Central.

The request carried customer and External Document No.; the lines tell documents of one name apart. Nothing is sent
again before two looks found nothing, and each document found is given away once.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.odata import literal, options
from coupling.models import Coupling
from syncjobs.choices import LogLevel, OperationKind, OperationState
from syncjobs.constants import CLOCK_SKEW, SEND_ATTEMPTS
from syncjobs.documents import journal
from syncjobs.documents.amounts import amount
from syncjobs.documents.choices import EventKind, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.records import Shape
from syncjobs.documents.transfer import settle_done
from syncjobs.engine.context import JobRun
from syncjobs.models import Operation, SynchJob

BC = System.BUSINESS_CENTRAL
_FEW = 10
"""Documents up to which each is asked for by its own number; more are read at once by their time."""

Candidate = dict[str, Any]


def settle_abandoned(run: JobRun, shape: Shape) -> None:
    """Ends what earlier runs left open: unsent writes are withdrawn, lost creates are looked for."""
    open_ = journal.abandoned(run)
    planned = open_.filter(state=OperationState.PLANNED)
    creates = planned.filter(kind=OperationKind.CREATE, table=shape.bc_table).values_list("sales_key", flat=True)
    with transaction.atomic():
        SalesDocument.objects.filter(
            connection=run.connection, kind=shape.kind, sales_key__in=list(creates),
            transfer_state=TransferState.CREATING,
        ).update(transfer_state=TransferState.WAITING)  # fmt: skip
        journal.withdraw(planned)
    sent = open_.filter(state=OperationState.SENT)
    lost = list(sent.filter(kind=OperationKind.CREATE, table=shape.bc_table))
    # Everything else says an absolute value, or is looked for where it is repeated.
    sent.exclude(pk__in=[operation.pk for operation in lost]).update(
        state=OperationState.SKIPPED, error_code="document.no_answer", error_message="The answer got lost.",
        error_hint="The hub looks what came of it, or sends the same again.", settled_at=timezone.now(),
    )  # fmt: skip
    _settle_lost(run, shape, lost)
    _release_orphans(run, shape)


def _release_orphans(run: JobRun, shape: Shape) -> None:
    """Claims without an open operation: their create ended, and the row did not hear of it."""
    claimed = SalesDocument.objects.filter(
        connection=run.connection, kind=shape.kind, coupling__isnull=True,
        transfer_state__in=[TransferState.CREATING, TransferState.UNCERTAIN],
    )  # fmt: skip
    for document in claimed:
        if not Operation.objects.filter(
            mapping=run.mapping, sales_key=document.sales_key, state__in=["planned", "sent"], preview=False
        ).exists():
            SalesDocument.objects.filter(pk=document.pk).update(transfer_state=TransferState.WAITING)


def _settle_lost(run: JobRun, shape: Shape, operations: Sequence[Operation]) -> None:
    documents: dict[UUID | None, SalesDocument] = {
        document.sales_key: document
        for document in SalesDocument.objects.filter(
            connection=run.connection, kind=shape.kind, sales_key__in=[each.sales_key for each in operations]
        ).select_related("connection")
    }
    left = list(operations)
    for look in range(2):
        if not left or run.progress.should_stop():
            return
        if look:
            _wait(run)
        candidates = _candidates(run, shape, left)
        still = []
        for group in _groups(left):
            fitting = [each for each in candidates if _fits(shape, group[0], each)]
            if len(fitting) > len(group):
                _ask(run, shape, documents, group, fitting)
                continue
            for operation, found in zip(group, fitting, strict=False):
                candidates.remove(found)
                _adopt(run, shape, operation, documents[operation.sales_key], found)
            still += group[len(fitting) :]
        left = still
    for operation in left:
        _not_done(run, operation, documents[operation.sales_key])


def _groups(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Creates that look alike in Business Central: any of the documents found is as good for any of them."""
    groups: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        body = operation.after
        groups[f"{body.get('customerId')}|{_number(body)}|{_signature_of(body)}"].append(operation)
    yield from groups.values()


def _candidates(run: JobRun, shape: Shape, operations: Sequence[Operation]) -> list[Candidate]:
    """Uncoupled documents made since the creates were sent, with their lines."""
    client = run.client(BC)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    since = min(each.sent_at for each in operations if each.sent_at) - CLOCK_SKEW
    condition = f"lastModifiedDateTime ge {since.strftime('%Y-%m-%dT%H:%M:%SZ')}"
    conditions = [condition]
    if len(operations) <= _FEW:
        conditions = [
            f"{condition} and customerId eq {each.after['customerId']}"
            f" and externalDocumentNumber eq {literal(_number(each.after))}"
            for each in operations
        ]
    found: dict[str, Candidate] = {}
    for text in dict.fromkeys(conditions):
        address = client.addresses.table(shape.bc_table) + options(filter=text, expand=shape.bc_lines)
        while address:
            data = client.session.get(address).data
            found |= {row["id"]: row for row in data["value"]}
            address = data.get("@odata.nextLink", "")
    taken = set(
        Coupling.objects.filter(
            connection=run.connection, bc_table=shape.bc_table, bc_key__in=[UUID(key) for key in found]
        ).values_list("bc_key", flat=True)
    )
    return [row for key, row in found.items() if UUID(key) not in taken]


def _fits(shape: Shape, operation: Operation, candidate: Candidate) -> bool:
    body = operation.after
    if str(candidate.get("customerId")) != str(body.get("customerId")):
        return False
    if str(candidate.get("externalDocumentNumber") or "").upper() != _number(body):
        return False
    return _signature(candidate.get(shape.bc_lines, ())) == _signature_of(body)


def _number(body: Mapping[str, Any]) -> str:
    """As Business Central stores a code: trimmed, in capitals."""
    return str(body.get("externalDocumentNumber") or "").strip().upper()


def _signature_of(body: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    return _signature(next((value for value in body.values() if isinstance(value, list)), ()))


def _signature(lines: Sequence[Mapping[str, Any]]) -> list[tuple[int, str, str]]:
    """Number, type and quantity of every line."""
    return sorted(
        (int(line["sequence"]), str(line["lineType"]), f"{amount(line.get('quantity')):.5f}") for line in lines
    )


def _adopt(run: JobRun, shape: Shape, operation: Operation, document: SalesDocument, found: Candidate) -> None:
    values = {name: value for name, value in found.items() if "@" not in name}
    lines = values.pop(shape.bc_lines, [])
    settle_done(run, operation, document, UUID(found["id"]), values, lines, adopted=True)


def _ask(
    run: JobRun,
    shape: Shape,
    documents: Mapping[UUID | None, SalesDocument],
    operations: Sequence[Operation],
    candidates: Sequence[Candidate],
) -> None:
    """More documents than creates fit: one of them may be somebody's own, so a person chooses."""
    choices = [
        {"id": each["id"], "number": each["number"], "total": str(each["totalAmountExcludingTax"])}
        for each in candidates
    ]
    numbers = ", ".join(str(each["number"]) for each in candidates)
    for operation in operations:
        document = documents[operation.sales_key]
        message = f"Several documents in Business Central could be this one: {numbers}."
        SalesDocument.objects.filter(pk=document.pk).update(
            transfer_state=TransferState.UNCERTAIN,
            marks={**document.marks, "candidates": choices},
            attention=[{"code": "document.several_candidates", "message": message}],
        )
        SynchJob.objects.filter(pk=run.job.pk).update(conflicts=F("conflicts") + 1)
        run.progress.log(f"{document}: {message}", LogLevel.WARNING)


def _not_done(run: JobRun, operation: Operation, document: SalesDocument) -> None:
    """Two looks found nothing: it did not happen, and may be sent again."""
    hopeless = document.attempts >= SEND_ATTEMPTS
    message = "The answer got lost, and the document is not in Business Central."
    with transaction.atomic():
        Operation.objects.filter(pk=operation.pk, state=OperationState.SENT).update(
            state=OperationState.SKIPPED, error_code="document.not_done", error_message=message,
            error_hint="It is sent again.", settled_at=timezone.now(),
        )  # fmt: skip
        SalesDocument.objects.filter(pk=document.pk).update(
            transfer_state=TransferState.FAILED if hopeless else TransferState.WAITING,
            error_code="document.no_answer" if hopeless else "",
            error_message=f"Business Central gave no answer {document.attempts} times." if hopeless else "",
            error_hint="Try again once Business Central answers." if hopeless else "",
        )
        note(document, EventKind.CHECKED, message, job=run.job)


def _wait(run: JobRun) -> None:
    """A server that is still busy with the request may finish it yet."""
    until = time.monotonic() + timedelta(seconds=settings.COUPLET_CREATE_GRACE_SECONDS).total_seconds()
    while time.monotonic() < until and not run.progress.should_stop():
        time.sleep(0.2)
