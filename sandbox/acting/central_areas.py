"""What the order processor's pages show: areas over API pages and the companion's, and the parts of records."""

from dataclasses import dataclass

from sandbox.business_central.schema import COMPANION_SERVICE, STANDARD_SERVICE


@dataclass(frozen=True, slots=True)
class Area:
    """``name`` is the entity set that lists and identifies rows; ``extra`` shows more fields of the same rows."""

    name: str
    title: str
    group: str
    columns: tuple[str, ...]
    service: str = STANDARD_SERVICE
    extra: str = ""
    search: str = "displayName"
    number: str = "number"
    listed: bool = True
    """Lines are reached through their document only."""


_PARTY = ("number", "displayName", "city", "country", "phoneNumber", "salespersonCode", "blocked")
_DOCUMENT = ("number", "customerName", "externalDocumentNumber", "totalAmountIncludingTax", "status")
_LINE = ("sequence", "lineType", "lineObjectNumber", "description", "quantity", "unitPrice")

AREAS = {
    area.name: area
    for area in (
        Area("customers", "Customers", "Sales", _PARTY, extra="customerExtras"),
        Area("contacts", "Contacts", "Sales", ("number", "displayName", "type", "companyName", "email")),
        Area("salesQuotes", "Sales Quotes", "Sales", _DOCUMENT, search="customerName"),
        Area("salesOrders", "Sales Orders", "Sales", _DOCUMENT, search="customerName"),
        Area("salesInvoices", "Sales Invoices", "Sales", (*_DOCUMENT, "remainingAmount"), search="customerName"),
        Area("salesCreditMemos", "Sales Credit Memos", "Sales", (*_DOCUMENT, "invoiceNumber"), search="customerName"),
        Area(
            "salesShipments",
            "Posted Shipments",
            "History",
            ("number", "customerName", "orderNumber", "postingDate"),
            search="customerName",
        ),
        Area(
            "salesQuoteArchives",
            "Quote Archive",
            "History",
            ("number", "versionNumber", "sellToCustomerName", "dateArchived"),
            search="sellToCustomerName",
        ),
        Area(
            "salesOrderArchives",
            "Order Archive",
            "History",
            ("number", "versionNumber", "sellToCustomerName", "dateArchived"),
            search="sellToCustomerName",
        ),
        Area("items", "Items", "Products", ("number", "displayName", "type", "unitPrice", "inventory", "blocked")),
        Area(
            "resources",
            "Resources",
            "Products",
            ("number", "displayName", "type", "unitPrice", "blocked"),
            service=COMPANION_SERVICE,
        ),
        Area(
            "priceLists",
            "Sales Price Lists",
            "Products",
            ("code", "displayName", "sourceType", "sourceNumber", "status"),
            service=COMPANION_SERVICE,
            number="code",
        ),
        Area(
            "customerPriceGroups",
            "Customer Price Groups",
            "Products",
            ("code", "displayName"),
            service=COMPANION_SERVICE,
            number="code",
        ),
        Area(
            "itemUnitsOfMeasure",
            "Item Units of Measure",
            "Products",
            ("itemNumber", "code", "quantityPerUnitOfMeasure"),
            service=COMPANION_SERVICE,
            search="itemNumber",
            number="code",
        ),
        Area(
            "salespeoplePurchasers", "Salespeople", "Setup", ("code", "displayName", "email", "phoneNo"), number="code"
        ),
        Area("vendors", "Vendors", "Purchase", ("number", "displayName", "city", "country", "phoneNumber")),
        Area("currencies", "Currencies", "Setup", ("code", "displayName", "symbol"), number="code"),
        Area("paymentTerms", "Payment Terms", "Setup", ("code", "displayName", "dueDateCalculation"), number="code"),
        Area("shipmentMethods", "Shipment Methods", "Setup", ("code", "displayName"), number="code"),
        Area(
            "shippingAgents",
            "Shipping Agents",
            "Setup",
            ("code", "displayName"),
            service=COMPANION_SERVICE,
            number="code",
        ),
        Area("unitsOfMeasure", "Units of Measure", "Setup", ("code", "displayName"), number="code"),
        Area("countriesRegions", "Countries/Regions", "Setup", ("code", "displayName"), number="code"),
        Area(
            "salesReceivablesSetups",
            "Sales & Receivables Setup",
            "Setup",
            ("customerNumberSeries", "archiveQuotes"),
            service=COMPANION_SERVICE,
            search="",
            number="",
        ),
        Area("salesOrderLines", "Order Lines", "", (*_LINE, "shippedQuantity", "invoicedQuantity"), listed=False),
        Area("salesQuoteLines", "Quote Lines", "", _LINE, listed=False),
        Area("salesInvoiceLines", "Invoice Lines", "", _LINE, listed=False),
        Area("salesCreditMemoLines", "Credit Memo Lines", "", _LINE, listed=False),
        Area(
            "salesShipmentLines",
            "Shipment Lines",
            "",
            ("sequence", "lineObjectNumber", "description", "quantity"),
            listed=False,
        ),
        Area(
            "priceListLines",
            "Price List Lines",
            "",
            ("lineNumber", "assetType", "assetNumber", "unitOfMeasureCode", "unitPrice"),
            service=COMPANION_SERVICE,
            listed=False,
        ),
        Area("salesOrderArchiveLines", "Archived Lines", "", _LINE, listed=False),
        Area("salesQuoteArchiveLines", "Archived Lines", "", _LINE, listed=False),
        Area(
            "itemLedgerEntries",
            "Item Ledger Entries",
            "",
            ("entryNumber", "postingDate", "entryType", "documentNumber", "quantity"),
            listed=False,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of another area that belong to a record: ``match`` pairs their properties with the record's."""

    area: str
    match: tuple[tuple[str, str], ...]


def _lines(area: str) -> tuple[Part, ...]:
    return (Part(area, (("documentId", "id"),)),)


def _archived(area: str) -> tuple[Part, ...]:
    return (Part(area, (("documentNumber", "number"), ("versionNumber", "versionNumber"))),)


PARTS: dict[str, tuple[Part, ...]] = {
    "salesOrders": _lines("salesOrderLines"),
    "salesQuotes": _lines("salesQuoteLines"),
    "salesInvoices": _lines("salesInvoiceLines"),
    "salesCreditMemos": _lines("salesCreditMemoLines"),
    "salesShipments": _lines("salesShipmentLines"),
    "salesOrderArchives": _archived("salesOrderArchiveLines"),
    "salesQuoteArchives": _archived("salesQuoteArchiveLines"),
    "priceLists": (Part("priceListLines", (("priceListCode", "code"),)),),
    "items": (
        Part("itemUnitsOfMeasure", (("itemNumber", "number"),)),
        Part("priceListLines", (("assetNumber", "number"),)),
        Part("itemLedgerEntries", (("itemNumber", "number"),)),
    ),
    "customers": (
        Part("salesOrders", (("customerNumber", "number"),)),
        Part("salesInvoices", (("customerNumber", "number"),)),
    ),
}
