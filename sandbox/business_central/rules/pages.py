"""What pages show beyond the fields of their table: restrictions, joins to their parts, calculated columns."""

# ruff: noqa: S608 - the expressions are made of our own names only

from typing import Any

from sandbox.business_central.bindings import fixed, register_field, register_filter, register_property
from sandbox.business_central.errors import dialog
from sandbox.business_central.navigation import register_join
from sandbox.business_central.rules.registry import on_new_row, validates
from sandbox.business_central.schema import ZERO_GUID
from sandbox.business_central.session import Session
from sandbox.storage import Row

_COMPANY = "(SELECT c.customer_no FROM bc_contact c WHERE c.no = t.company_no)"
_CUSTOMER = "(SELECT x.{0} FROM bc_customer x WHERE x.no = " + _COMPANY + ")"

register_filter("customerContacts", f"t.type = 'Person' AND coalesce({_COMPANY}, '') <> ''")
register_property("customerContacts", "customerId", fixed(f"coalesce({_CUSTOMER.format('system_id')}, '{ZERO_GUID}')"))
register_property("customerContacts", "customerName", fixed(f"coalesce({_CUSTOMER.format('name')}, '')"))

register_filter(
    "salesDocumentLines", "t.document_id NOT IN (SELECT h.system_id FROM bc_sales_header h WHERE h.posted = 1)"
)
_HEADER = "coalesce((SELECT h.{0} FROM bc_sales_header h WHERE h.system_id = t.document_id), '')"
register_property("salesDocumentLines", "currencyCode", fixed(_HEADER.format("currency_code")))
register_property("salesDocumentLines", "sellToCustomerNumber", fixed(_HEADER.format("sell_to_customer_no")))
register_field("Sales Line", "Outstanding Quantity", fixed("(t.quantity - t.quantity_shipped)"))

_VERSION = "t.document_type || '/' || t.{0} || '/' || t.doc_no_occurrence || '/' || t.version_no"
for _kind in ("Order", "Quote"):
    register_join(
        f"sales{_kind}Archives",
        f"sales{_kind}ArchiveLines",
        _VERSION.format("no"),
        _VERSION.format("document_no"),
    )
for _lines in ("salesOrderLines", "salesQuoteLines", "salesInvoiceLines", "salesCreditMemoLines"):
    register_join(_lines, "itemVariant", "t.no || '/' || t.variant_code", "t.item_no || '/' || t.code")
register_join("salesShipmentLines", "salesShipment", "t.document_no", "t.no")
register_join("SalesOrder", "SalesOrderSalesLines", "t.system_id", "t.document_id")
for _set, _part in (("Sales_Price_List", "Sales_Price_ListLines"), ("priceLists", "priceListLines")):
    register_join(_set, _part, "t.code", "t.price_list_code")
for _set, _link in (("customers", "customer_no"), ("vendors", "vendor_no")):
    register_join(
        _set,
        "contactsInformation",
        "t.no",
        f"(SELECT c.{_link} FROM bc_contact c WHERE c.no = t.company_no)",
    )

_LIST = "coalesce((SELECT h.description FROM bc_price_list_header h WHERE h.code = t.price_list_code), '')"
register_property("Price_List_Line_Review", "PriceListDescription", fixed(_LIST))
for _name, _column in (("Starting_Date", "starting_date"), ("Ending_Date", "ending_date")):
    register_property(
        "Sales_Price_Lists", _name, fixed(f"CASE t.{_column} WHEN '0001-01-01' THEN '' ELSE t.{_column} END")
    )
register_property("Item_Units_of_Measure", "ItemUnitOfMeasure", fixed("t.code"))
for _set, _kind in (("Item_Unit_Group_List", "Item"), ("Resource_Unit_Group_List", "Resource")):
    register_property(_set, "AuxiliaryIndex1", fixed(f"'{_kind}'"))
    register_property(_set, "Code", fixed(f"'{_kind.upper()} ' || t.no || ' UOM GR'"))
register_property("Opportunity_Entries", "AuxiliaryIndex1", fixed("t.rowid"))
register_property("Opportunity_Entries", "Active", fixed("1"))
register_property("Opportunity_Entries", "Probability_Percent", fixed("t.chances_of_success_percent"))
register_property(
    "priceListLines",
    "assetId",
    fixed(
        "coalesce(CASE t.asset_type WHEN 'Item' THEN (SELECT i.system_id FROM bc_item i WHERE i.no = t.asset_no)"
        " WHEN 'Resource' THEN (SELECT r.system_id FROM bc_resource r WHERE r.no = t.asset_no) END,"
        f" '{ZERO_GUID}')"
    ),
)
register_property(
    "priceLists",
    "sourceId",
    fixed(
        "coalesce(CASE t.source_type WHEN 'Customer' THEN"
        " (SELECT c.system_id FROM bc_customer c WHERE c.no = t.source_no)"
        " WHEN 'Customer Price Group' THEN"
        " (SELECT g.system_id FROM bc_customer_price_group g WHERE g.code = t.source_no) END,"
        f" '{ZERO_GUID}')"
    ),
)


# -- contactsInformation: the company contact and the people of a customer or vendor, from a temporary table

_RELATED = "CASE WHEN coalesce({0}, '') <> '' THEN {1} ELSE {2} END"
_VENDOR_NO = "(SELECT c.vendor_no FROM bc_contact c WHERE c.no = t.company_no)"
_VENDOR = f"(SELECT x.system_id FROM bc_vendor x WHERE x.no = {_VENDOR_NO})"
_RELATED_TO = _RELATED.format(_COMPANY, _CUSTOMER.format("system_id"), f"coalesce({_VENDOR}, '{ZERO_GUID}')")
register_property("contactsInformation", "relatedType", fixed(_RELATED.format(_COMPANY, "'Customer'", "'Vendor'")))
register_property("contactsInformation", "relatedId", fixed(_RELATED_TO))


# -- Opportunities

for _name, _sql in (
    ("Contact Name", "coalesce((SELECT c.name FROM bc_contact c WHERE c.no = t.contact_no), '')"),
    (
        "Contact Company Name",
        "coalesce((SELECT c.name FROM bc_contact c WHERE c.no = t.contact_company_no), '')",
    ),
    ("Calcd. Current Value (LCY)", "t.estimated_value_lcy * t.chances_of_success_percent / 10000000"),
    ("Estimated Value (LCY)", "t.estimated_value_lcy"),
    ("Chances of Success %", "t.chances_of_success_percent"),
    ("Completed %", "t.completed_percent"),
    ("Estimated Closing Date", "t.estimated_closing_date"),
):
    register_field("Opportunity", _name, fixed(_sql))


@on_new_row("Opportunity")
def _opportunity_defaults(session: Session, row: Row) -> None:
    row.update(status="Not Started", creation_date=session.today)


@validates("Opportunity", "Contact No.")
def _contact_of_opportunity(session: Session, row: Row, old: Any) -> None:
    contact = session.find("Contact", no=row["contact_no"])
    if contact is None:
        raise dialog(f"The contact {row['contact_no']} does not exist.")
    if row["status"] in ("Won", "Lost"):
        raise dialog("The contact of a closed opportunity cannot be changed.")
    if row["contact_company_no"] and row["contact_company_no"] != contact["company_no"] and old:
        raise dialog("The opportunity cannot be moved to a contact of another company.")
    row["contact_company_no"] = contact["company_no"]


@validates("Opportunity", "Salesperson Code")
def _salesperson_of_opportunity(session: Session, row: Row, old: Any) -> None:
    person = session.find("Salesperson/Purchaser", code=row["salesperson_code"])
    if person is not None and person["blocked"]:
        raise dialog(f"You cannot choose {person['code']} because the salesperson is blocked.")
    if row["status"] in ("Won", "Lost"):
        raise dialog("The salesperson of a closed opportunity cannot be changed.")
