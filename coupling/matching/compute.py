"""Computes the suggestions of a mapping: all of them, or those of records that changed since the last time.

A change costs what it concerns: a record that was read anew is compared with what shares a key with it, and records
whose candidates changed are compared again. Work goes chunk by chunk, each in its own transaction, and how far
everything is taken into account is noted last, so that a worker that dies costs time and nothing else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zlib import crc32

from django.db import connection as database
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from connector.choices import System
from coupling.matching.blocking import drop_pairs, pair_up, refresh_keys, sharing
from coupling.matching.models import MatchCandidate, MatchKeys, MatchLine, RuledOutPair, SuggestionState
from coupling.matching.scoring import LEAST_SCORE, Score, compare
from coupling.matching.signals import Profile, Signals, profile_of, signals_of
from coupling.matching.verdicts import judge
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord, TableMapping
from coupling.services.admission import admits
from coupling.services.pairs import only_coupled
from coupling.services.search import mirror_of

CHUNK = 2000
_KEPT = 5
_SHOWN_COUPLED = timedelta(hours=24)
_LARGE_SHARE = 0.3
"""Where more than this share of the records has to be compared again, all of them are."""


@dataclass(frozen=True, slots=True)
class Computed:
    """What a computation did: records compared, pairs scored; `finished` is false when it was stopped on the way."""

    records: int
    pairs: int
    finished: bool


class BusyError(Exception):
    """Another computation of the connection is under way."""


Report = Callable[[int, int], bool]
"""Takes records done and in total; answers whether to go on."""


def free_records(mapping: TableMapping) -> QuerySet[BusinessCentralRecord]:
    """Uncoupled living Business Central records inside the mapping's filter."""
    table = mapping.business_central_table
    rows = BusinessCentralRecord.objects.of_table(mapping.connection_id, table).alive()
    inside = rows.filter(admits(mapping, System.BUSINESS_CENTRAL))
    return only_coupled(inside, mapping.connection, System.BUSINESS_CENTRAL, table, coupled=False)


def possible_rows(mapping: TableMapping) -> QuerySet[SalesRecord]:
    """Living Sales rows inside the mapping's filter, coupled ones included."""
    rows = SalesRecord.objects.of_table(mapping.connection_id, mapping.sales_table).alive()
    return rows.filter(admits(mapping, System.SALES))


def compute_suggestions(*, mapping: TableMapping, full: bool = False, report: Report | None = None) -> Computed:
    """Brings the suggestions of a mapping up to date. Raises BusyError."""
    report = report or (lambda done, total: True)
    with _alone(mapping.connection_id):
        state, _ = SuggestionState.objects.get_or_create(mapping=mapping)
        SuggestionState.objects.filter(pk=state.pk).update(started_at=timezone.now(), done=0, total=0, message="")
        try:
            return _compute(mapping, state, full or state.computed_until is None, report)
        finally:
            drop_pairs()
            SuggestionState.objects.filter(pk=state.pk).update(started_at=None)


def mark_of(mapping: TableMapping) -> str:
    """A text that changes whenever a record, a coupling or a filter changes; a few index look-ups."""
    rows = Coupling.objects.filter(connection_id=mapping.connection_id)
    rows = rows.filter(Q(bc_table=mapping.business_central_table) | Q(sales_table=mapping.sales_table))
    newest = rows.order_by("-id").values_list("id", flat=True).first()
    parts = [str(rows.count()), str(newest or 0)]
    for system in System:
        records = mirror_of(system).objects.of_table(mapping.connection_id, mapping.table(system))
        read_at = records.order_by("-read_at").values_list("read_at", flat=True).first()
        parts += [read_at.isoformat() if read_at else "", str(crc32(mapping.filter(system).encode()))]
    return "/".join(parts)


def _compute(mapping: TableMapping, state: SuggestionState, full: bool, report: Report) -> Computed:
    profile = profile_of(mapping.business_central_table, mapping.sales_table)
    # Before the keys: what changes while they are made counts as changed.
    mark = mark_of(mapping)
    for system in System:
        refresh_keys(mapping.connection, system, mapping.table(system), profile)
    # Nobody else makes keys of this connection now, so nothing can slip in between these two.
    until = _clock()
    records, rows = free_records(mapping), possible_rows(mapping)
    _prune(mapping, records, rows)
    total = _want(mapping, records, rows, None if full else state.computed_until)
    SuggestionState.objects.filter(pk=state.pk).update(total=total)
    pairs = pair_up(bc=records, sales=rows) if total else 0
    done = 0
    for ids in _chunks():
        with transaction.atomic():
            _store(mapping, ids, list(_score_chunk(mapping, ids, profile)))
            done += len(ids)
            SuggestionState.objects.filter(pk=state.pk).update(done=done)
        if not report(done, total):
            return Computed(done, pairs, finished=False)
    with transaction.atomic():
        judge(mapping)
        noted: dict[str, Any] = {"computed_until": until, "computed_at": timezone.now(), "mark": mark}
        if full:
            noted["full_at"] = noted["computed_at"]
        SuggestionState.objects.filter(pk=state.pk).update(**noted)
    return Computed(done, pairs, finished=True)


@contextmanager
def _alone(connection_id: int) -> Iterator[None]:
    """Holds the session's lock on the suggestions of a connection, without waiting for it."""
    name = f"couplet:suggestions:{connection_id}"
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        if not cursor.fetchone()[0]:
            raise BusyError
    try:
        yield
    finally:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def _clock() -> datetime:
    with database.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def _prune(mapping: TableMapping, records: QuerySet[Any], rows: QuerySet[Any]) -> None:
    """Removes what nothing can come of any more: coupled or vanished records, and vanished rows."""
    lines = MatchLine.objects.filter(mapping=mapping, job_id=None)
    # What was coupled during the last day stays for the review's tab, from where it can be undone.
    recent = Coupling.objects.filter(mapping=mapping, created_at__gt=timezone.now() - _SHOWN_COUPLED).values("bc_key")
    gone = lines.exclude(bc_key__in=records.order_by().values("key")).exclude(bc_key__in=recent)
    candidates = MatchCandidate.objects.filter(line__in=lines)
    with transaction.atomic():
        _delete(MatchCandidate.objects.filter(line__in=gone))
        _delete(gone)
        _delete(candidates.exclude(sales_key__in=rows.order_by().values("key")))


def _delete(rows: QuerySet[Any]) -> None:
    rows._raw_delete(rows.db)


def _want(mapping: TableMapping, records: QuerySet[Any], rows: QuerySet[Any], since: datetime | None) -> int:
    """Fills the temporary table `match_wanted` with the ids of the records to compare; returns how many."""
    if since is not None:
        count = _fill_wanted([*_changed(mapping, records, rows, since)])
        if count <= records.count() * _LARGE_SHARE:
            return count
    return _fill_wanted([records])


def _fill_wanted(parts: Sequence[QuerySet[Any]]) -> int:
    with database.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS match_wanted")
        cursor.execute("CREATE TEMPORARY TABLE match_wanted (id bigint PRIMARY KEY)")
        for part in parts:
            statement, arguments = part.order_by().values("id").query.sql_with_params()
            cursor.execute(f"INSERT INTO match_wanted {statement} ON CONFLICT DO NOTHING", arguments)
        cursor.execute("ANALYZE match_wanted")
        cursor.execute("SELECT count(*) FROM match_wanted")
        return int(cursor.fetchone()[0])


def _changed(
    mapping: TableMapping, records: QuerySet[Any], rows: QuerySet[Any], since: datetime
) -> Iterator[QuerySet[Any]]:
    """Records to compare again: read anew, not compared yet, with candidates that were read anew, or that share a key
    with a row that was."""
    made = MatchKeys.objects.filter(connection_id=mapping.connection_id, made_at__gt=since)
    new_bc = made.filter(system=System.BUSINESS_CENTRAL, table=mapping.business_central_table).values("key")
    new_sales = made.filter(system=System.SALES, table=mapping.sales_table).values("key")
    lines = MatchLine.objects.filter(mapping=mapping, job_id=None)
    yield records.filter(key__in=new_bc)
    yield records.exclude(key__in=lines.values("bc_key"))
    changed_rows = rows.filter(key__in=new_sales)
    if changed_rows.exists():
        touched = MatchCandidate.objects.filter(line__in=lines, sales_key__in=new_sales).values("line__bc_key")
        yield records.filter(key__in=touched)
        if near := sharing(System.BUSINESS_CENTRAL, records, changed_rows):
            yield records.filter(pk__in=near)


def _chunks() -> Iterator[list[int]]:
    last = 0
    while True:
        with database.cursor() as cursor:
            cursor.execute("SELECT id FROM match_wanted WHERE id > %s ORDER BY id LIMIT %s", [last, CHUNK])
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return
        yield ids
        last = ids[-1]


@dataclass(frozen=True, slots=True)
class _Found:
    """A record and its best candidates."""

    bc_key: UUID
    candidates: Sequence[tuple[UUID, Score]]


def _score_chunk(mapping: TableMapping, ids: Sequence[int], profile: Profile) -> Iterator[_Found]:
    with database.cursor() as cursor:
        cursor.execute("SELECT bc, sales, domain_shared, phone_shared FROM match_pair WHERE bc = ANY(%s)", [list(ids)])
        pairs = cursor.fetchall()
    bc = read_signals(mapping, System.BUSINESS_CENTRAL, Q(pk__in=ids))
    sales = read_signals(mapping, System.SALES, Q(pk__in={sales_id for _, sales_id, _, _ in pairs}))
    out = set(
        RuledOutPair.objects.filter(mapping=mapping, bc_key__in=[key for key, _ in bc.values()]).values_list(
            "bc_key", "sales_key"
        )
    )
    found: dict[int, list[tuple[UUID, Score]]] = {pk: [] for pk in bc}
    for bc_id, sales_id, domain_shared, phone_shared in pairs:
        if bc_id not in bc or sales_id not in sales:
            continue
        bc_key, bc_signals = bc[bc_id]
        sales_key, sales_signals = sales[sales_id]
        if (bc_key, sales_key) in out:
            continue
        shared = {"domain": domain_shared or _OFTEN, "phone": phone_shared or _OFTEN}
        score = compare(bc_signals, sales_signals, profile, shared=shared)
        if score.value >= LEAST_SCORE:
            found[bc_id].append((sales_key, score))
    for bc_id, candidates in found.items():
        candidates.sort(key=lambda each: (-each[1].value, str(each[0])))
        yield _Found(bc[bc_id][0], candidates[:_KEPT])


_OFTEN = 1_000
"""A domain or phone that the two share without a key for it is too common to be one."""


def read_signals(mapping: TableMapping, system: System, which: Q) -> dict[int, tuple[UUID, Signals]]:
    """Signals of mirror rows of the mapping's table, by the row's id; a person's with the name of the company."""
    model = mirror_of(system)
    rows = model.objects.of_table(mapping.connection_id, mapping.table(system)).filter(which)
    found = list(rows.values_list("pk", "key", "number", "name", "values"))
    companies = _company_names(mapping, system, [values for *_, values in found])
    return {
        pk: (key, signals_of(values, number=number, name=name, company=_company(values, companies)))
        for pk, key, number, name, values in found
    }


def _company(values: Mapping[str, Any], names: Mapping[str, str]) -> str:
    return str(values.get("companyName") or names.get(str(values.get(_PARENT) or ""), ""))


_PARENT = "_parentcustomerid_value"


def _company_names(mapping: TableMapping, system: System, rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    if system != System.SALES or mapping.sales_table != "contacts":
        return {}
    keys = {str(values[_PARENT]) for values in rows if values.get(_PARENT)}
    accounts = SalesRecord.objects.of_table(mapping.connection_id, "accounts").filter(key__in=keys)
    return {str(key): name for key, name in accounts.values_list("key", "name")}


def _store(mapping: TableMapping, ids: Sequence[int], found: Sequence[_Found]) -> None:
    """Replaces the standing lines of a chunk; a fixed number of statements."""
    keys = [str(each.bc_key) for each in found]
    lines = MatchLine.objects.filter(mapping=mapping, job_id=None, bc_key__in=keys)
    _delete(MatchCandidate.objects.filter(line__in=lines))
    _delete(lines)
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO coupling_matchline (mapping_id, job_id, bc_key, verdict, score, best_key, hits, found_at) "
            "SELECT %s, NULL, key, 'none', 0, NULL, 0, now() FROM unnest(%s::uuid[]) key RETURNING bc_key, id",
            [mapping.pk, keys],
        )
        line_ids = {str(key): pk for key, pk in cursor.fetchall()}
    MatchCandidate.objects.bulk_create(
        [
            MatchCandidate(
                line_id=line_ids[str(each.bc_key)],
                sales_key=sales_key,
                score=score.value,
                reasons=list(score.reasons),
                doubts=list(score.doubts),
            )
            for each in found
            for sales_key, score in each.candidates
        ],
        batch_size=5000,
    )
