"""What the salesperson's pages show: areas over tables, their main columns, and the rows that belong to a record."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Area:
    name: str
    title: str
    group: str
    columns: tuple[str, ...]
    main: tuple[str, ...]
    """Columns shown first in forms; all others follow under "More"."""
    search: tuple[str, ...]
    listed: bool = True


_ADDRESS = (
    "address1_line1",
    "address1_line2",
    "address1_postalcode",
    "address1_city",
    "address1_stateorprovince",
    "address1_country",
)
_DOCUMENT = (
    "name",
    "customerid",
    "pricelevelid",
    "transactioncurrencyid",
    "discountpercentage",
    "discountamount",
    "freightamount",
    "requestdeliveryby",
    "description",
    "totallineitemamount",
    "totaltax",
    "totalamount",
    "statecode",
    "statuscode",
    "ownerid",
)
_DETAIL = (
    "productid",
    "isproductoverridden",
    "productdescription",
    "uomid",
    "quantity",
    "ispriceoverridden",
    "priceperunit",
    "manualdiscountamount",
    "tax",
    "baseamount",
    "extendedamount",
)
_DETAIL_COLUMNS = ("productid", "productdescription", "uomid", "quantity", "priceperunit", "extendedamount")

AREAS = {
    area.name: area
    for area in (
        Area(
            "accounts",
            "Accounts",
            "Customers",
            ("accountnumber", "name", "address1_city", "telephone1", "ownerid", "statecode"),
            (
                "name",
                "accountnumber",
                "telephone1",
                "emailaddress1",
                "websiteurl",
                "primarycontactid",
                *_ADDRESS,
                "customertypecode",
                "paymenttermscode",
                "address1_freighttermscode",
                "address1_shippingmethodcode",
                "transactioncurrencyid",
                "creditlimit",
                "ownerid",
                "statecode",
            ),
            ("name", "accountnumber", "address1_city"),
        ),
        Area(
            "contacts",
            "Contacts",
            "Customers",
            ("fullname", "parentcustomerid", "emailaddress1", "telephone1", "ownerid"),
            (
                "firstname",
                "lastname",
                "jobtitle",
                "parentcustomerid",
                "emailaddress1",
                "telephone1",
                "mobilephone",
                *_ADDRESS,
                "ownerid",
                "statecode",
            ),
            ("fullname", "emailaddress1"),
        ),
        Area(
            "opportunities",
            "Opportunities",
            "Sales",
            ("name", "parentaccountid", "estimatedvalue", "statecode", "ownerid"),
            ("name", "parentaccountid", "parentcontactid", "estimatedvalue", "estimatedclosedate", "ownerid"),
            ("name",),
        ),
        Area(
            "quotes",
            "Quotes",
            "Sales",
            ("quotenumber", "name", "customerid", "totalamount", "statecode", "statuscode"),
            _DOCUMENT,
            ("name", "quotenumber"),
        ),
        Area(
            "salesorders",
            "Orders",
            "Sales",
            ("ordernumber", "name", "customerid", "totalamount", "statecode", "statuscode"),
            _DOCUMENT,
            ("name", "ordernumber"),
        ),
        Area(
            "invoices",
            "Invoices",
            "Sales",
            ("invoicenumber", "name", "customerid", "totalamount", "statecode"),
            _DOCUMENT,
            ("name", "invoicenumber"),
        ),
        Area(
            "products",
            "Products",
            "Catalogue",
            ("productnumber", "name", "defaultuomid", "price", "quantityonhand", "statecode"),
            (
                "productnumber",
                "name",
                "producttypecode",
                "defaultuomscheduleid",
                "defaultuomid",
                "price",
                "standardcost",
                "quantityonhand",
                "quantitydecimal",
                "description",
                "statecode",
            ),
            ("name", "productnumber"),
        ),
        Area(
            "pricelevels",
            "Price Lists",
            "Catalogue",
            ("name", "transactioncurrencyid", "begindate", "enddate", "statecode"),
            ("name", "transactioncurrencyid", "begindate", "enddate", "description", "statecode"),
            ("name",),
        ),
        Area(
            "uomschedules",
            "Unit Groups",
            "Catalogue",
            ("name", "baseuomname", "statecode"),
            ("name", "baseuomname", "description"),
            ("name",),
        ),
        Area(
            "systemusers",
            "Users",
            "Organisation",
            ("fullname", "internalemailaddress", "jobtitle", "isdisabled"),
            (
                "firstname",
                "lastname",
                "internalemailaddress",
                "personalemailaddress",
                "mobilephone",
                "jobtitle",
                "title",
                "isdisabled",
            ),
            ("fullname", "internalemailaddress"),
        ),
        Area(
            "teams",
            "Teams",
            "Organisation",
            ("name", "teamtype", "isdefault"),
            ("name", "administratorid", "description"),
            ("name",),
        ),
        Area(
            "transactioncurrencies",
            "Currencies",
            "Organisation",
            ("isocurrencycode", "currencyname", "currencysymbol", "exchangerate"),
            ("isocurrencycode", "currencyname", "currencysymbol", "currencyprecision", "exchangerate"),
            ("currencyname",),
        ),
        Area(
            "quotedetails", "Quote Products", "", _DETAIL_COLUMNS, ("quoteid", *_DETAIL), ("productdescription",), False
        ),
        Area(
            "salesorderdetails",
            "Order Products",
            "",
            _DETAIL_COLUMNS,
            ("salesorderid", *_DETAIL),
            ("productdescription",),
            False,
        ),
        Area(
            "invoicedetails",
            "Invoice Products",
            "",
            _DETAIL_COLUMNS,
            ("invoiceid", *_DETAIL),
            ("productdescription",),
            False,
        ),
        Area(
            "productpricelevels",
            "Price List Items",
            "",
            ("pricelevelid", "productid", "uomid", "amount"),
            ("pricelevelid", "productid", "uomid", "pricingmethodcode", "amount", "transactioncurrencyid"),
            (),
            False,
        ),
        Area(
            "uoms",
            "Units",
            "",
            ("name", "quantity", "baseuom"),
            ("uomscheduleid", "name", "quantity", "baseuom"),
            (),
            False,
        ),
    )
}

PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "quotes": (("quotedetails", "quoteid"),),
    "salesorders": (("salesorderdetails", "salesorderid"),),
    "invoices": (("invoicedetails", "invoiceid"),),
    "pricelevels": (("productpricelevels", "pricelevelid"),),
    "products": (("productpricelevels", "productid"),),
    "uomschedules": (("uoms", "uomscheduleid"),),
    "accounts": (
        ("contacts", "parentcustomerid"),
        ("opportunities", "parentaccountid"),
        ("quotes", "customerid"),
        ("salesorders", "customerid"),
    ),
}
"""Area -> (area of the rows that belong to a record, their lookup to it)."""
