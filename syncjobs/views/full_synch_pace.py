"""How far a full synchronisation is as a whole: one bar, its pace, the time left, requests used and time waited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from config.web.parts import words_of_duration
from syncjobs.choices import LIVE_JOB_STATES, LineState
from syncjobs.estimates import seconds_left, seconds_of
from syncjobs.models import FullSynch, FullSynchLine
from syncjobs.presentation import progress_of

_ENDED = (LineState.FINISHED, LineState.ERROR, LineState.CANCELLED, LineState.BLOCKED)


@dataclass(frozen=True, slots=True)
class Pace:
    """`percent` weighs lines by what they are expected to take, since they differ too much to count alike."""

    finished: int
    total: int
    percent: int
    rate: float
    elapsed: str
    left: str
    requests: int
    throttled: str


def pace_of(run: FullSynch, rows: Sequence[FullSynchLine], plans: Mapping[int, dict[str, int]], now: datetime) -> Pace:
    """`rows` with their jobs, `plans` by mapping. No queries."""
    live = run.state in LIVE_JOB_STATES
    parts = [(seconds_of(plans.get(row.mapping_id, {})), _share(row)) for row in rows]
    jobs = [job for row in rows for job in row.jobs.all()]
    until = run.finished_at or run.paused_at or now
    elapsed = (until - run.started_at).total_seconds() if run.started_at else 0.0
    left = seconds_left(parts, elapsed) if live and run.paused_at is None else None
    whole = sum(weight for weight, _ in parts)
    throttled = sum(job.throttled_seconds for job in jobs)
    running = [job for row in rows if row.state == LineState.RUNNING for job in list(row.jobs.all())[:1]]
    return Pace(
        finished=sum(row.state in _ENDED for row in rows),
        total=len(rows),
        percent=round(100 * sum(weight * share for weight, share in parts) / whole) if whole else 0,
        rate=sum(progress_of(job, now=now).rate for job in running) if live and run.paused_at is None else 0.0,
        elapsed=words_of_duration(elapsed) if run.started_at else "",
        left=words_of_duration(left) if left is not None else "",
        requests=sum(job.requests for job in jobs),
        throttled=words_of_duration(throttled) if throttled >= 1 else "",
    )


def _share(row: FullSynchLine) -> float:
    """How much of a line is done, from 0 to 1."""
    if row.state in _ENDED:
        return 1.0
    job = next(iter(row.jobs.all()), None)
    if row.state != LineState.RUNNING or job is None or not job.total:
        return 0.0
    return min(1.0, job.done / job.total)
