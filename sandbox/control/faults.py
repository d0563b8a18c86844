"""Faults that the control API injects into requests: throttling, errors, cut connections, delays, stale tokens."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sandbox.clock import SYSTEMS
from sandbox.http import Request

KINDS = (
    "throttle",
    "server_error",
    "drop_before",
    "drop_after_commit",
    "truncate",
    "delay",
    "expired_token",
    "stale_delta",
)
BATCH = "$batch"


@dataclass(slots=True)
class Fault:
    """One rule. ``match`` names an entity set (``$batch`` hits batches), ``method`` a verb; None is any."""

    system: str
    kind: str
    match: str | None = None
    method: str | None = None
    probability: float = 1.0
    count: int | None = None
    seed: int | None = None
    client_id: str | None = None
    injected: int = 0
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def hits(self, system: str, operations: Sequence[tuple[str, str]], request: Request) -> bool:
        if self.system != system or (self.client_id is not None and self.client_id != request.client_id):
            return False
        if self.kind == "stale_delta" and "deltatoken" not in request.query.lower():
            return False
        if self.match == BATCH:
            return request.path.endswith("/$batch") and self.method in (None, request.method)
        candidates = [*operations, (request.method, "")]
        return any(
            self.match in (None, entity_set) and self.method in (None, method) for method, entity_set in candidates
        )


class FaultInjector:
    """The current list of faults; each request is struck by at most one, in list order. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def replace(self, rules: Sequence[dict[str, Any]]) -> None:
        """Raises ValueError for a rule that the control contract does not know."""
        faults = [_fault(rule) for rule in rules]
        with self._lock:
            self._faults = faults

    def clear(self) -> None:
        self.replace([])

    def strike(self, system: str, operations: Sequence[tuple[str, str]], request: Request) -> Fault | None:
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                exhausted = fault.count is not None and fault.injected >= fault.count
                if exhausted or not fault.hits(system, operations, request):
                    continue
                # random() is drawn for every candidate, so the same seed strikes the same requests.
                if fault._random.random() < fault.probability:
                    fault.injected += 1
                    return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            names = [item.name for item in fields(Fault) if not item.name.startswith("_")]
            return [{name: getattr(fault, name) for name in names} for fault in self._faults]


def _fault(rule: dict[str, Any]) -> Fault:
    known = {"system", "match", "method", "kind", "probability", "count", "seed", "client_id", "injected"}
    if not isinstance(rule, dict) or rule.keys() - known:
        raise ValueError(f"A fault has the keys {', '.join(sorted(known))}.")
    if rule.get("system") not in SYSTEMS:
        raise ValueError(f"system must be one of {', '.join(SYSTEMS)}.")
    if rule.get("kind") not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}.")
    probability = rule.get("probability")
    return Fault(
        system=rule["system"],
        kind=rule["kind"],
        match=rule.get("match"),
        method=rule.get("method"),
        probability=1.0 if probability is None else float(probability),
        count=rule.get("count"),
        seed=rule.get("seed"),
        client_id=rule.get("client_id"),
        _random=random.Random(rule.get("seed")),  # noqa: S311 - repeatable, not secret
    )
