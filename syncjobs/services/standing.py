"""How the mappings of a connection stand before a full synchronisation: free records, pairs, and what it may create."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count

from connector.choices import Direction, System
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.models import BusinessCentralRecord, Coupling, OptionMapping, SalesRecord, TableCursor, TableMapping
from coupling.services.free import FreeRecords
from syncjobs.recommendations import FINDS_PARTNERS, SALES_OWN, Standing

MANY_CREATES = 100
LARGE_SHARE = 5
"""A run that would add more than a fifth to what a system already has asks for the number."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A line that would create many records in a system that is not empty."""

    mapping: str
    system: System
    creates: int
    present: int


def standings(
    connection: Connection, mappings: Sequence[TableMapping], free: Sequence[FreeRecords]
) -> dict[int, Standing]:
    """By mapping id; a fixed number of queries beside the counts of `free`."""
    coupled = _counts(Coupling.objects.filter(connection=connection), "mapping")
    options = _counts(OptionMapping.objects.filter(mapping__connection=connection), "mapping")
    read = set(TableCursor.objects.filter(connection=connection).values_list("system", "table"))
    totals = totals_of(connection)
    counted = {each.mapping.pk: each for each in free}
    found = {}
    for mapping in mappings:
        bc_table, known = (System.BUSINESS_CENTRAL, mapping.business_central_table), counted.get(mapping.pk)
        if mapping.kind == MappingKind.OPTION:
            bc_free = max(0, totals.get(bc_table, 0) - options.get(mapping.pk, 0)) if bc_table in read else None
            sales_free: int | None = 0
        else:
            bc_free = known.business_central if known else None
            sales_free = known.sales if known else None
        found[mapping.pk] = Standing(
            name=mapping.name,
            kind=MappingKind(mapping.kind),
            bc_free=bc_free,
            sales_free=sales_free,
            coupled=coupled.get(mapping.pk, 0) + options.get(mapping.pk, 0),
            sales_total=totals.get((System.SALES, mapping.sales_table)) if known and not known.unread else None,
        )
    return found


def totals_of(connection: Connection) -> dict[tuple[System, str], int]:
    """Living records per mirrored table. Two queries."""
    found: dict[tuple[System, str], int] = {}
    for system, model in ((System.BUSINESS_CENTRAL, BusinessCentralRecord), (System.SALES, SalesRecord)):
        rows = model.objects.filter(connection=connection, deleted_at=None).order_by().values_list("table")
        found |= {(system, table): number for table, number in rows.annotate(number=Count("pk"))}
    return found


def guarded(
    connection: Connection,
    free: Sequence[FreeRecords],
    directions: Mapping[str, str],
    matched: Sequence[str],
    plans: Mapping[str, Mapping[str, int] | None],
) -> list[Guarded]:
    """Lines among `directions` whose start has to be agreed to with the number of records they may create.

    A line's plan knows that number; without one it is every free record, unless the line matches first.
    """
    totals = totals_of(connection)
    found = []
    for each in free:
        name = each.mapping.name
        plan = plans.get(name)
        if name not in directions or name in FINDS_PARTNERS or (plan is None and name in matched):
            continue
        for system in Direction(directions[name]).targets:
            present = totals.get((system, each.mapping.table(system)), 0)
            creates = plan.get(f"create_in_{system}", 0) if plan else each.creates_in(system, directions[name])
            if system == System.SALES:
                present -= SALES_OWN.get(name, 0)
            if present > 0 and (creates > MANY_CREATES or creates * LARGE_SHARE > present):
                found.append(Guarded(name, system, creates, present))
    return found


def _counts(rows: object, name: str) -> dict[int, int]:
    return dict(rows.order_by().values_list(name).annotate(Count("pk")))  # type: ignore[attr-defined]
