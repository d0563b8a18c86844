"""One Web API request (or one part of a batch): what it addresses, what it will do, and its execution."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.control.traffic import Operation
from sandbox.dataverse import addresses, errors
from sandbox.dataverse.context import Context
from sandbox.http import Request, Response
from sandbox.odata.url import Segment, UrlError, parse_path

if TYPE_CHECKING:
    from sandbox.dataverse.service import DataverseService

MAX_URL_LENGTH = 32 * 1024


@dataclass(slots=True)
class Parsed:
    """``execute`` runs inside one transaction, a writing one if ``writes`` says so."""

    operation: Operation
    writes: bool
    execute: Callable[[Context], Response]


def parse(service: "DataverseService", request: Request, *, url_limit: int = MAX_URL_LENGTH) -> Parsed:
    """Looks at address and method only; raises DataverseError for what no organisation could answer."""
    from sandbox.dataverse import resources

    if len(request.path) + len(request.query) > url_limit:
        raise errors.DataverseError(414, "0x0", "The request URL is too long.")
    segments = segments_of(request)
    name = segments[0].name if segments else ""
    bulk = segments[1].name.rpartition(".")[2] if len(segments) == 2 else ""
    method = _BULK_METHODS.get(bulk, request.method)
    number = _target_count(request) if bulk in _BULK_METHODS else (0 if request.method == "GET" else 1)
    return Parsed(
        operation=Operation(method, name, number),
        writes=request.method != "GET" or name == addresses.ENTITY_SET,
        execute=lambda context: resources.execute(context, service, request, segments),
    )


_BULK_METHODS = {"CreateMultiple": "POST", "UpdateMultiple": "PATCH", "UpsertMultiple": "PATCH"}


def _target_count(request: Request) -> int:
    """How many records a bulk message names, for the counters; malformed bodies are refused later."""
    try:
        body: Any = request.json()
    except ValueError:
        return 1
    targets = body.get("Targets") if isinstance(body, dict) else None
    return max(1, len(targets)) if isinstance(targets, list) else 1


def segments_of(request: Request) -> list[Segment]:
    """Segments behind ``/api/data/v9.x``. A path that starts with a content id is kept as written."""
    path = request.path
    if path.startswith("/api/data/"):
        version, _, path = path[len("/api/data/") :].partition("/")
        if version not in ("v9.0", "v9.1", "v9.2"):
            raise errors.DataverseError(404, "", f"The version '{version}' of the Web API is not offered.")
    elif path.startswith("/api/"):
        raise errors.not_implemented(f"'{path}'")
    try:
        aliases = {name: value for name, value in request.options.items() if name.startswith("@")}
        return parse_path(path, aliases)
    except UrlError as error:
        raise errors.bad_query(str(error)) from error
