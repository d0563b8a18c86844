"""One pooled HTTPS transport for everything the hub sends out.

Trusts the public certificate authorities, those of REQUESTS_CA_BUNDLE as every program of this library does, and, where
`SANDBOX_CA_FILE` names one, the sandbox's. Keeps no cookies:
Dataverse's affinity cookie would bind all parallel requests to one of its web servers. Follows no redirects.
"""

import os
import ssl
import threading
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import certifi
import requests
from django.conf import settings
from requests.adapters import HTTPAdapter

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 120
# Business Central allows a request eight minutes; posting a large document needs some of them.
WRITE_TIMEOUT_SECONDS = 300
USER_AGENT = "Couplet/0.1 (Business Central and Dynamics 365 Sales hub)"
_POOL_SIZE = 64

_transports: dict[tuple[int, str, float], requests.Session] = {}
_lock = threading.Lock()


class _TrustingAdapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=8, pool_maxsize=_POOL_SIZE, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        return super().send(request, *args, **{**kwargs, "verify": True})

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        super().cert_verify(conn, url, verify, cert)
        # The context has all authorities; reading them again for each new connection takes 50 ms of processor time.
        conn.ca_certs = conn.ca_cert_dir = None


def transport() -> requests.Session:
    """The process's shared session; a forked process and a renewed CA file get one of their own."""
    ca_file = str(settings.SANDBOX_CA_FILE or "")
    path = Path(ca_file) if ca_file else None
    key = (os.getpid(), ca_file, path.stat().st_mtime if path and path.exists() else 0.0)
    with _lock:
        if key not in _transports:
            _transports[key] = _new_session(path if path and path.exists() else None)
        return _transports[key]


def _new_session(ca_file: Path | None) -> requests.Session:
    context = ssl.create_default_context(cafile=certifi.where())
    for bundle in (os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"), ca_file):
        if bundle:
            is_directory = Path(bundle).is_dir()
            context.load_verify_locations(**{"capath" if is_directory else "cafile": str(bundle)})
    session = requests.Session()
    session.mount("https://", _TrustingAdapter(context))
    session.mount("http://", HTTPAdapter(pool_maxsize=_POOL_SIZE, max_retries=0))
    session.headers["User-Agent"] = USER_AGENT
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session
