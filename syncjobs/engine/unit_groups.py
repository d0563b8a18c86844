"""Unit groups as a table of Business Central, derived from its items and resources.

Business Central fills a table of its own only for its built-in integration. Nothing is lost by deriving: there is one
group per item and per resource, and it has that record's id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from connector.business_central import BusinessCentralClient
from connector.clients import ChangePage, ChangeQuery, Client, FirstPage, WireRecord

UNIT_GROUPS = "unitGroups"
_SOURCES: Mapping[str, str] = {"items": "Item", "resources": "Resource"}
_READ = ("number", "baseUnitOfMeasureCode")


def client_for(table: str, client: Client) -> Client:
    """The client that reads `table`: the given one for every table that a system serves itself."""
    return UnitGroups(client) if table == UNIT_GROUPS and isinstance(client, BusinessCentralClient) else client


class UnitGroups:
    """Reads the derived table by way of its sources; the part of a client that reading needs."""

    def __init__(self, client: BusinessCentralClient) -> None:
        self._client = client
        self.session = client.session

    def read_changes(
        self,
        table: str,
        *,
        properties: Sequence[str],
        cursor: str,
        full: bool = False,
        first: FirstPage | None = None,
    ) -> Iterator[ChangePage]:
        """The cursor is the first source's, which is the earlier one."""
        earliest, sources = None, self._sources()
        for position, source in enumerate(sources, start=1):
            for page in self._client.read_changes(source, properties=_READ, cursor=cursor, full=full):
                earliest = page.cursor if earliest is None else earliest
                last = position == len(sources) and page.cursor is not None
                records = [_derived(record, _SOURCES[source], properties) for record in page.records]
                yield ChangePage(records, [], earliest if last else None)

    def first_pages(self, queries: Sequence[ChangeQuery]) -> dict[str, FirstPage]:
        """Two tables in one cannot be asked for ahead."""
        return {}

    def read_records(self, table: str, keys: Collection[UUID], *, properties: Sequence[str]) -> dict[UUID, WireRecord]:
        found: dict[UUID, WireRecord] = {}
        for source in self._sources():
            records = self._client.read_records(source, keys, properties=_READ)
            found.update({key: _derived(record, _SOURCES[source], properties) for key, record in records.items()})
        return found

    def query(
        self,
        table: str,
        *,
        properties: Sequence[str],
        filter: str = "",  # noqa: A002
        orderby: str = "",
        top: int | None = None,
    ) -> Iterator[WireRecord]:
        for source in self._sources():
            for record in self._client.query(source, properties=_READ, filter=filter, orderby=orderby, top=top):
                yield _derived(record, _SOURCES[source], properties)

    def count(self, table: str, *, filter: str = "") -> int | None:  # noqa: A002
        counts = [self._client.count(source, filter=filter) for source in self._sources()]
        return None if None in counts else sum(count or 0 for count in counts)

    def keys(self, table: str) -> Iterator[UUID]:
        for source in self._sources():
            yield from self._client.keys(source)

    def _sources(self) -> list[str]:
        """Resources are there only where an extension or a page serves them with their ids."""
        addresses = self._client.addresses
        offered = {source: self._client.tables(addresses.service_of(source)) for source in _SOURCES}
        return [source for source, tables in offered.items() if source in tables]


def _derived(record: WireRecord, source_type: str, properties: Sequence[str]) -> WireRecord:
    values: dict[str, Any] = {
        "sourceType": source_type,
        "sourceNumber": record.values.get("number"),
        "baseUnitOfMeasureCode": record.values.get("baseUnitOfMeasureCode"),
    }
    return WireRecord(record.key, {name: values.get(name) for name in properties}, record.token, record.modified_at)
