"""Full synchronisations: a line per mapping, run in dependency order, each by a job of its own.

`advance_full_synch` is the whole motor. It looks at what the lines' jobs came to, starts what became possible and
closes the synchronisation when nothing can go on. It is called when a job ends and by the scheduler's tick, so a
process that dies anywhere stops nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from connector.choices import Direction, System
from connector.errors import ErrorKind, HubError
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.matching.choices import MatchVerdict
from coupling.matching.models import MatchLine
from coupling.models import TableMapping
from coupling.services.matching import Criterion, match_fields, offered_fields
from coupling.synchronisation import MatchField
from syncjobs.choices import LIVE_JOB_STATES, JobMode, JobState, JobTrigger, LineState, OperationState
from syncjobs.engine.closing import PLAN_KEYS
from syncjobs.engine.options import MatchCriteria, RunOptions
from syncjobs.models import FullSynch, FullSynchLine, Operation, SynchJob
from syncjobs.services.jobs import check_connection, retried_pairs, start_job

TRAVEL_WITH_HEADER = frozenset({"POSTEDSALESLINE-INV", "SOLINE-ORDERDETAIL"})
"""Line tables: their records are synchronised with the document they belong to."""

_STOPPED = (LineState.ERROR, LineState.CANCELLED, LineState.BLOCKED)
_HELD = "{names} {waits} for your decision: more than {percent} % of the records of {parents} failed."
_WAITING = (LineState.BLANK, LineState.READY, LineState.BLOCKED)


def eligible_mappings(connection: Connection) -> list[TableMapping]:
    """Mappings that a full synchronisation covers, in dependency order."""
    mappings = TableMapping.objects.filter(connection=connection, enabled=True, available=True)
    return [
        mapping
        for mapping in mappings.exclude(name__in=TRAVEL_WITH_HEADER)
        if mapping.name != "SALESORDER-ORDER" or mapping.direction == Direction.BIDIRECTIONAL
    ]


def start_full_synch(
    *,
    connection: Connection,
    preview: bool = False,
    mappings: Sequence[str] | None = None,
    directions: Mapping[str, str] | None = None,
    match_first: Sequence[str] = (),
    winners: Mapping[str, str] | None = None,
    user: User | None = None,
) -> FullSynch:
    """Starts one over `mappings` (None: all).

    Mappings that were left out for good take part only when they are named. `match_first` names mappings whose records
    are coupled by the mapping's matching criteria before anything is created. `winners` says per mapping which system
    wins where both changed a value. Raises HubError for an unknown mapping, a mapping without criteria in
    `match_first`, and while another one runs.
    """
    check_connection(connection)
    if mappings is None:
        mappings = [
            each.name for each in eligible_mappings(connection) if each.name not in connection.full_synch_left_out
        ]
    chosen = _choose(connection, mappings, {**(directions or {})}, [*match_first, *(winners or {})])
    _check_criteria([mapping for mapping in chosen if mapping.name in match_first])
    try:
        with transaction.atomic():
            full_synch = FullSynch.objects.create(
                connection=connection,
                preview=preview,
                user=user if user is not None and user.pk else None,
                state=JobState.RUNNING,
                started_at=timezone.now(),
            )
            names = {mapping.name for mapping in chosen}
            FullSynchLine.objects.bulk_create(
                FullSynchLine(
                    full_synch=full_synch,
                    mapping=mapping,
                    direction=(directions or {}).get(mapping.name, mapping.direction),
                    depends_on=[name for name in mapping.depends_on if name in names],
                    order=mapping.order,
                    match_first=mapping.name in match_first,
                    winner=(winners or {}).get(mapping.name, ""),
                )
                for mapping in chosen
            )
            transaction.on_commit(partial(advance_full_synch, full_synch_id=full_synch.pk))
    except IntegrityError as error:
        raise HubError(
            "A full synchronisation is running already.",
            kind=ErrorKind.CONFLICT,
            code="full_synch.running",
            hint="Wait until it has ended, or cancel it.",
        ) from error
    return full_synch


def advance_full_synch(*, full_synch_id: int) -> None:
    """Takes note of ended jobs, starts the lines that may run, closes the whole when nothing can go on."""
    with transaction.atomic():
        full_synch = (
            FullSynch.objects.select_for_update(of=("self",))
            .select_related("connection", "user")
            .filter(pk=full_synch_id, state__in=LIVE_JOB_STATES)
            .first()
        )
        if full_synch is None:
            return
        lines = list(full_synch.lines.select_related("mapping").order_by("order", "id"))
        for line in lines:
            if line.state == LineState.RUNNING:
                _note_job(full_synch, line)
        if full_synch.paused_at is not None:
            return
        if not full_synch.cancel_requested:
            # A line's fate may decide the next one's; the order is the dependencies' own.
            for line in lines:
                if line.state in _WAITING:
                    _start_or_block(full_synch, line, lines)
        if not any(line.state == LineState.RUNNING for line in lines):
            _close(full_synch, lines)


def blocked_by(line: FullSynchLine, lines: Sequence[FullSynchLine]) -> list[str]:
    """Names of the lines whose failure, cancellation or failed records keep `line` from running."""
    if line.state != LineState.BLOCKED:
        return []
    percent = line.full_synch.connection.full_synch_hold_percent
    return [
        other.mapping.name
        for other in lines
        if other.mapping.name in line.depends_on and (other.state in _STOPPED or holds(other, percent))
    ]


def holds(line: FullSynchLine, percent: int) -> bool:
    """Whether so many records of a finished line failed that what depends on it waits for a decision."""
    return line.state == LineState.FINISHED and line.failed_percent > percent and not line.failures_accepted


def _choose(
    connection: Connection,
    mappings: Sequence[str] | None,
    directions: Mapping[str, str],
    others: Sequence[str],
) -> list[TableMapping]:
    eligible = {mapping.name: mapping for mapping in eligible_mappings(connection)}
    if unknown := sorted({*(mappings or ()), *directions, *others} - eligible.keys()):
        raise HubError(
            f"{', '.join(unknown)} cannot be part of a full synchronisation.",
            kind=ErrorKind.DATA,
            code="full_synch.unknown_mapping",
            hint=f"Possible are {', '.join(eligible)}.",
        )
    for name, direction in directions.items():
        if not Direction(direction).targets <= Direction(eligible[name].direction).targets:
            raise HubError(
                f"{name} only goes {Direction(eligible[name].direction).label.lower()}.",
                kind=ErrorKind.DATA,
                code="mapping.direction",
            )
    return [mapping for name, mapping in eligible.items() if mappings is None or name in mappings]


def criteria_of(mapping: TableMapping) -> tuple[MatchField, ...]:
    """The mapping's own matching criteria; empty where none are ticked or nothing can be matched."""
    if mapping.kind == MappingKind.OPTION:
        return ()
    ticked = [
        Criterion(field.pk, field.case_sensitive, field.match_priority)
        for field in offered_fields(mapping)
        if field.used_for_matching
    ]
    return tuple(match_fields(mapping, ticked)) if ticked else ()


def _check_criteria(mappings: Sequence[TableMapping]) -> None:
    for mapping in mappings:
        if not criteria_of(mapping):
            raise HubError(
                f"{mapping.name} has no matching criteria, so its records cannot be coupled first.",
                kind=ErrorKind.DATA,
                code="full_synch.no_criteria",
                hint="Tick at least one field on the mapping's match page, or run the line without matching.",
            )


def _start_or_block(full_synch: FullSynch, line: FullSynchLine, lines: Sequence[FullSynchLine]) -> None:
    parents = [other for other in lines if other.mapping.name in line.depends_on]
    percent = full_synch.connection.full_synch_hold_percent
    if any(parent.state in _STOPPED or holds(parent, percent) for parent in parents):
        _set(line, LineState.BLOCKED)
    elif all(parent.state == LineState.FINISHED for parent in parents) and _has_place(full_synch, line, lines):
        _start(full_synch, line)
    else:
        _set(line, LineState.BLANK)


def _has_place(full_synch: FullSynch, line: FullSynchLine, lines: Sequence[FullSynchLine]) -> bool:
    """Whether fewer lines run than the connection allows; lines that never run at once take one place together."""
    groups: list[set[str]] = []
    for each in [*(other for other in lines if other.state == LineState.RUNNING), line]:
        group = {each.mapping.name, *each.mapping.serialised_with}
        if not any(each.mapping.name in taken for taken in groups):
            groups.append(group)
    return len(groups) <= full_synch.connection.full_synch_parallel


def _start(full_synch: FullSynch, line: FullSynchLine) -> None:
    line.started_at = timezone.now()
    if not _start_job(full_synch, line, matching=line.match_first and not line.failed_only):
        return
    line.to_sales = "running" if Direction(line.direction).allows(System.SALES) else ""
    line.to_business_central = "running" if Direction(line.direction).allows(System.BUSINESS_CENTRAL) else ""
    _set(line, LineState.RUNNING)


def _start_job(full_synch: FullSynch, line: FullSynchLine, *, matching: bool) -> bool:
    """Starts the line's match or its run; the line is in error where that is not possible any more."""
    if matching:
        mode = JobMode.MATCH
        criteria = MatchCriteria(criteria_of(line.mapping), dry_run=full_synch.preview)
        options = RunOptions.matching(criteria)
    else:
        mode = JobMode.PREVIEW if full_synch.preview else JobMode.FULL
        options = RunOptions(ignore_only_coupled=True, winner=System(line.winner) if line.winner else None)
        if line.failed_only:
            # Failed records only: as a run over chosen pairs, which lifts their marks.
            failed = line.jobs.order_by("-id").first()
            mode = JobMode.SELECTED
            options = replace(options, retry=True).with_pairs(retried_pairs(failed) if failed else [])
    try:
        start_job(
            connection=full_synch.connection,
            mapping=line.mapping,
            mode=mode,
            direction=None if matching else line.direction,
            trigger=JobTrigger.FULL_SYNCH,
            user=full_synch.user,
            options=options,
            line=line,
        )
    except HubError:
        # The mapping was switched off, or the connection, since the start.
        line.finished_at = timezone.now()
        _set(line, LineState.ERROR)
        return False
    return True


def _note_job(full_synch: FullSynch, line: FullSynchLine) -> None:
    job = line.jobs.order_by("-id").first()
    if job is None or job.state in LIVE_JOB_STATES:
        return
    matched = job.mode == JobMode.MATCH and job.state in (JobState.SUCCEEDED, JobState.PARTLY)
    if matched and full_synch.paused_at is not None:
        # Its run begins when the whole goes on.
        return
    if matched and not full_synch.cancel_requested:
        _start_job(full_synch, line, matching=False)
        return
    line.state = {
        JobState.FAILED: LineState.ERROR,
        JobState.CANCELLED: LineState.CANCELLED,
    }.get(JobState(job.state), LineState.FINISHED)
    failed = set(
        Operation.objects.filter(job=job, state__in=[OperationState.FAILED, OperationState.CONFLICT]).values_list(
            "system", flat=True
        )
    )
    for system, column in ((System.SALES, "to_sales"), (System.BUSINESS_CENTRAL, "to_business_central")):
        if Direction(line.direction).allows(system):
            bad = line.state != LineState.FINISHED or system in failed
            setattr(line, column, "error" if bad else "success")
    line.finished_at = job.finished_at
    if job.mode != JobMode.PREVIEW:
        line.failed_only, line.failed_percent = False, _failed_percent(line, job)
    if job.mode == JobMode.PREVIEW and line.plan is None:
        # Nothing was there to be planned.
        line.plan = dict.fromkeys(PLAN_KEYS, 0)
    if job.mode == JobMode.PREVIEW and line.match_first:
        _count_matches(line)
    _set(line, LineState(line.state))


def _failed_percent(line: FullSynchLine, job: SynchJob) -> int:
    """Of all records of the line, whatever part of them its newest job took; one that failed counts as a percent."""
    total = max([job.failed, *line.jobs.exclude(mode=JobMode.MATCH).values_list("total", flat=True)])
    return -(-100 * job.failed // total) if total else 0


def _count_matches(line: FullSynchLine) -> None:
    """Records that the dry run found a partner for would be coupled, not created; the preview could not know."""
    match = line.jobs.filter(mode=JobMode.MATCH).order_by("-id").first()
    clear = MatchLine.objects.filter(job_id=match.pk, verdict=MatchVerdict.CLEAR).count() if match else 0
    plan = dict(line.plan or {})
    plan["couple"] = plan.get("couple", 0) + clear
    for name in ("create_in_sales", "create_in_business_central"):
        plan[name] = max(0, plan.get(name, 0) - clear)
    line.plan = plan


def _set(line: FullSynchLine, state: LineState) -> None:
    line.state = state
    line.save(
        update_fields=[
            "state", "to_sales", "to_business_central", "plan", "started_at", "finished_at", "failed_only",
            "failed_percent",
        ]
    )  # fmt: skip


def _close(full_synch: FullSynch, lines: Sequence[FullSynchLine]) -> None:
    failed = [line.mapping.name for line in lines if line.state == LineState.ERROR]
    held = _held(full_synch, lines)
    if full_synch.cancel_requested:
        full_synch.state, full_synch.message = JobState.CANCELLED, "Cancelled; what was written stays."
    elif lines and len(failed) == len(lines):
        full_synch.state, full_synch.message = JobState.FAILED, "No mapping could be synchronised."
    elif held and not failed:
        full_synch.state, full_synch.message = JobState.PARTLY, held
    elif failed or any("error" in (line.to_sales, line.to_business_central) for line in lines):
        full_synch.state = JobState.PARTLY
        full_synch.message = (
            f"{', '.join(failed)} could not be synchronised." if failed else "Some records could not be synchronised."
        )
        if full_synch.preview and not failed:
            full_synch.message = "Preview: nothing was written. Some records could not be synchronised as things stand."
    else:
        full_synch.state, full_synch.message = JobState.SUCCEEDED, "Everything is synchronised."
        if full_synch.preview:
            full_synch.message = "Preview: nothing was written."
    full_synch.finished_at = timezone.now()
    full_synch.save(update_fields=["state", "message", "finished_at"])


def _held(full_synch: FullSynch, lines: Sequence[FullSynchLine]) -> str:
    """The sentence about lines that wait because too many records of others failed; empty where none does."""
    percent = full_synch.connection.full_synch_hold_percent
    holding = [line.mapping.name for line in lines if holds(line, percent)]
    names = [
        line.mapping.name
        for line in lines
        if line.state == LineState.BLOCKED and not set(holding).isdisjoint(line.depends_on)
    ]
    if not names:
        return ""
    parents = [name for name in holding if any(name in line.depends_on for line in lines)]
    return _HELD.format(
        names=", ".join(names),
        waits="waits" if len(names) == 1 else "wait",
        percent=percent,
        parents=", ".join(parents),
    )
