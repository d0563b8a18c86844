"""Plans the undo of a job: what it wrote is written back where the record still holds it.

Every settled write of the job, newest first, is compared with the record as it is now, read live. Where the values are
still those that were written, the opposite operation is planned, conditional on the token just read; everything else is
listed with the reason and left alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from connector.choices import System
from connector.clients import WireRecord
from coupling.choices import CouplingOrigin
from coupling.models import Coupling
from syncjobs.choices import LogLevel, OperationKind, OperationState
from syncjobs.engine.context import JobRun
from syncjobs.engine.recover import holds
from syncjobs.models import JobSlice, Operation, SynchJob

_PART = 1000
NOT_REVERTED = "undo.changed_since"


def plan_undo(run: JobRun) -> None:
    """Writes the opposite operations into slices of the undo job; couples and uncouples at once."""
    undone = Operation.objects.filter(job_id=run.job.undo_of_id, state=OperationState.SETTLED, preview=False)
    keys = list(undone.order_by("-id").values_list("pk", flat=True))
    SynchJob.objects.filter(pk=run.job.pk).update(total=len(keys))
    for start in range(0, len(keys), _PART):
        operations = list(undone.filter(pk__in=keys[start : start + _PART]).order_by("-id"))
        current = {system: _read(run, system, operations) for system in System}
        with transaction.atomic():
            claimed = JobSlice.objects.create(job=run.job)
            for operation in operations:
                _Undo(run, claimed, operation).plan(current[System(operation.system)])
        run.progress.beat()


def _read(run: JobRun, system: System, operations: Sequence[Operation]) -> dict[UUID, WireRecord]:
    keys = {each.record_id for each in operations if each.system == system and each.record_id}
    if not keys:
        return {}
    reading = run.reading(system)
    return run.client(system).read_records(reading.table, list(keys), properties=reading.properties)


class _Undo:
    """The opposite of one operation."""

    def __init__(self, run: JobRun, claimed: JobSlice, operation: Operation) -> None:
        self.run, self.claimed, self.operation = run, claimed, operation

    def plan(self, current: Mapping[UUID, WireRecord]) -> None:
        operation = self.operation
        kind = OperationKind(operation.kind)
        if kind == OperationKind.COUPLE:
            self._uncouple()
        elif kind == OperationKind.DELETE:
            self._leave("A deleted record cannot be brought back under its own id.")
        elif kind == OperationKind.UNCOUPLE:
            self._couple_again()
        else:
            self._write_back(kind, current.get(operation.record_id) if operation.record_id else None)

    def _write_back(self, kind: OperationKind, record: WireRecord | None) -> None:
        written = _base(self.operation)
        if record is None:
            self._leave("The record does not exist any more.")
        elif not holds(record.values, {name: value for name, value in written.items() if name in record.values}):
            self._leave("The record was changed since.")
        elif kind == OperationKind.CREATE:
            self._plan(OperationKind.DELETE, record, before=self.operation.after, after={}, base={})
        else:
            base = {name: _before(self.operation, name) for name in written}
            self._plan(
                OperationKind.UPDATE,
                record,
                before={name: self.operation.after[name] for name in self.operation.before},
                after=self.operation.before,
                base={name: value for name, value in base.items() if value is not _UNKNOWN},
            )

    def _plan(
        self,
        kind: OperationKind,
        record: WireRecord,
        *,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        base: Mapping[str, Any],
    ) -> None:
        undone, bc = self.operation, self.operation.system == System.BUSINESS_CENTRAL
        Operation.objects.create(
            job=self.run.job,
            slice=self.claimed,
            connection=undone.connection,
            mapping=undone.mapping,
            coupling=undone.coupling,
            system=undone.system,
            table=undone.table,
            record_id=undone.record_id,
            bc_key=undone.bc_key,
            sales_key=undone.sales_key,
            record_name=undone.record_name,
            kind=kind,
            before=dict(before),
            after=dict(after),
            expected_token=record.token,
            bc_base=dict(base) if bc else {},
            sales_base={} if bc else dict(base),
            bc_token=record.token if bc else undone.bc_token,
            sales_token=undone.sales_token if bc else record.token,
        )

    def _uncouple(self) -> None:
        undone = self.operation
        coupled = Coupling.objects.filter(mapping=undone.mapping)
        if undone.bc_key and undone.sales_key:
            coupled = coupled.filter(bc_key=undone.bc_key, sales_key=undone.sales_key)
        else:
            coupled = coupled.none()
        if coupled.delete()[0]:
            self._done(OperationKind.UNCOUPLE, "uncoupled")
        else:
            self._leave("The records are not coupled with each other any more.")

    def _couple_again(self) -> None:
        undone = self.operation
        mine = Coupling.objects.filter(connection=undone.connection)
        if (
            undone.bc_key is None
            or undone.sales_key is None
            or mine.filter(bc_table=undone.mapping.business_central_table, bc_key=undone.bc_key).exists()
            or mine.filter(sales_table=undone.mapping.sales_table, sales_key=undone.sales_key).exists()
        ):
            self._leave("One of the two records is coupled with another one by now.")
            return
        Coupling.objects.create(
            connection=undone.connection,
            mapping=undone.mapping,
            bc_table=undone.mapping.business_central_table,
            bc_key=undone.bc_key,
            sales_table=undone.mapping.sales_table,
            sales_key=undone.sales_key,
            bc_base=undone.bc_base,
            sales_base=undone.sales_base,
            origin=CouplingOrigin.MANUAL,
            created_by=self.run.job.user,
        )
        self._done(OperationKind.COUPLE, "coupled")

    def _done(self, kind: OperationKind, counter: str) -> None:
        self._note(kind, OperationState.SETTLED)
        SynchJob.objects.filter(pk=self.run.job.pk).update(done=F("done") + 1, **{counter: F(counter) + 1})

    def _leave(self, reason: str) -> None:
        self._note(OperationKind(self.operation.kind), OperationState.SKIPPED, reason)
        self.run.progress.log(f"{self.operation.record_name}: {reason}", LogLevel.WARNING)
        SynchJob.objects.filter(pk=self.run.job.pk).update(done=F("done") + 1, skipped=F("skipped") + 1)

    def _note(self, kind: OperationKind, state: OperationState, reason: str = "") -> None:
        undone = self.operation
        Operation.objects.create(
            job=self.run.job,
            connection=undone.connection,
            mapping=undone.mapping,
            coupling=Coupling.objects.filter(pk=undone.coupling_id or 0).first(),
            system=undone.system,
            table=undone.table,
            record_id=undone.record_id,
            bc_key=undone.bc_key,
            sales_key=undone.sales_key,
            record_name=undone.record_name,
            kind=kind,
            state=state,
            error_code=NOT_REVERTED if reason else "",
            error_message=reason,
        )


_UNKNOWN = object()


def _base(operation: Operation) -> dict[str, Any]:
    values: dict[str, Any] = operation.bc_base if operation.system == System.BUSINESS_CENTRAL else operation.sales_base
    return values


def _before(operation: Operation, name: str) -> Any:
    """What the side held before, under its read name; a lookup's form in a request is not a value that is read."""
    return operation.before.get(name, _UNKNOWN)
