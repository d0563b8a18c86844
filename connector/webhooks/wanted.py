"""Which tables' changes the hub wants to hear of; the apps above know, and register their answer at start-up."""

from collections.abc import Callable

from connector.choices import System
from connector.models import Connection

_answers: list[Callable[[Connection], set[tuple[System, str]]]] = []


def wanted_from(answer: Callable[[Connection], set[tuple[System, str]]]) -> None:
    """Adds a source of tables; called once while Django starts."""
    _answers.append(answer)


def wanted_tables(connection: Connection) -> dict[System, list[str]]:
    """Entity sets by system, sorted."""
    found = set().union(*(answer(connection) for answer in _answers))
    return {system: sorted(table for each, table in found if each == system) for system in System}
