"""Three-way merge of one pair, field by field: what both sides agreed on, what each holds now, what it should hold.

Pure. A two-way field that changed on one side travels to the other; changed on both sides to the same meaning, it
agrees; changed to different values, it is a clash, which a policy or a person settles. A one-way field follows its
source whenever the source record was touched, whatever the target made of it. A value that was never mirrored is
unknown, not empty: its field is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from connector.choices import System
from coupling.choices import UpdateConflict
from syncjobs.engine.blueprint import Blueprint, FieldSpec
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.results import SKIP, Problem


class _Missing:
    """No value: never agreed on, or never read."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()

Values = Mapping[str, Any]


class Verdict(StrEnum):
    """What becomes of one field."""

    UNCHANGED = "unchanged"  # nothing happened since both sides agreed
    AGREE = "agree"  # something happened, and both sides mean the same now
    TAKE_BC = "take_bc"
    TAKE_SALES = "take_sales"
    TAKE_VALUE = "take_value"  # both sides get a value that a person chose
    KEEP = "keep"  # changed, but the target keeps what it has (not-null, a column that cannot be written)
    CLASH = "clash"
    WAITING = "waiting"  # changed, but this run does not write to the other side
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class FieldMerge:
    """The verdict on one field. `sales_after` and `bc_after` are what the sides hold once the verdict is carried out;
    a side is written where the value differs from what it has now.
    """

    spec: FieldSpec
    verdict: Verdict
    bc_now: Any = None
    sales_now: Any = None
    bc_after: Any = None
    sales_after: Any = None
    bc_changed: bool = False
    sales_changed: bool = False
    problem: Problem | None = None

    @property
    def writes_sales(self) -> bool:
        return self.verdict is Verdict.TAKE_BC or (
            self.verdict is Verdict.TAKE_VALUE and self.spec.to_sales and self.sales_after != self.sales_now
        )

    @property
    def writes_bc(self) -> bool:
        return self.verdict is Verdict.TAKE_SALES or (
            self.verdict is Verdict.TAKE_VALUE and self.spec.to_bc and self.bc_after != self.bc_now
        )


@dataclass(frozen=True, slots=True)
class Sides:
    """One pair's values and what is known of their past.

    `never`: the pair has not agreed on anything yet, so everything counts as changed. `bc_touched`/`sales_touched`:
    the record was written since, mapped or not.
    """

    bc: Values
    sales: Values
    bc_base: Values = field(default_factory=dict)
    sales_base: Values = field(default_factory=dict)
    never: bool = False
    bc_touched: bool = True
    sales_touched: bool = True


@dataclass(frozen=True, slots=True)
class Preference:
    """Who wins. `force`: that side wins for every field mapped away from it, changed or not. `winner`: that side wins
    a clash, as a person decided. `policy`: that side wins a clash of a field without a policy of its own.
    `choices`: field name → "business_central", "sales" or a value in Business Central's terms.
    """

    force: System | None = None
    winner: System | None = None
    policy: System | None = None
    choices: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordMerge:
    """All fields of a pair. `fields` leaves out what is unchanged, unless everything was asked for."""

    fields: tuple[FieldMerge, ...]

    def having(self, *verdicts: Verdict) -> list[FieldMerge]:
        return [merge for merge in self.fields if merge.verdict in verdicts]

    @property
    def clashes(self) -> list[FieldMerge]:
        return self.having(Verdict.CLASH)

    @property
    def problems(self) -> list[FieldMerge]:
        return self.having(Verdict.PROBLEM)


def merge_record(
    blueprint: Blueprint,
    sides: Sides,
    *,
    lookups: Lookups,
    targets: frozenset[System],
    preference: Preference = Preference(),
    everything: bool = False,
) -> RecordMerge:
    """Merges all fields. `targets` are the systems this run may write to; `everything` keeps unchanged fields too.

    Without per-field merging, any two-way field changed on either side makes every differing two-way field a clash.
    """
    merged = _merge_fields(blueprint, sides, lookups, targets, preference, everything)
    if blueprint.merge_fields or preference.force is not None:
        return merged
    two_way = [merge for merge in merged.fields if merge.spec.two_way]
    both = any(merge.bc_changed for merge in two_way) and any(merge.sales_changed for merge in two_way)
    differing = [merge for merge in two_way if merge.verdict not in (Verdict.UNCHANGED, Verdict.AGREE)]
    if not (both and differing):
        return merged
    if (winner := preference.winner or preference.policy) is not None:
        whole = Preference(force=winner, choices=preference.choices)
        return _merge_fields(blueprint, sides, lookups, targets, whole, everything)
    return RecordMerge(tuple(_as_clash(merge, preference) if merge in differing else merge for merge in merged.fields))


def _merge_fields(
    blueprint: Blueprint,
    sides: Sides,
    lookups: Lookups,
    targets: frozenset[System],
    preference: Preference,
    everything: bool,
) -> RecordMerge:
    found: list[FieldMerge] = []
    settled = preference.force is None and not preference.choices and not sides.never
    for spec in blueprint.fields:
        if settled and not everything and _untouched(spec, sides):
            continue
        merge = merge_field(spec, sides, lookups=lookups, targets=targets, preference=preference)
        if everything or merge.verdict is not Verdict.UNCHANGED:
            found.append(merge)
    return RecordMerge(tuple(found))


def _untouched(spec: FieldSpec, sides: Sides) -> bool:
    """The fast way out: the raw values are those of the base, and no one-way target needs comparing."""
    if spec.constant is not None:
        return not (sides.bc_touched or sides.sales_touched)
    if not spec.two_way and (sides.bc_touched if spec.to_sales else sides.sales_touched):
        return False
    bc_name, sales_name = spec.bc_name, spec.sales_name
    return (
        bc_name in sides.bc_base
        and sales_name in sides.sales_base
        and sides.bc.get(bc_name, MISSING) == sides.bc_base[bc_name]
        and sides.sales.get(sales_name, MISSING) == sides.sales_base[sales_name]
    )


def merge_field(
    spec: FieldSpec,
    sides: Sides,
    *,
    lookups: Lookups,
    targets: frozenset[System],
    preference: Preference = Preference(),
) -> FieldMerge:
    """The verdict on one field."""
    if spec.constant is not None:
        return _merge_constant(spec, sides, targets)
    bc_now = sides.bc.get(spec.bc_name, MISSING)
    sales_now = sides.sales.get(spec.sales_name, MISSING)
    if bc_now is MISSING or sales_now is MISSING:
        return FieldMerge(spec, Verdict.UNCHANGED)
    bc_changed, sales_changed = _changes(spec, sides, bc_now, sales_now)
    state = FieldMerge(
        spec,
        Verdict.UNCHANGED,
        bc_now,
        sales_now,
        bc_now,
        sales_now,
        bc_changed=bc_changed,
        sales_changed=sales_changed,
    )
    source = _source(spec, sides, state, preference)
    if source is None:
        return state
    if spec.converter.equal(bc_now, sales_now, sides.bc, sides.sales, lookups):
        return _with(state, Verdict.AGREE) if _base_differs(spec, sides, bc_now, sales_now) else state
    if source == "clash":
        return _with(state, Verdict.CLASH)
    if source == "value":
        return _take_value(state, sides, preference.choices[spec.name], lookups)
    return _take(state, sides, System(source), targets, lookups)


def _changes(spec: FieldSpec, sides: Sides, bc_now: Any, sales_now: Any) -> tuple[bool, bool]:
    """Whether each side changed since both agreed. What a synchronised pair never agreed on starts from blank.

    A side whose past alone is unknown (the system filled in a value when the record was made) gives way to the other.
    """
    if sides.never:
        return True, True
    converter = spec.converter
    bc_base = sides.bc_base.get(spec.bc_name, MISSING)
    sales_base = sides.sales_base.get(spec.sales_name, MISSING)
    unknown = (bc_base is MISSING) != (sales_base is MISSING)
    known_bc = bc_base is not MISSING
    if not known_bc:
        bc_base = converter.bc_blank
    if sales_base is MISSING:
        sales_base = converter.sales_blank
    bc_changed = bc_now != bc_base and converter.bc_form(bc_now) != converter.bc_form(bc_base)
    sales_changed = sales_now != sales_base and converter.sales_form(sales_now) != converter.sales_form(sales_base)
    if unknown and bc_changed and sales_changed:
        return known_bc, not known_bc
    return bc_changed, sales_changed


def _source(spec: FieldSpec, sides: Sides, state: FieldMerge, preference: Preference) -> str | None:
    """Whose value goes: a system, "clash", "value", or None where nothing happened that matters to this field."""
    if preference.force is not None:
        away = spec.to_sales if preference.force == System.BUSINESS_CENTRAL else spec.to_bc
        return preference.force if away else None
    if not spec.two_way:
        if spec.to_sales:
            return System.BUSINESS_CENTRAL if state.bc_changed or sides.bc_touched else None
        return System.SALES if state.sales_changed or sides.sales_touched else None
    if spec.name in preference.choices:
        choice = preference.choices[spec.name]
        return choice if choice in (System.BUSINESS_CENTRAL, System.SALES) else "value"
    if state.bc_changed and state.sales_changed:
        return preference.winner or policy_winner(spec.conflict, preference.policy) or "clash"
    if state.bc_changed:
        return System.BUSINESS_CENTRAL
    return System.SALES if state.sales_changed else None


def policy_winner(policy: str, otherwise: System | None = None) -> System | None:
    """The side that a conflict policy lets win; None where it leaves the decision to a person."""
    if policy == UpdateConflict.SEND_TO_SALES:
        return System.BUSINESS_CENTRAL
    if policy == UpdateConflict.GET_FROM_SALES:
        return System.SALES
    return otherwise if not policy else None


def _take(state: FieldMerge, sides: Sides, source: System, targets: frozenset[System], lookups: Lookups) -> FieldMerge:
    """Carries one side's value to the other."""
    spec = state.spec
    from_bc = source == System.BUSINESS_CENTRAL
    if source.other not in targets:
        return _with(state, Verdict.WAITING)
    if not (spec.sales_on_update if from_bc else spec.bc_on_update):
        return _with(state, Verdict.KEEP)
    value = (spec.for_sales if from_bc else spec.for_bc)(sides.bc, sides.sales, lookups)
    if isinstance(value, Problem):
        return _with(state, Verdict.PROBLEM, problem=value)
    if value is SKIP:
        return _with(state, Verdict.KEEP)
    form, now = (spec.converter.sales_form, state.sales_now) if from_bc else (spec.converter.bc_form, state.bc_now)
    if form(value) == form(now):
        return _with(state, Verdict.AGREE)
    if from_bc:
        return _with(state, Verdict.TAKE_BC, sales_after=value)
    return _with(state, Verdict.TAKE_SALES, bc_after=value)


def _take_value(state: FieldMerge, sides: Sides, chosen: Any, lookups: Lookups) -> FieldMerge:
    """Both sides get a value given in Business Central's terms."""
    spec = state.spec
    value = spec.for_sales({**sides.bc, spec.bc_name: chosen}, sides.sales, lookups)
    if isinstance(value, Problem):
        return _with(state, Verdict.PROBLEM, problem=value)
    return _with(state, Verdict.TAKE_VALUE, bc_after=chosen, sales_after=value)


def _merge_constant(spec: FieldSpec, sides: Sides, targets: frozenset[System]) -> FieldMerge:
    """A constant is put right when its source side was touched."""
    to_sales = spec.to_sales
    now = sides.sales.get(spec.sales_name, MISSING) if to_sales else sides.bc.get(spec.bc_name, MISSING)
    writable = spec.sales_on_update if to_sales else spec.bc_on_update
    target = System.SALES if to_sales else System.BUSINESS_CENTRAL
    touched = sides.bc_touched if to_sales else sides.sales_touched
    if now is MISSING or now == spec.constant or not (writable and touched and target in targets):
        return FieldMerge(spec, Verdict.UNCHANGED)
    if to_sales:
        return FieldMerge(spec, Verdict.TAKE_BC, sales_now=now, sales_after=spec.constant)
    return FieldMerge(spec, Verdict.TAKE_SALES, bc_now=now, bc_after=spec.constant)


def _base_differs(spec: FieldSpec, sides: Sides, bc_now: Any, sales_now: Any) -> bool:
    return (
        sides.bc_base.get(spec.bc_name, MISSING) != bc_now
        or sides.sales_base.get(spec.sales_name, MISSING) != sales_now
    )


def _as_clash(merge: FieldMerge, preference: Preference) -> FieldMerge:
    return merge if merge.spec.name in preference.choices else _with(merge, Verdict.CLASH)


def _with(state: FieldMerge, verdict: Verdict, **changes: Any) -> FieldMerge:
    values = {
        "bc_now": state.bc_now,
        "sales_now": state.sales_now,
        "bc_after": state.bc_now,
        "sales_after": state.sales_now,
        "bc_changed": state.bc_changed,
        "sales_changed": state.sales_changed,
    }
    return FieldMerge(state.spec, verdict, **{**values, **changes})
