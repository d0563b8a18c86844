"""Decisions about a pair that has one record only, or is to be none: creation, a partner that is gone, uncoupling.

Pure, as `decide` is.
"""

from __future__ import annotations

from uuid import UUID

from connector.choices import System
from coupling.choices import DeletionConflict, MissingSide
from syncjobs.choices import OperationKind
from syncjobs.engine import bodies
from syncjobs.engine.blueprint import COMPANY_READ, COMPANY_WRITE, Blueprint
from syncjobs.engine.decision import Decision, Outcome, moved, refused
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.options import RunOptions
from syncjobs.engine.problems import deletions_held, outside_filter, partner_deleted, survivor_changed
from syncjobs.engine.results import Problem
from syncjobs.engine.rules.base import rule_for
from syncjobs.engine.views import CouplingView, RecordView
from syncjobs.engine.writes import PlannedWrite

BC, SALES = System.BUSINESS_CENTRAL, System.SALES


def decide_uncoupled(
    blueprint: Blueprint,
    target: System,
    source: RecordView,
    lookups: Lookups,
    options: RunOptions,
    new_key: UUID | None,
) -> Decision:
    wanted = options.create_side == target
    if blueprint.only_coupled and not (wanted or options.ignore_only_coupled):
        return Decision(Outcome.DROPPED, reason="only_coupled")
    if target not in blueprint.targets or (options.create_side is not None and not wanted):
        return Decision(Outcome.DROPPED, reason="direction")
    if not source.in_filter:
        if wanted:
            return Decision(Outcome.FAILED, problem=outside_filter(source, target.other), target=target)
        return Decision(Outcome.DROPPED, reason="outside_filter")
    return _create(blueprint, target, source, lookups, options, new_key)


def _create(
    blueprint: Blueprint,
    target: System,
    source: RecordView,
    lookups: Lookups,
    options: RunOptions,
    new_key: UUID | None,
) -> Decision:
    refusal = rule_for(blueprint.name).refuse(blueprint, target, source, lookups, coupled=False)
    if refusal is not None:
        return refused(refusal, target)
    body = bodies.create_body(blueprint, target, source, lookups, options.values)
    if isinstance(body, Problem):
        return Decision(Outcome.FAILED, problem=body, target=target)
    write = PlannedWrite(
        system=target,
        kind=OperationKind.CREATE,
        record_id=new_key if target == SALES else None,
        after=body.after,
        bc_base=body.bc_base,
        sales_base=body.sales_base,
        title=source.title,
    )
    return Decision(Outcome.WRITE, writes=(write,))


def decide_broken(
    blueprint: Blueprint,
    coupling: CouplingView,
    bc: RecordView | None,
    sales: RecordView | None,
    lookups: Lookups,
    options: RunOptions,
    new_key: UUID | None,
) -> Decision:
    survivor = bc or sales
    if survivor is None:
        return Decision(Outcome.UNCOUPLE, reason="both_gone")
    gone = BC if bc is None else SALES
    if options.delete_survivor:
        return _delete_survivor(gone.other, survivor)
    policy = DeletionConflict.NONE if options.force_from is not None else blueprint.deletion_policy
    if policy == DeletionConflict.REMOVE_COUPLING and not options.restore:
        return decide_uncoupling(blueprint, sales)
    restores = options.restore or policy == DeletionConflict.RESTORE_RECORDS
    if restores and gone in blueprint.targets:
        return _create(blueprint, gone, survivor, lookups, options, new_key)
    gone_key = coupling.bc_key if gone == BC else coupling.sales_key
    problem = partner_deleted(survivor, gone, gone_key)
    if policy == DeletionConflict.PROPAGATE and gone.other in blueprint.targets and survivor.in_filter:
        if _survivor_changed(blueprint, coupling, gone.other, survivor):
            problem = survivor_changed(survivor, gone, gone_key)
        elif not options.hold_deletions:
            return _delete_survivor(gone.other, survivor)
        else:
            problem = deletions_held(survivor, gone, options.hold_deletions)
    missing = MissingSide.BUSINESS_CENTRAL if gone == BC else MissingSide.SALES
    return Decision(Outcome.FAILED, problem=problem, target=gone, missing=missing)


def _delete_survivor(system: System, survivor: RecordView) -> Decision:
    write = PlannedWrite(
        system=system,
        kind=OperationKind.DELETE,
        record_id=survivor.key,
        before=survivor.values,
        expected_token=survivor.token,
        title=survivor.title,
    )
    return Decision(Outcome.WRITE, writes=(write,))


def _survivor_changed(blueprint: Blueprint, coupling: CouplingView, system: System, survivor: RecordView) -> bool:
    """Whether somebody still works with a record whose partner was deleted: it differs from what was agreed on.

    States do not count: nothing of them is agreed on until one travels, and who retires a record does not need it.
    """
    if not coupling.synchronised:
        return True
    base = coupling.bc_base if system == BC else coupling.sales_base
    fields = [spec for spec in blueprint.fields if spec.constant is None and not spec.beyond_filter]
    return any(moved(spec.bc_name if system == BC else spec.sales_name, survivor.values, base) for spec in fields)


def decide_uncoupling(blueprint: Blueprint, sales: RecordView | None) -> Decision:
    """The link goes, and with it the mark of this company on the Sales row."""
    if sales is None or not is_marked(blueprint, sales):
        return Decision(Outcome.UNCOUPLE, reason="uncoupled")
    return Decision(Outcome.WRITE, writes=(unmark(OperationKind.UNCOUPLE, sales),))


def is_marked(blueprint: Blueprint, sales: RecordView) -> bool:
    """The row carries this company's marker; another company's is none of our business."""
    marker = str(sales.values.get(COMPANY_READ) or "").lower()
    return blueprint.carries_marker and marker == blueprint.facts.company_row


def unmark(kind: OperationKind, sales: RecordView) -> PlannedWrite:
    """Takes the company marker away: with the coupling, or from a row that kept it after its coupling went."""
    return PlannedWrite(
        system=SALES,
        kind=kind,
        record_id=sales.key,
        before={COMPANY_WRITE: f"/bcbi_companies({str(sales.values[COMPANY_READ]).lower()})"},
        after={COMPANY_WRITE: None},
        expected_token=sales.token,
        sales_base={COMPANY_READ: None},
        title=sales.title,
    )
