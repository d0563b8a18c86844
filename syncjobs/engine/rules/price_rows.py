"""Price lists of Sales and their items, as the rules of products, prices and invoices look at them.

The default price list holds one item per product and unit. It is found by its name, under which people may have made it
themselves, and created where there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from typing import Any
from uuid import UUID

from connector.choices import System
from connector.models import Connection
from coupling.models import SalesRecord
from syncjobs.choices import OperationKind
from syncjobs.engine.blueprint import COMPANY_READ, COMPANY_WRITE, Blueprint
from syncjobs.engine.keys import derived_key
from syncjobs.engine.lookups import Lookups, load_local_currency
from syncjobs.engine.rules.unit_rows import Unit
from syncjobs.engine.writes import PlannedWrite

SALES = System.SALES
LISTS_TABLE, ITEMS_TABLE = "pricelevels", "productpricelevels"
LIST_PROPERTIES = ("name", "_transactioncurrencyid_value", "statecode")
ITEM_PROPERTIES = ("_pricelevelid_value", "_productid_value", "_uomid_value", "amount", "productnumber")
CURRENCY_READ = "_transactioncurrencyid_value"
_NAME = "Business Central Default Price List"
_NAME_IN = "Business Central {} Default Price List"
_CURRENCY_AMOUNT = 1
_CENT = Decimal("0.01")
_DEFAULT, _ITEMS = "default_price_list", "price_list_items"


@dataclass(frozen=True, slots=True)
class ListItem:
    """A row of `productpricelevels`."""

    key: UUID
    amount: Decimal


def default_list_names(currency: str) -> tuple[str, str]:
    """The usual name, and the one for a company whose local currency is not the usual list's."""
    return _NAME, _NAME_IN.format(currency)


def find_default_list(connection: Connection, lookups: Lookups) -> str:
    """Key of the default price list in the local currency, "" where there is none."""
    rows = SalesRecord.objects.of_table(connection.pk, LISTS_TABLE).alive()
    names = default_list_names(lookups.local_currency)
    return _default_of(rows.filter(values__name__in=names).values_list("key", "values"), lookups)


def _default_of(rows: Iterable[tuple[UUID, Mapping[str, Any]]], lookups: Lookups) -> str:
    names = default_list_names(lookups.local_currency)
    found = {
        str(values["name"]): str(key)
        for key, values in sorted(rows, key=lambda row: row[0], reverse=True)
        if values.get("name") in names and str(values.get(CURRENCY_READ) or "").lower() == lookups.local_currency_key
    }
    return next((found[name] for name in names if name in found), "")


def new_default_list(blueprint: Blueprint, connection: Connection) -> Sequence[PlannedWrite]:
    """The creation of the default price list where it is missing and its currency exists."""
    lookups = Lookups(local_currency=blueprint.facts.local_currency)
    load_local_currency(lookups, connection)
    if not lookups.local_currency_key:
        return ()
    # One look: items and resources may both be making the list, and have to do so under the same key.
    rows = list(SalesRecord.objects.of_table(connection.pk, LISTS_TABLE).values_list("key", "values", "deleted_at"))
    alive = [(key, values) for key, values, deleted_at in rows if deleted_at is None]
    if _default_of(alive, lookups):
        return ()
    usual, other = default_list_names(lookups.local_currency)
    name = other if any(values.get("name") == usual for _, values in alive) else usual
    taken = {key for key, _, _ in rows}
    key = next(each for times in count() if (each := _key(blueprint, name, times)) not in taken)
    after = {"name": name, "transactioncurrencyid@odata.bind": f"/transactioncurrencies({lookups.local_currency_key})"}
    base: dict[str, Any] = {"name": name, CURRENCY_READ: lookups.local_currency_key, "statecode": 0}
    if blueprint.facts.company_row:
        after[COMPANY_WRITE] = f"/bcbi_companies({blueprint.facts.company_row})"
        base[COMPANY_READ] = blueprint.facts.company_row
    return (
        PlannedWrite(
            SALES,
            OperationKind.CREATE,
            record_id=key,
            after=after,
            sales_base=base,
            title=name,
            table=LISTS_TABLE,
            is_step=True,
        ),
    )


def _key(blueprint: Blueprint, name: str, times: int) -> UUID:
    return derived_key(blueprint.facts.slug, LISTS_TABLE, name, times)


def load_default_items(lookups: Lookups, connection: Connection, products: Collection[str]) -> None:
    """Fills `lookups` with the default price list and its items of `products`: three queries."""
    load_local_currency(lookups, connection)
    default = lookups.extra[_DEFAULT] = find_default_list(connection, lookups)
    if default:
        load_items(lookups, connection, products, [default])


def load_items(lookups: Lookups, connection: Connection, products: Collection[str], lists: Collection[str]) -> None:
    """Fills `lookups` with the items of `products` in `lists`."""
    rows = SalesRecord.objects.of_table(connection.pk, ITEMS_TABLE).alive()
    rows = rows.filter(values___productid_value__in=sorted(products), values___pricelevelid_value__in=sorted(lists))
    found: dict[tuple[str, str, str], ListItem] = lookups.extra.setdefault(_ITEMS, {})
    for key, values in rows.values_list("key", "values") if products and lists else ():
        found[_identity(values)] = ListItem(key, Decimal(str(values.get("amount") or 0)))


def default_list(lookups: Lookups) -> str:
    """Key of the loaded default price list."""
    key: str = lookups.extra.get(_DEFAULT, "")
    return key


def list_item(lookups: Lookups, price_list: str, product: str, unit: str) -> ListItem | None:
    """A loaded item."""
    found: Mapping[tuple[str, str, str], ListItem] = lookups.extra.get(_ITEMS, {})
    return found.get((price_list.lower(), product.lower(), unit.lower()))


def default_item_write(
    lookups: Lookups, slug: str, product: str, unit: Unit, price: Any, title: str
) -> PlannedWrite | None:
    """What puts the default list's item for one unit of a product right; None when it is."""
    price_list = default_list(lookups)
    amount = max(Decimal(0), Decimal(str(price or 0)) * unit.quantity).quantize(_CENT, ROUND_HALF_UP)
    known = list_item(lookups, price_list, product, unit.key)
    if known is not None:
        if known.amount == amount:
            return None
        return PlannedWrite(
            SALES,
            OperationKind.UPDATE,
            record_id=known.key,
            before={"amount": known.amount},
            after={"amount": amount},
            sales_base={"amount": amount},
            title=f"{title}, {unit.name}",
            table=ITEMS_TABLE,
            is_step=True,
        )
    return new_item(slug, price_list, product, unit, amount, f"{title}, {unit.name}")


def new_item(slug: str, price_list: str, product: str, unit: Unit, amount: Decimal, title: str) -> PlannedWrite:
    return PlannedWrite(
        SALES,
        OperationKind.CREATE,
        record_id=derived_key(slug, ITEMS_TABLE, f"{price_list} {product} {unit.key}", 0),
        after=item_body(price_list, product, unit.key, amount),
        sales_base={
            "_pricelevelid_value": price_list,
            "_productid_value": product,
            "_uomid_value": unit.key,
            "amount": amount,
        },
        title=title,
        table=ITEMS_TABLE,
        is_step=True,
    )


def item_body(price_list: str, product: str, unit: str, amount: Any) -> dict[str, Any]:
    """An item of a list that says a price as an amount."""
    return {
        "pricelevelid@odata.bind": f"/pricelevels({price_list})",
        "productid@odata.bind": f"/products({product})",
        "uomid@odata.bind": f"/uoms({unit})",
        "pricingmethodcode": _CURRENCY_AMOUNT,
        "amount": amount,
    }


def _identity(values: Mapping[str, Any]) -> tuple[str, str, str]:
    names = ("_pricelevelid_value", "_productid_value", "_uomid_value")
    found = [str(values.get(name) or "").lower() for name in names]
    return found[0], found[1], found[2]
