"""A revised quote replaces header and lines of the same Business Central quote, whose version before is kept first.

The replacement is one batch with snapshot isolation, which Business Central carries out as a whole or not at all.
What it writes is absolute, so it is repeated after a lost answer.
"""

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.error_table import error_of_answer
from connector.errors import RemoteError
from connector.http.batch import BUSINESS_CENTRAL_LIMIT, Part, decode_json, encode_json
from connector.writes import Write, WriteResult, WriteStatus
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.choices import EventKind, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.following import read_with_lines
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.notes import drop_notes
from syncjobs.documents.preflight import Prepared
from syncjobs.documents.records import QUOTES
from syncjobs.documents.steps import first_steps
from syncjobs.documents.transfer import add_warnings, create, note_problems, who
from syncjobs.documents.versions import keep_version
from syncjobs.engine.apply import mark_sent
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

BC = System.BUSINESS_CENTRAL


def former_version(document: SalesDocument) -> SalesDocument | None:
    """The coupled earlier revision of the same quote; None for a first revision."""
    return (
        SalesDocument.objects.filter(
            connection=document.connection, kind=QUOTES.kind, number=document.number, coupling__isnull=False,
            revision__lt=document.revision,
        )
        .select_related("coupling", "connection")
        .order_by("-revision")
        .first()
    )  # fmt: skip


def revise(run: JobRun, former: SalesDocument, prepared: Prepared) -> SalesDocument | None:
    """Puts the new revision in the place of the former one; the document, with steps left, once that is done."""
    document = prepared.document
    context = HookContext(Step.REVISE_QUOTE, document, {"customer": prepared.customer}, prepared.header, prepared.lines)
    if (problem := run_before(context)) is not None:
        note_problems(run, document, [problem.to_json()], prepared)
        return None
    if keep_version(run, former, reason="revised") is None:
        # Somebody deleted the quote in Business Central: the new revision is made anew.
        _end_former(former)
        created = create(run, [prepared])
        return created[0] if created else None
    client = run.client(BC)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    lines = read_with_lines(client, QUOTES, [former.bc_key])[former.bc_key][QUOTES.bc_lines] if former.bc_key else []
    many = 1 + len(lines) + len(prepared.lines) > BUSINESS_CENTRAL_LIMIT
    if many or run.connection.archive_quotes_in_business_central:
        return _replace(run, former, prepared)
    error = _rewrite(run, client, former, prepared, lines)
    if error is not None:
        _refused(run, document, error)
        return None
    taken = _take_over(run, client, former, prepared)
    drop_notes(run, former)
    add_warnings(taken, run_after(HookContext(Step.REVISE_QUOTE, taken, log=run.progress.log)))
    return taken


def _replace(run: JobRun, former: SalesDocument, prepared: Prepared) -> SalesDocument | None:
    """The old quote is deleted, which archives it in Business Central; the revision becomes a new one."""
    change = Change(former, BC, QUOTES.bc_table, OperationKind.DELETE, key=former.bc_key, before=former.bc_values)
    answered = journal.write(run, [change])
    if not answered:
        return None
    result = answered[0][1]
    if result.status not in (WriteStatus.DONE, WriteStatus.MISSING):
        if result.error is not None:
            _refused(run, prepared.document, result.error)
        return None
    _end_former(former)
    created = create(run, [prepared])
    return created[0] if created else None


def _rewrite(
    run: JobRun, client: BusinessCentralClient, former: SalesDocument, prepared: Prepared, lines: list[dict[str, Any]]
) -> RemoteError | None:
    """Header, old lines out, new lines in; the error that ended it, None for success."""
    company = client.addresses.in_service(QUOTES.bc_table)
    quote = f"{company}({former.bc_key})"
    header = {name: value for name, value in prepared.header.items() if name != "customerId"}
    if header.get("validUntilDate") is None:
        header["validUntilDate"] = "0001-01-01"
    any_tag = {"If-Match": "*"}
    line_path = client.addresses.in_service(QUOTES.bc_lines)
    parts = [
        Part("PATCH", quote, {**header, "discountAmount": 0}, any_tag),
        *(Part("DELETE", f"{line_path}({line['id']})", None, any_tag) for line in lines),
        *(Part("POST", f"{quote}/{QUOTES.bc_lines}", line) for line in prepared.lines),
    ]
    change = Change(
        prepared.document, BC, QUOTES.bc_table, OperationKind.UPDATE, {**header, QUOTES.bc_lines: prepared.lines},
        key=former.bc_key, before={QUOTES.bc_lines: lines},
    )  # fmt: skip
    operation = journal.plan(run, change)
    mark_sent([Write(operation.pk, "update", QUOTES.bc_table, former.bc_key, change.body)])
    service = client.addresses.service_of(QUOTES.bc_table)
    error: RemoteError | None = None
    try:
        answer = client.session.send(
            "POST", client.addresses.batch(service), body=encode_json(parts), headers={"Isolation": "snapshot"},
            repeatable=False,
        )  # fmt: skip
        answers = decode_json(answer.data, count=len(parts))
        refused = next((each for each in answers.values() if each.status >= 300), None)
        if refused is not None:
            error = error_of_answer(client.session.refusal(refused.status, refused.headers, refused.data))
        elif len(answers) < len(parts):
            error = error_of_answer(client.session.refusal(504, {}, b"A part of the batch was not answered."))
    except RemoteError as raised:
        error = raised
    status = WriteStatus.DONE
    if error is not None:
        status = WriteStatus.UNKNOWN if error.outcome_unknown else WriteStatus.FAILED
    journal.end(operation, WriteResult(operation.pk, status, former.bc_key, error=error))
    return error


def _take_over(run: JobRun, client: BusinessCentralClient, former: SalesDocument, prepared: Prepared) -> SalesDocument:
    """The coupling moves to the new revision; what is there now is read back."""
    document = prepared.document
    row = read_with_lines(client, QUOTES, [former.bc_key])[former.bc_key] if former.bc_key else {}
    values = {name: value for name, value in row.items() if "@" not in name}
    lines = values.pop(QUOTES.bc_lines, [])
    with transaction.atomic():
        coupling = former.coupling
        if coupling is not None:
            coupling.sales_key = document.sales_key
            coupling.last_synchronised_at, coupling.last_job_id = timezone.now(), run.job.pk
            coupling.save()
        SalesDocument.objects.filter(pk=former.pk).update(
            coupling=None, transfer_state=TransferState.CLOSED, attention=[]
        )
        SalesDocument.objects.filter(pk=document.pk).update(
            transfer_state=TransferState.CREATED, coupling=coupling, bc_key=former.bc_key, bc_number=former.bc_number,
            bc_values=values, bc_lines=lines, bc_read_at=timezone.now(), problems=[], plan=prepared.plan(),
            steps=first_steps(prepared), warnings=prepared.warnings, omissions=prepared.omissions, job=run.job,
            attempted_at=timezone.now(), attempted_by=who(run.job), error_code="", error_message="", error_hint="",
        )  # fmt: skip
        SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
        text = f"Revision {document.revision} took the place of revision {former.revision} in quote {former.bc_number}."
        note(document, EventKind.REVISED, text, key=f"revised:{former.revision}", job=run.job)
    run.progress.log(f"{document}: {text}")
    document.refresh_from_db()
    return document


def _end_former(former: SalesDocument) -> None:
    with transaction.atomic():
        if former.coupling is not None:
            former.coupling.delete()
        SalesDocument.objects.filter(pk=former.pk).update(
            coupling=None, transfer_state=TransferState.CLOSED, attention=[]
        )


def _refused(run: JobRun, document: SalesDocument, error: RemoteError) -> None:
    passing = journal.is_passing(error) or error.outcome_unknown
    SalesDocument.objects.filter(pk=document.pk).update(
        transfer_state=TransferState.WAITING if passing else TransferState.FAILED,
        error_code=error.code, error_message=str(error), error_hint=error.hint,
    )  # fmt: skip
    note(document, EventKind.REFUSED, str(error), job=run.job)
    SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
    run.progress.log(f"{document}: {error}", LogLevel.ERROR)
