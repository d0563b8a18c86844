"""What the rest of the hub sees of the two systems: typed records, pages of changes, live reads.

The clients behind it know paging, filters, concurrency tokens, batches and limits of their system, and nothing of
mappings.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from connector.http.session import ODataSession


@dataclass(frozen=True, slots=True)
class WireRecord:
    """One record as read: `values` has exactly the properties asked for, `token` is the concurrency token (ETag)."""

    key: UUID
    values: dict[str, Any]
    token: str
    modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some changes of a table. `cursor` is set on the last page only: store it once everything is processed.

    A cursor of "" means that the table offers no way to ask for changes: the next read is a full one too.
    """

    records: list[WireRecord]
    deleted: list[UUID] = field(default_factory=list)
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """The changes of a table since `cursor`, to be asked for together with other tables'."""

    table: str
    properties: Sequence[str]
    cursor: str


@dataclass(frozen=True, slots=True)
class FirstPage:
    """Answer to a `ChangeQuery`, for `read_changes` to go on from; `count` is the number of all records, if told."""

    data: Any
    date: datetime | None
    count: int | None = None


class Client(Protocol):
    """What both clients offer. Every method raises RemoteError."""

    session: ODataSession

    def read_changes(
        self,
        table: str,
        *,
        properties: Sequence[str],
        cursor: str,
        full: bool = False,
        first: FirstPage | None = None,
    ) -> Iterator[ChangePage]:
        """The changes since `cursor`; everything for "" or `full`. A record may come twice; the last one counts.

        `first` is the first page where `first_pages` has asked for it already.
        """

    def first_pages(self, queries: Sequence[ChangeQuery]) -> dict[str, FirstPage]:
        """First pages by table, all asked for in as few requests as possible; a table that was refused is missing."""

    def read_records(self, table: str, keys: Collection[UUID], *, properties: Sequence[str]) -> dict[UUID, WireRecord]:
        """These records as they are now; a key that is absent in the answer does not exist (any more)."""

    def query(
        self,
        table: str,
        *,
        properties: Sequence[str],
        filter: str = "",  # noqa: A002 - the name of the OData option
        orderby: str = "",
        top: int | None = None,
    ) -> Iterator[WireRecord]:
        """The records that an OData filter admits."""

    def count(self, table: str, *, filter: str = "") -> int | None:  # noqa: A002
        """How many records the filter admits; None where the service cannot tell."""

    def keys(self, table: str) -> Iterator[UUID]:
        """The keys of all records."""
