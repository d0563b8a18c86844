"""Finds out what became of writes whose answer never came, by looking.

- A create in Sales went under a key of ours: the row exists or it does not.
- An update is recognised by the token (unchanged: not done) or by its values (as sent: done).
- A create in Business Central is looked for among the records made since it was sent: not coupled, not known before,
  with the values that the journal says were sent. Several equal bodies are matched one to one.

What turns out not to have happened becomes planned again. Nothing here repeats a write.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from connector.bulk import WriteResult, WriteStatus
from connector.choices import System
from connector.clients import WireRecord
from connector.errors import ErrorKind, RemoteError, Retry
from coupling.models import BusinessCentralRecord, Coupling
from syncjobs.choices import LIVE_JOB_STATES, JobMode, OperationKind, OperationState
from syncjobs.constants import CLOCK_SKEW, LONGEST_REQUEST, SEND_ATTEMPTS
from syncjobs.engine.apply import record_key
from syncjobs.engine.context import JobRun
from syncjobs.engine.parts import Part, parts_of
from syncjobs.engine.settle import settle
from syncjobs.engine.steps import is_step
from syncjobs.models import JobSlice, Operation, SynchJob

_LOOK_EVERY_SECONDS = 0.5
_LOOK_AGAIN = timedelta(seconds=1)


def recover(run: JobRun, claimed: JobSlice) -> None:
    """Settles the sent operations of a slice that nobody is working on, or makes them planned again."""
    sent = list(Operation.objects.filter(slice=claimed, state=OperationState.SENT))
    for system in System:
        operations = [operation for operation in sent if operation.system == system]
        if operations:
            _recover(run, system, operations)


def adopt_orphans(run: JobRun) -> JobSlice | None:
    """Takes over the sent operations of the mapping that ended jobs left behind; None when there are none."""
    orphans = Operation.objects.filter(mapping=run.mapping, state=OperationState.SENT, preview=False).exclude(
        job__in=SynchJob.objects.filter(state__in=LIVE_JOB_STATES)
    )
    # Sales documents settle their own.
    orphans = orphans.exclude(job__mode=JobMode.DOCUMENTS)
    if not orphans.exists():
        return None
    claimed = JobSlice.objects.create(job=run.job)
    orphans.update(job=run.job, slice=claimed)
    return claimed


def _recover(run: JobRun, system: System, operations: Sequence[Operation]) -> None:
    creates = [operation for operation in operations if record_key(operation) is None]
    others = [operation for operation in operations if record_key(operation) is not None]
    results = _look_at_records(run, system, others) + _look_for_creates(run, creates)
    by_id = {operation.pk: operation for operation in operations}
    answered = [result for result in results if result.status != WriteStatus.UNKNOWN]
    settle(run, system, by_id, answered)
    undone = [by_id[result.ref] for result in results if result.status == WriteStatus.UNKNOWN]
    hopeless = [operation for operation in undone if operation.attempts >= SEND_ATTEMPTS]
    settle(run, system, by_id, [_no_answer(operation, system) for operation in hopeless])
    again = [operation.pk for operation in undone if operation.attempts < SEND_ATTEMPTS]
    Operation.objects.filter(pk__in=again, state=OperationState.SENT).update(state=OperationState.PLANNED)


def _look_at_records(run: JobRun, system: System, operations: Sequence[Operation]) -> list[WriteResult]:
    keys = {operation.pk: key for operation in operations if (key := record_key(operation))}
    if not keys:
        return []
    own, client, results = run.reading(system), run.client(system), []
    tables = {operation.pk: operation.table if is_step(run, operation) else own.table for operation in operations}
    for table in set(tables.values()):
        reading = run.reading(system, table)
        here = [operation for operation in operations if tables[operation.pk] == table]
        wanted = list({keys[operation.pk] for operation in here})
        found = client.read_records(table, wanted, properties=reading.properties)
        for service, names in reading.services.items():
            for key, shown in client.read_records(service, list(found), properties=names).items():
                found[key].values.update(shown.values)
        for operation in here:
            part = parts_of(operation, own)[0]
            results.append(_judge(operation, part, found.get(keys[operation.pk])))
    return results


def _judge(operation: Operation, part: Part, record: WireRecord | None) -> WriteResult:
    key = record_key(operation)
    if operation.kind == OperationKind.DELETE:
        return _result(operation, WriteStatus.DONE if record is None else WriteStatus.UNKNOWN, key)
    if operation.kind == OperationKind.CREATE:
        return _found(operation, record) if record else _result(operation, WriteStatus.UNKNOWN, key)
    if record is None:
        return _result(operation, WriteStatus.MISSING, key)
    if operation.expected_token and part.table == operation.table and record.token == operation.expected_token:
        return _result(operation, WriteStatus.UNKNOWN, key)
    if holds(record.values, part.base):
        return _found(operation, record)
    return _result(operation, WriteStatus.STALE if operation.expected_token else WriteStatus.UNKNOWN, key)


def _look_for_creates(run: JobRun, operations: Sequence[Operation]) -> list[WriteResult]:
    if not operations:
        return []
    sent_at = [operation.sent_at for operation in operations if operation.sent_at]
    _wait_until_quiet(run, since=min(sent_at), sent=max(sent_at))
    candidates = _new_records(run, since=min(sent_at))
    results = []
    for operation in operations:
        part = parts_of(operation, run.reading(System.BUSINESS_CENTRAL))[0]
        expected = {name: value for name, value in part.base.items() if name in candidates.properties}
        record = candidates.take(expected, not_before=operation.sent_at)
        results.append(_found(operation, record) if record else _result(operation, WriteStatus.UNKNOWN, None))
    return results


class _Candidates:
    """Records that may be the ones being created; each is given away once."""

    def __init__(self, records: Sequence[WireRecord], properties: Sequence[str]) -> None:
        self.properties = frozenset(properties)
        self._by_name: dict[str, list[WireRecord]] = defaultdict(list)
        self._name = next((name for name in ("displayName", "number", "description") if name in self.properties), "")
        for record in records:
            self._by_name[_folded(record.values.get(self._name))].append(record)

    def take(self, expected: Mapping[str, Any], *, not_before: datetime | None) -> WireRecord | None:
        names = [_folded(expected[self._name])] if self._name in expected else list(self._by_name)
        for name in names:
            for record in self._by_name.get(name, ()):
                early = not_before and record.modified_at and record.modified_at < not_before - CLOCK_SKEW
                if not early and holds(record.values, expected):
                    self._by_name[name].remove(record)
                    return record
        return None


def _new_records(run: JobRun, *, since: datetime) -> _Candidates:
    """Uncoupled records changed since then that the mirror did not know before."""
    reading = run.reading(System.BUSINESS_CENTRAL)
    records = list(
        run.client(System.BUSINESS_CENTRAL).query(
            reading.table, properties=reading.properties, filter=f"lastModifiedDateTime ge {_moment(since)}"
        )
    )
    keys = [record.key for record in records]
    taken = set(
        Coupling.objects.filter(connection=run.connection, bc_table=reading.table, bc_key__in=keys).values_list(
            "bc_key", flat=True
        )
    )
    taken |= set(
        BusinessCentralRecord.objects.of_table(run.connection.pk, reading.table)
        .filter(key__in=keys, read_at__lte=since)
        .values_list("key", flat=True)
    )
    return _Candidates([record for record in records if record.key not in taken], reading.properties)


def _wait_until_quiet(run: JobRun, *, since: datetime, sent: datetime) -> None:
    """A request whose connection broke may still be under way on the server, record after record.

    Waits until nothing new has appeared for the grace period, which also has to have passed since the last request was
    sent; a server that goes on for longer than it lets any request run is not waited for.
    """
    grace = timedelta(seconds=settings.COUPLET_CREATE_GRACE_SECONDS)
    table = run.reading(System.BUSINESS_CENTRAL).table
    condition = f"lastModifiedDateTime ge {_moment(since)}"
    seen, quiet_since = -1, sent
    while timezone.now() < sent + LONGEST_REQUEST:
        count = run.client(System.BUSINESS_CENTRAL).count(table, filter=condition)
        if count != seen:
            # The first count does not tell when its records appeared: it has to stand for a moment at least.
            now = timezone.now()
            quiet_since = now if seen >= 0 else max(sent, now - grace + min(grace, _LOOK_AGAIN))
            seen = count if count is not None else 0
        left = (quiet_since + grace - timezone.now()).total_seconds()
        if left <= 0:
            return
        run.progress.beat()
        time.sleep(min(left, _LOOK_EVERY_SECONDS))


def _moment(since: datetime) -> str:
    return (since - CLOCK_SKEW).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def holds(values: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Whether a record has the values that were sent, as far as systems store what they are sent."""
    return all(_same(values.get(name), value) for name, value in expected.items())


def _same(found: Any, sent: Any) -> bool:
    """Equal as the systems store values: codes in capitals, blanks trimmed, nothing and empty alike."""
    if isinstance(found, bool) or isinstance(sent, bool):
        return bool(found) == bool(sent)
    if isinstance(found, int | float | Decimal) and isinstance(sent, int | float | Decimal):
        return Decimal(str(found)) == Decimal(str(sent))
    return _folded(found) == _folded(sent)


def _folded(value: Any) -> str:
    return "" if value is None else str(value).strip().casefold()


def _found(operation: Operation, record: WireRecord) -> WriteResult:
    """The record holds what was sent.

    What Business Central made of it (a number, a company) is as good as answered. Sales answers with nothing but a
    token, and somebody may have changed the row since: the mirror keeps what was sent until the next pull compares.
    """
    if operation.system == System.BUSINESS_CENTRAL:
        return WriteResult(operation.pk, WriteStatus.DONE, record.key, record.token, record.values)
    return _result(operation, WriteStatus.DONE, record.key)


def _result(operation: Operation, status: WriteStatus, key: UUID | None) -> WriteResult:
    return WriteResult(operation.pk, status, key, "", None, None)


def _no_answer(operation: Operation, system: System) -> WriteResult:
    error = RemoteError(
        f"{system.label} did not answer, {operation.attempts} times in a row.",
        kind=ErrorKind.TRANSIENT,
        code="engine.no_answer",
        retry=Retry.LATER,
        system=system,
        hint="The next run tries again.",
    )
    return WriteResult(operation.pk, WriteStatus.FAILED, None, "", None, error)
