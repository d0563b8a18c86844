"""Tokens: the endpoint's answers, what tokens open, and how long."""

import base64
import hashlib
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sandbox.identity.clients import ENVIRONMENT, TENANT_ID
from sandbox.identity.endpoints import ASSERTION_TYPE
from sandbox.identity.tokens import BUSINESS_CENTRAL_AUDIENCE
from tests.sandbox.conftest import ApiClient, get_token
from tests.sandbox_process import SandboxServer


def fetch(server: SandboxServer, path: str, **headers: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{server.url}{path}", verify=server.ca_file, headers=headers, timeout=30)


def sales_scope(server: SandboxServer) -> str:
    return f"{server.url}/.default"


def test_token_answer_and_claims(empty_server: SandboxServer) -> None:
    response = get_token(empty_server, sales_scope(empty_server))
    body = response.json()
    assert (body["token_type"], body["expires_in"], body["ext_expires_in"]) == ("Bearer", 3599, 3599)
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["tid"]) == (empty_server.url, TENANT_ID)
    central = get_token(empty_server, f"{BUSINESS_CENTRAL_AUDIENCE}/.default").json()["access_token"]
    assert "API.ReadWrite.All" in jwt.decode(central, options={"verify_signature": False})["roles"]


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": str(uuid.uuid4())}, 400, "unauthorized_client", 700016),
        ({"scope": "https://elsewhere.example/.default"}, 400, "invalid_resource", 500011),
        ({"scope": "openid profile"}, 400, "invalid_scope", 70011),
        ({"scope": ""}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": ""}, 400, "invalid_request", 900144),
    ],
)
def test_token_refusals(
    empty_server: SandboxServer, form: dict[str, str], status: int, error: str, number: int
) -> None:
    scope = form.pop("scope", sales_scope(empty_server))
    response = get_token(empty_server, scope, **form)
    body = response.json()
    assert (response.status_code, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert {"timestamp", "trace_id", "correlation_id"} <= set(body)


def test_unknown_form_fields_and_headers_are_ignored(empty_server: SandboxServer) -> None:
    assert get_token(empty_server, sales_scope(empty_server), client_info="1").status_code == 200


def test_discovery_documents(empty_server: SandboxServer) -> None:
    body = fetch(empty_server, f"/{TENANT_ID}/v2.0/.well-known/openid-configuration").json()
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert body[name].startswith(f"{empty_server.url}/")
    keys = fetch(empty_server, body["jwks_uri"].removeprefix(empty_server.url)).json()["keys"]
    token = get_token(empty_server, sales_scope(empty_server)).json()["access_token"]
    key = jwt.PyJWK(keys[0]).key
    assert jwt.decode(token, key, algorithms=["RS256"], audience=empty_server.url)["idtyp"] == "app"
    unknown = fetch(empty_server, f"/{uuid.uuid4()}/v2.0/.well-known/openid-configuration")
    assert (unknown.status_code, unknown.json()["error_codes"]) == (400, [90002])


def test_version_1_endpoint(empty_server: SandboxServer) -> None:
    with requests.Session() as session:
        session.trust_env = False
        response = session.post(
            f"{empty_server.url}/{TENANT_ID}/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_id": empty_server.client_id,
                "client_secret": empty_server.client_secret,
                "resource": f"{empty_server.url}/",
            },
            verify=empty_server.ca_file,
            timeout=30,
        )
    body = response.json()
    assert (body["expires_in"], body["resource"]) == ("3599", f"{empty_server.url}/")
    assert ApiClient(empty_server, f"{empty_server.url}/api/data/v9.2/", body["access_token"]).get("WhoAmI")


def test_requests_without_valid_token_are_refused(sales: ApiClient, business_central_token: str) -> None:
    for header in (
        "",
        "Bearer",
        "Bearer nonsense",
        f"Bearer {sales.token}x",
        f"Bearer {business_central_token}",
        "Basic eDp5",
    ):
        response = sales.request("GET", "WhoAmI", Authorization=header)
        assert response.status_code == 401
        challenge = response.headers["WWW-Authenticate"]
        assert challenge.startswith("Bearer authorization_uri=")
        assert ", resource_id=" in challenge.replace(",resource_id", ", resource_id")


def test_sales_token_does_not_open_business_central(sales: ApiClient) -> None:
    path = f"{sales.server.url}/v2.0/{TENANT_ID}/{ENVIRONMENT}/api/v2.0/companies"
    assert sales.request("GET", path).status_code == 401


def test_loopback_names_are_one_organisation(sales: ApiClient) -> None:
    named = sales.server.url.replace("127.0.0.1", "localhost")
    body = sales.get(f"{named}/api/data/v9.2/WhoAmI")
    assert body["@odata.context"].startswith(f"{named}/api/data/v9.2/")


def test_tokens_expire_by_the_clock_of_their_system(sales: ApiClient, steered: SandboxServer) -> None:
    steered.control("PUT", "/clock", {"sales": {"offset_s": 3600}})
    assert sales.request("GET", "WhoAmI").status_code == 401
    fresh = get_token(steered, sales_scope(steered)).json()["access_token"]
    assert ApiClient(steered, sales.root, fresh).get("WhoAmI")
    steered.control("PUT", "/clock", {"sales": {"offset_s": 0}})
    assert sales.get("WhoAmI")


def test_client_without_application_user_is_no_member(empty_server: SandboxServer) -> None:
    client = str(uuid.uuid4())
    empty_server.control(
        "POST",
        "/clients",
        {"client_id": client, "client_secret": "s", "sales_application_user": False, "expires_in": 60},
    )
    answer = get_token(empty_server, sales_scope(empty_server), client_id=client, client_secret="s").json()
    assert answer["expires_in"] == 60
    stranger = ApiClient(empty_server, f"{empty_server.url}/api/data/v9.2/", answer["access_token"])
    assert stranger.error(stranger.request("GET", "WhoAmI")) == (403, "0x80072560")


def test_disabled_user_is_refused(sales: ApiClient) -> None:
    client = str(uuid.uuid4())
    sales.server.control("POST", "/clients", {"client_id": client, "client_secret": "s"})
    token = get_token(sales.server, sales_scope(sales.server), client_id=client, client_secret="s").json()[
        "access_token"
    ]
    other = ApiClient(sales.server, sales.root, token)
    user = other.get("WhoAmI")["UserId"]
    assert sales.request("PATCH", f"systemusers({user})", {"isdisabled": True}).status_code == 204
    assert other.error(other.request("GET", "WhoAmI"))[0] == 403


def test_acting_for_another_user(sales: ApiClient) -> None:
    user = sales.get("systemusers?$select=systemuserid&$filter=islicensed eq true&$top=1")["value"][0]["systemuserid"]
    assert sales.get("WhoAmI", MSCRMCallerID=user)["UserId"] == user
    refused = sales.request("GET", "WhoAmI", MSCRMCallerID=str(uuid.uuid4()))
    assert sales.error(refused) == (403, "0x80072560")


# -- Certificates


@pytest.fixture(scope="module")
def certificate() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return key, built


def assertion(key: Any, thumbprint: bytes, client: str, audience: str, **claims: Any) -> str:
    now = int(time.time())
    body = {
        "aud": audience,
        "iss": client,
        "sub": client,
        "jti": str(uuid.uuid4()),
        "nbf": now,
        "exp": now + 600,
        **claims,
    }
    return jwt.encode(body, key, "RS256", headers={"x5t": base64.urlsafe_b64encode(thumbprint).decode().rstrip("=")})


def test_certificate_instead_of_secret(empty_server: SandboxServer, certificate: tuple[Any, x509.Certificate]) -> None:
    key, built = certificate
    client = str(uuid.uuid4())
    pem = built.public_bytes(serialization.Encoding.PEM).decode()
    empty_server.control("POST", "/clients", {"client_id": client, "certificate": pem})
    audience = f"{empty_server.url}/{TENANT_ID}/oauth2/v2.0/token"
    right = built.fingerprint(hashes.SHA1())
    stranger = rsa.generate_private_key(65537, 2048)

    def attempt(text: str) -> requests.Response:
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text, "client_secret": ""}
        return get_token(empty_server, sales_scope(empty_server), client_id=client, **form)

    assert attempt(assertion(key, right, client, audience)).status_code == 200
    refused = [
        assertion(stranger, right, client, audience),
        assertion(key, hashlib.sha1(b"other").digest(), client, audience),
        assertion(key, right, str(uuid.uuid4()), audience),
        assertion(key, right, client, audience, exp=int(time.time()) - 10),
        "nonsense",
    ]
    for text in refused:
        response = attempt(text)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
