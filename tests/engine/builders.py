"""Small mappings, records and pairs for tests of the engine's pure part; nothing here touches the database."""

from typing import Any
from uuid import UUID, uuid5

from connector.models import Connection
from coupling.models import FieldMapping, RecordTemplate, TableMapping
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.lookups import Lookups, OptionTable
from syncjobs.engine.references import Role
from syncjobs.engine.views import CouplingView, PairView, RecordView

NAMESPACE = UUID("3f1d3f0a-52c1-4b59-9a53-5a3e0b9b6f11")
COMPANY = UUID("c0000000-0000-4000-8000-000000000001")
TEAM = UUID("70000000-0000-4000-8000-000000000001")
USER = "a0000000-0000-4000-8000-000000000001"
EUR = "e0000000-0000-4000-8000-000000000001"
USD = "e0000000-0000-4000-8000-000000000002"
NET30 = "b0000000-0000-4000-8000-000000000001"


def key(text: str) -> UUID:
    return uuid5(NAMESPACE, text)


def connection(**values: Any) -> Connection:
    defaults = {
        "slug": "default",
        "ownership_model": "person",
        "local_currency_code": "EUR",
        "base_currency": "EUR",
        "base_currency_precision": 2,
        "company_row_id": COMPANY,
        "owning_team_id": TEAM,
    }
    return Connection(**{**defaults, **values})


def lookup(attribute: str, target: str, write: str = "") -> dict[str, str]:
    return {
        "read": f"_{attribute}_value",
        "write": f"{write or attribute}@odata.bind",
        "target_set": target,
    }


def line(bc: str, sales: str, direction: str = "bidirectional", **values: Any) -> FieldMapping:
    return FieldMapping(
        business_central_property=bc,
        business_central_label=bc,
        sales_attribute=sales,
        direction=direction,
        **values,
    )


CUSTOMER_LINES = (
    line("displayName", "name"),
    line("phoneNumber", "telephone1"),
    line("city", "address1_city"),
    line("country", "address1_country"),
    line(
        "currencyCode",
        "transactioncurrencyid",
        transformation="currency-lookup",
        sales_lookup=lookup("transactioncurrencyid", "transactioncurrencies"),
    ),
    line("paymentTermsId", "paymenttermscode", transformation="option-code"),
    line("creditLimit", "creditlimit", "to_sales"),
    line(
        "salespersonCode",
        "ownerid",
        "to_sales",
        transformation="owner-from-salesperson",
        not_null=True,
        sales_lookup=lookup("ownerid", "systemusers"),
    ),
)


def blueprint(
    *lines: FieldMapping,
    templates: tuple[RecordTemplate, ...] = (),
    settings: dict[str, Any] | None = None,
    **values: Any,
) -> Blueprint:
    """A compiled mapping between customers and accounts with the given field mappings."""
    defaults = {
        "pk": 1,
        "name": "CUSTOMER",
        "business_central_table": "customers",
        "sales_table": "accounts",
        "sales_entity": "account",
        "sales_primary_key": "accountid",
        "sales_primary_name": "name",
        "direction": "bidirectional",
        "synch_only_coupled_records": False,
    }
    mapping = TableMapping(**{**defaults, **values})
    return Blueprint.compile(mapping, lines or CUSTOMER_LINES, templates, connection(**(settings or {})))


def lookups() -> Lookups:
    found = Lookups(local_currency="EUR", local_currency_key=EUR, owning_team=str(TEAM))
    found.add(Role.CURRENCY, "USD", USD)
    found.add(Role.SALESPERSON, "JR", USER)
    found.options["account", "paymenttermscode"] = OptionTable(
        noun="payment terms",
        mapping="PAYMENT TERMS",
        value_by_id={NET30: 7},
        value_by_code={"NET30": 7},
        reference_by_value={7: (NET30, "NET30")},
        code_by_id={NET30: "NET30"},
    )
    return found


BC_VALUES = {
    "displayName": "Adatum",
    "phoneNumber": "1",
    "city": "Berlin",
    "country": "DE",
    "currencyCode": "EUR",
    "paymentTermsId": NET30,
    "creditLimit": 100,
    "salespersonCode": "JR",
}
SALES_VALUES = {
    "name": "Adatum",
    "telephone1": "1",
    "address1_city": "Berlin",
    "address1_country": "DE",
    "_transactioncurrencyid_value": EUR,
    "paymenttermscode": 7,
    "creditlimit": 100,
    "_ownerid_value": USER,
    "_bcbi_companyid_value": str(COMPANY),
}


def customer(*, token: str = "bc1", in_filter: bool = True, template: int | None = None, **values: Any) -> RecordView:
    return RecordView(key("customer"), "C1", "Adatum", token, {**BC_VALUES, **values}, None, in_filter, template)


def account(*, token: str = "s1", in_filter: bool = True, template: int | None = None, **values: Any) -> RecordView:
    return RecordView(key("account"), "", "Adatum", token, {**SALES_VALUES, **values}, None, in_filter, template)


def coupled(
    bc: RecordView | None, sales: RecordView | None, *, bc_base: Any = None, sales_base: Any = None, **values: Any
) -> PairView:
    """A pair that agreed on `BC_VALUES` and `SALES_VALUES`, tokens bc1 and s1, unless other bases are given."""
    defaults = {"bc_token": "bc1", "sales_token": "s1"}
    coupling = CouplingView(
        1,
        key("customer"),
        key("account"),
        BC_VALUES if bc_base is None else bc_base,
        SALES_VALUES if sales_base is None else sales_base,
        **{**defaults, **values},
    )
    return PairView(coupling, bc, sales)
