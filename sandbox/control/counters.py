"""Counts what each system was asked for, and keeps the latest requests for a person to look at."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.clock import SYSTEMS, SystemName
from sandbox.http import Request, Response

LOG_LENGTH = 2000


@dataclass(slots=True)
class _Totals:
    requests: int = 0
    operations: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    throttled: int = 0
    by: dict[tuple[str, str], list[int]] = field(default_factory=dict)


class Counters:
    """Requests and operations per system since the last reset. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: dict[SystemName, _Totals] = {system: _Totals() for system in SYSTEMS}

    def add(
        self,
        system: SystemName,
        request: Request,
        response: Response,
        operations: Iterable[tuple[str, str, int]],
        *,
        throttled: bool,
    ) -> None:
        """``operations`` are (method, entity set, how many). The request itself counts once, under each pair it
        holds."""
        per_pair: dict[tuple[str, str], int] = {}
        for method, entity_set, number in operations:
            per_pair[method, entity_set] = per_pair.get((method, entity_set), 0) + number
        with self._lock:
            totals = self._totals[system]
            totals.requests += 1
            totals.operations += sum(per_pair.values())
            totals.bytes_in += len(request.body)
            totals.bytes_out += len(response.body)
            totals.throttled += throttled
            for pair, number in per_pair.items():
                entry = totals.by.setdefault(pair, [0, 0])
                entry[0] += 1
                entry[1] += number

    def clear(self) -> None:
        with self._lock:
            self._totals = {system: _Totals() for system in SYSTEMS}

    def as_json(self) -> dict[str, Any]:
        with self._lock:
            return {
                system: {
                    "requests": totals.requests,
                    "operations": totals.operations,
                    "bytes_in": totals.bytes_in,
                    "bytes_out": totals.bytes_out,
                    "throttled": totals.throttled,
                    "by": [
                        {"method": method, "entity_set": entity_set, "requests": entry[0], "operations": entry[1]}
                        for (method, entity_set), entry in sorted(totals.by.items())
                    ],
                }
                for system, totals in self._totals.items()
            }


@dataclass(frozen=True, slots=True)
class LogEntry:
    time: datetime
    system: str
    method: str
    path: str
    status: int
    """0 when the connection was dropped without an answer."""
    operations: int
    correlation_id: str
    duration_ms: float


class RequestLog:
    """The latest requests, newest first."""

    def __init__(self) -> None:
        self._entries: deque[LogEntry] = deque(maxlen=LOG_LENGTH)

    def add(self, entry: LogEntry) -> None:
        self._entries.appendleft(entry)

    def clear(self) -> None:
        self._entries.clear()

    def latest(self, limit: int) -> list[LogEntry]:
        return list(self._entries)[:limit]
