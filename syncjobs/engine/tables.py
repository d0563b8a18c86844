"""What identifies a record of a table for people: its number and its name; and which properties a table is read with.

The number is what somebody would quote on the phone (customer number, product number, ISO code of a currency), the
name what a list shows. Tables that are not listed have no number; a Sales table's name is its primary name column.
"""

from collections.abc import Mapping
from typing import Any

from connector.choices import System
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.definitions import bc_property
from coupling.models import TableMapping
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.rules import mirrored_properties

_BC_NUMBERS = ("number", "code", "No", "Code")
_BC_NAMES = ("displayName", "name", "description", "Name", "Description")
_BC_SPECIAL: Mapping[str, tuple[str, str]] = {
    # Table → properties of number and name where the usual names are absent or mean something else.
    "opportunities": ("number", "description"),
    "salesOrders": ("number", "customerName"),
    "salesQuotes": ("number", "customerName"),
    "salesInvoices": ("number", "customerName"),
    "generalLedgerEntries": ("documentNumber", "description"),
}
_SALES_NUMBERS: Mapping[str, str] = {
    "accounts": "accountnumber",
    "products": "productnumber",
    "transactioncurrencies": "isocurrencycode",
    "salesorders": "ordernumber",
    "quotes": "quotenumber",
    "invoices": "invoicenumber",
    "systemusers": "internalemailaddress",
}


class TableReading:
    """How one remote table is mirrored for all mappings that use it.

    `properties` is what each read asks for; `watched` says per mapping id which of them make its pairs dirty.
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
        self.watched = {mapping.pk: mirrored_properties(Blueprint.of(mapping), system) for mapping in self.mappings}
        identifying = {name for name in (self.number_property, self.name_property) if name}
        self.properties = sorted(identifying.union(*self.watched.values()))

    def number(self, values: Mapping[str, Any]) -> str:
        return _text(values.get(self.number_property), 100)

    def name(self, values: Mapping[str, Any]) -> str:
        return _text(values.get(self.name_property), 400)


def _identifying(system: System, table: str, mappings: list[TableMapping]) -> tuple[str, str]:
    if system == System.SALES:
        name = next((mapping.sales_primary_name for mapping in mappings if mapping.sales_primary_name), "")
        return _SALES_NUMBERS.get(table, ""), name
    if table in _BC_SPECIAL:
        return _BC_SPECIAL[table]
    number = next((name for name in _BC_NUMBERS if bc_property(table, name)), "")
    name = next((name for name in _BC_NAMES if bc_property(table, name)), "")
    return number, name


def _text(value: Any, length: int) -> str:
    return "" if value is None else str(value)[:length]
