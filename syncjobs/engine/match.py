"""Match-based coupling: finds the one Sales row that a Business Central record equals, inside the database.

Criteria of one priority have to match together; a blank Business Central value is left out of its group, and blank
never equals blank. Groups are tried in ascending priority, each on its own: one free row couples, several are narrowed
by the later groups, none leaves the record to them. Rows that are coupled already never count as a match, but a record
that only such rows equal is reported as taken. Two records that claim the same row are both left for a person.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, groupby
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from connector.choices import System
from connector.errors import ErrorKind, HubError
from coupling.choices import CouplingOrigin
from coupling.models import Coupling, DirtyPair
from coupling.synchronisation import MatchField
from syncjobs.choices import OperationKind, OperationState
from syncjobs.constants import LARGEST_SLICE
from syncjobs.engine import work
from syncjobs.engine.context import JobRun
from syncjobs.engine.marks import lift_dependents
from syncjobs.engine.options import MatchCriteria, PairRef
from syncjobs.engine.pull import pull_table
from syncjobs.engine.tables import TableReading
from syncjobs.models import Operation, SynchJob

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
            "Nothing was chosen to match on.", kind=ErrorKind.DATA, code="match.no_criteria", hint="Choose a field."
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
    with transaction.atomic():
        _Matching(run, criteria).match()


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

    def match(self) -> None:
        self._prepare()
        ordered = sorted(self.criteria.fields, key=lambda each: each.priority)
        for _, group in groupby(ordered, key=lambda each: each.priority):
            self._try_group(list(group))
        self._execute(
            "UPDATE match_bc SET verdict = 'contested' WHERE verdict = 'clear' AND partner IN "
            "(SELECT partner FROM match_bc WHERE verdict = 'clear' GROUP BY partner HAVING count(*) > 1)"
        )
        coupled = self._couple()
        unmatched = self._journal_unmatched()
        candidates = coupled + unmatched
        SynchJob.objects.filter(pk=self.run.job.pk).update(
            coupled=F("coupled") + coupled,
            failed=F("failed") + unmatched,
            total=candidates + DirtyPair.objects.filter(job_id=self.run.job.pk).count(),
            done=candidates,
            collected_at=timezone.now(),
        )
        self.run.progress.log(f"{coupled:,} of {candidates:,} records found their partner.")

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

    def _couple(self) -> int:
        """Couples the clear pairs; those that somebody coupled meanwhile are nobody's failure."""
        mapping, coupled = self.run.mapping, 0
        for part in self._parts("key, partner, number, name", "verdict = 'clear'"):
            Coupling.objects.bulk_create(
                [
                    Coupling(
                        connection_id=mapping.connection_id,
                        mapping=mapping,
                        bc_table=mapping.business_central_table,
                        bc_key=bc_key,
                        sales_table=mapping.sales_table,
                        sales_key=sales_key,
                        origin=CouplingOrigin.MATCH,
                        created_by_id=self.run.job.user_id,
                        last_job_id=self.run.job.pk,
                    )
                    for bc_key, sales_key, _, _ in part
                ],
                ignore_conflicts=True,
            )
            keys = [bc_key for bc_key, *_ in part]
            new = mapping.couplings.filter(bc_key__in=keys, last_job_id=self.run.job.pk, origin=CouplingOrigin.MATCH)
            ids = dict(new.values_list("bc_key", "pk"))
            names = {bc_key: f"{number} {name}".strip() for bc_key, _, number, name in part}
            Operation.objects.bulk_create(
                self._operation(bc_key, sales_key, names[bc_key], OperationState.SETTLED, coupling_id=ids[bc_key])
                for bc_key, sales_key, _, _ in part
                if bc_key in ids
            )
            lift_dependents(
                mapping=mapping,
                names=[text for _, sales_key, number, name in part for text in (str(sales_key), number, name) if text],
            )
            if self.criteria.synchronize:
                pairs = [PairRef(bc_key, sales_key) for bc_key, sales_key, _, _ in part if bc_key in ids]
                work.put_back(job_id=self.run.job.pk, mapping_id=mapping.pk, pairs=pairs)
            coupled += len(ids)
        return coupled

    def _journal_unmatched(self) -> int:
        unmatched = 0
        for part in self._parts("key, verdict, hits, number, name", "verdict <> 'clear'"):
            to_create = [row for row in part if row[1] == "none"] if self.criteria.create_unmatched else []
            work.put_back(
                job_id=self.run.job.pk,
                mapping_id=self.run.mapping.pk,
                pairs=[PairRef(bc_key, None) for bc_key, *_ in to_create],
            )
            created = {bc_key for bc_key, *_ in to_create}
            failed = [row for row in part if row[0] not in created]
            Operation.objects.bulk_create(
                self._failure(bc_key, verdict, hits, f"{number} {name}".strip())
                for bc_key, verdict, hits, number, name in failed
            )
            unmatched += len(failed)
        return unmatched

    def _failure(self, bc_key: UUID, verdict: str, hits: int, name: str) -> Operation:
        code, message, hint = _REASONS[verdict]
        return self._operation(
            bc_key,
            None,
            name,
            OperationState.FAILED,
            error_code=code,
            error_message=message.format(name=name, hits=hits),
            error_hint=hint.format(name=name),
        )

    def _operation(
        self, bc_key: UUID, sales_key: UUID | None, name: str, state: OperationState, **more: object
    ) -> Operation:
        mapping = self.run.mapping
        return Operation(
            job=self.run.job,
            connection_id=mapping.connection_id,
            mapping=mapping,
            system=System.SALES,
            table=mapping.sales_table,
            record_id=sales_key,
            bc_key=bc_key,
            sales_key=sales_key,
            record_name=name[:500],
            kind=OperationKind.COUPLE,
            state=state,
            settled_at=timezone.now(),
            **more,
        )

    def _parts(self, columns: str, condition: str) -> Iterable[list[tuple]]:
        last = None
        while True:
            with database.cursor() as cursor:
                cursor.execute(
                    f"SELECT {columns} FROM match_bc WHERE {condition} AND (%s::uuid IS NULL OR key > %s) "  # noqa: S608
                    "ORDER BY key LIMIT %s",
                    [last, last, LARGEST_SLICE],
                )
                part = cursor.fetchall()
            if not part:
                return
            yield part
            last = part[-1][0]

    def _execute(self, statement: str, arguments: Sequence[object] | None = None) -> None:
        with database.cursor() as cursor:
            cursor.execute(statement, arguments)  # type: ignore[arg-type]
