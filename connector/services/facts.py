"""What is read from the two systems while a connection is enabled, and kept until it is disabled."""

import logging
from typing import Any
from uuid import UUID

from connector.business_central import BusinessCentralClient
from connector.business_central_addresses import Service
from connector.clients import business_central_client, sales_client
from connector.errors import ErrorKind, RemoteError
from connector.models import Connection
from connector.odata import literal, options
from connector.sales import SalesClient

COMPANIES = "bcbi_companies"
_COMPANY_COLUMN = "bcbi_companyid"
# Tables that carry the company's marker where the Business Central base solution is installed.
MARKED = ("account", "contact", "product", "pricelevel", "opportunity", "quote", "salesorder", "invoice")
_NAME_LENGTH = 30
_SALES_HUB = "msdynce_saleshub"

log = logging.getLogger(__name__)

EMPTY_FACTS: dict[str, Any] = {
    "base_currency": "",
    "base_currency_symbol": "",
    "base_currency_precision": None,
    "base_currency_id": None,
    "local_currency_code": "",
    "organization_id": None,
    "sales_user_id": None,
    "business_unit_id": None,
    "owning_team_id": None,
    "company_row_id": None,
    "sales_hub_app_id": None,
    "capabilities": {},
}


def discover_facts(*, connection: Connection) -> dict[str, Any]:
    """Values of the connection's fact fields. Raises RemoteError.

    Makes the row that stands for the company in Sales where the table exists and the row does not.
    """
    business_central = business_central_client(connection)
    sales = sales_client(connection)
    me = sales.who_am_i()
    row = sales.session.get(
        f"organizations({me.organization_id}){options(select='_basecurrencyid_value,currencydecimalprecision')}"
    ).data
    currency_id = UUID(row["_basecurrencyid_value"])
    currency = sales.session.get(
        f"transactioncurrencies({currency_id}){options(select='isocurrencycode,currencysymbol,currencyprecision')}"
    ).data
    company_row, company_team = _company_row(connection, sales)
    return {
        "base_currency": currency["isocurrencycode"],
        "base_currency_symbol": currency["currencysymbol"] or "",
        "base_currency_precision": currency["currencyprecision"],
        "base_currency_id": currency_id,
        "local_currency_code": str(business_central.singleton("companyInformation").get("currencyCode") or "").strip(),
        "organization_id": me.organization_id,
        "sales_user_id": me.user_id,
        "business_unit_id": me.business_unit_id,
        "owning_team_id": connection.chosen_team_id or company_team or default_team(sales, me.business_unit_id),
        "company_row_id": company_row,
        "sales_hub_app_id": _sales_hub(sales),
        "capabilities": discover_capabilities(business_central) | {"company_tables": marked_tables(sales)},
    }


def discover_capabilities(client: BusinessCentralClient) -> dict[str, list[str]]:
    """Entity sets per service, as far as the application may see them."""
    return {service.value: sorted(client.tables(service)) for service in Service}


def marked_tables(sales: SalesClient) -> list[str]:
    """Entity sets that have the company column."""
    known = {info.entity: table for table, info in sales.tables().items()}
    return [
        known[entity]
        for entity in MARKED
        if entity in known and _COMPANY_COLUMN in sales.entity_metadata(entity).attributes
    ]


def _sales_hub(sales: SalesClient) -> UUID | None:
    """The app that salespeople work in, for links; not every organisation has it, and not everybody may see apps."""
    address = f"appmodules{options(select='appmoduleid', filter=f'uniquename eq {literal(_SALES_HUB)}')}"
    try:
        rows = sales.session.get(address).data["value"]
    except RemoteError as error:
        log.info("Links do not open in Sales Hub: %s", error)
        return None
    return UUID(rows[0]["appmoduleid"]) if rows else None


def _company_row(connection: Connection, sales: SalesClient) -> tuple[UUID | None, UUID | None]:
    """The row of this company and its default owning team."""
    if COMPANIES not in sales.tables() or connection.company_id is None:
        return None, None
    condition = company_condition(connection)
    for record in sales.query(COMPANIES, properties=["_bcbi_defaultowningteam_value"], filter=condition):
        team = record.values["_bcbi_defaultowningteam_value"]
        return record.key, UUID(team) if team else None
    try:
        return make_company_row(connection, sales), None
    except RemoteError as error:
        if error.kind is ErrorKind.PERMISSION:
            return None, None
        raise


def company_condition(connection: Connection) -> str:
    return f"bcbi_externalid eq {literal(str(connection.company_id))}"


def company_name_in_sales(connection: Connection) -> str:
    return connection.company_name[:_NAME_LENGTH]


def make_company_row(connection: Connection, sales: SalesClient) -> UUID:
    """The row that stands for the company in Sales. Raises RemoteError."""
    body = {"bcbi_externalid": str(connection.company_id), "bcbi_name": company_name_in_sales(connection)}
    # Nobody else makes this row while the connection is disabled, and a second one would do no harm.
    answer = sales.session.send(
        "POST",
        f"{COMPANIES}?$select=bcbi_companyid",
        body=body,
        headers={"Prefer": "return=representation"},
    )
    return UUID(answer.data["bcbi_companyid"])


def default_team(sales: SalesClient, business_unit_id: UUID) -> UUID | None:
    condition = f"_businessunitid_value eq {business_unit_id} and isdefault eq true"
    for record in sales.query("teams", properties=[], filter=condition):
        return record.key
    return None
