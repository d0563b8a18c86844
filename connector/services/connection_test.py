"""Tests a connection step by step against both systems, without changing anything in either.

Every failure is a sentence with a way out. The same test runs when a person asks for it and before a connection is
enabled.
"""

from datetime import UTC, datetime
from functools import partial

from django.utils import timezone

from connector.auth import token_source
from connector.choices import CredentialKind, System
from connector.clients import INTERACTIVE, business_central_client, sales_client
from connector.models import Connection
from connector.services.business_central_checks import BusinessCentralChecks
from connector.services.checks import check_failure, listed
from connector.services.report import Concern, Report, Side
from connector.services.sales_checks import SalesChecks
from connector.services.usage import judge_usage, usage_of

# Change detection compares times of three machines.
_CLOCK_WARNING_SECONDS = 30
_CREDENTIAL_WARNING_DAYS = 30


def run_connection_test(*, connection: Connection, keep: bool = True) -> Report:
    """Runs all steps; `keep` stores the report on the connection (only if it is stored itself)."""
    report = Report()
    report.run("both", "Credential", lambda: validity(connection))
    business_central = check_business_central(connection, report)
    sales = check_sales(connection, report)
    for usage in usage_of(connection):
        side: Side = "sales" if usage.system is System.SALES else "business_central"
        report.run(side, "Requests", partial(judge_usage, usage))
    if business_central is not None and sales is not None:
        compare(report, business_central, sales)
    if keep and connection.pk:
        connection.last_test = report.as_json(details=True)
        connection.last_test_at = timezone.now()
        connection.save(update_fields=["last_test", "last_test_at", "updated_at"])
    return report


def compare(report: Report, business_central: BusinessCentralChecks, sales: SalesChecks) -> None:
    """The steps that need both systems; those of each have run."""
    report.run("both", "Currencies", lambda: _compare_currencies(business_central, sales))
    report.run("both", "Other integration", lambda: _other_integration(business_central, sales))
    report.run("both", "Clocks", lambda: _compare_clocks(business_central, sales))


def check_business_central(connection: Connection, report: Report) -> BusinessCentralChecks | None:
    """The steps of Business Central; None where nobody can sign in."""
    side: Side = "business_central"
    report.run(side, "Sign-in", lambda: _sign_in(connection, System.BUSINESS_CENTRAL))
    if report.has_failed(side):
        for name in ("Environment", "Company", "Tables", "Writing"):
            report.run(side, name, str)
        return None
    checks = BusinessCentralChecks(connection, business_central_client(connection, patience=INTERACTIVE))
    report.run(side, "Environment", checks.environment)
    report.run(side, "Version", checks.version)
    report.run(side, "Company", checks.company)
    report.run(side, "Tables", checks.tables)
    report.run(side, "Writing", checks.writing)
    report.run(side, "Companion extension", checks.companion)
    report.run(side, "Local currency", checks.local_currency)
    return checks


def check_sales(connection: Connection, report: Report) -> SalesChecks | None:
    """The steps of Sales; None where nobody can sign in."""
    side: Side = "sales"
    report.run(side, "Sign-in", lambda: _sign_in(connection, System.SALES))
    if report.has_failed(side):
        for name in ("Environment", "Application user", "Tables", "Privileges"):
            report.run(side, name, str)
        return None
    checks = SalesChecks(connection, sales_client(connection, patience=INTERACTIVE))
    report.run(side, "Environment", checks.environment)
    report.run(side, "Application user", checks.application_user)
    report.run(side, "Security roles", checks.roles)
    report.run(side, "Owning team", checks.owning_team)
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


def validity(connection: Connection) -> str:
    """How long the secret or certificate is good for, as far as somebody has told the hub."""
    credential = getattr(connection, "credential", None)
    if credential is None:
        return "No credential has been entered yet."
    kind = CredentialKind(credential.kind).label.lower()
    if credential.valid_until is None:
        return f"When the {kind} ends is not known to the hub; enter the day to be reminded."
    left = (credential.valid_until - timezone.localdate()).days
    renew = "Microsoft Entra admin center > App registrations > the app > Certificates & secrets: add a new one, then "
    renew += "enter it on Connection Setup."
    if left < 0:
        raise Concern(f"The {kind} ended on {credential.valid_until:%-d %B %Y}.", renew)
    if left < _CREDENTIAL_WARNING_DAYS:
        raise Concern(f"The {kind} ends in {left} days, on {credential.valid_until:%-d %B %Y}.", renew)
    return f"The {kind} is valid until {credential.valid_until:%-d %B %Y}."


def judge_other_integration(solutions: list[str], jobs: list[str] | None) -> str:
    """Whether Business Central's own integration synchronises the same company. Raises HubError or Concern."""
    if not solutions:
        return "Business Central's own integration is not installed in Sales."
    if jobs:
        raise check_failure(
            None,
            "connection.other_integration",
            f"Business Central is synchronising this company by itself: {listed(jobs)}.",
            "In Business Central open Job Queue Entries and put these jobs on hold, or switch the integration off on "
            "the page Microsoft Dynamics 365 Connection Setup.",
        )
    names = listed(solutions)
    if jobs is None:
        raise Concern(
            f"Sales has the solution of Business Central's own integration ({names}); whether it is running cannot be "
            "seen from here.",
            "In Business Central open Microsoft Dynamics 365 Connection Setup: Enabled has to be off. Two engines that "
            "write the same records undo each other's work.",
        )
    return f"Sales has {names}, and Business Central's own integration is not running."


def _other_integration(business_central: BusinessCentralChecks, sales: SalesChecks) -> str:
    solutions = sales.built_in_connector()
    return judge_other_integration(solutions, business_central.own_jobs() if solutions else None)


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
