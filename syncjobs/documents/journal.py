"""The documents' only way to write: an `Operation` first, then the request, then its end.

An operation is planned in the transaction that decides about it, `sent` is committed before the request leaves, and
the end comes with what the answer means for the document. What stays `sent` has lost its answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from connector.bulk import Write, WriteResult, WriteStatus
from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.error_table import error_of_answer
from connector.errors import ErrorKind, RemoteError, Retry
from connector.http.batch import ChangeSet, Part
from connector.sales import SalesClient
from connector.writes import Kind
from syncjobs.choices import LIVE_JOB_STATES, JobMode, OperationKind, OperationState
from syncjobs.documents.models import SalesDocument
from syncjobs.engine.apply import mark_sent
from syncjobs.engine.context import JobRun
from syncjobs.engine.journal import Ending, end_operations
from syncjobs.engine.order_sender import Answer, send_sets
from syncjobs.models import Operation, SynchJob

_LOOKED_FOR = ("salesOrders", "salesQuotes")
_KINDS: dict[OperationKind, Kind] = {
    OperationKind.CREATE: "create",
    OperationKind.UPDATE: "update",
    OperationKind.DELETE: "delete",
}


@dataclass(slots=True)
class Change:
    """One write about a document. `sales_key` tells apart what may be open at once; the document's by default.

    `answer` is asked for beside the record itself: a query string of the address, such as `?$expand=…`. `beside` are
    further requests of the same change set, `told` what the journal says of them.
    """

    document: SalesDocument
    system: System
    table: str
    kind: OperationKind
    body: dict[str, Any] = field(default_factory=dict)
    key: UUID | None = None
    before: dict[str, Any] = field(default_factory=dict)
    token: str = ""
    sales_key: UUID | None = None
    answer: str = ""
    beside: Sequence[Part] = ()
    told: dict[str, Any] = field(default_factory=dict)


def plan(run: JobRun, change: Change) -> Operation:
    """The operation of a change; raises IntegrityError while one about the same is open."""
    document = change.document
    return Operation.objects.create(
        job=run.job,
        connection=run.connection,
        mapping=run.mapping,
        coupling=document.coupling,
        system=change.system,
        table=change.table,
        record_id=change.key,
        bc_key=document.bc_key,
        sales_key=change.sales_key or document.sales_key,
        record_name=f"{document.number} {document.name}".strip()[:500],
        kind=change.kind,
        before=change.before,
        after={**change.body, **change.told},
        expected_token=change.token,
    )


def send(run: JobRun, changes: Sequence[tuple[Operation, Change]]) -> Iterator[tuple[Operation, Change, WriteResult]]:
    """Sends planned operations to one system each in turn and yields their answers; none for what was not sent."""
    by_id = {operation.pk: (operation, change) for operation, change in changes}
    for system in (System.BUSINESS_CENTRAL, System.SALES):
        writes = [
            Write(
                ref=operation.pk,
                kind=_KINDS[OperationKind(operation.kind)],
                table=f"{change.table}{change.answer}",
                key=change.key,
                body=change.body,
                token=change.token,
            )
            for operation, change in changes
            if change.system == system
        ]
        if not writes:
            continue
        for results in run.writer(system).run(writes, before_send=mark_sent, should_stop=run.progress.should_stop):
            for result in results:
                yield (*by_id[result.ref], result)


def write(run: JobRun, changes: Sequence[Change]) -> list[tuple[Change, WriteResult]]:
    """Plans, sends and ends changes that can be repeated: an answer that got lost ends the operation as skipped.

    Planned operations that were never sent are withdrawn. Whoever asked does what follows, and asks again where needed.
    """
    planned = [(plan(run, change), change) for change in changes]
    answered = []
    unsent = {operation.pk for operation, _ in planned}
    for operation, change, result in send(run, planned):
        unsent.discard(operation.pk)
        end(operation, result)
        answered.append((change, result))
    withdraw(Operation.objects.filter(pk__in=unsent))
    return answered


def write_at(run: JobRun, change: Change, path: str, *, content: bytes | None = None) -> RemoteError | None:
    """One update of a record, or with `content` of its binary part, at an address below its table: `('10000')`.

    The error that ended it; None for success.
    """
    operation = plan(run, change)
    mark_sent([Write(operation.pk, "update", change.table, change.key, change.body)])
    client = run.client(change.system)
    table = client.addresses.table(change.table) if isinstance(client, BusinessCentralClient) else change.table
    headers = {"If-Match": "*"} | ({"Content-Type": "application/octet-stream"} if content is not None else {})
    try:
        client.session.send(
            "PATCH", f"{table}{path}", body=change.body if content is None else content, headers=headers
        )
    except RemoteError as error:
        status = WriteStatus.UNKNOWN if error.outcome_unknown else WriteStatus.FAILED
        end(operation, WriteResult(operation.pk, status, error=error))
        return error
    end(operation, WriteResult(operation.pk, WriteStatus.DONE, change.key))
    return None


def call(run: JobRun, change: Change, part: Part) -> RemoteError | None:
    """An action of Sales or Business Central about a document, journalled as its update; the error that ended it."""
    return post(run, plan(run, change), part)


def post(run: JobRun, operation: Operation, part: Part) -> RemoteError | None:
    """Sends one request that a planned operation stands for; the error that ended it."""
    system = System(operation.system)
    mark_sent([Write(operation.pk, _KINDS[OperationKind(operation.kind)], operation.table, operation.record_id, {})])
    try:
        run.client(system).session.send(part.method, part.path, body=part.body, headers=part.headers)
    except RemoteError as error:
        status = WriteStatus.UNKNOWN if error.outcome_unknown else WriteStatus.FAILED
        end(operation, WriteResult(operation.pk, status, error=error))
        return error
    end(operation, WriteResult(operation.pk, WriteStatus.DONE, operation.record_id))
    return None


def post_together(run: JobRun, operation: Operation, parts: Sequence[Part]) -> RemoteError | None:
    """Sends requests to Sales that are carried out all or not at all, and that a planned operation stands for."""
    if len(parts) == 1:
        return post(run, operation, parts[0])
    client = run.client(System.SALES)
    assert isinstance(client, SalesClient)  # noqa: S101 - narrows the type
    mark_sent([Write(operation.pk, _KINDS[OperationKind(operation.kind)], operation.table, operation.record_id, {})])
    answers = send_sets(client, [ChangeSet(parts)])
    status = WriteStatus.FAILED
    error: RemoteError | None
    if answers:
        error = error_in(client, answers[0])
    else:
        status = WriteStatus.UNKNOWN
        error = RemoteError(
            "The answer got lost.", kind=ErrorKind.TRANSIENT, code="document.no_answer", retry=Retry.LATER,
            system=System.SALES, hint="The next run looks what came of it.",
        )  # fmt: skip
    end(
        operation,
        WriteResult(operation.pk, WriteStatus.DONE if error is None else status, operation.record_id, error=error),
    )
    return error


def error_in(client: SalesClient, answer: Answer) -> RemoteError | None:
    """What Sales said against a change set; None for one that it carried out."""
    for part in answer if isinstance(answer, list) else [answer]:
        if part.status >= 300:
            return error_of_answer(client.session.refusal(part.status, part.headers, part.data))
    return None


def end(operation: Operation, result: WriteResult) -> None:
    """Writes the end of one operation."""
    end_operations([ending(operation, result)])


def ending(operation: Operation, result: WriteResult) -> Ending:
    if result.status == WriteStatus.DONE:
        made = operation.kind == OperationKind.CREATE and operation.record_id is None
        return Ending(operation.pk, OperationState.SETTLED, result.key if made else None)
    error = result.error
    if result.status == WriteStatus.UNKNOWN:
        return Ending(
            operation.pk, OperationState.SKIPPED, code="document.no_answer",
            message="The answer got lost.", hint="The hub looks what came of it, or sends the same again.",
        )  # fmt: skip
    return Ending(
        operation.pk,
        OperationState.FAILED,
        code=error.code if error else f"document.{result.status}",
        message=str(error) if error else "The record changed or went away in between.",
        hint=error.hint if error else "The next run tries again.",
        details=error.details if error else {},
    )


def withdraw(operations: QuerySet[Operation]) -> None:
    """Planned operations that are not going to be sent."""
    operations.filter(state=OperationState.PLANNED).update(
        state=OperationState.SKIPPED,
        error_code="document.withdrawn",
        error_message="The run ended before this was sent.",
        error_hint="The next run plans it again.",
    )


def abandoned(run: JobRun) -> QuerySet[Operation]:
    """Open operations of documents under the run's mapping that nobody works on any more; this job's own count too."""
    live = SynchJob.objects.filter(state__in=LIVE_JOB_STATES).exclude(pk=run.job.pk)
    return Operation.objects.filter(
        mapping=run.mapping, preview=False, job__mode=JobMode.DOCUMENTS,
        state__in=[OperationState.PLANNED, OperationState.SENT],
    ).exclude(job__in=live)  # fmt: skip


def end_abandoned(run: JobRun) -> None:
    """Ends what dead workers left open of the documents' part of ordinary runs; all of it may be written again.

    New documents of Business Central are not among it: they are looked for. The engine recovers its own slices.
    """
    live = SynchJob.objects.filter(state__in=LIVE_JOB_STATES).exclude(pk=run.job.pk)
    Operation.objects.filter(
        mapping=run.mapping, preview=False, slice__isnull=True,
        state__in=[OperationState.PLANNED, OperationState.SENT],
    ).exclude(job__in=live).exclude(
        system=System.BUSINESS_CENTRAL, kind=OperationKind.CREATE, table__in=_LOOKED_FOR
    ).update(
        state=OperationState.SKIPPED, error_code="document.abandoned", error_message="The worker went away.",
        error_hint="The same is written again where it is still needed.",
    )  # fmt: skip


def is_passing(error: RemoteError | None) -> bool:
    """Whether a refusal says nothing about the document itself."""
    return error is not None and error.kind in (ErrorKind.TRANSIENT, ErrorKind.THROTTLED)
