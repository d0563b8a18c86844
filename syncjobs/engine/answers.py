"""What an answer to a write means: done before, worth another plan, a failure of its record, or the end of the job."""

from collections import Counter
from collections.abc import Sequence

from django.db.models import Count, Q

from connector.bulk import WriteResult, WriteStatus
from connector.choices import System
from connector.errors import ErrorKind, RemoteError, Retry
from syncjobs.choices import LogLevel, OperationState
from syncjobs.engine.context import JobRun
from syncjobs.engine.options import PairRef
from syncjobs.models import Operation, SynchJob

CHANGED_MEANWHILE = "engine.changed_meanwhile"


def adopt_existing(
    run: JobRun, system: System, operations: dict[int, Operation], results: Sequence[WriteResult]
) -> list[WriteResult]:
    """A create under a key of ours that exists already was done before: it is read and counts as done."""
    existing = [
        result.ref for result in results if result.status == WriteStatus.EXISTS and operations[result.ref].record_id
    ]
    found = {}
    for table in {operations[ref].table for ref in existing}:
        keys = [key for ref in existing if (key := operations[ref].record_id) and operations[ref].table == table]
        properties = run.reading(system, table).properties
        found.update(run.client(system).read_records(table, keys, properties=properties))
    adopted = []
    for result in results:
        if result.status != WriteStatus.EXISTS:
            adopted.append(result)
        elif (key := operations[result.ref].record_id) and (record := found.get(key)):
            # Changed by somebody since or not: the mirror keeps what was sent until the next pull compares.
            adopted.append(WriteResult(result.ref, WriteStatus.DONE, record.key, "", None, None))
        else:
            adopted.append(WriteResult(result.ref, WriteStatus.FAILED, None, "", None, result.error))
    return adopted


def is_transient(result: WriteResult) -> bool:
    return (
        result.status == WriteStatus.FAILED
        and result.error is not None
        and result.error.kind in (ErrorKind.TRANSIENT, ErrorKind.THROTTLED)
    )


def goes_back(result: WriteResult) -> bool:
    return result.status in (WriteStatus.STALE, WriteStatus.MISSING) or is_transient(result)


def reason_of(result: WriteResult) -> str:
    if result.error is not None and is_transient(result):
        return str(result.error)
    if result.status == WriteStatus.MISSING:
        return "The record was deleted in between."
    return "The record was changed in between."


def error_of(result: WriteResult) -> RemoteError:
    if result.error is not None:
        return result.error
    return RemoteError(
        reason_of(result), kind=ErrorKind.CONFLICT, code=CHANGED_MEANWHILE, retry=Retry.NEVER, system=None,
        hint="It keeps changing while the run works on it; the next run tries again.",
    )  # fmt: skip


def raise_if_hopeless(run: JobRun, system: System, results: Sequence[WriteResult]) -> None:
    """A wrong setting stops the job; so does a missing privilege as long as nothing could be written at all."""
    errors = [result.error for result in results if result.status == WriteStatus.FAILED and result.error is not None]
    for error in errors:
        if error.kind == ErrorKind.CONFIG:
            raise error
    if not errors or len(errors) < len(results) or any(error.kind != ErrorKind.PERMISSION for error in errors):
        return
    settled = Operation.objects.filter(job=run.job, system=system, state=OperationState.SETTLED)
    if not settled.exists():
        run.progress.log(str(errors[0]), LogLevel.ERROR)
        raise errors[0]


def replans(job: SynchJob, operations: Sequence[Operation]) -> Counter[PairRef]:
    """How often the pairs went back to planning in this run."""
    pairs = [PairRef(operation.bc_key, operation.sales_key) for operation in operations]
    if not pairs:
        return Counter()
    rows = (
        Operation.objects.filter(job=job, state=OperationState.SKIPPED, error_code=CHANGED_MEANWHILE)
        .filter(
            Q(bc_key__in=[pair.bc_key for pair in pairs if pair.bc_key])
            | Q(sales_key__in=[pair.sales_key for pair in pairs if pair.sales_key])
        )
        .order_by()
        .values_list("bc_key", "sales_key")
        .annotate(times=Count("pk"))
    )
    return Counter({PairRef(bc_key, sales_key): times for bc_key, sales_key, times in rows})
