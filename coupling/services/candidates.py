"""Rows to choose from in Set Up Coupling: what a search finds, with what stands against each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connector.choices import System
from coupling.models import RemoteRecord, TableMapping
from coupling.records import first_value
from coupling.services.admission import admits
from coupling.services.pairs import attach_couplings
from coupling.services.search import mirror_of, search_records

MOST = 50
_SUGGESTED = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of the list. `coupled_to` is the partner's number and name; `reason` why it cannot be chosen."""

    record: Any
    current: bool
    coupled_to: str
    reason: str

    @property
    def facts(self) -> list[str]:
        """What tells records of one name apart: number, city, phone, e-mail."""
        number = [self.record.number] if self.record.number and self.record.name else []
        return number + [text for column in ("city", "phone", "email") if (text := first_value(self.record, column))]

    @property
    def selectable(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Candidates:
    """`hidden`: how many hits are coupled elsewhere and not shown."""

    rows: Sequence[Candidate]
    hidden: int
    suggested: bool


def find_candidates(
    *,
    mapping: TableMapping,
    record: RemoteRecord,
    system: System,
    text: str,
    current: UUID | None,
    with_coupled: bool = False,
) -> Candidates:
    """Rows of the other system for a record of `system`: hits of the search, or for blank text the current partner and
    rows called like the record. A constant number of queries.

    Rows outside the mapping's filter come last and cannot be chosen; rows coupled elsewhere only show on request.
    """
    other = system.other
    table = mapping.table(other)
    suggested = not text.strip()
    found = _suggestions(mapping, record, other) if suggested else _hits(mapping, other, text, MOST)
    if current is not None and not any(row.key == current for row in found) and suggested:
        found = [*mirror_of(other).objects.of_table(mapping.connection_id, table).filter(key=current), *found]
    attach_couplings(found, connection=mapping.connection, system=other, table=table)
    admitted = set(
        mirror_of(other)
        .objects.of_table(mapping.connection_id, table)
        .filter(admits(mapping, other), key__in=[row.key for row in found])
        .values_list("key", flat=True)
    )
    rows = [_candidate(row, current, row.key in admitted, mapping) for row in found]
    elsewhere = [row for row in rows if row.coupled_to and not row.current]
    shown = rows if with_coupled else [row for row in rows if row.current or not row.coupled_to]
    shown.sort(key=lambda row: (not row.current, not row.selectable))
    return Candidates(shown, 0 if with_coupled else len(elsewhere), suggested)


def _hits(mapping: TableMapping, other: System, text: str, limit: int) -> list[Any]:
    table = mapping.table(other)
    return search_records(connection=mapping.connection, system=other, table=table, text=text, limit=limit)


def _suggestions(mapping: TableMapping, record: RemoteRecord, other: System) -> list[Any]:
    """Rows with the record's phone or e-mail address, then those called like it, else those with its first word."""
    texts = [first_value(record, "phone"), first_value(record, "email"), record.name]
    if not any(texts):
        texts = [record.number]
    found: dict[Any, Any] = {}
    for text in texts:
        for row in _hits(mapping, other, text, _SUGGESTED) if text else []:
            found.setdefault(row.key, row)
    first_words = record.name.split()[:1]
    if not found and first_words:
        found = {row.key: row for row in _hits(mapping, other, first_words[0], _SUGGESTED)}
    return list(found.values())[:_SUGGESTED]


def _candidate(row: Any, current: UUID | None, admitted: bool, mapping: TableMapping) -> Candidate:
    is_current = row.key == current
    coupled_to = str(row.partner) if row.coupling and row.partner else str(row.coupling or "")
    reason = ""
    if coupled_to and not is_current:
        reason = f"coupled to {coupled_to}"
    elif not admitted and not is_current:
        reason = f"left out by the {mapping.name} filter"
    return Candidate(row, is_current, coupled_to, reason)
