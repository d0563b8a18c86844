"""What people do with a full synchronisation on its way: restart, retry, accept failures, pause, resume, cancel.

Each of them changes a few rows and leaves the rest to `advance_full_synch`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from connector.errors import ErrorKind, HubError
from syncjobs.choices import LIVE_JOB_STATES, JobState, LineState
from syncjobs.engine.fan_out import enqueue
from syncjobs.models import FullSynch, FullSynchLine, SynchJob
from syncjobs.services.full_synch import advance_full_synch
from syncjobs.services.jobs import cancel_job, check_connection

_PAUSED = "Paused; it goes on where it stopped."


def restart_lines(*, full_synch: FullSynch, mappings: Sequence[str]) -> None:
    """Runs lines again; lines that waited for them follow.

    A line that is held back because records of another one failed runs as well: who restarts it has decided. Raises
    HubError while any full synchronisation runs.
    """
    with _reopened(full_synch, ended=True) as row:
        lines = _named(row, mappings)
        held_by = {name for line in lines if line.state == LineState.BLOCKED for name in line.depends_on}
        row.lines.filter(mapping__name__in=held_by, state=LineState.FINISHED).update(failures_accepted=True)
        lines.update(
            state=LineState.BLANK, to_sales="", to_business_central="", plan=None, started_at=None, finished_at=None,
            failed_only=False, failed_percent=0, failures_accepted=False,
        )  # fmt: skip


def retry_failed(*, full_synch: FullSynch, mappings: Sequence[str]) -> None:
    """Runs finished lines again over the records that failed. Raises HubError for a line of which none did."""
    with _reopened(full_synch) as row:
        lines = _named(row, mappings)
        failing = lines.filter(state=LineState.FINISHED, failed_percent__gt=0)
        if none := sorted(set(mappings) - set(failing.values_list("mapping__name", flat=True))):
            raise HubError(
                f"No record of {', '.join(none)} failed in this run.",
                kind=ErrorKind.CONFLICT,
                code="full_synch.none_failed",
            )
        lines.update(state=LineState.BLANK, failed_only=True, started_at=None, finished_at=None)


def accept_failures(*, full_synch: FullSynch, mappings: Sequence[str]) -> None:
    """What waits for these lines runs, however many of their records failed."""
    with _reopened(full_synch) as row:
        _named(row, mappings).update(failures_accepted=True)


def cancel_full_synch(*, full_synch: FullSynch) -> None:
    """Nothing new starts; running lines stop after the requests under way. Raises HubError for an ended one."""
    with transaction.atomic():
        row = _live_row(full_synch)
        row.cancel_requested, row.paused_at = True, None
        row.save(update_fields=["cancel_requested", "paused_at"])
    for job in _live_jobs(full_synch):
        try:
            cancel_job(job=job)
        except HubError:
            # It ended by itself meanwhile.
            continue
    _let_go_on(full_synch)
    advance_full_synch(full_synch_id=full_synch.pk)


def pause_full_synch(*, full_synch: FullSynch) -> None:
    """Lines stop after the requests under way and keep their place. Raises HubError for an ended one."""
    with transaction.atomic():
        row = _live_row(full_synch)
        if row.paused_at is not None or row.cancel_requested:
            return
        row.paused_at = timezone.now()
        row.save(update_fields=["paused_at"])
        _live_jobs(full_synch).update(paused=True, message=_PAUSED)
    advance_full_synch(full_synch_id=full_synch.pk)


def resume_full_synch(*, full_synch: FullSynch) -> None:
    """A paused one goes on where it stopped. Raises HubError for an ended one."""
    check_connection(full_synch.connection)
    with transaction.atomic():
        row = _live_row(full_synch)
        row.paused_at = None
        row.save(update_fields=["paused_at"])
    _let_go_on(full_synch)
    advance_full_synch(full_synch_id=full_synch.pk)


@contextmanager
def _reopened(full_synch: FullSynch, *, ended: bool = False) -> Iterator[FullSynch]:
    """The locked row, running again however it had ended; with `ended` a live one is refused."""
    check_connection(full_synch.connection)
    try:
        with transaction.atomic():
            row = FullSynch.objects.select_for_update().get(pk=full_synch.pk)
            live = row.state in LIVE_JOB_STATES
            if live and (ended or row.cancel_requested):
                raise HubError(
                    "The full synchronisation has not ended yet.", kind=ErrorKind.CONFLICT, code="full_synch.running"
                )
            yield row
            if not live:
                row.state, row.cancel_requested, row.finished_at, row.message = JobState.RUNNING, False, None, ""
                row.save(update_fields=["state", "cancel_requested", "finished_at", "message"])
            transaction.on_commit(partial(advance_full_synch, full_synch_id=row.pk))
    except IntegrityError as error:
        raise HubError(
            "Another full synchronisation is running.", kind=ErrorKind.CONFLICT, code="full_synch.running"
        ) from error


def _named(row: FullSynch, mappings: Sequence[str]) -> QuerySet[FullSynchLine]:
    lines = row.lines.filter(mapping__name__in=mappings)
    if unknown := sorted(set(mappings) - set(lines.values_list("mapping__name", flat=True))):
        raise HubError(
            f"{', '.join(unknown)} is not part of this full synchronisation.",
            kind=ErrorKind.DATA,
            code="full_synch.unknown_mapping",
        )
    return lines


def _live_row(full_synch: FullSynch) -> FullSynch:
    """The row, locked. Raises HubError for an ended one."""
    row = FullSynch.objects.select_for_update().get(pk=full_synch.pk)
    if row.state not in LIVE_JOB_STATES:
        raise HubError("It has ended already.", kind=ErrorKind.CONFLICT, code="full_synch.ended")
    return row


def _live_jobs(full_synch: FullSynch) -> QuerySet[SynchJob]:
    return SynchJob.objects.filter(full_synch_line__full_synch=full_synch, state__in=LIVE_JOB_STATES)


def _let_go_on(full_synch: FullSynch) -> None:
    """Paused jobs are put on the queue again; one whose worker has not left yet is joined."""
    for job in _live_jobs(full_synch).filter(paused=True):
        SynchJob.objects.filter(pk=job.pk).update(paused=False, message="", heartbeat_at=timezone.now())
        enqueue("run_job", job)
