"""Where Business Central's tables are: standard API, companion extension, published pages. Addresses are built here.

A table that several services offer is taken from the first of them in this order; which ones offer it is known from
the connection's capabilities, discovered while it is enabled.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from uuid import UUID

from connector.business_central_pages import PAGE_TABLES
from connector.errors import ErrorKind, RemoteError, Retry

COMPANION_ROUTE = "couplet/integration/v1.0"


class Service(StrEnum):
    """The values of `TableMapping.business_central_service`."""

    API = "api"
    COMPANION = "companion"
    PAGES = "pages"

    @property
    def path(self) -> str:
        """Below the environment's root."""
        return {
            Service.API: "api/v2.0",
            Service.COMPANION: f"api/{COMPANION_ROUTE}",
            Service.PAGES: "ODataV4",
        }[self]


class Addresses:
    """Paths of one company's tables, relative to the environment's root."""

    def __init__(self, company_id: UUID | None, capabilities: Mapping[str, Collection[str]]) -> None:
        self._company_id = company_id
        self._capabilities = {service: frozenset(capabilities.get(service, ())) for service in Service}

    def service_of(self, table: str) -> Service:
        """The first service that offers the table; the standard API for one that nobody is known to offer."""
        for service in Service:
            if table in self._capabilities[service]:
                return service
        return Service.PAGES if self.page_of(table) else Service.API

    def page_of(self, table: str) -> str:
        """The published page that shows a table which no API offers; "" for every other table."""
        shown = PAGE_TABLES.get(table)
        if shown is None or any(table in self._capabilities[service] for service in (Service.API, Service.COMPANION)):
            return ""
        return next((page for page in shown.pages if page in self._capabilities[Service.PAGES]), "")

    @property
    def company_id(self) -> UUID | None:
        return self._company_id

    def company(self, service: Service) -> str:
        """The company's segment below the service. Raises RemoteError when no company was chosen yet."""
        if self._company_id is None:
            raise RemoteError(
                "No Business Central company has been chosen.",
                kind=ErrorKind.CONFIG,
                code="business_central.no_company",
                retry=Retry.NEVER,
                system=None,
                hint="Choose the company on the Connection Setup page.",
            )
        return f"Company(Id={self._company_id})" if service is Service.PAGES else f"companies({self._company_id})"

    def in_service(self, table: str) -> str:
        """Path of the table below its service; inside a batch."""
        return f"{self.company(self.service_of(table))}/{self.page_of(table) or table}"

    def table(self, table: str) -> str:
        """Path of the table below the environment's root."""
        return f"{self.service_of(table).path}/{self.in_service(table)}"

    def batch(self, service: Service) -> str:
        return f"{service.path}/$batch"

    def metadata(self, service: Service) -> str:
        return f"{service.path}/$metadata"
