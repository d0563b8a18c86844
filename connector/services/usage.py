"""What the hub has asked of the two systems lately, against what they allow an application."""

from dataclasses import dataclass

from connector.choices import System
from connector.clients import budget_of
from connector.models import Connection

WINDOW_MINUTES = 5
ALLOWED = 6000
"""Requests that either service allows one application in five minutes."""
_MUCH = 0.8


@dataclass(frozen=True, slots=True)
class Usage:
    """`used` is None where nobody could count, because Redis is away."""

    system: System
    used: int | None
    at_once: int

    @property
    def share(self) -> float:
        return (self.used or 0) / ALLOWED

    @property
    def is_much(self) -> bool:
        return self.share >= _MUCH


def usage_of(connection: Connection) -> list[Usage]:
    """Of both systems; asks Redis and neither of them."""
    found = []
    for system in System:
        budget = budget_of(connection, system)
        found.append(Usage(system, budget.used(WINDOW_MINUTES), budget.limit()))
    return found
