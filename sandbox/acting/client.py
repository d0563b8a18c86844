"""Calls one of the two services inside this process, without HTTP, tokens, limits or injected faults."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sandbox.http import Request, ServiceError
from sandbox.identity.clients import HUB_CLIENT_ID

ORIGIN = "https://sandbox.invalid"
"""Links in answers begin with it; `path_of` takes it off again."""


class RefusedError(Exception):
    """The service said no; the text is its message, for the person."""


@dataclass(slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class ServiceClient:
    """``service`` is the System behind the gate. ``headers`` go with every call."""

    def __init__(self, service: Any, headers: Mapping[str, str]) -> None:
        self._service = service
        self._headers = dict(headers)

    def call(
        self,
        method: str,
        path: str,
        options: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """``path`` may carry a query of its own (a next link). Raises RefusedError."""
        bare, _, query = path.partition("?")
        if options:
            query = "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in options.items())
        request = Request(
            method=method,
            path=bare,
            query=query,
            headers={"content-type": "application/json", **self._headers, **(headers or {})},
            body=b"" if body is None else json.dumps(body).encode(),
            origin=ORIGIN,
            client_id=HUB_CLIENT_ID,
            remote_address="127.0.0.1",
        )
        try:
            response = self._service.prepare(request).run()
        except ServiceError as error:
            raise RefusedError(error.message) from error
        parsed = json.loads(response.body) if response.body else None
        if response.status >= 400:
            raise RefusedError(parsed["error"]["message"] if isinstance(parsed, dict) else "The request was refused.")
        return Answer(response.status, parsed, response.headers)

    def get(self, path: str, options: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Any:
        return self.call("GET", path, options, headers=headers).body


def path_of(link: str) -> str:
    """Path and query of a link in an answer."""
    return link.removeprefix(ORIGIN)
