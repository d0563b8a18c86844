"""What the demo company sells and to whom: items, resources, units, price groups and lists, documents."""

import random
from collections.abc import Iterable, Iterator
from decimal import Decimal

from sandbox.datasets.central_rows import CentralRows
from sandbox.datasets.items import item_name, item_row, item_unit_row
from sandbox.datasets.people import random_id
from sandbox.storage import Row

PRICE_GROUPS = ("RETAIL", "WHOLESALE", "ONLINE", "VIP")
_GROUP_NAMES = {"RETAIL": "Retail shops", "WHOLESALE": "Wholesalers", "ONLINE": "Online shops", "VIP": "Key customers"}
ITEMS = 150
RESOURCES = 20
_CATEGORIES = (
    ("FURNITURE", "Furniture"), ("TOOLS", "Tools"), ("OFFICE", "Office supplies"), ("OUTDOOR", "Outdoor"),
    ("PARTS", "Spare parts"),
)  # fmt: skip
_TRADES = (
    ("Rigger", "Person"), ("Electrician", "Person"), ("Carpenter", "Person"), ("Consultant", "Person"),
    ("Trainer", "Person"), ("Forklift", "Machine"), ("Crane", "Machine"), ("Delivery Van", "Machine"),
    ("Surveyor", "Person"), ("Painter", "Person"),
)  # fmt: skip


def generate(rng: random.Random, central: CentralRows) -> Iterator[tuple[str, Iterable[Row]]]:
    yield (
        central.storage("Item Category"),
        [central.row("Item Category", {"code": code, "description": text}) for code, text in _CATEGORIES],
    )
    yield (
        central.storage("Customer Price Group"),
        [
            central.row(
                "Customer Price Group",
                {
                    "code": code,
                    "description": _GROUP_NAMES[code],
                    "allow_line_disc": True,
                    "allow_invoice_disc": True,
                },
            )
            for code in PRICE_GROUPS
        ],
    )
    items = _items(rng, central)
    yield central.storage("Item"), items
    yield central.storage("Item Unit of Measure"), _item_units(rng, central, items)
    yield central.storage("Item Ledger Entry"), _stock(rng, central, items)
    resources = _resources(rng, central)
    yield central.storage("Resource"), resources
    yield central.storage("Resource Unit of Measure"), _resource_units(rng, central, resources)
    yield from _price_lists(rng, central, items, resources)


def _items(rng: random.Random, rows: CentralRows) -> list[Row]:
    made = []
    for index in range(ITEMS):
        kind = "Service" if index % 15 == 14 else "Non-Inventory" if index % 25 == 24 else "Inventory"
        price = Decimal(rng.randrange(400, 90_000)) / 100
        name = item_name(index * 61) if kind != "Service" else f"{item_name(index * 61)} Service"
        row = item_row(rows, random_id(rng), str(1000 + index), name, price, kind)
        row["item_category_code"] = rng.choice(_CATEGORIES)[0]
        row["blocked"] = index % 40 == 39
        row["gtin"] = f"40{rng.randrange(10**10, 10**11)}" if index % 3 == 0 else ""
        made.append(row)
    return made


def _item_units(rng: random.Random, rows: CentralRows, items: list[Row]) -> list[Row]:
    made = []
    for item in items:
        made.append(item_unit_row(rows, random_id(rng), item["no"], item["base_unit_of_measure"], Decimal(1)))
        if item["type"] == "Inventory" and rng.random() < 0.4:
            code, size = rng.choice((("BOX", 12), ("PACK", 6), ("PALLET", 144)))
            made.append(item_unit_row(rows, random_id(rng), item["no"], code, Decimal(size)))
    return made


def _stock(rng: random.Random, rows: CentralRows, items: list[Row]) -> list[Row]:
    made: list[Row] = []
    for item in items:
        if item["type"] == "Inventory":
            made.append(
                rows.row(
                    "Item Ledger Entry",
                    {
                        "entry_no": len(made) + 1,
                        "item_no": item["no"],
                        "posting_date": "2025-03-03",
                        "entry_type": "Positive Adjmt.",
                        "document_no": "START",
                        "description": "Opening stock",
                        "quantity": Decimal(rng.randrange(0, 400)),
                        "location_code": "MAIN",
                    },
                )
            )
    return made


def _resources(rng: random.Random, rows: CentralRows) -> list[Row]:
    made = []
    for index in range(RESOURCES):
        name, kind = _TRADES[index % len(_TRADES)]
        cost = Decimal(rng.randrange(28, 80))
        made.append(
            {
                **rows.template("Resource"),
                "system_id": random_id(rng),
                "no": f"R{(index + 1) * 10:04d}",
                "name": name if index < len(_TRADES) else f"{name}, senior",
                "type": kind,
                "base_unit_of_measure": "HOUR",
                "direct_unit_cost": cost,
                "unit_cost": cost,
                "unit_price": round(cost * Decimal("1.6"), 2),
                "gen_prod_posting_group": "SERVICES",
                "vat_prod_posting_group": "STANDARD",
                "blocked": index == RESOURCES - 1,
                "last_date_modified": "2025-03-03",
            }
        )
    return made


def _resource_units(rng: random.Random, rows: CentralRows, resources: list[Row]) -> list[Row]:
    made = []
    for resource in resources:
        for code, quantity in (("HOUR", 1), ("DAY", 8)):
            made.append(
                {
                    **rows.template("Resource Unit of Measure"),
                    "system_id": random_id(rng),
                    "resource_no": resource["no"],
                    "code": code,
                    "qty_per_unit_of_measure": Decimal(quantity),
                }
            )
    return made


def _price_lists(
    rng: random.Random, rows: CentralRows, items: list[Row], resources: list[Row]
) -> Iterator[tuple[str, list[Row]]]:
    headers, lines = [], []
    for index, group in enumerate(PRICE_GROUPS):
        header = rows.row(
            "Price List Header",
            {
                "code": f"S{(index + 1) * 10:05d}",
                "description": f"Prices {_GROUP_NAMES[group].lower()}",
                "status": "Active",
                "price_type": "Sale",
                "source_group": "Customer",
                "source_type": "Customer Price Group",
                "source_no": group,
                "assign_to_no": group,
                "amount_type": "Price",
                "allow_line_disc": True,
                "allow_invoice_disc": True,
            },
        )
        headers.append(header)
        factor = Decimal(("1.00", "0.82", "0.95", "0.78")[index])
        priced = [("Item", item, "PCS") for item in items if item["type"] == "Inventory" and rng.random() < 0.6]
        priced += [("Resource", resource, "HOUR") for resource in resources]
        for number, (kind, product, unit) in enumerate(priced, start=1):
            lines.append(_price_line(rows, random_id(rng), header, number * 10_000, kind, product, unit, factor))
    yield rows.storage("Price List Header"), headers
    yield rows.storage("Price List Line"), lines


def _price_line(
    rows: CentralRows, row_id: str, header: Row, number: int, kind: str, product: Row, unit: str, factor: Decimal
) -> Row:
    name = product.get("description") or product.get("name")
    return {
        **rows.template("Price List Line"),
        "system_id": row_id,
        "price_list_code": header["code"],
        "line_no": number,
        "price_type": "Sale",
        "status": "Active",
        "source_type": header["source_type"],
        "source_no": header["source_no"],
        "assign_to_no": header["source_no"],
        "asset_type": kind,
        "asset_no": product["no"],
        "product_no": product["no"],
        "description": name,
        "unit_of_measure_code": unit,
        "amount_type": "Price",
        "unit_price": round(product["unit_price"] * factor, 2),
        "allow_line_disc": True,
        "allow_invoice_disc": True,
    }
