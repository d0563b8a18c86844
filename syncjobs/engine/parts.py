"""Which request carries which part of an operation.

Business Central serves some properties of a record on another entity set, under the same id (`customerExtras` beside
`customers`). An operation is planned as one change of one record; it is sent as its first part, and settling that plans
the rest as an operation of its own, so that the journal knows about every request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.choices import System
from syncjobs.choices import OperationKind
from syncjobs.engine.tables import TableReading
from syncjobs.models import Operation


@dataclass(frozen=True, slots=True)
class Part:
    """What goes to one entity set: the body and the values that are agreed on once it is written."""

    table: str
    body: Mapping[str, Any]
    base: Mapping[str, Any]


def parts_of(operation: Operation, reading: TableReading) -> list[Part]:
    """The parts in the order of sending; the record's own table first, always for a create or delete."""
    base: Mapping[str, Any] = operation.bc_base if operation.system == System.BUSINESS_CENTRAL else operation.sales_base
    if operation.table != reading.table or not reading.services or operation.kind == OperationKind.DELETE:
        return [Part(operation.table, operation.after, base)]
    tables = [reading.table, *reading.services]
    found = [
        Part(
            table,
            {name: value for name, value in operation.after.items() if reading.service_of(name) == table},
            {name: value for name, value in base.items() if reading.service_of(name) == table},
        )
        for table in tables
    ]
    needed = [part for part in found if part.body or (part.table == reading.table and _always(operation))]
    return needed or found[:1]


def _always(operation: Operation) -> bool:
    return bool(operation.kind == OperationKind.CREATE)
