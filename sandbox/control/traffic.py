"""What every API request passes: the token, service protection limits, injected faults, latency, counters and the log.

One place, so that both systems behave alike and the control API's promises hold for every kind of request. It knows
what a request is made of (the operations inside batches and bulk messages) because the systems parse before they
execute."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Protocol

from sandbox.clock import SystemName
from sandbox.control.counters import LogEntry
from sandbox.http import Request, Response, ServiceError
from sandbox.server import DropConnection

if TYPE_CHECKING:
    from sandbox.state import Sandbox

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Operation:
    """One logical operation. ``writes`` is how many records it writes (0 for reads)."""

    method: str
    entity_set: str
    writes: int = 0


@dataclass(slots=True)
class Prepared:
    """A parsed request: what it will do, and the function that does it (in one transaction) and answers."""

    run: Callable[[], Response]
    operations: list[Operation] = field(default_factory=list)
    weight: int = 1
    """As how many requests it counts against the limits."""


class System(Protocol):
    """One of the two services behind the gate."""

    name: SystemName

    def prepare(self, request: Request) -> Prepared:
        """Parses without touching data. Raises ServiceError for what cannot be parsed."""
        ...

    def render_error(self, request: Request, error: ServiceError) -> Response: ...

    def unauthorized(self, request: Request, reason: str) -> ServiceError: ...

    def throttled(self, kind: str, retry_after: int) -> ServiceError: ...

    def stale_delta(self, request: Request) -> ServiceError | None:
        """The error of an expired change-tracking link, or None when the request does not use one."""
        ...

    def unexpected(self) -> ServiceError:
        """The service's own internal error, for injected server errors and for our own failures."""
        ...


def handle(sandbox: "Sandbox", system: System, request: Request) -> Response:
    """Answers one API request. Raises DropConnection when a fault says so."""
    started = time.monotonic()
    operations: list[Operation] = []
    throttled = False
    try:
        request.client_id = sandbox.tokens.authenticate(request, system.name, system.unauthorized)
        prepared = system.prepare(request)
        operations = prepared.operations or [Operation(request.method, "")]
        with sandbox.limits.admit(system.name, request.client_id, prepared.weight) as refusal:
            if refusal is not None:
                throttled = True
                raise system.throttled(refusal.kind, refusal.retry_after)
            response = _with_faults(sandbox, system, request, prepared, operations)
            _wait(sandbox, system.name, operations, started)
        sandbox.limits.spent(system.name, request.client_id, time.monotonic() - started)
    except ServiceError as error:
        throttled = throttled or error.status == 429
        response = system.render_error(request, error)
    except DropConnection as drop:
        _count(sandbox, system.name, request, drop.partial or Response(0), operations, throttled, started)
        raise
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        response = system.render_error(request, system.unexpected())
    # Clients take their watermarks from this header, so it has to follow the shifted clock as the stamps do.
    response.headers["Date"] = format_datetime(sandbox.clock.now(system.name), usegmt=True)
    _count(sandbox, system.name, request, response, operations, throttled, started)
    return response


def _with_faults(
    sandbox: "Sandbox", system: System, request: Request, prepared: Prepared, operations: list[Operation]
) -> Response:
    fault = sandbox.faults.strike(
        system.name, [(operation.method, operation.entity_set) for operation in operations], request
    )
    match fault and fault.kind:
        case "throttle":
            raise system.throttled("requests", 1)
        case "server_error":
            raise ServiceError(503, *_code_and_message(system.unexpected()))
        case "expired_token":
            raise system.unauthorized(request, "expired")
        case "stale_delta":
            error = system.stale_delta(request)
            if error is not None:
                raise error
        case "drop_before":
            raise DropConnection
        case "delay":
            time.sleep(2)
    response = prepared.run()
    if fault is not None and fault.kind == "drop_after_commit":
        raise DropConnection
    if fault is not None and fault.kind == "truncate":
        raise DropConnection(response)
    return response


def _code_and_message(error: ServiceError) -> tuple[str, str]:
    return error.code, error.message


def _wait(sandbox: "Sandbox", system: SystemName, operations: list[Operation], started: float) -> None:
    latency = sandbox.latency.of(system)
    if not latency.base_ms and not latency.per_operation_ms:
        return
    wanted = latency.base_ms + latency.per_operation_ms * sum(operation.writes for operation in operations)
    remaining = wanted / 1000 - (time.monotonic() - started)
    if remaining > 0:
        time.sleep(remaining)


def _count(
    sandbox: "Sandbox",
    system: SystemName,
    request: Request,
    response: Response,
    operations: list[Operation],
    throttled: bool,
    started: float,
) -> None:
    sandbox.counters.add(
        system,
        request,
        response,
        [(operation.method, operation.entity_set, max(1, operation.writes)) for operation in operations],
        throttled=throttled,
    )
    sandbox.log.add(
        LogEntry(
            time=sandbox.clock.now(system),
            system=system,
            method=request.method,
            path=request.path + (f"?{request.query}" if request.query else ""),
            status=response.status,
            operations=sum(max(1, operation.writes) for operation in operations),
            correlation_id=request.correlation_id,
            duration_ms=round((time.monotonic() - started) * 1000, 1),
        )
    )
