"""`$batch`: up to 100 operations, one after another, optionally as one snapshot transaction. This is the JSON form.

Default: stop at the first failure, what went before stays. `Prefer: odata.continue-on-error` carries on. With
`Isolation: snapshot` any failure undoes everything, and the answers of undone operations still say that they succeeded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from sandbox.business_central import errors
from sandbox.business_central.address import Address, parse_segment, split_path, take_company, unquote_key
from sandbox.business_central.errors import BusinessCentralError, bad_request, method_not_allowed
from sandbox.business_central.resources import Call, Result, entity_set_of
from sandbox.control.traffic import Operation, Prepared
from sandbox.http import Request, Response, ServiceError, load_json
from sandbox.storage import Transaction

if TYPE_CHECKING:
    from sandbox.business_central.service import BusinessCentralService

MAX_OPERATIONS = 100
_WRITES = {"POST", "PATCH", "DELETE"}
_URL_SAFE = "/(),'=$%-"
_INNER_HEADERS = {"content-type": "application/json; odata.metadata=minimal", "odata-version": "4.0"}


@dataclass(slots=True)
class Part:
    """One operation: its id, the call or the error that parsing it gave, and the ids it depends on."""

    id: Any
    call: Call | ServiceError
    depends_on: list[str]


class _UndoneError(Exception):
    """Carries the answers out of a snapshot that has to be rolled back."""

    def __init__(self, responses: list[dict[str, Any]]) -> None:
        super().__init__()
        self.responses = responses


def prepare(service: "BusinessCentralService", request: Request, address: Address) -> Prepared:
    """Parses the envelope. Raises BusinessCentralError when it cannot be read or holds too many operations."""
    if request.method != "POST":
        raise method_not_allowed()
    if (request.header("content-type") or "").lower().lstrip().startswith("multipart/"):
        from sandbox.business_central import batch_multipart

        return batch_multipart.prepare(service, request, address)
    try:
        envelope = load_json(request.body)
    except ValueError as error:
        raise bad_request(f"The batch is not valid JSON: {error}") from error
    requests = envelope.get("requests") if isinstance(envelope, dict) else None
    if not isinstance(requests, list) or not all(isinstance(item, dict) for item in requests):
        raise bad_request("The batch must have an array 'requests'.")
    if len(requests) > MAX_OPERATIONS:
        raise too_many()
    company = unquote_key(request.options.get("company", "")) or address.company
    parts = [part_of(service, request, address, company, item) for item in requests]
    return Prepared(lambda: _answer(service, request, parts), operations(service, parts), weight(service, parts))


def too_many() -> BusinessCentralError:
    return BusinessCentralError(
        500, "Unknown", f"The number of operations in a batch must not exceed {MAX_OPERATIONS}."
    )


def weight(service: "BusinessCentralService", parts: list[Part]) -> int:
    """How often the batch counts against the rate limit."""
    return max(1, len(parts)) if service.sandbox.profile.business_central.batch_operations_count else 1


def operations(service: "BusinessCentralService", parts: list[Part]) -> list[Operation]:
    """What the counters and faults see of the parts."""
    found = [
        Operation(
            part.call.method,
            entity_set_of(service.schema, part.call.address),
            1 if part.call.method in _WRITES else 0,
        )
        for part in parts
        if isinstance(part.call, Call)
    ]
    return found or [Operation("POST", "$batch")]


def part_of(
    service: "BusinessCentralService", request: Request, outer: Address, company: str | None, item: dict[str, Any]
) -> Part:
    """One operation, given as in a JSON batch."""
    depends = item.get("dependsOn")
    names = [str(name) for name in depends] if isinstance(depends, list) else []
    try:
        return Part(item.get("id"), _call(service, request, outer, company, item), names)
    except ServiceError as error:
        return Part(item.get("id"), error, names)


def _call(
    service: "BusinessCentralService", request: Request, outer: Address, company: str | None, item: dict[str, Any]
) -> Call:
    method, url = item.get("method"), item.get("url")
    if not isinstance(method, str) or not isinstance(url, str):
        raise bad_request("An operation of a batch needs 'method' and 'url'.")
    given = item.get("headers") or {}
    if not isinstance(given, dict):
        raise bad_request("'headers' must be an object.")
    headers = {str(name).lower(): str(value) for name, value in given.items()}
    root = urlsplit(outer.root).path
    path, _, query = url.partition("?")
    if path.startswith(("http://", "https://")):
        path = urlsplit(path).path
    if path.startswith(root):
        path = path[len(root) :]
    address = Address(outer.service, outer.root, company=None)
    address.segments = [parse_segment(segment) for segment in split_path(path)]
    take_company(address)
    if not address.segments or address.segments[0].name == "$batch":
        raise bad_request(f"'{url}' is not a resource.", "BadRequest_InvalidRequestUrl")
    address.company = address.company or headers.get("company") or company
    absolute = f"{outer.root}/{quote(path.lstrip('/'), safe=_URL_SAFE)}"
    return service.parse_call(method.upper(), address, query, headers, item.get("body"), absolute)


def carries_on(request: Request) -> bool:
    """Whether operations behind a failed one are run."""
    preferences = request.preferences()
    if preferences.get("odata.continue-on-error") == "false":
        return False
    return "odata.continue-on-error" in preferences or "continue-on-error" in preferences


def is_snapshot(request: Request) -> bool:
    return (request.header("isolation") or "").lower() == "snapshot"


def finished(request: Request, answer: Response) -> Response:
    """The answer with the headers of the outer request."""
    answer.headers.setdefault("OData-Version", "4.0")
    answer.headers["x-content-type-options"] = "nosniff"
    answer.headers["Request-Id"] = answer.headers["ms-correlation-x"] = request.correlation_id
    return answer


def _answer(service: "BusinessCentralService", request: Request, parts: list[Part]) -> Response:
    if is_snapshot(request):
        responses, _ = snapshot(service, request, parts, carries_on(request))
    else:
        responses, _ = run_parts(service, request, parts, carries_on(request), service.run)
    return finished(request, service.to_response(Result(200, {"responses": responses})))


def snapshot(
    service: "BusinessCentralService", request: Request, parts: list[Part], carry_on: bool
) -> tuple[list[dict[str, Any]], bool]:
    """Runs the parts in one transaction, which any failure undoes: their answers, and whether one failed."""
    try:
        named = (part.call.address.company for part in parts if isinstance(part.call, Call))
        store = service.companies.store_of(next(named, None))
        with store.write() as tx:
            responses, failed = run_parts(service, request, parts, carry_on, _savepoints(service, tx))
            if failed:
                raise _UndoneError(responses)
            return responses, False
    except _UndoneError as undone:
        return undone.responses, True


def _savepoints(service: "BusinessCentralService", tx: Transaction) -> Callable[[Call], Result]:
    def run(call: Call) -> Result:
        with tx.store.savepoint(tx):
            return service.execute(tx, call)

    return run


def run_parts(
    service: "BusinessCentralService",
    request: Request,
    parts: list[Part],
    carry_on: bool,
    run: Callable[[Call], Result],
) -> tuple[list[dict[str, Any]], bool]:
    """The answers of the parts that were run, and whether one of them is a failure."""
    responses: list[dict[str, Any]] = []
    failed: set[str] = set()
    any_failed = False
    for part in parts:
        named = part.depends_on if service.sandbox.profile.business_central.depends_on else []
        blocked = next((name for name in named if name in failed), None)
        if blocked is not None:
            answer = _error(service, part, BusinessCentralError(424, "BadRequest", f"'{blocked}' failed."), request)
        else:
            answer = _one(service, part, request, run)
        responses.append(answer)
        if answer["status"] >= 400:
            any_failed = True
            failed.add(str(part.id))
            if not carry_on:
                break
    return responses, any_failed


def _one(
    service: "BusinessCentralService", part: Part, request: Request, run: Callable[[Call], Result]
) -> dict[str, Any]:
    if isinstance(part.call, ServiceError):
        return _error(service, part, part.call, request)
    try:
        result = run(part.call)
    except ServiceError as error:
        return _error(service, part, error, request)
    headers = {**_INNER_HEADERS, **{name.lower(): value for name, value in result.headers.items()}}
    answer: dict[str, Any] = {"id": part.id, "status": result.status, "headers": headers}
    if result.body is not None:
        answer["body"] = result.body
    return answer


def _error(service: "BusinessCentralService", part: Part, error: ServiceError, request: Request) -> dict[str, Any]:
    error = service.vary(error)
    body = errors.error_body(error, request.correlation_id)
    return {"id": part.id, "status": error.status, "headers": dict(_INNER_HEADERS), "body": body}
