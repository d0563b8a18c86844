"""Full Synch Review: every mapping once over all its records, in dependency order: preview, start, watch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest, wants_partial
from connector.choices import Direction, System
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.models import TableMapping
from coupling.records import sales_caption, words_of
from coupling.services.free import FreeRecords, free_records
from coupling.views.base import says_errors
from syncjobs.choices import LIVE_JOB_STATES, JobState, LineState
from syncjobs.models import FullSynch, FullSynchLine, SynchJob
from syncjobs.presentation import Counter, Progress, counters_of, progress_of
from syncjobs.recommendations import Recommendation, Standing, recommend
from syncjobs.services.full_synch import (
    blocked_by,
    cancel_full_synch,
    criteria_of,
    eligible_mappings,
    restart_lines,
    start_full_synch,
)
from syncjobs.services.standing import guarded, standings

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
    "blocked": "need another record coupled first",
    "failing": "would fail",
    "conflicts": "in conflict",
}
FINDS_PARTNERS = frozenset({"SALESPEOPLE", "CURRENCY"})
"""Mappings whose records are recognised by address or code, so that free ones on both sides mean no danger."""
MANY_FREE = 10
"""Free records on both sides from which on a full run probably creates partners that exist already."""
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
    takes_part: bool = True
    directions: list[Direction] = field(default_factory=list)
    match_first: bool = False
    winner: str = ""
    standing: Standing | None = None
    may_match: bool = False

    @property
    def sales_caption(self) -> str:
        return sales_caption(self.mapping)

    @property
    def recommendation(self) -> Recommendation | None:
        return recommend(self.standing) if self.standing else None


@dataclass(frozen=True, slots=True)
class Risk:
    """A mapping with many free records on both sides: a full run would create a partner for each of them."""

    mapping: TableMapping
    bc_words: str
    sales_words: str
    business_central: int
    sales: int
    in_sales: int
    in_business_central: int


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
    lines = lines_of(run) if run else []
    live = run is not None and run.state in LIVE_JOB_STATES
    done = sum(line.state in RESTARTABLE for line in lines)
    summary = Summary(done, len(lines), 100 * done // len(lines) if lines else 0)
    free: list[FreeRecords] = []
    if not live:
        lines = with_others(lines, request.connection, ended=run is not None)
        free = free_records([line.mapping for line in lines if line.mapping.kind == MappingKind.RECORD])
        lines = recommended(lines, request.connection, free, fresh=run is None)
    context: dict[str, Any] = {
        "title": "Full Synch Review",
        "run": run,
        "live": live,
        "part": wants_partial(request),
        "waves": waves_of(lines),
        "summary": summary,
        "ended": f"The full synchronisation has ended: {JobState(run.state).label.lower()}" if run and not live else "",
        "start_question": START_QUESTION,
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
    before = None if run.preview else preview_before(run)
    plans = dict(before.lines.values_list("mapping", "plan")) if before else {}
    return [_line(row, rows, run, plans.get(row.mapping_id)) for row in rows]


def preview_before(run: FullSynch) -> FullSynch | None:
    """The newest preview that ended before a real run: what was planned, against what happened."""
    previews = FullSynch.objects.filter(connection=run.connection_id, preview=True, pk__lt=run.pk)
    real = FullSynch.objects.filter(connection=run.connection_id, preview=False, pk__lt=run.pk).first()
    if real is not None:
        previews = previews.filter(pk__gt=real.pk)
    return previews.filter(finished_at__isnull=False).first()


def with_others(lines: list[Line], connection: Connection, *, ended: bool) -> list[Line]:
    """The lines of a run and, blank, the mappings that were not part of it, in dependency order."""
    known = {line.mapping.pk: line for line in lines}
    mappings = eligible_mappings(connection)
    names = {mapping.name for mapping in mappings}
    blank = [
        Line(
            mapping,
            mapping.direction,
            LineState.BLANK,
            [name for name in mapping.depends_on if name in names],
            takes_part=not ended,
            directions=_directions(mapping),
        )
        for mapping in mappings
    ]
    gone = [line for line in lines if line.mapping.pk not in {mapping.pk for mapping in mappings}]
    return [known.get(line.mapping.pk, line) for line in blank] + gone


def recommended(
    lines: Sequence[Line], connection: Connection, free: Sequence[FreeRecords], *, fresh: bool
) -> list[Line]:
    """Lines with how they stand; before the first run, those that should couple first are set to."""
    found = standings(connection, [line.mapping for line in lines], free)
    result = []
    for line in lines:
        standing = found[line.mapping.pk]
        may_match = bool(criteria_of(line.mapping))
        first = fresh and may_match and recommend(standing) is Recommendation.COUPLE
        result.append(replace(line, standing=standing, may_match=may_match, match_first=line.match_first or first))
    return result


def risks_of(lines: Sequence[Line], free: Sequence[FreeRecords]) -> list[Risk]:
    """The mappings whose full run would create a partner for many records that may have one already."""
    directions = {line.mapping.pk: line.direction for line in lines}
    matched = {line.mapping.pk: line.match_first for line in lines}
    return [
        Risk(
            mapping=each.mapping,
            bc_words=_plural(System.BUSINESS_CENTRAL, each.mapping.business_central_table),
            sales_words=_plural(System.SALES, each.mapping.sales_table),
            business_central=each.business_central or 0,
            sales=each.sales or 0,
            in_sales=each.creates_in(System.SALES, directions[each.mapping.pk]),
            in_business_central=each.creates_in(System.BUSINESS_CENTRAL, directions[each.mapping.pk]),
        )
        for each in free
        if each.mapping.name not in FINDS_PARTNERS
        and not matched[each.mapping.pk]
        and min(each.business_central or 0, each.sales or 0) >= MANY_FREE
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


def _plural(system: System, table: str) -> str:
    """The records of a table inside a sentence that names the system by itself."""
    return words_of(system, table).plural.partition(" in ")[0].lower()


def _line(row: FullSynchLine, rows: Sequence[FullSynchLine], run: FullSynch, planned: dict[str, int] | None) -> Line:
    """`planned`: of the preview before a real run, whose own plan is only what it turned into operations so far."""
    job = next(iter(row.jobs.all()), None)
    state = LineState(row.state)
    plan = (row.plan if run.preview else planned) or {}
    live = run.state in LIVE_JOB_STATES
    return Line(
        mapping=row.mapping,
        direction=row.direction,
        state=state,
        depends_on=row.depends_on,
        to_sales=row.to_sales,
        to_business_central=row.to_business_central,
        job=job,
        progress=progress_of(job) if job and state == LineState.RUNNING else None,
        counters=[counter for counter in counters_of(job) if counter.value] if job and not run.preview else [],
        plan=[
            PlanPart(words, plan[name], PLAN_TONES.get(name, ""))
            for name, words in PLAN_WORDS.items()
            if plan.get(name)
        ],
        blocked_by=blocked_by(row, rows),
        may_restart=not live and state in RESTARTABLE,
        takes_part=run.preview or state != LineState.FINISHED,
        directions=_directions(row.mapping),
        match_first=row.match_first,
        winner=row.winner,
    )


def _directions(mapping: TableMapping) -> list[Direction]:
    """Ways a line may run: a mapping that goes both ways can also run one way only."""
    own = Direction(mapping.direction)
    return list(Direction) if own == Direction.BIDIRECTIONAL else [own]


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
