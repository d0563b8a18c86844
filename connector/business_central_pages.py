"""Tables that are read from published pages where Business Central has no API for them: the companion's tables.

A page shows a table's rows under names of its own, without ids and time stamps. Here they get the companion's names, so
that the rest of the hub need not know where a table comes from, and an id derived from company, table and the row's
natural key: the same row always gets the same one, and a renamed one counts as another. Changes show by comparing all
rows, which these tables are small enough for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

_NAMESPACE = UUID("8a0f6d0e-6c0f-4a6e-9a52-0b0a4d3f6f10")


@dataclass(frozen=True, slots=True)
class Membership:
    """What a row is for belonging to a row of another page: a price list line has its list's price type.

    `name` refers to `key` of a row of `table`; rows without such a row get a blank for every name in `values`.
    """

    name: str
    table: str
    key: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PageTable:
    """`pages`: service names under which it may be published, best first. `properties`: companion's name → page's.

    `key` are the companion's names of the natural key, in the page's order. `labels`: properties whose values the page
    shows as people read them. `constants`: what every row of the page has without showing it.
    """

    pages: tuple[str, ...]
    key: tuple[str, ...]
    properties: Mapping[str, str]
    labels: frozenset[str] = frozenset()
    constants: Mapping[str, Any] = field(default_factory=dict)
    membership: Membership | None = None

    def page_name(self, name: str) -> str:
        return self.properties.get(name, "")

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A page's row under the companion's names, as far as it shows them."""
        found = {name: row[shown] for name, shown in self.properties.items() if shown in row}
        for name in self.labels & found.keys():
            found[name] = str(found[name] or " ").replace(" ", "_x0020_")
        return {**self.constants, **found}

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A request's values under the page's names. Raises KeyError for one that the page does not show."""
        return {self.properties[name]: value for name, value in values.items()}

    def record_key(self, company: UUID | None, table: str, values: Mapping[str, Any]) -> UUID:
        natural = "|".join(str(values.get(name) or "").strip().upper() for name in self.key)
        return uuid5(_NAMESPACE, f"{company}|{table}|{natural}")

    def address(self, values: Mapping[str, Any]) -> str:
        """The key as it stands in an address: `'FEDEX'` or `Item_No='1000',Code='BOX'`."""
        literals = {self.properties[name]: "'" + str(values[name]).replace("'", "''") + "'" for name in self.key}
        if len(literals) == 1:
            return next(iter(literals.values()))
        return ",".join(f"{name}={literal}" for name, literal in literals.items())


PAGE_TABLES: Mapping[str, PageTable] = {
    "shippingAgents": PageTable(
        ("hub_ShippingAgents", "Shipping_Agents"),
        ("code",),
        {"code": "Code", "displayName": "Name", "internetAddress": "Internet_Address", "accountNumber": "Account_No"},
    ),
    "resources": PageTable(
        ("hub_Resources", "Resource_Card"),
        ("number",),
        {
            "number": "No",
            "displayName": "Name",
            "displayName2": "Name_2",
            "type": "Type",
            "resourceGroupNumber": "Resource_Group_No",
            "baseUnitOfMeasureCode": "Base_Unit_of_Measure",
            "directUnitCost": "Direct_Unit_Cost",
            "unitCost": "Unit_Cost",
            "unitPrice": "Unit_Price",
            "generalProductPostingGroupCode": "Gen_Prod_Posting_Group",
            "vatProductPostingGroupCode": "VAT_Prod_Posting_Group",
            "blocked": "Blocked",
            "privacyBlocked": "Privacy_Blocked",
        },
    ),
    "itemUnitsOfMeasure": PageTable(
        ("hub_ItemUnitsOfMeasure", "Item_Units_of_Measure"),
        ("itemNumber", "code"),
        {"itemNumber": "Item_No", "code": "Code", "quantityPerUnitOfMeasure": "Qty_per_Unit_of_Measure"},
    ),
    "resourceUnitsOfMeasure": PageTable(
        ("hub_ResourceUnitsOfMeasure", "Resource_Units_of_Measure"),
        ("resourceNumber", "code"),
        {"resourceNumber": "Resource_No", "code": "Code", "quantityPerUnitOfMeasure": "Qty_per_Unit_of_Measure"},
    ),
    "customerPriceGroups": PageTable(
        ("hub_CustomerPriceGroups", "Customer_Price_Groups"),
        ("code",),
        {
            "code": "Code",
            "displayName": "Description",
            "priceIncludesTax": "Price_Includes_VAT",
            "allowLineDiscount": "Allow_Line_Disc",
            "allowInvoiceDiscount": "Allow_Invoice_Disc",
        },
    ),
    "priceLists": PageTable(
        ("hub_SalesPriceList", "Sales_Price_List"),
        ("code",),
        {
            "code": "Code",
            "displayName": "Description",
            "amountType": "AmountType",
            "status": "Status",
            "currencyCode": "CurrencyCode",
            "startingDate": "StartingDate",
            "endingDate": "EndingDate",
            "priceIncludesTax": "PriceIncludesVAT",
            "allowUpdatingDefaults": "AllowUpdatingDefaults",
        },
        constants={"priceType": "Sale"},
    ),
    "priceListLines": PageTable(
        ("hub_PriceListLines", "Price_List_Line_Review"),
        (
            *("priceListCode", "assetType", "assetNumber", "variantCode", "workTypeCode", "unitOfMeasureCode"),
            *("minimumQuantity", "currencyCode", "startingDate"),
        ),
        {
            "priceListCode": "Price_List_Code",
            "assetType": "Asset_Type",
            "assetNumber": "Asset_No",
            "variantCode": "Variant_Code",
            "workTypeCode": "Work_Type_Code",
            "unitOfMeasureCode": "Unit_of_Measure_Code",
            "minimumQuantity": "Minimum_Quantity",
            "currencyCode": "Currency_Code",
            "startingDate": "Starting_Date",
            "endingDate": "Ending_Date",
            "amountType": "Amount_Type",
            "unitPrice": "Unit_Price",
            "status": "Status",
            "description": "Description",
        },
        labels=frozenset({"assetType", "amountType"}),
        # The page shows lines of all lists and no price type; that of the lists shows sales price lists only.
        membership=Membership("priceListCode", "priceLists", "code", {"priceType": "Sale"}),
    ),
    "salesPrices": PageTable(
        ("hub_SalesPrices", "Sales_Prices"),
        (
            *("itemNumber", "salesType", "salesCode", "startingDate", "currencyCode", "variantCode"),
            *("unitOfMeasureCode", "minimumQuantity"),
        ),
        {
            "itemNumber": "Item_No",
            "salesType": "Sales_Type",
            "salesCode": "Sales_Code",
            "startingDate": "Starting_Date",
            "endingDate": "Ending_Date",
            "currencyCode": "Currency_Code",
            "variantCode": "Variant_Code",
            "unitOfMeasureCode": "Unit_of_Measure_Code",
            "minimumQuantity": "Minimum_Quantity",
            "unitPrice": "Unit_Price",
        },
        labels=frozenset({"salesType"}),
    ),
}
"""By the companion's entity set."""
