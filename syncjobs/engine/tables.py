"""What identifies a record of a table for people: its number and its name; and which properties a table is read with.

The number is what somebody would quote on the phone (customer number, product number, ISO code of a currency), the
name what a list shows. Tables that are not listed have no number; a Sales table's name is its primary name column.
"""

from collections.abc import Mapping
from typing import Any

from connector.choices import System
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.definitions import bc_property, sales_attribute, sales_attributes
from coupling.models import TableMapping
from coupling.services.merged import MASTER, MERGED_TABLES
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.rules import mirrored_properties, rule_for

_BC_NUMBERS = ("number", "code", "No", "Code")
_BC_NAMES = ("displayName", "name", "description", "Name", "Description")
_BC_SPECIAL: Mapping[str, tuple[str, str]] = {
    # Table → properties of number and name where the usual names are absent or mean something else.
    "opportunities": ("number", "description"),
    "salesOrders": ("number", "customerName"),
    "salesQuotes": ("number", "customerName"),
    "salesInvoices": ("number", "customerName"),
    "generalLedgerEntries": ("documentNumber", "description"),
    "unitGroups": ("sourceNumber", ""),
    "itemUnitsOfMeasure": ("itemNumber", "code"),
    "resourceUnitsOfMeasure": ("resourceNumber", "code"),
    "priceListLines": ("priceListCode", "assetNumber"),
    "salesPrices": ("salesCode", "itemNumber"),
}
_SALES_NUMBERS: Mapping[str, str] = {
    "accounts": "accountnumber",
    "products": "productnumber",
    "transactioncurrencies": "isocurrencycode",
    "salesorders": "ordernumber",
    "quotes": "quotenumber",
    "invoices": "invoicenumber",
    "productpricelevels": "productnumber",
    "systemusers": "internalemailaddress",
}


class TableReading:
    """How one remote table is mirrored for all mappings that use it.

    `properties` is what a read of the table asks for; `services` are the properties that Business Central serves
    elsewhere under the same ids, by entity set. `watched` says per mapping id what makes its pairs dirty.
    """

    def __init__(self, connection: Connection, system: System, table: str) -> None:
        self.connection, self.system, self.table = connection, system, table
        mappings = TableMapping.objects.filter(
            connection=connection, available=True, enabled=True, **{f"{system}_table": table}
        )
        if system == System.SALES:
            # The Sales side of an option mapping is a column's metadata, not rows.
            mappings = mappings.exclude(kind=MappingKind.OPTION)
        self.mappings = list(mappings.select_related("connection").prefetch_related("fields", "templates"))
        self.number_property, self.name_property = _identifying(system, table, self.mappings)
        beside = {mapping.pk: _service_properties(mapping, system) for mapping in self.mappings}
        self.services = {
            service: sorted(set().union(*(names.get(service, ()) for names in beside.values())))
            for service in sorted(set().union(*beside.values()))
        }
        # The first service that serves a name counts.
        self._service_of = {name: each for each, names in reversed(self.services.items()) for name in names}
        self.watched = {
            mapping.pk: mirrored_properties(Blueprint.of(mapping), system).union(*beside[mapping.pk].values())
            for mapping in self.mappings
        }
        identifying = {name for name in (self.number_property, self.name_property) if name}
        merged = {MASTER} if system == System.SALES and table in MERGED_TABLES else set()
        wanted = identifying.union(_auxiliary(connection, system, table), merged, *self.watched.values())
        self.properties = sorted(wanted.difference(*self.services.values()))

    def service_of(self, name: str) -> str:
        """The entity set that serves a property; the table itself for most."""
        return self._service_of.get(name, self.table)

    def number(self, values: Mapping[str, Any]) -> str:
        return _text(values.get(self.number_property), 100)

    def name(self, values: Mapping[str, Any]) -> str:
        return _text(values.get(self.name_property), 400)


def _auxiliary(connection: Connection, system: System, table: str) -> frozenset[str]:
    """Properties of a table that is read for the rules of mappings and not, or not only, for a mapping of its own."""
    names = TableMapping.objects.filter(connection=connection, enabled=True).values_list("name", flat=True)
    rules = [rule_for(name) for name in names]
    wanted = [rule.sales_tables if system == System.SALES else rule.auxiliary_tables for rule in rules]
    return frozenset().union(*(tables.get(table, ()) for tables in wanted))


def _service_properties(mapping: TableMapping, system: System) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for field in mapping.fields.all() if system == System.BUSINESS_CENTRAL else ():
        if field.enabled and field.available and field.business_central_service:
            found.setdefault(field.business_central_service, set()).add(field.business_central_property)
    if system == System.BUSINESS_CENTRAL:
        for service, names in rule_for(mapping.name).service_properties.items():
            found.setdefault(service, set()).update(names)
    return found


def _identifying(system: System, table: str, mappings: list[TableMapping]) -> tuple[str, str]:
    if system == System.SALES:
        named = (mapping for mapping in mappings if mapping.sales_primary_name)
        # The name of a price list item is its product's, which is no column of its own.
        names = (each.sales_primary_name for each in named if _is_column(each.sales_entity, each.sales_primary_name))
        return _SALES_NUMBERS.get(table, ""), next(names, "")
    if table in _BC_SPECIAL:
        return _BC_SPECIAL[table]
    # Of a table that the standard product has not, only the mapped properties are known to exist.
    mapped = {field.business_central_property for mapping in mappings for field in mapping.fields.all()}
    number = next((name for name in _BC_NUMBERS if bc_property(table, name) or name in mapped), "")
    name = next((name for name in _BC_NAMES if bc_property(table, name) or name in mapped), "")
    return number, name


def _is_column(entity: str, name: str) -> bool:
    return not sales_attributes(entity) or sales_attribute(entity, name) is not None


def _text(value: Any, length: int) -> str:
    return "" if value is None else str(value)[:length]
