"""Creating documents in Business Central: claim, one deep insert, and what its answer means.

Header and lines are one request, which Business Central carries out as a whole or not at all.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from connector.bulk import WriteResult, WriteStatus
from connector.choices import System
from coupling.choices import CouplingOrigin
from coupling.models import Coupling
from syncjobs.choices import LIVE_JOB_STATES, LogLevel, OperationKind, OperationState
from syncjobs.documents import journal
from syncjobs.documents.choices import UNFINISHED, DocumentKind, EventKind, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.preflight import Prepared
from syncjobs.documents.records import SHAPES, Shape
from syncjobs.documents.steps import first_steps
from syncjobs.engine.context import JobRun
from syncjobs.engine.journal import end_operations
from syncjobs.models import Operation, SynchJob

BC = System.BUSINESS_CENTRAL
_STEPS = {DocumentKind.ORDER: Step.CREATE_ORDER, DocumentKind.QUOTE: Step.CREATE_QUOTE}


def create(run: JobRun, prepared: Sequence[Prepared]) -> list[SalesDocument]:
    """Creates what is ready; returns the documents that are in Business Central now, with steps left to do."""
    claimed = []
    for each in prepared:
        if run.progress.should_stop():
            break
        if (claim_ := claim(run, each)) is not None:
            claimed.append(claim_)
    created: list[int] = []
    unsent = {operation.pk for operation, _ in claimed}
    try:
        for operation, change, result in journal.send(run, claimed):
            unsent.discard(operation.pk)
            if settle(run, operation, change.document, result):
                created.append(change.document.pk)
    finally:
        _let_go(run, unsent)
    return list(SalesDocument.objects.filter(pk__in=created).select_related("coupling", "connection"))


def claim(run: JobRun, prepared: Prepared) -> tuple[Operation, Change] | None:
    """Takes the document and plans its create in one transaction; None where somebody else has it or a rule says no."""
    document, shape = prepared.document, SHAPES[DocumentKind(prepared.document.kind)]
    context = HookContext(
        _STEPS[shape.kind],
        document,
        {"customer": prepared.customer},
        prepared.header,
        prepared.lines,
        log=run.progress.log,
    )
    if (problem := run_before(context)) is not None:
        note_problems(run, prepared.document, [problem.to_json()], prepared)
        return None
    body = {**prepared.header, shape.bc_lines: prepared.lines}
    change = Change(document, BC, shape.bc_table, OperationKind.CREATE, body, answer=f"?$expand={shape.bc_lines}")
    try:
        with transaction.atomic():
            row = SalesDocument.objects.select_for_update(of=("self",)).select_related("job").get(pk=document.pk)
            if not is_free(row, run.job) or row.sales_token != document.sales_token:
                return None
            operation = journal.plan(run, change)
            SalesDocument.objects.filter(pk=row.pk).update(
                transfer_state=TransferState.CREATING,
                job=run.job,
                claimed_at=timezone.now(),
                attempted_at=timezone.now(),
                attempted_by=who(run.job),
                attempts=F("attempts") + 1,
                plan=prepared.plan(),
                steps=first_steps(prepared),
                problems=[],
                warnings=prepared.warnings,
                omissions=prepared.omissions,
                differences=[],
                attention=[],
                error_code="",
                error_message="",
                error_hint="",
            )
    except IntegrityError:
        # The journal admits one open operation per Sales document: another worker was quicker.
        return None
    return operation, change


def is_free(row: SalesDocument, job: SynchJob) -> bool:
    """Whether nothing of the document is in Business Central or on its way there."""
    if row.coupling_id is not None or row.bc_key is not None:
        return False
    if row.transfer_state not in UNFINISHED:
        return True
    # A claim whose create never left; what left is looked for first, and its operation is still open then.
    return row.job is None or row.job.pk == job.pk or row.job.state not in LIVE_JOB_STATES


def settle(run: JobRun, operation: Operation, document: SalesDocument, result: WriteResult) -> bool:
    """What the answer to a create means; whether the document is in Business Central now."""
    if result.status == WriteStatus.UNKNOWN:
        SalesDocument.objects.filter(pk=document.pk).update(transfer_state=TransferState.UNCERTAIN)
        run.progress.log(f"{document}: the answer of Business Central got lost; it is looked for.", LogLevel.WARNING)
        return False
    if result.status != WriteStatus.DONE or result.key is None:
        _settle_refused(run, operation, document, result)
        return False
    shape = SHAPES[DocumentKind(document.kind)]
    values = dict(result.values or {})
    lines = values.pop(shape.bc_lines, [])
    return settle_done(run, operation, document, result.key, values, lines)


def settle_done(
    run: JobRun,
    operation: Operation,
    document: SalesDocument,
    bc_key: UUID,
    values: dict[str, object],
    lines: list[dict[str, object]],
    *,
    adopted: bool = False,
) -> bool:
    """The document exists: coupling, state and the operation's end in one transaction."""
    shape = SHAPES[DocumentKind(document.kind)]
    number = str(values.get("number") or "")
    with transaction.atomic():
        open_ = Operation.objects.select_for_update().filter(pk=operation.pk, state=OperationState.SENT)
        if not open_.exists():
            return False
        coupling = _couple(run, shape, document, bc_key)
        end_operations([journal.ending(operation, WriteResult(operation.pk, WriteStatus.DONE, bc_key))])
        if coupling is None:
            lost = True
        else:
            lost = False
            SalesDocument.objects.filter(pk=document.pk).update(
                transfer_state=TransferState.CREATED,
                coupling=coupling,
                bc_key=bc_key,
                bc_number=number,
                bc_values=values,
                bc_lines=lines,
                bc_read_at=timezone.now(),
                problems=[],
            )
            Operation.objects.filter(pk=operation.pk).update(coupling=coupling)
            SynchJob.objects.filter(pk=run.job.pk).update(inserted=F("inserted") + 1)
            kind = EventKind.ADOPTED if adopted else EventKind.CREATED
            words = "was found in" if adopted else "was created in"
            message = f"{shape.kind.label} {number} {words} Business Central."
            note(document, kind, message, key=f"created:{bc_key}", job=run.job)
    if lost:
        _remove_unwanted(run, document, shape, bc_key)
        return False
    run.progress.log(f"{document} became {shape.kind.label.lower()} {number}.")
    document.refresh_from_db()
    warnings = run_after(HookContext(_STEPS[shape.kind], document, log=run.progress.log))
    add_warnings(document, warnings)
    return True


def note_problems(
    run: JobRun, document: SalesDocument, problems: list[dict[str, object]], prepared: Prepared | None = None
) -> None:
    """The document waits with these reasons; the job counts it as failed."""
    fields: dict[str, object] = {"transfer_state": TransferState.PROBLEMS, "problems": problems}
    if prepared is not None:
        fields |= {
            "warnings": prepared.warnings, "omissions": prepared.omissions, "plan": prepared.plan(),
            "attempted_at": timezone.now(), "attempted_by": who(run.job),
        }  # fmt: skip
    SalesDocument.objects.filter(pk=document.pk).exclude(transfer_state__in=UNFINISHED).update(**fields)
    SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
    for problem in problems:
        run.progress.log(f"{document}: {problem['message']}", LogLevel.ERROR)


def add_warnings(document: SalesDocument, warnings: Sequence[str]) -> None:
    if warnings:
        document.warnings = [*document.warnings, *warnings]
        document.save(update_fields=["warnings"])


def who(job: SynchJob) -> str:
    """Who asked: a person's name, or what started the job."""
    return job.user.username if job.user else str(job.get_trigger_display())


def _couple(run: JobRun, shape: Shape, document: SalesDocument, bc_key: UUID) -> Coupling | None:
    """None where somebody coupled the Sales document with another one while ours was being made."""
    try:
        with transaction.atomic():
            return Coupling.objects.create(
                connection=run.connection,
                mapping=run.mapping,
                bc_table=shape.bc_table,
                bc_key=bc_key,
                sales_table=shape.table,
                sales_key=document.sales_key,
                origin=CouplingOrigin.CREATED,
                created_by=run.job.user,
                last_synchronised_at=timezone.now(),
                last_job_id=run.job.pk,
            )
    except IntegrityError:
        return None


def _remove_unwanted(run: JobRun, document: SalesDocument, shape: Shape, bc_key: UUID) -> None:
    run.progress.log(f"{document} was coupled meanwhile; the new {shape.kind} is removed again.", LogLevel.WARNING)
    document.bc_key = bc_key
    journal.write(run, [Change(document, BC, shape.bc_table, OperationKind.DELETE, key=bc_key)])
    SalesDocument.objects.filter(pk=document.pk).update(transfer_state=TransferState.WAITING, bc_key=None)


def _settle_refused(run: JobRun, operation: Operation, document: SalesDocument, result: WriteResult) -> None:
    error = result.error
    passing = journal.is_passing(error)
    message = str(error) if error else "Business Central refused."
    with transaction.atomic():
        journal.end(operation, result)
        SalesDocument.objects.filter(pk=document.pk).update(
            transfer_state=TransferState.WAITING if passing else TransferState.FAILED,
            error_code=error.code if error else "document.refused",
            error_message=message,
            error_hint=error.hint if error else "",
        )
        SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
        note(document, EventKind.REFUSED, message, job=run.job)
    run.progress.log(f"{document}: {message}", LogLevel.ERROR)


def _let_go(run: JobRun, unsent: set[int]) -> None:
    """Claims whose create did not leave end."""
    if not unsent:
        return
    operations = Operation.objects.filter(pk__in=unsent, state=OperationState.PLANNED)
    keys = [key for key in operations.values_list("sales_key", flat=True) if key]
    with transaction.atomic():
        journal.withdraw(operations)
        SalesDocument.objects.filter(
            connection=run.connection, sales_key__in=keys, transfer_state=TransferState.CREATING, job=run.job
        ).update(transfer_state=TransferState.WAITING)
