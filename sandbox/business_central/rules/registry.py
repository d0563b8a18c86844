"""Where business rules are registered and found. A rule module decorates plain functions; importing it is enough.

`validates` runs when a field is assigned, in body order, and may change other fields of the row. The others run once
per request, before the row is stored or removed (`after_*`: when it has been).
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from sandbox.business_central.bindings import register_writable
from sandbox.business_central.session import Session
from sandbox.storage import Row

Validator = Callable[[Session, Row, Any], None]
"""Gets the session, the row with the new value in place, and the old value."""
Modifier = Callable[[Session, Row, Row], None]
"""Gets the session, the row as it will be, and as it was."""
Trigger = Callable[[Session, Row], None]
Setter = Callable[[Session, Row, Any], None]
Action = Callable[[Session, Row], None]
_Rule = TypeVar("_Rule")

validators: dict[tuple[str, str], list[Validator]] = defaultdict(list)
start_rules: dict[str, list[Trigger]] = defaultdict(list)
insert_rules: dict[str, list[Trigger]] = defaultdict(list)
after_insert_rules: dict[str, list[Trigger]] = defaultdict(list)
modify_rules: dict[str, list[Modifier]] = defaultdict(list)
after_modify_rules: dict[str, list[Modifier]] = defaultdict(list)
delete_rules: dict[str, list[Trigger]] = defaultdict(list)
setters: dict[tuple[str, str], Setter] = {}
actions: dict[tuple[str, str], Action] = {}


def validates(table: str, *fields: str) -> Callable[[Validator], Validator]:
    def register(rule: Validator) -> Validator:
        for field in fields:
            validators[table, field].append(rule)
        return rule

    return register


def on_new_row(*tables: str) -> Callable[[Trigger], Trigger]:
    """Defaults of a new row, before the body's values are assigned."""
    return _collect(start_rules, tables)


def before_insert(*tables: str) -> Callable[[Trigger], Trigger]:
    return _collect(insert_rules, tables)


def after_insert(*tables: str) -> Callable[[Trigger], Trigger]:
    return _collect(after_insert_rules, tables)


def before_modify(*tables: str) -> Callable[[Modifier], Modifier]:
    return _collect(modify_rules, tables)


def after_modify(*tables: str) -> Callable[[Modifier], Modifier]:
    return _collect(after_modify_rules, tables)


def before_delete(*tables: str) -> Callable[[Trigger], Trigger]:
    return _collect(delete_rules, tables)


def sets(owner: str, name: str) -> Callable[[Setter], Setter]:
    """Takes writes of a calculated property; ``owner`` is the base table or the entity set."""

    def register(setter: Setter) -> Setter:
        register_writable(owner, name)
        setters[owner, name] = setter
        return setter

    return register


def action(entity_set: str, name: str) -> Callable[[Action], Action]:
    """A bound action; names are matched ignoring case."""

    def register(body: Action) -> Action:
        actions[entity_set, name.lower()] = body
        return body

    return register


def _collect(target: dict[str, list[_Rule]], tables: tuple[str, ...]) -> Callable[[_Rule], _Rule]:
    def register(rule: _Rule) -> _Rule:
        for table in tables:
            target[table].append(rule)
        return rule

    return register
