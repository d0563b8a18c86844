"""Business rules of the tables: what creating, changing and deleting a row does besides storing it.

A rule is a function registered for a moment, some messages and some tables. Before rules may change the row; all rules
run inside the request's transaction and refuse by raising.
"""

from collections.abc import Callable
from typing import Literal

from sandbox.dataverse.context import Context
from sandbox.definitions.dataverse import Table
from sandbox.storage import Row

Moment = Literal["before", "after"]
Message = Literal["create", "update", "delete"]
Rule = Callable[[Context, Table, Row | None, Row, set[str]], None]
"""``(context, table, row before, row after, names of changed columns)``; for deletes the row is passed as both."""

_rules: dict[tuple[Moment, Message, str], list[Rule]] = {}


def rule(moment: Moment, *messages: Message, tables: tuple[str, ...]) -> Callable[[Rule], Rule]:
    """Registers a rule. Rules of one table run in the order in which they were registered."""

    def register(function: Rule) -> Rule:
        for message in messages:
            for table in tables:
                _rules.setdefault((moment, message, table), []).append(function)
        return function

    return register


def run(
    moment: Moment, message: Message, context: Context, table: Table, old: Row | None, new: Row, changed: set[str]
) -> None:
    for function in _rules.get((moment, message, table.logical_name), ()):
        function(context, table, old, new, changed)


def load() -> None:
    """Imports the modules that register rules."""
    from importlib import import_module
    from pkgutil import iter_modules

    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")


__all__ = ["Message", "Moment", "Rule", "load", "rule", "run"]
