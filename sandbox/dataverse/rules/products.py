"""Units, products, price lists and their items."""

import uuid
from decimal import Decimal

from sandbox.dataverse import errors, money, records
from sandbox.dataverse.context import Context
from sandbox.dataverse.rules import rule
from sandbox.definitions.dataverse import Table
from sandbox.storage import Row

ACTIVE = 0
RETIRED = 1


# -- Unit groups and units


@rule("before", "create", tables=("uomschedule",))
def require_base_unit_name(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if not new.get("baseuomname"):
        raise errors.DataverseError(400, "0x80043810", "The base unit name (baseuomname) of the unit group is missing.")
    if context.tx.first(table.storage, name=new.get("name")) is not None:
        raise errors.DataverseError(412, errors.DUPLICATE, "A unit group with this name already exists.")


@rule("after", "create", tables=("uomschedule",))
def create_base_unit(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    """The unit group's base unit is created with it."""
    records.insert(
        context,
        context.table("uom"),
        {
            "name": new["baseuomname"],
            "uomscheduleid": new["uomscheduleid"],
            "quantity": Decimal(1),
            "isschedulebaseuom": True,
        },
        str(uuid.uuid4()),
    )


@rule("before", "create", "update", tables=("uom",))
def check_unit(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    schedule = new.get("uomscheduleid")
    if schedule is None:
        raise errors.DataverseError(400, "0x80043b0e", "The unit group (uomscheduleid) of the unit is missing.")
    if old is None or "name" in changed:
        for other in context.tx.find(table.storage, uomscheduleid=schedule, name=new.get("name")):
            if other["uomid"] != new["uomid"]:
                raise errors.DataverseError(412, errors.DUPLICATE, "A unit with this name exists in the unit group.")
    if new.get("isschedulebaseuom"):
        return
    if new.get("quantity") is None:
        new["quantity"] = Decimal(1)
    if new.get("baseuom") is None:
        raise errors.DataverseError(400, "0x80043b0f", "The base unit (baseuom) of the unit is missing.")
    base = context.get("uom", new["baseuom"])
    if base is None or base["uomscheduleid"] != schedule:
        raise errors.DataverseError(400, "0x80043b14", "The base unit belongs to another unit group.")


@rule("before", "delete", tables=("uom",))
def protect_base_unit(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if new.get("isschedulebaseuom") and ("uomschedule", new["uomscheduleid"]) not in context.deleting:
        raise errors.DataverseError(405, errors.RESTRICTED, "The base unit of a unit group cannot be deleted.")


# -- Products


@rule("before", "create", "update", tables=("product",))
def check_product(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if old is not None and old["statecode"] == RETIRED and changed - {"statecode", "statuscode"}:
        raise errors.DataverseError(400, errors.READ_ONLY, "A retired product cannot be changed.")
    if (
        old is not None
        and old["statecode"] == ACTIVE
        and changed - {"statecode", "statuscode"}
        and not context.profile.active_products_editable
    ):
        raise errors.DataverseError(400, errors.READ_ONLY, "An active product has to be revised before it is changed.")
    number = new.get("productnumber")
    if number is not None and (old is None or "productnumber" in changed):
        for other in context.tx.find(table.storage, productnumber=number):
            if other["productid"] != new["productid"]:
                raise errors.DataverseError(
                    412, "0x80043b06", f"A product with the product ID {number} already exists."
                )
    if new.get("defaultuomid") is not None and changed & {"defaultuomid", "defaultuomscheduleid"}:
        unit = context.get("uom", new["defaultuomid"])
        if unit is not None and unit["uomscheduleid"] != new.get("defaultuomscheduleid"):
            raise errors.DataverseError(400, "0x80043b14", "The default unit does not belong to the unit group.")
    if old is None:
        parentless = new.get("parentproductid") is None
        if parentless and context.organization["createproductswithoutparentinactivestate"]:
            new["statecode"], new["statuscode"] = 0, 1
        new["hierarchypath"] = _hierarchy_path(context, new)


def _hierarchy_path(context: Context, row: Row) -> str | None:
    names: list[str] = []
    parent = row.get("parentproductid")
    while parent is not None and len(names) < 10:
        above = context.get("product", parent)
        if above is None:
            break
        names.insert(0, above["name"] or "")
        parent = above["parentproductid"]
    return "\\".join(names)[:450] or None


@rule("before", "update", tables=("product",))
def check_default_price_list(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    """The default price list has to hold the product."""
    if "pricelevelid" not in changed or new.get("pricelevelid") is None:
        return
    if (
        context.tx.first("sales_productpricelevels", productid=new["productid"], pricelevelid=new["pricelevelid"])
        is None
    ):
        raise errors.invalid_argument("The price list has no item for this product.")


# -- Price lists


@rule("before", "create", tables=("pricelevel",))
def fill_price_list(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if new.get("transactioncurrencyid") is None:
        new["transactioncurrencyid"] = context.organization["basecurrencyid"]
    new["exchangerate"] = context.currency(new["transactioncurrencyid"]).rate


@rule("before", "create", "update", tables=("productpricelevel",))
def check_price_list_item(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    price_list = context.get("pricelevel", new["pricelevelid"]) if new.get("pricelevelid") else None
    if price_list is None:
        raise errors.DataverseError(400, "0x80043b12", "The price list of the item is missing.")
    product = context.get("product", new["productid"]) if new.get("productid") else None
    if product is None:
        raise errors.DataverseError(400, "0x80043b11", "The product of the price list item is missing.")
    unit = context.get("uom", new["uomid"]) if new.get("uomid") else None
    if unit is None:
        raise errors.DataverseError(400, "0x80043b0d", "The unit of the price list item is missing.")
    if product["defaultuomscheduleid"] is not None and unit["uomscheduleid"] != product["defaultuomscheduleid"]:
        raise errors.DataverseError(400, "0x80043b14", "The unit is not valid for this product.")
    for other in context.tx.find(
        table.storage, pricelevelid=new["pricelevelid"], productid=new["productid"], uomid=new["uomid"]
    ):
        if other["productpricelevelid"] != new["productpricelevelid"]:
            raise errors.DataverseError(
                412, "0x80043b08", "The price list has a price for this product and unit already."
            )
    new["uomscheduleid"] = unit["uomscheduleid"]
    new["productnumber"] = product["productnumber"]
    new["transactioncurrencyid"] = price_list["transactioncurrencyid"]
    new["exchangerate"] = context.currency(price_list["transactioncurrencyid"]).rate
    money.set_base_amounts(table, new)


@rule("before", "create", tables=("productpricelevel",))
def fill_plain_organization(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    new["organizationid"] = context.organization["organizationid"]


# -- Discount lists


@rule("before", "create", "update", tables=("discount",))
def check_discount(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    kind = context.get("discounttype", new["discounttypeid"]) if new.get("discounttypeid") else None
    if kind is None:
        raise errors.invalid_argument("The discount list (discounttypeid) is missing.")
    low, high = new.get("lowquantity"), new.get("highquantity")
    if low is None or high is None or low > high:
        raise errors.DataverseError(400, "0x80043af5", "The begin quantity must not be greater than the end quantity.")
    for other in context.tx.find(table.storage, discounttypeid=new["discounttypeid"]):
        if other["discountid"] != new["discountid"] and other["lowquantity"] <= high and low <= other["highquantity"]:
            raise errors.DataverseError(400, "0x80043af4", "The quantities overlap with those of another discount.")
    new["isamounttype"] = bool(kind["isamounttype"])
    new["transactioncurrencyid"] = kind["transactioncurrencyid"]
