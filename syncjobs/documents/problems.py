"""What can stand in the way of a document, each with a sentence, a way out and the page where it is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from connector.choices import System


@dataclass(frozen=True, slots=True)
class RecordRef:
    """A record of either system; `table` is its entity set."""

    system: System
    table: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a problem is solved: a page of the hub by its URL's name, or the record in its own system."""

    label: str
    page: str
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is stable; `message` names the document's record that it is about."""

    code: str
    message: str
    hint: str = ""
    record: RecordRef | None = None
    fix: Fix | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


SETUP = Fix("Open Sales & Receivables Setup", "sales-receivables-setup")


def record_of(system: System, table: str, key: UUID | str, name: str) -> RecordRef:
    return RecordRef(system, table, str(key), name)


def couple(record: RecordRef, label: str = "Couple") -> Fix:
    return Fix(label, "coupling-setup", {"system": str(record.system), "table": record.table, "key": record.id})


def in_sales(record: RecordRef, entity: str) -> Fix:
    return Fix("Open in Sales", "sales", {"entity": entity, "key": record.id})


def in_business_central(record: RecordRef, number: str) -> Fix:
    return Fix("Open in Business Central", "business_central", {"table": record.table, "number": number})
