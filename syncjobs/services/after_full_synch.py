"""When a full synchronisation has ended: what it came to, what is left to be decided, and how scheduled jobs go on.

A full synchronisation creates partners whatever the mappings say, and changes none of their settings. Whether scheduled
jobs shall create partners as well is therefore asked once it has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connector.errors import ErrorKind, HubError
from connector.services.setup import update_connection
from coupling.choices import MappingKind
from coupling.models import TableMapping
from coupling.services.mappings import update_mapping
from syncjobs.choices import LIVE_JOB_STATES, LineState
from syncjobs.models import FullSynch, FullSynchLine
from syncjobs.services.full_synch import blocked_by, holds

NEVER_CREATES = frozenset({"SALESPEOPLE"})
"""Partners of these are made by people only."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A line with records that failed; `waiting` names the lines that wait for a decision about it."""

    mapping: str
    failed: int
    percent: int
    job_id: int
    waiting: list[str]


@dataclass(frozen=True, slots=True)
class Ending:
    duration: timedelta | None
    created: int
    updated: int
    coupled: int
    unchanged: int
    conflicts: int
    requests: int
    throttled_seconds: float
    troubles: list[Trouble]
    questions: list[TableMapping]
    """Mappings whose scheduled jobs do not create partners; empty once somebody answered."""


def ending_of(run: FullSynch, lines: Sequence[FullSynchLine]) -> Ending | None:
    """Of a real run that has ended; None otherwise. `lines` carry their mapping and jobs, newest first: no queries."""
    if run.preview or run.state in LIVE_JOB_STATES:
        return None
    jobs = [job for line in lines for job in line.jobs.all()]
    return Ending(
        duration=run.finished_at - run.started_at if run.finished_at and run.started_at else None,
        created=sum(job.inserted for job in jobs),
        updated=sum(job.modified for job in jobs),
        coupled=sum(job.coupled for job in jobs),
        unchanged=sum(job.unchanged for job in jobs),
        conflicts=sum(next((job.conflicts for job in line.jobs.all()), 0) for line in lines),
        requests=sum(job.requests for job in jobs),
        throttled_seconds=sum(job.throttled_seconds for job in jobs),
        troubles=_troubles(run, lines),
        questions=[] if run.answered_at else [line.mapping for line in lines if _may_create(line)],
    )


def _troubles(run: FullSynch, lines: Sequence[FullSynchLine]) -> list[Trouble]:
    percent = run.connection.full_synch_hold_percent
    found = []
    for line in lines:
        newest = next(iter(line.jobs.all()), None)
        if newest is None or not line.failed_percent:
            continue
        name = line.mapping.name
        waiting = [other.mapping.name for other in lines if name in blocked_by(other, lines)]
        found.append(
            Trouble(name, newest.failed, line.failed_percent, newest.pk, waiting if holds(line, percent) else [])
        )
    return found


def _may_create(line: FullSynchLine) -> bool:
    """Whether the question makes sense for a line's mapping."""
    mapping = line.mapping
    return (
        line.state == LineState.FINISHED
        and mapping.kind == MappingKind.RECORD
        and mapping.synch_only_coupled_records
        and mapping.name not in NEVER_CREATES
    )


def answer(*, full_synch: FullSynch, creating: Sequence[str], automatic: bool, user: User | None) -> None:
    """Scheduled jobs of the mappings in `creating` create partners from now on; `automatic` switches them on.

    Raises HubError for a mapping that was not asked about.
    """
    asked = {
        line.mapping.name: line.mapping for line in full_synch.lines.select_related("mapping") if _may_create(line)
    }
    if unknown := sorted(set(creating) - asked.keys()):
        raise HubError(
            f"{', '.join(unknown)} is not asked about.", kind=ErrorKind.DATA, code="full_synch.unknown_mapping"
        )
    with transaction.atomic():
        for name in creating:
            update_mapping(mapping=asked[name], changes={"synch_only_coupled_records": False}, user=user)
        if automatic and not full_synch.connection.automatic_jobs:
            update_connection(connection=full_synch.connection, changes={"automatic_jobs": True}, user=user)
        FullSynch.objects.filter(pk=full_synch.pk).update(answered_at=timezone.now())
