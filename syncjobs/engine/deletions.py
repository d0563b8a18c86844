"""The safety stop of the policy "delete the other record too".

A wrong filter, a lost permission or a mass deletion by mistake must not empty the other system. So the deletions that a
run would carry across are counted before any pair is planned; more than the limit wait, all of them, for a person.
"""

from django.conf import settings
from django.db import connection as database

from connector.choices import Direction, System
from coupling.choices import DeletionConflict
from syncjobs.choices import JobMode, LogLevel
from syncjobs.engine.context import JobRun
from syncjobs.engine.options import RunOptions
from syncjobs.models import SynchJob

_COUNT = """
SELECT count(*) FROM coupling_coupling known
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT FROM coupling_businesscentralrecord r WHERE r.connection_id = known.connection_id
        AND r."table" = known.bc_table AND r.key = known.bc_key AND r.deleted_at IS NULL) AS alive) bc
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT FROM coupling_salesrecord r WHERE r.connection_id = known.connection_id
        AND r."table" = known.sales_table AND r.key = known.sales_key AND r.deleted_at IS NULL) AS alive) sales
WHERE known.mapping_id = %(mapping)s AND (NOT %(selected)s OR known.bc_key = ANY(%(bc_keys)s::uuid[])
                                          OR known.sales_key = ANY(%(sales_keys)s::uuid[]))
  AND ((%(to_sales)s AND sales.alive AND NOT bc.alive) OR (%(to_bc)s AND bc.alive AND NOT sales.alive))
"""


def hold_deletions(run: JobRun) -> None:
    """Notes in the job's options that its deletions wait, where there are more than the limit."""
    options, job = run.options, run.job
    if run.mapping.deletion_conflict_resolution != DeletionConflict.PROPAGATE or options.confirm_deletions:
        return
    if job.mode not in (JobMode.MODIFIED, JobMode.FULL, JobMode.PREVIEW, JobMode.SELECTED):
        return
    number = _number(run)
    if number <= settings.COUPLET_DELETIONS_WITHOUT_ASKING:
        return
    job.options = {**RunOptions.from_json(job.options).to_json(), "hold_deletions": number}
    run.options = RunOptions.from_json(job.options)
    sentence = f"{number:,} records would be deleted, because their partners are gone; that waits for a person's word."
    SynchJob.objects.filter(pk=job.pk).update(options=job.options, message=sentence)
    run.progress.log(sentence, LogLevel.WARNING)


def _number(run: JobRun) -> int:
    targets = Direction(run.job.direction).targets
    with database.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "mapping": run.mapping.pk,
                "selected": run.options.only_pairs,
                "bc_keys": [str(pair.bc_key) for pair in run.options.pairs if pair.bc_key],
                "sales_keys": [str(pair.sales_key) for pair in run.options.pairs if pair.sales_key],
                "to_sales": System.SALES in targets,
                "to_bc": System.BUSINESS_CENTRAL in targets,
            },
        )
        return int(cursor.fetchone()[0])
