"""What is known of the properties of both systems without asking: kinds, lengths, scales, when a value is accepted.

`defaults/properties.json` describes the standard entity sets of Business Central (API v2.0, the companion's pages, the
page services) and the tables of Dynamics 365 Sales. Properties that a customer added are not in it; callers treat
those as text of any length and let the system itself refuse what does not fit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "defaults" / "properties.json"


class ValueKind(StrEnum):
    """How a value is written, compared and converted; both systems' types come down to these."""

    TEXT = "text"
    CODE = "code"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    ENUM = "enum"
    CHOICE = "choice"
    GUID = "guid"
    LOOKUP = "lookup"
    STREAM = "stream"
    COMPLEX = "complex"


class Access(StrEnum):
    """When the system accepts a value."""

    ALWAYS = "always"
    CREATE = "create"
    UPDATE = "update"
    READ = "read"


_EDM_KINDS = {
    "Edm.String": ValueKind.TEXT,
    "Edm.Int16": ValueKind.INTEGER,
    "Edm.Int32": ValueKind.INTEGER,
    "Edm.Int64": ValueKind.INTEGER,
    "Edm.Decimal": ValueKind.DECIMAL,
    "Edm.Double": ValueKind.DECIMAL,
    "Edm.Boolean": ValueKind.BOOLEAN,
    "Edm.Date": ValueKind.DATE,
    "Edm.DateTimeOffset": ValueKind.DATETIME,
    "Edm.Guid": ValueKind.GUID,
    "Edm.Stream": ValueKind.STREAM,
    "enum": ValueKind.ENUM,
}

_COLUMN_KINDS = {
    # Dataverse's attribute types.
    "String": ValueKind.TEXT,
    "Memo": ValueKind.TEXT,
    "Integer": ValueKind.INTEGER,
    "BigInt": ValueKind.INTEGER,
    "Decimal": ValueKind.DECIMAL,
    "Double": ValueKind.DECIMAL,
    "Money": ValueKind.DECIMAL,
    "Boolean": ValueKind.BOOLEAN,
    "DateTime": ValueKind.DATETIME,
    "Picklist": ValueKind.CHOICE,
    "State": ValueKind.CHOICE,
    "Status": ValueKind.CHOICE,
    "Lookup": ValueKind.LOOKUP,
    "Customer": ValueKind.LOOKUP,
    "Owner": ValueKind.LOOKUP,
    "Uniqueidentifier": ValueKind.GUID,
}


def kind_of_edm(name: str) -> ValueKind:
    """Kind of a property by its type in Business Central's metadata."""
    return _EDM_KINDS.get(name, ValueKind.COMPLEX)


def kind_of_column(name: str, default: ValueKind = ValueKind.COMPLEX) -> ValueKind:
    """Kind of a Sales column by its attribute type."""
    return _COLUMN_KINDS.get(name, default)


@dataclass(frozen=True, slots=True)
class PropertyDefinition:
    """`length` in characters, `scale` in decimal places; None where the system sets no limit we know of. `required`: a
    new record needs a value, and the system puts none there by itself."""

    kind: ValueKind = ValueKind.TEXT
    length: int | None = None
    scale: int | None = None
    access: Access = Access.ALWAYS
    required: bool = False
    targets: tuple[str, ...] = ()

    @property
    def on_create(self) -> bool:
        return self.access in (Access.ALWAYS, Access.CREATE)

    @property
    def on_update(self) -> bool:
        return self.access in (Access.ALWAYS, Access.UPDATE)


def bc_property(table: str, name: str) -> PropertyDefinition | None:
    """Definition of a property of an entity set or page service; None when the standard product has no such one."""
    return _definitions("business_central").get(table, {}).get(name)


def sales_attribute(entity: str, name: str) -> PropertyDefinition | None:
    """Definition of a column of a table (logical names); None when the standard product has no such one."""
    return _definitions("sales").get(entity, {}).get(name)


def bc_properties(table: str) -> Mapping[str, PropertyDefinition]:
    """All known properties of an entity set; empty for an unknown one."""
    return _definitions("business_central").get(table, {})


def sales_attributes(entity: str) -> Mapping[str, PropertyDefinition]:
    """All known columns of a table; empty for an unknown one."""
    return _definitions("sales").get(entity, {})


@cache
def _definitions(system: str) -> Mapping[str, Mapping[str, PropertyDefinition]]:
    document: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return {
        table: {name: definition_from(row) for name, row in properties.items()}
        for table, properties in document[system].items()
    }


def definition_from(row: Mapping[str, Any]) -> PropertyDefinition:
    """A definition as `properties.json` and field mappings of one's own store it: `{"kind": "text", "length": 50}`."""
    return PropertyDefinition(
        kind=ValueKind(row["kind"]),
        length=row.get("length"),
        scale=row.get("scale"),
        access=Access(row.get("access", Access.ALWAYS)),
        required=bool(row.get("required", False)),
        targets=tuple(row.get("targets", ())),
    )
