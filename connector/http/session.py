"""One OData session layer under both clients: signing in, pacing, repeating, and turning refusals into errors.

A request is repeated when the error table says that this is safe: always where the service refused before any work
(429, 503, no connection), for reads also where the answer got lost. A write whose answer got lost is never repeated
here: its error says `outcome_unknown`, and whoever planned the write finds out.
"""

import logging
import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from connector.auth import TokenSource
from connector.choices import System
from connector.error_table import Answer as Refusal
from connector.error_table import error_of_answer, error_of_exception
from connector.errors import ErrorKind, RemoteError, Retry
from connector.http.budget import Budget
from connector.http.transport import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    WRITE_TIMEOUT_SECONDS,
    transport,
)
from connector.meter import Meter
from connector.wire import dumps, loads, parse_http_date

log = logging.getLogger(__name__)

JSON_CONTENT = "application/json; charset=utf-8"
# Counts, metadata documents and batches come as something else than JSON.
_OTHER_CONTENT = frozenset(
    {
        "text/plain",
        "application/xml",
        "text/xml",
        "multipart/mixed",
        "application/octet-stream",
    }  # the last: attachments
)
LONGEST_DELAY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller goes on: attempts at failing requests, and seconds over all, pauses included."""

    attempts: int
    total_seconds: float
    base_delay_seconds: float


BACKGROUND = Patience(attempts=6, total_seconds=900, base_delay_seconds=1.0)
INTERACTIVE = Patience(attempts=2, total_seconds=25, base_delay_seconds=0.5)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; `data` is the decoded body (None without one, bytes where it is not JSON)."""

    status: int
    headers: Mapping[str, str]
    data: Any
    seconds: float

    @property
    def date(self) -> datetime | None:
        """The server's clock when it answered."""
        return parse_http_date(self.headers.get("Date"))


class ODataSession:
    """Requests to one service of one connection. Thread-safe."""

    def __init__(
        self,
        *,
        system: System,
        root: str,
        tokens: TokenSource,
        budget: Budget,
        headers: Mapping[str, str],
        meter: Meter,
        patience: Patience = BACKGROUND,
    ) -> None:
        self.system = system
        self.root = root.rstrip("/")
        self.budget = budget
        self.meter = meter
        self.patience = patience
        self._tokens = tokens
        self._headers = {"Accept": "application/json", **headers}
        parts = urlsplit(root)
        self._origin = (parts.scheme, parts.netloc)
        self._hinted = False

    def url(self, path: str) -> str:
        """The absolute address of a path below the service root; absolute addresses stay as they are."""
        return path if "://" in path else f"{self.root}/{path.lstrip('/')}"

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        return self.send("GET", path, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """One request, repeated as far as that is safe; `body` is bytes, or is sent as JSON.

        `repeatable` says that doing it twice does no harm (default: reads only). Raises RemoteError.
        """
        request = self._prepare(method, path, body, headers, timeout)
        repeatable = method == "GET" if repeatable is None else repeatable
        deadline = time.monotonic() + self.patience.total_seconds
        attempt = 0
        sign_ins = 0
        while True:
            try:
                return self._attempt(request, deadline)
            except RemoteError as error:
                if error.retry is Retry.SIGN_IN_AGAIN:
                    sign_ins += 1
                    delay = self._delay_of_sign_in(sign_ins)
                else:
                    if error.kind is not ErrorKind.THROTTLED:
                        attempt += 1
                    delay = self._delay(error, attempt, repeatable)
                if delay is None or time.monotonic() + delay > deadline:
                    raise
                log.info("%s %s %s: %s Again in %.1f s.", self.system.label, method, request.path, error, delay)
                if error.kind is not ErrorKind.THROTTLED:
                    if error.retry_after:
                        self.meter.add_throttled(delay)
                    time.sleep(delay)

    def refusal(
        self, status: int, headers: Mapping[str, str], content: Any, *, request: Mapping[str, str] | None = None
    ) -> Refusal:
        """What is known of a refused request or of a refused part of a batch; `content` as decoded or as bytes."""
        code, message = _error_object(content)
        found = CaseInsensitiveDict(headers)
        return Refusal(
            self.system,
            status,
            code,
            message,
            request_id=headers.get("x-ms-service-request-id")
            or headers.get("Request-Id")
            or headers.get("REQ_ID")
            or "",
            retry_after=_seconds(found.get("Retry-After")),
            request=request or {},
        )

    def slow_down(self, error: RemoteError) -> None:
        """Makes all workers pause after the service refused for going too fast, in a batch's part for example."""
        self.budget.slow_down(error.retry_after if error.retry_after is not None else random.uniform(2, 6))  # noqa: S311

    def _prepare(
        self, method: str, path: str, body: Any, headers: Mapping[str, str] | None, timeout: float | None
    ) -> "_Request":
        url = self.url(path)
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc) != self._origin:
            raise RemoteError(
                f"{self.system.label} referred the hub to another host, {parts.netloc}.",
                kind=ErrorKind.CONFIG,
                code="connection.foreign_host",
                retry=Retry.NEVER,
                system=self.system,
                hint="Enter the address that the service itself uses.",
            )
        merged = {**self._headers, **(headers or {})}
        content: bytes | None = None
        if body is not None:
            content = body if isinstance(body, bytes) else dumps(body).encode()
            merged.setdefault("Content-Type", JSON_CONTENT)
        default = READ_TIMEOUT_SECONDS if method == "GET" else WRITE_TIMEOUT_SECONDS
        seconds = min(timeout or default, max(self.patience.total_seconds, 5))
        return _Request(method, url, parts.path, merged, content, seconds)

    def _attempt(self, request: "_Request", deadline: float) -> Answer:
        token = self._token()
        request_id = str(uuid.uuid4())
        about = {"method": request.method, "address": request.path, "client_request_id": request_id}
        headers = {**request.headers, "Authorization": f"Bearer {token}", "x-ms-client-request-id": request_id}
        try:
            with self.budget.slot(deadline=deadline, meter=self.meter):
                self.meter.add_request()
                started = time.monotonic()
                response = transport().request(
                    request.method,
                    request.url,
                    data=request.content,
                    headers=headers,
                    timeout=(CONNECT_TIMEOUT_SECONDS, request.timeout),
                    allow_redirects=False,
                )
                seconds = time.monotonic() - started
                if response.status_code == 429:
                    raise self._refused(response, about)
        except TimeoutError as error:
            raise self._no_slot() from error
        except requests.RequestException as error:
            raise error_of_exception(self.system, error, host=self._origin[1], request=about) from error
        log.debug(
            "%s %s %s: %s in %.3f s, client request %s, service request %s",
            self.system.label, request.method, request.path, response.status_code, seconds, request_id,
            response.headers.get("x-ms-service-request-id") or response.headers.get("Request-Id", ""),
        )  # fmt: skip
        self._take_hint(response)
        if response.status_code >= 300:
            refused = self._refused(response, about)
            if refused.retry is Retry.SIGN_IN_AGAIN:
                self._tokens.drop(token)
            raise refused
        return Answer(response.status_code, response.headers, self._decode(response, about), seconds)

    def _token(self) -> str:
        try:
            return self._tokens.token()
        except RemoteError as error:
            # No token, no request: whatever happened to the token's answer, asking for it again does no harm.
            if error.retry is Retry.LATER:
                error.retry = Retry.AFTER_PAUSE
            raise

    def _decode(self, response: requests.Response, about: Mapping[str, str]) -> Any:
        if not response.content:
            return None
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in _OTHER_CONTENT:
            return response.content
        if kind != "application/json":
            raise self._not_the_service(kind, about)
        try:
            return loads(response.content)
        except ValueError as error:
            broken = requests.exceptions.ContentDecodingError("The answer is not complete.")
            raise error_of_exception(self.system, broken, host=self._origin[1], request=about) from error

    def _not_the_service(self, kind: str, about: Mapping[str, str]) -> RemoteError:
        return RemoteError(
            f"{self._origin[1]} answers, but not as {self.system.label} does.",
            kind=ErrorKind.CONFIG,
            code="connection.not_the_service",
            retry=Retry.NEVER,
            system=self.system,
            hint="Check the address; a proxy or a sign-in page may stand in between.",
            details={**about, "content_type": kind},
        )

    def _refused(self, response: requests.Response, about: Mapping[str, str]) -> RemoteError:
        error = error_of_answer(self.refusal(response.status_code, response.headers, response.content, request=about))
        if error.kind is ErrorKind.THROTTLED:
            self.slow_down(error)
        return error

    def _delay(self, error: RemoteError, attempt: int, repeatable: bool) -> float | None:
        """Seconds to wait before the next attempt; None to give up. Throttled ones wait for their slot."""
        safe = error.retry is Retry.AFTER_PAUSE or (repeatable and error.retry is Retry.LATER)
        if not safe or attempt >= self.patience.attempts:
            return None
        if error.kind is ErrorKind.THROTTLED:
            return 0.0
        if error.retry_after is not None:
            return error.retry_after
        return self._pause(attempt)

    def _delay_of_sign_in(self, sign_ins: int) -> float | None:
        """An expired token is replaced at once; where fresh ones are refused too, the service may be out of order."""
        if sign_ins >= self.patience.attempts:
            return None
        return 0.0 if sign_ins == 1 else self._pause(sign_ins)

    def _pause(self, attempt: int) -> float:
        ceiling = min(LONGEST_DELAY_SECONDS, self.patience.base_delay_seconds * 2**attempt)
        return random.uniform(0, ceiling)  # noqa: S311

    def _no_slot(self) -> RemoteError:
        return RemoteError(
            f"{self.system.label} is busy with other work of the hub.",
            kind=ErrorKind.TRANSIENT,
            code="connection.busy",
            retry=Retry.NEVER,
            system=self.system,
            hint="Try again in a few minutes.",
        )

    def _take_hint(self, response: requests.Response) -> None:
        hint = response.headers.get("x-ms-dop-hint", "")
        if hint.isdigit() and not self._hinted:
            self._hinted = True
            self.budget.take_hint(int(hint))


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    path: str
    headers: Mapping[str, str]
    content: bytes | None
    timeout: float


def _error_object(content: Any) -> tuple[str, str]:
    """Code and message of a refusal's body, whatever form it has."""
    if isinstance(content, bytes):
        try:
            content = loads(content)
        except ValueError:
            return "", content.decode("utf-8", errors="replace")[:500]
    error = content.get("error") if isinstance(content, Mapping) else None
    if isinstance(error, Mapping):
        return str(error.get("code") or ""), str(error.get("message") or "")
    return "", str(error or "")


def _seconds(retry_after: str | None) -> float | None:
    """Both services send whole seconds."""
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None
