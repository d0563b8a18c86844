"""Counts for people and for programs that watch the hub: couplings, what runs wrote, what failed, what waits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum

from connector.models import Connection
from coupling.models import Coupling, OptionMapping, TableMapping
from syncjobs.choices import JobMode, JobState
from syncjobs.models import SynchJob

WINDOW = timedelta(days=30)
COUNTED = ("inserted", "modified", "deleted", "failed", "conflicts")


@dataclass(frozen=True, slots=True)
class MappingStatistics:
    """One mapping: its pairs now, and what its runs of the last thirty days came to."""

    mapping: TableMapping
    coupled: int
    failing: int
    skipped: int
    conflicts: int
    runs: int
    inserted: int
    modified: int
    deleted: int
    failed: int
    last_success: datetime | None


def statistics_of(connection: Connection, *, now: datetime) -> list[MappingStatistics]:
    """Of the mappings that are switched on or have pairs, in their order. Four queries."""
    pairs: dict[int, dict[str, Any]] = _by_mapping(
        Coupling.objects.filter(connection=connection).order_by().values("mapping").annotate(
            coupled=Count("pk"),
            failing=Count("pk", filter=~Q(error_code="") & Q(skipped_at__isnull=True)),
            skipped=Count("pk", filter=Q(skipped_at__isnull=False)),
            conflicts=Count("pk", filter=Q(conflict=True)),
        )
    )  # fmt: skip
    options = _by_mapping(
        OptionMapping.objects.filter(mapping__connection=connection).order_by().values("mapping").annotate(
            coupled=Count("pk"), failing=Count("pk", filter=~Q(error_code=""))
        )
    )  # fmt: skip
    ended = SynchJob.objects.filter(connection=connection, mapping__isnull=False).exclude(mode=JobMode.PREVIEW)
    good = Max("finished_at", filter=Q(state__in=[JobState.SUCCEEDED, JobState.PARTLY]))
    window = Q(created_at__gte=now - WINDOW)
    runs = _by_mapping(
        ended.order_by().values("mapping").annotate(
            runs=Count("pk", filter=window),
            last_success=good,
            **{f"{name}_sum": Sum(name, filter=window) for name in COUNTED},
        )
    )  # fmt: skip
    return [
        MappingStatistics(
            mapping=mapping,
            coupled=pair.get("coupled", 0) + option.get("coupled", 0),
            failing=pair.get("failing", 0) + option.get("failing", 0),
            skipped=pair.get("skipped", 0),
            conflicts=pair.get("conflicts", 0),
            runs=run.get("runs", 0),
            inserted=run.get("inserted_sum") or 0,
            modified=run.get("modified_sum") or 0,
            deleted=run.get("deleted_sum") or 0,
            failed=run.get("failed_sum") or 0,
            last_success=run.get("last_success"),
        )
        for mapping in TableMapping.objects.filter(connection=connection)
        for pair, option, run in [(pairs.get(mapping.pk, {}), options.get(mapping.pk, {}), runs.get(mapping.pk, {}))]
        if mapping.enabled or pair or option
    ]


def failed_runs(connection: Connection) -> int:
    """Runs that failed as a whole since somebody last said that they were seen; ever, where nobody did."""
    failed = SynchJob.objects.filter(connection=connection, state=JobState.FAILED)
    if connection.failures_reset_at is not None:
        failed = failed.filter(finished_at__gt=connection.failures_reset_at)
    return failed.count()


def reset_failures(*, connection: Connection, now: datetime) -> None:
    """Those that have failed so far count as seen: up to the newest of them, or up to now where none has failed."""
    newest = SynchJob.objects.filter(connection=connection, state=JobState.FAILED).aggregate(at=Max("finished_at"))[
        "at"
    ]
    Connection.objects.filter(pk=connection.pk).update(failures_reset_at=newest or now)


def oldest_waiting(connection: Connection | None = None) -> datetime | None:
    """When the job was made that waits longest."""
    waiting = SynchJob.objects.filter(state=JobState.QUEUED)
    if connection is not None:
        waiting = waiting.filter(connection=connection)
    found: datetime | None = waiting.aggregate(at=Min("created_at"))["at"]
    return found


def _by_mapping(rows: Any) -> dict[int, dict[str, Any]]:
    return {row["mapping"]: row for row in rows}
