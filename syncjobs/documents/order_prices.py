"""The price list of an order that was made in Sales from Business Central's: its own, with its prices.

Its rows lie under keys derived from the order, so that they come once, and in one request with it.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from connector.choices import System
from connector.http.batch import Part
from syncjobs.choices import OperationKind
from syncjobs.documents import journal
from syncjobs.documents.amounts import amount, plain
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.engine.context import JobRun
from syncjobs.engine.keys import derived_key
from syncjobs.engine.rules.price_rows import ITEMS_TABLE, LISTS_TABLE, item_body

OWN_LIST = "price_list"
"""Where a document's marks hold the key of its own list."""


def own_list(
    run: JobRun, order_key: UUID, number: str, currency: str, rows: Sequence[Mapping[str, Any]]
) -> tuple[UUID, list[Part]]:
    """The key of an order's list, and the requests that make it with a price for each product and unit of `rows`."""
    key = derived_key(run.connection.slug, LISTS_TABLE, order_key, 0)
    made = {
        "pricelevelid": str(key), "name": f"Business Central Order {number} Price List",
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency})",
    }  # fmt: skip
    parts = [Part("POST", LISTS_TABLE, made)]
    given: set[UUID] = set()
    for row in rows:
        if "productid@odata.bind" not in row:
            continue
        product, unit = (_bound(row[f"{name}@odata.bind"]) for name in ("productid", "uomid"))
        item = _item_key(run, key, product, unit)
        if item not in given:
            given.add(item)
            body = item_body(str(key), product, unit, row["priceperunit"])
            parts.append(Part("POST", ITEMS_TABLE, {"productpricelevelid": str(item), **body}))
    return key, parts


def keep_prices(run: JobRun, document: SalesDocument, lines: Sequence[Mapping[str, Any]]) -> None:
    """Prices that the salesperson changed in these lines count in the order's own list, where it has one."""
    if OWN_LIST not in document.marks:
        return
    price_list = UUID(document.marks[OWN_LIST])
    changes = {}
    for line in lines:
        product, unit = line["_productid_value"], line["_uomid_value"]
        if product and unit:
            item = _item_key(run, price_list, str(product), str(unit))
            body = {"amount": plain(amount(line["priceperunit"]))}
            changes[item] = Change(
                document, System.SALES, ITEMS_TABLE, OperationKind.UPDATE, body, key=item, sales_key=item
            )
    journal.write(run, list(changes.values()))


def _item_key(run: JobRun, price_list: UUID, product: str, unit: str) -> UUID:
    return derived_key(run.connection.slug, ITEMS_TABLE, f"{price_list} {product.lower()} {unit.lower()}", 0)


def _bound(address: str) -> str:
    """The key in `/products(…)`."""
    return address.partition("(")[2].rstrip(")")
