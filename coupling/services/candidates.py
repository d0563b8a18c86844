"""Rows to choose from in Set Up Coupling: hits of a search with what tells them apart and what stands against each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from connector.choices import System
from coupling.models import RemoteRecord, SalesRecord, TableMapping
from coupling.records import first_value
from coupling.services.admission import admits, violated_condition
from coupling.services.merged import survivors
from coupling.services.pairs import attach_couplings
from coupling.services.search import mirror_of, search_records
from coupling.services.suggestions import suggestions_for
from coupling.services.words import domain, fold

PAGE = 50
_SUGGESTED = 8
_OWNER = "_ownerid_value"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of the list. `coupled_to` is the partner's number and name; `reason` why it cannot be chosen.

    `tags` are reasons for it (`same phone`), `percent` its score as a suggestion, 0 without one.
    """

    record: Any
    current: bool
    coupled_to: str
    reason: str
    owner: str = ""
    tags: Sequence[str] = ()
    percent: int = 0
    name_parts: Sequence[tuple[str, bool]] = ()

    @property
    def facts(self) -> list[str]:
        """What tells records of one name apart: number, city and country, phone, e-mail domain, owner."""
        number = [self.record.number] if self.record.number and self.record.name else []
        place = ", ".join(text for column in ("city", "country") if (text := first_value(self.record, column)))
        phone, email = first_value(self.record, "phone"), first_value(self.record, "email")
        return [*number, *(text for text in (place, phone, domain(email) or email, self.owner) if text)]

    @property
    def selectable(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Candidates:
    """`hidden`: how many hits are coupled elsewhere and not shown; `more`: where the next page begins, if there is one;
    `first`: number of the first row. `sole`: the row that the text names, where it is the only one of that name, or the
    only one that begins so; `same_name`: how many bear exactly that name where they are several."""

    rows: Sequence[Candidate]
    hidden: int
    suggested: bool
    more: int | None = None
    first: int = 0
    sole: UUID | None = None
    same_name: int = 0


@dataclass(slots=True)
class _Found:
    """Hits with what a suggestion says about them."""

    rows: list[Any] = field(default_factory=list)
    said: dict[UUID, tuple[int, list[str]]] = field(default_factory=dict)


def find_candidates(
    *,
    mapping: TableMapping,
    record: RemoteRecord,
    system: System,
    text: str,
    current: UUID | None,
    with_coupled: bool = False,
    offset: int = 0,
    recent: Sequence[UUID] = (),
) -> Candidates:
    """Rows of the other system for a record of `system`: hits of the search, or for blank text the current partner,
    the suggestions and the rows that were picked last (`recent`). A constant number of queries.

    Suggested hits come first; rows outside the mapping's filter last, and they cannot be chosen; rows coupled elsewhere
    only show on request.
    """
    other = system.other
    table = mapping.table(other)
    suggested = not text.strip()
    found = _suggestions(mapping, record, system)
    if not suggested:
        found.rows = _hits(mapping, other, text, PAGE, offset)
    else:
        found.rows = _with_known(found.rows, mapping, other, current, recent)
    attach_couplings(found.rows, connection=mapping.connection, system=other, table=table)
    admitted = set(
        mirror_of(other)
        .objects.of_table(mapping.connection_id, table)
        .filter(admits(mapping, other), key__in=[row.key for row in found.rows])
        .values_list("key", flat=True)
    )
    owners = _owners(found.rows, mapping.connection_id)
    rows = []
    for row in found.rows:
        percent, tags = found.said.get(row.key, (0, []))
        rows.append(
            Candidate(
                row,
                row.key == current,
                str(row.partner) if row.coupling and row.partner else str(row.coupling or ""),
                _reason(row, current, row.key in admitted, mapping),
                owner=owners.get(str(row.values.get(_OWNER) or "").lower(), ""),
                tags=[*tags, "picked recently"] if suggested and row.key in recent else tags,
                percent=percent,
                name_parts=hit_parts(row.name or row.number, text),
            )
        )
    elsewhere = [row for row in rows if row.coupled_to and not row.current]
    shown = rows if with_coupled else [row for row in rows if row.current or not row.coupled_to]
    shown.sort(key=lambda row: (not row.current, not row.selectable, -row.percent))
    more = offset + PAGE if not suggested and len(found.rows) >= PAGE else None
    named, beginning = _named([row for row in shown if row.selectable], text)
    only = named or beginning
    return Candidates(
        shown,
        0 if with_coupled else len(elsewhere),
        suggested,
        more,
        offset,
        sole=only[0].record.key if len(only) == 1 else None,
        same_name=len(named) if len(named) > 1 else 0,
    )


def _named(rows: list[Candidate], text: str) -> tuple[list[Candidate], list[Candidate]]:
    """Rows whose name or number is the text, and those that begin with it."""
    wanted = fold(text.strip())
    if not wanted:
        return [], []
    names = [(row, (fold(row.record.name), fold(row.record.number))) for row in rows]
    return (
        [row for row, texts in names if wanted in texts],
        [row for row, texts in names if any(each.startswith(wanted) for each in texts)],
    )


def refusal_of(mapping: TableMapping, system: System, record: Any) -> str:
    """Why a record of `system` cannot become a partner now; blank where it can. The record was just read."""
    if record.deleted_at:
        return f"{record} was deleted or merged in {system.label} a moment ago."
    if system == System.SALES:
        left = survivors(connection=mapping.connection, table=record.table, rows=[record])
        if record.key in left:
            return f"{record} was merged into {left[record.key]}; choose that one."
    condition = violated_condition(mapping, system, record.key)
    return f"{record} is left out by the {mapping.name} filter: {condition}." if condition else ""


def hit_parts(name: str, text: str) -> list[tuple[str, bool]]:
    """The name in parts, those that begin like a word of the query marked: `[("Cont", True), ("oso", False)]`."""
    wanted = sorted({fold(word) for word in text.split() if word}, key=len, reverse=True)
    parts: list[tuple[str, bool]] = []
    for position, word in enumerate(name.split(" ")):
        lead = " " if position else ""
        hit = next((one for one in wanted if fold(word).startswith(one)), "")
        # Folding may lengthen a word (ß); then the mark is off by a letter, which nobody minds.
        parts += [(lead, False)] * bool(lead) + [(word[: len(hit)], True)] * bool(hit) + [(word[len(hit) :], False)]
    return [part for part in parts if part[0]]


def _hits(mapping: TableMapping, other: System, text: str, limit: int, offset: int = 0) -> list[Any]:
    return search_records(
        connection=mapping.connection, system=other, table=mapping.table(other), text=text, limit=limit, offset=offset
    )


def _suggestions(mapping: TableMapping, record: RemoteRecord, system: System) -> _Found:
    """Scored suggestions where there are some, else rows with the record's phone or e-mail address, then those called
    like it, else those with its first word."""
    scored = suggestions_for(mapping=mapping, system=system, keys=[record.key]).get(record.key, [])[:_SUGGESTED]
    if scored:
        return _Found(
            [one.record for one in scored], {one.record.key: (one.percent, list(one.reasons)) for one in scored}
        )
    texts = [first_value(record, "phone"), first_value(record, "email"), record.name]
    if not any(texts):
        texts = [record.number]
    found: dict[Any, Any] = {}
    for text in texts:
        for row in _hits(mapping, system.other, text, _SUGGESTED) if text else []:
            found.setdefault(row.key, row)
    first_words = record.name.split()[:1]
    if not found and first_words:
        found = {row.key: row for row in _hits(mapping, system.other, first_words[0], _SUGGESTED)}
    return _Found(list(found.values())[:_SUGGESTED])


def _with_known(
    rows: list[Any], mapping: TableMapping, other: System, current: UUID | None, recent: Sequence[UUID]
) -> list[Any]:
    """The current partner in front, the rows picked last behind."""
    present = {row.key for row in rows}
    wanted = [key for key in (current, *recent) if key is not None and key not in present]
    table = mirror_of(other).objects.of_table(mapping.connection_id, mapping.table(other))
    known = {row.key: row for row in table.alive().filter(key__in=wanted)} if wanted else {}
    if current is not None and current in wanted and current not in known:
        known |= {row.key: row for row in table.filter(key=current)}
    front = [known[current]] if current in known else []
    return [*front, *rows, *(known[key] for key in recent if key in known and key != current)]


def _owners(rows: Iterable[Any], connection_id: int) -> dict[str, str]:
    """User's id → name, of the rows' owners."""
    keys = {str(row.values[_OWNER]) for row in rows if isinstance(row, SalesRecord) and row.values.get(_OWNER)}
    users = SalesRecord.objects.of_table(connection_id, "systemusers").filter(key__in=keys) if keys else []
    return {str(user.key): user.name for user in users}


def _reason(row: Any, current: UUID | None, admitted: bool, mapping: TableMapping) -> str:
    if row.key == current:
        return ""
    if row.coupling:
        return f"coupled to {row.partner or row.coupling}"
    return "" if admitted else f"left out by the {mapping.name} filter"
