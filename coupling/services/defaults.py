"""Delivered mappings of a connection: created, kept in line with its switches, and put back on request.

Loading never overrides what people changed: it adds what the switches ask for and is missing, removes delivered
mappings and fields that the switches rule out, and refreshes where Business Central serves them. Mappings and fields
that users defined are left alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from connector.choices import System
from connector.models import Connection
from connector.services.audit import record_change
from coupling.defaults import DefaultField, DefaultMapping, default_mappings, holds
from coupling.models import FieldMapping, RecordTemplate, TableMapping
from coupling.services.availability import Offer, sales_reason

_CUSTOMER, _VENDOR = 3, 11
_TEMPLATES: dict[str, tuple[System, dict[str, Any]]] = {
    # An account made from a customer or vendor has to fall inside that mapping's own filter.
    "CUSTOMER": (System.SALES, {"customertypecode": _CUSTOMER}),
    "VENDOR": (System.SALES, {"customertypecode": _VENDOR}),
}

_AVAILABILITY_ATTRIBUTE = "quantityonhand"

_SETTINGS = (
    "direction",
    "business_central_filter",
    "sales_filter",
    "synch_only_coupled_records",
    "create_new_in_case_of_no_match",
    "synch_after_bulk_coupling",
    "update_conflict_resolution",
    "deletion_conflict_resolution",
    "merge_fields",
    "enabled",
)
"""Columns of a mapping that people may change and that a reset puts back."""

_FIELD_SETTINGS = (
    "direction",
    "constant_value",
    "transformation",
    "enabled",
    "not_null",
    "clear_value_on_failed_sync",
    "used_for_matching",
    "case_sensitive",
    "match_priority",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One deviation from the delivered state. `subject` is a setting, a field pair or a template."""

    mapping: str
    subject: str
    now: Any
    delivered: Any


def switches_of(connection: Connection) -> Mapping[str, str]:
    """The connection's switches in the words of the delivered conditions."""
    return {
        "ownership_model": connection.ownership_model,
        "unit_group_mapping": "on" if connection.unit_group_mapping else "off",
        "extended_pricing": "on" if connection.extended_pricing else "off",
        "sales_order_integration": connection.sales_order_integration,
    }


def delivered(connection: Connection) -> list[DefaultMapping]:
    """Delivered mappings that the connection's switches ask for, in execution order."""
    switches = switches_of(connection)
    return [mapping for mapping in default_mappings() if holds(mapping.condition, switches)]


def coming_mappings(connection: Connection) -> dict[str, TableMapping]:
    """The delivered mappings that the values of `connection` ask for, stored or not, by name; nothing is saved."""
    wanted, offer = delivered(connection), Offer(connection)
    names = {mapping.name for mapping in wanted}
    return {
        each.name: TableMapping(connection=connection, name=each.name, **_structure(connection, each, names, offer))
        for each in wanted
    }


@transaction.atomic
def load_defaults(*, connection: Connection) -> list[TableMapping]:
    """Brings the delivered mappings of `connection` in line with its switches and what its systems offer.

    Safe to repeat. Removing a mapping removes its couplings with it, in the hub only: a switch changes only while
    nothing synchronises.
    """
    wanted = delivered(connection)
    names = {mapping.name for mapping in wanted}
    TableMapping.objects.filter(
        connection=connection, user_defined=False, name__in={mapping.name for mapping in default_mappings()} - names
    ).delete()
    existing = {mapping.name: mapping for mapping in connection.mappings.prefetch_related("fields", "templates")}
    offer = Offer(connection)
    return [_load(connection, default, existing.get(default.name), names, offer) for default in wanted]


def apply_switches(*, connection: Connection) -> list[TableMapping]:
    """After a switch of the connection changed: adds and removes what depends on it."""
    return load_defaults(connection=connection)


def _load(
    connection: Connection, default: DefaultMapping, mapping: TableMapping | None, names: set[str], offer: Offer
) -> TableMapping:
    structure = _structure(connection, default, names, offer)
    if mapping is None:
        mapping = TableMapping.objects.create(
            connection=connection, name=default.name, **structure, **_settings(default, offer)
        )
        _add_fields(mapping, _fields_of(connection, default), offer)
        _add_template(mapping)
        return mapping
    served_elsewhere = (mapping.business_central_service, mapping.business_central_table) != (
        structure["business_central_service"],
        structure["business_central_table"],
    )
    for name, value in structure.items():
        setattr(mapping, name, value)
    if served_elsewhere:
        # Property names differ between the companion's tables and the pages, and so does the filter.
        mapping.business_central_filter = _settings(default, offer)["business_central_filter"]
    mapping.save()
    _refresh_fields(connection, mapping, default, offer)
    return mapping


def _structure(connection: Connection, default: DefaultMapping, names: set[str], offer: Offer) -> dict[str, Any]:
    """Columns that follow from the delivered data and the switches, never from people."""
    choice = offer.choose_table(default)
    return {
        "kind": default.kind,
        "business_central_table": choice.route.entity_set,
        "business_central_label": default.bc_label,
        "business_central_service": choice.route.service,
        "sales_table": default.sales_table,
        "sales_entity": default.sales_entity,
        "sales_primary_key": default.sales_primary_key,
        "sales_primary_name": default.sales_primary_name,
        "option_attribute": default.option_attribute,
        "option_mirrors": [dict(mirror) for mirror in default.option_mirrors],
        "depends_on": dependencies(default, switches_of(connection), names),
        "serialised_with": [name for name in default.serialised_with if name in names],
        "order": default.order,
        "available": choice.available,
        "unavailable_reason": choice.reason,
    }


def dependencies(default: DefaultMapping, switches: Mapping[str, str], names: set[str]) -> list[str]:
    """Mappings that run before, implied ones included, those that do not exist left out."""
    stored = default.depends_on
    for condition, replacement in default.depends_on_when.items():
        if holds(condition, switches):
            stored = replacement
    return [name for name in dict.fromkeys((*stored, *default.implied_depends_on)) if name in names]


def _settings(default: DefaultMapping, offer: Offer) -> dict[str, Any]:
    return {
        "direction": default.direction,
        "business_central_filter": offer.choose_table(default).route.filter,
        "sales_filter": default.sales_filter,
        "synch_only_coupled_records": default.synch_only_coupled_records,
        "create_new_in_case_of_no_match": default.create_new_in_case_of_no_match,
        "synch_after_bulk_coupling": default.synch_after_bulk_coupling,
        "update_conflict_resolution": default.update_conflict,
        "deletion_conflict_resolution": default.deletion_conflict,
        "merge_fields": True,
        "enabled": True,
    }


def _fields_of(connection: Connection, default: DefaultMapping) -> list[DefaultField]:
    switches = switches_of(connection)
    return [field for field in default.fields if holds(field.condition, switches)]


def _field_values(default: DefaultField, mapping: TableMapping, offer: Offer) -> dict[str, Any]:
    """All columns of a delivered field mapping for where the mapping's table is served now."""
    table = next(
        route
        for route in _default(mapping).routes
        if (route.service, route.entity_set) == (mapping.business_central_service, mapping.business_central_table)
    )
    choice = offer.choose_field(default, table)
    elsewhere = choice is not None and choice.available and choice.route.entity_set != table.entity_set
    reason = sales_reason(default) or (choice.reason if choice else "")
    return {
        "business_central_property": choice.route.property if choice else "",
        "business_central_label": default.bc_label,
        "business_central_service": choice.route.entity_set if choice and elsewhere else "",
        "sales_attribute": default.sales_attribute,
        "sales_type": default.sales_type,
        "sales_lookup": dict(default.sales_lookup),
        "direction": default.direction,
        "constant_value": default.constant_value,
        "transformation": default.transformation,
        "enabled": default.enabled,
        "not_null": default.not_null,
        "clear_value_on_failed_sync": default.clear_value_on_failed_sync,
        "create_only": default.sales_access == "create-only",
        "used_for_matching": default.used_for_matching,
        "case_sensitive": False,
        "match_priority": 0,
        "available": not reason,
        "unavailable_reason": reason,
        "notes": default.notes,
        "order": default.order,
    }


def _default(mapping: TableMapping) -> DefaultMapping:
    """The delivered mapping that `mapping` came from, in the variant that the switches choose."""
    return next(default for default in delivered(mapping.connection) if default.name == mapping.name)


def _add_fields(mapping: TableMapping, defaults: Sequence[DefaultField], offer: Offer) -> None:
    FieldMapping.objects.bulk_create(
        FieldMapping(mapping=mapping, **_field_values(default, mapping, offer)) for default in defaults
    )


def _add_template(mapping: TableMapping) -> None:
    if mapping.name in _TEMPLATES:
        system, values = _TEMPLATES[mapping.name]
        RecordTemplate.objects.create(mapping=mapping, system=system, values=values)


def _identity(label: str, attribute: str, constant: str) -> tuple[str, str, bool]:
    """A constant may be another one than the delivered; that does not make it another field."""
    return label, attribute, bool(constant)


def _refresh_fields(connection: Connection, mapping: TableMapping, default: DefaultMapping, offer: Offer) -> None:
    """Adds conditional fields that became due, removes those that no longer are, refreshes where values are served.

    An unconditional field that is missing was removed by somebody and stays removed. Where the switches chose another
    variant of the mapping, all its delivered fields and settings are replaced.
    """
    wanted = {
        _identity(field.bc_label, field.sales_attribute, field.constant_value): field
        for field in _fields_of(connection, default)
    }
    ruled_out = _identities_of(default.name) - wanted.keys()
    rows = {
        _identity(row.business_central_label, row.sales_attribute, row.constant_value): row
        for row in mapping.fields.all()
        if not row.user_defined
    }
    obsolete = [row.pk for identity, row in rows.items() if identity in ruled_out]
    if obsolete and default.variant:
        mapping.fields.filter(user_defined=False).delete()
        _add_fields(mapping, list(wanted.values()), offer)
        TableMapping.objects.filter(pk=mapping.pk).update(**_settings(default, offer))
        mapping.refresh_from_db()
        return
    mapping.fields.filter(pk__in=obsolete).delete()
    kept = [(row, wanted[identity]) for identity, row in rows.items() if identity in wanted]
    for row, field in kept:
        values = _field_values(field, mapping, offer)
        for name in _SERVED:
            setattr(row, name, values[name])
    FieldMapping.objects.bulk_update([row for row, _ in kept], _SERVED)
    due = [
        field
        for identity, field in wanted.items()
        if identity not in rows and (field.condition or _is_due_again(connection, field))
    ]
    _add_fields(mapping, due, offer)


def _is_due_again(connection: Connection, field: DefaultField) -> bool:
    """Item availability is carried by this one field, so that switch brings it back even where somebody removed it."""
    return connection.synchronize_item_availability and field.sales_attribute == _AVAILABILITY_ATTRIBUTE


def _identities_of(name: str) -> set[tuple[str, str, bool]]:
    """Identities of the delivered fields of all variants of a mapping."""
    return {
        _identity(field.bc_label, field.sales_attribute, field.constant_value)
        for mapping in default_mappings()
        if mapping.name == name
        for field in mapping.fields
    }


_SERVED = (
    "business_central_property",
    "business_central_service",
    "create_only",
    "available",
    "unavailable_reason",
    "order",
)
"""Columns of a field mapping that follow from where the value is served."""


def default_differences(*, connection: Connection, names: Sequence[str] | None = None) -> list[Difference]:
    """How the delivered mappings (all, or those named) deviate from their delivered state. Three queries."""
    offer = Offer(connection)
    existing = {mapping.name: mapping for mapping in connection.mappings.prefetch_related("fields", "templates")}
    found: list[Difference] = []
    for default in delivered(connection):
        mapping = existing.get(default.name)
        if names is not None and default.name not in names:
            continue
        if mapping is None:
            found.append(Difference(default.name, "mapping", None, "present"))
            continue
        mapping.connection = connection
        settings = _settings(default, offer)
        found += [
            Difference(default.name, name, getattr(mapping, name), settings[name])
            for name in _SETTINGS
            if getattr(mapping, name) != settings[name]
        ]
        found += _field_differences(connection, mapping, default, offer)
        found += _template_differences(mapping)
    return found


def _field_differences(
    connection: Connection, mapping: TableMapping, default: DefaultMapping, offer: Offer
) -> list[Difference]:
    rows = {_identity(f.business_central_label, f.sales_attribute, f.constant_value): f for f in mapping.fields.all()}
    found = []
    for field in _fields_of(connection, default):
        values = _field_values(field, mapping, offer)
        row = rows.pop(_identity(field.bc_label, field.sales_attribute, field.constant_value), None)
        subject = f"{field.bc_label or field.constant_value} - {field.sales_attribute}"
        if row is None:
            found.append(Difference(mapping.name, subject, None, "present"))
            continue
        found += [
            Difference(mapping.name, f"{subject}: {name}", getattr(row, name), values[name])
            for name in _FIELD_SETTINGS
            if getattr(row, name) != values[name]
        ]
    found += [Difference(mapping.name, str(row), "present", None) for row in rows.values()]
    return found


def _template_differences(mapping: TableMapping) -> list[Difference]:
    wanted = [_TEMPLATES[mapping.name]] if mapping.name in _TEMPLATES else []
    now = [(template.system, template.values) for template in mapping.templates.all()]
    return [] if now == wanted else [Difference(mapping.name, "templates", len(now), len(wanted))]


@transaction.atomic
def reset_to_defaults(
    *, connection: Connection, names: Sequence[str] | None = None, user: User | None = None
) -> list[Difference]:
    """Puts delivered mappings (all, or those named), their fields and templates back; couplings stay.

    Fields that users added to a delivered mapping go, whole mappings of theirs stay. Returns what changed.
    """
    load_defaults(connection=connection)
    differences = default_differences(connection=connection, names=names)
    offer = Offer(connection)
    changed = {difference.mapping for difference in differences}
    for default in delivered(connection):
        if default.name not in changed:
            continue
        mapping = connection.mappings.get(name=default.name)
        TableMapping.objects.filter(pk=mapping.pk).update(**_settings(default, offer))
        mapping.fields.all().delete()
        mapping.templates.all().delete()
        _add_fields(mapping, _fields_of(connection, default), offer)
        _add_template(mapping)
        record_change(
            connection=connection,
            user=user,
            action="mapping.reset",
            target=default.name,
            before={d.subject: str(d.now) for d in differences if d.mapping == default.name},
            after={d.subject: str(d.delivered) for d in differences if d.mapping == default.name},
        )
    return differences
