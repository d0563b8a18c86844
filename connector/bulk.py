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

__all__ = ["BulkWriter", "Write", "WriteResult", "WriteStatus"]


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

    def __init__(self, client: SalesClient | BusinessCentralClient) -> None:
        self._sender: Sender = SalesSender(client) if isinstance(client, SalesClient) else BusinessCentralSender(client)

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
        waiting = _Waiting(writes, self._sender)
        again: deque[Group] = deque()
        running: set[Future[Sent]] = set()
        # A window of one more than there are threads keeps them busy while the caller stores results.
        window = self._sender.threads + 1
        pool = ThreadPoolExecutor(self._sender.threads, thread_name_prefix="bulk")
        try:
            while True:
                while len(running) < window:
                    if again:
                        running.add(pool.submit(self._send, again.popleft()))
                        continue
                    group = None if should_stop() else waiting.next_group()
                    if group is None:
                        break
                    before_send(list(group.writes))
                    running.add(pool.submit(self._send, group))
                if not running:
                    return
                finished, running = wait(running, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
                if not finished:
                    # A sign of life; and a caller that lost its database finds out before anything queued is sent.
                    should_stop()
                for future in finished:
                    sent = future.result()
                    again.extend(sent.again)
                    if sent.results:
                        yield sent.results
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

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
