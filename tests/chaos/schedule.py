"""What goes wrong when: a list of blows, made of a seed and of nothing else.

The pauses are in seconds and the machine decides what they hit, so the same seed strikes a little differently each
time; the blows themselves, their order and every fault's own seed are the same.
"""

import random
from dataclasses import dataclass, field
from typing import Any

FAULTS = "faults"
KILL_TASK = "kill task"
KILL_WORKER = "kill worker"
ORPHAN_TASK = "kill worker, its task goes on"
KILL_BETWEEN_STEPS = "kill between a record and its further rows"
KILL_WHILE_SENT = "kill while an answer is awaited"
FLUSH_REDIS = "flush Redis"
RESTART_POSTGRES = "restart PostgreSQL"
CRASH_POSTGRES = "crash PostgreSQL"

_WEIGHTS = {
    FAULTS: 6,
    KILL_TASK: 4,
    KILL_WORKER: 2,
    ORPHAN_TASK: 1,
    KILL_BETWEEN_STEPS: 3,
    KILL_WHILE_SENT: 4,
    FLUSH_REDIS: 2,
    RESTART_POSTGRES: 1,
    CRASH_POSTGRES: 1,
}
_FAULTS = ("throttle", "server_error", "drop_before", "drop_after_commit", "truncate", "expired_token", "stale_delta")
_SYSTEMS = ("sales", "business_central")


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing that goes wrong, `pause` seconds after the one before."""

    kind: str
    pause: float
    pick: float
    faults: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Blows in order; `clocks` are the seconds by which each system's clock is off."""

    blows: list[Blow]
    clocks: dict[str, dict[str, int]]

    def __str__(self) -> str:
        offsets = "/".join(str(clock["offset_s"]) for clock in self.clocks.values())
        return f"{len(self.blows)} blows, clocks {offsets}"


def quiet() -> Schedule:
    return Schedule([], {})


def make_schedule(seed: int) -> Schedule:
    rng = random.Random(f"chaos/{seed}")
    kinds = [FAULTS, *rng.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()), k=rng.randint(6, 12))]
    blows = [Blow(kind, rng.uniform(0.3, 2.5), rng.random(), _faults(rng) if kind == FAULTS else []) for kind in kinds]
    clocks = {system: {"offset_s": rng.choice((0, 0, -300, -40, 40, 300))} for system in _SYSTEMS}
    return Schedule(blows, clocks)


def _faults(rng: random.Random) -> list[dict[str, Any]]:
    return [_fault(rng) for _ in range(rng.randint(2, 5))]


def _fault(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(_FAULTS)
    always = kind == "stale_delta"
    return {
        "system": "sales" if always else rng.choice(_SYSTEMS),
        "kind": kind,
        # Most requests read; the writes are where something can be lost or doubled.
        "method": None if always else rng.choice((None, "POST", "PATCH")),
        "probability": 1.0 if always else rng.choice((0.1, 0.3, 0.6)),
        "count": rng.randint(1, 4),
        "seed": rng.randrange(1_000_000),
    }
