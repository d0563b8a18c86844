"""A look for suggestions that somebody asked for: reads both tables, compares everything, and says what it found."""

import time

from django.db.models import Count
from django.utils import timezone

from connector.choices import System
from coupling.matching.choices import MatchVerdict
from coupling.matching.compute import BusyError, compute_suggestions
from coupling.matching.models import MatchLine
from syncjobs.engine.context import JobRun
from syncjobs.engine.pull import pull_table
from syncjobs.models import SynchJob

_WAIT_SECONDS = 1.0


def run_suggest(run: JobRun) -> None:
    """Compares all uncoupled records with all rows; waits for a computation that is under way."""
    for system in System:
        pull_table(
            connection=run.connection,
            system=system,
            table=run.mapping.table(system),
            client=run.client(system),
            progress=run.progress,
            wanted_since=timezone.now(),
        )

    def report(done: int, total: int) -> bool:
        SynchJob.objects.filter(pk=run.job.pk).update(done=done, total=total)
        return not run.progress.should_stop()

    while not run.progress.should_stop():
        try:
            computed = compute_suggestions(mapping=run.mapping, full=True, report=report)
        except BusyError:
            time.sleep(_WAIT_SECONDS)
            continue
        if computed.finished:
            SynchJob.objects.filter(pk=run.job.pk).update(message=_sentence(run))
        return


def _sentence(run: JobRun) -> str:
    lines = MatchLine.objects.filter(mapping=run.mapping, job_id=None)
    counts = dict(lines.order_by().values_list("verdict").annotate(Count("id")))
    total, clear = sum(counts.values()), counts.get(MatchVerdict.CLEAR, 0)
    none = counts.get(MatchVerdict.NONE, 0)
    return f"{total:,} uncoupled records: {clear:,} with a clear partner, {total - clear - none:,} to decide."
