"""The token endpoint and the discovery documents of the stand-in for Entra ID.

Failures have the OAuth shape with AADSTS numbers, which token libraries turn into their exceptions.
"""

import binascii
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from sandbox.http import Request, Response, parse_query
from sandbox.identity.clients import TENANT_DOMAIN, TENANT_ID, Client

if TYPE_CHECKING:
    from sandbox.state import Sandbox

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_JSON = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


@dataclass
class _OAuthError(Exception):
    status: int
    error: str
    number: int
    text: str


def handle(sandbox: "Sandbox", request: Request) -> Response | None:
    """Answers identity paths; None when the path is not one of them."""
    parts = request.path.strip("/").split("/")
    match parts:
        case ["common", "discovery", "instance"]:
            return _instance_discovery(request)
        case [tenant, "v2.0", ".well-known", "openid-configuration"] | [tenant, ".well-known", "openid-configuration"]:
            return _guard(request, lambda: _openid_configuration(request, tenant))
        case [tenant, "discovery", "v2.0", "keys"] | [tenant, "discovery", "keys"]:
            return Response.json(sandbox.tokens.public_keys())
        case [tenant, "oauth2", "v2.0", "token"]:
            return _guard(request, lambda: _token(sandbox, request, tenant, version=2))
        case [tenant, "oauth2", "token"]:
            return _guard(request, lambda: _token(sandbox, request, tenant, version=1))
    return None


def _guard(request: Request, answer: Any) -> Response:
    try:
        response: Response = answer()
    except _OAuthError as error:
        now = datetime.now(UTC)
        trace = str(uuid.uuid4())
        body = {
            "error": error.error,
            "error_description": f"AADSTS{error.number}: {error.text} Trace ID: {trace}"
            f" Correlation ID: {request.correlation_id} Timestamp: {now:%Y-%m-%d %H:%M:%SZ}",
            "error_codes": [error.number],
            "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}",
            "trace_id": trace,
            "correlation_id": request.header("client-request-id") or request.correlation_id,
            "error_uri": f"{request.origin}/error?code={error.number}",
        }
        response = Response.json(body, error.status, _JSON)
    response.headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
    response.headers.setdefault("x-ms-service-request-id", request.correlation_id)
    return response


def _check_tenant(tenant: str) -> None:
    if tenant.lower() not in (TENANT_ID, TENANT_DOMAIN):
        raise _OAuthError(
            400,
            "invalid_request",
            90002,
            f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the"
            " correct cloud.",
        )


def _openid_configuration(request: Request, tenant: str) -> Response:
    _check_tenant(tenant)
    base = f"{request.origin}/{TENANT_ID}"
    return Response.json(
        {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "tid", "ver"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
        }
    )


def _instance_discovery(request: Request) -> Response:
    host = request.origin.partition("://")[2]
    return Response.json(
        {
            "tenant_discovery_endpoint": f"{request.origin}/{TENANT_ID}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }
    )


def _token(sandbox: "Sandbox", request: Request, tenant: str, *, version: int) -> Response:
    _check_tenant(tenant)
    if request.method != "POST":
        raise _OAuthError(400, "invalid_request", 900561, "The endpoint only accepts POST requests.")
    form = parse_query(request.body.decode("utf-8", "replace"))
    grant = form.get("grant_type")
    if not grant:
        raise _OAuthError(
            400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."
        )
    if grant != "client_credentials":
        raise _OAuthError(
            400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant}'."
        )
    client = _client(sandbox, request, form)
    resource = _resource(form, version)
    found = sandbox.tokens.audience_of(resource, request.origin)
    if found is None:
        raise _OAuthError(
            400,
            "invalid_resource",
            500011,
            f"The resource principal named {resource} was not found in the tenant named {TENANT_DOMAIN}.",
        )
    audience, system = found
    token = sandbox.tokens.issue(client, audience, system, f"{request.origin}/{TENANT_ID}/")
    body: dict[str, Any] = {
        "token_type": "Bearer",
        "expires_in": client.expires_in,
        "ext_expires_in": client.expires_in,
        "access_token": token,
    }
    if version == 1:
        now = int(sandbox.clock.now(system).timestamp())
        body |= {
            "expires_in": str(client.expires_in),
            "ext_expires_in": str(client.expires_in),
            "expires_on": str(now + client.expires_in),
            "not_before": str(now),
            "resource": resource,
        }
    return Response.json(body, 200, _JSON)


def _resource(form: Mapping[str, str], version: int) -> str:
    if version == 1:
        resource = form.get("resource", "")
        if not resource:
            raise _OAuthError(
                400, "invalid_request", 900144, "The request body must contain the following parameter: 'resource'."
            )
        return resource
    scopes = form.get("scope", "").split()
    if not scopes:
        raise _OAuthError(
            400, "invalid_request", 900144, "The request body must contain the following parameter: 'scope'."
        )
    if len(scopes) != 1 or not scopes[0].endswith("/.default"):
        raise _OAuthError(
            400,
            "invalid_scope",
            70011,
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter"
            f" 'scope' is not valid. The scope {' '.join(scopes)} is not valid: it must be a resource with /.default.",
        )
    return scopes[0].removesuffix("/.default")


def _client(sandbox: "Sandbox", request: Request, form: Mapping[str, str]) -> Client:
    client_id, secret = form.get("client_id"), form.get("client_secret")
    authorization = request.header("authorization") or ""
    if authorization.lower().startswith("basic "):
        try:
            pair = binascii.a2b_base64(authorization[6:]).decode()
        except (binascii.Error, UnicodeDecodeError):
            pair = ""
        basic_id, _, basic_secret = pair.partition(":")
        client_id, secret = client_id or basic_id, secret or basic_secret
    if not client_id:
        raise _OAuthError(
            400, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."
        )
    client = sandbox.clients.get(client_id)
    if client is None:
        raise _OAuthError(
            400,
            "unauthorized_client",
            700016,
            f"Application with identifier '{client_id}' was not found in the directory '{TENANT_DOMAIN}'.",
        )
    if "client_assertion" in form:
        _check_assertion(client, form)
    elif secret is None or secret == "":
        raise _OAuthError(
            401,
            "invalid_client",
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )
    elif secret != client.client_secret:
        raise _OAuthError(
            401,
            "invalid_client",
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value,"
            f" not the client secret ID, for a secret added to app '{client_id}'.",
        )
    return client


def _check_assertion(client: Client, form: Mapping[str, str]) -> None:
    """The assertion must be signed with the registered certificate and name it by its thumbprint."""
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise _OAuthError(400, "invalid_request", 50027, "The client_assertion_type is not supported.")
    invalid = _OAuthError(
        401,
        "invalid_client",
        700027,
        "The certificate with identifier used to sign the client assertion is not registered.",
    )
    if client.certificate is None:
        raise invalid
    certificate = x509.load_pem_x509_certificate(client.certificate.encode())
    assertion = form["client_assertion"]
    try:
        header = jwt.get_unverified_header(assertion)
        prints = {
            "x5t": certificate.fingerprint(hashes.SHA1()),  # noqa: S303 - the protocol's own identifier
            "x5t#S256": certificate.fingerprint(hashes.SHA256()),
        }
        named = {name: header[name].rstrip("=") for name in prints if name in header}
        expected = {name: urlsafe_b64encode(prints[name]).decode().rstrip("=") for name in named}
        if not named or named != expected:
            raise invalid
        key: CertificatePublicKeyTypes = certificate.public_key()
        claims = jwt.decode(
            assertion,
            key,  # type: ignore[arg-type]
            algorithms=["RS256", "PS256"],
            options={"verify_aud": False, "require": ["exp", "iss", "sub", "aud"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise _OAuthError(
            401, "invalid_client", 700024, "Client assertion is not within its valid time range."
        ) from error
    except jwt.PyJWTError as error:
        raise invalid from error
    if {claims["iss"], claims["sub"]} != {client.client_id} or "/oauth2/" not in str(claims["aud"]):
        raise invalid
