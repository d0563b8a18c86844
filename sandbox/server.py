"""The HTTP(S) server: turns connections into `Request` objects and writes `Response` objects back.

The two APIs do not go through Django: their protocols need the undecoded URL, they must be fast, and injected faults
have to be able to cut the connection in the middle of an answer. Only the pages are passed on to Django's WSGI
application."""

import contextlib
import ctypes
import http
import io
import logging
import socket
import ssl
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cheroot import server as cheroot_server
from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter

from sandbox.http import Request, Response

logger = logging.getLogger(__name__)

Handler = Callable[[Request], "Response | None"]
"""Answers a request, or returns None for Django to do so."""

THREADS = 100
IDLE_TIMEOUT_SECONDS = 300
"""Longer than any client keeps a pooled connection, so that none is closed just as it is used again."""
MAX_BODY_BYTES = 128 * 1024 * 1024
MAX_HEADER_BYTES = 192 * 1024

# Clients may send the Prefer header several times; cheroot would keep only the last one.
_JOINED_HEADERS: list[bytes] = vars(cheroot_server)["comma_separated_headers"]
if b"Prefer" not in _JOINED_HEADERS:
    _JOINED_HEADERS.append(b"Prefer")


class DropConnection(Exception):  # noqa: N818 - an instruction to the gateway, not an error
    """Close the connection without answering, or after ``partial`` of the response was sent."""

    def __init__(self, partial: Response | None = None) -> None:
        super().__init__()
        self.partial = partial


class _TlsAdapter(BuiltinSSLAdapter):
    """Leaves the handshake to the worker thread: a client that connects and stays silent must not block the others."""

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        wrapped = self.context.wrap_socket(sock, do_handshake_on_connect=False, server_side=True)
        return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}


class _HttpRequest(cheroot_server.HTTPRequest):
    def read_request_line(self) -> bool:
        try:
            return bool(super().read_request_line())
        except ValueError:  # urlsplit refuses some malformed targets
            self.simple_response("400 Bad Request", "Malformed Request-URI")
            return False

    def simple_response(self, status: str, msg: str | bytes = "") -> None:
        """What cannot be read as a request (too large, malformed) is refused in the services' shape too."""
        number, _, phrase = str(status).partition(" ")
        text = msg.decode("latin-1") if isinstance(msg, bytes) else msg
        refusal = _refusal(int(number), text or phrase)
        closing = number in ("413", "414")
        self.close_connection = self.close_connection or closing
        headers = {
            **refusal.headers,
            "Content-Length": str(len(refusal.body)),
            **({"Connection": "close"} if closing else {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with contextlib.suppress(OSError):
            self.conn.wfile.write(f"{self.server.protocol} {status}\r\n{head}\r\n".encode("latin-1") + refusal.body)


class _HttpConnection(cheroot_server.HTTPConnection):
    RequestHandlerClass = _HttpRequest

    def communicate(self) -> bool:
        try:
            return bool(super().communicate())
        except ssl.SSLError:  # the client gave up during the handshake or closed while being answered
            return False


class _Gateway(wsgi.Gateway_10):
    """Answers with the sandbox's handler and falls back to WSGI."""

    def respond(self) -> None:
        request = _read_request(self.req)
        if request is None:
            self._send(_refusal(400, "The Content-Length is malformed."))
            return
        try:
            response = self.req.server.handler(request)
        except DropConnection as drop:
            self._drop(drop.partial)
            return
        if response is None:
            self._django(request)
        else:
            self._send(response)

    def _django(self, request: Request) -> None:
        self.env["wsgi.input"] = io.BytesIO(request.body)
        self.env["CONTENT_LENGTH"] = str(len(request.body))
        super().respond()

    def _send(self, response: Response, limit: int | None = None) -> None:
        self._prepare(response)
        self.req.ensure_headers_sent()
        if response.body and self.req.method != b"HEAD":
            self.req.write(response.body if limit is None else response.body[:limit])

    def _prepare(self, response: Response) -> None:
        self.req.status = f"{response.status} {_phrase(response.status)}".encode("latin-1")
        headers = self.req.outheaders
        for name, value in response.headers.items():
            headers.append((name.encode("latin-1"), value.encode("latin-1", "replace")))
        if response.status not in (204, 304):
            headers.append((b"Content-Length", str(len(response.body)).encode()))

    def _drop(self, partial: Response | None) -> None:
        self.req.close_connection = True
        if partial is not None:
            self._send(partial, limit=len(partial.body) // 2)
        self.req.sent_headers = True
        try:
            self.req.conn.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            logger.debug("The connection to be dropped was closed already.")


def _refusal(status: int, message: str) -> Response:
    error = {"error": {"code": "", "message": message}}
    return Response.json(error, status, {"x-ms-service-request-id": str(uuid.uuid4())})


def _read_request(req: Any) -> Request | None:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in req.inheaders.items()}
    if headers.get("content-length", "0").strip().startswith("-"):
        req.close_connection = True
        return None
    body = req.rfile.read()
    path, _, query = req.uri.decode("latin-1").partition("?")
    secure = req.conn.ssl_env.get("HTTPS") == "on" if req.conn.ssl_env else False
    scheme = "https" if secure else "http"
    forwarded = headers.get("x-forwarded-proto", "")
    if forwarded in ("http", "https") and req.conn.remote_addr in ("127.0.0.1", "::1"):
        scheme = forwarded
    host = headers.get("host") or "{}:{}".format(*req.server.bind_addr[:2])
    return Request(
        method=req.method.decode("latin-1"),
        path=path,
        query=query,
        headers=headers,
        body=body,
        origin=f"{scheme}://{host}",
        remote_address=req.conn.remote_addr or "",
    )


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class Server(wsgi.Server):
    """One listening address; several can share a handler."""

    ConnectionClass = _HttpConnection
    keep_alive_conn_limit = 2000
    max_request_header_size = MAX_HEADER_BYTES
    max_request_body_size = MAX_BODY_BYTES

    def __init__(
        self,
        address: tuple[str, int],
        handler: Handler,
        wsgi_app: Any,
        tls: tuple[Path, Path] | None,
        threads: int = THREADS,
    ) -> None:
        super().__init__(address, wsgi_app, numthreads=threads, request_queue_size=512, timeout=IDLE_TIMEOUT_SECONDS)
        self.gateway = _Gateway
        self.handler = handler
        self.server_name = "Microsoft-HTTPAPI/2.0"
        if tls is not None:
            self.ssl_adapter = _TlsAdapter(str(tls[0]), str(tls[1]))

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        if isinstance(sys.exc_info()[1], ssl.SSLError | ConnectionError):
            logger.debug("A client closed its connection: %s", msg)
        else:
            logger.log(level, "%s", msg, exc_info=traceback)


def share_allocator_arenas() -> None:
    """Keeps memory flat under many threads: glibc would give each its own arena, and every arena keeps the largest page
    of rows its thread ever built. Has to run before threads start; other C libraries have nothing to be told."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)


_M_ARENA_MAX = -8


def start_in_background(server: Server) -> threading.Thread:
    """Binds at once (an OSError for a taken port reaches the caller) and serves from a thread of its own."""
    server.prepare()
    thread = threading.Thread(target=server.serve, name=f"server-{server.bind_addr[1]}", daemon=True)
    thread.start()
    return thread
