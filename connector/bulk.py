"""Writing many records with few requests: bulk messages and batches, several at once, within the shared budget.

A record that is refused fails alone: the message it was in is split until it stands alone, and all others are
written. What happened to each write is said by a `WriteResult`; a write whose answer got lost is `unknown`, never
repeated blindly.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

from connector.bulk_business_central import BusinessCentralSender
from connector.bulk_sales import SalesSender
from connector.business_central import BusinessCentralClient
from connector.sales import SalesClient
from connector.writes import Group, Kind, Sent, Write, WriteResult, WriteStatus

__all__ = ["BulkWriter", "Sender", "Write", "WriteResult", "WriteStatus", "run_together"]


_LOOK_SECONDS = 1.0


class Sender(Protocol):
    """How one system takes bulk writes; used by several threads."""

    threads: int

    def group(self, table: str, kind: Kind, waiting: Sequence[Write]) -> Group:
        """The first writes of those waiting, as many as one request should carry."""

    def send(self, group: Group) -> Sent:
        """One request. Raises nothing that belongs to a write."""


class BulkWriter:
    """Carries out writes through one client. Use it from one thread; it makes its own for the requests."""

    def __init__(
        self, client: SalesClient | BusinessCentralClient, *, adapt: Callable[[Sender], Sender] = lambda usual: usual
    ) -> None:
        """`adapt`: from the usual sender to one that sends some writes in another way."""
        usual = SalesSender(client) if isinstance(client, SalesClient) else BusinessCentralSender(client)
        self._sender = adapt(usual)

    def run(
        self,
        writes: Iterable[Write],
        *,
        before_send: Callable[[list[Write]], None],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[list[WriteResult]]:
        """Yields results as requests are answered; each write that was sent has exactly one.

        `before_send` is called in the caller's thread with the writes of a group right before it is sent for the first
        time. Once `should_stop` says so, nothing new is sent; writes that were not sent have no result.
        """
        for _, results in run_together([(self, writes)], before_send=before_send, should_stop=should_stop):
            yield results

    def begin(self, writes: Iterable[Write]) -> "_Course":
        return _Course(self._sender, writes)


def run_together(
    work: Iterable[tuple[BulkWriter, Iterable[Write]]],
    *,
    before_send: Callable[[list[Write]], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[BulkWriter, list[WriteResult]]]:
    """As `BulkWriter.run` for several writers at once, so that no system waits for another one's answers."""
    courses = [(writer, writer.begin(writes)) for writer, writes in work]
    try:
        while True:
            for _, course in courses:
                course.fill(before_send, should_stop)
            running = {future: (writer, course) for writer, course in courses for future in course.running}
            if not running:
                return
            finished, _ = wait(running, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
            if not finished:
                # A sign of life; and a caller that lost its database finds out before anything queued is sent.
                should_stop()
            for future in finished:
                writer, course = running[future]
                if results := course.take(future):
                    yield writer, results
    finally:
        for _, course in courses:
            course.end()


class _Course:
    """The way of some writes through one sender: what waits, what is under way, what has to go again."""

    def __init__(self, sender: Sender, writes: Iterable[Write]) -> None:
        self._sender = sender
        self._waiting = _Waiting(writes, sender)
        self._again: deque[Group] = deque()
        self._pool = ThreadPoolExecutor(sender.threads, thread_name_prefix="bulk")
        # One more than there are threads keeps them busy while the caller stores results.
        self._window = sender.threads + 1
        self.running: set[Future[Sent]] = set()

    def fill(self, before_send: Callable[[list[Write]], None], should_stop: Callable[[], bool]) -> None:
        """Sends as much as may be under way at once; what goes again comes first, also when nothing new may go."""
        while len(self.running) < self._window:
            if self._again:
                self.running.add(self._pool.submit(self._send, self._again.popleft()))
                continue
            group = None if should_stop() else self._waiting.next_group()
            if group is None:
                return
            before_send(list(group.writes))
            self.running.add(self._pool.submit(self._send, group))

    def take(self, finished: Future[Sent]) -> list[WriteResult]:
        self.running.discard(finished)
        sent = finished.result()
        self._again.extend(sent.again)
        return sent.results

    def end(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _send(self, group: Group) -> Sent:
        if group.delay_seconds:
            time.sleep(group.delay_seconds)
        return self._sender.send(group)


class _Waiting:
    """Writes not yet sent, by table and kind, in the order in which these first appeared."""

    def __init__(self, writes: Iterable[Write], sender: Sender) -> None:
        self._sender = sender
        self._queues: dict[tuple[str, Kind], deque[Write]] = {}
        for write in writes:
            self._queues.setdefault((write.table, write.kind), deque()).append(write)

    def next_group(self) -> Group | None:
        for (table, kind), queue in self._queues.items():
            if queue:
                group = self._sender.group(table, kind, queue)
                for _ in group.writes:
                    queue.popleft()
                return group
        return None
