"""Dataverse tables as frozen dataclasses; `sandbox.definitions.dataverse_source` reads the standard ones from JSON.

The same classes describe custom tables and columns that clients add at run time, so everything that reads definitions
treats both alike.
"""

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from sandbox.storage import Kind

_NAMESPACE = uuid.UUID("70000000-0000-4000-8000-00000000da7a")

AttributeType = Literal[
    "string",
    "memo",
    "integer",
    "bigint",
    "picklist",
    "multiselect",
    "state",
    "status",
    "boolean",
    "money",
    "decimal",
    "double",
    "datetime",
    "uniqueidentifier",
    "entityname",
    "lookup",
    "customer",
    "owner",
    "file",
]
LOOKUP_TYPES = ("lookup", "customer", "owner")
OPTION_TYPES = ("picklist", "state", "status")

MONEY_SCALE = 4
EXCHANGE_RATE_SCALE = 10
_KINDS: dict[str, Kind] = {
    "string": "text",
    "memo": "text",
    "entityname": "text",
    "multiselect": "text",
    "integer": "integer",
    "bigint": "integer",
    "picklist": "integer",
    "state": "integer",
    "status": "integer",
    "boolean": "boolean",
    "money": "decimal",
    "decimal": "decimal",
    "double": "real",
    "uniqueidentifier": "guid",
    "lookup": "guid",
    "customer": "guid",
    "owner": "guid",
    "file": "guid",
}

TABLE_SUFFIX = "__table"
"""Polymorphic lookups have a second storage column with the logical name of the table they point to."""


def metadata_id(*names: str) -> str:
    """The same id for the same piece of metadata in every sandbox."""
    return str(uuid.uuid5(_NAMESPACE, ":".join(names)))


DEFAULT_FILE_KB = 32 * 1024


def file_name_column(name: str) -> str:
    """The read-only column beside a file column that shows the name of its file."""
    return f"{name}_name"


@dataclass(frozen=True, slots=True)
class Option:
    value: int
    label: str


@dataclass(frozen=True, slots=True)
class Target:
    """One table a lookup can point to, with the navigation property that leads there."""

    table: str
    nav: str


@dataclass(frozen=True)
class Attribute:
    """One column. ``required``: system is enforced on create, application only by forms, server_filled never
    missing."""

    name: str
    type: AttributeType
    label: str = ""
    schema_name: str = ""
    max_length: int | None = None
    required: str = "none"
    create: bool = True
    update: bool = True
    default: Any = None
    options: tuple[Option, ...] = ()
    option_set: str | None = None
    labels: tuple[str, str] = ("No", "Yes")
    targets: tuple[Target, ...] = ()
    precision: int | None = None
    precision_source: int = 2
    minimum: float | None = None
    maximum: float | None = None
    behavior: str = "UserLocal"
    format: str | None = None
    calculated: bool = False
    base_currency: bool = False
    provided_by: str | None = None
    primary_id: bool = False
    primary_name: bool = False
    custom: bool = False
    attribute_of: str | None = None
    """The column that this one only says more about."""

    @cached_property
    def is_lookup(self) -> bool:
        return self.type in LOOKUP_TYPES

    @cached_property
    def polymorphic(self) -> bool:
        return len(self.targets) > 1

    @cached_property
    def date_only(self) -> bool:
        return self.type == "datetime" and self.behavior == "DateOnly"

    @cached_property
    def property(self) -> str:
        """The name on the wire: lookups read as ``_<name>_value``."""
        return f"_{self.name}_value" if self.is_lookup else self.name

    @cached_property
    def kind(self) -> Kind:
        if self.type == "datetime":
            return "date" if self.date_only else "datetime"
        return _KINDS[self.type]

    @cached_property
    def scale(self) -> int:
        """Decimal digits kept in storage."""
        if self.type == "money":
            return MONEY_SCALE
        return min(self.precision if self.precision is not None else 10, EXCHANGE_RATE_SCALE)

    @cached_property
    def option_labels(self) -> dict[int, str]:
        return {option.value: option.label for option in self.options}


@dataclass(frozen=True, slots=True)
class State:
    value: int
    label: str
    statuses: tuple[Option, ...]
    default_status: int


@dataclass(frozen=True)
class StateModel:
    """``transitions``: allowed (from, to) pairs by PATCH; everything else needs an action or does not exist."""

    initial_state: int
    initial_status: int
    states: tuple[State, ...]
    transitions: frozenset[tuple[int, int]]

    @cached_property
    def by_value(self) -> dict[int, State]:
        return {state.value: state for state in self.states}

    @cached_property
    def state_of_status(self) -> dict[int, int]:
        return {status.value: state.value for state in self.states for status in state.statuses}


@dataclass(frozen=True, slots=True)
class AlternateKey:
    name: str
    attributes: tuple[str, ...]
    schema_name: str = ""
    label: str = ""
    active: bool = True
    """False when rows with equal values exist, so that the platform could not build the index."""


@dataclass(frozen=True, eq=False)
class Table:
    logical_name: str
    schema_name: str
    entity_set: str
    object_type_code: int
    primary_id: str
    primary_name: str | None
    ownership: str
    attributes: dict[str, Attribute]
    state: StateModel | None = None
    change_tracking: bool = False
    messages: tuple[str, ...] = ()
    """Empty: everything is allowed."""
    keys: tuple[AlternateKey, ...] = ()
    provided_by: str | None = None
    intersect: bool = False
    custom: bool = False
    label: str = ""
    collection_label: str = ""
    defined_at_version: int = 0
    """Row version of the last change to the definition: older change-tracking links have expired."""

    @cached_property
    def storage(self) -> str:
        return f"sales_{self.entity_set}"

    @cached_property
    def by_property(self) -> dict[str, Attribute]:
        return {attribute.property: attribute for attribute in self.attributes.values()}

    @cached_property
    def navigation(self) -> dict[str, tuple[Attribute, Target]]:
        """Single-valued navigation properties: name to (lookup column, the target it selects). An owner has one name
        for two targets; its entry names the first."""
        found: dict[str, tuple[Attribute, Target]] = {}
        for attribute in self.attributes.values():
            for target in attribute.targets:
                found.setdefault(target.nav, (attribute, target))
        return found

    @cached_property
    def money_pairs(self) -> list[tuple[Attribute, str]]:
        """Money columns with the name of the column that repeats them in the base currency."""
        return [
            (attribute, f"{attribute.name}_base")
            for attribute in self.attributes.values()
            if attribute.type == "money" and f"{attribute.name}_base" in self.attributes
        ]

    @cached_property
    def defaults(self) -> list[tuple[str, Any]]:
        """Values of columns that a create leaves out; booleans without a default are false."""
        found: list[tuple[str, Any]] = []
        for attribute in self.attributes.values():
            if attribute.default is not None:
                found.append((attribute.name, attribute.default))
            elif attribute.type == "boolean":
                found.append((attribute.name, False))
        return found

    @cached_property
    def required_on_create(self) -> list[str]:
        """Columns the server insists on, after it has filled in what it fills."""
        return [
            attribute.name
            for attribute in self.attributes.values()
            if attribute.required == "system" and attribute.create and attribute.type not in ("state", "status")
        ]

    def allows(self, message: str) -> bool:
        return not self.messages or message in self.messages


@dataclass(frozen=True, slots=True)
class Relationship:
    """One-to-many: deleting a row of ``one`` does ``on_delete`` (Cascade, RemoveLink, Restrict) to its ``many``."""

    name: str
    one: str
    many: str
    column: str
    nav_on_many: str
    nav_on_one: str
    on_delete: str
    custom: bool = False
    menu_label: str = ""
    """How the many side is called in the menu of the one side; empty: by its own name."""


@dataclass(frozen=True, slots=True)
class ManyToMany:
    name: str
    intersect: str
    first: str
    first_column: str
    second: str
    second_column: str


@dataclass(frozen=True, slots=True)
class Definitions:
    tables: tuple[Table, ...]
    relationships: tuple[Relationship, ...]
    many_to_many: tuple[ManyToMany, ...]
