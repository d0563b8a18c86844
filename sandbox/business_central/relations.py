"""Which rows refer to which: relations between tables as the pages declare them, and those that no page shows."""

from dataclasses import dataclass
from functools import lru_cache

from sandbox.business_central.schema import Property, load_schema


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """Column of ``table`` that holds another row's key, for rows with the given value in the ``when`` column."""

    table: str
    column: str
    when: tuple[str, str] | None = None


_HIDDEN: dict[str, tuple[Reference, ...]] = {
    "Customer": (
        Reference("Contact", "customer_no"),
        Reference("Cust. Ledger Entry", "customer_no"),
        Reference("Item Ledger Entry", "source_no", ("source_type", "Customer")),
        Reference("Price List Header", "source_no", ("source_type", "Customer")),
        Reference("Price List Header", "assign_to_no", ("source_type", "Customer")),
        Reference("Price List Line", "source_no", ("source_type", "Customer")),
        Reference("Price List Line", "assign_to_no", ("source_type", "Customer")),
    ),
    "Vendor": (Reference("Contact", "vendor_no"), Reference("Item", "vendor_no")),
    "Contact": (Reference("Sales Header", "sell_to_contact_no"), Reference("Opportunity", "contact_company_no")),
    "Customer Price Group": (
        Reference("Price List Header", "source_no", ("source_type", "Customer Price Group")),
        Reference("Price List Header", "assign_to_no", ("source_type", "Customer Price Group")),
        Reference("Price List Line", "source_no", ("source_type", "Customer Price Group")),
        Reference("Price List Line", "assign_to_no", ("source_type", "Customer Price Group")),
        Reference("Sales Price", "sales_code", ("sales_type", "Customer Price Group")),
        Reference("Sales Header", "customer_price_group"),
    ),
    "Item": (
        Reference("Sales Line", "no", ("type", "Item")),
        Reference("Sales Shipment Line", "no", ("type", "Item")),
        Reference("Price List Line", "asset_no", ("asset_type", "Item")),
        Reference("Price List Line", "product_no", ("asset_type", "Item")),
        Reference("Sales Price", "item_no"),
    ),
    "Resource": (
        Reference("Sales Line", "no", ("type", "Resource")),
        Reference("Sales Shipment Line", "no", ("type", "Resource")),
        Reference("Price List Line", "asset_no", ("asset_type", "Resource")),
        Reference("Price List Line", "product_no", ("asset_type", "Resource")),
    ),
}
_CONDITIONAL_CODES = {("Sales Line", "no")}
"""Columns that hold keys of several tables; only the conditional references above say whose."""


@lru_cache(maxsize=4096)
def related(service: str, prop: Property) -> tuple[str, str] | None:
    """Table and column that a code property must be found in."""
    schema = load_schema()
    if prop.relates_to is None or prop.kind == "guid":
        return None
    target = schema.find_page(service, prop.relates_to[0])
    if target is None or target.properties[prop.relates_to[1]].field is None:
        return None
    table = schema.tables[target.table]
    field = target.properties[prop.relates_to[1]].field or ""
    # Only key fields are relations; "customers.displayName" merely says where a text comes from.
    return (target.table, table.column(field)) if field in table.key else None


@lru_cache(maxsize=1)
def references() -> dict[str, list[Reference]]:
    """For each table what holds its key, so that a rename can follow it."""
    schema = load_schema()
    found: dict[str, set[Reference]] = {name: set(hidden) for name, hidden in _HIDDEN.items()}
    for service, pages in schema.services.items():
        for page in pages.values():
            for prop in page.properties.values():
                target = related(service, prop)
                if target is not None and prop.field in schema.tables[page.table].fields:
                    column = schema.tables[page.table].column(prop.field or "")
                    found.setdefault(target[0], set()).add(Reference(page.table, column))
    for table in schema.tables.values():
        for derived in table.derived_ids.values():
            column = table.column(derived.code_field)
            if (table.name, column) not in _CONDITIONAL_CODES:
                found.setdefault(derived.table, set()).add(Reference(table.name, column))
    return {
        name: sorted(items, key=lambda item: (item.table, item.column, item.when or ()))
        for name, items in found.items()
    }
