"""What is asked of a bulk write and what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from connector.errors import RemoteError

Kind = Literal["create", "update", "delete"]


class WriteStatus(StrEnum):
    """How one write ended."""

    DONE = "done"
    STALE = "stale"  # the record changed since the plan saw it; nothing was written
    MISSING = "missing"  # the record does not exist any more
    EXISTS = "exists"  # a create found its own key, or its number, taken
    FAILED = "failed"  # refused; `error` says why
    UNKNOWN = "unknown"  # the answer got lost; the write may have happened


@dataclass(frozen=True, slots=True)
class Write:
    """One change to one record.

    `ref` is the caller's name for it (an operation's id). `key` is the record's, and for a create in Sales the primary
    key the hub chose; None for a create in Business Central. `body` has wire names and values. `token` is the
    concurrency token that the plan saw; "" writes whatever the record's state is.
    """

    ref: int
    kind: Kind
    table: str
    key: UUID | None
    body: dict[str, Any]
    token: str = ""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """How a write ended; `token` and `values` are the record's afterwards, as far as the service told them.

    `values` are all properties in Business Central's answer; None from Sales, which does not repeat what was sent.
    """

    ref: int
    status: WriteStatus
    key: UUID | None = None
    token: str = ""
    values: dict[str, Any] | None = None
    error: RemoteError | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Writes of one kind and table that go out in one request: a bulk message, or a batch of single requests."""

    writes: Sequence[Write]
    as_message: bool = False
    attempt: int = 1
    delay_seconds: float = 0.0
    looked_for_duplicates: bool = False

    def halves(self) -> "list[Group]":
        middle = len(self.writes) // 2
        return [replace(self, writes=self.writes[:middle]), replace(self, writes=self.writes[middle:])]

    def with_results(self, status: WriteStatus, error: RemoteError | None = None) -> "Sent":
        """All writes of the group ended alike."""
        return Sent([WriteResult(write.ref, status, write.key, error=error) for write in self.writes])


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a group: results, and writes that have to go out again in other groups."""

    results: list[WriteResult] = field(default_factory=list)
    again: list[Group] = field(default_factory=list)
