"""Loads the pairs of a slice: couplings, both records, filter membership, partners that rules recognise, lookups.

A constant number of queries for any number of pairs; everything after it is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Case, IntegerField, Value, When

from connector.choices import System
from connector.models import Connection
from coupling.filters import filter_condition
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.keys import derived_key, key_array
from syncjobs.engine.lookups import Lookups, load, lookups_of, want_pair
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.engine.rules import rule_for
from syncjobs.engine.views import CouplingView, PairView, RecordView

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
_EMPTY: Mapping[str, Any] = {}


@dataclass(slots=True)
class LoadedSlice:
    """Pairs in the order of the references, each once. `new_keys`: BC key → key a row created in Sales gets."""

    pairs: list[PairView] = field(default_factory=list)
    lookups: Lookups = field(default_factory=Lookups)
    new_keys: dict[UUID, UUID] = field(default_factory=dict)


def load_slice(
    blueprint: Blueprint, connection: Connection, references: Sequence[PairRef], options: RunOptions
) -> LoadedSlice:
    """Loads `references`. A record that is coupled under another mapping is left to that one."""
    couplings = _couplings(blueprint, connection, references)
    keys = _distinct(references, couplings, blueprint)
    bc_rows = _records(blueprint, connection, BC, {pair[1] for pair in keys if pair[1]})
    sales_rows = _records(blueprint, connection, SALES, {pair[2] for pair in keys if pair[2]})
    pairs = [
        PairView(coupling, bc_rows.get(bc_key) if bc_key else None, sales_rows.get(sales_key) if sales_key else None)
        for coupling, bc_key, sales_key in keys
    ]
    if not blueprint.only_coupled or options.ignore_only_coupled or options.create_side is not None:
        pairs = _adopt(blueprint, connection, pairs)
    loaded = LoadedSlice(pairs, lookups_of(blueprint))
    rule = rule_for(blueprint.name)
    for pair in pairs:
        bc_row = pair.bc.values if pair.bc else _EMPTY
        sales_row = pair.sales.values if pair.sales else _EMPTY
        want_pair(blueprint, loaded.lookups, bc_row, sales_row)
        rule.want(loaded.lookups, bc_row, sales_row)
    load(blueprint, loaded.lookups, connection)
    rule.load(blueprint, loaded.lookups, connection, [pair.bc for pair in pairs if pair.bc])
    if SALES in blueprint.targets:
        creating = [pair.bc.key for pair in pairs if pair.bc is not None and pair.sales is None]
        loaded.new_keys = _new_keys(blueprint, connection, creating)
    return loaded


_Key = tuple[CouplingView | None, UUID | None, UUID | None]


def _couplings(
    blueprint: Blueprint, connection: Connection, references: Sequence[PairRef]
) -> tuple[dict[UUID, tuple[int, CouplingView]], dict[UUID, tuple[int, CouplingView]]]:
    """Couplings of the referenced records by BC key and by Sales key, with the id of their mapping."""
    columns = (
        "mapping_id",
        "pk",
        "bc_key",
        "sales_key",
        "bc_base",
        "sales_base",
        "bc_token",
        "sales_token",
        "last_synchronised_at",
        "skipped_at",
        "error_code",
        "conflict",
        "missing",
        "outside_filter",
    )
    mine = Coupling.objects.filter(connection=connection)
    rows = [
        *mine.filter(
            bc_table=blueprint.bc_table, bc_key__in=key_array({pair.bc_key for pair in references if pair.bc_key})
        ).values_list(*columns),
        *mine.filter(
            sales_table=blueprint.sales_table,
            sales_key__in=key_array({pair.sales_key for pair in references if pair.sales_key}),
        ).values_list(*columns),
    ]
    by_bc, by_sales = {}, {}
    for mapping_id, pk, bc_key, sales_key, *rest in rows:
        bc_base, sales_base, bc_token, sales_token, agreed_at, skipped_at, error, conflict, missing, outside = rest
        view = CouplingView(
            id=pk,
            bc_key=bc_key,
            sales_key=sales_key,
            bc_base=bc_base,
            sales_base=sales_base,
            bc_token=bc_token,
            sales_token=sales_token,
            synchronised=agreed_at is not None,
            skipped=skipped_at is not None,
            marked=bool(error) or conflict,
            missing=missing,
            outside_filter=outside,
        )
        by_bc[bc_key] = by_sales[sales_key] = (mapping_id, view)
    return by_bc, by_sales


def _distinct(
    references: Sequence[PairRef],
    couplings: tuple[dict[UUID, tuple[int, CouplingView]], dict[UUID, tuple[int, CouplingView]]],
    blueprint: Blueprint,
) -> list[_Key]:
    """Each pair once, under its coupling where it has one. Two keys without a coupling are two records."""
    by_bc, by_sales = couplings
    found: dict[Any, _Key] = {}
    for reference in references:
        for bc_key, sales_key in ((reference.bc_key, None), (None, reference.sales_key)):
            if bc_key is None and sales_key is None:
                continue
            known = by_bc.get(bc_key) if bc_key else by_sales.get(sales_key)  # type: ignore[arg-type]
            if known is None:
                found.setdefault(bc_key or sales_key, (None, bc_key, sales_key))
            elif known[0] == blueprint.mapping_id:
                coupling = known[1]
                found.setdefault(coupling.id, (coupling, coupling.bc_key, coupling.sales_key))
    return list(found.values())


def _records(
    blueprint: Blueprint, connection: Connection, system: System, keys: Iterable[UUID]
) -> dict[UUID, RecordView]:
    """Living records by key, with what the database says about filter and template."""
    keys = list(keys)
    if not keys:
        return {}
    model = BusinessCentralRecord if system == BC else SalesRecord
    table = blueprint.bc_table if system == BC else blueprint.sales_table
    rows = model.objects.of_table(connection.pk, table).alive().filter(key__in=key_array(keys))
    text = blueprint.bc_filter if system == BC else blueprint.sales_filter
    parameters = blueprint.filter_parameters
    if text.strip():
        inside = When(filter_condition(text, system=system, parameters=parameters), then=Value(True))
        rows = rows.annotate(inside=Case(inside, default=Value(False), output_field=BooleanField()))
    else:
        rows = rows.annotate(inside=Value(True))
    templates = blueprint.templates[system.other]
    fits = [
        When(filter_condition(condition, system=system, parameters=parameters), then=Value(position))
        for position, (condition, _) in enumerate(templates)
        if condition.strip()
    ]
    unconditional = next((at for at, (condition, _) in enumerate(templates) if not condition.strip()), None)
    fits = [when for at, when in enumerate(fits) if unconditional is None or at < unconditional]
    template: Any = Value(unconditional, output_field=IntegerField())
    if fits:
        template = Case(*fits, default=template, output_field=IntegerField())
    found = rows.annotate(fitting=template).values_list(
        "key", "number", "name", "token", "values", "modified_at", "inside", "fitting"
    )
    return {row[0]: RecordView(*row) for row in found}


def _adopt(blueprint: Blueprint, connection: Connection, pairs: list[PairView]) -> list[PairView]:
    """Joins uncoupled records with the partners that the table's rule recognises."""
    rule = rule_for(blueprint.name)
    partner_of: dict[UUID, UUID] = {}
    for system in System:
        loose = [
            record
            for pair in pairs
            if pair.coupling is None and (record := pair.bc if system == BC else pair.sales) and record.in_filter
        ]
        if loose:
            partner_of.update(rule.partners(blueprint, connection, system, loose))
    if not partner_of:
        return pairs
    wanted = set(partner_of.values())
    bc_rows = _records(blueprint, connection, BC, wanted)
    sales_rows = _records(blueprint, connection, SALES, wanted)
    joined = []
    for pair in pairs:
        source = pair.bc or pair.sales
        if pair.coupling is not None or source is None or source.key not in partner_of:
            joined.append(pair)
            continue
        partner = partner_of[source.key]
        if pair.bc is not None:
            joined.append(replace(pair, sales=sales_rows.get(partner)))
        else:
            joined.append(replace(pair, bc=bc_rows.get(partner)))
    adopted = {partner for source, partner in partner_of.items()}
    return [
        pair
        for pair in joined
        if (pair.bc and pair.sales) or pair.coupling or (pair.bc or pair.sales) is None
        or (pair.bc or pair.sales).key not in adopted  # type: ignore[union-attr]
    ]  # fmt: skip


def _new_keys(blueprint: Blueprint, connection: Connection, records: Sequence[UUID]) -> dict[UUID, UUID]:
    """Keys for new Sales rows. A row that was created for the record before, dead or uncoupled, keeps its key."""
    found: dict[UUID, UUID] = {}
    waiting, times = list(records), 0
    while waiting:
        candidates = {record: derived_key(blueprint.facts.slug, blueprint.name, record, times) for record in waiting}
        used = set(
            SalesRecord.objects.of_table(connection.pk, blueprint.sales_table)
            .filter(key__in=key_array(candidates.values()))
            .values_list("key", flat=True)
        )
        found.update({record: key for record, key in candidates.items() if key not in used})
        waiting = [record for record, key in candidates.items() if key in used]
        times += 1
    return found
