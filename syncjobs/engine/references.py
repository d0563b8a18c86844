"""The kinds of records that fields refer to: which mappings couple them and what people call them."""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """A kind of reference. `mappings` hold the couplings, the first has precedence."""

    CURRENCY = (("CURRENCY",), "currency", "currency")
    SALESPERSON = (("SALESPEOPLE",), "salesperson", "user")
    CONTACT = (("CONTACT",), "contact", "contact")
    CUSTOMER = (("CUSTOMER",), "customer", "account")
    VENDOR = (("VENDOR",), "vendor", "account")
    COMPANY = (("CUSTOMER", "VENDOR"), "company", "account")
    PRODUCT = (("ITEM-PRODUCT", "RESOURCE-PRODUCT"), "item or resource", "product")
    UNIT = (("ITEM UOM", "RESOURCE UOM"), "unit of measure", "unit")
    UNIT_GROUP = (("UNIT OF MEASURE", "UNIT GROUP"), "unit of measure", "unit group")
    PRICE_LIST = (("PLHEADER-PRICE", "CUSTPRCGRP-PRICE"), "price list", "price list")
    SALES_ORDER = (("SALESORDER-ORDER",), "sales order", "order")
    INVOICE = (("POSTEDSALESINV-INV",), "invoice", "invoice")
    OPPORTUNITY = (("OPPORTUNITY",), "opportunity", "opportunity")

    def __init__(self, mappings: tuple[str, ...], bc_noun: str, sales_noun: str) -> None:
        self.mappings = mappings
        self.bc_noun = bc_noun
        self.sales_noun = sales_noun
