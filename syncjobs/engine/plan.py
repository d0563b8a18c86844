"""Second step: the pairs of a slice become operations, marks of couplings, and counters, in one transaction.

Loading takes a constant number of queries, deciding takes none, writing a constant number of statements. A pair that
another run has in hand is left to it and waits for the next run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.db.models import F, Q

from connector.choices import System
from connector.errors import ErrorKind
from coupling.models import Coupling, DirtyPair, TableMapping
from syncjobs.choices import OPEN_OPERATION_STATES, LogLevel, OperationKind, OperationState
from syncjobs.engine import marking
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.decide import decide
from syncjobs.engine.decision import Decision, Outcome
from syncjobs.engine.journal_rows import JournalRow, insert
from syncjobs.engine.keys import key_array
from syncjobs.engine.load import LoadedSlice, load_slice
from syncjobs.engine.marks import Failure, lift_dependents, mark_failures
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.engine.results import Problem
from syncjobs.engine.rules import rule_for
from syncjobs.engine.views import PairView
from syncjobs.engine.work import put_back
from syncjobs.engine.writes import PlannedWrite
from syncjobs.models import JobSlice, Operation, SynchJob

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
_PLAN_KEYS = {
    (OperationKind.CREATE, SALES): "create_in_sales",
    (OperationKind.CREATE, BC): "create_in_business_central",
    (OperationKind.UPDATE, SALES): "update_in_sales",
    (OperationKind.UPDATE, BC): "update_in_business_central",
}
_REASONS = {
    "coupling_skipped": "are skipped until somebody retries them or a record changes",
    "target_is_newer": "have newer values on the side that would be overwritten",
    "outside_filter": "are outside the mapping's filter",
    "not_coupled": "are not coupled",
    "closed": "are closed where they come from",
}
_LOGGED_PROBLEMS = 20


@dataclass(slots=True)
class PlanResult:
    """What came of a slice.

    `counters` were added to the job's; `plan` has the keys of a full synchronisation's plan; `reasons` says how often
    a record was left out and why. `operations` wait to be sent, `put_back` pairs wait for the next run.
    """

    operations: int = 0
    put_back: int = 0
    counters: Counter[str] = field(default_factory=Counter)
    plan: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def log(self) -> list[tuple[LogLevel, str]]:
        """Lines for the job's log."""
        lines = [(LogLevel.WARNING, problem) for problem in self.problems[:_LOGGED_PROBLEMS]]
        if len(self.problems) > _LOGGED_PROBLEMS:
            more = len(self.problems) - _LOGGED_PROBLEMS
            lines.append((LogLevel.WARNING, f"{more} more records failed; the operations say why."))
        for reason, count in self.reasons.items():
            if reason in _REASONS:
                lines.append((LogLevel.INFO, f"{count} left out: they {_REASONS[reason]}."))
        return lines


def plan_slice(job: SynchJob, slice_: JobSlice | None, pairs: Sequence[DirtyPair | PairRef]) -> PlanResult:
    """Plans `pairs` for `job` and takes them off the waiting list; adds to the job's counters.

    Has to be called in the transaction that claimed the pairs. Raises KeyError for a field mapping with an unknown
    transformation.
    """
    if job.mapping is None:
        raise ValueError(f"Job {job.pk} has no mapping to plan for.")
    mapping: TableMapping = job.mapping
    options = RunOptions.from_json(job.options)
    blueprint = Blueprint.of(mapping).limited_to(job.direction)
    references = [PairRef(pair.bc_key, pair.sales_key) for pair in pairs]
    with transaction.atomic():
        loaded = load_slice(blueprint, job.connection, references, options)
        plan = _Plan(job, slice_, mapping, blueprint, options)
        plan.decide_all(loaded)
        plan.write()
        _take_off(pairs)
    return plan.result


def _take_off(pairs: Sequence[DirtyPair | PairRef]) -> None:
    planned = [pair.pk for pair in pairs if isinstance(pair, DirtyPair)]
    with database.cursor() as cursor:
        cursor.execute("DELETE FROM coupling_dirtypair WHERE id = ANY(%s)", [planned])


class _Plan:
    """Decisions of one slice, collected and written together."""

    def __init__(
        self,
        job: SynchJob,
        slice_: JobSlice | None,
        mapping: TableMapping,
        blueprint: Blueprint,
        options: RunOptions,
    ) -> None:
        self.job, self.slice, self.mapping = job, slice_, mapping
        self.blueprint, self.options = blueprint, options
        self.result = PlanResult()
        self.rows: list[JournalRow] = []
        self.adopted: list[tuple[PairView, Decision]] = []
        self.agreements: list[marking.Agreement] = []
        self.marks: list[marking.Marks] = []
        self.failures: list[Failure] = []
        self.uncoupled: list[int] = []
        self.waiting: list[PairRef] = []
        self.unchanged: list[UUID | None] = []

    def decide_all(self, loaded: LoadedSlice) -> None:
        busy = _in_hand(self.mapping, loaded.pairs)
        for pair in loaded.pairs:
            bc_key, sales_key = pair.keys
            if bc_key in busy or sales_key in busy:
                self._wait(bc_key, sales_key)
                continue
            new_key = loaded.new_keys.get(pair.bc.key) if pair.bc is not None else None
            decision = decide(self.blueprint, pair, loaded.lookups, self.options, new_key=new_key)
            self._take(pair, decision)
        for write in rule_for(self.blueprint.name).standalone(self.blueprint, loaded.lookups):
            self._add(write, None, None, write.record_id if write.system == SALES else None, None)

    def _take(self, pair: PairView, decision: Decision) -> None:
        outcome, counters, plan = decision.outcome, self.result.counters, self.result.plan
        bc_key, sales_key = pair.keys
        if outcome in (Outcome.UNCHANGED, Outcome.AGREED):
            self.unchanged.append(bc_key or sales_key)
        elif outcome == Outcome.SKIPPED:
            counters["skipped"] += 1
            self.result.reasons[decision.reason] += 1
        elif outcome == Outcome.DROPPED:
            self.result.reasons[decision.reason] += 1
        elif outcome == Outcome.UNCOUPLE:
            self._uncouple(pair, decision)
        elif outcome in (Outcome.FAILED, Outcome.CONFLICT):
            self._refuse(pair, decision)
        if decision.adopts:
            plan["couple"] += 1
            counters["coupled"] += 1
            self.adopted.append((pair, decision))
        else:
            for write in decision.writes:
                self._add(write, pair, bc_key, sales_key, pair.coupling.id if pair.coupling else None)
        if decision.again:
            self._wait(bc_key, sales_key)
        if pair.coupling is not None and outcome != Outcome.UNCOUPLE:
            self._mark(pair, decision)

    def _mark(self, pair: PairView, decision: Decision) -> None:
        coupling, outcome = pair.coupling, decision.outcome
        if coupling is None:
            return
        if outcome == Outcome.AGREED:
            self.agreements.append(
                marking.Agreement(
                    coupling.id,
                    decision.bc_base,
                    decision.sales_base,
                    pair.bc.token if pair.bc else "",
                    pair.sales.token if pair.sales else "",
                    decision.outside_filter,
                )
            )
            return
        conflict = outcome == Outcome.CONFLICT
        moved = (coupling.missing, coupling.outside_filter) != (decision.missing, decision.outside_filter)
        if conflict or (moved and outcome not in (Outcome.SKIPPED, Outcome.DROPPED)):
            restores = any(write.kind == OperationKind.CREATE for write in decision.writes)
            missing = coupling.missing if restores else decision.missing
            self.marks.append(marking.Marks(coupling.id, conflict, missing, decision.outside_filter))
        elif decision.outside_filter != coupling.outside_filter and outcome == Outcome.SKIPPED:
            self.marks.append(marking.Marks(coupling.id, False, coupling.missing, decision.outside_filter))

    def _uncouple(self, pair: PairView, decision: Decision) -> None:
        if pair.coupling is None:
            return
        self.uncoupled.append(pair.coupling.id)
        if self.options.uncouple:
            self.result.counters["uncoupled"] += 1
        self.result.reasons[decision.reason] += 1
        bc_key, sales_key = pair.keys
        write = PlannedWrite(SALES, OperationKind.UNCOUPLE, record_id=sales_key, title=pair.title)
        self._add(write, pair, bc_key, sales_key, None, OperationState.SETTLED)

    def _refuse(self, pair: PairView, decision: Decision) -> None:
        problem = decision.problem
        if problem is None:
            raise ValueError(f"A decision of {decision.outcome} needs a problem.")
        self.result.problems.append(f"{pair.title}: {problem.message} {problem.hint}")
        conflict = decision.outcome == Outcome.CONFLICT
        if conflict:
            self.result.counters["conflicts"] += 1
            self.result.plan["conflicts"] += 1
        else:
            self.result.counters["failed"] += 1
            self.result.plan["blocked" if problem.kind == ErrorKind.DEPENDENCY else "failing"] += 1
        bc_key, sales_key = pair.keys
        kind = OperationKind.UPDATE if pair.bc and pair.sales else OperationKind.CREATE
        target = pair.sales if decision.target == SALES else pair.bc
        write = PlannedWrite(
            decision.target,
            kind,
            record_id=target.key if target else None,
            before=_clash_values(decision, decision.target),
            after=_clash_values(decision, decision.target.other),
            expected_token=target.token if target else "",
            title=pair.title,
        )
        coupling_id = pair.coupling.id if pair.coupling else None
        state = OperationState.CONFLICT if conflict else OperationState.FAILED
        self._add(write, pair, bc_key, sales_key, coupling_id, state, problem)
        if coupling_id is not None and not conflict:
            self.failures.append(
                Failure(
                    coupling_id,
                    decision.target,
                    problem.kind,
                    problem.code,
                    problem.message,
                    problem.hint,
                    marking.plain(problem.details),
                    problem.fingerprint,
                )
            )

    def _add(
        self,
        write: PlannedWrite,
        pair: PairView | None,
        bc_key: UUID | None,
        sales_key: UUID | None,
        coupling_id: int | None,
        state: OperationState = OperationState.PLANNED,
        problem: Problem | None = None,
    ) -> None:
        creates = write.kind == OperationKind.CREATE and problem is None
        own_table = self.blueprint.sales_table if write.system == SALES else self.blueprint.bc_table
        if (creates or write.is_step) and write.system == SALES:
            sales_key = write.record_id
        elif creates:
            bc_key = None
        if state == OperationState.PLANNED and not write.is_step and (write.kind, write.system) in _PLAN_KEYS:
            self.result.plan[_PLAN_KEYS[write.kind, write.system]] += 1
        bc, sales = (pair.bc, pair.sales) if pair is not None else (None, None)
        self.rows.append(
            JournalRow(
                system=write.system,
                table=write.table or own_table,
                kind=write.kind,
                state=state,
                bc_key=bc_key,
                sales_key=sales_key,
                coupling_id=coupling_id,
                record_id=write.record_id,
                title=write.title,
                before=write.before,
                after=write.after,
                expected_token=write.expected_token,
                bc_base=write.bc_base,
                sales_base=write.sales_base,
                bc_token=bc.token if bc else "",
                sales_token=sales.token if sales else "",
                code=problem.code if problem else "",
                message=problem.message if problem else "",
                hint=problem.hint if problem else "",
                details=marking.plain(problem.details) if problem else {},
            )
        )

    def _wait(self, bc_key: UUID | None, sales_key: UUID | None) -> None:
        self.waiting.append(PairRef(bc_key, sales_key))

    def write(self) -> None:
        self._write_marks()
        self._insert()
        put_back(job_id=None, mapping_id=self.mapping.pk, pairs=self.waiting)
        self.result.put_back = len(self.waiting)
        self._count_unchanged()
        changes: dict[str, Any] = {name: F(name) + count for name, count in self.result.counters.items() if count}
        if changes:
            SynchJob.objects.filter(pk=self.job.pk).update(**changes)

    def _count_unchanged(self) -> None:
        """A pair that this job wrote and looked at once more counts as written only."""
        if not self.unchanged:
            return
        written = Operation.objects.filter(job=self.job, state=OperationState.SETTLED, preview=False)
        keys = key_array(key for key in self.unchanged if key)
        known = {key for row in written.filter(Q(bc_key__in=keys) | Q(sales_key__in=keys)).values_list(
            "bc_key", "sales_key") for key in row}  # fmt: skip
        count = sum(1 for key in self.unchanged if key not in known)
        self.result.counters["unchanged"] += count
        self.result.plan["unchanged"] += count

    def _write_marks(self) -> None:
        Coupling.objects.filter(pk__in=self.uncoupled).delete()
        self._create_adopted()
        marking.agree(self.agreements, job_id=self.job.pk)
        marking.mark(self.marks)
        skipped = mark_failures(self.failures, job_id=self.job.pk)
        self.result.counters["skipped"] += len(skipped)
        self.result.counters["failed"] -= len(skipped)

    def _create_adopted(self) -> None:
        if not self.adopted:
            return
        ids = marking.couple_adopted(
            self.mapping, [(pair, decision.bc_base, decision.sales_base) for pair, decision in self.adopted],
            job_id=self.job.pk,
        )  # fmt: skip
        names: list[str] = []
        for pair, decision in self.adopted:
            bc_key, sales_key = pair.keys
            coupling_id = ids.get((bc_key, sales_key))
            if coupling_id is None:
                self._wait(bc_key, sales_key)
                self.result.counters["coupled"] -= 1
                continue
            self._add_adopted(pair, decision, coupling_id)
            for record in (pair.bc, pair.sales):
                if record is not None:
                    names += [text for text in (record.number, record.name, str(record.key)) if text]
        lift_dependents(mapping=self.mapping, names=names)

    def _add_adopted(self, pair: PairView, decision: Decision, coupling_id: int) -> None:
        bc_key, sales_key = pair.keys
        link = PlannedWrite(SALES, OperationKind.COUPLE, record_id=sales_key, title=pair.title)
        self._add(link, pair, bc_key, sales_key, coupling_id, OperationState.SETTLED)
        for write in decision.writes:
            self._add(write, pair, bc_key, sales_key, coupling_id)

    def _insert(self) -> None:
        """Whoever planned one of the pairs in the meantime keeps it; the constraint on open operations decides."""
        written = insert(
            self.rows,
            job_id=self.job.pk,
            slice_id=self.slice.pk if self.slice else None,
            connection_id=self.job.connection_id,
            mapping_id=self.mapping.pk,
        )
        for row in self.rows:
            if row.state != OperationState.PLANNED:
                continue
            if row.identity in written:
                self.result.operations += 1
            else:
                self._wait(row.bc_key, None if row.bc_key else row.sales_key)


def _in_hand(mapping: TableMapping, pairs: Sequence[PairView]) -> set[UUID]:
    """Keys of the pairs that have an open operation."""
    keys = [pair.keys for pair in pairs]
    rows = (
        Operation.objects.filter(mapping=mapping, state__in=OPEN_OPERATION_STATES, preview=False)
        .filter(
            Q(bc_key__in=key_array(bc_key for bc_key, _ in keys if bc_key))
            | Q(sales_key__in=key_array(sales_key for _, sales_key in keys if sales_key))
        )
        .values_list("bc_key", "sales_key")
    )
    return {key for row in rows for key in row if key is not None}


def _clash_values(decision: Decision, system: System) -> dict[str, Any]:
    """What one side holds of the clashing fields, under that side's names."""
    if system == SALES:
        return {merge.spec.sales_attribute: merge.sales_now for merge in decision.clashes}
    return {merge.spec.bc_name: merge.bc_now for merge in decision.clashes}
