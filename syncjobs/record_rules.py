"""What a mapping does beyond its fields, in words: where a value comes from that no field mapping explains.

The rules themselves stand in `syncjobs.engine.rules` and `syncjobs.engine.states`; these sentences follow them.
"""

from connector.choices import Direction, OwnershipModel, System
from coupling.choices import MappingKind
from coupling.models import TableMapping
from syncjobs.engine.blueprint import MARKED_TABLES, OWNED_TABLES

_PARTY = (
    "Relationship type: only accounts of this mapping's type take part; a new account gets the type from the template.",
)
_PRODUCT = (
    "A new product gets its items in the default price list, then that list, then it is made active.",
    "A product that is not active blocks its record in Business Central, an active one unblocks it; a blocked record "
    "retires a product only when that is made.",
    "The product's currency is the local one. The write-in product of the settings is left out.",
    "Items and resources share the numbers of products: a number that exists already fails the record.",
)
_LIST = ("A price list has one currency for good: prices in several of them fail the list.",)
_PRICE = ("A price that the list has already, of the same product and unit, is taken over.",)
_UNITS_OF_GROUP = ("A unit stays inside the unit group of its own item or resource.",)

_RULES: dict[str, tuple[str, ...]] = {
    "SALESPEOPLE": (
        "A user with the e-mail address of exactly one salesperson is coupled with that one, not made a second time.",
        "A new salesperson gets the next free code of the form SP NO. 00001.",
    ),
    "CURRENCY": (
        "A currency of Sales with the same ISO code is taken over.",
        "The exchange rate follows the newest one in Business Central; the base currency of Sales keeps rate 1.",
        "The local currency has no record in Business Central; its row in Sales is found by its code, or made.",
    ),
    "CUSTOMER": (
        *_PARTY,
        "An account that becomes inactive blocks its customer for all, unless it is blocked already. An active account "
        "never unblocks.",
    ),
    "VENDOR": _PARTY,
    "CONTACT": (
        "Towards Sales the account is that of the customer or vendor of the contact's company; a contact of a company "
        "that is neither is left out.",
        "A new contact in Business Central belongs to the company of the customer or vendor that its account is "
        "coupled with; without one it fails.",
        "The first contact of an account becomes its primary contact.",
    ),
    "UNIT OF MEASURE": ("Each code is a unit group NAV code with one unit; a free group of that name is taken over.",),
    "UNIT GROUP": ("A free unit group of the generated name is taken over; an inactive one fails the record.",),
    "ITEM UOM": _UNITS_OF_GROUP,
    "RESOURCE UOM": _UNITS_OF_GROUP,
    "ITEM-PRODUCT": _PRODUCT,
    "RESOURCE-PRODUCT": _PRODUCT,
    "CUSTPRCGRP-PRICE": _LIST,
    "PLHEADER-PRICE": _LIST,
    "SALESPRC-PRODPRICE": _PRICE,
    "PLLINE-PRODPRICE": _PRICE,
    "OPPORTUNITY": (
        "The account follows from the contact's company.",
        "A new opportunity in Business Central gets contact and salesperson once, when it is made; one that is closed "
        "in Sales makes no new one.",
    ),
    "POSTEDSALESINV-INV": (
        "Lines, prices that the invoice's list lacks, and at last the state follow the header; the state says what is "
        "left to pay.",
    ),
}
_MARKED = "A row without a company gets this connection's company; that of another company keeps it."
_TEAM = "A new row belongs to the team of the connection; the owner is left alone afterwards."
_PERSON = (
    "The owner is the user who is coupled with the salesperson; without a salesperson a new row belongs to the team, "
    "and a salesperson without a user fails the record."
)
_OPTION = "A code without an option gets one, with the code as its label; a renamed code renames its option."


def record_rules(mapping: TableMapping) -> list[str]:
    """The sentences for one mapping; empty where its fields say everything."""
    found = [_OPTION] if mapping.kind == MappingKind.OPTION and _goes_to_sales(mapping) else []
    if mapping.kind == MappingKind.RECORD and not mapping.user_defined:
        found += _RULES.get(mapping.name, ())
    if mapping.kind == MappingKind.RECORD and _goes_to_sales(mapping):
        if mapping.sales_entity in OWNED_TABLES:
            found.append(_PERSON if mapping.connection.ownership_model == OwnershipModel.PERSON else _TEAM)
        if mapping.sales_entity in MARKED_TABLES:
            found.append(_MARKED)
    return found


def _goes_to_sales(mapping: TableMapping) -> bool:
    return Direction(mapping.direction).allows(System.SALES)
