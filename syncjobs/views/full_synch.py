"""Full Synch Review: every mapping once over all its records, in dependency order: preview, start, watch."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from config.web.request import PageRequest, wants_partial
from coupling.choices import MappingKind
from coupling.services.free import FreeRecords, free_records
from coupling.views.base import says_errors
from syncjobs.choices import LIVE_JOB_STATES, JobState
from syncjobs.estimates import estimate
from syncjobs.models import FullSynch
from syncjobs.services.after_full_synch import ending_of
from syncjobs.services.full_synch_control import (
    cancel_full_synch,
    pause_full_synch,
    restart_lines,
    resume_full_synch,
)
from syncjobs.views.full_synch_drawing import drawing_of
from syncjobs.views.full_synch_lines import (
    events_of,
    lines_of,
    plans_of,
    recommended,
    risks_of,
    rows_of,
    waves_of,
    with_others,
)
from syncjobs.views.full_synch_pace import pace_of
from syncjobs.views.full_synch_plan import plan_problem, preview_before, totals_of
from syncjobs.views.full_synch_start import start_question

EARLIER = 10


@require_safe
def review(request: PageRequest, connection: str) -> HttpResponse:
    runs = FullSynch.objects.filter(connection=request.connection).select_related("user", "connection")
    wanted = request.GET.get("run", "")
    run = get_object_or_404(runs, pk=wanted) if wanted.isdecimal() else runs.first()
    rows = rows_of(run) if run else []
    before = preview_before(run) if run and not run.preview else None
    plans = plans_of(run, rows, before) if run else {}
    lines = lines_of(run, rows, plans) if run else []
    live = run is not None and run.state in LIVE_JOB_STATES
    free: list[FreeRecords] = []
    if not live:
        lines = with_others(lines, request.connection, ended=run is not None)
        free = free_records([line.mapping for line in lines if line.mapping.kind == MappingKind.RECORD])
        lines = recommended(lines, request.connection, free, fresh=run is None)
    outdated = plan_problem(run if run and run.preview else None, request.connection) if not live else ""
    planned = [plan for plan in plans.values() if plan]
    waves = waves_of(lines)
    context: dict[str, Any] = {
        "title": "Full Synch Review",
        "run": run,
        "live": live,
        "part": wants_partial(request),
        "waves": waves,
        "drawing": drawing_of(waves),
        "events": events_of(rows),
        "pace": pace_of(run, rows, plans, timezone.now()) if run else None,
        "ended": f"The full synchronisation has ended: {JobState(run.state).label.lower()}" if run and not live else "",
        "start_question": start_question(request.connection, lines),
        "outdated": outdated,
        "totals": totals_of(planned) if run and run.preview and not live else [],
        "estimate": estimate(planned) if run and run.preview and planned and not live else None,
        "ending": ending_of(run, rows) if run else None,
        "newest": run is not None and run == runs.first(),
        "risks": risks_of(lines, free),
        "unread": [each.mapping.name for each in free if each.unread],
        "planned_by": before,
        "earlier": list(runs.exclude(pk=run.pk)[:EARLIER]) if run and not wants_partial(request) else [],
    }
    template = "syncjobs/_full_synch.html" if wants_partial(request) else "syncjobs/full_synch.html"
    return render(request, template, context)


@require_POST
@says_errors
def restart(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    restart_lines(full_synch=_run(request, pk), mappings=request.POST.getlist("mappings"))
    messages.success(request, f"{', '.join(request.POST.getlist('mappings'))} runs again.")
    return redirect(_here(connection))


@require_POST
@says_errors
def cancel(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    cancel_full_synch(full_synch=_run(request, pk))
    messages.success(request, "Nothing new starts; what runs stops after the requests under way.")
    return redirect(_here(connection))


@require_POST
@says_errors
def pause(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Pauses, or with `action` resume lets it go on."""
    run = _run(request, pk)
    if request.POST.get("action") == "resume":
        resume_full_synch(full_synch=run)
        messages.success(request, "It goes on.")
    else:
        pause_full_synch(full_synch=run)
        messages.success(request, "It pauses after the requests under way; nothing is lost.")
    return redirect(_here(connection))


def _run(request: PageRequest, pk: int) -> FullSynch:
    run = FullSynch.objects.select_related("connection").filter(connection=request.connection, pk=pk).first()
    if run is None:
        raise Http404("There is no such full synchronisation.")
    return run


def _here(connection: str) -> str:
    return reverse("full-synch-review", kwargs={"connection": connection})
