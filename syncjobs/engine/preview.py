"""What one synchronisation of a pair would do, field by field, for the page on which somebody couples two records.

Uses the same loading, merging and converting as a run, over the mirror, and writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from connector.choices import Direction, System
from coupling.models import TableMapping
from coupling.synchronisation import UNREAD, FieldPreview, PairPreview
from coupling.synchronisation import Problem as ShownProblem
from syncjobs.engine.blueprint import Blueprint, FieldSpec
from syncjobs.engine.convert.references import OptionConverter, ReferenceConverter
from syncjobs.engine.decide import decide
from syncjobs.engine.load import load_slice
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.merge import FieldMerge, Preference, Sides, Verdict, merge_record
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.engine.results import SKIP, Problem
from syncjobs.engine.views import CouplingView, PairView, RecordView

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def preview_pair(
    *, mapping: TableMapping, bc_key: UUID | None, sales_key: UUID | None, force_from: System | None
) -> PairPreview:
    """Both keys: what synchronising would do, as if the two were coupled. One key: the record that would be created."""
    blueprint = Blueprint.of(mapping)
    options = RunOptions(force_from=force_from, create_side=BC if bc_key is None else SALES)
    if bc_key is not None and sales_key is not None:
        return _preview_both(blueprint, mapping, bc_key, sales_key, force_from)
    loaded = load_slice(blueprint, mapping.connection, [PairRef(bc_key, sales_key)], options)
    pair = loaded.pairs[0] if loaded.pairs else PairView()
    pair = PairView(None, pair.bc if bc_key else None, pair.sales if sales_key else None)
    source = pair.bc or pair.sales
    if source is None:
        return PairPreview(fields=(), unchanged=True)
    decision = decide(blueprint, pair, loaded.lookups, options, new_key=loaded.new_keys.get(source.key))
    fields = [_created(spec, source, bc_key is not None, loaded.lookups) for spec in blueprint.fields]
    problems = [_shown(decision.problem, None)] if decision.problem else []
    body = decision.writes[0].after if decision.writes else {}
    return PairPreview(fields=[line for line in fields if line], problems=problems, never=True, body=body)


def _preview_both(
    blueprint: Blueprint, mapping: TableMapping, bc_key: UUID, sales_key: UUID, force_from: System | None
) -> PairPreview:
    loaded = load_slice(blueprint, mapping.connection, [PairRef(bc_key, sales_key)], RunOptions())
    coupling: CouplingView | None = None
    bc: RecordView | None = None
    sales: RecordView | None = None
    for pair in loaded.pairs:
        if pair.coupling and (pair.coupling.bc_key, pair.coupling.sales_key) == (bc_key, sales_key):
            coupling = pair.coupling
        bc = pair.bc if pair.bc and pair.bc.key == bc_key else bc
        sales = pair.sales if pair.sales and pair.sales.key == sales_key else sales
    never = coupling is None or not coupling.synchronised
    bc_row: Mapping[str, Any] = bc.values if bc else {}
    sales_row: Mapping[str, Any] = sales.values if sales else {}
    sides = Sides(
        bc_row,
        sales_row,
        coupling.bc_base if coupling else {},
        coupling.sales_base if coupling else {},
        never=never,
    )
    merged = merge_record(
        blueprint,
        sides,
        lookups=loaded.lookups,
        targets=blueprint.targets,
        preference=Preference(force=force_from),
        everything=True,
    )
    fields = [_line(merge, sides, loaded.lookups) for merge in merged.fields]
    problems = [_shown(merge.problem, merge.spec) for merge in merged.problems if merge.problem]
    unchanged = not any(line.writes_bc or line.writes_sales or line.clash for line in fields) and not problems
    return PairPreview(fields=fields, problems=problems, never=never, unchanged=unchanged)


def _line(merge: FieldMerge, sides: Sides, lookups: Lookups) -> FieldPreview:
    spec = merge.spec
    bc_now, sales_now = sides.bc.get(spec.bc_name), sides.sales.get(spec.sales_name)
    bc_after = merge.bc_after if merge.writes_bc else bc_now
    sales_after = merge.sales_after if merge.writes_sales else sales_now
    equal = merge.verdict in (Verdict.UNCHANGED, Verdict.AGREE) or (
        spec.constant is None and spec.converter.equal(bc_now, sales_now, sides.bc, sides.sales, lookups)
    )
    if merge.verdict is Verdict.UNCHANGED and spec.constant is None:
        equal = spec.converter.equal(bc_now, sales_now, sides.bc, sides.sales, lookups)
    return _field(
        spec,
        lookups,
        now=(bc_now, sales_now),
        after=(bc_after, sales_after),
        equal=equal,
        changed=(merge.bc_changed, merge.sales_changed),
        writes=(merge.writes_bc, merge.writes_sales),
        clash=merge.verdict is Verdict.CLASH,
        problem=merge.problem.message if merge.problem else "",
    )


def _created(spec: FieldSpec, source: RecordView, to_sales: bool, lookups: Lookups) -> FieldPreview | None:
    """The line of a record that is created; None for a field that does not travel that way."""
    if not (spec.to_sales if to_sales else spec.to_bc):
        return None
    empty: Mapping[str, Any] = {}
    row = source.values
    value = spec.for_sales(row, empty, lookups) if to_sales else spec.for_bc(empty, row, lookups)
    if value is SKIP and not spec.field_id:
        return None
    problem = value.message if isinstance(value, Problem) else ""
    value = None if isinstance(value, Problem) or value is SKIP else value
    now = row.get(spec.bc_name if to_sales else spec.sales_name)
    writes = value not in (None, spec.converter.bc_blank, spec.converter.sales_blank)
    return _field(
        spec,
        lookups,
        now=(now, None) if to_sales else (None, now),
        after=(now, value) if to_sales else (value, now),
        equal=False,
        changed=(to_sales, not to_sales),
        writes=(writes and not to_sales, writes and to_sales),
        clash=False,
        problem=problem,
    )


def _field(
    spec: FieldSpec,
    lookups: Lookups,
    *,
    now: tuple[Any, Any],
    after: tuple[Any, Any],
    equal: bool,
    changed: tuple[bool, bool],
    writes: tuple[bool, bool],
    clash: bool,
    problem: str,
) -> FieldPreview:
    direction = Direction.BIDIRECTIONAL
    if not spec.two_way:
        direction = Direction.TO_SALES if spec.to_sales else Direction.TO_BUSINESS_CENTRAL
    return FieldPreview(
        field_id=spec.field_id,
        bc_property=spec.bc_name,
        bc_label=spec.label,
        sales_attribute=spec.sales_attribute,
        direction=direction,
        bc_now=now[0],
        sales_now=now[1],
        bc_after=after[0],
        sales_after=after[1],
        bc_now_text=_bc_text(spec, now[0], lookups),
        sales_now_text=_sales_text(spec, now[1], lookups),
        bc_after_text=_bc_text(spec, after[0], lookups),
        sales_after_text=_sales_text(spec, after[1], lookups),
        equal=equal,
        bc_changed=changed[0],
        sales_changed=changed[1],
        writes_bc=writes[0],
        writes_sales=writes[1],
        clash=clash,
        problem=problem,
    )


def _bc_text(spec: FieldSpec, value: Any, lookups: Lookups) -> str:
    """What people read: the code behind an id, yes and no, nothing for a blank."""
    form = None if value is None else spec.converter.bc_form(value)
    if form is None:
        return ""
    if isinstance(spec.converter, OptionConverter):
        code = lookups.option_code(spec.converter.column, str(form))
        return UNREAD if _GUID.fullmatch(code) else code
    return _plain_text(form)


def _sales_text(spec: FieldSpec, value: Any, lookups: Lookups) -> str:
    """What people read: the label of an option, the number or name of a looked-up row."""
    form = None if value is None else spec.converter.sales_form(value)
    if form is None:
        return ""
    if isinstance(spec.converter, OptionConverter):
        return lookups.option_reference(spec.converter.column, form, by_id=False) or str(form)
    if isinstance(spec.converter, ReferenceConverter):
        role = spec.converter.role
        if form == lookups.owning_team:
            return "the owning team"
        if form == lookups.local_currency_key:
            return lookups.local_currency
        return lookups.number(role, str(form)) or lookups.sales_name(role, str(form)) or UNREAD
    return _plain_text(form)


def _plain_text(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)


def _shown(problem: Problem | None, spec: FieldSpec | None) -> ShownProblem:
    if problem is None:
        raise ValueError("Nothing to show.")
    return ShownProblem(
        code=problem.code,
        message=problem.message,
        hint=problem.hint,
        field_id=spec.field_id if spec is not None else None,
        needs=str(problem.details.get("number", "")),
        needs_mapping=str(problem.details.get("mapping", "")),
    )
