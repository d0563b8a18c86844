"""Jobs and their errors are kept for a while and then deleted; what somebody still needs stays.

A job stays while it runs, while a skipped record refers to it, and while it is the last word on a record that could
not be created: its error would vanish from the errors page with it.
"""

from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from connector.models import Connection
from coupling.models import Coupling
from syncjobs.choices import LIVE_JOB_STATES
from syncjobs.models import FullSynch, SynchJob
from syncjobs.querysets import failed_creations

_EVERY_SECONDS = 24 * 3600
_AT_ONCE = 200


def deletable_jobs(connection: Connection, *, before: datetime | None) -> QuerySet[SynchJob]:
    """Ended jobs that nothing needs any more; `before` None: whenever they ended."""
    skipped = Coupling.objects.filter(last_job_id=OuterRef("pk"), skipped_at__isnull=False)
    waiting = failed_creations(connection).order_by().values("job")
    conditions = Q() if before is None else Q(finished_at__lt=before)
    live_reviews = FullSynch.objects.filter(connection=connection, state__in=LIVE_JOB_STATES)
    return (
        SynchJob.objects.filter(conditions, ~Exists(skipped), connection=connection, finished_at__isnull=False)
        .exclude(state__in=LIVE_JOB_STATES)
        .exclude(pk__in=waiting)
        .exclude(full_synch_line__full_synch__in=live_reviews)
    )


def forget_jobs(*, connection: Connection, before: datetime | None) -> int:
    """Deletes them with their journal, some at a time; records and couplings stay. Returns how many jobs went."""
    deleted = 0
    while keys := list(
        deletable_jobs(connection, before=before).order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]
    ):
        SynchJob.objects.filter(pk__in=keys).delete()
        deleted += len(keys)
    if before is not None:
        FullSynch.objects.filter(connection=connection, finished_at__lt=before).exclude(
            lines__jobs__isnull=False
        ).exclude(state__in=LIVE_JOB_STATES).delete()
    return deleted


def forget_old_jobs(*, now: datetime | None = None) -> int:
    """What every connection keeps no longer."""
    now = now or timezone.now()
    return sum(
        forget_jobs(connection=connection, before=now - timedelta(days=connection.keep_jobs_days))
        for connection in Connection.objects.all()
    )


def is_due() -> bool:
    """Once a day, whichever scheduler comes first."""
    return bool(cache.add("couplet:retention", "1", timeout=_EVERY_SECONDS))
