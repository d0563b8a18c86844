"""``$batch``: several requests in one, with change sets that succeed or fail as a whole."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from sandbox.control.traffic import Operation, Prepared
from sandbox.dataverse import bypass, errors, operations, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.operations import Parsed
from sandbox.http import Request, Response, ServiceError
from sandbox.odata import multipart
from sandbox.odata.multipart import BatchSyntaxError, ChangeSet, Part

if TYPE_CHECKING:
    from sandbox.dataverse.service import DataverseService

MAX_OPERATIONS = 1000
MAX_URL_LENGTH = 64 * 1024

Answer = tuple[Response, str | None]


@dataclass(slots=True)
class _Step:
    """One operation: its request and either what it will do or why it cannot."""

    request: Request
    parsed: Parsed | None
    error: ServiceError | None

    @property
    def content_id(self) -> str | None:
        return self.request.header("content-id")


def prepare(service: "DataverseService", request: Request) -> Prepared:
    """Takes the batch apart. Raises 400 for a malformed one, which is answered as plain JSON."""
    if request.method != "POST":
        raise errors.wrong_verb(request.method)
    strict = not service.sandbox.profile.sales.dynamics_web_api_batches
    try:
        content_type = request.header("content-type") or ""
        parts = multipart.parse(content_type, request.body, strict_line_ends=strict)
    except BatchSyntaxError as error:
        raise errors.bad_payload(str(error)) from error
    number = sum(len(part.parts) if isinstance(part, ChangeSet) else 1 for part in parts)
    if number > MAX_OPERATIONS:
        raise errors.invalid_argument(f"The batch has {number} operations; at most {MAX_OPERATIONS} are allowed.")
    steps = [
        [_step(service, request, inner) for inner in part.parts]
        if isinstance(part, ChangeSet)
        else _step(service, request, part)
        for part in parts
    ]
    listed: list[Operation] = []
    for step in steps:
        for single in step if isinstance(step, list) else [step]:
            listed.append(single.parsed.operation if single.parsed else Operation(single.request.method, ""))
    return Prepared(lambda: _run(service, request, steps), listed)


def _step(service: "DataverseService", outer: Request, part: Part) -> _Step:
    path, _, query = part.url.partition("?")
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    path = path.strip() if path.startswith(("/", "$")) else f"/api/data/v9.2/{path.strip()}"
    inner = Request(
        method=part.method,
        path=path,
        query=quote(query.strip(), safe="%$=&(),;:/@*-._~!+?'\"[]{}"),
        headers=part.headers,
        body=part.body,
        origin=outer.origin,
        client_id=outer.client_id,
        correlation_id=outer.correlation_id,
    )
    try:
        if path.endswith("/$batch"):
            raise errors.bad_payload("A batch cannot contain another batch.")
        return _Step(inner, operations.parse(service, inner, url_limit=MAX_URL_LENGTH), None)
    except ServiceError as error:
        return _Step(inner, None, error)


def _run(service: "DataverseService", request: Request, steps: list[_Step | list[_Step]]) -> Response:
    keep_going = "odata.continue-on-error" in request.preferences()
    answers: list[Answer | list[Answer]] = []
    status = 200
    for step in steps:
        answer, failed = _change_set(service, request, step) if isinstance(step, list) else _one(service, request, step)
        answers.append(answer)
        if failed and not keep_going:
            status = failed
            break
    body, content_type = multipart.write(answers)
    headers = {"Content-Type": content_type, **responses.applied(request, "odata.continue-on-error")}
    return Response(status, body, headers)


def _one(service: "DataverseService", outer: Request, step: _Step) -> tuple[Answer, int]:
    def work() -> Response:
        parsed = _checked(step)
        return service.transact(step.request, parsed.writes, parsed.execute, headers_of=outer)

    response = _guarded(service, step.request, work)
    return (response, step.content_id), response.status if response.status >= 400 else 0


def _change_set(service: "DataverseService", outer: Request, steps: list[_Step]) -> tuple[Answer | list[Answer], int]:
    answers: list[Answer] = []
    failing: list[_Step] = []

    def all_of_them(context: Context) -> Response:
        for step in steps:
            failing[:] = [step]
            parsed = _checked(step)
            if not parsed.writes:
                raise errors.bad_payload("GET requests are not allowed in a change set.")
            context.passed_by = bypass.passed_by(context, step.request)
            response = parsed.execute(context)
            service.finish_operation(context)
            answers.append((responses.complete(step.request, response), step.content_id))
        return responses.no_content()

    def work() -> Response:
        return service.transact(outer, True, all_of_them, headers_of=outer)

    response = _guarded(service, outer, work)
    if response.status >= 400:
        # One error part that is not wrapped, whichever operation failed.
        content_id = failing[0].content_id if failing else None
        return (response, content_id), response.status
    return answers, 0


def _checked(step: _Step) -> Parsed:
    if step.error is not None:
        raise step.error
    if step.parsed is None:
        raise errors.bad_payload("The operation is not valid.")
    return step.parsed


def _guarded(service: "DataverseService", request: Request, work: Callable[[], Response]) -> Response:
    try:
        return responses.complete(request, work())
    except ServiceError as error:
        return service.render_error(request, error)
    except Exception:
        service.log_failure(request)
        return errors.render(request, service.unexpected())
