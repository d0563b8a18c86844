"""What a decision about one pair is: its outcome, the writes that it asks for, and what the coupling gains by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from connector.choices import System
from coupling.choices import MissingSide
from syncjobs.engine.merge import FieldMerge
from syncjobs.engine.results import Problem
from syncjobs.engine.rules.base import Leave, Refusal
from syncjobs.engine.writes import PlannedWrite


class Outcome(StrEnum):
    """What a decision comes to."""

    UNCHANGED = "unchanged"
    AGREED = "agreed"  # nothing to write, but what both sides agree on is new
    WRITE = "write"
    UNCOUPLE = "uncouple"  # nothing to write, the coupling goes
    SKIPPED = "skipped"  # counted, with the reason
    DROPPED = "dropped"  # left without a trace
    CONFLICT = "conflict"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one pair.

    `bc_base`/`sales_base`: newly agreed values that need no write. `target`: the system that a failure or conflict
    kept from being written. `again`: something changed that this run may not carry, so the pair has to wait on;
    `more`: another write to the same record has to follow.
    `adopts`: the pair gets coupled. `missing`, `outside_filter`: marks of the coupling as they should be.
    """

    outcome: Outcome
    writes: tuple[PlannedWrite, ...] = ()
    bc_base: Mapping[str, Any] = field(default_factory=dict)
    sales_base: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    problem: Problem | None = None
    target: System = System.SALES
    clashes: tuple[FieldMerge, ...] = ()
    again: bool = False
    more: bool = False
    adopts: bool = False
    missing: str = MissingSide.NONE
    outside_filter: str = ""


_LEAVES = {Leave.DROPPED: Outcome.DROPPED, Leave.SKIPPED: Outcome.SKIPPED}


def refused(refusal: Refusal | Problem, target: System) -> Decision:
    """The decision that a table's own rules made."""
    if isinstance(refusal, Problem):
        return Decision(Outcome.FAILED, problem=refusal, target=target)
    return Decision(_LEAVES[refusal.how], reason=refusal.reason)


def moved(name: str, values: Mapping[str, Any], base: Mapping[str, Any]) -> bool:
    """Whether a value is another one than both sides agreed on."""
    return bool(name) and name in values and (name not in base or values[name] != base[name])
