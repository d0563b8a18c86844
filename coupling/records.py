"""What the pages call the tables: names in the plural and singular, and which values stand in a list's columns."""

from dataclasses import dataclass
from typing import Any

from connector.choices import System
from coupling.choices import MappingKind
from coupling.models import TableMapping


@dataclass(frozen=True, slots=True)
class TableWords:
    """`plural` heads a list, `singular` stands in buttons."""

    plural: str
    singular: str


_WORDS = {
    (System.BUSINESS_CENTRAL, "customers"): TableWords("Customers", "customer"),
    (System.BUSINESS_CENTRAL, "vendors"): TableWords("Vendors", "vendor"),
    (System.BUSINESS_CENTRAL, "contacts"): TableWords("Contacts in Business Central", "contact"),
    (System.BUSINESS_CENTRAL, "salespeoplePurchasers"): TableWords("Salespeople", "salesperson"),
    (System.BUSINESS_CENTRAL, "currencies"): TableWords("Currencies in Business Central", "currency"),
    (System.BUSINESS_CENTRAL, "unitsOfMeasure"): TableWords("Units of measure", "unit of measure"),
    (System.BUSINESS_CENTRAL, "unitGroups"): TableWords("Unit groups in Business Central", "unit group"),
    (System.BUSINESS_CENTRAL, "itemUnitsOfMeasure"): TableWords("Item units", "item unit"),
    (System.BUSINESS_CENTRAL, "resourceUnitsOfMeasure"): TableWords("Resource units", "resource unit"),
    (System.BUSINESS_CENTRAL, "items"): TableWords("Items", "item"),
    (System.BUSINESS_CENTRAL, "resources"): TableWords("Resources", "resource"),
    (System.BUSINESS_CENTRAL, "customerPriceGroups"): TableWords("Customer price groups", "price group"),
    (System.BUSINESS_CENTRAL, "salesPrices"): TableWords("Sales prices", "sales price"),
    (System.BUSINESS_CENTRAL, "priceLists"): TableWords("Price lists in Business Central", "price list"),
    (System.BUSINESS_CENTRAL, "priceListLines"): TableWords("Price list lines", "price list line"),
    (System.BUSINESS_CENTRAL, "opportunities"): TableWords("Opportunities in Business Central", "opportunity"),
    (System.BUSINESS_CENTRAL, "salesOrders"): TableWords("Sales orders", "sales order"),
    (System.BUSINESS_CENTRAL, "salesInvoices"): TableWords("Sales invoices", "sales invoice"),
    (System.SALES, "accounts"): TableWords("Accounts", "account"),
    (System.SALES, "contacts"): TableWords("Contacts in Sales", "contact"),
    (System.SALES, "systemusers"): TableWords("Users", "user"),
    (System.SALES, "transactioncurrencies"): TableWords("Currencies in Sales", "currency"),
    (System.SALES, "uomschedules"): TableWords("Unit groups in Sales", "unit group"),
    (System.SALES, "uoms"): TableWords("Units in Sales", "unit"),
    (System.SALES, "products"): TableWords("Products", "product"),
    (System.SALES, "pricelevels"): TableWords("Price lists in Sales", "price list"),
    (System.SALES, "productpricelevels"): TableWords("Price list items", "price list item"),
    (System.SALES, "opportunities"): TableWords("Opportunities in Sales", "opportunity"),
    (System.SALES, "quotes"): TableWords("Quotes in Sales", "quote"),
    (System.SALES, "salesorders"): TableWords("Orders in Sales", "order"),
    (System.SALES, "invoices"): TableWords("Invoices in Sales", "invoice"),
    (System.SALES, "invoicedetails"): TableWords("Invoice lines in Sales", "invoice line"),
    (System.SALES, "salesorderdetails"): TableWords("Order lines in Sales", "order line"),
}

LIST_ADDRESSES = {
    (System.BUSINESS_CENTRAL, "customers"): "customer-list",
    (System.SALES, "accounts"): "account-list",
    (System.BUSINESS_CENTRAL, "salespeoplePurchasers"): "salesperson-list",
    (System.SALES, "systemusers"): "user-list",
}
"""Lists that stand in the navigation under a name of their own."""

COLUMN_PROPERTIES = {
    "city": ("city", "address1_city", "City"),
    "country": ("country", "address1_country", "Country_Region_Code"),
    "phone": ("phoneNumber", "telephone1", "phoneNo", "mobilephone", "mobilePhoneNumber"),
    "email": ("email", "emailaddress1", "internalemailaddress"),
    "salesperson": ("salespersonCode", "salesperson"),
}
"""Columns of lists: the first of these values that a record has."""


def words_of(system: System, table: str) -> TableWords:
    """Names of a table; a table of one's own is called as its entity set."""
    return _WORDS.get((system, table)) or TableWords(table, "record")


def plural_of(mapping: TableMapping, system: System) -> str:
    """What the records of one side of a mapping are called together; of one's own tables the label they bring."""
    words = _WORDS.get((system, mapping.table(system)))
    if words is not None:
        return words.plural
    return mapping.business_central_label if system == System.BUSINESS_CENTRAL else sales_caption(mapping)


def sales_caption(mapping: TableMapping) -> str:
    """What people call the Sales side of a mapping: its table, or the choice column of an option mapping."""
    if mapping.sales_label:
        return mapping.sales_label
    return caption_of(mapping.sales_table, mapping.sales_entity, MappingKind(mapping.kind))


def caption_of(sales_table: str, sales_entity: str, kind: MappingKind) -> str:
    """The same for a mapping that does not exist yet."""
    table = words_of(System.SALES, sales_table).singular
    table = sales_entity if table == "record" else table
    return f"Choice of {table}" if kind == MappingKind.OPTION else table[:1].upper() + table[1:]


def first_value(record: Any, column: str) -> str:
    """The first of the properties that stand for a list's column and that the record has."""
    values = (record.values.get(name) for name in COLUMN_PROPERTIES[column])
    return next((str(value) for value in values if value not in (None, "")), "")
