"""A mapping compiled for the pure part of the engine: what is compared, how, and which way it may travel.

`Blueprint.compile` reads the models once per slice; everything after it works on frozen values, so that a decision
depends on nothing but its arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.choices import Direction, OwnershipModel, System
from connector.models import Connection
from coupling.choices import DeletionConflict, MappingKind, UpdateConflict
from coupling.definitions import (
    ValueKind,
    bc_property,
    definition_from,
    kind_of_column,
    sales_attribute,
)
from coupling.filters import filter_properties
from coupling.models import FieldMapping, RecordTemplate, TableMapping
from coupling.services.transformations import steps_of
from coupling.transformations import Step
from syncjobs.engine.convert import Converter, FieldContext, converter_for, transformation_names
from syncjobs.engine.convert.references import OptionConverter, ReferenceConverter
from syncjobs.engine.convert.rules import RuleConverter
from syncjobs.engine.results import SKIP, Problem
from syncjobs.engine.states import AccountStateConverter, ProductStateConverter

MARKED_TABLES = frozenset(
    {"account", "contact", "product", "pricelevel", "opportunity", "quote", "salesorder", "invoice"}
)
"""Tables whose rows say which Business Central company they belong to, where the Microsoft solution is installed."""

OWNED_TABLES = frozenset({"account", "contact", "opportunity", "salesorder", "quote", "invoice"})
"""Tables whose rows belong to a user or a team."""

COMPANY_READ = "_bcbi_companyid_value"
COMPANY_WRITE = "bcbi_CompanyId@odata.bind"
OWNER_WRITE = "ownerid@odata.bind"

_CALCULATED = {"SALESORDER-ORDER": frozenset({"totalamountlessfreight", "totalamount", "discountamount"})}
"""Amounts that Sales works out by itself from lines and discounts, which the documents' part carries."""


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field mapping, ready to use.

    `bc_name` and `sales_name` are the names of the mirrored values, blank for a constant; `sales_write` is the name in
    a request. `to_sales` and `to_bc` say which way the mapping and the field allow; `on_create`/`on_update` what the
    target accepts.
    """

    field_id: int
    label: str
    bc_name: str
    bc_service: str
    sales_name: str
    sales_write: str
    sales_attribute: str
    target_set: str
    to_sales: bool
    to_bc: bool
    converter: Converter
    bc_on_create: bool = True
    bc_on_update: bool = True
    sales_on_create: bool = True
    sales_on_update: bool = True
    constant: Any = None
    not_null: bool = False
    clear_on_failure: bool = False
    conflict: str = ""
    """The field's own conflict policy; blank where the mapping's holds."""
    beyond_filter: bool = False
    """Goes on travelling from a row that is outside the mapping's filter."""

    @property
    def two_way(self) -> bool:
        return self.to_sales and self.to_bc

    @property
    def name(self) -> str:
        """What choices and previews call the field: the BC property, or the Sales attribute where there is none."""
        return self.bc_name or self.sales_attribute

    def for_sales(self, bc_row: Mapping[str, Any], sales_row: Mapping[str, Any], lookups: Any) -> Any:
        """The value Sales would be sent: a value, SKIP or a Problem."""
        if self.constant is not None:
            return self.constant
        target = sales_row.get(self.sales_name)
        value = self.converter.to_sales(bc_row.get(self.bc_name), bc_row, target, lookups)
        if isinstance(value, Problem) and self.clear_on_failure:
            return self.converter.sales_blank
        return SKIP if value is None and self.not_null else value

    def for_bc(self, bc_row: Mapping[str, Any], sales_row: Mapping[str, Any], lookups: Any) -> Any:
        """The value Business Central would be sent: a value, SKIP or a Problem."""
        if self.constant is not None:
            return self.constant
        target = bc_row.get(self.bc_name)
        value = self.converter.to_bc(sales_row.get(self.sales_name), sales_row, target, lookups)
        if isinstance(value, Problem) and self.clear_on_failure:
            return self.converter.bc_blank
        return SKIP if self.not_null and value == self.converter.bc_blank else value

    def sales_body_value(self, value: Any) -> Any:
        """The form of a value in a request to Sales; a lookup is bound by address."""
        return f"/{self.target_set}({value})" if self.target_set and value else value


@dataclass(frozen=True, slots=True)
class Facts:
    """What the engine knows of the connection."""

    connection_id: int
    slug: str
    local_currency: str
    base_currency: str
    base_currency_key: str
    base_precision: int | None
    company_row: str
    owning_team: str
    person_ownership: bool
    unit_groups: bool = True
    write_in_product: str = ""
    write_in_product_type: str = ""

    @classmethod
    def of(cls, connection: Connection) -> Facts:
        def key(value: Any) -> str:
            return str(value).lower() if value else ""

        return cls(
            connection_id=connection.pk,
            slug=connection.slug,
            local_currency=connection.local_currency_code.upper(),
            base_currency=connection.base_currency.upper(),
            base_currency_key=key(connection.base_currency_id),
            base_precision=connection.base_currency_precision,
            company_row=key(connection.company_row_id),
            owning_team=key(connection.owning_team_id),
            person_ownership=connection.ownership_model == OwnershipModel.PERSON,
            unit_groups=connection.unit_group_mapping,
            write_in_product=connection.write_in_product_no,
            write_in_product_type=connection.write_in_product_type,
        )


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A compiled table mapping. Filters and templates stay text: the database evaluates them."""

    mapping_id: int
    name: str
    kind: MappingKind
    bc_table: str
    sales_table: str
    sales_entity: str
    sales_primary_key: str
    direction: Direction
    fields: tuple[FieldSpec, ...]
    only_coupled: bool
    merge_fields: bool
    update_policy: UpdateConflict
    deletion_policy: DeletionConflict
    bc_filter: str
    sales_filter: str
    templates: Mapping[System, tuple[tuple[str, Mapping[str, Any]], ...]]
    facts: Facts
    carries_marker: bool
    targets: frozenset[System] = field(default_factory=frozenset)

    @classmethod
    def compile(
        cls,
        mapping: TableMapping,
        fields: Iterable[FieldMapping],
        templates: Iterable[RecordTemplate],
        connection: Connection,
    ) -> Blueprint:
        """Compiles the enabled and available fields. Raises KeyError for an unknown transformation.

        One query more where a field names a rule of one's own.
        """
        direction = Direction(mapping.direction)
        facts = Facts.of(connection)
        calculated = _CALCULATED.get(mapping.name, frozenset())
        rows = [row for row in fields if row.enabled and row.available and row.sales_attribute not in calculated]
        own = {row.transformation for row in rows} - {"", *transformation_names()}
        rules = steps_of(connection, own) if own else {}
        specs = (_compile_field(mapping, row, direction, rules) for row in rows)
        by_system: dict[System, list[tuple[str, Mapping[str, Any]]]] = {system: [] for system in System}
        for template in sorted(templates, key=lambda row: (row.priority, row.pk or 0)):
            by_system[System(template.system)].append((template.filter, template.values))
        return cls(
            mapping_id=mapping.pk,
            name=mapping.name,
            kind=MappingKind(mapping.kind),
            bc_table=mapping.business_central_table,
            sales_table=mapping.sales_table,
            sales_entity=mapping.sales_entity,
            sales_primary_key=mapping.sales_primary_key,
            direction=direction,
            fields=(*(spec for spec in specs if spec is not None), *_state_fields(mapping, direction)),
            only_coupled=mapping.synch_only_coupled_records,
            merge_fields=mapping.merge_fields,
            update_policy=UpdateConflict(mapping.update_conflict_resolution),
            deletion_policy=DeletionConflict(mapping.deletion_conflict_resolution),
            bc_filter=mapping.business_central_filter,
            sales_filter=mapping.sales_filter,
            templates={system: tuple(rows) for system, rows in by_system.items()},
            facts=facts,
            carries_marker=bool(facts.company_row) and mapping.sales_entity in MARKED_TABLES,
            targets=direction.targets,
        )

    @classmethod
    def of(cls, mapping: TableMapping) -> Blueprint:
        """Compiles a mapping with what it holds in the database: two queries."""
        return cls.compile(mapping, mapping.fields.all(), mapping.templates.all(), mapping.connection)

    def beyond_filter(self) -> Blueprint | None:
        """The same mapping with what still travels from a row outside the filter; None where nothing does."""
        fields = tuple(spec for spec in self.fields if spec.beyond_filter)
        return replace(self, fields=fields) if fields else None

    def limited_to(self, direction: Direction | str) -> Blueprint:
        """The same mapping in a run that writes to fewer systems."""
        return replace(self, targets=self.direction.targets & Direction(direction).targets)

    @property
    def filter_parameters(self) -> Mapping[str, Any]:
        return {"company_row_id": self.facts.company_row or None}

    @property
    def reference_fields(self) -> tuple[FieldSpec, ...]:
        return tuple(spec for spec in self.fields if isinstance(spec.converter, ReferenceConverter))

    @property
    def option_columns(self) -> frozenset[tuple[str, str]]:
        return frozenset(spec.converter.column for spec in self.fields if isinstance(spec.converter, OptionConverter))

    def properties(self, system: System) -> frozenset[str]:
        """Properties of the mapping's own table that fields, the filter, templates and the marker look at."""
        if system == System.BUSINESS_CENTRAL:
            found = {spec.bc_name for spec in self.fields if not spec.bc_service}
        else:
            found = {spec.sales_name for spec in self.fields}
        found |= filter_properties(self.bc_filter if system == System.BUSINESS_CENTRAL else self.sales_filter)
        for text, _ in self.templates[system.other]:
            found |= filter_properties(text)
        if system == System.SALES and self.carries_marker:
            found.add(COMPANY_READ)
        return frozenset(found - {""})


def _compile_field(
    mapping: TableMapping, row: FieldMapping, mapping_direction: Direction, rules: Mapping[str, tuple[Step, ...]]
) -> FieldSpec | None:
    """None for a field that nothing could ever be written through."""
    bc_table = row.business_central_service or mapping.business_central_table
    bc = bc_property(bc_table, row.business_central_property) or definition_from(
        row.business_central_definition or {"kind": ValueKind.TEXT}
    )
    sales = sales_attribute(mapping.sales_entity, row.sales_attribute) or definition_from(
        row.sales_definition or {"kind": kind_of_column(row.sales_type, ValueKind.TEXT)}
    )
    targets = Direction(row.direction).targets & mapping_direction.targets
    is_constant = bool(row.constant_value)
    to_sales = System.SALES in targets and (sales.on_create or sales.on_update) and bool(row.sales_attribute)
    to_bc = (
        System.BUSINESS_CENTRAL in targets and (bc.on_create or bc.on_update) and bool(row.business_central_property)
    )
    if not (to_sales or to_bc):
        return None
    converter = (
        Converter()
        if is_constant
        else converter_for(
            "" if row.transformation in rules else row.transformation,
            FieldContext(
                mapping=mapping.name,
                bc_table=bc_table,
                bc_property=row.business_central_property,
                bc=bc,
                sales_entity=mapping.sales_entity,
                sales_attribute=row.sales_attribute,
                sales=sales,
            ),
        )
    )
    if row.transformation in rules:
        converter = RuleConverter(converter, rules[row.transformation], towards_sales=to_sales)
    lookup: Mapping[str, str] = row.sales_lookup or {}
    return FieldSpec(
        field_id=row.pk or 0,
        label=row.business_central_label or row.business_central_property or row.sales_attribute,
        bc_name=row.business_central_property,
        bc_service=row.business_central_service,
        sales_name=lookup.get("read") or row.sales_attribute,
        sales_write=lookup.get("write") or row.sales_attribute,
        sales_attribute=row.sales_attribute,
        target_set=lookup.get("target_set", ""),
        to_sales=to_sales,
        to_bc=to_bc,
        converter=converter,
        bc_on_create=bc.on_create,
        # A constant names a record's kind (person contact, order document), which never changes afterwards.
        bc_on_update=bc.on_update and not is_constant and not (row.create_only and not to_sales),
        sales_on_create=sales.on_create,
        sales_on_update=sales.on_update and not (row.create_only and to_sales),
        constant=_constant(row.constant_value, sales.kind if to_sales else bc.kind) if is_constant else None,
        not_null=row.not_null,
        clear_on_failure=row.clear_value_on_failed_sync,
        conflict=row.update_conflict_resolution,
    )


def _state_fields(mapping: TableMapping, direction: Direction) -> tuple[FieldSpec, ...]:
    """States that travel like fields and are no field mappings: nobody may map them or turn them off."""
    product, customer = mapping.sales_entity == "product", mapping.business_central_table == "customers"
    if not (product or customer) or System.BUSINESS_CENTRAL not in direction.targets:
        return ()
    name = "blocked" if bc_property(mapping.business_central_table, "blocked") else "Blocked"
    return (
        FieldSpec(
            field_id=0,
            label="Blocked",
            bc_name=name,
            bc_service="",
            sales_name="statecode",
            sales_write="statecode",
            sales_attribute="statecode",
            target_set="",
            to_sales=System.SALES in direction.targets,
            to_bc=True,
            converter=ProductStateConverter() if product else AccountStateConverter(),
            beyond_filter=True,
            bc_on_create=False,
            sales_on_create=False,
            sales_on_update=False,
        ),
    )


def _constant(text: str, kind: ValueKind) -> Any:
    """A constant in the type of the property it is written to."""
    if kind is ValueKind.BOOLEAN:
        return text.lower() == "true"
    if kind in (ValueKind.CHOICE, ValueKind.INTEGER, ValueKind.DECIMAL) and text.lstrip("-").isdigit():
        return int(text)
    return text


__all__ = [
    "COMPANY_READ",
    "COMPANY_WRITE",
    "MARKED_TABLES",
    "OWNED_TABLES",
    "OWNER_WRITE",
    "Blueprint",
    "Facts",
    "FieldSpec",
]
