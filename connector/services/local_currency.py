"""Makes the local currency of Business Central in Sales, where setup found that Sales does not know it."""

from decimal import Decimal

from django.contrib.auth.models import User
from django.utils import timezone

from connector.choices import System
from connector.clients import INTERACTIVE, business_central_client, sales_client
from connector.models import Connection
from connector.sales import SalesClient
from connector.services import audit
from connector.services.business_central_checks import BusinessCentralChecks
from connector.services.checks import check_failure
from connector.services.sales_checks import SalesChecks

_PLACES = Decimal("0.0000000001")


def make_local_currency(*, connection: Connection, user: User | None) -> str:
    """The code of the currency that was made, or is there already. Raises HubError.

    Its rate is the one at which Business Central counts the base currency of Sales today; without one nothing is made.
    """
    client = business_central_client(connection, patience=INTERACTIVE)
    sales = sales_client(connection, patience=INTERACTIVE)
    there = SalesChecks(connection, sales)
    code, base = BusinessCentralChecks(connection, client).local_currency_code, there.base_currency_code
    if not code or code in there.currency_codes:
        return code
    today = timezone.localdate().isoformat()
    rates = [rate for rate in client.exchange_rates() if rate.currency_code == base and rate.starting_date <= today]
    if not rates or not rates[-1].exchange_amount:
        raise check_failure(
            System.BUSINESS_CENTRAL,
            "connection.base_currency_missing",
            f"What {base} is worth in {code} is not known: Business Central has no exchange rate for {base}.",
            f"In Business Central open Currencies, add {base} and enter an exchange rate.",
        )
    rate = (rates[-1].relational_amount / rates[-1].exchange_amount).quantize(_PLACES)
    create_currency(sales, code, rate)
    stored = Connection.objects.get(pk=connection.pk)
    audit.record_change(
        connection=stored, user=user, action="create currency in Sales", target=code, after={"exchange rate": rate}
    )
    return code


def create_currency(sales: SalesClient, code: str, rate: Decimal) -> None:
    """`rate`: units of the currency for one of the base currency. Sales refuses a code that it has already."""
    body = {
        "isocurrencycode": code,
        "currencyname": code,
        "currencysymbol": code,
        "currencyprecision": 2,
        "exchangerate": rate,
    }
    sales.session.send("POST", "transactioncurrencies", body=body)
