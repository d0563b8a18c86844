"""The Business Central company that every dataset starts from: set-up, codes and number series, no master data."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sandbox.datasets.central_rows import STAMP, CentralRows
from sandbox.datasets.words import COUNTRIES
from sandbox.dataverse.wellknown import CURRENCIES, CURRENCY_IDS, fixed_id
from sandbox.storage import Row

COMPANY_ID = "5a1f0c52-0000-4000-8000-000000000001"
COMPANY_NAME = "Nordhavn Trading"
LOCAL_CURRENCY = "EUR"
FOREIGN_CURRENCIES = ("USD", "GBP")
FREIGHT_ACCOUNT = "8640"
MORE_COUNTRIES = (
    ("BE", "Belgium"), ("CZ", "Czechia"), ("ES", "Spain"), ("FI", "Finland"), ("IE", "Ireland"), ("IT", "Italy"),
    ("LU", "Luxembourg"), ("NO", "Norway"), ("PT", "Portugal"), ("CA", "Canada"), ("AU", "Australia"), ("JP", "Japan"),
)  # fmt: skip
PAYMENT_TERMS = (
    ("COD", "Cash on delivery", "0D", "", "0"),
    ("10 DAYS", "Net 10 days", "10D", "", "0"),
    ("14 DAYS", "Net 14 days", "14D", "", "0"),
    ("30 DAYS", "Net 30 days", "30D", "", "0"),
    ("60 DAYS", "Net 60 days", "60D", "", "0"),
    ("CM", "Current month", "CM", "", "0"),
    ("1M(8D)", "1 month, 2% within 8 days", "1M", "8D", "2"),
)
SHIPMENT_METHODS = (
    ("CIF", "Cost, insurance and freight"),
    ("DAP", "Delivered at place"),
    ("EXW", "Ex works"),
    ("FOB", "Free on board"),
    ("PICKUP", "Picked up by customer"),
)
PAYMENT_METHODS = (("BANK", "Bank transfer"), ("CASH", "Cash"), ("CARD", "Card payment"), ("DEBIT", "Direct debit"))
SHIPPING_AGENTS = (
    ("DHL", "DHL", "https://www.dhl.com"),
    ("FEDEX", "FedEx", "https://www.fedex.com"),
    ("OWN LOG.", "Own logistics", ""),
    ("UPS", "UPS", "https://www.ups.com"),
)
UNITS = (
    ("BOX", "Box", "BX"),
    ("DAY", "Day", "DAY"),
    ("HOUR", "Hour", "HUR"),
    ("KG", "Kilogram", "KGM"),
    ("MILES", "Miles", "SMI"),
    ("PACK", "Pack", "PK"),
    ("PALLET", "Pallet", "PX"),
    ("PCS", "Piece", "EA"),
    ("SET", "Set", "SET"),
)
DIMENSIONS = (
    ("DEPARTMENT", "Department", (("ADM", "Administration"), ("PROD", "Production"), ("SALES", "Sales"))),
    ("PROJECT", "Project", (("FAIR", "Trade fair"), ("OUTLET", "Outlet opening"))),
    ("REGION", "Region", (("EAST", "East"), ("NORTH", "North"), ("SOUTH", "South"), ("WEST", "West"))),
)
NUMBER_SERIES = (
    ("CUST", "Customers", "C00010", True),
    ("VEND", "Vendors", "V00010", True),
    ("CONT", "Contacts", "CT000010", True),
    ("ITEM", "Items", "1000", True),
    ("RES", "Resources", "R0010", True),
    ("OPP", "Opportunities", "OP000010", True),
    ("S-QUO", "Sales quotes", "SQ1001", False),
    ("S-ORD", "Sales orders", "SO101001", False),
    ("S-INV", "Sales invoices", "SI102001", False),
    ("S-INV+", "Posted sales invoices", "PSI103001", False),
    ("S-SHPT", "Posted sales shipments", "PSS104001", False),
    ("S-CR", "Sales credit memos", "SC105001", False),
    ("S-CR+", "Posted sales credit memos", "PSC106001", False),
    ("S-PLIST", "Sales price lists", "S00010", True),
)
_ACCOUNTS = (
    ("1220", "Inventory", "Assets", "", ""),
    ("1310", "Trade receivables", "Assets", "", ""),
    ("4610", "VAT payable", "Liabilities", "", ""),
    ("6110", "Sales, retail, domestic", "Income", "RETAIL", "STANDARD"),
    ("6120", "Sales, retail, EU", "Income", "RETAIL", "STANDARD"),
    ("6210", "Sales, services", "Income", "SERVICES", "STANDARD"),
    (FREIGHT_ACCOUNT, "Freight and postage", "Expense", "FREIGHT", "STANDARD"),
)
_VAT = (("DOMESTIC", "19"), ("EU", "0"), ("EXPORT", "0"))
_PRODUCT_GROUPS = (
    ("RETAIL", "Retail goods"),
    ("SERVICES", "Services"),
    ("FREIGHT", "Freight"),
    ("RAW MAT", "Materials"),
)
_VAT_PRODUCT_GROUPS = (("STANDARD", Decimal(1)), ("REDUCED", Decimal("0.37")), ("ZERO", Decimal(0)))


def company_row() -> Row:
    return {
        "id": COMPANY_ID,
        "name": COMPANY_NAME,
        "display_name": COMPANY_NAME,
        "business_profile_id": "",
        "system_created_at": STAMP,
        "system_modified_at": STAMP,
    }


def currency_rows(rows: CentralRows, codes: tuple[str, ...]) -> Iterator[tuple[str, list[Row]]]:
    """Currencies with one rate each, relative to the local currency."""
    yield (
        "Currency",
        [
            rows.row(
                "Currency",
                {
                    "system_id": CURRENCY_IDS[code],
                    "code": code,
                    "description": CURRENCIES[code][0],
                    "symbol": CURRENCIES[code][1],
                    "iso_code": code,
                    "amount_decimal_places": "2:2",
                    "invoice_rounding_precision": Decimal("0.01"),
                    "amount_rounding_precision": Decimal("0.01"),
                    "unit_amount_rounding_precision": Decimal("0.001"),
                },
            )
            for code in codes
        ],
    )
    yield (
        "Currency Exchange Rate",
        [
            rows.row(
                "Currency Exchange Rate",
                {
                    "currency_code": code,
                    "starting_date": "2025-01-01",
                    "exchange_rate_amount": Decimal(100),
                    "relational_exch_rate_amount": round(100 / Decimal(CURRENCIES[code][2]), 4),
                },
            )
            for code in codes
        ],
    )


def company(rows: CentralRows) -> Iterator[tuple[str, list[Row]]]:
    """(table, rows) of everything that exists before any business data."""
    yield from _setup(rows)
    yield from currency_rows(rows, FOREIGN_CURRENCIES)
    yield from _code_tables(rows)
    yield from _posting(rows)


def further_company(name: str) -> list[tuple[str, list[Row]]]:
    """The set-up of another company: the same codes under ids of its own."""
    found = []
    for table, rows in company(CentralRows()):
        own = [{**row, "system_id": fixed_id(name, row["system_id"])} for row in rows]
        if table == "Company Information":
            own = [{**row, "name": name} for row in own]
        found.append((table, own))
    return found


def _setup(rows: CentralRows) -> Iterator[tuple[str, list[Row]]]:
    yield (
        "Company Information",
        [
            rows.row(
                "Company Information",
                {
                    "name": COMPANY_NAME,
                    "address": "Hafenstraße 4",
                    "city": "Hamburg",
                    "post_code": "20457",
                    "country_region_code": "DE",
                    "phone_no": "+49 40 5550100",
                    "e_mail": "office@nordhavn.example",
                    "home_page": "https://www.nordhavn.example",
                    "vat_registration_no": "DE811111111",
                },
            )
        ],
    )
    yield (
        "General Ledger Setup",
        [
            rows.row(
                "General Ledger Setup",
                {
                    "lcy_code": LOCAL_CURRENCY,
                    "local_currency_symbol": "€",
                    "shortcut_dimension_1_code": DIMENSIONS[0][0],
                    "shortcut_dimension_2_code": DIMENSIONS[1][0],
                },
            )
        ],
    )
    yield (
        "Sales & Receivables Setup",
        [
            rows.row(
                "Sales & Receivables Setup",
                {
                    "discount_posting": "All Discounts",
                    "credit_warnings": "Both Warnings",
                    "stockout_warning": True,
                    "shipment_on_invoice": True,
                    "calc_inv_discount": False,
                    "default_posting_date": "Work Date",
                    "default_quantity_to_ship": "Remainder",
                    "price_calculation_method": "Lowest Price",
                    "customer_nos": "CUST",
                    "quote_nos": "S-QUO",
                    "order_nos": "S-ORD",
                    "invoice_nos": "S-INV",
                    "posted_invoice_nos": "S-INV+",
                    "posted_shipment_nos": "S-SHPT",
                    "price_list_nos": "S-PLIST",
                    "archive_quotes": "Always",
                    "archive_orders": True,
                    "freight_g_l_acc_no": FREIGHT_ACCOUNT,
                    "company_contact_per_customer": True,
                },
            )
        ],
    )
    yield (
        "No. Series",
        [
            rows.row("No. Series", {"code": code, "description": text, "starting_no": start, "manual_nos": manual})
            for code, text, start, manual in NUMBER_SERIES
        ],
    )


def _code_tables(rows: CentralRows) -> Iterator[tuple[str, list[Row]]]:
    def coded(table: str, values: Any, *columns: str) -> tuple[str, list[Row]]:
        return table, [rows.row(table, dict(zip(columns, value, strict=True))) for value in values]

    countries = sorted([(country.code, country.name) for country in COUNTRIES] + list(MORE_COUNTRIES))
    yield coded("Country/Region", countries, "code", "name")
    yield (
        "Payment Terms",
        [
            rows.row(
                "Payment Terms",
                {
                    "code": code,
                    "description": text,
                    "due_date_calculation": due,
                    "discount_date_calculation": discount_due,
                    "discount_percent": Decimal(discount),
                },
            )
            for code, text, due, discount_due, discount in PAYMENT_TERMS
        ],
    )
    yield coded("Shipment Method", SHIPMENT_METHODS, "code", "description")
    yield coded("Payment Method", PAYMENT_METHODS, "code", "description")
    yield coded("Shipping Agent", SHIPPING_AGENTS, "code", "name", "internet_address")
    yield coded("Unit of Measure", UNITS, "code", "description", "international_standard_code")
    yield (
        "Location",
        [
            rows.row(
                "Location",
                {
                    "code": "MAIN",
                    "name": "Main warehouse",
                    "address": "Am Speicher 12",
                    "city": "Hamburg",
                    "post_code": "20457",
                    "country_region_code": "DE",
                },
            )
        ],
    )
    yield coded("Dimension", [(code, name) for code, name, _ in DIMENSIONS], "code", "name")
    values = [(dimension, code, name) for dimension, _, found in DIMENSIONS for code, name in found]
    yield coded("Dimension Value", values, "dimension_code", "code", "name")
    yield coded("Tax Group", (("STANDARD", "Taxable"), ("ZERO", "Not taxable")), "code", "description")


def _posting(rows: CentralRows) -> Iterator[tuple[str, list[Row]]]:
    yield (
        "Gen. Product Posting Group",
        [
            rows.row(
                "Gen. Product Posting Group",
                {
                    "code": code,
                    "description": text,
                    "def_vat_prod_posting_group": "STANDARD",
                    "auto_insert_default": True,
                },
            )
            for code, text in _PRODUCT_GROUPS
        ],
    )
    yield (
        "Inventory Posting Group",
        [
            rows.row("Inventory Posting Group", {"code": code, "description": text})
            for code, text in (("RESALE", "Goods for resale"), ("FINISHED", "Finished goods"))
        ],
    )
    yield (
        "VAT Posting Setup",
        [
            rows.row(
                "VAT Posting Setup",
                {
                    "vat_bus_posting_group": business,
                    "vat_prod_posting_group": product,
                    "vat_percent": Decimal(rate) * factor,
                },
            )
            for business, rate in _VAT
            for product, factor in _VAT_PRODUCT_GROUPS
        ],
    )
    yield (
        "G/L Account",
        [
            rows.row(
                "G/L Account",
                {
                    "no": number,
                    "name": name,
                    "account_category": category,
                    "account_type": "Posting",
                    "direct_posting": bool(group),
                    "gen_prod_posting_group": group,
                    "vat_prod_posting_group": vat,
                },
            )
            for number, name, category, group, vat in _ACCOUNTS
        ],
    )
