"""All changes since the last runs, for every mapping at once: one job per mapping, in the order of their dependence."""

from django.contrib.auth.models import User

from connector.models import Connection
from coupling.choices import MappingKind
from coupling.models import TableMapping
from syncjobs.choices import JobMode, JobTrigger
from syncjobs.models import SynchJob
from syncjobs.services.full_synch import TRAVEL_WITH_HEADER
from syncjobs.services.jobs import check_connection, start_job

_FIRST = (
    "SALESPEOPLE", "CURRENCY", "UNIT OF MEASURE", "UNIT GROUP", "ITEM UOM", "RESOURCE UOM", "CUSTOMER", "CONTACT",
    "ITEM-PRODUCT", "RESOURCE-PRODUCT",
)  # fmt: skip
"""What others refer to comes first; the rest follows by name."""


def ordered_mappings(connection: Connection) -> list[TableMapping]:
    """The mappings of rows that can run, the ones that others need first. Option mappings and lines are left out."""
    mappings = TableMapping.objects.select_related("connection").filter(
        connection=connection, enabled=True, available=True, kind=MappingKind.RECORD
    )
    rank = {name: position for position, name in enumerate(_FIRST)}
    return sorted(
        mappings.exclude(name__in=TRAVEL_WITH_HEADER),
        key=lambda mapping: (rank.get(mapping.name, len(_FIRST)), mapping.name),
    )


def synchronize_modified(
    *, connection: Connection, user: User | None, trigger: JobTrigger = JobTrigger.USER
) -> list[SynchJob]:
    """Raises HubError while the connection is disabled."""
    check_connection(connection)
    return [
        start_job(connection=connection, mapping=mapping, mode=JobMode.MODIFIED, trigger=trigger, user=user)
        for mapping in ordered_mappings(connection)
    ]
