"""Match-based coupling: finds the one Sales row that a Business Central record equals, inside the database.

Criteria of one priority have to match together; a blank Business Central value is left out of its group, and blank
never equals blank. Groups are tried in ascending priority, each on its own: one free row couples, several are narrowed
by the later groups, none leaves the record to them. Rows that are coupled already never count as a match, but a record
that only such rows equal is reported as taken. Two records that claim the same row are both left for a person.

What was found is stored as the run's lines, for review; then the clear pairs are coupled part by part, so that the run
shows its progress and can be stopped. A dry run ends after the lines.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, groupby
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.db.models import Count, F, QuerySet
from django.utils import timezone

from connector.choices import System
from connector.errors import ErrorKind, HubError
from coupling.choices import CouplingOrigin
from coupling.matching.choices import MatchVerdict
from coupling.matching.models import MatchCandidate, MatchLine
from coupling.models import BusinessCentralRecord, Coupling, DirtyPair
from coupling.synchronisation import MatchField
from syncjobs.choices import JobMode, OperationKind, OperationState
from syncjobs.constants import LARGEST_SLICE
from syncjobs.engine import work
from syncjobs.engine.accept import couple_clear
from syncjobs.engine.context import JobRun
from syncjobs.engine.options import Acceptance, MatchCriteria, PairRef
from syncjobs.engine.pull import pull_table
from syncjobs.engine.tables import TableReading
from syncjobs.models import Operation, SynchJob

_KEPT_REVIEWS = 5
_KEPT_CANDIDATES = 20
_BLANKS = ["", "0", "0001-01-01", "0001-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000"]

_REASONS = {
    "none": ("match.none", "No free row in Sales matches {name}.", "Couple it by hand, or create its partner."),
    "several": ("match.several", "{hits} rows in Sales match {name}.", "Couple it by hand, or add a criterion."),
    "taken": (
        "match.taken",
        "The only rows in Sales that match {name} are coupled with other records.",
        "Check whether {name} exists twice in Business Central.",
    ),
    "contested": (
        "match.contested",
        "{name} and another record both match the same row in Sales.",
        "Decide by hand which of them belongs to the row.",
    ),
}


def run_match(run: JobRun) -> None:
    """Reads both tables, couples the clear pairs, journals the others with their reason, and collects what follows."""
    criteria = run.options.match
    if criteria is None or not criteria.fields:
        raise HubError(
            f"Tick at least one field to match on for {run.mapping}.",
            kind=ErrorKind.DATA,
            code="match.no_criteria",
            hint="Start the match again with a field chosen.",
        )
    for system in System:
        pull_table(
            connection=run.connection,
            system=system,
            table=run.mapping.table(system),
            client=run.client(system),
            progress=run.progress,
            wanted_since=timezone.now(),
        )
    check_readable({system: run.reading(system) for system in System}, criteria.fields)
    lines = MatchLine.objects.filter(mapping=run.mapping, job_id=run.job.pk)
    if not lines.exists():
        _forget_old_lines(run)
        with transaction.atomic():
            _Matching(run, criteria).find()
    counts = dict(lines.order_by().values_list("verdict").annotate(Count("pk")))
    clear, total = counts.get(MatchVerdict.CLEAR, 0), sum(counts.values())
    run.progress.log(f"{clear:,} of {total:,} records have one free row that matches.")
    if criteria.dry_run:
        message = f"Dry run, nothing was coupled: {clear:,} of {total:,} records have a clear partner."
        SynchJob.objects.filter(pk=run.job.pk).update(done=total, total=total, message=message)
        return
    SynchJob.objects.filter(pk=run.job.pk).update(total=total, done=0, coupled=0, failed=0)
    couple_clear(run, Acceptance(CouplingOrigin.MATCH, run.job.pk, criteria.synchronize))
    if run.progress.should_stop():
        return
    _journal_unmatched(run, criteria)
    waiting = DirtyPair.objects.filter(job_id=run.job.pk).count()
    done = SynchJob.objects.filter(pk=run.job.pk).values_list("done", flat=True).get()
    SynchJob.objects.filter(pk=run.job.pk).update(total=done + waiting, collected_at=timezone.now())


def _forget_old_lines(run: JobRun) -> None:
    """The reviews of the last runs stay; older ones go, and those whose job was deleted."""
    jobs = SynchJob.objects.filter(mapping=run.mapping, mode=JobMode.MATCH).order_by("-id")
    kept = list(jobs.values_list("pk", flat=True)[:_KEPT_REVIEWS])
    old = MatchLine.objects.filter(mapping=run.mapping, job_id__isnull=False).exclude(job_id__in=kept)
    MatchCandidate.objects.filter(line__in=old).delete()
    old.delete()


def _journal_unmatched(run: JobRun, criteria: MatchCriteria) -> None:
    """Records without a clear partner: journaled with their reason, or handed on to be created."""
    lines = MatchLine.objects.filter(mapping=run.mapping, job_id=run.job.pk).exclude(verdict=MatchVerdict.CLEAR)
    last = 0
    while part := list(
        lines.filter(pk__gt=last).order_by("pk").values_list("pk", "bc_key", "verdict", "hits")[:LARGEST_SLICE]
    ):
        last = part[-1][0]
        names = _names(run, [bc_key for _, bc_key, _, _ in part])
        create = {bc_key for _, bc_key, verdict, _ in part if verdict == "none" and criteria.create_unmatched}
        with transaction.atomic():
            work.put_back(
                job_id=run.job.pk, mapping_id=run.mapping.pk, pairs=[PairRef(bc_key, None) for bc_key in create]
            )
            failed = [_failure(run, names.get(row[1], ""), *row[1:]) for row in part if row[1] not in create]
            Operation.objects.bulk_create(failed)
            SynchJob.objects.filter(pk=run.job.pk).update(
                failed=F("failed") + len(failed), done=F("done") + len(failed)
            )
        run.progress.beat()


def _names(run: JobRun, keys: Sequence[UUID]) -> dict[UUID, str]:
    rows = BusinessCentralRecord.objects.of_table(run.mapping.connection_id, run.mapping.business_central_table)
    found = rows.filter(key__in=keys).values_list("key", "number", "name")
    return {key: f"{number} {name}".strip() for key, number, name in found}


def _failure(run: JobRun, name: str, bc_key: UUID, verdict: str, hits: int) -> Operation:
    code, message, hint = _REASONS[verdict]
    return Operation(
        job=run.job,
        connection_id=run.mapping.connection_id,
        mapping=run.mapping,
        system=System.SALES,
        table=run.mapping.sales_table,
        bc_key=bc_key,
        record_name=name[:500],
        kind=OperationKind.COUPLE,
        state=OperationState.FAILED,
        settled_at=timezone.now(),
        error_code=code,
        error_message=message.format(name=name, hits=hits),
        error_hint=hint.format(name=name),
    )


def check_readable(readings: Mapping[System, TableReading], fields: Iterable[MatchField]) -> None:
    """Raises HubError for a criterion whose values the mirror does not hold."""
    for each in fields:
        for system, name in ((System.BUSINESS_CENTRAL, each.business_central), (System.SALES, each.sales)):
            reading = readings[system]
            if name not in reading.properties and name not in set().union(*reading.services.values()):
                raise HubError(
                    f"{name} is not read from {system.label}.",
                    kind=ErrorKind.DATA,
                    code="match.unknown_property",
                    hint="Add it to the mapping's fields and switch the field on.",
                )


class _Matching:
    """One transaction over temporary tables, so that any number of records costs the hub no memory."""

    def __init__(self, run: JobRun, criteria: MatchCriteria) -> None:
        self.run, self.criteria = run, criteria

    def find(self) -> None:
        """Works out every record's verdict and stores it with its candidates as the run's lines."""
        self._prepare()
        ordered = sorted(self.criteria.fields, key=lambda each: each.priority)
        for _, group in groupby(ordered, key=lambda each: each.priority):
            self._try_group(list(group))
        self._execute(
            "UPDATE match_bc SET verdict = 'contested' WHERE verdict = 'clear' AND partner IN "
            "(SELECT partner FROM match_bc WHERE verdict = 'clear' GROUP BY partner HAVING count(*) > 1)"
        )
        self._store()

    def _store(self) -> None:
        place = [self.run.mapping.pk, self.run.job.pk]
        self._execute(
            "INSERT INTO coupling_matchline (mapping_id, job_id, bc_key, verdict, score, best_key, hits, found_at) "
            "SELECT %s, %s, key, verdict, 0, partner, hits, now() FROM match_bc ORDER BY number, key",
            place,
        )
        self._execute(
            "INSERT INTO coupling_matchcandidate (line_id, sales_key, score, reasons, doubts, taken) "
            "SELECT line.id, hit.sales, 0, '{}', '{}', hit.taken FROM (SELECT bc, sales, taken, row_number() OVER "
            "(PARTITION BY bc ORDER BY taken, sales) AS place FROM match_hit) hit "
            "JOIN coupling_matchline line ON line.mapping_id = %s AND line.job_id = %s AND line.bc_key = hit.bc "
            "WHERE hit.place <= %s",
            [*place, _KEPT_CANDIDATES],
        )

    def _prepare(self) -> None:
        mapping = self.run.mapping
        couplings = Coupling.objects.filter(connection_id=mapping.connection_id)
        bc = work.records_inside_filter(mapping, System.BUSINESS_CENTRAL)
        bc = bc.exclude(key__in=couplings.filter(bc_table=mapping.business_central_table).values("bc_key"))
        if self.run.options.only_pairs:
            bc = bc.filter(key__in=[pair.bc_key for pair in self.run.options.pairs])
        sales = work.records_inside_filter(mapping, System.SALES)
        self._fill("match_bc", bc, "'none'::text AS verdict, NULL::uuid AS partner, 0 AS hits")
        self._fill("match_sales", sales, "false AS taken")
        self._execute("CREATE TEMPORARY TABLE match_hit (bc uuid, sales uuid, taken boolean) ON COMMIT DROP")
        self._execute(
            "UPDATE match_sales SET taken = true FROM coupling_coupling known "
            "WHERE known.connection_id = %s AND known.sales_table = %s AND known.sales_key = match_sales.key",
            [mapping.connection_id, mapping.sales_table],
        )

    def _fill(self, table: str, rows: QuerySet, more: str) -> None:
        statement, arguments = rows.order_by().values("key", "number", "name", "values").query.sql_with_params()
        self._execute(
            f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS SELECT inside.*, {more} FROM ({statement}) inside",  # noqa: S608
            arguments,
        )
        self._execute(f"ANALYZE {table}")

    def _try_group(self, group: Sequence[MatchField]) -> None:
        """Looks at records without a clear partner; those with several candidates keep only theirs."""
        self._execute("CREATE TEMPORARY TABLE match_new (bc uuid, sales uuid, taken boolean) ON COMMIT DROP")
        for size in range(len(group), 0, -1):
            for present in combinations(group, size):
                self._join(present, [each for each in group if each not in present])
        self._execute(
            "DELETE FROM match_new USING match_bc WHERE match_bc.key = match_new.bc AND match_bc.verdict = 'several' "
            "AND NOT EXISTS (SELECT FROM match_hit old WHERE old.bc = match_new.bc AND old.sales = match_new.sales)"
        )
        self._execute("DELETE FROM match_hit USING match_new WHERE match_new.bc = match_hit.bc")
        self._execute("INSERT INTO match_hit SELECT DISTINCT bc, sales, taken FROM match_new")
        self._execute(
            """
            UPDATE match_bc SET hits = found.free, partner = CASE WHEN found.free = 1 THEN found.sales END,
                verdict = CASE WHEN found.free = 1 THEN 'clear' WHEN found.free > 1 THEN 'several' ELSE 'taken' END
            FROM (
                SELECT bc, count(*) FILTER (WHERE NOT taken) AS free,
                       (array_agg(sales) FILTER (WHERE NOT taken))[1] AS sales
                FROM match_hit GROUP BY bc
            ) found
            WHERE match_bc.key = found.bc AND match_bc.verdict <> 'clear'
            """
        )
        self._execute("DROP TABLE match_new")

    def _join(self, present: Sequence[MatchField], absent: Sequence[MatchField]) -> None:
        """Records whose values are all there for `present` and blank for `absent`: a plain join on equality."""
        conditions, arguments = ["bc.verdict <> 'clear'"], []
        for each in present:
            form = "btrim({0}.values ->> %s)" if each.case_sensitive else "lower(btrim({0}.values ->> %s))"
            conditions += [f"{form.format('bc')} = {form.format('sales')}", "NOT btrim(bc.values ->> %s) = ANY(%s)"]
            arguments += [each.business_central, each.sales, each.business_central, _BLANKS]
        for each in absent:
            conditions.append("coalesce(btrim(bc.values ->> %s), '') = ANY(%s)")
            arguments += [each.business_central, _BLANKS]
        self._execute(
            "INSERT INTO match_new SELECT bc.key, sales.key, sales.taken FROM match_bc bc JOIN match_sales sales ON "  # noqa: S608
            + " AND ".join(conditions),
            arguments,
        )

    def _execute(self, statement: str, arguments: Sequence[object] | None = None) -> None:
        with database.cursor() as cursor:
            cursor.execute(statement, arguments)  # type: ignore[arg-type]
