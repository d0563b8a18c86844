"""The decision about one pair: what is written where, or why nothing is.

Pure: no clock, no database, no network. Everything it may know is in its arguments, so the same pair gives the same
decision in a preview, in the run and after a crash.

Order of the questions: is the coupling paused; is it to be removed; is a side gone; is there only one record; and if
both are there, what does the merge say.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from connector.choices import System
from syncjobs.choices import OperationKind
from syncjobs.engine import bodies
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.decide_single import decide_broken, decide_uncoupled, decide_uncoupling, is_marked, unmark
from syncjobs.engine.decision import Decision, Outcome, moved, refused
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.merge import Preference, RecordMerge, Sides, Verdict, merge_record, policy_winner
from syncjobs.engine.options import RunOptions
from syncjobs.engine.problems import clash
from syncjobs.engine.results import Problem
from syncjobs.engine.rules.base import Refusal, rule_for
from syncjobs.engine.views import CouplingView, PairView, RecordView
from syncjobs.engine.writes import PlannedWrite

BC, SALES = System.BUSINESS_CENTRAL, System.SALES


def decide(
    blueprint: Blueprint, pair: PairView, lookups: Lookups, options: RunOptions, *, new_key: UUID | None = None
) -> Decision:
    """Decides about `pair`. `new_key` is the key that a row created in Sales would get."""
    coupling, bc, sales = pair.coupling, pair.bc, pair.sales
    if coupling is not None:
        if options.uncouple:
            return decide_uncoupling(blueprint, sales)
        if coupling.skipped and not options.retry:
            return Decision(Outcome.SKIPPED, reason="coupling_skipped", missing=coupling.missing)
        if bc is None or sales is None:
            if rule_for(blueprint.name).outlives_partner and not (options.restore or options.delete_survivor):
                return Decision(Outcome.DROPPED, reason="partner_gone")
            return decide_broken(blueprint, coupling, bc, sales, lookups, options, new_key)
        return _coupled(blueprint, coupling, bc, sales, lookups, options)
    if options.uncouple and bc is None and sales is not None and is_marked(blueprint, sales):
        return Decision(Outcome.WRITE, writes=(unmark(OperationKind.UPDATE, sales),))
    if options.uncouple or options.restore or options.delete_survivor:
        return Decision(Outcome.SKIPPED, reason="not_coupled")
    if bc is not None and sales is not None:
        return _adopt(blueprint, bc, sales, lookups, options)
    source = bc or sales
    if source is None:
        return Decision(Outcome.DROPPED, reason="gone")
    return decide_uncoupled(blueprint, SALES if bc is not None else BC, source, lookups, options, new_key)


def _adopt(blueprint: Blueprint, bc: RecordView, sales: RecordView, lookups: Lookups, options: RunOptions) -> Decision:
    """The partner was recognised: coupled at once, and the source's values go across."""
    target = SALES if SALES in blueprint.targets else BC
    source = bc if target == SALES else sales
    if blueprint.only_coupled and not (options.create_side == target or options.ignore_only_coupled):
        return Decision(Outcome.DROPPED, reason="only_coupled")
    if target not in blueprint.targets or not source.in_filter:
        return Decision(Outcome.DROPPED, reason="outside_filter")
    rule, other = rule_for(blueprint.name), sales if target == SALES else bc
    refusal = rule.refuse(blueprint, target, source, lookups, coupled=True) or rule.keep(blueprint, target, other)
    if refusal is not None:
        return refused(refusal, target)
    sides = Sides(bc.values, sales.values, never=True)
    merged = merge_record(
        blueprint, sides, lookups=lookups, targets=frozenset({target}), preference=Preference(force=target.other)
    )
    decision = _carry_out(blueprint, merged, bc, sales, lookups, frozenset({target}))
    decision = _with_steps(blueprint, decision, PairView(None, bc, sales), lookups, frozenset({target}))
    if decision.outcome in (Outcome.UNCHANGED, Outcome.AGREED, Outcome.WRITE):
        outcome = Outcome.WRITE if decision.writes else Outcome.AGREED
        return Decision(outcome, decision.writes, bc_base=decision.bc_base, sales_base=decision.sales_base, adopts=True)
    return decision


def _coupled(
    blueprint: Blueprint,
    coupling: CouplingView,
    bc: RecordView,
    sales: RecordView,
    lookups: Lookups,
    options: RunOptions,
) -> Decision:
    outside = "" if bc.in_filter and sales.in_filter else (SALES if bc.in_filter else BC)
    rule = rule_for(blueprint.name)
    targets = frozenset(
        target for target in blueprint.targets if rule.beyond_filter or (bc if target == SALES else sales).in_filter
    )
    force = options.force_from
    sides = _sides(blueprint, coupling, bc, sales)
    if BC in blueprint.targets - targets and force != BC:
        last = _from_outside(blueprint, sides, bc, sales, lookups)
        if last is not None:
            return replace(last, outside_filter=outside)
    if force is not None and force.other in blueprint.targets and force.other not in targets:
        return Decision(Outcome.SKIPPED, reason="outside_filter", outside_filter=outside)
    within = targets
    for target in sorted(targets):
        source, other = (bc, sales) if target == SALES else (sales, bc)
        refusal = rule.refuse(blueprint, target, source, lookups, coupled=True)
        if refusal is None and (kept := rule.keep(blueprint, target, other)) is not None:
            if isinstance(kept, Refusal):
                targets -= {target}
                continue
            refusal = kept
        if refusal is not None:
            return replace(refused(refusal, target), outside_filter=outside)
    preference = Preference(force, options.winner, policy_winner(blueprint.update_policy), options.choices)
    merged = merge_record(blueprint, sides, lookups=lookups, targets=targets, preference=preference)
    if options.keep_newer and force is not None and _target_is_newer(merged, sides, force):
        return Decision(Outcome.SKIPPED, reason="target_is_newer", outside_filter=outside)
    decision = _carry_out(blueprint, merged, bc, sales, lookups, targets)
    decision = _with_steps(blueprint, decision, PairView(coupling, bc, sales), lookups, within)
    # Only a narrower run leaves a change waiting; a record outside the filter is dirty again once it comes back.
    again = within != blueprint.direction.targets and not outside and decision.again
    tokens_differ = (coupling.bc_token, coupling.sales_token) != (bc.token, sales.token)
    stale_marks = coupling.marked or coupling.missing or coupling.outside_filter != outside
    outcome = decision.outcome
    if outcome == Outcome.UNCHANGED and not again and (tokens_differ or stale_marks or not coupling.synchronised):
        outcome = Outcome.AGREED
    return Decision(
        outcome=outcome,
        writes=decision.writes,
        bc_base=decision.bc_base,
        sales_base=decision.sales_base,
        problem=decision.problem,
        target=decision.target,
        clashes=decision.clashes,
        again=again or decision.more,
        outside_filter=outside,
    )


def _from_outside(
    blueprint: Blueprint, sides: Sides, bc: RecordView, sales: RecordView, lookups: Lookups
) -> Decision | None:
    """What a row that left the filter in Sales still does to its record; None where that is nothing."""
    states, only_bc = blueprint.beyond_filter(), frozenset({BC})
    if states is None or sides.never:
        return None
    merged = merge_record(states, sides, lookups=lookups, targets=only_bc)
    return _carry_out(states, merged, bc, sales, lookups, only_bc) if merged.having(Verdict.TAKE_SALES) else None


def _with_steps(
    blueprint: Blueprint, decision: Decision, pair: PairView, lookups: Lookups, targets: frozenset[System]
) -> Decision:
    """What is left to be written beside the two records, once they themselves are in step."""
    rule = rule_for(blueprint.name)
    if not rule.has_steps or decision.outcome not in (Outcome.UNCHANGED, Outcome.AGREED):
        return decision
    steps = rule.steps(blueprint, pair, lookups)
    if isinstance(steps, Problem):
        return Decision(Outcome.FAILED, problem=steps, target=SALES)
    writes = tuple(step for step in steps if step.system in targets)
    outcome = Outcome.WRITE if writes and decision.outcome == Outcome.UNCHANGED else decision.outcome
    return replace(decision, outcome=outcome, writes=writes)


def _sides(blueprint: Blueprint, coupling: CouplingView, bc: RecordView, sales: RecordView) -> Sides:
    never = not coupling.synchronised
    bc_touched = never or _token_moved(coupling.bc_token, bc.token)
    sales_touched = never or _token_moved(coupling.sales_token, sales.token)
    if not (bc_touched and sales_touched):
        for spec in blueprint.fields:
            bc_touched = bc_touched or moved(spec.bc_name, bc.values, coupling.bc_base)
            sales_touched = sales_touched or moved(spec.sales_name, sales.values, coupling.sales_base)
    return Sides(
        bc.values,
        sales.values,
        coupling.bc_base,
        coupling.sales_base,
        never=never,
        bc_touched=bc_touched,
        sales_touched=sales_touched,
    )


def _token_moved(agreed: str, now: str) -> bool:
    return bool(agreed and now and agreed != now)


def _target_is_newer(merged: RecordMerge, sides: Sides, force: System) -> bool:
    """Whether carrying the chosen side across would overwrite something that the other side changed since."""
    overwrites = merged.having(Verdict.TAKE_BC if force == BC else Verdict.TAKE_SALES)
    return any((merge.sales_changed if force == BC else merge.bc_changed) for merge in overwrites)


def _carry_out(
    blueprint: Blueprint,
    merged: RecordMerge,
    bc: RecordView,
    sales: RecordView,
    lookups: Lookups,
    targets: frozenset[System],
) -> Decision:
    """The writes that a merge asks for; all or nothing per record."""
    if merged.problems:
        first = merged.problems[0]
        target = SALES if first.spec.to_sales and (first.bc_changed or not first.spec.to_bc) else BC
        return Decision(Outcome.FAILED, problem=first.problem, target=target)
    if merged.clashes:
        target = SALES if SALES in blueprint.targets else BC
        return Decision(Outcome.CONFLICT, problem=clash(merged.clashes), target=target, clashes=tuple(merged.clashes))
    agreed = bodies.agreed_bases(merged)
    writes: list[PlannedWrite] = []
    more = False
    for target, record in ((SALES, sales), (BC, bc)):
        if target not in targets:
            continue
        body = bodies.update_body(blueprint, target, merged, bc, sales, lookups)
        if isinstance(body, Problem):
            return Decision(Outcome.FAILED, problem=body, target=target)
        if not body.after:
            continue
        more = more or body.more
        writes.append(
            PlannedWrite(
                system=target,
                kind=OperationKind.UPDATE,
                record_id=record.key,
                before=body.before,
                after=body.after,
                expected_token="" if body.service else record.token,
                table=body.service,
                bc_base={**agreed[0], **body.bc_base},
                sales_base={**agreed[1], **body.sales_base},
                title=bc.title or sales.title,
            )
        )
    again = bool(merged.having(Verdict.WAITING))
    if writes:
        return Decision(Outcome.WRITE, tuple(writes), again=again, more=more)
    outcome = Outcome.AGREED if agreed[0] or agreed[1] else Outcome.UNCHANGED
    return Decision(outcome, bc_base=agreed[0], sales_base=agreed[1], again=again)
