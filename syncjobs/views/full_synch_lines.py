"""The lines of Full Synch Review: what each mapping would do, does, or came to, with the numbers beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db.models import Prefetch

from connector.choices import Direction, System
from connector.models import Connection
from coupling.models import TableMapping
from coupling.records import sales_caption, words_of
from coupling.services.free import FreeRecords
from syncjobs.choices import LIVE_JOB_STATES, JobMode, JobState, LineState, LogLevel
from syncjobs.models import FullSynch, FullSynchLine, JobLogEntry, SynchJob
from syncjobs.presentation import Counter, Progress, counters_of, progress_of
from syncjobs.recommendations import FINDS_PARTNERS, Recommendation, Standing, recommend
from syncjobs.services.full_synch import blocked_by, criteria_of, eligible_mappings, holds
from syncjobs.services.standing import standings
from syncjobs.views.full_synch_plan import PlanPart, parts_of

MANY_FREE = 10
"""Free records on both sides from which on a full run probably creates partners that exist already."""
EVENTS = 25
_LEVELS = {JobState.FAILED: LogLevel.ERROR, JobState.PARTLY: LogLevel.WARNING}
RESTARTABLE = (LineState.FINISHED, LineState.ERROR, LineState.CANCELLED, LineState.BLOCKED)


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
    held_by: list[str] = field(default_factory=list)
    """Those of `blocked_by` of which too many records failed: somebody may let this line run all the same."""
    may_restart: bool = False
    takes_part: bool = True
    directions: list[Direction] = field(default_factory=list)
    match_first: bool = False
    winner: str = ""
    standing: Standing | None = None
    may_match: bool = False
    left_out: bool = False
    earlier_created: int = 0
    rests: bool = False
    may_retry: bool = False
    waits_for: list[str] = field(default_factory=list)

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
class Event:
    at: datetime
    level: str
    message: str
    job: SynchJob


def rows_of(run: FullSynch) -> list[FullSynchLine]:
    """The lines of a run as they are stored, with mapping and jobs, newest first. Constant number of queries."""
    jobs = SynchJob.objects.select_related("mapping", "connection").order_by("-pk")
    return list(run.lines.select_related("mapping__connection").prefetch_related(Prefetch("jobs", queryset=jobs)))


def plans_of(run: FullSynch, rows: Sequence[FullSynchLine], before: FullSynch | None) -> dict[int, dict[str, int]]:
    """By mapping: of the preview itself, or of the one `before` a real run."""
    if run.preview:
        return {row.mapping_id: row.plan or {} for row in rows}
    return {key: plan or {} for key, plan in before.lines.values_list("mapping", "plan")} if before else {}


def lines_of(run: FullSynch, rows: Sequence[FullSynchLine], plans: Mapping[int, dict[str, int]]) -> list[Line]:
    """The lines as the page shows them; asks for nothing more."""
    return [_line(row, rows, run, plans.get(row.mapping_id, {})) for row in rows]


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
            takes_part=not ended and mapping.name not in connection.full_synch_left_out,
            directions=_directions(mapping),
            left_out=mapping.name in connection.full_synch_left_out,
        )
        for mapping in mappings
    ]
    left_out = set(connection.full_synch_left_out)
    known = {
        key: replace(
            line,
            left_out=line.mapping.name in left_out,
            takes_part=line.takes_part and line.mapping.name not in left_out,
        )
        for key, line in known.items()
    }
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


def _line(row: FullSynchLine, rows: Sequence[FullSynchLine], run: FullSynch, plan: dict[str, int]) -> Line:
    """`plan`: of the preview before a real run, whose own plan is only what it turned into operations so far."""
    job = next(iter(row.jobs.all()), None)
    state = LineState(row.state)
    live = run.state in LIVE_JOB_STATES
    return Line(
        mapping=row.mapping,
        direction=row.direction,
        state=state,
        depends_on=row.depends_on,
        waits_for=_unfinished(row, rows),
        to_sales=row.to_sales,
        to_business_central=row.to_business_central,
        job=job,
        progress=progress_of(job) if job and state == LineState.RUNNING else None,
        counters=[counter for counter in counters_of(job) if counter.value] if job and not run.preview else [],
        earlier_created=_created_before(row, job),
        rests=run.paused_at is not None and state == LineState.RUNNING,
        may_retry=not run.preview and state == LineState.FINISHED and row.failed_percent > 0,
        plan=parts_of(plan, job if run.preview else None),
        blocked_by=blocked_by(row, rows),
        held_by=_held_by(row, rows, run),
        may_restart=not live and state in RESTARTABLE,
        takes_part=run.preview or state != LineState.FINISHED,
        directions=_directions(row.mapping),
        match_first=row.match_first,
        winner=row.winner,
    )


def _unfinished(row: FullSynchLine, rows: Sequence[FullSynchLine]) -> list[str]:
    finished = {other.mapping.name for other in rows if other.state == LineState.FINISHED}
    return [name for name in row.depends_on if name not in finished]


def events_of(rows: Sequence[FullSynchLine]) -> list[Event]:
    """What happened last in a run, newest first: jobs that began and ended, and what they logged. One query."""
    jobs = {job.pk: job for row in rows for job in row.jobs.all()}
    logged = JobLogEntry.objects.filter(job_id__in=jobs).order_by("-pk")[:EVENTS]
    found = [Event(entry.at, entry.level, entry.message, jobs[entry.job_id]) for entry in logged]
    for job in jobs.values():
        if job.started_at:
            found.append(Event(job.started_at, LogLevel.INFO, f"{job.get_mode_display()} begins.", job))
        if job.finished_at:
            level = _LEVELS.get(JobState(job.state), LogLevel.INFO)
            found.append(Event(job.finished_at, level, f"{job.get_state_display()}. {job.message}", job))
    return sorted(found, key=lambda event: event.at, reverse=True)[:EVENTS]


def _held_by(row: FullSynchLine, rows: Sequence[FullSynchLine], run: FullSynch) -> list[str]:
    blocking = blocked_by(row, rows)
    percent = run.connection.full_synch_hold_percent
    return [other.mapping.name for other in rows if other.mapping.name in blocking and holds(other, percent)]


def _created_before(row: FullSynchLine, job: SynchJob | None) -> int:
    """Records that earlier jobs of the line created, where the newest one only tried again what had failed."""
    if job is None or job.mode != JobMode.SELECTED:
        return 0
    return sum(other.inserted for other in row.jobs.all() if other.pk != job.pk)


def _directions(mapping: TableMapping) -> list[Direction]:
    """Ways a line may run: a mapping that goes both ways can also run one way only."""
    own = Direction(mapping.direction)
    return list(Direction) if own == Direction.BIDIRECTIONAL else [own]
