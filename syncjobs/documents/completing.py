"""Finishes documents that exist in Business Central: one step after the other, many documents at once.

Every step can be repeated: what it writes is absolute. A step that is refused because of its values takes the new
document away again, since half an order is worse than none; a step that somebody else's change forbids leaves it
incomplete.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connector.bulk import WriteResult, WriteStatus
from connector.choices import System
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal, steps
from syncjobs.documents.amounts import amount, net_price, plain
from syncjobs.documents.choices import DocumentKind, EventKind, TransferState
from syncjobs.documents.comparing import compare
from syncjobs.documents.events import note
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.notes import transfer_notes
from syncjobs.documents.records import SHAPES
from syncjobs.documents.transfer import add_warnings
from syncjobs.documents.work_description import write_work_descriptions
from syncjobs.documents.write_back import write_back
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

BC = System.BUSINESS_CENTRAL
HEADER_TOTALS = ("discountAmount", "totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax", "status")


def complete(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    """Does the steps that are left; documents whose steps are all done are finished."""
    documents = [each for each in documents if each.transfer_state == TransferState.CREATED]
    agreed = []
    for document in documents:
        problem = run_before(HookContext(Step.COMPLETE, document, body=document.plan, log=run.progress.log))
        if problem is None:
            agreed.append(document)
        else:
            fail_step(run, document, "", problem.message, problem.hint)
    for name, do in _STEPS.items():
        due = [each for each in agreed if _is_due(each, name)]
        if due and not run.progress.should_stop():
            do(run, due)
    _finish(run, [each for each in agreed if each.transfer_state == TransferState.CREATED])


def _is_due(document: SalesDocument, name: str) -> bool:
    return document.transfer_state == TransferState.CREATED and document.steps.get(name) == steps.TODO


def mark(document: SalesDocument, name: str, state: str) -> None:
    """Notes how a step ended."""
    document.steps = {**document.steps, name: state}
    document.save(update_fields=["steps"])


def fail_step(run: JobRun, document: SalesDocument, name: str, message: str, hint: str = "") -> None:
    """The document stays and is incomplete: this is missing."""
    if name:
        document.steps = {**document.steps, name: steps.FAILED}
    document.transfer_state = TransferState.INCOMPLETE
    document.error_code, document.error_message, document.error_hint = "document.incomplete", message, hint
    document.save(update_fields=["steps", "transfer_state", "error_code", "error_message", "error_hint"])
    note(document, EventKind.WARNING, message, job=run.job)
    SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
    run.progress.log(f"{document}: {message}", LogLevel.ERROR)


def _gross(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    """Lines whose Sales price includes VAT: now that Business Central has told the percentage."""
    changes = []
    for document in documents:
        shape = SHAPES[DocumentKind(document.kind)]
        by_sequence = {int(line["sequence"]): line for line in document.bc_lines}
        for sequence, wanted in document.plan["gross"].items():
            line = by_sequence[int(sequence)]
            price = net_price(amount(wanted["price"]), amount(line["taxPercent"]))
            body = {"unitPrice": plain(price), "discountAmount": plain(amount(wanted["discount"]))}
            key = UUID(str(line["id"]))
            changes.append(
                Change(document, BC, shape.bc_lines, OperationKind.UPDATE, body, key=key, sales_key=key)
            )  # fmt: skip
    failed: set[int] = set()
    for change, result in journal.write(run, changes):
        document = change.document
        if result.status == WriteStatus.DONE:
            keep = [line for line in document.bc_lines if line["id"] != str(change.key)]
            document.bc_lines = sorted([*keep, dict(result.values or {})], key=lambda line: line["sequence"])
        elif document.pk not in failed and _refuse(run, document, steps.GROSS, result):
            failed.add(document.pk)
    for document in documents:
        answered = [change for change in changes if change.document.pk == document.pk]
        if document.pk not in failed and len(answered) == len(document.plan["gross"]):
            document.save(update_fields=["bc_lines"])
            mark(document, steps.GROSS, steps.DONE)


def _discount(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    """Taken off after all lines, because it is spread over them."""
    changes = [
        Change(
            document, BC, SHAPES[DocumentKind(document.kind)].bc_table, OperationKind.UPDATE,
            {"discountAmount": plain(amount(document.plan["discount"]))}, key=document.bc_key,
        )
        for document in documents
    ]  # fmt: skip
    for change, result in journal.write(run, changes):
        document = change.document
        if result.status == WriteStatus.DONE:
            document.bc_values = {**document.bc_values, **(result.values or {})}
            document.save(update_fields=["bc_values"])
            mark(document, steps.DISCOUNT, steps.DONE)
        else:
            _refuse(run, document, steps.DISCOUNT, result)


def _further(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    """Header fields that only a page takes; what it refuses is left out and said so."""
    changes = [
        Change(document, BC, "salesDocuments", OperationKind.UPDATE, document.plan["further"], key=document.bc_key)
        for document in documents
    ]
    for change, result in journal.write(run, changes):
        document = change.document
        if result.status == WriteStatus.DONE:
            mark(document, steps.FURTHER, steps.DONE)
        elif result.status == WriteStatus.FAILED and not journal.is_passing(result.error):
            document.omissions = [*document.omissions, f"Further header fields were refused: {result.error}"]
            document.save(update_fields=["omissions"])
            mark(document, steps.FURTHER, steps.FAILED)
        elif result.status == WriteStatus.MISSING:
            _gone(run, document, steps.FURTHER)


def _refuse(run: JobRun, document: SalesDocument, name: str, result: WriteResult) -> bool:
    """A refused amount: the document goes, unless somebody else's change is the reason. False: tried again later."""
    if result.status == WriteStatus.MISSING:
        _gone(run, document, name)
        return True
    if result.status != WriteStatus.FAILED or journal.is_passing(result.error):
        return False
    error = result.error
    message = f"{steps.LABELS[name]}: {error}"
    if is_locked(run, document):
        fail_step(
            run, document, name, f"{message} The document has been released meanwhile.",
            "Reopen it in Business Central, then complete it here; or enter what is missing by hand.",
        )  # fmt: skip
    else:
        take_away(run, document, message, error.hint if error else "")
    return True


def _gone(run: JobRun, document: SalesDocument, name: str) -> None:
    fail_step(run, document, name, f"{document} is no longer in Business Central.", "Create it again, or close it.")


def is_locked(run: JobRun, document: SalesDocument) -> bool:
    """Whether somebody has released the document, so that it takes no changes."""
    table = SHAPES[DocumentKind(document.kind)].bc_table
    found = run.client(BC).read_records(table, [document.bc_key] if document.bc_key else [], properties=["status"])
    return any(record.values["status"] not in ("Draft", "Sent") for record in found.values())


def take_away(run: JobRun, document: SalesDocument, message: str, hint: str = "") -> None:
    """Deletes the new document again: it is there as a whole or not at all."""
    table = SHAPES[DocumentKind(document.kind)].bc_table
    answered = journal.write(run, [Change(document, BC, table, OperationKind.DELETE, key=document.bc_key)])
    if not answered or answered[0][1].status not in (WriteStatus.DONE, WriteStatus.MISSING):
        fail_step(run, document, "", f"{message} The document could not be removed again.", hint)
        return
    with transaction.atomic():
        if document.coupling is not None:
            document.coupling.delete()
        document.coupling = None
        document.bc_key, document.bc_number, document.bc_values, document.bc_lines = None, "", {}, []
        document.transfer_state, document.steps = TransferState.FAILED, {}
        document.error_code, document.error_message, document.error_hint = "document.refused", message, hint
        document.save()
        note(document, EventKind.REFUSED, f"{message} What had been created was removed again.", job=run.job)
        SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1, deleted=F("deleted") + 1)
    run.progress.log(f"{document}: {message} What had been created was removed again.", LogLevel.ERROR)


def _notes(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    for document in transfer_notes(run, documents):
        mark(document, steps.NOTES, steps.DONE)


def _work_description(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    for document, problem in write_work_descriptions(run, documents):
        if problem:
            document.omissions = [*document.omissions, f"The description was not transferred: {problem}"]
            document.save(update_fields=["omissions"])
        mark(document, steps.WORK_DESCRIPTION, steps.FAILED if problem else steps.DONE)


def _write_back(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    """Before the hand-over the amounts are checked: an order with wrong prices is taken away, not handed over."""
    _refresh_totals(run, documents)
    sound = []
    for document in documents:
        found = compare(document)
        if found.wrong_prices:
            take_away(run, document, found.wrong_prices, "Look at the item's price and unit in Business Central.")
            continue
        document.differences = found.differences
        document.attention = [*document.attention, *found.attention]
        document.save(update_fields=["differences", "attention"])
        sound.append(document)
    for document, problem, hint in write_back(run, sound):
        if problem:
            fail_step(run, document, steps.WRITE_BACK, problem, hint)
        else:
            mark(document, steps.WRITE_BACK, steps.DONE)


def _refresh_totals(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    """Totals as they are after the last change of lines or discount."""
    stale = [each for each in documents if steps.DONE in (each.steps.get(steps.GROSS), each.steps.get(steps.DISCOUNT))]
    if not stale:
        return
    table = SHAPES[DocumentKind(stale[0].kind)].bc_table
    keys = [each.bc_key for each in stale if each.bc_key]
    found = run.client(BC).read_records(table, keys, properties=HEADER_TOTALS)
    for document in stale:
        if document.bc_key in found:
            document.bc_values = {**document.bc_values, **found[document.bc_key].values}
            document.save(update_fields=["bc_values"])


def _finish(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    for document in documents:
        if steps.TODO in document.steps.values():
            continue
        if document.steps.get(steps.WRITE_BACK) == steps.NOT_NEEDED:
            found = compare(document)
            document.differences, document.attention = found.differences, [*document.attention, *found.attention]
        document.transfer_state = TransferState.TRANSFERRED
        document.bc_read_at = timezone.now()
        document.error_code = document.error_message = document.error_hint = ""
        document.save()
        add_warnings(document, run_after(HookContext(Step.COMPLETE, document, log=run.progress.log)))


_STEPS: Mapping[str, Callable[[JobRun, Sequence[Any]], None]] = {
    steps.GROSS: _gross,
    steps.DISCOUNT: _discount,
    steps.FURTHER: _further,
    steps.WORK_DESCRIPTION: _work_description,
    steps.NOTES: _notes,
    steps.WRITE_BACK: _write_back,
}
