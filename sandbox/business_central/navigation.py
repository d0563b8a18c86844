"""How a navigation property finds its rows: an equation between an expression of the parent and one of the target."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.business_central.bindings import binding
from sandbox.business_central.schema import Navigation, Page, Schema

_PARENT_REFERENCES = ("documentId", "parentId")


@dataclass(frozen=True, slots=True)
class Join:
    """Target rows are those whose ``target_sql`` equals the parent's ``parent_sql``; both see their row as ``t``."""

    target: Page
    parent_sql: str
    target_sql: str
    many: bool


_SPECIAL: dict[tuple[str, str], tuple[str, str]] = {}


def register_join(entity_set: str, navigation: str, parent_sql: str, target_sql: str) -> None:
    """For relations that no id property carries (archive lines hang on number, occurrence and version)."""
    _SPECIAL[entity_set, navigation] = (parent_sql, target_sql)


def find_join(schema: Schema, page: Page, navigation: Navigation, today: str) -> Join | None:
    """None where the sandbox does not serve the target."""
    target = schema.page(page.service, navigation.target)
    if target is None or target.table not in schema.tables:
        return None
    special = _SPECIAL.get((page.entity_set, navigation.name))
    if special is not None:
        return Join(target, special[0], special[1], navigation.many)
    return _by_reference(page, target, navigation, today)


def _by_reference(page: Page, target: Page, navigation: Navigation, today: str) -> Join | None:
    def sql(of: Page, name: str) -> str:
        return binding(of, of.properties[name], today).sql

    def references(of: Page, to: Page) -> Callable[[], list[str]]:
        return lambda: [p.name for p in of.properties.values() if p.relates_to == (to.entity_set, "id")]

    if not navigation.many:
        outgoing = references(page, target)()
        if outgoing:
            name = next((n for n in outgoing if n.lower() == f"{navigation.name}id".lower()), outgoing[0])
            return Join(target, sql(page, name), "t.system_id", False)
        if target.table == page.table:
            return Join(target, "t.system_id", "t.system_id", False)
    incoming = references(target, page)() or [n for n in _PARENT_REFERENCES if n in target.properties]
    if not incoming:
        return None
    return Join(target, "t.system_id", sql(target, incoming[0]), navigation.many)
