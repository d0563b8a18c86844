"""What both systems' bulk writes share: sizes that adapt, and the verdict on one part of a batch."""

import random
import threading
from dataclasses import replace

from connector.errors import ErrorKind, RemoteError, Retry
from connector.http.session import ODataSession
from connector.writes import Group, Write, WriteResult, WriteStatus

# A record whose part fails for a passing reason is sent this often before that is its result.
ATTEMPTS = 4
_THROTTLED_ATTEMPTS = 12
# A request answered faster than this may carry twice as much next time.
_QUICK_SECONDS = 4.0


class Size:
    """How many records a request carries: doubles while answers come quickly, halves on time-outs. Thread-safe."""

    def __init__(self, start: int, smallest: int, largest: int) -> None:
        self._lock = threading.Lock()
        self._smallest = smallest
        self._largest = largest
        self.value = start

    def answered(self, records: int, seconds: float) -> None:
        with self._lock:
            if records >= self.value and seconds < _QUICK_SECONDS:
                self.value = min(self._largest, self.value * 2)

    def timed_out(self, records: int) -> None:
        with self._lock:
            self.value = max(self._smallest, min(self.value, records // 2))


class Retrying:
    """Collects the writes of a batch that have to go out again, with the pause they need."""

    def __init__(self, group: Group, session: ODataSession) -> None:
        self._group = group
        self._session = session
        self._writes: list[Write] = []
        self._throttled = False

    def takes(self, write: Write, error: RemoteError) -> bool:
        """Whether the write goes out again because of this refusal, which did no work."""
        limit = _THROTTLED_ATTEMPTS if error.kind is ErrorKind.THROTTLED else ATTEMPTS
        passing = error.kind in (ErrorKind.THROTTLED, ErrorKind.TRANSIENT) or error.retry is Retry.SIGN_IN_AGAIN
        if not passing or self._group.attempt >= limit:
            return False
        if error.kind is ErrorKind.THROTTLED and not self._throttled:
            self._throttled = True
            self._session.slow_down(error)
        self._writes.append(write)
        return True

    def groups(self) -> list[Group]:
        if not self._writes:
            return []
        delay = 0.0 if self._throttled else pause(self._group.attempt)
        return [replace(self._group, writes=self._writes, attempt=self._group.attempt + 1, delay_seconds=delay)]


def pause(attempt: int) -> float:
    """Seconds before an attempt is repeated: full jitter under a doubling ceiling."""
    return random.uniform(0, min(30.0, 0.5 * 2**attempt))  # noqa: S311


def failed(write: Write, error: RemoteError) -> WriteResult:
    return WriteResult(write.ref, WriteStatus.FAILED, write.key, error=error)
