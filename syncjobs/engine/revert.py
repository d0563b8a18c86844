"""Plans the undo of a job: what it wrote is written back where the record still holds it.

All settled writes of the job to one record count together: what the first of them found is put back, if the record,
read live, still holds what the last of them left. A record that the job made is deleted. Further rows (prices, units,
lines) go before the records they belong to. Everything else is listed with the reason and left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from connector.choices import System
from connector.clients import WireRecord
from coupling.choices import CouplingOrigin
from coupling.models import Coupling
from syncjobs.choices import LogLevel, OperationKind, OperationState
from syncjobs.engine.apply import record_key
from syncjobs.engine.context import JobRun
from syncjobs.engine.recover import holds
from syncjobs.engine.settle import NOT_REVERTED
from syncjobs.engine.steps import is_step
from syncjobs.models import JobSlice, Operation, SynchJob

_PART = 1000
_LINKS = (OperationKind.COUPLE, OperationKind.UNCOUPLE)


@dataclass(slots=True)
class _Written:
    """What a job did to one record through one table, oldest first."""

    system: System
    table: str
    key: UUID
    operations: list[Operation] = field(default_factory=list)
    step: bool = False

    @property
    def last(self) -> Operation:
        return self.operations[-1]

    @property
    def made(self) -> bool:
        return self.operations[0].kind == OperationKind.CREATE

    @property
    def values(self) -> dict[str, Any]:
        """What the record held when the job was done with it, under the names of mirrored values."""
        merged: dict[str, Any] = {}
        for operation in self.operations:
            merged.update(_base(operation))
        return merged

    @property
    def before(self) -> dict[str, Any]:
        """What the job found, under wire names; the first that knows a name."""
        found: dict[str, Any] = {}
        for operation in self.operations:
            for name, value in operation.before.items():
                found.setdefault(name, value)
        return found

    @property
    def after(self) -> dict[str, Any]:
        sent: dict[str, Any] = {}
        for operation in self.operations:
            sent.update(operation.after)
        return sent


def plan_undo(run: JobRun) -> None:
    """Writes the opposite operations into slices of the undo job, further rows first; couples and uncouples at once."""
    undone = Operation.objects.filter(job_id=run.job.undo_of_id, state=OperationState.SETTLED, preview=False)
    if run.options.undo_change is not None:
        # One pair of the job: its link follows when the values are back.
        (pair,) = run.options.pairs
        undone = undone.filter(Q(bc_key=pair.bc_key) | Q(sales_key=pair.sales_key)).exclude(kind__in=_LINKS)
    records = _records(run, undone.exclude(kind__in=_LINKS).order_by("id").iterator(_PART))
    links = list(undone.filter(kind__in=_LINKS).order_by("-id"))
    SynchJob.objects.filter(pk=run.job.pk).update(total=len(records) + len(links))
    made = {(each.system, each.key) for each in records if each.made and not each.step}
    # The newest goes first: what was made last may refer to what was made before it.
    records.sort(key=lambda each: (each.step, each.last.pk), reverse=True)
    for step in (True, False):
        chosen = [each for each in records if each.step == step]
        for start in range(0, len(chosen), _PART):
            part = chosen[start : start + _PART]
            current = _read(run, part)
            with transaction.atomic():
                claimed = JobSlice.objects.create(job=run.job)
                for each in part:
                    _Undo(run, claimed, each, made).plan(current.get((each.system, each.table, each.key)))
            run.progress.beat()
    with transaction.atomic():
        for operation in links:
            _undo_link(run, operation)


def _records(run: JobRun, operations: Iterable[Operation]) -> list[_Written]:
    found: dict[tuple[str, str, UUID], _Written] = {}
    for operation in operations:
        key = record_key(operation)
        if key is None:
            continue
        system = System(operation.system)
        each = found.setdefault((operation.system, operation.table, key), _Written(system, operation.table, key))
        each.operations.append(operation)
        each.step = is_step(run, operation)
    return list(found.values())


def _read(run: JobRun, records: Sequence[_Written]) -> dict[tuple[System, str, UUID], WireRecord]:
    """The records as they are now, by system, table and key; properties that another service shows come from there."""
    found: dict[tuple[System, str, UUID], WireRecord] = {}
    for system, table in {(each.system, each.table) for each in records}:
        keys = [each.key for each in records if (each.system, each.table) == (system, table)]
        own = run.reading(system)
        properties = own.services.get(table) or run.reading(system, table).properties
        client = run.client(system)
        rows = client.read_records(table, keys, properties=properties)
        if table == own.table:
            # Nothing of the record may have changed, wherever it is shown.
            for service, names in own.services.items():
                for key, shown in client.read_records(service, list(rows), properties=names).items():
                    rows[key].values.update(shown.values)
        found.update({(system, table, key): record for key, record in rows.items()})
    return found


class _Undo:
    """The opposite of what was done to one record."""

    def __init__(self, run: JobRun, claimed: JobSlice, written: _Written, made: set[tuple[System, UUID]]) -> None:
        self.run, self.claimed, self.written, self.made = run, claimed, written, made

    def plan(self, record: WireRecord | None) -> None:
        written = self.written
        if any(operation.kind == OperationKind.DELETE for operation in written.operations):
            self._leave("A deleted record cannot be brought back under its own id.")
        elif written.step and written.made and written.last.bc_key is None:
            self._leave("It serves other records as well, so it stays.")
        elif not written.made and (written.system, written.key) in self.made:
            # Shown by another service: it goes with the record that the job made.
            SynchJob.objects.filter(pk=self.run.job.pk).update(done=F("done") + 1)
        elif record is None:
            self._leave("The record does not exist any more.")
        elif not holds(record.values, {name: value for name, value in written.values.items() if name in record.values}):
            self._leave("The record was changed since.")
        elif written.made:
            self._plan(OperationKind.DELETE, record, before=written.after, after={}, base={})
        elif not written.before:
            self._leave("What the record held before is not known.")
        else:
            self._write_back(record)

    def _write_back(self, record: WireRecord) -> None:
        written, before = self.written, self.written.before
        base = {name: before[name] for name in written.values if name in before}
        self._plan(
            OperationKind.UPDATE,
            record,
            before={name: written.after[name] for name in before if name in written.after},
            after=before,
            base=base,
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
        undone, bc = self.written.last, self.written.system == System.BUSINESS_CENTRAL
        own = self.written.step or self.written.table == self.run.mapping.table(self.written.system)
        Operation.objects.create(
            job=self.run.job,
            slice=self.claimed,
            connection=undone.connection,
            mapping=undone.mapping,
            coupling=undone.coupling,
            system=undone.system,
            table=undone.table,
            record_id=self.written.key,
            bc_key=undone.bc_key,
            sales_key=undone.sales_key,
            record_name=undone.record_name,
            kind=kind,
            before=dict(before),
            after=dict(after),
            expected_token=record.token if own else "",
            bc_base=dict(base) if bc else {},
            sales_base={} if bc else dict(base),
            bc_token=record.token if bc and own else undone.bc_token,
            sales_token=undone.sales_token if bc or not own else record.token,
        )

    def _leave(self, reason: str) -> None:
        undone = self.written.last
        kind = OperationKind.CREATE if self.written.made else OperationKind(undone.kind)
        _note(self.run, undone, kind, OperationState.SKIPPED, reason)
        self.run.progress.log(f"{undone.record_name}: {reason}", LogLevel.WARNING)
        SynchJob.objects.filter(pk=self.run.job.pk).update(done=F("done") + 1, skipped=F("skipped") + 1)


def _undo_link(run: JobRun, undone: Operation) -> None:
    """A coupling that the job made is removed, one that it removed is made again."""
    reason = _uncouple(undone) if undone.kind == OperationKind.COUPLE else _couple_again(run, undone)
    kind, counter = OperationKind.COUPLE, "coupled"
    if undone.kind == OperationKind.COUPLE:
        kind, counter = OperationKind.UNCOUPLE, "uncoupled"
    if reason:
        _note(run, undone, OperationKind(undone.kind), OperationState.SKIPPED, reason)
        run.progress.log(f"{undone.record_name}: {reason}", LogLevel.WARNING)
        counter = "skipped"
    else:
        _note(run, undone, kind, OperationState.SETTLED)
    SynchJob.objects.filter(pk=run.job.pk).update(done=F("done") + 1, **{counter: F(counter) + 1})


def _uncouple(undone: Operation) -> str:
    coupled = Coupling.objects.filter(mapping=undone.mapping)
    if undone.bc_key and undone.sales_key:
        coupled = coupled.filter(bc_key=undone.bc_key, sales_key=undone.sales_key)
    else:
        coupled = coupled.none()
    return "" if coupled.delete()[0] else "The records are not coupled with each other any more."


def _couple_again(run: JobRun, undone: Operation) -> str:
    mine = Coupling.objects.filter(connection=undone.connection)
    if (
        undone.bc_key is None
        or undone.sales_key is None
        or mine.filter(bc_table=undone.mapping.business_central_table, bc_key=undone.bc_key).exists()
        or mine.filter(sales_table=undone.mapping.sales_table, sales_key=undone.sales_key).exists()
    ):
        return "One of the two records is coupled with another one by now."
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
        created_by=run.job.user,
    )
    return ""


def _note(run: JobRun, undone: Operation, kind: OperationKind, state: OperationState, reason: str = "") -> None:
    Operation.objects.create(
        job=run.job,
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


def _base(operation: Operation) -> dict[str, Any]:
    values: dict[str, Any] = operation.bc_base if operation.system == System.BUSINESS_CENTRAL else operation.sales_base
    return values
