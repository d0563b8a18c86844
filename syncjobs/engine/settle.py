"""Fourth step: what the systems answered becomes the state of operations, couplings, mirror and counters.

One transaction and a fixed number of statements per answered group. An operation is settled once, whoever does it:
only those still `sent` are touched, under a row lock.

A stale or missing answer means that the record changed under our hands: it is read again and its pair goes back to
planning, a few times per run. An unknown answer stays `sent` for `recover`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import F

from connector.bulk import WriteResult, WriteStatus
from connector.choices import System
from connector.errors import ErrorKind
from syncjobs.choices import JobMode, OperationKind, OperationState
from syncjobs.constants import REPLANS_PER_RUN
from syncjobs.engine import couplings, mirror
from syncjobs.engine.answers import (
    CHANGED_MEANWHILE,
    adopt_existing,
    error_of,
    goes_back,
    is_transient,
    raise_if_hopeless,
    reason_of,
    replans,
)
from syncjobs.engine.apply import record_key
from syncjobs.engine.context import JobRun
from syncjobs.engine.couplings import NewCoupling
from syncjobs.engine.journal import Ending, end_operations
from syncjobs.engine.keys import key_array
from syncjobs.engine.marks import Failure, anything_waits_for, lift_dependents, mark_failures
from syncjobs.engine.options import PairRef
from syncjobs.engine.parts import Part, parts_of
from syncjobs.engine.pull import refresh_records
from syncjobs.engine.related import couple_related
from syncjobs.engine.steps import already_written, is_step, next_steps, settle_steps
from syncjobs.engine.work import put_back
from syncjobs.models import Operation, SynchJob

NOT_REVERTED = "undo.changed_since"
COUPLED_MEANWHILE = "engine.coupled_meanwhile"
_COUNTED = {
    OperationKind.CREATE: "inserted",
    OperationKind.UPDATE: "modified",
    OperationKind.DELETE: "deleted",
    OperationKind.UNCOUPLE: "uncoupled",
}


@dataclass(slots=True)
class Settled:
    """`unknown` operations stay sent; `extra` are operations that settling planned and that have to be sent too."""

    unknown: list[int] = field(default_factory=list)
    extra: list[Operation] = field(default_factory=list)
    ended: int = 0


def settle(run: JobRun, system: System, operations: dict[int, Operation], results: Sequence[WriteResult]) -> Settled:
    """Settles one answered group of writes to `system`; `operations` by id holds at least those of the group.

    Raises RemoteError after the group is settled when its answers mean that the job cannot go on.
    """
    outcome = Settled(unknown=[result.ref for result in results if result.status == WriteStatus.UNKNOWN])
    results = [result for result in results if result.status != WriteStatus.UNKNOWN]
    results = adopt_existing(run, system, operations, results)
    again = [result for result in results if goes_back(result)]
    # Read before the pair goes back, so that whoever plans it next sees what changed.
    stale: dict[str, dict[UUID, None]] = {}
    for result in again:
        operation = operations[result.ref]
        if (key := record_key(operation)) and not is_transient(result):
            table = operation.table if is_step(run, operation) else ""
            stale.setdefault(table, {})[key] = None
    for table, keys in stale.items():
        reading = run.reading(system, table)
        refresh_records(reading=reading, keys=list(keys), client=run.client(system), progress=run.progress)
    with transaction.atomic():
        sent = set(
            Operation.objects.select_for_update()
            .filter(pk__in=[result.ref for result in results], state=OperationState.SENT)
            .values_list("pk", flat=True)
        )
        results = [result for result in results if result.ref in sent]
        group = _Group(run, system, operations)
        group.settle_done([result for result in results if result.status == WriteStatus.DONE])
        group.settle_again([result for result in results if goes_back(result)])
        refused = [result for result in results if result.status == WriteStatus.FAILED]
        group.settle_failed([result for result in refused if not goes_back(result)])
        group.write()
        outcome.extra, outcome.ended = group.extra, len(results)
    raise_if_hopeless(run, system, results)
    return outcome


class _Group:
    """Answers of one group, collected and written together."""

    def __init__(self, run: JobRun, system: System, operations: dict[int, Operation]) -> None:
        self.run, self.system, self.operations = run, system, operations
        self.endings: list[Ending] = []
        self.counters: Counter[str] = Counter()
        self.extra: list[Operation] = []
        self.replan: list[PairRef] = []
        self.later: list[PairRef] = []
        self.lost: set[int] = set()
        self.follow_ups: list[tuple[Operation, UUID, Part]] = []
        self.written: dict[int | None, set[UUID]] = {}
        self.counted: set[UUID] = set()

    def settle_done(self, results: Sequence[WriteResult]) -> None:
        written: list[mirror.OwnWrite] = []
        deleted: list[UUID] = []
        agreed: list[couplings.Agreement] = []
        removed: list[Operation] = []
        self.counted = already_written(self.run, [self.operations[result.ref] for result in results])
        steps = [result for result in results if is_step(self.run, self.operations[result.ref])]
        self._settle_steps(steps)
        results = [result for result in results if result not in steps]
        for result in results:
            operation = self.operations[result.ref]
            key = result.key or record_key(operation)
            if key is None:
                raise ValueError(f"Operation {operation.pk} was answered without a key.")
            if operation.kind == OperationKind.DELETE:
                deleted.append(key)
                removed.append(operation)
                continue
            part = self._split(operation, key)
            written.append(self._own_write(operation, key, result, part))
            self._keep_stored_values(operation, result)
            if operation.kind == OperationKind.UNCOUPLE:
                removed.append(operation)
            else:
                own = part.table == self.run.mapping.table(self.system)
                agreed.append(couplings.Agreement(operation, key, result.token if own else ""))
        # The mirror comes first: names of newly coupled records are looked up in it.
        surprising = set(mirror.store_own(self.run.reading(self.system), written))
        couplings.remove([operation.coupling_id for operation in removed if operation.coupling_id])
        mirror.mark_deleted(self.run.reading(self.system), deleted)
        outcome = couplings.agree(self.run.job, agreed)
        if outcome.created and anything_waits_for(self.run.mapping):
            lift_dependents(mapping=self.run.mapping, names=_names(self.run, outcome.created))
        if self.system == System.BUSINESS_CENTRAL:
            couple_related(self.run, outcome.created)
        lost = {agreement.operation.pk: agreement for agreement in outcome.lost}
        self.lost = set(lost)
        self._plan_follow_ups(outcome.coupling_ids)
        bc = self.system == System.BUSINESS_CENTRAL
        for result in results:
            operation = self.operations[result.ref]
            if operation.pk in lost:
                self._undo_create(lost[operation.pk])
                continue
            key = result.key or record_key(operation)
            if operation.bc_key not in self.counted and not self._is_follow_up(operation):
                self.counters[_COUNTED[OperationKind(operation.kind)]] += 1
            if operation.kind in (OperationKind.CREATE, OperationKind.UPDATE):
                self._note_written(operation, key)
            self.endings.append(
                Ending(operation.pk, OperationState.SETTLED, key, outcome.coupling_ids.get(operation.pk))
            )
            if operation.kind == OperationKind.CREATE and (key in surprising or bc):
                # A new record's number, for example, and the mark of its company have to travel back at once.
                self.replan.append(_pair_with(operation, key))
            elif key in surprising and operation.kind != OperationKind.UNCOUPLE:
                self.later.append(_pair_with(operation, key))

    def _settle_steps(self, results: Sequence[WriteResult]) -> None:
        """A step makes its pair count as modified where the pair itself was not written."""
        done = [(self.operations[result.ref], result) for result in results]
        settle_steps(self.run, self.system, done)
        for operation, _ in done:
            if operation.bc_key and operation.bc_key not in self.counted:
                self.counted.add(operation.bc_key)
                self.counters["modified"] += 1
            self.endings.append(Ending(operation.pk, OperationState.SETTLED))
            self._note_written(operation, None)

    def settle_again(self, results: Sequence[WriteResult]) -> None:
        if self.run.job.mode == JobMode.UNDO:
            self._leave_undone(results)
            return
        spent = replans(self.run.job, [self.operations[result.ref] for result in results])
        for result in results:
            operation = self.operations[result.ref]
            spent_times = spent[PairRef(operation.bc_key, operation.sales_key)]
            pair = self._pair_of(operation)
            if spent_times >= REPLANS_PER_RUN:
                self.later.append(pair)
                self.counters["failed"] += 1
                self._end_failed(operation, result)
                continue
            self.replan.append(pair)
            self.endings.append(
                Ending(
                    operation.pk,
                    OperationState.SKIPPED,
                    code=CHANGED_MEANWHILE,
                    message=reason_of(result),
                    hint="Nothing was written; the pair is planned again.",
                )
            )

    def _leave_undone(self, results: Sequence[WriteResult]) -> None:
        """What changed while it was being put back stays as it is: planning would carry it across again."""
        self.counters["skipped"] += len(results)
        for result in results:
            self.endings.append(
                Ending(
                    result.ref,
                    OperationState.SKIPPED,
                    code=NOT_REVERTED,
                    message=reason_of(result),
                    hint="It was left as it is.",
                )
            )

    def settle_failed(self, results: Sequence[WriteResult]) -> None:
        failures = []
        for result in results:
            operation = self.operations[result.ref]
            self._end_failed(operation, result)
            if operation.coupling_id:
                failures.append(Failure.from_error(operation.coupling_id, self.system, error_of(result)))
            if error_of(result).kind in (ErrorKind.CONFIG, ErrorKind.PERMISSION):
                self.later.append(self._pair_of(operation))
        skipped = mark_failures(failures, job_id=self.run.job.pk)
        self.counters["skipped"] += len(skipped)
        self.counters["failed"] += len(results) - len(skipped)

    def write(self) -> None:
        end_operations(self.endings)
        # A pair that goes back to planning gets its steps there.
        planned_again = {pair.bc_key for pair in self.replan if pair.bc_key}
        for slice_id, keys in self.written.items() if self.run.job.mode != JobMode.UNDO else ():
            self.extra += next_steps(self.run, slice_id, keys - planned_again)
        # After the first part has ended: one operation of a pair and system may be open.
        Operation.objects.bulk_create(self.extra)
        job, mapping = self.run.job, self.run.mapping
        put_back(job_id=job.pk, mapping_id=mapping.pk, pairs=self.replan)
        put_back(job_id=None, mapping_id=mapping.pk, pairs=self.later)
        if self.replan:
            self.counters["total"] += len(self.replan)
        changes = {name: F(name) + count for name, count in self.counters.items() if count}
        if changes:
            SynchJob.objects.filter(pk=job.pk).update(**changes)

    def _note_written(self, operation: Operation, key: UUID | None) -> None:
        bc_key = operation.bc_key or (key if self.system == System.BUSINESS_CENTRAL else None)
        if bc_key is not None:
            self.written.setdefault(operation.slice_id, set()).add(bc_key)

    def _pair_of(self, operation: Operation) -> PairRef:
        """The row that a step writes is none of the pair's."""
        if is_step(self.run, operation):
            return PairRef(operation.bc_key, None)
        return PairRef(operation.bc_key, operation.sales_key)

    def _split(self, operation: Operation, key: UUID) -> Part:
        """The part of the operation that was written; the rest becomes an operation of its own, sent next."""
        part, *rest = parts_of(operation, self.run.reading(self.system))
        if not rest:
            return part
        operation.after, operation.bc_base = dict(part.body), dict(part.base)
        operation.before = {name: value for name, value in operation.before.items() if name in part.body}
        operation.save(update_fields=["after", "before", "bc_base"])
        for each in rest:
            self.follow_ups.append((operation, key, each))
        return part

    def _is_follow_up(self, operation: Operation) -> bool:
        """The rest of a change that counted already with its first part."""
        return bool(
            operation.table != self.run.mapping.table(self.system)
            and Operation.objects.filter(
                slice=operation.slice, bc_key=operation.bc_key, table=self.run.mapping.table(self.system)
            )
            .exclude(pk=operation.pk)
            .exists()
        )

    def _plan_follow_ups(self, coupling_ids: Mapping[int, int]) -> None:
        for operation, key, part in self.follow_ups:
            if operation.pk in self.lost:
                continue
            self.extra.append(
                Operation(
                    job=operation.job,
                    slice=operation.slice,
                    connection=operation.connection,
                    mapping=operation.mapping,
                    coupling_id=operation.coupling_id or coupling_ids.get(operation.pk),
                    system=operation.system,
                    table=part.table,
                    record_id=key,
                    bc_key=key,
                    sales_key=operation.sales_key,
                    record_name=operation.record_name,
                    kind=OperationKind.UPDATE,
                    after=dict(part.body),
                    bc_base=dict(part.base),
                    sales_token=operation.sales_token,
                )
            )

    def _own_write(self, operation: Operation, key: UUID, result: WriteResult, part: Part) -> mirror.OwnWrite:
        sent = operation.bc_base if self.system == System.BUSINESS_CENTRAL else operation.sales_base
        own = part.table == self.run.mapping.table(self.system)
        return mirror.OwnWrite(key, sent, result.token if own else None, returned=result.values)

    def _keep_stored_values(self, operation: Operation, result: WriteResult) -> None:
        """Where the answer shows what was made of the sent values (capitals, blanks), that is what was agreed on."""
        sent = operation.bc_base if self.system == System.BUSINESS_CENTRAL else operation.sales_base
        for name in sent:
            if result.values and name in result.values:
                sent[name] = result.values[name]

    def _end_failed(self, operation: Operation, result: WriteResult) -> None:
        error = error_of(result)
        self.endings.append(
            Ending(
                operation.pk,
                OperationState.FAILED,
                code=error.code,
                message=str(error),
                hint=error.hint,
                details=error.details,
            )
        )

    def _undo_create(self, lost: couplings.Agreement) -> None:
        """Somebody coupled one of the two records while ours was being created: the new one is taken away again."""
        operation = lost.operation
        self.endings.append(
            Ending(
                operation.pk,
                OperationState.SKIPPED,
                lost.key,
                code=COUPLED_MEANWHILE,
                message="The record was coupled with another one while its partner was being created.",
                hint="The new record is removed again; nothing else has to be done.",
            )
        )
        bc = self.system == System.BUSINESS_CENTRAL
        self.extra.append(
            Operation(
                job=operation.job,
                slice=operation.slice,
                connection=operation.connection,
                mapping=operation.mapping,
                system=operation.system,
                table=operation.table,
                record_id=lost.key,
                bc_key=lost.key if bc else None,
                sales_key=None if bc else lost.key,
                record_name=operation.record_name,
                kind=OperationKind.DELETE,
                before=operation.after,
                expected_token=lost.token,
            )
        )


def _pair_with(operation: Operation, key: UUID | None) -> PairRef:
    if operation.system == System.BUSINESS_CENTRAL:
        return PairRef(key, operation.sales_key)
    return PairRef(operation.bc_key, key)


def _names(run: JobRun, created: Sequence[NewCoupling]) -> list[str]:
    """What other records may call the newly coupled ones: numbers, names and keys on both sides."""
    names: set[str] = set()
    for system in System:
        keys = [each.bc_key if system == System.BUSINESS_CENTRAL else each.sales_key for each in created]
        names.update(str(key) for key in keys)
        rows = mirror.model_of(system).objects.of_table(run.connection.pk, run.mapping.table(system))
        for number, name in rows.filter(key__in=key_array(keys)).values_list("number", "name"):
            names.update(text for text in (number, name) if text)
    return sorted(names)
