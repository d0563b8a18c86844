"""What assisted setup checks on each step, with the draft's values; nothing is changed in either system."""

import base64
import json
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import quote

import requests
from django.utils import timezone

from connector.auth import Identity, request_token
from connector.clients import INTERACTIVE, business_central_client, sales_client
from connector.error_table import error_of_exception, error_of_token_answer
from connector.http.transport import CONNECT_TIMEOUT_SECONDS, transport
from connector.models import BUSINESS_CENTRAL_SCOPE, Connection, SetupDraft
from connector.services.business_central_checks import BusinessCentralChecks
from connector.services.checks import check_failure
from connector.services.connection_test import check_business_central, check_sales, compare, validity
from connector.services.facts import default_team, discover_capabilities
from connector.services.report import Concern, Report
from connector.services.sales_checks import OVER_PRIVILEGED, SalesChecks
from connector.services.teams import members_of, owner_teams
from connector.services.webhook_address import explain_address
from connector.wizard import drafts
from connector.wizard.subjects import Person, subjects

_SECONDS = 15


def run_checks(draft: SetupDraft, slug: str) -> None:
    """Runs a step's checks and keeps their results on the draft."""
    _run(draft, slug, None)


def run_check(draft: SetupDraft, slug: str, system: str, name: str) -> None:
    """Runs one check of a step again, and those that waited for it; all of them where the results are out of date."""
    if not drafts.is_fresh(draft, slug):
        _run(draft, slug, None)
        return
    rows = _run(draft, slug, frozenset({(system, name)}))
    waiting = frozenset(_key(row) for row in rows if row["state"] == "skipped")
    if waiting and not any(row["state"] == "failed" for row in rows):
        _run(draft, slug, waiting)


def _run(draft: SetupDraft, slug: str, only: frozenset[tuple[str, str]] | None) -> list[dict[str, Any]]:
    fingerprint = drafts.fingerprint(draft, slug)
    report = Report(only=only)
    found = _CHECKS[slug](drafts.candidate(draft), report)
    rows: list[dict[str, Any]] = report.as_json(details=True)["steps"]
    if only is not None:
        fresh = {_key(row): row for row in rows}
        rows = [fresh.get(_key(row), row) for row in draft.checks[slug]["rows"]]
    result = {"fingerprint": fingerprint, "at": timezone.now().isoformat(), "rows": rows, "accepted": False}
    drafts.note(draft, checks={slug: result}, found=found)
    return rows


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["system"], row["name"]


def find_companies(draft: SetupDraft) -> None:
    """Reads the companies of the environment into the draft. Raises HubError."""
    companies = business_central_client(drafts.candidate(draft), patience=INTERACTIVE).companies()
    rows = [{"id": str(company.id), "name": company.name} for company in companies]
    drafts.note(draft, found={"companies": rows})


def find_people(draft: SetupDraft) -> None:
    """Reads teams, Sales users and salespeople into the draft. Raises HubError."""
    connection = drafts.candidate(draft)
    sales = sales_client(connection, patience=INTERACTIVE)
    teams = owner_teams(sales)
    team = (
        connection.chosen_team_id or connection.owning_team_id or default_team(sales, sales.who_am_i().business_unit_id)
    )
    members = None if team is None else sorted(str(user) for user in members_of(sales, team))
    users, salespeople = subjects().people(connection)

    def rows(people: list[Person]) -> list[dict[str, str]]:
        return [
            {"id": str(each.id), "name": each.name, "email": each.email, "partner": str(each.partner or "")}
            for each in people
        ]

    found = {"users": rows(users), "salespeople": rows(salespeople), "members": members}
    drafts.note(draft, found={"people": found, "teams": [{"id": str(key), "name": name} for key, name in teams]})


def _identity(connection: Connection, report: Report) -> dict[str, Any]:
    @cache
    def token() -> str:
        return str(request_token(Identity.of(connection), BUSINESS_CENTRAL_SCOPE, None)["access_token"])

    def sign_in() -> str:
        token()
        return "The identity service accepts the credential and gives a token for Business Central."

    report.run("both", "Tenant", lambda: _tenant(connection))
    report.run("both", "Credential", sign_in)
    report.run("both", "Application", lambda: _application(connection, token()))
    report.run("both", "Validity", lambda: validity(connection))
    return {}


def _tenant(connection: Connection) -> str:
    """The tenant's public document, which needs no credential."""
    tenant = quote(connection.tenant_id, safe=".-")
    address = f"{connection.authority_url.rstrip('/')}/{tenant}/v2.0/.well-known/openid-configuration"
    host = connection.authority_url.partition("://")[2]
    try:
        answer = transport().get(address, timeout=(CONNECT_TIMEOUT_SECONDS, _SECONDS), allow_redirects=False)
        document = answer.json()
    except requests.exceptions.JSONDecodeError as error:
        raise check_failure(
            None,
            "sign_in.not_the_service",
            f"{host} answers, but not as an identity service does.",
            "Check the address under Advanced; for the worldwide cloud it is https://login.microsoftonline.com.",
        ) from error
    except requests.RequestException as error:
        raise error_of_exception(None, error, host=host) from error
    if answer.status_code >= 400 or "issuer" not in document:
        raise error_of_token_answer(None, document, host=host)
    return f"The tenant {connection.tenant_id} exists."


def _application(connection: Connection, token: str) -> str:
    """The token speaks for the application that was entered. Tokens are the service's own; some cannot be read."""
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        named = str(claims.get("appid") or claims.get("azp") or "")
    except (IndexError, ValueError):
        return "The token is not one that the hub can look into."
    if named and named.casefold() != connection.client_id.casefold():
        raise check_failure(
            None,
            "sign_in.other_application",
            f"The token is for another application, {named}.",
            "Copy the Application (client) ID again from the app registration's overview.",
        )
    return "The token is for this application."


def _sales(connection: Connection, report: Report) -> dict[str, Any]:
    checks = check_sales(connection, report)
    if checks is not None:
        report.run("sales", "Other integration", lambda: _other_in_sales(checks))
    return {}


def _other_in_sales(checks: SalesChecks) -> str:
    solutions = checks.built_in_connector()
    if solutions:
        raise Concern(
            f"Business Central's own integration is installed in Sales: {', '.join(solutions)}.",
            "That does no harm while it is switched off; the step Compatibility looks whether it runs.",
        )
    return "Business Central's own integration is not installed."


def _business_central(connection: Connection, report: Report) -> dict[str, Any]:
    found: dict[str, Any] = {}
    checks = check_business_central(connection, report)
    if checks is not None and report.only is None and not report.has_failed("business_central"):
        found["companies"] = [{"id": str(each.id), "name": each.name} for each in checks.companies]
        client = business_central_client(connection, patience=INTERACTIVE)
        found["capabilities"] = discover_capabilities(client)
    report.run("business_central", "Announcing changes", lambda: explain_address(connection))
    return found


def _compatibility(connection: Connection, report: Report) -> dict[str, Any]:
    business_central = BusinessCentralChecks(connection, business_central_client(connection, patience=INTERACTIVE))
    sales = SalesChecks(connection, sales_client(connection, patience=INTERACTIVE))
    report.run("business_central", "Environment", business_central.environment)
    report.run("business_central", "Local currency", business_central.local_currency)
    report.run("sales", "Environment", sales.environment)
    report.run("sales", "Base currency", sales.organisation)
    compare(report, business_central, sales)
    found: dict[str, Any] = {}
    report.run("both", "Volumes", lambda: _volumes(connection, found))
    return found


def _volumes(connection: Connection, found: dict[str, Any]) -> str:
    offers = [offer.name for offer in subjects().offers(connection) if offer.available]
    counts = subjects().count(connection, offers)
    found["counts"] = {
        name: {"business_central": each.business_central, "sales": each.sales, "problem": each.problem}
        for name, each in counts.items()
    }
    there = sum(each.business_central or 0 for each in counts.values())
    here = sum(each.sales or 0 for each in counts.values())
    problems = [f"{name}: {each.problem}" for name, each in counts.items() if each.problem]
    sentence = f"Inside the filters: {there} records in Business Central, {here} rows in Sales."
    if problems:
        raise Concern(f"{sentence} Some could not be counted.", " ".join(problems[:3]))
    return sentence


_CHECKS: dict[str, Callable[[Connection, Report], dict[str, Any]]] = {
    "identity": _identity,
    "sales": _sales,
    "business-central": _business_central,
    "compatibility": _compatibility,
}


def outcome(draft: SetupDraft, slug: str) -> str:
    """`""` not run, `stale`, `failed`, `warning` (not accepted yet), or `passed`."""
    result = draft.checks.get(slug)
    if not result:
        return ""
    if not drafts.is_fresh(draft, slug):
        return "stale"
    states = {row["state"] for row in result["rows"]}
    if states & {"failed", "skipped"}:
        return "failed"
    return "warning" if "warning" in states and not result.get("accepted") else "passed"


def needs_reason(draft: SetupDraft) -> bool:
    """Whether Sales lets the hub do everything, which is accepted only where somebody says why."""
    rows = draft.checks.get("sales", {}).get("rows", [])
    return any(row.get("details", {}).get("code") == OVER_PRIVILEGED for row in rows)


def accept_warnings(draft: SetupDraft, slug: str) -> None:
    drafts.note(draft, checks={slug: {**draft.checks[slug], "accepted": True}})
