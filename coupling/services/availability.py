"""Where Business Central serves a mapped table or property on this connection, and why it does not.

The connection test records what an installation offers (`Connection.capabilities`). A mapping takes the first route
that is offered: standard API, companion extension, published page. Before the first test nothing is known, so every
route counts as offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.business_central_pages import PAGE_TABLES
from connector.choices import Direction
from connector.models import Connection
from coupling.defaults import DefaultField, DefaultMapping, Route, pages_by_number

_CALCULATED = "Dynamics 365 Sales calculates this column itself."
_NO_API = "Business Central offers this value over no public API."
_OWN_SERVICES = frozenset({"api", "derived"})


@dataclass(frozen=True, slots=True)
class Choice:
    """The route taken; where none is offered, the preferred one and the reason."""

    route: Route
    reason: str = ""

    @property
    def available(self) -> bool:
        return not self.reason


class Offer:
    """What one connection's Business Central offers."""

    def __init__(self, connection: Connection) -> None:
        known: dict[str, list[str]] = connection.capabilities or {}
        self._sets = {service: frozenset(names) for service, names in known.items() if isinstance(names, list)}
        self._known = bool(known)

    def has(self, route: Route) -> bool:
        if route.service == "derived" or not self._known:
            return True
        offered = self._sets.get(route.service, frozenset())
        if not route.page:
            return route.entity_set in offered
        shown = PAGE_TABLES.get(route.entity_set)
        if shown is None or (route.property and not shown.page_name(route.property)):
            return False
        owner = shown.membership and PAGE_TABLES[shown.membership.table]
        return all(any(page in offered for page in each.pages) for each in (shown, owner) if each)

    def choose_table(self, default: DefaultMapping) -> Choice:
        """The route of a mapping's table."""
        return self._first(default.routes, default.bc_label)

    def choose_field(self, default: DefaultField, table: Route) -> Choice | None:
        """The route of a property of a mapping whose table is served by `table`; None for a constant without one.

        Properties of the mapping's own table come first where they can do what the direction asks.
        """
        if not default.routes:
            return None if default.is_constant else Choice(Route("", "", ""), _NO_API)
        own = [
            route for route in default.routes if (route.service, route.entity_set) == (table.service, table.entity_set)
        ]
        other = [route for route in default.routes if route not in own and self._reachable(route, table)]
        routes = [*own, *other]
        if not routes:
            reason = f"{default.bc_label} is on pages only whose rows have no id of the record."
            return Choice(default.routes[0], reason)
        if default.direction != Direction.TO_SALES:
            routes.sort(key=lambda route: not route.writable)
        return self._first(routes, default.bc_label)

    def _reachable(self, route: Route, table: Route) -> bool:
        """A page that merely shows the same table again is no further source of a table served elsewhere.

        Neither is one whose rows have no id in common with the table's.
        """
        if route.service == "pages" and route.entity_set in pages_by_number():
            return False
        return table.service in _OWN_SERVICES or route.service == table.service

    def _first(self, routes: Sequence[Route], label: str) -> Choice:
        for route in routes:
            if self.has(route):
                return Choice(route)
        return Choice(routes[0], self._reason(routes, label))

    def _reason(self, routes: Sequence[Route], label: str) -> str:
        companion = any(route.service == "companion" for route in routes)
        shown = [route for route in routes if not route.page or route.entity_set in PAGE_TABLES]
        pages = " or ".join(_pages_of(route) for route in shown if route.service == "pages")
        if companion and pages:
            return f"{label} needs the companion extension in Business Central, or the page published as {pages}."
        if companion:
            return f"{label} needs the companion extension in Business Central."
        if pages:
            return f"{label} needs the page published as {pages} in Business Central."
        sets = " or ".join(route.entity_set for route in routes)
        return f"Business Central does not offer {sets} to the hub; check the permissions of its application."


def _pages_of(route: Route) -> str:
    """The page of a route, and the one that its rows cannot be told apart without."""
    shown = PAGE_TABLES.get(route.entity_set)
    if shown is None or shown.membership is None:
        return route.page or route.entity_set
    return f"{route.page} beside {PAGE_TABLES[shown.membership.table].pages[0]}"


def sales_reason(default: DefaultField) -> str:
    """Why the Sales side of a field mapping cannot take part; blank where it can."""
    calculated = default.sales_access == "read-only" and default.direction == Direction.TO_SALES
    return _CALCULATED if calculated else ""
