"""Counters of what a run asked of the two systems; a job shows them while it runs."""

import threading


class Meter:
    """Requests sent and seconds spent waiting because a service asked for it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.throttled_seconds = 0.0

    def add_request(self) -> None:
        with self._lock:
            self.requests += 1

    def add_throttled(self, seconds: float) -> None:
        with self._lock:
            self.throttled_seconds += seconds
