"""Each system's own time, which the control API can shift.

Stamps, token expiry and change-tracking expiry follow the shifted clock, so a test can make an hour-old token or a
week-old delta link without waiting.
"""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

SystemName = Literal["sales", "business_central"]
SYSTEMS: tuple[SystemName, ...] = ("sales", "business_central")


class Clock:
    """Thread-safe. Offsets are seconds, positive into the future."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offsets: dict[SystemName, float] = dict.fromkeys(SYSTEMS, 0.0)

    def now(self, system: SystemName) -> datetime:
        """Aware UTC time as the system sees it."""
        return datetime.now(UTC) + timedelta(seconds=self._offsets[system])

    def shift(self, offsets: Mapping[SystemName, float]) -> None:
        with self._lock:
            self._offsets = {**self._offsets, **offsets}

    def offsets(self) -> dict[SystemName, float]:
        return dict(self._offsets)

    def reset(self) -> None:
        self.shift(dict.fromkeys(SYSTEMS, 0.0))
