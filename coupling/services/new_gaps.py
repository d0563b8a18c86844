"""What partners of many records lack, judged from the mapping and the mirror: planning each would take too long."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from connector.choices import Direction, System
from coupling.models import FieldMapping, TableMapping
from coupling.services.new_values import NewValue, is_filled, preview_new, required_values
from coupling.services.search import mirror_of

_SAMPLES = 5
"""Records whose partners are planned to see what the rules of the table fill in."""


def gaps(
    *, mapping: TableMapping, system: System, keys: Sequence[UUID]
) -> tuple[list[NewValue], dict[UUID, list[NewValue]]]:
    """What partners of the records need: what nothing fills in for any of them, and what is blank in which record."""
    target = system.other
    required = required_values(mapping, target)
    if not required or not keys:
        return [], {}
    fields = [each for each in mapping.fields.all() if _fills(each, target)]
    samples = [preview_new(mapping, system, key).body for key in keys[:_SAMPLES]]
    templates = [template.values for template in mapping.templates.all() if template.system == target]
    for_all: list[NewValue] = []
    blank: dict[UUID, list[NewValue]] = {}
    for value in required:
        sources = [each for each in fields if _written(each, target) in value.written_as]
        if any(is_filled(value, values) for values in templates) or any(each.constant_value for each in sources):
            continue
        if not sources:
            planned: list[Mapping[str, Any]] = [body for body in samples if body]
            if planned and not any(is_filled(value, body) for body in planned):
                for_all.append(value)
        elif not any(each.transformation for each in sources):
            for key in _blank(mapping, system, keys, [_read(each, system) for each in sources]):
                blank.setdefault(key, []).append(value)
    return for_all, blank


def _fills(each: FieldMapping, target: System) -> bool:
    return each.enabled and each.available and Direction(each.direction).allows(target)


def _written(each: FieldMapping, target: System) -> str:
    if target == System.BUSINESS_CENTRAL:
        return str(each.business_central_property)
    return str(each.sales_lookup.get("write") or each.sales_attribute)


def _read(each: FieldMapping, system: System) -> str:
    if system == System.BUSINESS_CENTRAL:
        return str(each.business_central_property)
    return str(each.sales_lookup.get("read") or each.sales_attribute)


def _blank(mapping: TableMapping, system: System, keys: Sequence[UUID], names: Sequence[str]) -> QuerySet[Any, UUID]:
    """Keys of the records that have none of the values."""
    rows: Any = mirror_of(system).objects.of_table(mapping.connection_id, mapping.table(system)).filter(key__in=keys)
    for name in names:
        place = f"values__{name}"
        rows = rows.filter(Q(**{place: ""}) | Q(**{place: None}) | Q(**{f"{place}__isnull": True}))
    return rows.values_list("key", flat=True)
