"""What a running job shows: heartbeat, requests, waiting, log lines, and whether somebody asked it to stop.

Written at most once a second and in one statement each, so that a fast run does not spend its time reporting. Counters
are not here: they are added in the transaction that settles what they count, and stay exact through a crash.
"""

import signal
import threading
import time
from types import FrameType
from typing import Any

from django.db.models import F
from django.utils import timezone

from connector.clients import Meter
from syncjobs.choices import LIVE_JOB_STATES, LogLevel
from syncjobs.constants import HEARTBEAT_SECONDS
from syncjobs.models import JobLogEntry, SynchJob


class Progress:
    """Reports of one worker on one job; not for use inside a transaction, except `log`."""

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        self.meter = Meter()
        self.cancelled = False
        self.stopping = False
        self.ended = False
        self._lines: list[JobLogEntry] = []
        self._reported = (0, 0.0)
        self._flushed = 0.0

    def log(self, message: str, level: LogLevel = LogLevel.INFO) -> None:
        """A line for people; appears with the next report."""
        self._lines.append(JobLogEntry(job_id=self.job_id, level=level, message=message))

    def beat(self) -> None:
        """Reports if the last report is a second old."""
        if time.monotonic() - self._flushed >= HEARTBEAT_SECONDS:
            self.flush()

    def flush(self) -> None:
        requests, waited = self.meter.requests, self.meter.throttled_seconds
        jobs = SynchJob.objects.filter(pk=self.job_id)
        jobs.update(
            heartbeat_at=timezone.now(),
            requests=F("requests") + requests - self._reported[0],
            throttled_seconds=F("throttled_seconds") + waited - self._reported[1],
        )
        self._reported = (requests, waited)
        lines, self._lines = self._lines, []
        JobLogEntry.objects.bulk_create(lines)
        self.cancelled, paused, state = jobs.values_list("cancel_requested", "paused", "state").get()
        # As if the worker had to go: what it holds stays open until the job is resumed.
        self.stopping = self.stopping or paused
        self.ended = state not in LIVE_JOB_STATES
        self._flushed = time.monotonic()

    def should_stop(self) -> bool:
        """Asked between two requests: whether the job was cancelled or failed elsewhere, or this worker has to go."""
        self.beat()
        return self.cancelled or self.stopping or self.ended


class StopOnTermination:
    """While entered, SIGTERM lets the work in hand finish before the worker goes.

    Signals reach the main thread only; elsewhere this does nothing.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._previous: Any = None

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGTERM, self._stop)

    def __exit__(self, *_: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._progress.stopping = True
