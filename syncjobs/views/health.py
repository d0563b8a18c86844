"""Addresses for programs that watch the hub: whether it is well, and its figures in Prometheus' text format.

Health is open to everybody and says no more than that; figures need a person who may read settings, by token.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.rest import VERSION
from connector.models import Connection
from connector.services.usage import usage_of
from coupling.models import Coupling
from syncjobs.models import WorkerHeartbeat
from syncjobs.presentation import ERROR_KINDS, with_error_kind
from syncjobs.services.statistics import failed_runs, oldest_waiting, statistics_of
from syncjobs.services.workers import queue_lengths

SILENT_SECONDS = 120

Sample = tuple[str, dict[str, str], float]


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while database, queue, scheduler and at least one worker are there, else 503 with what is missing."""
    try:
        connection.ensure_connection()
        beats = list(WorkerHeartbeat.objects.values_list("kind", "at"))
    except DatabaseError:
        return _health({"database": False})
    now = timezone.now()
    alive = {kind for kind, at in beats if (now - at).total_seconds() < SILENT_SECONDS}
    return _health(
        {
            "database": True,
            "queue": bool(queue_lengths()),
            "scheduler": "scheduler" in alive,
            "worker": "worker" in alive,
        }
    )


def _health(parts: dict[str, bool]) -> HttpResponse:
    well = all(parts.values())
    answer = JsonResponse({"status": "ok" if well else "failing", "parts": parts}, status=200 if well else 503)
    answer["Cache-Control"] = "no-store"
    return answer


class PlainText(BaseRenderer):
    """Text as it is; errors arrive as dictionaries and are shown by their sentence."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        text = data if isinstance(data, str) else str(data.get("detail", data))
        return text.encode()


class Metrics(APIView):
    renderer_classes = (PlainText,)

    @extend_schema(exclude=True)
    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(_exposition(_samples()))


_HELP = {
    "couplet_info": "The hub's version.",
    "couplet_queue_length": "Tasks that wait in a queue.",
    "couplet_oldest_waiting_seconds": "How long the job waits that waits longest; 0 where none does.",
    "couplet_worker_heartbeat_age_seconds": "Age of the newest sign of life.",
    "couplet_connection_enabled": "1 while the connection is enabled.",
    "couplet_failed_runs": "Runs that failed as a whole since they were last reset.",
    "couplet_mapping_last_success_timestamp_seconds": "End of the last run that did not fail as a whole.",
    "couplet_couplings": "Coupled records.",
    "couplet_errors": "Coupled records with a problem, by its class.",
    "couplet_api_requests_5m": "Requests to a system in the last five minutes.",
}


def _samples() -> Iterable[Sample]:
    now = timezone.now()
    yield "couplet_info", {"version": VERSION}, 1
    for queue, length in queue_lengths().items():
        yield "couplet_queue_length", {"queue": queue}, length
    oldest = oldest_waiting()
    yield "couplet_oldest_waiting_seconds", {}, (now - oldest).total_seconds() if oldest else 0
    for name, kind, at in WorkerHeartbeat.objects.order_by("name").values_list("name", "kind", "at"):
        yield "couplet_worker_heartbeat_age_seconds", {"name": name, "kind": kind}, (now - at).total_seconds()
    for each in Connection.objects.all():
        yield from _of_connection(each)


def _of_connection(each: Connection) -> Iterable[Sample]:
    where = {"connection": each.slug}
    yield "couplet_connection_enabled", where, float(each.enabled)
    yield "couplet_failed_runs", where, failed_runs(each)
    for row in statistics_of(each, now=timezone.now()):
        labels = {**where, "mapping": row.mapping.name}
        yield "couplet_couplings", labels, row.coupled
        if row.last_success is not None:
            yield "couplet_mapping_last_success_timestamp_seconds", labels, row.last_success.timestamp()
    troubled: Any = with_error_kind(
        Coupling.objects.filter(connection=each).exclude(error_code="", missing="", conflict=False)
    )
    counts = dict(troubled.order_by().values_list("error_kind").annotate(Count("pk")))
    for kind in ERROR_KINDS:
        yield "couplet_errors", {**where, "class": kind}, counts.get(kind, 0)
    for usage in usage_of(each):
        if usage.used is not None:
            yield "couplet_api_requests_5m", {**where, "system": usage.system.value}, usage.used


def _exposition(samples: Iterable[Sample]) -> str:
    """One block per metric, as the format asks for."""
    blocks: dict[str, list[str]] = {}
    for name, labels, value in samples:
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        blocks.setdefault(name, []).append(f"{name}{{{inner}}} {value:.15g}" if inner else f"{name} {value:.15g}")
    return "".join(
        f"# HELP {name} {_HELP[name]}\n# TYPE {name} gauge\n" + "\n".join(lines) + "\n"
        for name, lines in blocks.items()
    )


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
