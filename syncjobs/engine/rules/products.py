"""Items and resources, both of which are products in Sales.

A product is born a draft. It gets its items in the default price list, then that list as its default, then it is made
active: one step after the other, since Sales wants each before the next. Its unit group never changes afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from connector.choices import System
from connector.errors import ErrorKind
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord
from syncjobs.choices import OperationKind
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.convert.references import no_local_currency
from syncjobs.engine.keys import key_array
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.references import Role
from syncjobs.engine.results import Problem, not_coupled
from syncjobs.engine.rules.base import Extra, Leave, Refusal, TableRule, common_extras, register
from syncjobs.engine.rules.price_rows import (
    CURRENCY_READ,
    ITEM_PROPERTIES,
    ITEMS_TABLE,
    LIST_PROPERTIES,
    LISTS_TABLE,
    default_item_write,
    default_list,
    load_default_items,
    new_default_list,
)
from syncjobs.engine.rules.unit_rows import (
    UNIT_PROPERTIES,
    UNITS_TABLE,
    Unit,
    base_unit_of,
    load_units,
    unit_named,
    unit_with,
    units_of,
)
from syncjobs.engine.states import ACTIVE, DRAFT, RETIRED
from syncjobs.engine.views import PairView, RecordView
from syncjobs.engine.writes import PlannedWrite

SALES = System.SALES
GROUP_READ, GROUP_WRITE = "_defaultuomscheduleid_value", "defaultuomscheduleid@odata.bind"
UNIT_READ, UNIT_WRITE = "_defaultuomid_value", "defaultuomid@odata.bind"
LIST_READ, LIST_WRITE = "_pricelevelid_value", "pricelevelid@odata.bind"
_CURRENCY_WRITE = "transactioncurrencyid@odata.bind"
_DECIMALS = 2
_BORN_ACTIVE = "createproductswithoutparentinactivestate"
_BORN = "born_state"
_NUMBERS, _VENDORS, _PRODUCTS, _GROUPS = "product_numbers", "vendor_names", "wanted_products", "wanted_groups"
_OWN_GROUPS = "own_groups"
_NUMBER_NAMES, _UNIT_NAMES = ("number", "No"), ("baseUnitOfMeasureCode", "Base_Unit_of_Measure")


class _ProductRule(TableRule):
    product_type = 0
    write_in_type = ""
    unit_mapping = ""
    has_steps = True
    relates = True
    sales_tables = {
        UNITS_TABLE: UNIT_PROPERTIES,
        LISTS_TABLE: LIST_PROPERTIES,
        ITEMS_TABLE: ITEM_PROPERTIES,
        "organizations": (_BORN_ACTIVE,),
    }

    def properties(self, system: System) -> frozenset[str]:
        if system == SALES:
            names = ("productnumber", "statecode", "producttypecode", "price", CURRENCY_READ)
            return frozenset({*names, GROUP_READ, UNIT_READ, LIST_READ})
        return frozenset()

    def prerequisites(self, blueprint: Blueprint, connection: Connection) -> Sequence[PlannedWrite]:
        return new_default_list(blueprint, connection)

    def related(self, blueprint: Blueprint, bc_key: UUID, sales: RecordView) -> Sequence[tuple[str, UUID, UUID]]:
        """The group of a product becomes that of the item made from it: Sales would not let it have another one."""
        group = str(sales.values.get(GROUP_READ) or "")
        return [("UNIT GROUP", bc_key, UUID(group))] if group and blueprint.facts.unit_groups else []

    def want(self, lookups: Lookups, bc_row: Mapping[str, Any], sales_row: Mapping[str, Any]) -> None:
        if code := _first(bc_row, _UNIT_NAMES):
            lookups.want_number(Role.UNIT_GROUP, code)
            lookups.want_number(Role.UNIT, f"{_first(bc_row, _NUMBER_NAMES)} {code}")
        if sales_row.get(GROUP_READ):
            lookups.extra.setdefault(_GROUPS, set()).add(str(sales_row[GROUP_READ]).lower())
        if vendor := str(bc_row.get("vendorNumber") or "").upper():
            lookups.extra.setdefault(_VENDORS, {})[vendor] = ""

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """Units of the groups in question, the default price list, products that have the items' numbers already."""
        numbers = {_first(row.values, _NUMBER_NAMES): _first(row.values, _UNIT_NAMES) for row in rows}
        codes = [(number, code) for number, code in numbers.items() if code]
        groups, units = set(lookups.extra.get(_GROUPS, ())), set[str]()
        if blueprint.facts.unit_groups:
            units = {key for number, code in codes if (key := lookups.sales_key(Role.UNIT, f"{number} {code}"))}
            own = Coupling.objects.filter(
                connection=connection, mapping__name="UNIT GROUP", bc_key__in=key_array(row.key for row in rows)
            )
            lookups.extra[_OWN_GROUPS] = {bc_key: str(key) for bc_key, key in own.values_list("bc_key", "sales_key")}
            groups |= set(lookups.extra[_OWN_GROUPS].values())
        else:
            groups |= {key for _, code in codes if (key := lookups.sales_key(Role.UNIT_GROUP, code))}
        load_units(lookups, connection, groups, units)
        products = SalesRecord.objects.of_table(connection.pk, blueprint.sales_table).alive()
        named = products.filter(number__in=list(numbers)).values_list("number", "key")
        lookups.extra[_NUMBERS] = {str(number).upper(): key for number, key in named}
        self._load_coupled(blueprint, lookups, connection, rows)
        vendors = lookups.extra.get(_VENDORS, {})
        if vendors:
            known = BusinessCentralRecord.objects.of_table(connection.pk, "vendors").filter(number__in=list(vendors))
            vendors.update((str(number).upper(), name) for number, name in known.values_list("number", "name"))

    def _load_coupled(
        self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]
    ) -> None:
        coupled = Coupling.objects.filter(
            mapping_id=blueprint.mapping_id, bc_key__in=key_array(row.key for row in rows)
        ).values_list("sales_key", flat=True)
        load_default_items(lookups, connection, {str(key) for key in coupled})
        settings = SalesRecord.objects.of_table(connection.pk, "organizations").values_list("values", flat=True)
        lookups.extra[_BORN] = ACTIVE if any(row.get(_BORN_ACTIVE) for row in settings) else DRAFT

    def refuse(
        self, blueprint: Blueprint, target: System, source: RecordView, lookups: Lookups, *, coupled: bool
    ) -> Refusal | Problem | None:
        if target != SALES:
            return None
        facts, number = blueprint.facts, _first(source.values, _NUMBER_NAMES)
        if facts.write_in_product and (number, self.write_in_type) == (
            facts.write_in_product.upper(),
            facts.write_in_product_type,
        ):
            return Refusal(Leave.SKIPPED, "write_in_product")
        if coupled or number not in lookups.extra.get(_NUMBERS, {}):
            return None
        return Problem(
            kind=ErrorKind.DATA,
            code="engine.product_number_taken",
            message=f"A product with the number {number} exists in Sales already.",
            hint="Couple the two, or change one of the numbers: items and resources share the numbers of products.",
            value=number,
        )

    def keep(self, blueprint: Blueprint, target: System, record: RecordView) -> Refusal | Problem | None:
        if target == SALES and record.values.get("statecode") == RETIRED:
            return Refusal(Leave.SKIPPED, "product_retired")
        return None

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        found = common_extras(blueprint, target, sales)
        if target != SALES or bc is None:
            return found
        currency = lookups.local_currency_key
        if not currency:
            return no_local_currency(lookups.local_currency)
        found.append(Extra(_CURRENCY_WRITE, f"/transactioncurrencies({currency})", CURRENCY_READ, currency))
        unit = self._unit(blueprint, bc, sales, lookups)
        if isinstance(unit, Problem):
            return unit
        if sales is not None and sales.values.get(GROUP_READ) and str(sales.values[GROUP_READ]).lower() != unit.group:
            return _other_group(sales, bc)
        if sales is None or not sales.values.get(GROUP_READ):
            found.append(Extra(GROUP_WRITE, f"/uomschedules({unit.group})", GROUP_READ, unit.group))
        if sales is None or not sales.values.get(UNIT_READ) or not blueprint.facts.unit_groups:
            found.append(Extra(UNIT_WRITE, f"/uoms({unit.key})", UNIT_READ, unit.key))
        vendor = lookups.extra.get(_VENDORS, {}).get(str(bc.values.get("vendorNumber") or "").upper())
        if vendor:
            found.append(Extra("vendorname", vendor[:100], "vendorname", vendor[:100]))
        if sales is None:
            found.append(Extra("quantitydecimal", _DECIMALS, "", None))
            found.append(Extra("producttypecode", self.product_type, "producttypecode", self.product_type))
        return found

    def steps(self, blueprint: Blueprint, pair: PairView, lookups: Lookups) -> Sequence[PlannedWrite] | Problem:
        if pair.bc is None or pair.sales is None or pair.sales.values.get("statecode") == RETIRED:
            return ()
        product, values, title = str(pair.sales.key), pair.sales.values, pair.bc.title
        if not default_list(lookups):
            return no_local_currency(lookups.local_currency)
        group = str(values.get(GROUP_READ) or "")
        units: Sequence[Unit] = units_of(lookups, group)
        if not blueprint.facts.unit_groups:
            units = [unit for unit in units if unit.key == str(values.get(UNIT_READ) or "").lower()]
        items = [
            default_item_write(lookups, blueprint.facts.slug, product, unit, values.get("price"), title)
            for unit in units
        ]
        if writes := [write for write in items if write is not None]:
            return writes
        own = _own_step(pair.sales, title)
        if units and not values.get(LIST_READ):
            key = default_list(lookups)
            return [own({LIST_WRITE: f"/pricelevels({key})"}, {LIST_READ: key})]
        # A product that was just made has not been read yet.
        if values.get("statecode", lookups.extra.get(_BORN, DRAFT)) == DRAFT:
            return [own({"statecode": ACTIVE, "statuscode": 1}, {"statecode": ACTIVE})]
        return ()

    def _unit(self, blueprint: Blueprint, bc: RecordView, sales: RecordView | None, lookups: Lookups) -> Unit | Problem:
        """The base unit of an item or resource as a row of Sales."""
        number, code = _first(bc.values, _NUMBER_NAMES), _first(bc.values, _UNIT_NAMES)
        if not code:
            return Problem(
                kind=ErrorKind.DATA,
                code="engine.no_base_unit",
                message=f"{bc.title} has no base unit of measure in Business Central.",
                hint="Enter one; Sales cannot have a product without a unit.",
                value=number,
            )
        if blueprint.facts.unit_groups:
            key = lookups.sales_key(Role.UNIT, f"{number} {code}")
            unit = unit_with(lookups, key) if key else None
            own = lookups.extra.get(_OWN_GROUPS, {}).get(bc.key, "")
            if unit is None and own and sales is not None:
                # The item was made from this product, and its unit is still to be coupled.
                unit = unit_named(lookups, own, code)
        else:
            key = lookups.sales_key(Role.UNIT_GROUP, code)
            unit = base_unit_of(lookups, key) if key else None
        if unit is not None:
            return unit
        mapping = self.unit_mapping if blueprint.facts.unit_groups else "UNIT OF MEASURE"
        named = f"{code} of {number}" if blueprint.facts.unit_groups else code
        return not_coupled(noun="unit of measure", number=named, partner="unit", mapping=mapping)


@register("ITEM-PRODUCT")
class ItemRule(_ProductRule):
    product_type = 1
    write_in_type = "item"
    unit_mapping = "ITEM UOM"
    auxiliary_tables = {"vendors": ("number", "displayName")}

    def properties(self, system: System) -> frozenset[str]:
        own = {"vendorname"} if system == SALES else {"number", "baseUnitOfMeasureCode", "blocked"}
        return super().properties(system) | own


@register("RESOURCE-PRODUCT")
class ResourceRule(_ProductRule):
    product_type = 3
    write_in_type = "resource"
    unit_mapping = "RESOURCE UOM"

    def properties(self, system: System) -> frozenset[str]:
        own = set() if system == SALES else {"number", "baseUnitOfMeasureCode", "blocked"}
        return super().properties(system) | own


def _own_step(sales: RecordView, title: str) -> Any:
    def write(after: Mapping[str, Any], base: Mapping[str, Any]) -> PlannedWrite:
        return PlannedWrite(
            SALES,
            OperationKind.UPDATE,
            record_id=UUID(str(sales.key)),
            before={},
            after=after,
            sales_base=base,
            title=title,
        )

    return write


def _other_group(sales: RecordView, bc: RecordView) -> Problem:
    return Problem(
        kind=ErrorKind.DATA,
        code="engine.unit_group_fixed",
        message=f"The product {sales.title} has another unit group in Sales than {bc.title} in Business Central.",
        hint="Sales cannot change a product's group: retire it, uncouple it and let a new one be created.",
        value=_first(bc.values, _UNIT_NAMES),
    )


def _first(values: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((str(values[name]).strip().upper() for name in names if values.get(name)), "")
