"""Which pairs a job works on, and how its workers share them.

Collecting hands pairs to the job in a few statements over whole tables; claiming gives a worker the next few thousand.
The rows stay locked from claim to the end of planning, in one transaction with the slice and its operations: a worker
that dies while planning leaves nothing half-claimed, and SKIP LOCKED lets the others pass.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connector.choices import Direction, System
from coupling.filters import filter_condition
from coupling.models import Coupling, DirtyPair, TableMapping
from syncjobs.choices import JobMode
from syncjobs.constants import LARGEST_SLICE, SMALLEST_SLICE
from syncjobs.engine import locks
from syncjobs.engine.blueprint import COMPANY_READ, Blueprint
from syncjobs.engine.mirror import model_of
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.engine.rules import rule_for
from syncjobs.models import JobSlice, SynchJob

_ON_CONFLICT = """
ON CONFLICT (mapping_id, pair_key, job_id) DO UPDATE SET
    bc_key = coalesce(coupling_dirtypair.bc_key, excluded.bc_key),
    sales_key = coalesce(coupling_dirtypair.sales_key, excluded.sales_key)
"""

_INSERT = "INSERT INTO coupling_dirtypair (mapping_id, pair_key, bc_key, sales_key, since, job_id) "

# A pair may wait under two keys: a row that got coupled between two changes. One of the two is enough.
_TAKE_WAITING = f"""
WITH taken AS (
    DELETE FROM coupling_dirtypair WHERE mapping_id = %(mapping)s AND job_id IS NULL
    RETURNING pair_key, bc_key, sales_key, since
)
{_INSERT} SELECT %(mapping)s, pair_key, bc_key, sales_key, since, %(job)s FROM taken {_ON_CONFLICT}
"""  # noqa: S608 - parts are the constants above

_COPY_WAITING = f"""
{_INSERT} SELECT mapping_id, pair_key, bc_key, sales_key, since, %(job)s FROM coupling_dirtypair
WHERE mapping_id = %(mapping)s AND job_id IS NULL {_ON_CONFLICT}
"""  # noqa: S608 - parts are the constants above

_GIVE_BACK = f"""
WITH taken AS (
    DELETE FROM coupling_dirtypair WHERE mapping_id = %(mapping)s AND job_id = %(job)s
    RETURNING pair_key, bc_key, sales_key, since
)
{_INSERT} SELECT %(mapping)s, pair_key, bc_key, sales_key, since, NULL FROM taken {_ON_CONFLICT}
"""  # noqa: S608 - parts are the constants above

_FAILING = f"""
{_INSERT} SELECT mapping_id, bc_key, bc_key, sales_key, now(), %(job)s FROM coupling_coupling
WHERE mapping_id = %(mapping)s AND error_code <> '' AND skipped_at IS NULL {_ON_CONFLICT}
"""  # noqa: S608 - parts are the constants above

# Records without a coupling have no place for marks: the journal tells what failed last, and whether it did so twice.
_FAILED_UNCOUPLED = f"""
{_INSERT}
SELECT DISTINCT ON (coalesce(bc_key, sales_key))
    mapping_id, coalesce(bc_key, sales_key), bc_key, sales_key, now(), %(job)s
FROM syncjobs_operation failed
WHERE mapping_id = %(mapping)s AND state = 'failed' AND kind <> 'couple' AND coupling_id IS NULL AND NOT preview
  AND coalesce(bc_key, sales_key) IS NOT NULL
  AND NOT EXISTS (
    SELECT FROM syncjobs_operation other
    WHERE other.mapping_id = failed.mapping_id AND other.state = 'failed' AND NOT other.preview
      AND other.bc_key IS NOT DISTINCT FROM failed.bc_key AND other.sales_key IS NOT DISTINCT FROM failed.sales_key
      AND (other.id > failed.id OR (other.id < failed.id AND other.error_code = failed.error_code
                                    AND other.error_message = failed.error_message)))
  AND NOT EXISTS (
    SELECT FROM coupling_coupling coupled WHERE coupled.mapping_id = failed.mapping_id
      AND (coupled.bc_key = failed.bc_key OR coupled.sales_key = failed.sales_key))
ORDER BY coalesce(bc_key, sales_key), id DESC
{_ON_CONFLICT}
"""  # noqa: S608 - parts are the constants above

_COUPLINGS = f"""
{_INSERT} SELECT mapping_id, bc_key, bc_key, sales_key, now(), %(job)s FROM coupling_coupling
WHERE mapping_id = %(mapping)s {_ON_CONFLICT}
"""  # noqa: S608 - parts are the constants above

_SELECTED = f"""
WITH wanted AS (
    SELECT given.bc_key, given.sales_key, coupled.bc_key AS coupled_bc, coupled.sales_key AS coupled_sales
    FROM unnest(%(bc_keys)s::uuid[], %(sales_keys)s::uuid[]) AS given (bc_key, sales_key)
    LEFT JOIN coupling_coupling coupled ON coupled.mapping_id = %(mapping)s
        AND (coupled.bc_key = given.bc_key OR coupled.sales_key = given.sales_key)
), pairs AS (
    SELECT DISTINCT ON (pair_key) coalesce(coupled_bc, bc_key, sales_key) AS pair_key,
        coalesce(coupled_bc, bc_key) AS bc_key, coalesce(coupled_sales, sales_key) AS sales_key
    FROM wanted ORDER BY pair_key
), taken AS (
    DELETE FROM coupling_dirtypair waiting USING pairs
    WHERE %(take)s AND waiting.mapping_id = %(mapping)s AND waiting.id IN (
        SELECT id FROM coupling_dirtypair
        WHERE mapping_id = %(mapping)s AND pair_key IN (SELECT pair_key FROM pairs) AND job_id IS DISTINCT FROM %(job)s
        FOR UPDATE SKIP LOCKED)
)
{_INSERT} SELECT %(mapping)s, pair_key, bc_key, sales_key, now(), %(job)s FROM pairs {_ON_CONFLICT}
"""  # noqa: S608 - parts are the constants above


@dataclass(frozen=True, slots=True)
class ClaimedSlice:
    """A slice with its pairs; the rows are locked until the transaction ends."""

    slice: JobSlice
    pairs: list[DirtyPair]


def collect(job: SynchJob, mapping: TableMapping, options: RunOptions) -> int:
    """Hands the pairs of the run to `job` and returns how many; one transaction with the mark that it happened.

    A preview copies waiting changes, so that the run that it previews still finds them.
    """
    with transaction.atomic():
        if SynchJob.objects.select_for_update().get(pk=job.pk).collected_at is not None:
            return job.total
        if options.only_pairs:
            _collect_selected(job, mapping, options.pairs)
        elif options.uncouple:
            _run(_COUPLINGS, job)
            _collect_stuck(job, mapping)
        elif job.mode == JobMode.FULL or job.full_synch_line_id or not _has_run(job):
            _collect_all(job, mapping, options)
        else:
            _run(_COPY_WAITING if job.mode == JobMode.PREVIEW else _TAKE_WAITING, job)
            _run(_FAILING, job)
            if not mapping.synch_only_coupled_records or options.ignore_only_coupled:
                _run(_FAILED_UNCOUPLED, job)
            if rule_for(mapping.name).plans_all_couplings:
                _run(_COUPLINGS, job)
        total = DirtyPair.objects.filter(job_id=job.pk).count()
        SynchJob.objects.filter(pk=job.pk).update(total=total, collected_at=timezone.now())
    job.total = total
    return total


def give_back(job: SynchJob) -> None:
    """Pairs that the job will not plan any more wait for the next run; those of a preview were copies."""
    if job.mode == JobMode.PREVIEW:
        DirtyPair.objects.filter(job_id=job.pk).delete()
    elif job.mapping_id:
        _run(_GIVE_BACK, job)


def put_back(*, job_id: int | None, mapping_id: int, pairs: Sequence[PairRef]) -> None:
    """The pairs have to be planned again: by the job itself, or by the next run (`job_id` None)."""
    if not pairs:
        return
    rows = {pair.bc_key or pair.sales_key: pair for pair in pairs}
    with database.cursor() as cursor:
        cursor.execute(
            f"{_INSERT} SELECT %s, pair.pair_key, pair.bc_key, pair.sales_key, now(), %s "  # noqa: S608
            "FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS pair (pair_key, bc_key, sales_key) " + _ON_CONFLICT,
            [mapping_id, job_id, _texts(rows), _texts(p.bc_key for p in rows.values()),
             _texts(p.sales_key for p in rows.values())],
        )  # fmt: skip


def slice_size(total: int, workers: int) -> int:
    """Pairs per slice, so that every worker finds at least two."""
    return max(SMALLEST_SLICE, min(LARGEST_SLICE, -(-total // max(1, 2 * workers))))


def claim_slice(job: SynchJob, size: int) -> ClaimedSlice | None:
    """The next pairs of the job, for this worker alone; None when nothing is left to claim.

    Has to be called in the transaction that plans the pairs. The lock of the slice belongs to the session and shows, as
    long as this worker lives, that the slice is in hand.
    """
    pairs = list(
        DirtyPair.objects.select_for_update(skip_locked=True).filter(job_id=job.pk).order_by("pair_key")[:size]
    )
    if not pairs:
        return None
    claimed = JobSlice.objects.create(job=job)
    locks.try_lock(locks.slice_lock(claimed.pk))
    return ClaimedSlice(claimed, pairs)


def abandoned_slice(job: SynchJob) -> JobSlice | None:
    """An open slice whose worker is gone, now locked for this session; None when there is none."""
    for candidate in JobSlice.objects.filter(job=job, open=True).order_by("id"):
        if locks.try_lock(locks.slice_lock(candidate.pk)):
            candidate.refresh_from_db()
            if candidate.open:
                return candidate
            locks.unlock(locks.slice_lock(candidate.pk))
    return None


def close_slice(claimed: JobSlice) -> None:
    JobSlice.objects.filter(pk=claimed.pk).update(open=False)
    locks.unlock(locks.slice_lock(claimed.pk))


def is_finished(job: SynchJob) -> bool:
    """Nothing is left to claim and nobody has a slice in hand."""
    return (
        not DirtyPair.objects.filter(job_id=job.pk).exists()
        and not JobSlice.objects.filter(job=job, open=True).exists()
    )


def records_inside_filter(mapping: TableMapping, system: System) -> QuerySet:
    """Live mirror rows of the mapping's table that its filter admits."""
    rows = model_of(system).objects.of_table(mapping.connection_id, mapping.table(system)).alive()
    text = mapping.filter(system)
    if not text:
        return rows
    parameters = {"company_row_id": mapping.connection.company_row_id}
    return rows.filter(filter_condition(text, system=system, parameters=parameters))


def _has_run(job: SynchJob) -> bool:
    return (
        SynchJob.objects.filter(mapping_id=job.mapping_id, mode__in=[JobMode.MODIFIED, JobMode.FULL])
        .filter(collected_at__isnull=False)
        .exclude(pk=job.pk)
        .exists()
    )


def _collect_all(job: SynchJob, mapping: TableMapping, options: RunOptions) -> None:
    if job.mode != JobMode.PREVIEW:
        _run(_TAKE_WAITING, job)
    _run(_COUPLINGS, job)
    if mapping.synch_only_coupled_records and not options.ignore_only_coupled:
        return
    for source in System:
        if Direction(job.direction).allows(source.other):
            _collect_records(job, mapping, source)


def _collect_records(job: SynchJob, mapping: TableMapping, source: System) -> None:
    """Uncoupled records inside the filter."""
    _insert_records(job, mapping, source, _free_records(mapping, source))


def _collect_stuck(job: SynchJob, mapping: TableMapping) -> None:
    """Uncoupled Sales rows inside the filter that kept this company's marker."""
    company = mapping.connection.company_row_id
    if company and Blueprint.of(mapping).carries_marker:
        stuck = _free_records(mapping, System.SALES).filter(**{f"values__{COMPANY_READ}": str(company)})
        _insert_records(job, mapping, System.SALES, stuck)


def _free_records(mapping: TableMapping, source: System) -> QuerySet:
    """A record coupled under another mapping belongs to that one."""
    bc = source == System.BUSINESS_CENTRAL
    taken = Coupling.objects.filter(connection_id=mapping.connection_id)
    taken = taken.filter(**{"bc_table" if bc else "sales_table": mapping.table(source)})
    return records_inside_filter(mapping, source).exclude(key__in=taken.values("bc_key" if bc else "sales_key"))


def _insert_records(job: SynchJob, mapping: TableMapping, source: System, keys: QuerySet) -> None:
    bc = source == System.BUSINESS_CENTRAL
    statement, parameters = keys.order_by().values("key").query.sql_with_params()
    bc_key, sales_key = ("inside.key", "NULL::uuid") if bc else ("NULL::uuid", "inside.key")
    with database.cursor() as cursor:
        columns = f"%s, inside.key, {bc_key}, {sales_key}, now(), %s"
        cursor.execute(
            f"{_INSERT} SELECT {columns} FROM ({statement}) inside " + _ON_CONFLICT,  # noqa: S608
            [mapping.pk, job.pk, *parameters],
        )


def _collect_selected(job: SynchJob, mapping: TableMapping, pairs: Sequence[PairRef]) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            _SELECTED,
            {
                "mapping": mapping.pk,
                "job": job.pk,
                "take": job.mode != JobMode.PREVIEW,
                "bc_keys": _texts(pair.bc_key for pair in pairs),
                "sales_keys": _texts(pair.sales_key for pair in pairs),
            },
        )


def _run(statement: str, job: SynchJob) -> None:
    with database.cursor() as cursor:
        cursor.execute(statement, {"mapping": job.mapping_id, "job": job.pk})


def _texts(keys: Iterable[UUID | None]) -> list[str | None]:
    return [str(key) if key else None for key in keys]
