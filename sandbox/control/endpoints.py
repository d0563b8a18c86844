"""The control API: how tests, benchmarks and people steer the sandbox. JSON, from loopback only, without a token."""

import ipaddress
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from cryptography import x509

from sandbox import __version__
from sandbox.business_central import processor
from sandbox.clock import SYSTEMS, SystemName
from sandbox.http import Request, Response, parse_query
from sandbox.identity.clients import DEFAULT_EXPIRES_IN, Client
from sandbox.identity.tokens import BUSINESS_CENTRAL_AUDIENCE

if TYPE_CHECKING:
    from sandbox.state import Sandbox

Action = Callable[["Sandbox", Request], Response]


class ControlError(Exception):
    """A request that the control contract does not know; answered with its status and sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def handle(sandbox: "Sandbox", request: Request) -> Response:
    """Answers any path below ``/sandbox``."""
    if not _is_loopback(request.remote_address):
        return _error(403, "Forbidden", "The control API answers on the loopback interface only.")
    try:
        return _route(sandbox, request)
    except ControlError as error:
        return _error(error.status, "ControlError", error.message)
    except (ValueError, TypeError) as error:
        return _error(400, "BadRequest", str(error))


def _route(sandbox: "Sandbox", request: Request) -> Response:
    path = request.path.rstrip("/").removeprefix("/sandbox")
    if path.startswith("/business-central/") and path not in _ROUTES:
        return processor.handle(sandbox, request)
    actions = _ROUTES.get(path)
    if actions is None:
        raise ControlError(404, f"There is no {request.path}.")
    action = actions.get(request.method)
    if action is None:
        raise ControlError(405, f"{request.path} answers {', '.join(sorted(actions))}.")
    return action(sandbox, request)


# -- Health and data


def _health(sandbox: "Sandbox", request: Request) -> Response:
    company, freight_account = sandbox.business_central.identity()
    return Response.json(
        {
            "status": "ok",
            "version": __version__,
            "tenant": sandbox.tenant_id,
            "environment": sandbox.environment,
            "company": company,
            "sales_scope": f"{request.origin}/.default",
            "business_central_scope": f"{BUSINESS_CENTRAL_AUDIENCE}/.default",
            "freight_account_no": freight_account,
        }
    )


def _reset(sandbox: "Sandbox", request: Request) -> Response:
    from sandbox.application import load_dataset
    from sandbox.state import Sizes

    body = _object(request, optional=True)
    numbers = {name: _whole(body.pop(name, 0), name) for name in ("customers", "accounts", "contacts", "items")}
    dataset, seed = body.pop("dataset", "demo"), _whole(body.pop("seed", 1), "seed")
    _no_more(body)
    load_dataset(sandbox, dataset, seed, Sizes(**numbers))
    return Response.json({"status": "ok", "dataset": dataset, "seed": seed})


# -- Observation


def _requests(sandbox: "Sandbox", request: Request) -> Response:
    return Response.json(sandbox.counters.as_json())


def _clear_requests(sandbox: "Sandbox", request: Request) -> Response:
    sandbox.counters.clear()
    return Response(204)


def _log(sandbox: "Sandbox", request: Request) -> Response:
    limit = _whole(int(parse_query(request.query).get("limit", "100")), "limit")
    return Response.json(
        {
            "value": [
                {
                    "time": entry.time.isoformat().replace("+00:00", "Z"),
                    "system": entry.system,
                    "method": entry.method,
                    "path": entry.path,
                    "status": entry.status,
                    "operations": entry.operations,
                    "correlation_id": entry.correlation_id,
                    "duration_ms": entry.duration_ms,
                }
                for entry in sandbox.log.latest(limit)
            ]
        }
    )


# -- Switches


def _latency(sandbox: "Sandbox", request: Request) -> Response:
    for system, values in _systems(_object(request)).items():
        sandbox.latency.change(system, {name: _amount(value, name) for name, value in values.items()})
    return Response.json(sandbox.latency.as_json())


def _limits(sandbox: "Sandbox", request: Request) -> Response:
    for system, values in _systems(_object(request)).items():
        checked = {name: None if value is None else _amount(value, name) for name, value in values.items()}
        sandbox.limits.change(system, checked)
    return Response.json(sandbox.limits.as_json())


def _put_faults(sandbox: "Sandbox", request: Request) -> Response:
    rules = request.json()
    if not isinstance(rules, list):
        raise ControlError(400, "The body is a list of faults.")
    sandbox.faults.replace(rules)
    return Response.json(sandbox.faults.as_json())


def _get_faults(sandbox: "Sandbox", request: Request) -> Response:
    return Response.json(sandbox.faults.as_json())


def _clock(sandbox: "Sandbox", request: Request) -> Response:
    offsets: dict[SystemName, float] = {}
    for system, values in _systems(_object(request)).items():
        offset = values.pop("offset_s", 0)
        _no_more(values)
        if isinstance(offset, bool) or (not isinstance(offset, int | float) and not hasattr(offset, "as_tuple")):
            raise ControlError(400, "offset_s is a number of seconds.")
        offsets[system] = float(offset)
    sandbox.clock.shift(offsets)
    return Response.json({system: {"offset_s": offset} for system, offset in sandbox.clock.offsets().items()})


def _profile(sandbox: "Sandbox", request: Request) -> Response:
    before = sandbox.profile.sales
    sandbox.profile.change(_object(request))
    if before != sandbox.profile.sales:
        sandbox.sales.profile_changed()
    sandbox.business_central.profile_changed()
    return Response.json(sandbox.profile.as_json())


def _get_profile(sandbox: "Sandbox", request: Request) -> Response:
    return Response.json(sandbox.profile.as_json())


def _clients(sandbox: "Sandbox", request: Request) -> Response:
    body = _object(request)
    client_id, secret, certificate = (
        body.pop("client_id", None),
        body.pop("client_secret", None),
        body.pop("certificate", None),
    )
    if not isinstance(client_id, str) or not client_id:
        raise ControlError(400, "client_id is missing.")
    if certificate is not None:
        x509.load_pem_x509_certificate(certificate.encode())
    client = Client(
        client_id=client_id.lower(),
        client_secret=secret,
        certificate=certificate,
        sales_application_user=bool(body.pop("sales_application_user", True)),
        business_central_application=bool(body.pop("business_central_application", True)),
        expires_in=_whole(body.pop("expires_in", DEFAULT_EXPIRES_IN), "expires_in"),
    )
    _no_more(body)
    sandbox.clients.register(client)
    sandbox.sales.client_registered(client)
    return Response.json({"client_id": client.client_id}, 201)


def _add_company(sandbox: "Sandbox", request: Request) -> Response:
    """A further company with codes and set-up, but without any customer or item."""
    from sandbox.datasets.company import further_company

    body = _object(request)
    name = body.pop("name", None)
    _no_more(body)
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _COMPANY_NAME_LENGTH:
        raise ControlError(400, f"name is a text of at most {_COMPANY_NAME_LENGTH} characters.")
    service = sandbox.business_central
    company = service.companies.add(name.strip(), service.stamp(), further_company(name.strip()))
    return Response.json({"id": company["id"], "name": company["name"]}, 201)


_COMPANY_NAME_LENGTH = 30
_ROUTES: Mapping[str, Mapping[str, Action]] = {
    "/health": {"GET": _health},
    "/reset": {"POST": _reset},
    "/requests": {"GET": _requests, "DELETE": _clear_requests},
    "/log": {"GET": _log},
    "/latency": {"PUT": _latency},
    "/limits": {"PUT": _limits},
    "/faults": {"PUT": _put_faults, "GET": _get_faults},
    "/clock": {"PUT": _clock},
    "/profile": {"PUT": _profile, "GET": _get_profile},
    "/clients": {"POST": _clients},
    "/business-central/companies": {"POST": _add_company},
}


# -- Reading requests


def _object(request: Request, *, optional: bool = False) -> dict[str, Any]:
    if optional and not request.body.strip():
        return {}
    body = request.json()
    if not isinstance(body, dict):
        raise ControlError(400, "The body is a JSON object.")
    return body


def _systems(body: dict[str, Any]) -> dict[SystemName, dict[str, Any]]:
    if body.keys() - set(SYSTEMS) or not all(isinstance(values, dict) for values in body.values()):
        raise ControlError(400, f"The body is an object with the keys {' and '.join(SYSTEMS)}.")
    return cast("dict[SystemName, dict[str, Any]]", body)


def _no_more(rest: Mapping[str, Any]) -> None:
    if rest:
        raise ControlError(400, f"Unknown: {', '.join(sorted(rest))}.")


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ControlError(400, f"{name} is a whole number that is not negative.")
    return value


def _amount(value: Any, name: str) -> int | float:
    if isinstance(value, bool) or not hasattr(value, "__float__") or float(value) < 0:
        raise ControlError(400, f"{name} is a number that is not negative.")
    return value if isinstance(value, int) else float(value)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _error(status: int, code: str, message: str) -> Response:
    return Response.json({"error": {"code": code, "message": message}}, status)
