"""Units of measure in both settings of the unit group switch.

Off: a unit code is a unit group of its own, `NAV <code>`, with that one unit. On: every item and resource has a group
of its own, named after it, in which each of its units is a row. Groups that are there already are taken over; one that
cannot serve is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models.functions import Lower

from connector.choices import System
from connector.errors import ErrorKind
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord
from syncjobs.choices import OperationKind
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.convert.references import unit_group_name
from syncjobs.engine.keys import key_array
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.references import Role
from syncjobs.engine.results import Problem, not_coupled
from syncjobs.engine.rules.base import Extra, Refusal, TableRule, register
from syncjobs.engine.rules.price_rows import (
    ITEM_PROPERTIES,
    ITEMS_TABLE,
    LIST_PROPERTIES,
    LISTS_TABLE,
    default_item_write,
    default_list,
    load_default_items,
)
from syncjobs.engine.rules.unit_rows import (
    GROUP_READ,
    UNIT_PROPERTIES,
    UNITS_TABLE,
    Unit,
    base_unit_of,
    load_units,
    unit_named,
    units_of,
)
from syncjobs.engine.states import ACTIVE
from syncjobs.engine.unit_groups import UNIT_GROUPS
from syncjobs.engine.views import PairView, RecordView
from syncjobs.engine.writes import PlannedWrite

SALES = System.SALES
_PREFIX = "NAV "
_INACTIVE = 1
_GROUPS, _OWNERS, _PRODUCTS = "unit_groups", "unit_owners", "unit_products"
_GROUP_WRITE = "uomscheduleid@odata.bind"
_BASE_READ, _BASE_WRITE = "_baseuom_value", "baseuom@odata.bind"


class _GroupRule(TableRule):
    """What both kinds of groups share: recognised by name, refused when inactive."""

    def properties(self, system: System) -> frozenset[str]:
        return frozenset({"name", "statecode"}) if system == SALES else frozenset()

    def group_name(self, record: RecordView) -> str:
        raise NotImplementedError

    def partners(
        self, blueprint: Blueprint, connection: Connection, source: System, records: Sequence[RecordView]
    ) -> dict[UUID, UUID]:
        if source != System.BUSINESS_CENTRAL:
            return {}
        return _free_by_name(blueprint, connection, {self.group_name(record).lower(): record.key for record in records})

    def keep(self, blueprint: Blueprint, target: System, record: RecordView) -> Refusal | Problem | None:
        if target != SALES or record.values.get("statecode") != _INACTIVE:
            return None
        name = str(record.values.get("name") or record.name)
        return Problem(
            kind=ErrorKind.DATA,
            code="engine.unit_group_inactive",
            message=f"The unit group {name} in Sales is inactive.",
            hint="Activate it, or rename it so that a new one can be created.",
            value=name,
        )


@register("UNIT OF MEASURE")
class UnitOfMeasureRule(_GroupRule):
    sales_tables = {UNITS_TABLE: UNIT_PROPERTIES}
    has_steps = True

    def properties(self, system: System) -> frozenset[str]:
        return super().properties(system) if system == SALES else frozenset({"code"})

    def group_name(self, record: RecordView) -> str:
        return f"{_PREFIX}{_code(record.values.get('code'))}"

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """The units of the groups that the slice's records are coupled with or named like."""
        coupled = Coupling.objects.filter(
            mapping_id=blueprint.mapping_id, bc_key__in=key_array(row.key for row in rows)
        ).values_list("sales_key", flat=True)
        named = SalesRecord.objects.of_table(connection.pk, blueprint.sales_table).filter(
            name__in=[self.group_name(row) for row in rows]
        )
        load_units(lookups, connection, {str(key) for key in [*coupled, *named.values_list("key", flat=True)]})

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        if target != SALES or bc is None:
            return []
        name = self.group_name(bc)
        return [Extra("name", name, "name", name, alone=True)]

    def steps(self, blueprint: Blueprint, pair: PairView, lookups: Lookups) -> Sequence[PlannedWrite] | Problem:
        """The group's only unit is called like the code."""
        if pair.bc is None or pair.sales is None:
            return ()
        units, code = units_of(lookups, str(pair.sales.key)), _code(pair.bc.values.get("code"))
        if not units:
            return ()
        unit, name = units[0], str(pair.sales.values.get("name") or pair.sales.name)
        if len(units) > 1 or not unit.is_base or unit.quantity != 1:
            return _not_single(name, units)
        if unit.name == code:
            return ()
        return [
            PlannedWrite(
                SALES,
                OperationKind.UPDATE,
                record_id=UUID(unit.key),
                before={"name": unit.name},
                after={"name": code},
                sales_base={"name": code},
                title=code,
                table=UNITS_TABLE,
                is_step=True,
            )
        ]


@register("UNIT GROUP")
class UnitGroupRule(_GroupRule):
    def properties(self, system: System) -> frozenset[str]:
        if system == SALES:
            return super().properties(system)
        return frozenset({"sourceType", "sourceNumber", "baseUnitOfMeasureCode"})

    def group_name(self, record: RecordView) -> str:
        return unit_group_name(record.values.get("sourceType"), _code(record.values.get("sourceNumber")))


class _UnitRule(TableRule):
    """A unit of an item or a resource in the group of its owner."""

    owner_type = ""
    owner_properties: tuple[str, ...] = ()
    sales_tables = {
        UNITS_TABLE: (*UNIT_PROPERTIES, _BASE_READ),
        LISTS_TABLE: LIST_PROPERTIES,
        ITEMS_TABLE: ITEM_PROPERTIES,
    }
    has_steps = True

    def properties(self, system: System) -> frozenset[str]:
        if system == SALES:
            return frozenset({*UNIT_PROPERTIES, _BASE_READ})
        return frozenset({self.owner_properties[0]})

    def partners(
        self, blueprint: Blueprint, connection: Connection, source: System, records: Sequence[RecordView]
    ) -> dict[UUID, UUID]:
        """The unit of that name in the owner's group; the base unit, whatever the group calls it."""
        if source != System.BUSINESS_CENTRAL:
            return {}
        lookups = Lookups()
        self.load(blueprint, lookups, connection, records)
        taken = set(
            Coupling.objects.filter(connection=connection, sales_table=blueprint.sales_table).values_list(
                "sales_key", flat=True
            )
        )
        found = {}
        for record in records:
            group = lookups.extra[_GROUPS].get(self._owner(record), "")
            unit = self._unit(lookups, group, record)
            if unit is not None and UUID(unit.key) not in taken:
                found[record.key] = UUID(unit.key)
        return found

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """Groups and base unit codes of the slice's owners, and the units of the groups."""
        owners = {self._owner(row) for row in rows} - {""}
        derived = BusinessCentralRecord.objects.of_table(connection.pk, UNIT_GROUPS).filter(
            number__in=owners, values__sourceType=self.owner_type
        )
        known = {key: (_code(number), values) for key, number, values in derived.values_list("key", "number", "values")}
        couplings = Coupling.objects.filter(
            connection=connection, mapping__name="UNIT GROUP", missing="", bc_key__in=key_array(known)
        )
        groups = {known[bc_key][0]: str(key) for bc_key, key in couplings.values_list("bc_key", "sales_key")}
        lookups.extra[_GROUPS] = groups
        lookups.extra[_OWNERS] = {number: _code(row.get("baseUnitOfMeasureCode")) for number, row in known.values()}
        load_units(lookups, connection, set(groups.values()))
        products = Coupling.objects.filter(
            connection=connection, mapping__name__in=Role.PRODUCT.mappings, bc_key__in=key_array(known)
        )
        keys = {str(key): known[bc_key][0] for bc_key, key in products.values_list("bc_key", "sales_key")}
        rows_of = (
            SalesRecord.objects.of_table(connection.pk, "products").alive().filter(key__in=key_array(map(UUID, keys)))
        )
        lookups.extra[_PRODUCTS] = {
            keys[str(key)]: (str(key), values) for key, values in rows_of.values_list("key", "values")
        }
        if lookups.extra[_PRODUCTS]:
            load_default_items(lookups, connection, set(keys))

    def refuse(
        self, blueprint: Blueprint, target: System, source: RecordView, lookups: Lookups, *, coupled: bool
    ) -> Refusal | Problem | None:
        owner = self._owner(source)
        if target != SALES or owner in lookups.extra.get(_GROUPS, {}):
            return None
        return not_coupled(
            noun=f"unit group of {self.owner_type.lower()}", number=owner, partner="unit group", mapping="UNIT GROUP"
        )

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        """Group and base unit of a new unit; a base unit is one by having none."""
        if target != SALES or bc is None or sales is not None:
            return []
        group = lookups.extra[_GROUPS][self._owner(bc)]
        base = base_unit_of(lookups, group)
        found = [Extra(_GROUP_WRITE, f"/uomschedules({group})", GROUP_READ, group)]
        if base is not None:
            found.append(Extra(_BASE_WRITE, f"/uoms({base.key})", _BASE_READ, base.key))
        return found

    def steps(self, blueprint: Blueprint, pair: PairView, lookups: Lookups) -> Sequence[PlannedWrite] | Problem:
        """A unit of a product that is there already has its price in the default list."""
        if pair.bc is None or pair.sales is None or not default_list(lookups):
            return ()
        product, values = lookups.extra[_PRODUCTS].get(self._owner(pair.bc), ("", {}))
        group = lookups.extra[_GROUPS].get(self._owner(pair.bc), "")
        unit = next((unit for unit in units_of(lookups, group) if unit.key == str(pair.sales.key)), None)
        # A draft gets all its prices with the steps that lead to its publication; a product made before its item had a
        # group of its own keeps another one.
        own = str(values.get("_defaultuomscheduleid_value") or "").lower() == group
        if not (product and own) or unit is None or values.get("statecode") != ACTIVE:
            return ()
        write = default_item_write(
            lookups, blueprint.facts.slug, product, unit, values.get("price"), str(values.get("productnumber") or "")
        )
        return [write] if write is not None else ()

    def _owner(self, record: RecordView) -> str:
        return next((_code(record.values[name]) for name in self.owner_properties if record.values.get(name)), "")

    def _unit(self, lookups: Lookups, group: str, record: RecordView) -> Unit | None:
        code = _code(record.values.get("code") or record.values.get("Code"))
        named = unit_named(lookups, group, code)
        if named is None and code == lookups.extra[_OWNERS].get(self._owner(record)):
            return base_unit_of(lookups, group)
        return named


@register("ITEM UOM")
class ItemUnitRule(_UnitRule):
    owner_type = "Item"
    owner_properties = ("itemNumber", "Item_No")


@register("RESOURCE UOM")
class ResourceUnitRule(_UnitRule):
    owner_type = "Resource"
    owner_properties = ("resourceNumber", "Resource_No")


def _free_by_name(blueprint: Blueprint, connection: Connection, wanted: Mapping[str, UUID]) -> dict[UUID, UUID]:
    """Uncoupled rows of the mapping's Sales table by lower-case name."""
    taken = Coupling.objects.filter(connection=connection, sales_table=blueprint.sales_table).values("sales_key")
    rows = (
        SalesRecord.objects.of_table(connection.pk, blueprint.sales_table)
        .alive()
        .annotate(folded=Lower("name"))
        .filter(folded__in=list(wanted))
        .exclude(key__in=taken)
        .order_by("-key")
    )
    return {wanted[name]: key for name, key in rows.values_list("folded", "key")}


def _not_single(name: str, units: Sequence[Unit]) -> Problem:
    wrong = (
        f"has {len(units)} units" if len(units) > 1 else f"has the unit {units[0].name} with another quantity than 1"
    )
    return Problem(
        kind=ErrorKind.DATA,
        code="engine.unit_group_not_single",
        message=f"The unit group {name} in Sales {wrong}; it has to have one base unit only.",
        hint="Delete the other units, or rename the group so that a new one can be created.",
        value=name,
    )


def _code(value: Any) -> str:
    return str(value or "").strip().upper()


__all__ = ["ItemUnitRule", "ResourceUnitRule", "UnitGroupRule", "UnitOfMeasureRule"]
