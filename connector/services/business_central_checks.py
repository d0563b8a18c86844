"""The steps of a connection test that concern Business Central."""

from datetime import UTC, datetime

from connector.business_central import BusinessCentralClient, Company
from connector.business_central_addresses import Service
from connector.choices import System
from connector.error_table import error_of_answer
from connector.errors import ErrorKind, RemoteError
from connector.http.batch import BUSINESS_CENTRAL_LIMIT, Part
from connector.models import Connection
from connector.odata import chunks, options
from connector.provisioning import needed_tables
from connector.services.checks import check_failure, listed
from connector.services.report import Concern

_SYSTEM = System.BUSINESS_CENTRAL
_OLDEST = (18, 3)
_JOB_QUEUE = "jobQueueEntries"
# The codeunit that Business Central's own integration with Sales runs.
_BUILT_IN_RUNNER = 5339


class BusinessCentralChecks:
    """Each public method is one step: it returns what it found out, or raises HubError or Concern.

    Steps read what they need themselves unless an earlier one has, so that each can also run alone.
    """

    def __init__(self, connection: Connection, client: BusinessCentralClient) -> None:
        self._connection = connection
        self._client = client
        self._companies: list[Company] | None = None
        self._versions: list[str] = []
        self._asked_at: datetime | None = None
        self._server_time: datetime | None = None
        self._local_currency: str | None = None

    def environment(self) -> str:
        if not self._connection.business_central_environment:
            raise check_failure(
                _SYSTEM,
                "business_central.no_environment",
                "The Business Central environment's name is missing.",
                "Enter it on the Connection Setup page; Business Central admin center > Environments lists them.",
            )
        companies = self._read_companies()
        if not companies:
            raise check_failure(
                _SYSTEM,
                "business_central.no_companies",
                "The hub's application may not open any company of this environment.",
                "In Business Central search for Microsoft Entra Applications, open the hub's card and add permission "
                "sets for the company.",
            )
        names = listed([company.name for company in companies])
        return f"The environment {self._connection.business_central_environment} answers. Companies: {names}."

    @property
    def companies(self) -> list[Company]:
        """The companies that the application may open."""
        return self._read_companies() if self._companies is None else self._companies

    @property
    def local_currency_code(self) -> str:
        if self._local_currency is None:
            code = self._client.singleton("companyInformation").get("currencyCode")
            self._local_currency = str(code or "").strip()
        return self._local_currency

    def version(self) -> str:
        """The version that the companies report; 18.3 is the first whose API accepts applications."""
        _ = self.companies
        known = sorted(filter(None, self._versions), key=_numbers)
        if not known:
            raise Concern("Business Central does not say which version it has.", "The hub needs 18.3 or later.")
        if _numbers(known[0]) < _OLDEST:
            raise check_failure(
                _SYSTEM,
                "business_central.old_version",
                f"Business Central has version {known[0]}; the hub needs 18.3 or later.",
                "Update the environment in the Business Central admin center.",
            )
        return f"Business Central has version {known[-1]}."

    def companion(self) -> str:
        """The extension that serves what the standard API lacks."""
        offered = self._client.tables(Service.COMPANION)
        if offered:
            return f"The companion extension answers with {len(offered)} tables."
        return "The companion extension is not installed; what the standard API lacks is read from published pages."

    def own_jobs(self) -> list[str] | None:
        """Job queue entries that run the built-in integration now; None where the API does not show them."""
        if _JOB_QUEUE not in self._client.tables(Service.API):
            return None
        address = self._client.addresses.table(_JOB_QUEUE) + options(filter=f"objectIdToRun eq {_BUILT_IN_RUNNER}")
        rows = self._client.session.get(address).data["value"]
        running = {"ready", "in process", "in_x0020_process"}
        return [
            str(row.get("description") or row.get("objectIdToRun"))
            for row in rows
            if str(row.get("status")).casefold() in running
        ]

    def company(self) -> str:
        chosen = self._connection.company_id
        for company in self.companies:
            if company.id == chosen:
                return f"The company is {company.display_name}."
        if chosen is None:
            raise check_failure(
                _SYSTEM,
                "business_central.no_company",
                "No company has been chosen.",
                f"Choose one on the Connection Setup page: {listed([company.name for company in self.companies])}.",
            )
        raise check_failure(
            _SYSTEM,
            "business_central.unknown_company",
            "The environment has no such company, or the hub's application may not open it.",
            f"Choose one of these: {listed([company.name for company in self.companies])}.",
        )

    def tables(self) -> str:
        """Every needed table exists and can be read; those of other services are named as missing, not as failures."""
        offered = {service: self._client.tables(service) for service in Service}
        needed = [each.table for each in needed_tables(self._connection) if each.system == _SYSTEM]
        routes = {table: service for service in reversed(Service) for table in needed if table in offered[service]}
        missing = sorted(set(needed) - set(routes))
        denied = self._unreadable(routes)
        if denied:
            raise RemoteError(
                f"The hub's application may not read {listed(sorted(denied))} in Business Central.",
                kind=ErrorKind.PERMISSION,
                code="business_central.missing_permission",
                retry=next(iter(denied.values())).retry,
                system=_SYSTEM,
                hint=next(iter(denied.values())).hint,
            )
        if missing:
            raise Concern(
                f"Business Central does not offer {listed(missing)}; their mappings are not available.",
                "Install the companion extension, or publish the pages in Business Central on the page Web Services.",
            )
        return f"All {len(needed)} tables that the mappings use can be read."

    def writing(self) -> str:
        if not any(each.writes for each in needed_tables(self._connection) if each.system == _SYSTEM):
            return "The mappings write nothing to Business Central."
        raise Concern(
            "Whether the hub may write to Business Central shows with the first write.",
            "Business Central tells an application nothing about its own permissions. Check that the hub's card on the "
            "page Microsoft Entra Applications has permission sets for customers, contacts and items.",
        )

    def local_currency(self) -> str:
        if not self.local_currency_code:
            raise check_failure(
                _SYSTEM,
                "business_central.no_local_currency",
                "The company has no local currency code.",
                "In Business Central open General Ledger Setup and fill in LCY Code.",
            )
        return f"The company keeps its books in {self.local_currency_code}."

    def currencies_with_rate(self) -> set[str]:
        return {rate.currency_code for rate in self._client.exchange_rates()}

    def clock(self, now: datetime) -> tuple[datetime, datetime]:
        """The hub's time and the server's at the same moment, to a second or two."""
        _ = self.companies
        return self._asked_at or now, self._server_time or self._asked_at or now

    def _read_companies(self) -> list[Company]:
        self._asked_at = datetime.now(UTC)
        answer = self._client.session.get(f"{Service.API.path}/companies")
        self._server_time = answer.date
        self._companies = self._client.companies()
        self._versions = [str(row.get("systemVersion") or "") for row in answer.data["value"]]
        return self._companies

    def _unreadable(self, routes: dict[str, Service]) -> dict[str, RemoteError]:
        """Tables whose first row may not be read; one batch per service."""
        session, addresses = self._client.session, self._client.addresses
        denied: dict[str, RemoteError] = {}
        for service in Service:
            for tables in chunks([table for table in routes if routes[table] is service], BUSINESS_CENTRAL_LIMIT):
                parts = [Part("GET", f"{addresses.company(service)}/{table}?$top=1") for table in tables]
                answers = self._client.batch(service, parts, repeatable=True)
                for number, table in enumerate(tables):
                    answer = answers.get(number)
                    if answer is not None and answer.status >= 300:
                        error = error_of_answer(session.refusal(answer.status, answer.headers, answer.data))
                        if error.kind is ErrorKind.PERMISSION:
                            denied[table] = error
        return denied


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
