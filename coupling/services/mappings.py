"""Changing mappings, their fields and templates, with the rules that keep a mapping runnable."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from connector.choices import Direction, System
from connector.services.audit import record_change
from coupling.choices import MappingKind
from coupling.defaults import delivered_transformations
from coupling.exceptions import MappingError
from coupling.filters import FilterError, validate_filter
from coupling.models import FieldMapping, RecordTemplate, TableMapping
from coupling.services.known import SalesColumns, business_central_names, known_names, sales_columns
from coupling.services.schema import describe_unknown

_FILTERS = {"business_central_filter": System.BUSINESS_CENTRAL, "sales_filter": System.SALES}
_TARGET_SETS = {"account": "accounts", "contact": "contacts", "systemuser": "systemusers", "team": "teams"}


@transaction.atomic
def update_mapping(*, mapping: TableMapping, changes: Mapping[str, Any], user: User | None) -> TableMapping:
    """Applies changed settings. Raises MappingError naming each refused setting."""
    errors = _mapping_errors(mapping, changes)
    if errors:
        raise MappingError("The mapping was not changed.", fields=errors)
    before = {name: getattr(mapping, name) for name in changes}
    for name, value in changes.items():
        setattr(mapping, name, value)
    mapping.save(update_fields=list(changes))
    if changes:
        record_change(
            connection=mapping.connection,
            user=user,
            action="mapping.change",
            target=mapping.name,
            before=before,
            after=dict(changes),
        )
    return mapping


def _mapping_errors(mapping: TableMapping, changes: Mapping[str, Any]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for name, system in _FILTERS.items():
        if changes.get(name) and (problem := filter_problem(mapping, system, changes[name])):
            errors[name] = [problem]
    direction = changes.get("direction")
    if direction and mapping.kind == MappingKind.OPTION and direction == Direction.BIDIRECTIONAL:
        errors["direction"] = [f"{mapping.business_central_label} can follow only one side."]
    elif direction and not _has_field_for(mapping, Direction(direction)):
        errors["direction"] = ["No enabled field mapping has this direction; change the field mappings first."]
    creates = changes.get("create_new_in_case_of_no_match")
    if creates and (direction or mapping.direction) == Direction.TO_BUSINESS_CENTRAL:
        errors["create_new_in_case_of_no_match"] = ["Sales rows are never created for a mapping from Sales."]
    elif creates and mapping.name == "SALESORDER-ORDER" and mapping.direction != Direction.BIDIRECTIONAL:
        errors["create_new_in_case_of_no_match"] = ["Orders are created by their own process only."]
    return errors


def _has_field_for(mapping: TableMapping, direction: Direction) -> bool:
    if mapping.kind == MappingKind.OPTION:
        return True
    wanted = set(Direction) if direction == Direction.BIDIRECTIONAL else {direction, Direction.BIDIRECTIONAL}
    return mapping.fields.filter(enabled=True, direction__in=wanted).exists()


def filter_problem(mapping: TableMapping, system: System, text: str) -> str:
    """Why an OData filter cannot be used for one side of the mapping; blank where it can."""
    try:
        validate_filter(text, system=system, table=mapping.table(system), known=known_names(mapping, system))
    except FilterError as error:
        return str(error)
    return ""


@transaction.atomic
def add_field(*, mapping: TableMapping, values: Mapping[str, Any], user: User | None) -> FieldMapping:
    """Adds a user-defined field mapping; disabled unless `values` say otherwise. Raises MappingError."""
    field = FieldMapping(mapping=mapping, user_defined=True, order=1000, **{"enabled": False, **values})
    columns = sales_columns(mapping)
    _check_field(field, columns)
    describe_sales_side(field, columns)
    if mapping.connection.enabled:
        describe_unknown(field)
    field.save()
    record_change(
        connection=mapping.connection,
        user=user,
        action="field.create",
        target=f"{mapping.name} {field}"[:200],
        after=dict(values),
    )
    return field


@transaction.atomic
def update_field(*, field: FieldMapping, changes: Mapping[str, Any], user: User | None) -> FieldMapping:
    """Applies changed settings of a field mapping. Raises MappingError naming each refused setting."""
    before = {name: getattr(field, name) for name in changes}
    for name, value in changes.items():
        setattr(field, name, value)
    columns = sales_columns(field.mapping) if "sales_attribute" in changes else SalesColumns()
    _check_field(field, columns, changed=frozenset(changes))
    if "sales_attribute" in changes:
        describe_sales_side(field, columns)
    if {"sales_attribute", "business_central_property"} & changes.keys() and field.mapping.connection.enabled:
        describe_unknown(field)
    field.save()
    record_change(
        connection=field.mapping.connection,
        user=user,
        action="field.change",
        target=f"{field.mapping.name} {field}"[:200],
        before=before,
        after=dict(changes),
    )
    return field


@transaction.atomic
def remove_field(*, field: FieldMapping, user: User | None) -> None:
    """Removes a field mapping; a delivered one comes back with the defaults."""
    record_change(
        connection=field.mapping.connection,
        user=user,
        action="field.delete",
        target=f"{field.mapping.name} {field}"[:200],
        before={"direction": field.direction, "enabled": field.enabled},
    )
    field.delete()


def _check_field(field: FieldMapping, columns: SalesColumns, *, changed: frozenset[str] | None = None) -> None:
    errors: dict[str, list[str]] = {}
    if field.not_null and field.clear_value_on_failed_sync:
        errors["not_null"] = ["A field is either never emptied or cleared on failure, not both."]
    if field.business_central_property and field.sales_attribute and field.constant_value:
        errors["constant_value"] = ["A constant goes to one property or column; the other side stays empty."]
    if not field.business_central_property and not field.constant_value:
        errors["business_central_property"] = ["Name a property, or give a constant value."]
    if changed is None or "business_central_property" in changed:
        known = business_central_names(field.mapping)
        if field.business_central_property and known and field.business_central_property not in known:
            errors["business_central_property"] = [
                f"{field.mapping.business_central_table} has no property “{field.business_central_property}”."
            ]
    if columns.types and field.sales_attribute and field.sales_attribute not in columns.types:
        errors["sales_attribute"] = [f"{field.mapping.sales_entity} has no column “{field.sales_attribute}”."]
    if changed is None or "transformation" in changed:
        known_rules = field.mapping.connection.transformation_rules
        named = field.transformation
        if named and named not in delivered_transformations() and not known_rules.filter(code=named).exists():
            errors["transformation"] = [f"There is no transformation rule “{named}”."]
    if errors:
        raise MappingError("The field mapping was not saved.", fields=errors)


def describe_sales_side(field: FieldMapping, columns: SalesColumns) -> None:
    """Type of the column, and how a lookup is read and bound."""
    name = field.sales_attribute
    field.sales_type = columns.types.get(name, "")
    field.sales_lookup = {}
    if columns.is_lookup(name):
        target, navigation = next(iter(columns.navigation.get(name, {}).items()), ("", name))
        field.sales_lookup = {
            "read": f"_{name}_value",
            "write": f"{navigation}@odata.bind",
            "target_set": _TARGET_SETS.get(target, f"{target}s" if target else ""),
        }


@transaction.atomic
def save_template(*, template: RecordTemplate, user: User | None) -> RecordTemplate:
    """Creates or changes a template. Raises MappingError for a filter that cannot be used."""
    source = System(template.system).other
    if template.filter and (problem := filter_problem(template.mapping, source, template.filter)):
        raise MappingError("The template was not saved.", fields={"filter": [problem]})
    created = template.pk is None
    template.save()
    record_change(
        connection=template.mapping.connection,
        user=user,
        action="template.create" if created else "template.change",
        target=f"{template.mapping.name} {template.priority}",
        after={"filter": template.filter, "values": {name: str(value) for name, value in template.values.items()}},
    )
    return template


@transaction.atomic
def remove_template(*, template: RecordTemplate, user: User | None) -> None:
    record_change(
        connection=template.mapping.connection,
        user=user,
        action="template.delete",
        target=f"{template.mapping.name} {template.priority}",
    )
    template.delete()
