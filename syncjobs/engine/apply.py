"""Third step: planned operations go to the systems in bulk, each marked as sent before its request leaves.

The mark is committed before the request: whatever happens afterwards, the journal knows that the write may have been
done. Answers come back in groups and are settled at once, so a crash loses at most the groups under way, which
`recover` then looks at.
"""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from django.db import connection as database

from connector.bulk import Write, WriteResult, run_together
from connector.choices import System
from connector.errors import ErrorKind, HubError
from connector.writes import Kind
from syncjobs.choices import OperationKind, OperationState
from syncjobs.engine.context import JobRun
from syncjobs.engine.parts import parts_of
from syncjobs.models import JobSlice, Operation

_KINDS: Mapping[OperationKind, Kind] = {
    OperationKind.CREATE: "create",
    OperationKind.UPDATE: "update",
    OperationKind.DELETE: "delete",
    # With something to write: the company's marker goes before the coupling does.
    OperationKind.UNCOUPLE: "update",
}


_MARK_SENT = """
UPDATE syncjobs_operation SET state = 'sent', sent_at = clock_timestamp(), attempts = attempts + 1
WHERE id = ANY(%s) AND state = 'planned'
"""


def planned_operations(claimed: JobSlice) -> list[Operation]:
    """Operations of the slice that wait to be sent, in the order of planning."""
    return list(Operation.objects.filter(slice=claimed, state=OperationState.PLANNED, preview=False).order_by("id"))


def send(run: JobRun, operations: Sequence[Operation]) -> Iterator[tuple[System, list[WriteResult]]]:
    """Writes `operations`, to both systems at once, and yields the answers group by group.

    Stops between two requests when the job is cancelled or the worker has to go; what was not sent stays planned.
    """
    writes: dict[System, list[Write]] = {}
    for operation in operations:
        writes.setdefault(System(operation.system), []).append(_write(run, operation))
    systems = {run.writer(system): system for system in writes}
    work = [(writer, writes[system]) for writer, system in systems.items()]
    for writer, results in run_together(work, before_send=mark_sent, should_stop=run.progress.should_stop):
        yield systems[writer], results


def record_key(operation: Operation) -> UUID | None:
    """Key of the record written to; None for a record that Business Central has yet to create."""
    key: UUID | None = operation.record_id
    if key is None and operation.kind != OperationKind.CREATE:
        key = operation.bc_key if operation.system == System.BUSINESS_CENTRAL else operation.sales_key
    return key


def _write(run: JobRun, operation: Operation) -> Write:
    part = parts_of(operation, run.reading(System(operation.system)))[0]
    return Write(
        ref=operation.pk,
        kind=_KINDS[OperationKind(operation.kind)],
        table=part.table,
        key=record_key(operation),
        body=dict(part.body),
        # A token belongs to the table it was read from; a part that another service takes has none.
        token=operation.expected_token if part.table == operation.table else "",
    )


def mark_sent(writes: list[Write]) -> None:
    with database.cursor() as cursor:
        cursor.execute(_MARK_SENT, [[write.ref for write in writes]])
        marked = cursor.rowcount
    if marked < len(writes):
        raise HubError("The job ended while this worker was on it.", kind=ErrorKind.TRANSIENT, code="engine.job_ended")
