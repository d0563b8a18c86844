"""Requests, responses and errors as both systems' handlers see them.

WSGI's own form loses what these protocols need (the undecoded path, repeated header lines), so the gateway builds these
once and everything behind it works on them. Requests inside a batch are the same type as the outer ones.
"""

import functools
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, unquote_plus

JSON = "application/json; odata.metadata=minimal"


@dataclass(slots=True)
class Request:
    """``path`` and ``query`` are as sent, still percent-encoded. Header names are lower case. ``origin`` is the scheme,
    host and port that the caller used and that links in answers must begin with."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    origin: str
    client_id: str | None = None
    remote_address: str = ""
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    _json: Any = None

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    @property
    def options(self) -> dict[str, str]:
        """Query options, decoded; the last of a repeated name wins."""
        return parse_query(self.query)

    @property
    def url(self) -> str:
        return f"{self.origin}{self.path}" + (f"?{self.query}" if self.query else "")

    def preferences(self) -> dict[str, str]:
        """The Prefer header: ``{"odata.maxpagesize": "50", "return": "representation", "odata.track-changes": ""}``."""
        return parse_preferences(self.headers.get("prefer", ""))

    def json(self) -> Any:
        """The body with numbers that have a fraction as Decimal. Raises ValueError for anything that is not JSON.

        Parsed once: counting a bulk message's targets and executing it share the result.
        """
        if self._json is None:
            self._json = load_json(self.body)
        return self._json


@dataclass(slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def text(cls, body: str, status: int = 200) -> "Response":
        return cls(status, body.encode(), {"Content-Type": "text/plain; charset=utf-8"})

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> "Response":
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()
        return cls(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


class ServiceError(Exception):
    """A refusal by one of the services; each renders its own body shape from it."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def load_json(body: bytes) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(body, parse_float=Decimal, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


@functools.lru_cache(maxsize=2048)
def _parsed_query(query: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return tuple(pairs)


def parse_query(query: str) -> dict[str, str]:
    return dict(_parsed_query(query))


def decode_segment(segment: str) -> str:
    return unquote(segment)


@functools.lru_cache(maxsize=256)
def _parsed_preferences(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for part in _split_outside_quotes(text):
        name, _, value = part.strip().partition("=")
        if name.strip():
            found.append((name.strip().lower(), value.strip().strip('"')))
    return tuple(found)


def parse_preferences(text: str) -> dict[str, str]:
    return dict(_parsed_preferences(text))


def _split_outside_quotes(text: str) -> list[str]:
    parts, current, quoted = [], "", False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character in ",;" and not quoted:
            parts.append(current)
            current = ""
        else:
            current += character
    return [*parts, current]
