"""Request bodies of planned writes, and what the coupling's base gains by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.choices import System
from syncjobs.engine.blueprint import Blueprint, FieldSpec
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.merge import MISSING, FieldMerge, RecordMerge, Verdict
from syncjobs.engine.results import SKIP, Problem
from syncjobs.engine.rules.base import Extra, rule_for
from syncjobs.engine.views import RecordView

BC, SALES = System.BUSINESS_CENTRAL, System.SALES


@dataclass(slots=True)
class Body:
    """`before` and `after` under wire names; bases under the names of mirrored values.

    `service` shows the properties where the mapping's own table does not; `more`: another service's wait for their
    turn, since a record is written once at a time.
    """

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    bc_base: dict[str, Any] = field(default_factory=dict)
    sales_base: dict[str, Any] = field(default_factory=dict)
    service: str = ""
    more: bool = False


def create_body(
    blueprint: Blueprint,
    target: System,
    source: RecordView,
    lookups: Lookups,
    given: Mapping[str, Any] | None = None,
) -> Body | Problem:
    """A new record in `target`: mapped values, then the table's own, then the template's, which therefore win.

    `given` are values that a person typed for this record; they win over everything.

    Blank values are left out, except where the target would put something else in their place. Every mapped value of
    the source enters the base, also where the target cannot take it: both sides agree that it is not carried.
    """
    body = Body()
    row = source.values
    for spec in blueprint.fields:
        if not (spec.to_sales if target == SALES else spec.to_bc):
            _note_source(body, spec, target, row)
            continue
        if target == BC and spec.bc_service:
            # Another service shows it, and only once the record exists: it follows as an update, and over whatever the
            # system has filled in by then.
            body.sales_base[spec.sales_name] = spec.converter.sales_blank
            continue
        problem = _add_created(body, spec, target, row, lookups)
        if problem is not None:
            return problem
    bc, sales = (source, None) if target == SALES else (None, source)
    extras = rule_for(blueprint.name).extras(blueprint, target, bc, sales, lookups)
    if isinstance(extras, Problem):
        return extras
    for extra in extras:
        if extra.write not in body.after:
            _add_extra(body, target, extra)
    template = blueprint.templates[target][source.template][1] if source.template is not None else {}
    for values in (template, given or {}):
        body.after.update(values)
        base = body.sales_base if target == SALES else body.bc_base
        base.update({name: value for name, value in values.items() if "@" not in name})
    return body


def update_body(
    blueprint: Blueprint,
    target: System,
    merged: RecordMerge,
    bc: RecordView,
    sales: RecordView,
    lookups: Lookups,
) -> Body | Problem:
    """What has to be changed in `target`; an empty `after` when nothing has to."""
    body = Body()
    writing = [merge for merge in merged.fields if (merge.writes_sales if target == SALES else merge.writes_bc)]
    services = sorted({merge.spec.bc_service for merge in writing}) if target == BC else []
    if services:
        body.service, body.more = services[0], len(services) > 1
    for merge in writing:
        if target == SALES or merge.spec.bc_service == body.service:
            _add_updated(body, target, merge)
    if body.service:
        return body
    extras = rule_for(blueprint.name).extras(blueprint, target, bc, sales, lookups)
    if isinstance(extras, Problem):
        return extras
    record = sales if target == SALES else bc
    differing = [extra for extra in extras if _differs(record.values.get(extra.read, MISSING), extra.value)]
    if body.after or any(extra.alone for extra in differing):
        for extra in differing:
            _add_extra(body, target, extra)
            if extra.write:
                body.before[extra.write] = record.values.get(extra.read)
    return body


def agreed_bases(merged: RecordMerge) -> tuple[dict[str, Any], dict[str, Any]]:
    """Base values of fields on which both sides agree without a write."""
    bc_base: dict[str, Any] = {}
    sales_base: dict[str, Any] = {}
    for merge in merged.having(Verdict.AGREE, Verdict.KEEP):
        bc_base[merge.spec.bc_name] = merge.bc_now
        sales_base[merge.spec.sales_name] = merge.sales_now
    return bc_base, sales_base


def _add_created(
    body: Body, spec: FieldSpec, target: System, row: Mapping[str, Any], lookups: Lookups
) -> Problem | None:
    if target == SALES:
        value = spec.for_sales(row, {}, lookups)
        name, blank, accepted = spec.sales_write, spec.converter.sales_blank, spec.sales_on_create
    else:
        value = spec.for_bc({}, row, lookups)
        name, blank, accepted = spec.bc_name, spec.converter.bc_blank, spec.bc_on_create
    if isinstance(value, Problem):
        return value
    if spec.constant is None and (spec.bc_name if target == SALES else spec.sales_name) not in row:
        return None
    if value is SKIP:
        _note_source(body, spec, target, row)
        return None
    if accepted and (value != blank or (target == SALES and spec.converter.explicit_null)):
        body.after[name] = spec.sales_body_value(value) if target == SALES else value
    if spec.constant is not None:
        if target == SALES:
            body.sales_base[spec.sales_name] = value
        else:
            body.bc_base[spec.bc_name] = value
        return None
    if target == SALES:
        body.bc_base[spec.bc_name] = row[spec.bc_name]
        body.sales_base[spec.sales_name] = value if accepted else None
    else:
        body.bc_base[spec.bc_name] = value if accepted else spec.converter.bc_blank
        body.sales_base[spec.sales_name] = row[spec.sales_name]
    return None


def _note_source(body: Body, spec: FieldSpec, target: System, row: Mapping[str, Any]) -> None:
    """A field that is not carried to the new record: its source's value is known all the same."""
    name = spec.bc_name if target == SALES else spec.sales_name
    if name in row and spec.constant is None:
        (body.bc_base if target == SALES else body.sales_base)[name] = row[name]


def _add_updated(body: Body, target: System, merge: FieldMerge) -> None:
    spec = merge.spec
    if target == SALES:
        body.before[spec.sales_write] = spec.sales_body_value(merge.sales_now)
        body.after[spec.sales_write] = spec.sales_body_value(merge.sales_after)
        body.sales_base[spec.sales_name] = merge.sales_after
        if spec.bc_name and merge.verdict is Verdict.TAKE_BC:
            body.bc_base[spec.bc_name] = merge.bc_now
        return
    body.before[spec.bc_name] = merge.bc_now
    body.after[spec.bc_name] = merge.bc_after
    body.bc_base[spec.bc_name] = merge.bc_after
    if spec.sales_name and merge.verdict is Verdict.TAKE_SALES:
        body.sales_base[spec.sales_name] = merge.sales_now


def _add_extra(body: Body, target: System, extra: Extra) -> None:
    if extra.write:
        body.after[extra.write] = extra.body
    if extra.read:
        (body.sales_base if target == SALES else body.bc_base)[extra.read] = extra.value


def _differs(now: Any, wanted: Any) -> bool:
    """An unknown value differs from everything; numbers compare by value."""
    if isinstance(now, str) and isinstance(wanted, str):
        return now.lower() != wanted.lower()
    return bool(now != wanted)
