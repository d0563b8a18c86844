"""Business Central as one system behind the gate: parses requests, runs them in a transaction, renders answers."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from sandbox.business_central import batch, codec, environments, errors, metadata, platform, variants, webhooks
from sandbox.business_central.address import Address, parse_address, unquote_key
from sandbox.business_central.companies import Companies
from sandbox.business_central.errors import BusinessCentralError, bad_request, not_found
from sandbox.business_central.resources import Call, Resources, Result, entity_set_of, find_page
from sandbox.business_central.rules import load_rules
from sandbox.business_central.schema import COMPANION_SERVICE, PAGES_SERVICE, Schema, load_schema
from sandbox.business_central.session import Session
from sandbox.business_central.tables import COMPANIES, define_tables
from sandbox.clock import SystemName
from sandbox.control.profile import BusinessCentralProfile
from sandbox.control.traffic import Operation, Prepared
from sandbox.http import Request, Response, ServiceError, load_json, parse_query
from sandbox.storage import Transaction

if TYPE_CHECKING:
    from sandbox.state import Sandbox

JSON_TYPE = "application/json; odata.metadata=minimal; odata.streaming=true"
_PAGING_OPTIONS = ("aid", "$skiptoken", "$skip")
_WRITES = {"POST", "PATCH", "DELETE", "PUT"}
ALWAYS_PUBLISHED = {
    "SalesOrder", "workflowCustomers", "workflowItems", "workflowVendors", "salesDocuments", "salesDocumentLines",
    "workflowSalesDocuments", "workflowSalesDocumentLines",
}  # fmt: skip


@lru_cache(maxsize=8)
def _by_name(profile: BusinessCentralProfile) -> Mapping[str, Any]:
    return asdict(profile)


class BusinessCentralService:
    """The System of the traffic gate. One per process."""

    name: SystemName = "business_central"

    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox
        self.schema: Schema = load_schema()
        load_rules()
        self.notifier = webhooks.Notifier(sandbox)
        self.companies = Companies(sandbox.store, sandbox.data_directory, self.schema)

    # -- Life cycle

    def define(self, tx: Transaction) -> None:
        define_tables(tx.store, self.schema)

    def identity(self) -> tuple[str, str]:
        """Company name and freight account, as the health answer shows them."""
        with self.sandbox.store.read() as tx:
            company = self.companies.all(tx)[0]
            setup = next(tx.select("bc_sales_receivables_setup", limit=1), {})
            return company["name"], setup.get("freight_g_l_acc_no", "")

    def profile_changed(self) -> None:
        """Another local currency is written into the ledger set-up, where the product keeps it."""
        wanted = self.sandbox.profile.business_central.local_currency.upper()
        for store in self.companies.stores():
            with store.write() as tx:
                session = self.session(tx)
                setup = session.setup("General Ledger Setup")
                session.update("General Ledger Setup", {**setup, "lcy_code": wanted}, setup)

    def session(self, tx: Transaction) -> Session:
        profile = _by_name(self.sandbox.profile.business_central)
        return Session(tx, self.schema, self.sandbox.clock.now("business_central"), profile)

    def stamp(self) -> str:
        return codec.stamp(self.sandbox.clock.now("business_central"))

    @staticmethod
    def company(tx: Transaction, wanted: str | None = None) -> dict[str, Any]:
        """The company of a name or id; without one the only one there is. Raises Internal_CompanyNotFound."""
        companies = list(tx.select(COMPANIES.name, order_by="name"))
        if wanted is None and len(companies) == 1:
            return companies[0]
        for company in companies:
            if wanted is not None and (wanted.lower().strip("{}") == company["id"] or wanted == company["name"]):
                return company
        raise not_found(f"The company '{wanted or ''}' does not exist.", "Internal_CompanyNotFound")

    # -- The gate's interface

    def prepare(self, request: Request) -> Prepared:
        if request.path.startswith("/environments"):
            return Prepared(lambda: environments.answer(self.sandbox, request), [Operation("GET", "environments")])
        if self.sandbox.profile.business_central.maintenance:
            raise BusinessCentralError(
                503, "Internal_TenantUnavailable", "The tenant is being upgraded. Try again later."
            )
        address = parse_address(request.path, request.origin, self.sandbox.tenant_id, self.sandbox.environment)
        if address.segments and address.segments[0].name == "$batch":
            return batch.prepare(self, request, address)
        body = request.body if self._is_stream(address) else self._body(request)
        call = self.parse_call(request.method, address, request.query, request.headers, body, request.url)
        name = entity_set_of(self.schema, address)
        writes = 1 if request.method in _WRITES else 0
        return Prepared(lambda: self.respond(request, call), [Operation(request.method, name, writes)])

    def render_error(self, request: Request, error: ServiceError) -> Response:
        response = errors.render(self.vary(error), request)
        response.headers["x-ms-service-request-id"] = request.correlation_id
        return self._finish(request, response)

    def vary(self, error: ServiceError) -> ServiceError:
        return variants.vary(error, self.sandbox.profile.business_central)

    def unauthorized(self, request: Request, reason: str) -> ServiceError:
        return errors.unauthorized()

    def throttled(self, kind: str, retry_after: int) -> ServiceError:
        return BusinessCentralError(
            429,
            "Application_TooManyRequests",
            "Too many requests reached the server.",
            {"Retry-After": str(retry_after)},
        )

    def stale_delta(self, request: Request) -> ServiceError | None:
        return None

    def unexpected(self) -> ServiceError:
        return BusinessCentralError(500, "Internal_ServerError", "An unexpected error has occurred.")

    # -- Calls

    def _is_stream(self, address: Address) -> bool:
        """Whether the last segment is a binary property, whose body is not JSON."""
        if len(address.segments) < 2:
            return False
        names = [segment.name for segment in address.segments]
        pages = (self.schema.page(address.service, name) for name in names[:-1])
        properties = [page.properties.get(names[-1]) for page in pages if page is not None]
        return any(prop is not None and prop.kind == "stream" for prop in properties)

    @staticmethod
    def _body(request: Request) -> Any:
        if request.method not in ("POST", "PATCH", "PUT") or not request.body.strip():
            return None
        try:
            return load_json(request.body)
        except ValueError as error:
            raise bad_request(f"The request body is not valid JSON: {error}") from error

    @staticmethod
    def parse_call(method: str, address: Address, query: str, headers: Mapping[str, str], body: Any, url: str) -> Call:
        options = parse_query(query)
        kept = "&".join(
            f"{quote(name, safe='$')}={quote(value, safe='(),:/')}"
            for name, value in options.items()
            if name not in _PAGING_OPTIONS
        )
        base = url.partition("?")[0]
        address.company = address.company or unquote_key(options.get("company", "")) or headers.get("company")
        return Call(method, address, options, headers, body, f"{base}?{kept}" if kept else base)

    def respond(self, request: Request, call: Call) -> Response:
        result = self.run(call)
        return self._finish(request, self.to_response(result))

    def run(self, call: Call) -> Result:
        """One operation in its own transaction."""
        store = self.companies.store_of(call.address.company)
        if call.method == "GET":
            with store.read() as tx:
                return self.execute(tx, call)
        with store.write() as tx:
            return self.execute(tx, call)

    def execute(self, tx: Transaction, call: Call) -> Result:
        """One operation in the given transaction; its changes are announced when that commits."""
        result = self._execute(tx, call)
        profile = self.sandbox.profile.business_central
        for name, sent in (("ETag", profile.etag_header), ("Location", profile.location_header)):
            if not sent:
                result.headers.pop(name, None)
        return result

    def _execute(self, tx: Transaction, call: Call) -> Result:
        address = call.address
        name = address.segments[0].name if address.segments else ""
        if address.service == COMPANION_SERVICE and not self.sandbox.profile.business_central.companion_extension:
            raise not_found("The API is not installed.", "BadRequest_NotFound")
        if name in ("", "$metadata", "entityDefinitions"):
            if call.method != "GET":
                raise errors.method_not_allowed()
            return metadata.answer(self.schema, call, name, self.hidden_pages(address.service))
        session = self.session(tx)
        if name in ("companies", "Company", "subscriptions", "webhookSupportedResources"):
            return platform.execute(self, session, call, name)
        company = self.company(tx, address.company)
        if name in self.hidden_pages(address.service):
            find_page(self.schema, address.service, "")
        result = Resources(session, company["id"], company["name"]).execute(call)
        if session.changes:
            changes = list(session.changes)
            tx.on_commit(lambda: self.notifier.record(company["id"], changes))
        return result

    def hidden_pages(self, service: str) -> set[str]:
        """Sets that the simulated installation does not offer."""
        profile = self.sandbox.profile.business_central
        hidden: set[str] = set()
        if service == PAGES_SERVICE and not profile.pages:
            hidden |= self.schema.services[PAGES_SERVICE].keys() - ALWAYS_PUBLISHED
        if not profile.quote_archives:
            hidden |= {"salesQuoteArchives", "salesQuoteArchiveLines"}
        return hidden

    # -- Answers

    @staticmethod
    def to_response(result: Result) -> Response:
        headers = dict(result.headers)
        if result.body is None:
            return Response(result.status, b"", headers)
        if isinstance(result.body, bytes):
            return Response(result.status, result.body, headers)
        if isinstance(result.body, str):
            return Response(result.status, result.body.encode(), headers)
        headers.setdefault("Content-Type", JSON_TYPE)
        return Response(result.status, orjson.dumps(result.body), headers)

    @staticmethod
    def _finish(request: Request, response: Response) -> Response:
        response.headers.setdefault("OData-Version", "4.0")
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["Request-Id"] = request.correlation_id
        response.headers["ms-correlation-x"] = request.correlation_id
        return response
