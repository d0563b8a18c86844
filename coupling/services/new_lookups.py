"""Rows of Sales that a lookup of a new record may point to: listed where they are few, found by name where not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from connector.odata import literal
from connector.sales import SalesClient

MOST_LISTED = 100
"""Rows that fit a list to choose from; more are found by their name."""
LEFT_ALONE = frozenset(
    {
        "baseuom",
        "customerid",
        "defaultuomid",
        "defaultuomscheduleid",
        "organizationid",
        "ownerid",
        "pricelevelid",
        "productid",
        "transactioncurrencyid",
        "uomid",
        "uomscheduleid",
    }
)
"""Lookups that the standard product insists on: the rules of the tables bind them, or Sales fills them in itself."""
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """A table that the lookup may point into. `write` binds a row of it."""

    table: str
    primary_id: str
    primary_name: str
    write: str


@dataclass(frozen=True, slots=True)
class RequiredLookup:
    """A lookup that has to be filled, with the client that knows its rows."""

    client: SalesClient
    targets: Sequence[Target]

    def rows(self) -> list[tuple[str, str]]:
        """(reference, name) of every row, by name; none where they are too many for a list. Raises RemoteError."""
        found: list[tuple[str, str]] = []
        for target in self.targets:
            rows = self.client.query(
                target.table,
                properties=[target.primary_id, target.primary_name],
                orderby=target.primary_name,
                top=MOST_LISTED + 1,
            )
            found += [(f"{target.table}({row.key})", str(row.values[target.primary_name] or row.key)) for row in rows]
        return found if len(found) <= MOST_LISTED else []

    def find(self, text: str) -> tuple[str, str]:
        """What binds the row that is meant: a reference of `rows`, its id, an address with its id, or its name.

        Raises ValueError with a sentence, and RemoteError.
        """
        given = _ID.findall(text)
        found = [
            (target.write, f"/{target.table}({key})")
            for target in self.targets
            for key in (self._with_id(target, given[-1]) if given else self._named(target, text))
        ]
        if not found:
            raise ValueError(f"Sales has no row “{text}”.")
        if len(found) > 1:
            raise ValueError(f"{len(found)} rows are called “{text}”; give the id or the address of the one you mean.")
        return found[0]

    def _with_id(self, target: Target, text: str) -> list[UUID]:
        return list(self.client.read_records(target.table, [UUID(text)], properties=[target.primary_id]))

    def _named(self, target: Target, text: str) -> list[UUID]:
        condition = f"{target.primary_name} eq {literal(text)}"
        rows = self.client.query(target.table, properties=[target.primary_id], filter=condition, top=MOST_LISTED)
        return [row.key for row in rows]


def required_lookup(client: SalesClient, entity: str, column: str) -> RequiredLookup | None:
    """None where Sales names no table that has rows of its own. Raises RemoteError."""
    navigation = client.entity_metadata(entity).navigation.get(column, {})
    known = {info.entity: info for info in client.tables().values()}
    targets = [
        Target(known[each].table, known[each].primary_id, known[each].primary_name, f"{name}@odata.bind")
        for each, name in navigation.items()
        if each in known and known[each].primary_name
    ]
    return RequiredLookup(client, targets) if targets else None
