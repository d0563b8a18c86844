"""What both systems could map: their tables and columns, read live from their metadata.

Used where somebody makes a mapping of their own. The clients keep what they read for ten minutes; a page that shows it
waits for it as long as people do, not as long as workers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from connector.business_central_addresses import Service
from connector.cached import forget
from connector.clients import INTERACTIVE, business_central_client, sales_client
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.definitions import ValueKind, bc_property, kind_of_column, kind_of_edm, sales_attribute
from coupling.models import FieldMapping, TableMapping

STAMP = "lastModifiedDateTime"
KEY = "id"

_TEXTS = frozenset({ValueKind.TEXT, ValueKind.CODE, ValueKind.ENUM})
_NUMBERS = frozenset({ValueKind.INTEGER, ValueKind.DECIMAL})
_DAYS = frozenset({ValueKind.DATE, ValueKind.DATETIME})
_OTHER = (ValueKind.BOOLEAN, ValueKind.GUID)
_FAMILIES = (_TEXTS, _NUMBERS, _DAYS, *(frozenset({kind}) for kind in _OTHER))
MAPPABLE = frozenset().union(*_FAMILIES)
"""Kinds of values that a field mapping without a transformation can carry."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SAME_WORDS = {"name": "name", "displayname": "name", "description": "name", "number": "code", "no": "code"}


@dataclass(frozen=True, slots=True)
class TableChoice:
    """A table that may be mapped. `name` is the entity set; `service` says where Business Central serves it."""

    name: str
    label: str
    service: str = ""
    entity: str = ""

    @property
    def key(self) -> str:
        return f"{self.service}:{self.name}" if self.service else self.name


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A column that may be mapped. `writable` says whether its system accepts a value from outside."""

    name: str
    label: str
    kind: ValueKind
    length: int | None = None
    writable: bool = True

    @property
    def described(self) -> str:
        """For a list of choices: the label, the name where it differs, and the kind."""
        name = "" if self.label == self.name else f" ({self.name})"
        size = f" {self.length}" if self.length else ""
        return f"{self.label}{name}: {self.kind}{size}"


def look_again(connection: Connection) -> None:
    """What is read next is new: somebody may have made a table or column a moment ago."""
    forget(f"{connection.sales_api_url}:")
    forget(f"{connection.business_central_root}:")


def business_central_tables(connection: Connection) -> list[TableChoice]:
    """Entity sets with an id and a time stamp that no mapping uses yet, the standard API's first.

    Raises RemoteError.
    """
    client = business_central_client(connection, patience=INTERACTIVE)
    taken = set(connection.mappings.values_list("business_central_table", flat=True))
    found = []
    for service in (Service.API, Service.COMPANION):
        for name, properties in sorted(client.tables(service).items()):
            if KEY in properties and STAMP in properties and name not in taken:
                found.append(TableChoice(name, spaced(name), service=str(service)))
                taken.add(name)
    return found


def sales_tables(connection: Connection) -> list[TableChoice]:
    """Tables that no mapping uses yet and whose changes can be followed. Raises RemoteError."""
    client = sales_client(connection, patience=INTERACTIVE)
    taken = set(connection.mappings.exclude(kind=MappingKind.OPTION).values_list("sales_table", flat=True))
    labels = client.labels()
    found = [
        TableChoice(table, labels.get(table) or info.entity, entity=info.entity)
        for table, info in client.tables().items()
        if table not in taken and info.change_tracking and info.primary_id
    ]
    return sorted(found, key=lambda choice: (choice.label.lower(), choice.name))


def business_central_columns(mapping: TableMapping) -> list[ColumnChoice]:
    """Properties of the mapping's Business Central table. Raises RemoteError."""
    client = business_central_client(mapping.connection, patience=INTERACTIVE)
    table = mapping.business_central_table
    properties = client.tables(Service(mapping.business_central_service)).get(table, {})
    found = []
    for name, described in properties.items():
        known = bc_property(table, name)
        kind = known.kind if known else kind_of_edm(described["type"])
        length = described.get("length") or (known.length if known else None)
        writable = known.on_create or known.on_update if known else name not in (KEY, STAMP)
        found.append(ColumnChoice(name, spaced(name), kind, length, writable))
    return found


def sales_columns(mapping: TableMapping) -> list[ColumnChoice]:
    """Columns of the mapping's Sales table, by their names for people. Raises RemoteError."""
    client = sales_client(mapping.connection, patience=INTERACTIVE)
    found = []
    for column in client.columns(mapping.sales_entity):
        known = sales_attribute(mapping.sales_entity, column.name)
        kind = known.kind if known else kind_of_column(column.type)
        found.append(ColumnChoice(column.name, column.label, kind, column.length, column.creatable or column.updatable))
    return sorted(found, key=lambda choice: choice.label.lower())


def describe_unknown(field: FieldMapping) -> None:
    """Notes kind and length of the sides that the standard products have not. Raises RemoteError."""
    mapping = field.mapping
    table = field.business_central_service or mapping.business_central_table
    name = field.business_central_property
    field.business_central_definition = {}
    if name and bc_property(table, name) is None:
        field.business_central_definition = _definition(business_central_columns(mapping), name)
    field.sales_definition = {}
    if field.sales_attribute and sales_attribute(mapping.sales_entity, field.sales_attribute) is None:
        field.sales_definition = _definition(sales_columns(mapping), field.sales_attribute)


def _definition(columns: list[ColumnChoice], name: str) -> dict[str, Any]:
    column = next((column for column in columns if column.name == name), None)
    return {"kind": str(column.kind), "length": column.length} if column else {}


def compatible(bc: ValueKind, sales: ValueKind) -> bool:
    """Whether values of one kind can stand for the other's: equal kinds, text with text, numbers with numbers."""
    return any(bc in family and sales in family for family in _FAMILIES)


def mappable(columns: Iterable[ColumnChoice]) -> list[ColumnChoice]:
    return [column for column in columns if column.kind in MAPPABLE]


def suggested_pairs(
    bc: Iterable[ColumnChoice], sales: Iterable[ColumnChoice]
) -> list[tuple[ColumnChoice, ColumnChoice]]:
    """Columns of both sides that are called alike and hold alike; each is used once."""
    free = {column.name: column for column in mappable(sales) if column.writable}
    pairs = []
    for column in mappable(bc):
        if column.name in (KEY, STAMP):
            continue
        alike = (other for other in free.values() if compatible(column.kind, other.kind) and _alike(column, other))
        if other := next(alike, None):
            pairs.append((column, free.pop(other.name)))
    return pairs


def spaced(name: str) -> str:
    """`"paymentMethods"` → `"Payment methods"`."""
    text = " ".join(_WORD.findall(name)) or name
    return text[:1].upper() + text[1:].lower()


def _alike(bc: ColumnChoice, sales: ColumnChoice) -> bool:
    return _plain(bc.name) in {_plain(sales.label), essence(sales.name)}


def essence(name: str) -> str:
    """A column's name without its publisher's prefix, capitals and signs."""
    return _plain(name.partition("_")[2] or name)


def _plain(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    return _SAME_WORDS.get(plain, plain)
