"""Price lists and their prices: customer price groups with sales prices, or price list headers with lines.

A list has one currency for good. A price becomes the list's item for one product and unit; an item that is there
already is taken over. A price that cannot travel fails alone, its list does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from connector.choices import System
from connector.errors import ErrorKind
from connector.models import Connection
from coupling.filters import filter_condition
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord, TableMapping
from syncjobs.choices import OperationKind
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.convert.references import CurrencyConverter
from syncjobs.engine.keys import key_array
from syncjobs.engine.lookups import Lookups, load_local_currency, load_role
from syncjobs.engine.references import Role
from syncjobs.engine.results import Problem, not_coupled
from syncjobs.engine.rules.base import Extra, Refusal, TableRule, common_extras, register
from syncjobs.engine.rules.price_rows import CURRENCY_READ, ITEM_PROPERTIES, ITEMS_TABLE
from syncjobs.engine.rules.unit_rows import (
    UNIT_PROPERTIES,
    UNITS_TABLE,
    Unit,
    load_units,
    unit_named,
    unit_with,
)
from syncjobs.engine.views import PairView, RecordView
from syncjobs.engine.writes import PlannedWrite

SALES = System.SALES
_CURRENCY_WRITE = "transactioncurrencyid@odata.bind"
_UNIT_READ, _UNIT_WRITE = "_uomid_value", "uomid@odata.bind"
_INACTIVE, _INACTIVE_STATUS = 1, 100002
_CURRENCIES, _ROWS = "list_currencies", "product_rows"


class _ListRule(TableRule):
    """`line_code` and `line_currency` are the prices' properties that name their list and its currency."""

    lines_mapping = ""
    line_code = ""
    line_currency = "currencyCode"

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """The currencies of the lists' prices."""
        load_local_currency(lookups, connection)
        mapping = TableMapping.objects.filter(connection=connection, name=self.lines_mapping).first()
        found: dict[str, set[str]] = lookups.extra.setdefault(_CURRENCIES, {})
        if mapping is None:
            return
        prices = BusinessCentralRecord.objects.of_table(connection.pk, mapping.business_central_table).alive()
        prices = prices.filter(**{f"values__{self.line_code}__in": [_code(_own_code(row)) for row in rows]})
        if mapping.business_central_filter:
            prices = prices.filter(
                filter_condition(
                    mapping.business_central_filter,
                    system=System.BUSINESS_CENTRAL,
                    parameters=blueprint.filter_parameters,
                )
            )
        names = (f"values__{self.line_code}", f"values__{self.line_currency}")
        for code, currency in prices.order_by().values_list(*names).distinct():
            found.setdefault(_code(code), set()).add(_code(currency) or lookups.local_currency)
        for currency in set().union(*found.values()) - {lookups.local_currency}:
            lookups.want_number(Role.CURRENCY, currency)
        load_role(Role.CURRENCY, lookups, connection)

    def refuse(
        self, blueprint: Blueprint, target: System, source: RecordView, lookups: Lookups, *, coupled: bool
    ) -> Refusal | Problem | None:
        currencies = lookups.extra[_CURRENCIES].get(_code(_own_code(source)), set())
        own = self.own_currency(source, lookups)
        if target != SALES or len(currencies | own) < 2:
            return None
        return Problem(
            kind=ErrorKind.DATA,
            code="engine.price_list_currencies",
            message=f"{source.title} has prices in {', '.join(sorted(currencies | own))}; Sales allows one currency.",
            hint="Use a list of its own for each currency.",
            value=_own_code(source),
        )

    def own_currency(self, source: RecordView, lookups: Lookups) -> set[str]:
        """The currency that the list itself names."""
        return set()

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
        known = self.own_currency(bc, lookups) or lookups.extra[_CURRENCIES].get(_code(_own_code(bc)), set())
        key = CurrencyConverter().to_sales(next(iter(known), ""), {}, None, lookups)
        if isinstance(key, Problem):
            return key
        if sales is None:
            found.append(Extra(_CURRENCY_WRITE, f"/transactioncurrencies({key})", CURRENCY_READ, key))
        elif known and sales.values.get(CURRENCY_READ) and str(sales.values[CURRENCY_READ]).lower() != key:
            return Problem(
                kind=ErrorKind.DATA,
                code="engine.price_list_currency_fixed",
                message=f"The price list {sales.title} has another currency in Sales than in Business Central.",
                hint="The currency of a price list cannot change in Sales: couple the list with another one.",
                value=next(iter(known)),
            )
        return found


@register("CUSTPRCGRP-PRICE")
class PriceGroupRule(_ListRule):
    lines_mapping = "SALESPRC-PRODPRICE"
    line_code = "salesCode"
    children = (lines_mapping, line_code)
    auxiliary_tables = {"salesPrices": ("salesType", "salesCode", "currencyCode", "itemNumber")}

    def properties(self, system: System) -> frozenset[str]:
        return frozenset({"name", CURRENCY_READ}) if system == SALES else frozenset({"code", "displayName"})

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        found = super().extras(blueprint, target, bc, sales, lookups)
        if isinstance(found, Problem) or target != SALES or bc is None or sales is not None:
            return found
        if description := str(bc.values.get("displayName") or ""):
            found.append(Extra("description", description, "description", description))
        return found


@register("PLHEADER-PRICE")
class PriceListRule(_ListRule):
    lines_mapping = "PLLINE-PRODPRICE"
    line_code = "priceListCode"
    children = (lines_mapping, line_code)
    auxiliary_tables = {
        "priceListLines": (
            *("priceListCode", "currencyCode", "priceType", "amountType", "assetType", "minimumQuantity"),
        )
    }
    has_steps = True

    def properties(self, system: System) -> frozenset[str]:
        if system == SALES:
            return frozenset({"name", CURRENCY_READ, "statecode"})
        return frozenset({"code", "currencyCode", "status"})

    def own_currency(self, source: RecordView, lookups: Lookups) -> set[str]:
        return {_code(source.values.get("currencyCode")) or lookups.local_currency}

    def steps(self, blueprint: Blueprint, pair: PairView, lookups: Lookups) -> Sequence[PlannedWrite] | Problem:
        """A list that is not active in Business Central becomes inactive once, right after its creation."""
        if pair.bc is None or pair.sales is None or pair.coupling is None:
            return ()
        new = pair.coupling.sales_base.get("statecode") is None and not pair.sales.values.get("statecode")
        if not new or pair.bc.values.get("status", "Active") == "Active":
            return ()
        return [
            PlannedWrite(
                SALES,
                OperationKind.UPDATE,
                record_id=pair.sales.key,
                after={"statecode": _INACTIVE, "statuscode": _INACTIVE_STATUS},
                sales_base={"statecode": _INACTIVE},
                title=pair.bc.title,
            )
        ]


class _PriceRule(TableRule):
    """A price is its list's item for one product and unit."""

    lists_mapping = ""
    list_properties: tuple[str, ...] = ()
    product_properties: tuple[str, ...] = ()
    unit_properties = ("unitOfMeasureCode", "Unit_of_Measure_Code")
    sales_tables = {
        UNITS_TABLE: UNIT_PROPERTIES,
        "products": ("productnumber", "_defaultuomid_value", "_defaultuomscheduleid_value"),
    }

    def properties(self, system: System) -> frozenset[str]:
        if system == SALES:
            return frozenset({*ITEM_PROPERTIES, CURRENCY_READ})
        return frozenset({self.list_properties[0], self.product_properties[0], self.unit_properties[0]})

    def want(self, lookups: Lookups, bc_row: Mapping[str, Any], sales_row: Mapping[str, Any]) -> None:
        if product := _first(bc_row, self.product_properties):
            lookups.want_number(Role.PRODUCT, product)
        if code := _first(bc_row, self.list_properties):
            lookups.want_number(Role.PRICE_LIST, code)

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """The products' own units."""
        numbers = {_first(row.values, self.product_properties) for row in rows}
        keys = {key for number in numbers if (key := lookups.sales_key(Role.PRODUCT, number))}
        products = SalesRecord.objects.of_table(connection.pk, "products").filter(
            key__in=key_array(UUID(key) for key in keys)
        )
        found = {str(key): values for key, values in products.values_list("key", "values")}
        lookups.extra[_ROWS] = found
        groups = {str(values.get("_defaultuomscheduleid_value") or "").lower() for values in found.values()}
        load_units(lookups, connection, groups - {""})

    def partners(
        self, blueprint: Blueprint, connection: Connection, source: System, records: Sequence[RecordView]
    ) -> dict[UUID, UUID]:
        if source != System.BUSINESS_CENTRAL:
            return {}
        lookups = Lookups()
        for record in records:
            self.want(lookups, record.values, {})
        for role in (Role.PRODUCT, Role.PRICE_LIST):
            load_role(role, lookups, connection)
        self.load(blueprint, lookups, connection, records)
        wanted: dict[tuple[str, str, str], UUID] = {}
        for record in records:
            place = self._place(record, lookups)
            if not isinstance(place, Problem):
                wanted.setdefault((place[0], place[1], place[2].key), record.key)
        return _free_items(connection, wanted)

    def refuse(
        self, blueprint: Blueprint, target: System, source: RecordView, lookups: Lookups, *, coupled: bool
    ) -> Refusal | Problem | None:
        place = self._place(source, lookups)
        return place if target == SALES and isinstance(place, Problem) else None

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
        place = self._place(bc, lookups)
        if isinstance(place, Problem):
            return place
        _, product, unit = place
        found = [Extra(_UNIT_WRITE, f"/uoms({unit.key})", _UNIT_READ, unit.key, alone=True)]
        if sales is None:
            number = lookups.extra[_ROWS][product].get("productnumber")
            found.append(Extra("", None, "productnumber", number))
            currency = CurrencyConverter().to_sales(bc.values.get("currencyCode"), bc.values, None, lookups)
            if isinstance(currency, str):
                found.append(Extra("", None, CURRENCY_READ, currency))
        return found

    def _place(self, price: RecordView, lookups: Lookups) -> tuple[str, str, Unit] | Problem:
        """List, product and unit in Sales; a price without a unit is one of the product's default unit."""
        code, number = _first(price.values, self.list_properties), _first(price.values, self.product_properties)
        price_list = lookups.sales_key(Role.PRICE_LIST, code)
        if price_list is None:
            return not_coupled(noun="price list", number=code, partner="price list", mapping=self.lists_mapping)
        product = lookups.sales_key(Role.PRODUCT, number)
        row = lookups.extra[_ROWS].get(product) if product else None
        if product is None or row is None:
            return not_coupled(
                noun=Role.PRODUCT.bc_noun, number=number, partner="product", mapping=Role.PRODUCT.mappings[0]
            )
        wanted = _first(price.values, self.unit_properties)
        group = str(row.get("_defaultuomscheduleid_value") or "").lower()
        if wanted:
            unit = unit_named(lookups, group, wanted)
        else:
            unit = unit_with(lookups, str(row.get("_defaultuomid_value") or "").lower())
        if unit is not None:
            return price_list, product, unit
        return Problem(
            kind=ErrorKind.DEPENDENCY,
            code="engine.no_unit_of_product",
            message=f"The product {number} has no unit {wanted} in Sales.".replace("  ", " "),
            hint="Prices in other than the product's own units need the unit group mapping, and the unit in its group.",
            value=f"{number} {wanted}",
            details={"mapping": Role.UNIT.mappings[0], "number": f"{number} {wanted}"},
        )


@register("SALESPRC-PRODPRICE")
class SalesPriceRule(_PriceRule):
    list_properties = ("salesCode", "Sales_Code")
    product_properties = ("itemNumber", "Item_No")
    lists_mapping = "CUSTPRCGRP-PRICE"


@register("PLLINE-PRODPRICE")
class PriceListLineRule(_PriceRule):
    list_properties = ("priceListCode", "Price_List_Code")
    product_properties = ("assetNumber", "Asset_No")
    lists_mapping = "PLHEADER-PRICE"


def _free_items(connection: Connection, wanted: Mapping[tuple[str, str, str], UUID]) -> dict[UUID, UUID]:
    """Uncoupled price list items that are there for a wanted list, product and unit."""
    taken = Coupling.objects.filter(connection=connection, sales_table=ITEMS_TABLE).values("sales_key")
    rows = (
        SalesRecord.objects.of_table(connection.pk, ITEMS_TABLE)
        .alive()
        .filter(
            values___pricelevelid_value__in=sorted({place[0] for place in wanted}),
            values___productid_value__in=sorted({place[1] for place in wanted}),
        )
        .exclude(key__in=taken)
    )
    found = {}
    for key, values in rows.values_list("key", "values"):
        names = ("_pricelevelid_value", "_productid_value", _UNIT_READ)
        first, second, third = (str(values.get(name) or "").lower() for name in names)
        if (first, second, third) in wanted:
            found[wanted[first, second, third]] = key
    return found


def _own_code(record: RecordView) -> str:
    return str(record.values.get("code") or record.values.get("Code") or record.number)


def _first(values: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((_code(values[name]) for name in names if values.get(name)), "")


def _code(value: Any) -> str:
    return str(value or "").strip().upper()
