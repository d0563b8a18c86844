"""Columns of a mapping that are shorter than values which already stand on the other side: those are cut on their way.

Lengths are what the hub knows of both systems without asking; values are those of the mirror.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Length

from connector.choices import Direction, System
from coupling.definitions import PropertyDefinition, ValueKind, bc_property, definition_from, sales_attribute
from coupling.models import FieldMapping, TableMapping
from coupling.services.admission import admits
from coupling.services.search import mirror_of

_TEXTS = frozenset({ValueKind.TEXT, ValueKind.CODE})


@dataclass(frozen=True, slots=True)
class ShortColumn:
    """`values` of the field do not fit into `length` characters of `target`; the longest has `longest`."""

    field: FieldMapping
    target: System
    length: int
    longest: int
    values: int


def short_columns(mapping: TableMapping) -> list[ShortColumn]:
    """Of the enabled text fields that carry values unchanged. At most three queries, over all records of both tables
    that the mapping's filters admit."""
    fields = mapping.fields.filter(enabled=True, available=True, constant_value="", transformation="")
    described = [(field, _bc(mapping, field), _sales(mapping, field)) for field in fields]
    texts = [(field, bc, sales) for field, bc, sales in described if {bc.kind, sales.kind} <= _TEXTS]
    found: list[ShortColumn] = []
    for target in System:
        limits = [
            (field, length)
            for field, bc, sales in texts
            if (length := (sales if target == System.SALES else bc).length)
            and Direction(field.direction).allows(target)
            and Direction(mapping.direction).allows(target)
        ]
        found += _measured(mapping, target, limits)
    order = {field.pk: place for place, (field, _, _) in enumerate(described)}
    return sorted(found, key=lambda each: order[each.field.pk])


def _measured(mapping: TableMapping, target: System, limits: list[tuple[FieldMapping, int]]) -> list[ShortColumn]:
    if not limits:
        return []
    source = target.other
    records = mirror_of(source).objects.of_table(mapping.connection_id, mapping.table(source)).alive()
    records = records.filter(admits(mapping, source))
    asked: dict[str, Any] = {}
    for number, (field, length) in enumerate(limits):
        name = field.business_central_property if source == System.BUSINESS_CENTRAL else field.sales_attribute
        size = Length(KeyTextTransform(name, "values"))
        records = records.annotate(**{f"size_{number}": size})
        asked[f"longest_{number}"] = Max(f"size_{number}")
        asked[f"values_{number}"] = Count("pk", filter=Q(**{f"size_{number}__gt": length}))
    answer = records.aggregate(**asked)
    return [
        ShortColumn(field, target, length, answer[f"longest_{number}"], answer[f"values_{number}"])
        for number, (field, length) in enumerate(limits)
        if answer[f"values_{number}"]
    ]


def _bc(mapping: TableMapping, field: FieldMapping) -> PropertyDefinition:
    known = bc_property(
        field.business_central_service or mapping.business_central_table, field.business_central_property
    )
    return known or _own(field.business_central_definition)


def _sales(mapping: TableMapping, field: FieldMapping) -> PropertyDefinition:
    return sales_attribute(mapping.sales_entity, field.sales_attribute) or _own(field.sales_definition)


def _own(definition: dict[str, Any]) -> PropertyDefinition:
    return definition_from(definition) if definition else PropertyDefinition(kind=ValueKind.COMPLEX)
