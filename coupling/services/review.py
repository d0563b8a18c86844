"""Lines of a review as people read them: both records, score, reasons, what differs; and decisions on many at once."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q

from connector.choices import Direction, System
from coupling.choices import CouplingOrigin
from coupling.exceptions import CouplingError, MappingError
from coupling.matching.choices import MatchVerdict
from coupling.matching.compute import read_signals
from coupling.matching.models import MatchCandidate, MatchLine, RuledOutPair
from coupling.matching.reasons import doubts, reasons
from coupling.matching.scoring import Score, compare
from coupling.matching.signals import Signals, profile_of
from coupling.models import BusinessCentralRecord, Coupling, FieldMapping, SalesRecord, TableMapping
from coupling.services.couplings import require_usable
from coupling.services.ruled_out import rule_out
from coupling.synchronisation import StartedJob, service

MOST_AT_ONCE = 10_000
_MOST_DIFFERENCES = 5
DECISIONS = ("couple", "rule_out", "")


@dataclass(frozen=True, slots=True)
class ShownCandidate:
    """A candidate on the page; `percent` of 100, `coupled_to` the record that has it now."""

    record: SalesRecord | BusinessCentralRecord
    percent: int
    reasons: list[str]
    doubts: list[str]
    coupled_to: str
    differs: list[str]


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line on the page. `coupling` is the record's present one, if it was coupled since."""

    line: MatchLine
    record: BusinessCentralRecord | None
    candidates: list[ShownCandidate]
    coupling: Coupling | None

    @property
    def best(self) -> ShownCandidate | None:
        free = [each for each in self.candidates if not each.coupled_to]
        return next(iter(free or self.candidates), None)


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of decisions: a job for the accepted pairs, how many were ruled out, which lines were refused."""

    job: StartedJob | None = None
    accepted: int = 0
    ruled_out: int = 0
    problems: Sequence[str] = field(default_factory=tuple)


def show(lines: Iterable[MatchLine], mapping: TableMapping) -> list[ShownLine]:
    """Everything that a page of lines shows; a constant number of queries. Ruled-out candidates are left out."""
    rows = list(lines)
    keys = {line.bc_key for line in rows}
    candidates = list(MatchCandidate.objects.filter(line__in=[line.pk for line in rows]))
    sales_keys = {each.sales_key for each in candidates}
    out = set(RuledOutPair.objects.filter(mapping=mapping, bc_key__in=keys).values_list("bc_key", "sales_key"))
    records = _records(BusinessCentralRecord, mapping, mapping.business_central_table, keys)
    sales = _records(SalesRecord, mapping, mapping.sales_table, sales_keys)
    couplings = {
        coupling.bc_key: coupling
        for coupling in Coupling.objects.filter(
            connection_id=mapping.connection_id, bc_table=mapping.business_central_table, bc_key__in=keys
        ).select_related("mapping", "connection", "created_by")
    }
    taken = _taken(mapping, sales_keys)
    scores = _scores(mapping, rows, candidates)
    plain = _plain_fields(mapping)
    by_line: dict[int, list[MatchCandidate]] = {}
    for each in candidates:
        by_line.setdefault(each.line_id, []).append(each)
    shown = []
    for line in rows:
        record = records.get(line.bc_key)
        found = [
            _candidate(each, record, sales[each.sales_key], scores, taken, line.bc_key, plain)
            for each in by_line.get(line.pk, ())
            if each.sales_key in sales and (line.bc_key, each.sales_key) not in out
        ]
        found.sort(key=lambda each: (bool(each.coupled_to), -each.percent, each.record.name))
        shown.append(ShownLine(line, record, found, couplings.get(line.bc_key)))
    return shown


def candidates_of_row(mapping: TableMapping, row: SalesRecord) -> list[ShownCandidate]:
    """Business Central records for which the row is suggested, free ones first; a constant number of queries."""
    suggested = MatchCandidate.objects.filter(line__mapping=mapping, line__job_id=None, sales_key=row.key)
    stored = list(suggested.select_related("line"))
    keys = {each.line.bc_key for each in stored}
    out = set(RuledOutPair.objects.filter(mapping=mapping, sales_key=row.key).values_list("bc_key", flat=True))
    records = _records(BusinessCentralRecord, mapping, mapping.business_central_table, keys - out)
    couplings = list(
        Coupling.objects.filter(
            connection_id=mapping.connection_id, bc_table=mapping.business_central_table, bc_key__in=keys
        )
    )
    partners = _records(SalesRecord, mapping, mapping.sales_table, {coupling.sales_key for coupling in couplings})
    taken = {each.bc_key: str(partners.get(each.sales_key, each.sales_key)) for each in couplings}
    plain = _plain_fields(mapping)
    found = [
        ShownCandidate(
            record=record,
            percent=round(each.score / 10),
            reasons=reasons(list(each.reasons)),
            doubts=doubts(list(each.doubts)),
            coupled_to=taken.get(record.key, ""),
            differs=_differences(record, row, plain),
        )
        for each in stored
        if (record := records.get(each.line.bc_key)) is not None and not record.deleted_at
    ]
    return sorted(found, key=lambda each: (bool(each.coupled_to), -each.percent, each.record.name))


def _records(model: Any, mapping: TableMapping, table: str, keys: Iterable[UUID]) -> dict[UUID, Any]:
    rows = model.objects.of_table(mapping.connection_id, table).filter(key__in=list(keys))
    return {row.key: row for row in rows}


def _taken(mapping: TableMapping, sales_keys: Iterable[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Coupled rows: the key and the name of the record that has each."""
    couplings = Coupling.objects.filter(
        connection_id=mapping.connection_id, sales_table=mapping.sales_table, sales_key__in=list(sales_keys)
    )
    found = {sales_key: (bc_table, bc_key) for sales_key, bc_table, bc_key in
             couplings.values_list("sales_key", "bc_table", "bc_key")}  # fmt: skip
    owners = BusinessCentralRecord.objects.filter(
        connection_id=mapping.connection_id,
        table__in={table for table, _ in found.values()},
        key__in=[key for _, key in found.values()],
    )
    names = {(owner.table, owner.key): str(owner) for owner in owners}
    return {sales_key: (place[1], names.get(place, str(place[1]))) for sales_key, place in found.items()}


def _scores(
    mapping: TableMapping, lines: Sequence[MatchLine], candidates: Sequence[MatchCandidate]
) -> dict[int, Score]:
    """Scores of candidates that a run found by equality of fields; those of suggestions are stored."""
    unscored = [each for each in candidates if not each.score]
    if not unscored:
        return {}
    keys = {line.pk: line.bc_key for line in lines}
    profile = profile_of(mapping.business_central_table, mapping.sales_table)
    bc = _signals(mapping, System.BUSINESS_CENTRAL, {keys[each.line_id] for each in unscored})
    sales = _signals(mapping, System.SALES, {each.sales_key for each in unscored})
    return {
        each.pk: compare(bc[keys[each.line_id]], sales[each.sales_key], profile)
        for each in unscored
        if keys[each.line_id] in bc and each.sales_key in sales
    }


def _signals(mapping: TableMapping, system: System, keys: Iterable[UUID]) -> dict[UUID, Signals]:
    return dict(read_signals(mapping, system, Q(key__in=list(keys))).values())


def _candidate(
    stored: MatchCandidate,
    record: BusinessCentralRecord | None,
    row: SalesRecord,
    scores: Mapping[int, Score],
    taken: Mapping[UUID, tuple[UUID, str]],
    bc_key: UUID,
    plain: Sequence[FieldMapping],
) -> ShownCandidate:
    score = scores.get(stored.pk) or Score(stored.score, tuple(stored.reasons), tuple(stored.doubts))
    owner = taken.get(row.key)
    return ShownCandidate(
        record=row,
        percent=round(score.value / 10),
        reasons=reasons(list(score.reasons)),
        doubts=doubts(list(score.doubts)),
        coupled_to=owner[1] if owner and owner[0] != bc_key else "",
        differs=_differences(record, row, plain) if record else [],
    )


def _plain_fields(mapping: TableMapping) -> list[FieldMapping]:
    """Fields whose two values can be compared as they are."""
    fields = mapping.fields.filter(enabled=True, transformation="", constant_value="")
    return [
        each for each in fields if each.business_central_property and each.sales_attribute and not each.sales_lookup
    ]


def _differences(record: BusinessCentralRecord, row: SalesRecord, plain: Sequence[FieldMapping]) -> list[str]:
    """Labels of the fields that hold different values; a value missing on one side is no contradiction."""
    found = []
    for each in plain:
        bc, sales = record.values.get(each.business_central_property), row.values.get(each.sales_attribute)
        if bc in (None, "", 0) or sales in (None, "", 0):
            continue
        if not say_the_same(str(bc), str(sales)):
            found.append(each.business_central_label or each.sales_attribute)
    return found[:_MOST_DIFFERENCES]


def say_the_same(one: str, other: str) -> bool:
    """Whether two values differ in case, surrounding blanks, or the digits a number is written with at most."""
    one, other = one.strip().casefold(), other.strip().casefold()
    if one == other:
        return True
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def accept_lines(
    *,
    lines: Iterable[MatchLine],
    mapping: TableMapping,
    synchronize: Direction | None,
    user: User,
    trigger: str = "user",
) -> Decided:
    """Couples the proposed row of each line, in a job. Raises CouplingError where none has one."""
    rows = list(lines)
    pairs = [(line.bc_key, line.best_key) for line in rows if line.best_key]
    return accept_pairs(
        pairs=pairs, mapping=mapping, origin=_origin(rows), synchronize=synchronize, user=user, trigger=trigger
    )


def accept_pairs(
    *,
    pairs: Sequence[tuple[UUID, UUID]],
    mapping: TableMapping,
    origin: str = CouplingOrigin.SUGGESTION,
    synchronize: Direction | None,
    user: User,
    trigger: str = "user",
) -> Decided:
    """Couples pairs in a job that reads both records of each live first.

    Raises CouplingError for no pair or too many, MappingError for a direction that the mapping does not go.
    """
    require_usable(mapping)
    check_direction(mapping, synchronize)
    if not pairs:
        raise CouplingError("None of the selected records has a row to be coupled with.", code="match.nothing")
    if len(pairs) > MOST_AT_ONCE:
        raise CouplingError(f"Select at most {MOST_AT_ONCE:,} records at once.", code="match.too_many")
    job = service().accept_pairs(
        mapping=mapping, pairs=pairs, origin=origin, synchronize=synchronize, user=user, trigger=trigger
    )
    return Decided(job=job, accepted=len(pairs))


def check_direction(mapping: TableMapping, synchronize: Direction | None) -> None:
    """Raises MappingError where the first synchronisation would go a way that the mapping rules out."""
    if synchronize and not Direction(synchronize).targets <= Direction(mapping.direction).targets:
        sentence = f"{mapping.name} runs in one direction only: {Direction(mapping.direction).label}."
        raise MappingError(sentence, fields={"synchronize": [sentence]})


def refuse_lines(*, lines: Iterable[MatchLine], mapping: TableMapping, user: User) -> int:
    """None of the candidates is the record: all of them are ruled out. Returns how many pairs."""
    rows = list(lines)
    found = MatchCandidate.objects.filter(line__in=[line.pk for line in rows]).values_list("line__bc_key", "sales_key")
    return rule_out(mapping=mapping, pairs=list(found), user=user)


def _origin(lines: Sequence[MatchLine]) -> str:
    return CouplingOrigin.MATCH if lines and lines[0].job_id else CouplingOrigin.SUGGESTION


CSV_HEAD = (
    "business_central_number", "business_central_name", "business_central_id", "verdict", "score", "sales_name",
    "sales_number", "sales_id", "reasons", "decision",
)  # fmt: skip


def read_decisions(*, mapping: TableMapping, text: str, user: User, synchronize: Direction | None) -> Decided:
    """Carries out the decisions of an exported review: `couple` or `rule_out` per line, blank leaves it alone.

    A record is found by `business_central_id`, else by `business_central_number`. Nothing happens where a line cannot
    be understood: the problems name it. Raises CouplingError where the columns are missing.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=_delimiter(text))
    needed = {"sales_id", "decision"}
    if not needed <= set(reader.fieldnames or ()):
        raise CouplingError(
            "The file needs the columns business_central_number or business_central_id, sales_id and decision.",
            code="match.file",
            hint="Export the review as CSV and fill in its last column.",
        )
    rows = [row for row in reader if (row.get("decision") or "").strip()]
    keys, problems = _keys_by_number(mapping, rows), []
    couple: list[tuple[UUID, UUID]] = []
    refuse: list[tuple[UUID, UUID]] = []
    for number, row in enumerate(rows, start=2):
        pair, decision = _pair_of(row, keys), (row["decision"] or "").strip().lower()
        if pair is None:
            problems.append(f"Line {number}: there is no such record, or no Sales id.")
        elif decision not in DECISIONS:
            problems.append(f"Line {number}: “{decision}” is no decision; write couple or rule_out.")
        else:
            (couple if decision == "couple" else refuse).append(pair)
    if problems:
        return Decided(problems=problems[:20])
    if not couple and not refuse:
        raise CouplingError("The file has no decision in its last column.", code="match.file")
    ruled_out = rule_out(mapping=mapping, pairs=refuse, user=user) if refuse else 0
    if not couple:
        return Decided(ruled_out=ruled_out)
    done = accept_pairs(pairs=couple, mapping=mapping, synchronize=synchronize, user=user)
    return Decided(done.job, done.accepted, ruled_out)


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max((",", ";", "\t"), key=head.count)


def _keys_by_number(mapping: TableMapping, rows: Sequence[Mapping[str, Any]]) -> dict[str, UUID]:
    numbers = {_plain(row.get("business_central_number")) for row in rows} - {""}
    records = BusinessCentralRecord.objects.of_table(mapping.connection_id, mapping.business_central_table).alive()
    return dict(records.filter(number__in=numbers).values_list("number", "key"))


def _pair_of(row: Mapping[str, Any], keys: Mapping[str, UUID]) -> tuple[UUID, UUID] | None:
    try:
        own = _plain(row.get("business_central_id"))
        bc_key = UUID(own) if own else keys.get(_plain(row.get("business_central_number")))
        sales_key = UUID(_plain(row.get("sales_id")))
    except ValueError:
        return None
    return (bc_key, sales_key) if bc_key else None


def _plain(value: Any) -> str:
    """A cell without the apostrophe that keeps spreadsheets from reading it as a formula."""
    return str(value or "").strip().removeprefix("'")


def csv_lines(lines: Iterator[MatchLine], mapping: TableMapping) -> Iterator[tuple[Any, ...]]:
    """Rows of the export, the head first, in slices so that any number takes little memory."""
    yield CSV_HEAD
    part: list[MatchLine] = []
    for line in lines:
        part.append(line)
        if len(part) == 500:
            yield from _csv_rows(show(part, mapping))
            part = []
    yield from _csv_rows(show(part, mapping))


def _csv_rows(shown: Iterable[ShownLine]) -> Iterator[tuple[Any, ...]]:
    for each in shown:
        record, best = each.record, each.best
        yield (
            record.number if record else "",
            record.name if record else "",
            each.line.bc_key,
            "coupled" if each.coupling else MatchVerdict(each.line.verdict).value,
            best.percent if best else "",
            best.record.name if best else "",
            best.record.number if best else "",
            best.record.key if best else "",
            "; ".join(best.reasons + [f"but {doubt}" for doubt in best.doubts]) if best else "",
            "",
        )
