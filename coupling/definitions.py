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


@dataclass(frozen=True, slots=True)
class PropertyDefinition:
    """`length` in characters, `scale` in decimal places; None where the system sets no limit we know of."""

    kind: ValueKind = ValueKind.TEXT
    length: int | None = None
    scale: int | None = None
    access: Access = Access.ALWAYS
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
        table: {name: _definition(row) for name, row in properties.items()}
        for table, properties in document[system].items()
    }


def _definition(row: Mapping[str, Any]) -> PropertyDefinition:
    return PropertyDefinition(
        kind=ValueKind(row["kind"]),
        length=row.get("length"),
        scale=row.get("scale"),
        access=Access(row.get("access", Access.ALWAYS)),
        targets=tuple(row.get("targets", ())),
    )
