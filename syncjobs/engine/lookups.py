"""Answers to "what is this record called on the other side?", loaded for a whole slice before anything is decided.

First the pairs of the slice say what they will ask for (`want_number`, `want_key`, filled by the converters), then
`load` fetches it with one query per kind of reference, and from then on the object is a plain dictionary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection as database

from connector.models import Connection
from coupling.models import BusinessCentralRecord, OptionMapping, SalesRecord, TableMapping
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.references import Role

Column = tuple[str, str]
"""Logical name of a table and of its choice column."""


@dataclass(slots=True)
class OptionTable:
    """The coupled options of one choice column."""

    noun: str
    mapping: str
    value_by_id: dict[str, int] = field(default_factory=dict)
    value_by_code: dict[str, int] = field(default_factory=dict)
    reference_by_value: dict[int, tuple[str, str]] = field(default_factory=dict)
    code_by_id: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Lookups:
    """References of a slice. Numbers are upper case, keys lower-case GUID texts."""

    local_currency: str = ""
    local_currency_key: str = ""
    owning_team: str = ""
    options: dict[Column, OptionTable] = field(default_factory=dict)
    company_contacts: set[str] = field(default_factory=set)
    extra: dict[str, Any] = field(default_factory=dict)
    """What a table's own rule loaded, under the rule's names."""
    _by_number: dict[Role, dict[str, str]] = field(default_factory=dict)
    _by_key: dict[Role, dict[str, str]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _wanted_numbers: dict[Role, set[str]] = field(default_factory=dict)
    _wanted_keys: dict[Role, set[str]] = field(default_factory=dict)

    def want_number(self, role: Role, number: str) -> None:
        self._wanted_numbers.setdefault(role, set()).add(number)

    def want_key(self, role: Role, key: str) -> None:
        self._wanted_keys.setdefault(role, set()).add(key)

    def wanted(self, role: Role) -> tuple[set[str], set[str]]:
        return self._wanted_numbers.get(role, set()), self._wanted_keys.get(role, set())

    @property
    def wanted_roles(self) -> set[Role]:
        return set(self._wanted_numbers) | set(self._wanted_keys)

    def add(self, role: Role, number: str, key: str) -> None:
        """A coupled pair; the first one that is added for a number or key stays."""
        self._by_number.setdefault(role, {}).setdefault(number.strip().upper(), key.lower())
        self._by_key.setdefault(role, {}).setdefault(key.lower(), number)

    def add_name(self, key: str, name: str) -> None:
        self._names[key.lower()] = name

    def sales_key(self, role: Role, number: str) -> str | None:
        return self._by_number.get(role, {}).get(number)

    def number(self, role: Role, key: str) -> str | None:
        return self._by_key.get(role, {}).get(key)

    def sales_name(self, role: Role, key: str) -> str | None:
        """What people call an uncoupled Sales row."""
        return self._names.get(key)

    def option_value(self, column: Column, reference: str) -> int | None:
        table = self.options.get(column)
        if table is None:
            return None
        value = table.value_by_id.get(reference)
        return value if value is not None else table.value_by_code.get(reference)

    def option_reference(self, column: Column, value: int, *, by_id: bool) -> str | None:
        table = self.options.get(column)
        found = table.reference_by_value.get(value) if table else None
        return None if found is None else found[0 if by_id else 1]

    def option_code(self, column: Column, reference: str) -> str:
        """The code behind an id, where the mirror knows it."""
        table = self.options.get(column)
        return table.code_by_id.get(reference, reference) if table else reference

    def option_noun(self, column: Column) -> tuple[str, str]:
        table = self.options.get(column)
        return (table.noun, table.mapping) if table else ("code", "the option mapping")


def lookups_of(blueprint: Blueprint) -> Lookups:
    """Empty lookups of a connection, to be filled by wants and `load`."""
    return Lookups(local_currency=blueprint.facts.local_currency, owning_team=blueprint.facts.owning_team)


def want_pair(blueprint: Blueprint, lookups: Lookups, bc_row: Mapping[str, Any], sales_row: Mapping[str, Any]) -> None:
    """Notes the references of one pair. A side that does not exist is an empty row."""
    for spec in blueprint.reference_fields:
        spec.converter.wants(bc_row.get(spec.bc_name), bc_row, sales_row.get(spec.sales_name), lookups)  # type: ignore[attr-defined]


def load(blueprint: Blueprint, lookups: Lookups, connection: Connection) -> None:
    """Fetches what was wanted: one query per kind of reference, one for options, one for the local currency."""
    mappings = {row.name: row for row in TableMapping.objects.filter(connection=connection)}
    for role in lookups.wanted_roles:
        _load_role(role, lookups, mappings)
    if blueprint.option_columns:
        _load_options(blueprint.option_columns, lookups, mappings.values(), connection.pk)
    if Role.CURRENCY in {getattr(spec.converter, "role", None) for spec in blueprint.fields}:
        load_local_currency(lookups, connection)


def load_role(role: Role, lookups: Lookups, connection: Connection) -> None:
    """Fetches what was wanted of one kind of reference after everything else was loaded."""
    chosen = TableMapping.objects.filter(connection=connection, name__in=role.mappings)
    _load_role(role, lookups, {row.name: row for row in chosen})


_REFERENCES = """
    SELECT {number}, c.sales_key, c.mapping_id
      FROM coupling_businesscentralrecord b
      JOIN coupling_coupling c ON c.connection_id = b.connection_id AND c.bc_table = b."table" AND c.bc_key = b.key
     WHERE b.connection_id = %(connection)s AND b."table" = ANY(%(tables)s) AND {number_filter}
       AND c.mapping_id = ANY(%(mappings)s) AND c.missing = ''
    UNION ALL
    SELECT {number}, c.sales_key, c.mapping_id
      FROM coupling_coupling c
      JOIN coupling_businesscentralrecord b
        ON b.connection_id = c.connection_id AND b."table" = c.bc_table AND b.key = c.bc_key
     WHERE c.mapping_id = ANY(%(mappings)s) AND c.sales_key = ANY(%(keys)s::uuid[]) AND c.missing = ''
"""
_BY_NUMBER = ("b.number", "b.number = ANY(%(numbers)s)")
_UNIT_OWNER = (
    "coalesce(b.values->>'itemNumber', b.values->>'resourceNumber', b.values->>'Item_No', b.values->>'Resource_No')"
)
_UNIT_CODE = "coalesce(b.values->>'code', b.values->>'Code')"
_BY_OWNER_AND_CODE = (
    f"{_UNIT_OWNER} || ' ' || {_UNIT_CODE}",
    f"upper({_UNIT_OWNER} || ' ' || {_UNIT_CODE}) = ANY(%(numbers)s)",
)


def _load_role(role: Role, lookups: Lookups, mappings: Mapping[str, TableMapping]) -> None:
    chosen = [mappings[name] for name in role.mappings if name in mappings]
    if not chosen or role is Role.COMPANY:
        return
    numbers, keys = lookups.wanted(role)
    number, number_filter = _BY_OWNER_AND_CODE if role is Role.UNIT else _BY_NUMBER
    precedence = {mapping.pk: position for position, mapping in enumerate(chosen)}
    with database.cursor() as cursor:
        cursor.execute(
            _REFERENCES.format(number=number, number_filter=number_filter),
            {
                "connection": chosen[0].connection_id,
                "tables": [mapping.business_central_table for mapping in chosen],
                "mappings": list(precedence),
                "numbers": sorted(numbers),
                "keys": sorted(keys),
            },
        )
        rows = sorted(cursor.fetchall(), key=lambda row: precedence[row[2]])
    for found, key, _ in rows:
        lookups.add(role, found or "", str(key))
    unknown = [key for key in keys if lookups.number(role, key) is None]
    if unknown:
        named = SalesRecord.objects.of_table(chosen[0].connection_id, chosen[0].sales_table).filter(key__in=unknown)
        for key, name in named.values_list("key", "name"):
            lookups.add_name(str(key), name)


def _load_options(
    columns: Iterable[Column], lookups: Lookups, mappings: Collection[TableMapping], connection_id: int
) -> None:
    owners: dict[int, OptionTable] = {}
    for mapping in mappings:
        mirrored = {(row["table"], row["attribute"]) for row in mapping.option_mirrors}
        own = {(mapping.sales_entity, mapping.option_attribute)} | mirrored
        for column in own.intersection(columns):
            table = owners.setdefault(
                mapping.pk, OptionTable(noun=mapping.business_central_label.lower(), mapping=mapping.name)
            )
            lookups.options[column] = table
    by_table = {mapping.business_central_table: owners[mapping.pk] for mapping in mappings if mapping.pk in owners}
    if by_table:
        # Codes that are not coupled, so that people read a code and never an id.
        codes = BusinessCentralRecord.objects.filter(connection_id=connection_id, table__in=by_table)
        for code_key, table_name, number in codes.values_list("key", "table", "number"):
            by_table[table_name].code_by_id[str(code_key)] = number
    for row in OptionMapping.objects.filter(mapping_id__in=owners):
        table, key = owners[row.mapping_id], str(row.bc_key)
        table.value_by_id[key] = row.option_value
        table.value_by_code[row.bc_code.upper()] = row.option_value
        table.reference_by_value[row.option_value] = (key, row.bc_code)
        table.code_by_id[key] = row.bc_code


def load_local_currency(lookups: Lookups, connection: Connection) -> None:
    """Finds the Sales currency with the local currency's ISO code; the base currency's own row comes first."""
    if not lookups.local_currency:
        return
    found = (
        SalesRecord.objects.of_table(connection.pk, "transactioncurrencies")
        .alive()
        .filter(number__iexact=lookups.local_currency)
        .values_list("key", flat=True)
        .first()
    )
    if found is None and connection.base_currency.upper() == lookups.local_currency:
        found = connection.base_currency_id
    lookups.local_currency_key = str(found) if found else ""
