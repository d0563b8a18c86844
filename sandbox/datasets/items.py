"""Items of the datasets."""

import random
from collections.abc import Iterable, Iterator
from decimal import Decimal

from sandbox.datasets.central_rows import CentralRows
from sandbox.datasets.people import random_id
from sandbox.datasets.words import ENDINGS, ROOTS
from sandbox.storage import Row

_GOODS = (
    "Desk Lamp", "Rain Jacket", "Toolbox", "Oak Table", "Coffee Mill", "Bicycle Bell", "Work Gloves", "Tea Kettle",
    "Filing Cabinet", "Ladder", "Rope", "Paint Roller", "Notebook", "Headset", "Water Bottle", "Cutting Board",
    "Storage Crate", "Hand Truck", "Wall Clock", "Extension Cord", "Garden Hose", "Safety Helmet", "Office Chair",
    "Sail Cloth", "Pump", "Valve", "Bearing", "Sensor", "Battery Pack", "Wool Blanket",
)  # fmt: skip
_VARIANTS = ("", "Classic", "Pro", "Compact", "XL", "Eco")


def item_name(index: int) -> str:
    """Distinct for a million and a half indexes."""
    goods, rest = index % len(_GOODS), index // len(_GOODS)
    variant, rest = rest % len(_VARIANTS), rest // len(_VARIANTS)
    root, rest = rest % len(ROOTS), rest // len(ROOTS)
    ending, rest = rest % len(ENDINGS), rest // len(ENDINGS)
    name = " ".join(part for part in (_GOODS[goods], _VARIANTS[variant], ROOTS[root] + ENDINGS[ending]) if part)
    return f"{name} {rest + 1}" if rest else name


def item_row(rows: CentralRows, row_id: str, number: str, name: str, price: Decimal, kind: str = "Inventory") -> Row:
    services = kind == "Service"
    return {
        **rows.template("Item"),
        "system_id": row_id,
        "no": number,
        "description": name,
        "search_description": name.upper(),
        "type": kind,
        "base_unit_of_measure": "HOUR" if services else "PCS",
        "sales_unit_of_measure": "HOUR" if services else "PCS",
        "unit_price": price,
        "unit_cost": round(price * Decimal("0.62"), 2),
        "gen_prod_posting_group": "SERVICES" if services else "RETAIL",
        "vat_prod_posting_group": "STANDARD",
        "inventory_posting_group": "RESALE" if kind == "Inventory" else "",
        "allow_invoice_disc": True,
    }


def item_unit_row(rows: CentralRows, row_id: str, item: str, code: str, quantity: Decimal) -> Row:
    return {
        **rows.template("Item Unit of Measure"),
        "system_id": row_id,
        "item_no": item,
        "code": code,
        "qty_per_unit_of_measure": quantity,
    }


def bulk_items(rng: random.Random, rows: CentralRows, count: int) -> Iterator[tuple[str, Iterable[Row]]]:
    """Uncoupled items, one in ten blocked, each with its base unit."""
    for start in range(1, count + 1, 2000):
        items, units = [], []
        for index in range(start, min(start + 2000, count + 1)):
            number = f"B{index:07d}"
            price = Decimal(rng.randrange(100, 100_000)) / 100
            row = item_row(rows, random_id(rng), number, item_name(index), price)
            row["blocked"] = index % 10 == 0
            items.append(row)
            units.append(item_unit_row(rows, random_id(rng), number, "PCS", Decimal(1)))
        yield rows.storage("Item"), items
        yield rows.storage("Item Unit of Measure"), units
