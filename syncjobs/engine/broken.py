"""Looks for couplings with a missing side, on request: both tables are read, deletions are swept for."""

from django.db import connection as database
from django.utils import timezone

from connector.choices import System
from syncjobs.engine.context import JobRun
from syncjobs.engine.pull import pull_table
from syncjobs.models import SynchJob

_MARK_MISSING = """
UPDATE coupling_coupling coupling SET missing = found.missing
FROM (
    SELECT known.id, CASE WHEN bc.alive AND sales.alive THEN ''
                          WHEN sales.alive THEN 'business_central' WHEN bc.alive THEN 'sales' ELSE 'both' END AS missing
    FROM coupling_coupling known
    CROSS JOIN LATERAL (SELECT EXISTS (
        SELECT FROM coupling_businesscentralrecord r WHERE r.connection_id = known.connection_id
            AND r."table" = known.bc_table AND r.key = known.bc_key AND r.deleted_at IS NULL) AS alive) bc
    CROSS JOIN LATERAL (SELECT EXISTS (
        SELECT FROM coupling_salesrecord r WHERE r.connection_id = known.connection_id
            AND r."table" = known.sales_table AND r.key = known.sales_key AND r.deleted_at IS NULL) AS alive) sales
    WHERE known.mapping_id = %s
) found
WHERE coupling.id = found.id AND coupling.missing <> found.missing
"""


def find_broken(run: JobRun) -> None:
    """Marks the mapping's couplings; the job's message says how many miss a side."""
    for system in System:
        pull_table(
            connection=run.connection,
            system=system,
            table=run.mapping.table(system),
            client=run.client(system),
            progress=run.progress,
            wanted_since=timezone.now(),
            sweep=True,
        )
    with database.cursor() as cursor:
        cursor.execute(_MARK_MISSING, [run.mapping.pk])
    couplings = run.mapping.couplings
    total, broken = couplings.count(), couplings.exclude(missing="").count()
    sentence = f"{broken:,} of {total:,} couplings miss a record." if broken else "No coupling misses a record."
    SynchJob.objects.filter(pk=run.job.pk).update(total=total, done=total, message=sentence)
