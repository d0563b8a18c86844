"""Full Synch Review: every mapping once over all its records, in dependency order: preview, start, watch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest, wants_partial
from connector.models import Connection
from coupling.models import TableMapping
from coupling.views.base import says_errors
from syncjobs.choices import LIVE_JOB_STATES, JobState, LineState
from syncjobs.models import FullSynch, FullSynchLine, SynchJob
from syncjobs.presentation import Counter, Progress, counters_of, progress_of
from syncjobs.services.full_synch import (
    blocked_by,
    cancel_full_synch,
    eligible_mappings,
    restart_lines,
    start_full_synch,
)

EARLIER = 10
START_QUESTION = (
    "This synchronises every record inside the filters of the chosen mappings, also those that are not coupled yet: a "
    "record without a partner gets one. It is meant for the first time. It runs in the background; progress shows here."
)
PLAN_WORDS = {
    "create_in_sales": "to create in Sales",
    "create_in_business_central": "to create in Business Central",
    "update_in_sales": "to update in Sales",
    "update_in_business_central": "to update in Business Central",
    "couple": "to couple",
    "unchanged": "unchanged",
    "ambiguous": "ambiguous",
    "blocked": "blocked",
    "failing": "would fail",
    "conflicts": "in conflict",
}
PLAN_TONES = {"ambiguous": "bad", "blocked": "bad", "failing": "bad", "conflicts": "conflict"}
RESTARTABLE = (LineState.FINISHED, LineState.ERROR, LineState.CANCELLED, LineState.BLOCKED)


@dataclass(frozen=True, slots=True)
class PlanPart:
    words: str
    number: int
    tone: str


@dataclass(frozen=True, slots=True)
class Line:
    """One mapping as the page shows it; before the first start there is neither a state nor a job."""

    mapping: TableMapping
    direction: str
    state: LineState
    depends_on: list[str]
    to_sales: str = ""
    to_business_central: str = ""
    job: SynchJob | None = None
    progress: Progress | None = None
    counters: list[Counter] = field(default_factory=list)
    plan: list[PlanPart] = field(default_factory=list)
    blocked_by: list[str] = field(default_factory=list)
    may_restart: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole run in one bar: `percent` counts lines, since they differ too much in size to add up records."""

    finished: int
    total: int
    percent: int


@require_safe
def review(request: PageRequest, connection: str) -> HttpResponse:
    runs = FullSynch.objects.filter(connection=request.connection).select_related("user")
    wanted = request.GET.get("run", "")
    run = get_object_or_404(runs, pk=wanted) if wanted.isdecimal() else runs.first()
    lines = lines_of(run) if run else planned_lines(request.connection)
    live = run is not None and run.state in LIVE_JOB_STATES
    done = sum(line.state in RESTARTABLE for line in lines)
    context: dict[str, Any] = {
        "title": "Full Synch Review",
        "run": run,
        "live": live,
        "part": wants_partial(request),
        "waves": waves_of(lines),
        "summary": Summary(done, len(lines), 100 * done // len(lines) if lines else 0),
        "ended": f"The full synchronisation has ended: {JobState(run.state).label.lower()}" if run and not live else "",
        "start_question": START_QUESTION,
        "earlier": list(runs.exclude(pk=run.pk)[:EARLIER]) if run and not wants_partial(request) else [],
    }
    template = "syncjobs/_full_synch.html" if wants_partial(request) else "syncjobs/full_synch.html"
    return render(request, template, context)


@require_POST
@says_errors
def start(request: PageRequest, connection: str) -> HttpResponse:
    if not is_confirmed(request):
        return confirmation_page(
            request,
            title="Start the full synchronisation?",
            text=START_QUESTION,
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


def lines_of(run: FullSynch) -> list[Line]:
    """The lines of a run with their newest jobs. Constant number of queries."""
    jobs = SynchJob.objects.select_related("mapping", "connection").order_by("-pk")
    rows = list(run.lines.select_related("mapping__connection").prefetch_related(Prefetch("jobs", queryset=jobs)))
    return [_line(row, rows, live=run.state in LIVE_JOB_STATES) for row in rows]


def planned_lines(connection: Connection) -> list[Line]:
    """What a full synchronisation would cover, before there was one."""
    mappings = eligible_mappings(connection)
    names = {mapping.name for mapping in mappings}
    return [
        Line(mapping, mapping.direction, LineState.BLANK, [name for name in mapping.depends_on if name in names])
        for mapping in mappings
    ]


def waves_of(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines grouped so that each wave depends only on earlier ones; lines stand in dependency order already."""
    wave_of: dict[str, int] = {}
    waves: list[list[Line]] = []
    for line in lines:
        wave = max((wave_of[name] + 1 for name in line.depends_on if name in wave_of), default=0)
        wave_of[line.mapping.name] = wave
        while len(waves) <= wave:
            waves.append([])
        waves[wave].append(line)
    return waves


def _line(row: FullSynchLine, rows: Sequence[FullSynchLine], *, live: bool) -> Line:
    job = next(iter(row.jobs.all()), None)
    state = LineState(row.state)
    plan = row.plan or {}
    return Line(
        mapping=row.mapping,
        direction=row.direction,
        state=state,
        depends_on=row.depends_on,
        to_sales=row.to_sales,
        to_business_central=row.to_business_central,
        job=job,
        progress=progress_of(job) if job and state == LineState.RUNNING else None,
        counters=[counter for counter in counters_of(job) if counter.value] if job else [],
        plan=[
            PlanPart(words, plan[name], PLAN_TONES.get(name, ""))
            for name, words in PLAN_WORDS.items()
            if plan.get(name)
        ],
        blocked_by=blocked_by(row, rows),
        may_restart=not live and state in RESTARTABLE,
    )


def _start(request: PageRequest, *, preview: bool) -> HttpResponse:
    chosen = request.POST.getlist("mappings")
    start_full_synch(connection=request.connection, preview=preview, mappings=chosen or None, user=request.user)
    messages.success(request, "The preview is calculated." if preview else "The full synchronisation has started.")
    return redirect(_here(request.connection.slug))


def _run(request: PageRequest, pk: int) -> FullSynch:
    run = FullSynch.objects.select_related("connection").filter(connection=request.connection, pk=pk).first()
    if run is None:
        raise Http404("There is no such full synchronisation.")
    return run


def _here(connection: str) -> str:
    return reverse("full-synch-review", kwargs={"connection": connection})
