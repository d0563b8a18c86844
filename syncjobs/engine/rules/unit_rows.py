"""Unit groups and units of Sales, as the rules of units, products and prices look at them.

A unit group's base unit comes into being with it, under a key that the hub did not choose; so units are read from the
mirror, by their group.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from connector.models import Connection
from coupling.models import SalesRecord
from syncjobs.engine.keys import key_array
from syncjobs.engine.lookups import Lookups

UNITS_TABLE = "uoms"
UNIT_PROPERTIES = ("name", "quantity", "isschedulebaseuom", "_uomscheduleid_value")
GROUP_READ = "_uomscheduleid_value"
_UNITS = "units_of_groups"


@dataclass(frozen=True, slots=True)
class Unit:
    """A row of `uoms`. `quantity` counts the base unit."""

    key: str
    name: str
    group: str
    quantity: Decimal
    is_base: bool

    @classmethod
    def of(cls, key: Any, values: Mapping[str, Any]) -> Unit:
        return cls(
            str(key),
            str(values.get("name") or ""),
            str(values.get(GROUP_READ) or "").lower(),
            Decimal(str(values.get("quantity") or 1)),
            bool(values.get("isschedulebaseuom")),
        )


def load_units(lookups: Lookups, connection: Connection, groups: Collection[str], units: Collection[str] = ()) -> None:
    """Fills `lookups` with the units of `groups` and of the groups that `units` are in: at most two queries."""
    rows = SalesRecord.objects.of_table(connection.pk, UNITS_TABLE).alive()
    wanted = set(groups)
    if units:
        values = rows.filter(key__in=key_array(UUID(unit) for unit in units)).values_list("values", flat=True)
        wanted |= {str(row.get(GROUP_READ) or "").lower() for row in values}
    by_group: dict[str, list[Unit]] = lookups.extra.setdefault(_UNITS, {})
    by_group.update({group: [] for group in wanted})
    inside = rows.filter(**{f"values__{GROUP_READ}__in": sorted(wanted)}) if wanted else rows.none()
    for key, row in inside.values_list("key", "values"):
        unit = Unit.of(key, row)
        by_group.setdefault(unit.group, []).append(unit)


def units_of(lookups: Lookups, group: str) -> Sequence[Unit]:
    """The loaded units of a group, base unit first."""
    found: list[Unit] = lookups.extra.get(_UNITS, {}).get(group.lower(), [])
    return sorted(found, key=lambda unit: (not unit.is_base, unit.name))


def base_unit_of(lookups: Lookups, group: str) -> Unit | None:
    return next((unit for unit in units_of(lookups, group) if unit.is_base), None)


def unit_with(lookups: Lookups, key: str) -> Unit | None:
    """A loaded unit by its key."""
    groups: Mapping[str, list[Unit]] = lookups.extra.get(_UNITS, {})
    return next((unit for units in groups.values() for unit in units if unit.key == key), None)


def unit_named(lookups: Lookups, group: str, code: str) -> Unit | None:
    """The unit of a group by its code; a code is in capitals, a unit's name need not be."""
    return next((unit for unit in units_of(lookups, group) if unit.name.upper() == code.upper()), None)
