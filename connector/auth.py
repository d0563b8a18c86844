"""Access tokens of a connection's application, by client credentials.

MSAL asks the identity provider; the token is then kept, encrypted, in Redis, where all workers of all machines find
it, and in the process. A token is renewed before it expires, and dropped when a service refuses it.
"""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msal
import redis
import requests
from cryptography.fernet import InvalidToken
from django.utils.crypto import salted_hmac

from connector.choices import CredentialKind, System
from connector.error_table import error_of_exception, error_of_token_answer
from connector.errors import ErrorKind, RemoteError, Retry
from connector.fields import fernet
from connector.http.transport import CONNECT_TIMEOUT_SECONDS, transport
from connector.models import BUSINESS_CENTRAL_SCOPE, Connection
from connector.shared import redis_client

log = logging.getLogger(__name__)

_READ_TIMEOUT_SECONDS = 30
# Renew this early, or in the last fifth of a short-lived token's life.
_RENEW_BEFORE_SECONDS = 300
_RENEW_BEFORE_SHARE = 0.2

_MICROSOFT_HOSTS = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")

_kept: dict[str, "Token"] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it was got and ends (seconds since the epoch, by the hub's clock)."""

    value: str
    got_at: float
    ends_at: float

    def __repr__(self) -> str:
        return f"Token(ends_at={self.ends_at})"

    def is_fresh(self, now: float) -> bool:
        margin = min(_RENEW_BEFORE_SECONDS, (self.ends_at - self.got_at) * _RENEW_BEFORE_SHARE)
        return now < self.ends_at - margin


@dataclass(frozen=True, slots=True)
class Identity:
    """With what the hub signs in; two connections that use the same application share tokens and budget."""

    authority_url: str
    tenant_id: str
    client_id: str
    kind: CredentialKind
    secret: str
    certificate: str = ""

    def __repr__(self) -> str:
        return f"Identity(tenant_id={self.tenant_id!r}, client_id={self.client_id!r})"

    @classmethod
    def of(cls, connection: Connection) -> "Identity":
        """Raises RemoteError (kind config) naming what is missing, before any network call."""
        credential = getattr(connection, "credential", None)
        missing = [
            label
            for label, value in (
                ("the tenant id", connection.tenant_id),
                ("the client id", connection.client_id),
                ("the client secret", credential.secret if credential else ""),
            )
            if not value
        ]
        if missing or credential is None:
            raise RemoteError(
                f"The connection lacks {', '.join(missing)}.",
                kind=ErrorKind.CONFIG,
                code="sign_in.incomplete",
                retry=Retry.NEVER,
                system=None,
                hint="Enter what is missing on the Connection Setup page.",
            )
        return cls(
            authority_url=connection.authority_url.rstrip("/"),
            tenant_id=connection.tenant_id,
            client_id=connection.client_id,
            kind=CredentialKind(credential.kind),
            secret=credential.secret,
            certificate=credential.certificate,
        )

    @property
    def authority(self) -> str:
        return f"{self.authority_url}/{self.tenant_id}"

    @property
    def fingerprint(self) -> str:
        """Names the identity without giving it away; another secret is another identity."""
        parts = (self.authority, self.client_id, self.kind, self.secret, self.certificate)
        return salted_hmac("couplet.identity", "\n".join(parts), algorithm="sha256").hexdigest()


class TokenSource:
    """Tokens of one identity for one scope."""

    def __init__(self, identity: Identity, scope: str, system: System) -> None:
        self._identity = identity
        self._scope = scope
        self._system = system
        self._name = f"couplet:token:{identity.fingerprint}:{hashlib.sha256(scope.encode()).hexdigest()[:16]}"

    def token(self) -> str:
        """A token good for at least some minutes. Raises RemoteError."""
        now = time.time()
        kept = _kept.get(self._name)
        if kept and kept.is_fresh(now):
            return kept.value
        with _lock:
            kept = _kept.get(self._name)
            if not (kept and kept.is_fresh(now)):
                kept = self._shared(now) or self._ask()
                _kept[self._name] = kept
        return kept.value

    def drop(self, refused: str) -> None:
        """Forgets a token that a service refused, unless somebody has renewed it meanwhile."""
        with _lock:
            kept = _kept.get(self._name)
            if kept and kept.value == refused:
                del _kept[self._name]
            shared = self._shared(0.0)
            if shared and shared.value == refused:
                try:
                    redis_client().delete(self._name)
                except redis.RedisError:
                    log.debug("Redis is away; the shared token could not be dropped.")

    def _shared(self, now: float) -> Token | None:
        try:
            stored = redis_client().get(self._name)
            if not isinstance(stored, bytes):
                return None
            token = Token(**json.loads(fernet().decrypt(stored)))
        except (redis.RedisError, InvalidToken):
            return None
        return token if token.is_fresh(now) else None

    def _ask(self) -> Token:
        got_at = time.time()
        answer = request_token(self._identity, self._scope, self._system)
        token = Token(answer["access_token"], got_at, got_at + float(answer["expires_in"]))
        content = json.dumps({"value": token.value, "got_at": token.got_at, "ends_at": token.ends_at})
        try:
            redis_client().set(
                self._name, fernet().encrypt(content.encode()), ex=max(1, int(float(answer["expires_in"])))
            )
        except redis.RedisError:
            log.warning("Redis is away: the access token is kept in this process only.")
        return token


def token_source(connection: Connection, system: System) -> TokenSource:
    """Raises RemoteError when the connection lacks a credential."""
    scope = connection.sales_scope if system is System.SALES else BUSINESS_CENTRAL_SCOPE
    return TokenSource(Identity.of(connection), scope, system)


def request_token(identity: Identity, scope: str, system: System | None) -> Mapping[str, Any]:
    """Asks the identity provider: the token answer of OAuth. Raises RemoteError.

    A new MSAL application each time, because MSAL keeps refusals for a minute, and a person who has just corrected a
    secret must not read the old refusal again.
    """
    host = urlsplit(identity.authority_url).netloc
    http_client = _IdentityClient(urlsplit(identity.authority_url))
    try:
        application = msal.ConfidentialClientApplication(
            identity.client_id,
            client_credential=_client_credential(identity),
            authority=identity.authority,
            instance_discovery=None if host in _MICROSOFT_HOSTS else False,
            validate_authority=host in _MICROSOFT_HOSTS,
            http_client=http_client,
        )
        result = application.acquire_token_for_client([scope])
    except requests.RequestException as error:
        raise error_of_exception(system, error, host=host) from error
    except ValueError as error:
        # MSAL hides why the tenant's discovery document could not be read; the last answer says it.
        if http_client.refusal is not None:
            raise error_of_token_answer(system, http_client.refusal, host=host) from error
        raise _bad_sign_in_data(system, identity, error) from error
    if "access_token" not in result:
        raise error_of_token_answer(system, result, host=host)
    return dict(result)


def _client_credential(identity: Identity) -> str | dict[str, str]:
    if identity.kind is CredentialKind.SECRET:
        return identity.secret
    return {"private_key": identity.secret, "public_certificate": identity.certificate}


def _bad_sign_in_data(system: System | None, identity: Identity, error: ValueError) -> RemoteError:
    if identity.kind is CredentialKind.CERTIFICATE:
        message = "The certificate or its private key cannot be read."
        hint = "Upload both in PEM form, the private key without a pass phrase."
    else:
        message = f"{identity.authority_url} is not an identity service that the hub can use."
        hint = "Enter an https address; for the worldwide cloud it is https://login.microsoftonline.com."
    return RemoteError(
        message,
        kind=ErrorKind.CONFIG,
        code="sign_in.bad_data",
        retry=Retry.NEVER,
        system=system,
        hint=hint,
        details={"remote_message": str(error).splitlines()[0][:300] if str(error) else ""},
    )


class _IdentityClient:
    """What MSAL sends requests with: the hub's transport, held to the authority's own host."""

    def __init__(self, authority: Any) -> None:
        self._origin = (authority.scheme, authority.netloc)
        self.refusal: Mapping[str, Any] | None = None

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        return self._send("GET", url, **kwargs)

    def post(self, url: str, **kwargs: Any) -> requests.Response:
        return self._send("POST", url, **kwargs)

    def close(self) -> None:
        """The transport is shared and stays open."""

    def _send(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc) != self._origin:
            raise requests.exceptions.InvalidURL(f"The identity service refers to another host, {parts.netloc}.")
        kwargs.setdefault("timeout", (CONNECT_TIMEOUT_SECONDS, _READ_TIMEOUT_SECONDS))
        response = transport().request(method, url, allow_redirects=False, **kwargs)
        if response.status_code >= 400:
            try:
                self.refusal = response.json()
            except requests.exceptions.JSONDecodeError:
                self.refusal = {"error": f"HTTP status {response.status_code}"}
        return response
