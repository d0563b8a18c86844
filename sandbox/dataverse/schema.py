"""The organisation's current schema: the standard tables, minus what is not installed, plus what clients added.

A schema is a value: every metadata write makes a new one, so a request works on one consistent schema from start to
end."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sandbox.definitions.dataverse import (
    TABLE_SUFFIX,
    Attribute,
    ManyToMany,
    Relationship,
    Table,
)
from sandbox.definitions.dataverse_source import load
from sandbox.storage import Column
from sandbox.storage import Table as StorageTable

BUSINESS_CENTRAL_SOLUTION = "bc-solution"

_EXTRA_INDEXES = {
    "account": ("name", "accountnumber", "emailaddress1", "modifiedon"),
    "contact": ("fullname", "emailaddress1", "modifiedon"),
    "product": ("name", "productnumber"),
    "systemuser": ("applicationid", "internalemailaddress"),
    "sdkmessagefilter": ("primaryobjecttypecode",),
    "transactioncurrency": ("isocurrencycode",),
}


@dataclass(frozen=True, eq=False)
class Schema:
    tables: tuple[Table, ...]
    relationships: tuple[Relationship, ...]
    many_to_many: tuple[ManyToMany, ...]
    version: int = 1
    """Rises with every metadata change (the globalmetadataversion annotation)."""
    option_sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Global choices that clients made."""

    @cached_property
    def by_name(self) -> dict[str, Table]:
        return {table.logical_name: table for table in self.tables}

    @cached_property
    def by_set(self) -> dict[str, Table]:
        return {table.entity_set: table for table in self.tables}

    @cached_property
    def children(self) -> dict[str, list[Relationship]]:
        """Relationships by the table on their one side."""
        return self._grouped("one")

    @cached_property
    def parents(self) -> dict[str, list[Relationship]]:
        """Relationships by the table on their many side."""
        return self._grouped("many")

    @cached_property
    def collections(self) -> dict[str, dict[str, Relationship]]:
        """Collection-valued navigation properties by table and name."""
        return {
            name: {relationship.nav_on_one: relationship for relationship in relationships}
            for name, relationships in self.children.items()
        }

    @cached_property
    def associations(self) -> dict[str, dict[str, ManyToMany]]:
        """Many-to-many navigation properties by table and name."""
        found: dict[str, dict[str, ManyToMany]] = {}
        for item in self.many_to_many:
            found.setdefault(item.first, {})[item.name] = item
            found.setdefault(item.second, {})[item.name] = item
        return found

    def _grouped(self, side: str) -> dict[str, list[Relationship]]:
        found: dict[str, list[Relationship]] = {}
        for relationship in self.relationships:
            found.setdefault(getattr(relationship, side), []).append(relationship)
        return found

    def without_solution(self) -> "Schema":
        """The schema of an organisation in which the Business Central base solution is not installed."""
        gone = {table.logical_name for table in self.tables if table.provided_by == BUSINESS_CENTRAL_SOLUTION}
        tables = []
        for table in self.tables:
            if table.logical_name in gone:
                continue
            attributes = {
                name: attribute
                for name, attribute in table.attributes.items()
                if attribute.provided_by != BUSINESS_CENTRAL_SOLUTION
            }
            tables.append(replace(table, attributes=attributes))
        columns = {(table.logical_name, name) for table in tables for name in table.attributes}
        kept = (r for r in self.relationships if r.one not in gone and (r.many, r.column) in columns)
        return Schema(tuple(tables), tuple(kept), self.many_to_many, self.version, self.option_sets)


def standard() -> Schema:
    definitions = load()
    return Schema(definitions.tables, definitions.relationships, definitions.many_to_many)


def storage_table(table: Table, relationships: Iterable[Relationship]) -> StorageTable:
    """How a Dataverse table is stored: lookups by their logical name, polymorphic ones with a table column."""
    columns: list[Column] = []
    for attribute in table.attributes.values():
        if attribute.name == "versionnumber":
            continue
        columns.append(_column(attribute))
        if attribute.polymorphic:
            columns.append(Column(attribute.name + TABLE_SUFFIX, "text"))
    names = {column.name for column in columns}
    indexed = {relationship.column for relationship in relationships if _worth_an_index(relationship)}
    indexed.update(_EXTRA_INDEXES.get(table.logical_name, ()))
    indexed.discard(table.primary_id)
    return StorageTable(
        name=table.storage,
        columns=tuple(columns),
        primary_key=table.primary_id,
        indexes=tuple((name,) for name in sorted(indexed & names)),
        unique=tuple(key.attributes for key in table.keys if key.active),
    )


def _worth_an_index(relationship: Relationship) -> bool:
    """System columns point to a handful of rows and are never searched from the other side."""
    return relationship.column not in (
        "createdby",
        "modifiedby",
        "owninguser",
        "owningteam",
        "owningbusinessunit",
        "organizationid",
        "transactioncurrencyid",
        "ownerid",
        "preferredsystemuserid",
        "bcbi_companyid",
    )


def _column(attribute: Attribute) -> Column:
    collate = "NOCASE" if attribute.kind == "text" else None
    return Column(attribute.name, attribute.kind, collate, attribute.scale if attribute.kind == "decimal" else 5)
