"""Service protection limits and artificial latency. Everything is off until the control API switches it on."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.clock import SYSTEMS, SystemName

WINDOW_SECONDS = 300.0
QUEUE_WAIT_SECONDS = 480.0
"""Business Central queues requests over the concurrent limit for at most eight minutes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """None switches a limit off. ``queued`` is how many requests may wait for a concurrent slot (0: none waits)."""

    requests_per_5_minutes: int | None = None
    execution_seconds_per_5_minutes: float | None = None
    concurrent: int | None = None
    queued: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is throttled. ``kind`` is requests, execution or concurrent."""

    kind: str
    retry_after: int


@dataclass
class _Window:
    """What one client used of one system within the sliding window: (monotonic time, seconds of execution)."""

    requests: deque[float] = field(default_factory=deque)
    executions: deque[tuple[float, float]] = field(default_factory=deque)
    running: int = 0
    waiting: int = 0


class LimitKeeper:
    """Admits or refuses requests. One window per system and client, as the real limits are per user."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._limits: dict[SystemName, Limits] = {system: Limits() for system in SYSTEMS}
        self._windows: dict[tuple[SystemName, str], _Window] = {}

    def of(self, system: SystemName) -> Limits:
        return self._limits[system]

    def change(self, system: SystemName, values: Mapping[str, Any]) -> None:
        """Sets the given limits of one system and starts counting afresh. Raises TypeError on an unknown name."""
        with self._condition:
            self._limits[system] = replace(self._limits[system], **values)
            for key in [key for key in self._windows if key[0] == system]:
                window = self._windows[key]
                window.requests.clear()
                window.executions.clear()
            self._condition.notify_all()

    def reset(self) -> None:
        for system in SYSTEMS:
            self.change(system, dict.fromkeys(Limits.__dataclass_fields__))

    def as_json(self) -> dict[str, Any]:
        return {
            system: {name: getattr(limits, name) for name in Limits.__dataclass_fields__}
            for system, limits in self._limits.items()
        }

    @contextmanager
    def admit(self, system: SystemName, client_id: str | None, weight: int = 1) -> Iterator[Refusal | None]:
        """Yields None while the request may run, or the reason why it may not. ``weight``: as how many it counts."""
        with self._condition:
            window = self._windows.setdefault((system, client_id or ""), _Window())
            refusal = self._refusal(self._limits[system], window, weight) or self._take_slot(system, window)
        if refusal is not None:
            yield refusal
            return
        try:
            yield None
        finally:
            with self._condition:
                window.running -= 1
                self._condition.notify()

    def spent(self, system: SystemName, client_id: str | None, seconds: float) -> None:
        """Adds to the execution time of the window."""
        if self._limits[system].execution_seconds_per_5_minutes is None:
            return
        with self._condition:
            self._windows[system, client_id or ""].executions.append((time.monotonic(), seconds))

    def used(self, system: SystemName, client_id: str | None) -> tuple[int, float]:
        """(requests, seconds of execution) of the current window."""
        with self._condition:
            window = self._windows.get((system, client_id or ""), _Window())
            return len(window.requests), sum(seconds for _, seconds in window.executions)

    def _refusal(self, limits: Limits, window: _Window, weight: int) -> Refusal | None:
        now = time.monotonic()
        while window.requests and window.requests[0] < now - WINDOW_SECONDS:
            window.requests.popleft()
        while window.executions and window.executions[0][0] < now - WINDOW_SECONDS:
            window.executions.popleft()
        if limits.requests_per_5_minutes is not None:
            if len(window.requests) >= limits.requests_per_5_minutes:
                # A refused request counts too: whoever hammers on waits longer.
                oldest = window.requests[0] if window.requests else now
                return Refusal("requests", max(1, round(oldest + WINDOW_SECONDS - now)))
            window.requests.extend([now] * weight)
        if limits.execution_seconds_per_5_minutes is not None:
            used = sum(seconds for _, seconds in window.executions)
            if used >= limits.execution_seconds_per_5_minutes:
                oldest = window.executions[0][0] if window.executions else now
                return Refusal("execution", max(1, round(oldest + WINDOW_SECONDS - now)))
        return None

    def _take_slot(self, system: SystemName, window: _Window) -> Refusal | None:
        limits = self._limits[system]
        if limits.concurrent is not None and window.running >= limits.concurrent:
            if window.waiting >= (limits.queued or 0):
                return Refusal("concurrent", 1)
            window.waiting += 1
            try:
                free = self._condition.wait_for(lambda: self._has_slot(system, window), QUEUE_WAIT_SECONDS)
            finally:
                window.waiting -= 1
            if not free:
                return Refusal("concurrent", 1)
        window.running += 1
        return None

    def _has_slot(self, system: SystemName, window: _Window) -> bool:
        concurrent = self._limits[system].concurrent
        return concurrent is None or window.running < concurrent


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds that a request takes at least; ``per_operation_ms`` is added per record written."""

    base_ms: float = 0
    per_operation_ms: float = 0


class LatencyKeeper:
    def __init__(self) -> None:
        self._latencies: dict[SystemName, Latency] = {system: Latency() for system in SYSTEMS}

    def of(self, system: SystemName) -> Latency:
        return self._latencies[system]

    def change(self, system: SystemName, values: Mapping[str, Any]) -> None:
        """Raises TypeError on an unknown name."""
        self._latencies[system] = replace(self._latencies[system], **values)

    def reset(self) -> None:
        self._latencies = {system: Latency() for system in SYSTEMS}

    def as_json(self) -> dict[str, Any]:
        return {
            system: {"base_ms": latency.base_ms, "per_operation_ms": latency.per_operation_ms}
            for system, latency in self._latencies.items()
        }
