"""Everything that transferring documents looks up, read for many documents at once.

Couplings, units and options come from the hub; customers, items and products are read live, because a transfer must
not rest on what was true an hour ago.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from connector.business_central import BusinessCentralClient
from connector.cached import cached
from connector.choices import System, WriteInProductType
from connector.clients import WireRecord
from connector.errors import RemoteError
from connector.models import Connection
from connector.odata import literal
from connector.sales import SalesClient
from coupling.models import BusinessCentralRecord, Coupling, OptionMapping, TableMapping
from syncjobs.documents.amounts import CENT, precision
from syncjobs.documents.models import SalesDocument, key_of
from syncjobs.documents.setup import SalesSetup, read_setup

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
_ACCOUNT = ("name", "customertypecode", "statecode")
_CONTACT = ("fullname", "_parentcustomerid_value")
_PRODUCT = ("name", "productnumber", "producttypecode", "statecode")
_CUSTOMER = ("number", "displayName", "blocked", "currencyCode", "creditLimit", "email")
_ITEM = ("number", "displayName", "type", "blocked", "baseUnitOfMeasureCode", "priceIncludesTax")
_RESOURCE = ("number", "displayName", "blocked", "baseUnitOfMeasureCode")
_OPTIONS = ("PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT")


@dataclass(frozen=True, slots=True)
class Product:
    """What a Sales product is sold as: an item or a resource. `number` is its No.; blank: it no longer exists."""

    key: UUID
    name: str
    number: str
    type_code: int | None
    state: int
    coupled: bool = False
    bc_key: UUID | None = None
    line_type: str = "Item"
    bc_number: str = ""
    bc_name: str = ""
    blocked: bool = False
    price_includes_tax: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """A coupled unit of measure: of which product in Business Central, under which code."""

    code: str
    product_number: str
    gone: bool


@dataclass(slots=True)
class Facts:
    """Facts about many documents; keys are those of Sales unless a name says otherwise."""

    setup: SalesSetup
    local_currency: str = ""
    unit_groups: bool = False
    currencies: dict[UUID, str] = field(default_factory=dict)
    bc_currencies: dict[str, str] = field(default_factory=dict)
    countries: dict[str, str] = field(default_factory=dict)
    accounts: dict[UUID, Mapping[str, Any]] = field(default_factory=dict)
    contacts: dict[UUID, Mapping[str, Any]] = field(default_factory=dict)
    customers: dict[UUID, WireRecord | None] = field(default_factory=dict)
    customer_keys: dict[UUID, UUID] = field(default_factory=dict)
    products: dict[UUID, Product] = field(default_factory=dict)
    units: dict[UUID, list[Unit]] = field(default_factory=dict)
    options: dict[tuple[str, int], tuple[UUID, str]] = field(default_factory=dict)
    write_in: Product | None = None
    write_in_coupled_to: str = ""
    tax_groups: dict[UUID, str] = field(default_factory=dict)
    item_tax_groups: dict[UUID, str] = field(default_factory=dict)
    further_fields: bool = False
    work_description: bool = False
    quote_numbers: dict[UUID, str] = field(default_factory=dict)
    company_row: str = ""
    elsewhere: set[UUID] = field(default_factory=set)
    local_precision: Decimal = CENT

    def precision_of(self, document: SalesDocument) -> Decimal:
        """What amounts of the document are rounded to: Business Central's precision of its currency."""
        key = key_of(document.values.get("_transactioncurrencyid_value"))
        places = self.bc_currencies.get(self.currencies.get(key, "") if key else "")
        return self.local_precision if places is None else precision(places)


def load_facts(
    *,
    connection: Connection,
    sales: SalesClient,
    business_central: BusinessCentralClient,
    documents: Sequence[SalesDocument],
) -> Facts:
    """Raises RemoteError. About ten requests, however many documents there are."""
    loader = _Loader(connection, sales, business_central, documents)
    return loader.load()


class _Loader:
    def __init__(
        self,
        connection: Connection,
        sales: SalesClient,
        business_central: BusinessCentralClient,
        documents: Sequence[SalesDocument],
    ) -> None:
        self.connection, self.sales, self.bc, self.documents = connection, sales, business_central, documents
        self.facts = Facts(
            setup=read_setup(business_central, connection),
            local_currency=connection.local_currency_code,
            unit_groups=connection.unit_group_mapping and _maps_units(connection),
        )
        pages = (connection.capabilities or {}).get("pages", ())
        self.facts.further_fields = "salesDocuments" in pages
        self.facts.work_description = "SalesOrder" in pages
        self.facts.company_row = str(connection.company_row_id or "")
        decimals = connection.base_currency_precision
        if decimals is not None and connection.base_currency == connection.local_currency_code:
            self.facts.local_precision = Decimal(1).scaleb(-decimals)

    def load(self) -> Facts:
        self._currencies()
        self._customers()
        self._products()
        self._write_in()
        self._options()
        self._quotes()
        return self.facts

    def _headers(self, name: str) -> set[UUID]:
        return {key for document in self.documents if (key := key_of(document.values.get(name)))}

    def _currencies(self) -> None:
        root = self.sales.session.root
        rows = cached(f"{root}:currencies", self._sales_currencies)
        self.facts.currencies = {UUID(key): code for key, code in rows.items()}
        if unknown := self._headers("_transactioncurrencyid_value") - self.facts.currencies.keys():
            read = self.sales.read_records("transactioncurrencies", unknown, properties=["isocurrencycode"])
            self.facts.currencies |= {key: str(record.values["isocurrencycode"]) for key, record in read.items()}
        company = f"{self.bc.session.root}:{self.connection.company_id}"
        self.facts.bc_currencies = cached(f"{company}:decimals", self._bc_currencies)
        codes = set(self.facts.currencies.values()) - self.facts.bc_currencies.keys() - {self.facts.local_currency}
        if any(self.facts.currencies.get(key) in codes for key in self._headers("_transactioncurrencyid_value")):
            # Somebody may just have set the currency up.
            self.facts.bc_currencies = self._bc_currencies()
        self.facts.countries = cached(f"{company}:countries", self._countries)

    def _sales_currencies(self) -> dict[str, str]:
        rows = self.sales.query("transactioncurrencies", properties=["isocurrencycode"])
        return {str(record.key): str(record.values["isocurrencycode"]) for record in rows}

    def _bc_currencies(self) -> dict[str, str]:
        """Decimals of amounts by code."""
        rows = self.bc.query("currencies", properties=["code", "amountDecimalPlaces"])
        return {str(row.values["code"]): str(row.values["amountDecimalPlaces"] or "") for row in rows}

    def _countries(self) -> dict[str, str]:
        rows = self.bc.query("countriesRegions", properties=["code", "displayName"])
        return {str(row.values["code"]): str(row.values["displayName"]) for row in rows}

    def _customers(self) -> None:
        facts = self.facts
        by_type: dict[str, set[UUID]] = {"account": set(), "contact": set()}
        for document in self.documents:
            if key := key_of(document.values.get("_customerid_value")):
                by_type.setdefault(document.values.get("customerid_type") or "account", set()).add(key)
        if by_type["contact"]:
            read = self.sales.read_records(
                "contacts", by_type["contact"],
                properties=[*_CONTACT, "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"],
            )  # fmt: skip
            facts.contacts = {key: record.values for key, record in read.items()}
            by_type["account"] |= {
                key
                for values in facts.contacts.values()
                if (key := key_of(values["_parentcustomerid_value"])) and _is_account(values)
            }
        accounts = by_type["account"]
        if accounts:
            read = self.sales.read_records("accounts", accounts, properties=_ACCOUNT)
            facts.accounts = {key: record.values for key, record in read.items()}
        coupled = Coupling.objects.filter(
            connection=self.connection, sales_table="accounts", sales_key__in=accounts, bc_table="customers"
        )
        facts.customer_keys = dict(coupled.values_list("sales_key", "bc_key"))
        others = Connection.objects.exclude(pk=self.connection.pk).filter(
            sales_url=self.connection.sales_url, enabled=True
        )
        facts.elsewhere = set(
            Coupling.objects.filter(connection__in=others, sales_table="accounts", sales_key__in=accounts).values_list(
                "sales_key", flat=True
            )
        )
        keys = list(facts.customer_keys.values())
        customers = self.bc.read_records("customers", keys, properties=_CUSTOMER) if keys else {}
        facts.customers = {account: customers.get(key) for account, key in facts.customer_keys.items()}

    def _products(self) -> None:
        wanted = {
            key for document in self.documents for line in document.lines if (key := key_of(line["_productid_value"]))
        }
        if not wanted:
            return
        rows = self.sales.read_records("products", wanted, properties=_PRODUCT)
        coupled = Coupling.objects.filter(connection=self.connection, sales_table="products", sales_key__in=wanted)
        partners = {
            sales_key: (mapping, table, bc_key)
            for sales_key, mapping, table, bc_key in coupled.values_list(
                "sales_key", "mapping__name", "bc_table", "bc_key"
            )
        }
        items = [key for mapping, _, key in partners.values() if mapping == "ITEM-PRODUCT"]
        found = dict(self.bc.read_records("items", items, properties=_ITEM)) if items else {}
        resources = {key: table for mapping, table, key in partners.values() if mapping == "RESOURCE-PRODUCT"}
        found |= self._resources(resources)
        for key, record in rows.items():
            mapping, _, bc_key = partners.get(key, ("", "", None))
            self.facts.products[key] = _product(key, record.values, mapping, bc_key, found)
        self._gross_groups(found)
        if self.facts.unit_groups:
            self._units()

    def _resources(self, keys: Mapping[UUID, str]) -> dict[UUID, WireRecord]:
        """Live where the rows carry ids; a page's rows do not, so the mirror has to do."""
        found: dict[UUID, WireRecord] = {}
        capabilities = self.connection.capabilities or {}
        for table in set(keys.values()):
            here = [key for key, name in keys.items() if name == table]
            if table in capabilities.get("companion", ()) or table in capabilities.get("api", ()):
                found |= self.bc.read_records(table, here, properties=_RESOURCE)
                continue
            mirrored = BusinessCentralRecord.objects.filter(connection=self.connection, table=table, key__in=here)
            for row in mirrored.filter(deleted_at__isnull=True):
                values = {"number": row.number, "name": row.name, "blocked": row.values.get("Blocked", False)}
                found[row.key] = WireRecord(row.key, values, row.token, row.modified_at)
        return found

    def _gross_groups(self, found: Mapping[UUID, WireRecord]) -> None:
        """Items whose price includes VAT, with the group for which it does, where a published page shows it."""
        gross = [key for key, record in found.items() if record.values.get("priceIncludesTax")]
        pages = (self.connection.capabilities or {}).get("pages", ())
        if not gross or "workflowItems" not in pages or "workflowCustomers" not in pages:
            return
        try:
            items = self.bc.read_records("workflowItems", gross, properties=["vatBusPostingGrPrice"])
            keys = list(self.facts.customer_keys.values())
            customers = self.bc.read_records("workflowCustomers", keys, properties=["vatBusPostingGroup"])
        except RemoteError:
            # Without the groups the price is taken as the item says; the totals are compared afterwards.
            return
        self.facts.item_tax_groups = {key: str(row.values["vatBusPostingGrPrice"]) for key, row in items.items()}
        self.facts.tax_groups = {key: str(row.values["vatBusPostingGroup"]) for key, row in customers.items()}

    def _units(self) -> None:
        wanted = {
            key for document in self.documents for line in document.lines if (key := key_of(line["_uomid_value"]))
        }
        coupled = list(
            Coupling.objects.filter(
                connection=self.connection, sales_table="uoms", sales_key__in=wanted,
                mapping__name__in=["ITEM UOM", "RESOURCE UOM"],
            ).values_list("sales_key", "bc_table", "bc_key")
        )  # fmt: skip
        rows = {
            row.key: row
            for row in BusinessCentralRecord.objects.filter(
                connection=self.connection, key__in=[key for _, _, key in coupled]
            )
        }
        for sales_key, _, bc_key in coupled:
            row = rows.get(bc_key)
            unit = Unit(
                code=str(row.name if row else ""),
                product_number=str(row.number if row else ""),
                gone=row is None or row.deleted_at is not None,
            )
            self.facts.units.setdefault(sales_key, []).append(unit)

    def _write_in(self) -> None:
        setup = self.facts.setup
        if not setup.write_in_no or not any(
            not line["_productid_value"] for each in self.documents for line in each.lines
        ):
            return
        item = setup.write_in_type == WriteInProductType.ITEM
        table = "items" if item else "resources"
        record: WireRecord | None = None
        if item or table in (self.connection.capabilities or {}).get("companion", ()):
            condition = f"number eq {literal(setup.write_in_no)}"
            names = _ITEM if item else _RESOURCE
            record = next(iter(self.bc.query(table, properties=names, filter=condition)), None)
            if record is None:
                return
        key = record.key if record else UUID(int=0)
        values: Mapping[str, Any] = record.values if record else {}
        coupled = Coupling.objects.filter(connection=self.connection, bc_key=key, sales_table="products").first()
        self.facts.write_in_coupled_to = str(coupled.sales_key) if coupled else ""
        self.facts.write_in = Product(
            key=key, name=setup.write_in_no, number=setup.write_in_no, type_code=None, state=0,
            line_type="Item" if item else "Resource", bc_number=setup.write_in_no,
            bc_key=record.key if record else None,
            bc_name=str(values.get("displayName") or values.get("name") or ""), blocked=bool(values.get("blocked")),
        )  # fmt: skip

    def _options(self) -> None:
        rows = OptionMapping.objects.filter(mapping__connection=self.connection, mapping__name__in=_OPTIONS)
        for name, value, key, code in rows.values_list("mapping__name", "option_value", "bc_key", "bc_code"):
            self.facts.options[name, value] = (key, code)

    def _quotes(self) -> None:
        quotes = self._headers("_quoteid_value")
        known = SalesDocument.objects.filter(connection=self.connection, kind="quote", sales_key__in=quotes)
        self.facts.quote_numbers = {
            key: number for key, number in known.values_list("sales_key", "bc_number") if number
        }


def _maps_units(connection: Connection) -> bool:
    return TableMapping.objects.filter(connection=connection, name="ITEM UOM", available=True, enabled=True).exists()


def _is_account(values: Mapping[str, Any]) -> bool:
    kind = values.get("_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname")
    return kind in (None, "account")


def _product(
    key: UUID, values: Mapping[str, Any], mapping: str, bc_key: UUID | None, found: Mapping[UUID, WireRecord]
) -> Product:
    record = found.get(bc_key) if bc_key else None
    shown: Mapping[str, Any] = record.values if record else {}
    return Product(
        key=key,
        name=str(values["name"] or ""),
        number=str(values["productnumber"] or ""),
        type_code=values["producttypecode"],
        state=values["statecode"],
        coupled=bc_key is not None,
        bc_key=bc_key,
        line_type="Resource" if mapping == "RESOURCE-PRODUCT" else "Item",
        bc_number=str(shown.get("number") or ""),
        bc_name=str(shown.get("displayName") or shown.get("name") or ""),
        blocked=bool(shown.get("blocked")),
        price_includes_tax=bool(shown.get("priceIncludesTax")),
        unit=str(shown.get("baseUnitOfMeasureCode") or ""),
    )
