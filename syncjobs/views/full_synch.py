"""Full Synch Review: every mapping once over all its records, in dependency order: preview, start, watch."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest, wants_partial
from connector.choices import Direction, OwnershipModel, System
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.services.free import FreeRecords, free_records
from coupling.views.base import says_errors
from syncjobs.choices import LIVE_JOB_STATES, JobState
from syncjobs.models import FullSynch
from syncjobs.services.full_synch import eligible_mappings, start_full_synch
from syncjobs.services.full_synch_control import cancel_full_synch, pause_full_synch, restart_lines, resume_full_synch
from syncjobs.services.left_out import leave_out
from syncjobs.services.standing import guarded
from syncjobs.views.full_synch_lines import (
    RESTARTABLE,
    Line,
    Summary,
    lines_of,
    plan_problem,
    preview_before,
    recommended,
    risks_of,
    totals_of_plan,
    waves_of,
    with_others,
)

EARLIER = 10
START_QUESTION = (
    "This synchronises every record inside the filters of the chosen mappings, also those that are not coupled yet: a "
    "record without a partner gets one. It is meant for the first time. It runs in the background; progress shows here."
)


@require_safe
def review(request: PageRequest, connection: str) -> HttpResponse:
    runs = FullSynch.objects.filter(connection=request.connection).select_related("user", "connection")
    wanted = request.GET.get("run", "")
    run = get_object_or_404(runs, pk=wanted) if wanted.isdecimal() else runs.first()
    lines = lines_of(run) if run else []
    live = run is not None and run.state in LIVE_JOB_STATES
    done = sum(line.state in RESTARTABLE for line in lines)
    summary = Summary(done, len(lines), 100 * done // len(lines) if lines else 0)
    free: list[FreeRecords] = []
    if not live:
        lines = with_others(lines, request.connection, ended=run is not None)
        free = free_records([line.mapping for line in lines if line.mapping.kind == MappingKind.RECORD])
        lines = recommended(lines, request.connection, free, fresh=run is None)
    outdated = plan_problem(run if run and run.preview else None, request.connection) if not live else ""
    context: dict[str, Any] = {
        "title": "Full Synch Review",
        "run": run,
        "live": live,
        "part": wants_partial(request),
        "waves": waves_of(lines),
        "summary": summary,
        "ended": f"The full synchronisation has ended: {JobState(run.state).label.lower()}" if run and not live else "",
        "start_question": start_question(request.connection, lines, outdated),
        "outdated": outdated,
        "totals": totals_of_plan(lines) if run and run.preview and not live else [],
        "risks": risks_of(lines, free),
        "unread": [each.mapping.name for each in free if each.unread],
        "planned_by": preview_before(run) if run and not run.preview else None,
        "earlier": list(runs.exclude(pk=run.pk)[:EARLIER]) if run and not wants_partial(request) else [],
    }
    template = "syncjobs/_full_synch.html" if wants_partial(request) else "syncjobs/full_synch.html"
    return render(request, template, context)


@require_POST
@says_errors
def start(request: PageRequest, connection: str) -> HttpResponse:
    """Asks first; where a line would create many records beside many, the number has to be typed."""
    if question := _guard(request):
        return question
    if not is_confirmed(request):
        return confirmation_page(
            request,
            title="Start the full synchronisation?",
            text=START_QUESTION + _unplanned(request.connection),
            label="Start",
            back=_here(connection),
            danger=False,
        )
    return _start(request, preview=False)


@require_POST
@says_errors
def preview(request: PageRequest, connection: str) -> HttpResponse:
    return _start(request, preview=True)


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


@require_POST
@says_errors
def leave_out_line(request: PageRequest, connection: str) -> HttpResponse:
    """Leaves a mapping out until it is taken in again, whatever is chosen for single runs."""
    name, out = request.POST.get("mapping", ""), request.POST.get("action") != "in"
    leave_out(connection=request.connection, mapping=name, out=out, user=request.user)
    messages.success(request, f"{name} {'is left out until you take it in again' if out else 'takes part again'}.")
    return redirect(_here(connection))


def start_question(connection: Connection, lines: Sequence[Line], outdated: str) -> str:
    """The question before a start, with what should be done first."""
    words = START_QUESTION
    if connection.ownership_model == OwnershipModel.PERSON:
        people = next((line.standing for line in lines if line.mapping.name == "SALESPEOPLE" and line.standing), None)
        if people and people.sales_free:
            words += f" Couple all salespeople with Sales users first: {people.sales_free} users are not."
    return f"{words} {outdated}" if outdated else words


def _unplanned(connection: Connection) -> str:
    newest = FullSynch.objects.filter(connection=connection).first()
    problem = plan_problem(newest if newest and newest.preview else None, connection)
    return f" {problem}" if problem else ""


def _guard(request: PageRequest) -> HttpResponse | None:
    chosen = request.POST.getlist("mappings")
    mappings = [mapping for mapping in eligible_mappings(request.connection) if mapping.name in chosen]
    directions = {
        mapping.name: request.POST.get(f"direction-{mapping.name}") or mapping.direction for mapping in mappings
    }
    free = free_records([mapping for mapping in mappings if mapping.kind == MappingKind.RECORD])
    found = guarded(request.connection, free, directions, request.POST.getlist("match"))
    number = sum(each.creates for each in found)
    typed = request.POST.get("creates", "").replace(",", "").replace(".", "").strip()
    if not found or typed == str(number):
        return None
    posted = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in ("csrfmiddlewaretoken", "confirmed", "creates")
        for value in values
    ]
    context = {
        "title": "Start the full synchronisation?",
        "guarded": found,
        "number": number,
        "typed": typed,
        "posted": posted,
        "back": _here(request.connection.slug),
    }
    return render(request, "syncjobs/full_synch_guard.html", context, status=422 if typed else 200)


def _start(request: PageRequest, *, preview: bool) -> HttpResponse:
    chosen = request.POST.getlist("mappings")
    if not chosen:
        messages.warning(request, "Choose at least one mapping.")
        return redirect(_here(request.connection.slug))
    wanted = {name: request.POST.get(f"direction-{name}", "") for name in chosen}
    start_full_synch(
        connection=request.connection,
        preview=preview,
        mappings=chosen,
        directions={name: value for name, value in wanted.items() if value in Direction.values},
        match_first=[name for name in request.POST.getlist("match") if name in chosen],
        winners={name: value for name in chosen if (value := request.POST.get(f"winner-{name}")) in System.values},
        user=request.user,
    )
    messages.success(request, "The preview is calculated." if preview else "The full synchronisation has started.")
    return redirect(_here(request.connection.slug))


def _run(request: PageRequest, pk: int) -> FullSynch:
    run = FullSynch.objects.select_related("connection").filter(connection=request.connection, pk=pk).first()
    if run is None:
        raise Http404("There is no such full synchronisation.")
    return run


def _here(connection: str) -> str:
    return reverse("full-synch-review", kwargs={"connection": connection})
