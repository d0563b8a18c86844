"""Whether somebody works: every page warns when the scheduler or all workers have gone silent."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from syncjobs.models import WorkerHeartbeat

SILENT_AFTER = timedelta(minutes=2)
SCHEDULER = "scheduler"


def outage() -> str:
    """One sentence for the banner; empty while everything is alive."""
    alive = set(WorkerHeartbeat.objects.filter(at__gte=timezone.now() - SILENT_AFTER).values_list("kind", flat=True))
    if not alive:
        return "No worker is running: jobs wait until one is started."
    if SCHEDULER not in alive:
        return "The scheduler is not running: scheduled jobs do not start."
    if alive == {SCHEDULER}:
        return "No worker is running: jobs wait until one is started."
    return ""


def workers(request: HttpRequest) -> dict[str, Any]:
    """`outage` for the base layout, asked for only when the whole page is rendered."""
    return {"outage": outage}
