"""Tests a connection step by step against both systems, without changing anything in either.

Every failure is a sentence with a way out. The same test runs when a person asks for it and before a connection is
enabled.
"""

from datetime import UTC, datetime

from django.utils import timezone

from connector.auth import token_source
from connector.choices import System
from connector.clients import INTERACTIVE, business_central_client, sales_client
from connector.models import Connection
from connector.services.business_central_checks import BusinessCentralChecks
from connector.services.checks import check_failure
from connector.services.report import Concern, Report, Side
from connector.services.sales_checks import SalesChecks

# Change detection compares times of three machines.
_CLOCK_WARNING_SECONDS = 30


def run_connection_test(*, connection: Connection, keep: bool = True) -> Report:
    """Runs all steps; `keep` stores the report on the connection (only if it is stored itself)."""
    report = Report()
    business_central = _test_business_central(connection, report)
    sales = _test_sales(connection, report)
    if business_central is not None and sales is not None:
        report.run("both", "Currencies", lambda: _compare_currencies(business_central, sales))
        report.run("both", "Clocks", lambda: _compare_clocks(business_central, sales))
    if keep and connection.pk:
        connection.last_test = report.as_json()
        connection.last_test_at = timezone.now()
        connection.save(update_fields=["last_test", "last_test_at", "updated_at"])
    return report


def _test_business_central(connection: Connection, report: Report) -> BusinessCentralChecks | None:
    side: Side = "business_central"
    report.run(side, "Sign-in", lambda: _sign_in(connection, System.BUSINESS_CENTRAL))
    if report.has_failed(side):
        for name in ("Environment", "Company", "Tables", "Writing"):
            report.run(side, name, str)
        return None
    checks = BusinessCentralChecks(connection, business_central_client(connection, patience=INTERACTIVE))
    report.run(side, "Environment", checks.environment)
    report.run(side, "Company", checks.company)
    report.run(side, "Tables", checks.tables)
    report.run(side, "Writing", checks.writing)
    report.run(side, "Local currency", checks.local_currency)
    return checks


def _test_sales(connection: Connection, report: Report) -> SalesChecks | None:
    side: Side = "sales"
    report.run(side, "Sign-in", lambda: _sign_in(connection, System.SALES))
    if report.has_failed(side):
        for name in ("Environment", "Application user", "Tables", "Privileges"):
            report.run(side, name, str)
        return None
    checks = SalesChecks(connection, sales_client(connection, patience=INTERACTIVE))
    report.run(side, "Environment", checks.environment)
    report.run(side, "Application user", checks.application_user)
    report.run(side, "Organisation", checks.organisation)
    report.run(side, "Tables", checks.tables)
    report.run(side, "Privileges", checks.privileges)
    return checks


def _sign_in(connection: Connection, system: System) -> str:
    if system is System.SALES and not connection.sales_url:
        raise check_failure(
            system,
            "sales.no_address",
            "The Sales environment URL is missing.",
            "Enter it on the Connection Setup page.",
        )
    token_source(connection, system).token()
    return f"The hub can sign in to {system.label}."


def _compare_currencies(business_central: BusinessCentralChecks, sales: SalesChecks) -> str:
    local, base = business_central.local_currency_code, sales.base_currency_code
    if local not in sales.currency_codes:
        raise check_failure(
            None,
            "connection.local_currency_missing",
            f"The local currency {local} of the Business Central company does not exist in Sales.",
            "Power Platform admin center > Environments > the environment > Settings > Business > Currencies: add "
            f"{local}.",
        )
    if local == base:
        return f"Both systems keep their books in {local}."
    if base not in business_central.currencies_with_rate():
        raise check_failure(
            None,
            "connection.base_currency_missing",
            f"The base currency {base} of Sales has no exchange rate in Business Central, whose local currency is "
            f"{local}.",
            f"In Business Central open Currencies, add {base} and enter an exchange rate.",
        )
    return f"Business Central keeps its books in {local}, Sales in {base}; currencies flow to Sales only."


def _compare_clocks(business_central: BusinessCentralChecks, sales: SalesChecks) -> str:
    now = datetime.now(UTC)
    apart = {
        label: abs((there - here).total_seconds())
        for label, here, there in (
            ("the hub and Business Central", *business_central.clock(now)),
            ("the hub and Sales", *sales.clock(now)),
        )
    }
    widest = max(apart, key=lambda label: apart[label])
    if apart[widest] > _CLOCK_WARNING_SECONDS:
        raise Concern(
            f"The clocks of {widest} differ by {apart[widest]:.0f} seconds.",
            "Synchronise the clock of the machine that the hub runs on. The hub reads changes by the services' own "
            "clocks, so nothing gets lost, but times on its pages may look odd.",
        )
    return f"The clocks differ by {apart[widest]:.0f} seconds at most."
