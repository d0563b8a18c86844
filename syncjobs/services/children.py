"""Records that belong to others follow them: the prices of a price list that somebody synchronises by hand.

Whole runs need no help, since the children's mapping has runs of its own. A run over chosen records, however, is meant
for all that belongs to them.
"""

from django.db.models import Q

from connector.choices import Direction, System
from coupling.models import BusinessCentralRecord, Coupling, TableMapping
from syncjobs.choices import JobMode, JobState, JobTrigger
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.engine.rules import rule_for
from syncjobs.models import SynchJob
from syncjobs.services.jobs import start_job

_BY_HAND = (JobMode.SELECTED, JobMode.CREATE, JobMode.RESTORE)


def start_children(job: SynchJob) -> SynchJob | None:
    """Starts the run over the children of the records that `job` was about; once per job, however often it is asked."""
    if job.mapping is None or job.mode not in _BY_HAND or job.state not in (JobState.SUCCEEDED, JobState.PARTLY):
        return None
    children = rule_for(job.mapping.name).children
    if children is None or not Direction(job.direction).allows(System.SALES):
        return None
    name, property_name = children
    mapping = TableMapping.objects.filter(connection=job.connection, name=name, enabled=True, available=True).first()
    if mapping is None or SynchJob.objects.filter(mapping=mapping, options__follows=job.pk).exists():
        return None
    pairs = _children_of(job, mapping, property_name)
    if not pairs:
        return None
    options = RunOptions(ignore_only_coupled=True, follows=job.pk).with_pairs(pairs)
    return start_job(
        connection=job.connection,
        mapping=mapping,
        mode=JobMode.SELECTED,
        direction=Direction.TO_SALES,
        trigger=JobTrigger(job.trigger),
        user=job.user,
        options=options,
    )


def _children_of(job: SynchJob, mapping: TableMapping, property_name: str) -> list[PairRef]:
    chosen = RunOptions.from_json(job.options).pairs
    named = Q(bc_key__in=[pair.bc_key for pair in chosen if pair.bc_key]) | Q(
        sales_key__in=[pair.sales_key for pair in chosen if pair.sales_key]
    )
    parents = list(Coupling.objects.filter(named, mapping_id=job.mapping_id).values_list("bc_table", "bc_key"))
    records = BusinessCentralRecord.objects.filter(connection=job.connection, deleted_at__isnull=True)
    numbers = records.filter(table__in={table for table, _ in parents}, key__in=[key for _, key in parents])
    rows = records.filter(
        table=mapping.business_central_table,
        **{f"values__{property_name}__in": list(numbers.values_list("number", flat=True))},
    )
    return [PairRef(key, None) for key in rows.values_list("key", flat=True)]
