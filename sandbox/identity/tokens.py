"""Access tokens: JWTs signed with the sandbox's own key, checked on every API request.

A token opens exactly one of the two systems, and its life is measured by that system's shifted clock.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.clock import Clock, SystemName
from sandbox.http import Request, ServiceError
from sandbox.identity.clients import TENANT_ID, Client

BUSINESS_CENTRAL_AUDIENCE = "https://api.businesscentral.dynamics.com"
_KEY_ID = "couplet-sandbox"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_CACHE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class _Claims:
    client_id: str
    audience: str
    expires: datetime


class TokenService:
    """Issues and checks access tokens. ``ports`` are the ports this process listens on."""

    def __init__(self, key_file: Path, clock: Clock, known_client: Callable[[str], Client | None]) -> None:
        self._key = _load_key(key_file)
        self._clock = clock
        self._known_client = known_client
        self._lock = threading.Lock()
        self._checked: dict[str, _Claims | None] = {}
        self.ports: set[int] = set()

    def issue(self, client: Client, audience: str, system: SystemName, issuer: str) -> str:
        """A token for one audience, in the form that Entra ID gives to applications."""
        now = self._clock.now(system)
        claims = {
            "aud": audience,
            "iss": issuer,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + timedelta(seconds=client.expires_in)).timestamp()),
            "appid": client.client_id,
            "azp": client.client_id,
            "oid": str(uuid.uuid5(uuid.NAMESPACE_OID, client.client_id)),
            "tid": TENANT_ID,
            "idtyp": "app",
            "ver": "1.0",
            "uti": uuid.uuid4().hex[:22],
        }
        if system == "business_central":
            claims["roles"] = ["API.ReadWrite.All", "Automation.ReadWrite.All"]
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})

    def authenticate(
        self, request: Request, system: SystemName, unauthorized: Callable[[Request, str], ServiceError]
    ) -> str:
        """The client id of the request's token. Raises the service's own 401 for anything that is not valid here."""
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthorized(request, "missing")
        claims = self._claims(token.strip())
        if claims is None or not self._opens(claims.audience, system, request.origin):
            raise unauthorized(request, "invalid")
        if claims.expires <= self._clock.now(system):
            raise unauthorized(request, "expired")
        client = self._known_client(claims.client_id)
        if client is None or (system == "business_central" and not client.business_central_application):
            raise unauthorized(request, "invalid")
        return client.client_id

    def audience_of(self, scope: str, origin: str) -> tuple[str, SystemName] | None:
        """Audience and system of a resource (a scope without ``/.default``), or None for an unknown one."""
        resource = scope.rstrip("/")
        if resource == BUSINESS_CENTRAL_AUDIENCE:
            return BUSINESS_CENTRAL_AUDIENCE, "business_central"
        if self._canonical(resource) == self._canonical(origin) != "":
            return resource, "sales"
        return None

    def public_keys(self) -> dict[str, Any]:
        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}

    def _opens(self, audience: str, system: SystemName, origin: str) -> bool:
        if system == "business_central":
            return audience == BUSINESS_CENTRAL_AUDIENCE
        return self._canonical(audience) == self._canonical(origin)

    def _canonical(self, origin: str) -> str:
        """Loopback names and the two ports of this process are one and the same organisation."""
        try:
            parts = urlsplit(origin)
            port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
        except ValueError:
            return ""
        host = (parts.hostname or "").lower()
        if not host or parts.scheme not in ("https", "http") or parts.path.strip("/"):
            return ""
        if host in _LOOPBACK and port in self.ports:
            return "loopback"
        return f"{host}:{port}"

    def _claims(self, token: str) -> _Claims | None:
        """Signature checks are expensive and tokens are few, so results are remembered."""
        if token in self._checked:
            return self._checked[token]
        try:
            body = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
            claims = _Claims(str(body["appid"]), str(body["aud"]), datetime.fromtimestamp(body["exp"], UTC))
        except (jwt.PyJWTError, KeyError, ValueError):
            claims = None
        with self._lock:
            if len(self._checked) >= _CACHE_LENGTH:
                self._checked.clear()
            self._checked[token] = claims
        return claims


def _load_key(path: Path) -> rsa.RSAPrivateKey:
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    key = rsa.generate_private_key(65537, 2048)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.chmod(0o600)
    return key
