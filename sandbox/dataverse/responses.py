"""Answers of the Web API: bodies written by orjson, headers every answer has."""

from collections.abc import Mapping
from typing import Any

import orjson

from sandbox.http import Request, Response

JSON_TYPE = "application/json; odata.metadata=minimal"
_BASE = {"OData-Version": "4.0", "x-ms-dop-hint": "8"}


def json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, orjson.dumps(body, default=str), {"Content-Type": JSON_TYPE, **(headers or {})})


def no_content(headers: Mapping[str, str] | None = None) -> Response:
    return Response(204, b"", dict(headers or {}))


def created_at(url: str) -> dict[str, str]:
    return {"OData-EntityId": url, "Location": url}


def complete(request: Request, response: Response) -> Response:
    """Adds what every answer carries."""
    for name, value in _BASE.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("x-ms-service-request-id", request.correlation_id)
    response.headers.setdefault("REQ_ID", request.correlation_id)
    return response


def applied(request: Request, *names: str) -> dict[str, str]:
    """Preference-Applied for those of the named preferences that were sent."""
    preferences = request.preferences()
    parts = []
    for name in names:
        if name in preferences:
            value = preferences[name]
            quoted = f'"{value}"' if name == "odata.include-annotations" else value
            parts.append(f"{name}={quoted}" if value else name)
    return {"Preference-Applied": ",".join(parts)} if parts else {}
