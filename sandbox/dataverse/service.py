"""The Sales organisation as one of the two systems: prepares requests, opens transactions, renders errors."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from sandbox.clock import SystemName
from sandbox.control.traffic import Prepared
from sandbox.dataverse import (
    batch,
    bypass,
    changes,
    errors,
    filestore,
    operations,
    organisation,
    responses,
    rules,
    variants,
    webhooks,
)
from sandbox.dataverse.context import Context
from sandbox.dataverse.metadata import customizations
from sandbox.dataverse.schema import Schema, standard, storage_table
from sandbox.http import Request, Response, ServiceError
from sandbox.identity.clients import Client
from sandbox.storage import Transaction

if TYPE_CHECKING:
    from sandbox.state import Sandbox

logger = logging.getLogger(__name__)

_THROTTLED = {
    "requests": (
        "0x80072322",
        "Number of requests exceeded the limit of {limit}, measured over time window of 300 seconds.",
    ),
    "execution": (
        "0x80072321",
        "Combined execution time of incoming requests exceeded limit, measured over 300 seconds.",
    ),
    "concurrent": ("0x80072326", "Number of concurrent requests exceeded the limit of {limit}."),
}

_DOCUMENTED_REQUESTS = 6000
_DOCUMENTED_SECONDS = 1200
"""What the headers count down from while no limit is enforced."""
_REQUESTS_LEFT = "x-ms-ratelimit-burst-remaining-xrm-requests"
_SECONDS_LEFT = "x-ms-ratelimit-time-remaining-xrm-requests"


class DataverseService:
    """Implements `sandbox.control.traffic.System` for Sales."""

    name: SystemName = "sales"

    def __init__(self, sandbox: "Sandbox") -> None:
        rules.load()
        self.sandbox = sandbox
        self._full_schema = standard()
        self._schema = self._full_schema

    # -- Schema

    @property
    def schema(self) -> Schema:
        """What the organisation offers at the moment."""
        return self._schema

    def define(self, tx: Transaction) -> None:
        """Makes all tables exist, with the customisations that are stored, inside the given transaction."""
        self._full_schema = customizations.apply_stored(standard(), tx)
        filestore.define(self.sandbox.store)
        for table in self._full_schema.tables:
            self.sandbox.store.define(storage_table(table, self._full_schema.parents.get(table.logical_name, ())))
        self.profile_changed()

    def forget_customizations(self) -> None:
        """Back to the standard schema; called by reset, which drops the stored customisations too."""
        self._full_schema = standard()
        self.profile_changed()

    def profile_changed(self) -> None:
        installed = self.sandbox.profile.sales.business_central_solution
        self._schema = self._full_schema if installed else self._full_schema.without_solution()

    def replace_schema(self, schema: Schema, tx: Transaction, *changed: str) -> None:
        """Publishes a schema with metadata changes; ``changed`` are logical names whose storage has to follow."""
        for name in changed:
            table = schema.by_name.get(name)
            if table is not None:
                self.sandbox.store.define(storage_table(table, schema.parents.get(name, ())))

        def publish() -> None:
            self._full_schema = schema
            self.profile_changed()

        tx.on_commit(publish)

    @property
    def full_schema(self) -> Schema:
        return self._full_schema

    # -- Requests

    def prepare(self, request: Request) -> Prepared:
        if request.path.rstrip("/").endswith("/$batch"):
            return batch.prepare(self, request)
        parsed = operations.parse(self, request)

        def run() -> Response:
            response = self.transact(request, parsed.writes, parsed.execute, headers_of=request)
            response.headers |= self._allowance(request)
            return responses.complete(request, response)

        return Prepared(run, [parsed.operation])

    def _allowance(self, request: Request) -> dict[str, str]:
        """What is left of the service protection limits, for those who watch it."""
        limits = self.sandbox.limits.of("sales")
        requests, seconds = self.sandbox.limits.used("sales", request.client_id)
        most, longest = limits.requests_per_5_minutes, limits.execution_seconds_per_5_minutes
        return {
            _REQUESTS_LEFT: str(max(0, (_DOCUMENTED_REQUESTS if most is None else most) - requests)),
            _SECONDS_LEFT: f"{max(0, (_DOCUMENTED_SECONDS if longest is None else longest) - seconds):.2f}",
        }

    def transact(
        self,
        request: Request,
        writes: bool,
        work: Callable[[Context], Response],
        *,
        headers_of: Request,
    ) -> Response:
        """Runs ``work`` in one transaction. ``headers_of`` is the outer request, which names the caller."""
        store = self.sandbox.store
        if not writes:
            with store.read() as tx:
                return work(self._context(request, headers_of, tx))
        with store.write() as tx:
            context = self._context(request, headers_of, tx)
            context.passed_by = bypass.passed_by(context, request)
            response = work(context)
            self.finish_operation(context)
            webhooks.schedule(context)
            return response

    def finish_operation(self, context: Context) -> None:
        """What the platform does at the end of every operation: documents get their totals."""
        from sandbox.dataverse import pricing

        pricing.calculate_pending(context)

    def _context(self, request: Request, outer: Request, tx: Transaction) -> Context:
        schema = self._schema
        user_id = organisation.caller(tx, outer)
        return Context(
            sandbox=self.sandbox,
            tx=tx,
            schema=schema,
            profile=self.sandbox.profile.sales,
            user_id=user_id,
            now=self.stamp(),
            api_root=f"{outer.origin}/api/data/v9.2",
            tag=request.options.get("tag") or outer.options.get("tag"),
        )

    def stamp(self, moment: datetime | None = None) -> str:
        return f"{moment or self.sandbox.clock.now('sales'):%Y-%m-%dT%H:%M:%SZ}"

    # -- Refusals

    def render_error(self, request: Request, error: ServiceError) -> Response:
        return errors.render(request, variants.vary(error, self.sandbox.profile.sales))

    def unauthorized(self, request: Request, reason: str) -> ServiceError:
        challenge = (
            f"Bearer authorization_uri={request.origin}/{self.sandbox.tenant_id}/oauth2/authorize,"
            f" resource_id={request.origin}/"
        )
        return ServiceError(401, "", f"The access token is {reason}.", {"WWW-Authenticate": challenge})

    def throttled(self, kind: str, retry_after: int) -> ServiceError:
        code, message = _THROTTLED[kind]
        limits = self.sandbox.limits.of("sales")
        limit = limits.concurrent if kind == "concurrent" else limits.requests_per_5_minutes
        headers = {
            "Retry-After": str(retry_after),
            _REQUESTS_LEFT: "0",
            _SECONDS_LEFT: "0",
        }
        return ServiceError(429, code, message.format(limit=limit if limit is not None else 6000), headers)

    def stale_delta(self, request: Request) -> ServiceError | None:
        return changes.expired() if "deltatoken" in request.query.lower() else None

    def unexpected(self) -> ServiceError:
        return ServiceError(500, errors.UNEXPECTED, "An unexpected error occurred.")

    def log_failure(self, request: Request) -> None:
        logger.exception("%s %s failed", request.method, request.path)

    # -- Control

    def client_registered(self, client: Client) -> None:
        """A new client becomes an application user of the organisation if it says so."""
        with self.sandbox.store.write() as tx:
            organisation.add_application_user(tx, self._full_schema, client, self.stamp())
