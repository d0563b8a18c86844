"""Keeps suggestions up to date in the background: a look every now and then, and a task per mapping that is behind."""

from datetime import datetime

import django_rq
from django.core.cache import cache

from coupling.services import suggestions
from syncjobs.choices import JobState
from syncjobs.engine.closing import EXCLUSIVE_MODES
from syncjobs.engine.fan_out import LOW
from syncjobs.models import SynchJob

_LOOK_EVERY_SECONDS = 20
_QUEUED_SECONDS = 120
"""A mapping that was put on the queue is not put there again for so long, unless its task has run."""


def look_for_outdated_suggestions(*, now: datetime) -> None:
    """Puts a task on the queue for every mapping whose suggestions are behind.

    One that a run is working on waits for its end: most of what would be compared is coupled or changed until then.
    """
    if not cache.add("suggestions-looked", True, _LOOK_EVERY_SECONDS):
        return
    running = SynchJob.objects.filter(state=JobState.RUNNING, mode__in=EXCLUSIVE_MODES)
    busy = set(running.values_list("mapping_id", flat=True))
    for mapping_id in suggestions.due(now=now):
        if mapping_id not in busy and cache.add(_queued(mapping_id), True, _QUEUED_SECONDS):
            django_rq.get_queue(LOW).enqueue(
                "syncjobs.tasks.refresh_suggestions", mapping_id, job_timeout=-1, result_ttl=0, failure_ttl=3600
            )


def refresh(mapping_id: int, *, now: datetime) -> None:
    """Computes what changed. Where another computation is under way, the next look puts the mapping back."""
    try:
        suggestions.refresh(mapping_id=mapping_id, now=now)
    finally:
        cache.delete(_queued(mapping_id))


def _queued(mapping_id: int) -> str:
    return f"suggestions-queued-{mapping_id}"
