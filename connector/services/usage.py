"""What the hub has asked of the two systems lately, against what they allow an application."""

from dataclasses import dataclass

from connector.choices import System
from connector.clients import budget_of
from connector.models import Connection
from connector.services.report import Concern

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


def judge_usage(usage: Usage) -> str:
    """As a step of the connection test. Raises Concern."""
    if usage.used is None:
        raise Concern("How many requests were sent cannot be counted.", "Redis does not answer: see the page Status.")
    sentence = f"{usage.used:,} of {ALLOWED:,} requests in the last {WINDOW_MINUTES} minutes."
    if usage.is_much:
        raise Concern(sentence, "Runs slow down by themselves; other programs of the same application count too.")
    return sentence
