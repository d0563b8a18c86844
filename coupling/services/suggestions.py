"""The standing suggestions of mappings: which there are, how up to date they are, and when to compute them again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet

from connector.choices import System
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.matching.choices import MatchVerdict
from coupling.matching.compute import BusyError, compute_suggestions, mark_of
from coupling.matching.models import MatchCandidate, MatchLine, RuledOutPair, SuggestionState
from coupling.matching.reasons import reasons
from coupling.models import Coupling, TableCursor, TableMapping
from coupling.services.search import mirror_of

_NOT_SUGGESTED = frozenset(
    {"salesPrices", "priceListLines", "salesInvoices", "salesOrders", "salesQuotes", "generalLedgerEntries"}
)
"""Tables whose records are lines or documents: nobody couples them one by one."""

FULL_EVERY = timedelta(hours=24)
_DEAD_AFTER = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Suggested:
    """A record that may be the partner, as pickers and lists show it; `percent` of 100."""

    record: Any
    percent: int
    reasons: list[str]
    clear: bool


def is_suggested(mapping: TableMapping) -> bool:
    """Whether partners are looked for under the mapping at all."""
    return (
        mapping.kind == MappingKind.RECORD
        and mapping.enabled
        and mapping.available
        and mapping.business_central_table not in _NOT_SUGGESTED
    )


def lines_of(mapping: TableMapping, job_id: int | None) -> QuerySet[Any]:
    """Lines of the standing suggestions (None) or of a run, each with `is_coupled`."""
    coupled = Coupling.objects.filter(
        connection_id=mapping.connection_id, bc_table=mapping.business_central_table, bc_key=OuterRef("bc_key")
    )
    return MatchLine.objects.filter(mapping=mapping, job_id=job_id).annotate(is_coupled=Exists(coupled))


def counts_of(mapping: TableMapping, job_id: int | None) -> dict[str, int]:
    """Lines per verdict, and `coupled`; coupled ones count as that only. One query."""
    rows = lines_of(mapping, job_id).order_by().values_list("is_coupled", "verdict").annotate(Count("pk"))
    found: dict[str, int] = dict.fromkeys([*MatchVerdict.values, "coupled"], 0)
    for is_coupled, verdict, number in rows:
        found["coupled" if is_coupled else verdict] += number
    return found


def suggestion_counts(connection: Connection) -> dict[int, dict[str, int]]:
    """Per mapping id the uncoupled lines by verdict, of all mappings. One query."""
    coupled = Coupling.objects.filter(connection=connection, mapping_id=OuterRef("mapping_id"))
    lines = MatchLine.objects.filter(mapping__connection=connection, job_id=None)
    lines = lines.exclude(Exists(coupled.filter(bc_key=OuterRef("bc_key"))))
    found: dict[int, dict[str, int]] = {}
    for mapping_id, verdict, number in lines.order_by().values_list("mapping_id", "verdict").annotate(Count("pk")):
        found.setdefault(mapping_id, dict.fromkeys(MatchVerdict.values, 0))[verdict] = number
    return found


def suggestions_for(
    *, mapping: TableMapping, system: System, keys: Iterable[UUID], free_only: bool = True
) -> dict[UUID, list[Suggested]]:
    """Standing suggestions for records of `system`, best first, by the record's key. Two or three queries."""
    wanted = list(keys)
    bc = system == System.BUSINESS_CENTRAL
    candidates = MatchCandidate.objects.filter(line__mapping=mapping, line__job_id=None).select_related("line")
    candidates = candidates.filter(**{"line__bc_key__in" if bc else "sales_key__in": wanted})
    other = "sales_table" if bc else "bc_table"
    taken = Coupling.objects.filter(connection_id=mapping.connection_id, **{other: mapping.table(system.other)})
    side = OuterRef("sales_key") if bc else OuterRef("line__bc_key")
    if free_only:
        candidates = candidates.exclude(Exists(taken.filter(**{"sales_key" if bc else "bc_key": side})))
    out = RuledOutPair.objects.filter(mapping=mapping, bc_key=OuterRef("line__bc_key"), sales_key=OuterRef("sales_key"))
    rows = list(candidates.exclude(Exists(out)).order_by("-score", "sales_key"))
    partners = {
        record.key: record
        for record in mirror_of(system.other)
        .objects.of_table(mapping.connection_id, mapping.table(system.other))
        .alive()
        .filter(key__in={row.sales_key if bc else row.line.bc_key for row in rows})
    }
    found: dict[UUID, list[Suggested]] = {}
    for row in rows:
        own, partner = (row.line.bc_key, row.sales_key) if bc else (row.sales_key, row.line.bc_key)
        if partner in partners:
            clear = row.line.verdict == MatchVerdict.CLEAR and row.line.best_key == row.sales_key
            shown = Suggested(partners[partner], round(row.score / 10), reasons(row.reasons), clear)
            found.setdefault(own, []).append(shown)
    return found


def due(*, now: datetime) -> list[int]:
    """Ids of mappings whose suggestions are missing, older than a day, or behind what was read or coupled since."""
    mappings = TableMapping.objects.filter(
        connection__enabled=True, enabled=True, available=True, kind=MappingKind.RECORD
    ).select_related("connection", "suggestion_state")
    read = set(TableCursor.objects.filter(read_at__isnull=False).values_list("connection_id", "system", "table"))
    found = []
    for mapping in mappings:
        tables = {(mapping.connection_id, str(system), mapping.table(system)) for system in System}
        if is_suggested(mapping) and tables <= read and _is_due(mapping, now):
            found.append(mapping.pk)
    return found


def _is_due(mapping: TableMapping, now: datetime) -> bool:
    state: SuggestionState | None = getattr(mapping, "suggestion_state", None)
    if state is None or state.computed_until is None:
        return state is None or state.started_at is None or state.started_at < now - _DEAD_AFTER
    if state.started_at is not None and state.started_at > now - _DEAD_AFTER:
        return False
    return state.full_at is None or state.full_at < now - FULL_EVERY or state.mark != mark_of(mapping)


def refresh(*, mapping_id: int, now: datetime) -> bool:
    """Brings a mapping's suggestions up to date; false where another computation is under way."""
    mapping = TableMapping.objects.select_related("connection", "suggestion_state").filter(pk=mapping_id).first()
    if mapping is None or not is_suggested(mapping) or not mapping.connection.enabled:
        return True
    state: SuggestionState | None = getattr(mapping, "suggestion_state", None)
    full = state is None or state.full_at is None or state.full_at < now - FULL_EVERY
    try:
        compute_suggestions(mapping=mapping, full=full)
    except BusyError:
        return False
    return True


def state_of(mapping: TableMapping) -> SuggestionState | None:
    return SuggestionState.objects.filter(mapping=mapping).first()
