"""MSAL itself against the token endpoint: secrets, certificates, caching, refusals."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msal
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sandbox.identity.clients import GUEST_CLIENT_ID, GUEST_CLIENT_SECRET
from sandbox.identity.tokens import BUSINESS_CENTRAL_AUDIENCE
from tests.sandbox.conftest import ApiClient
from tests.sandbox_process import SandboxServer


def application(server: SandboxServer, client_id: str = GUEST_CLIENT_ID, **options: Any) -> Any:
    return msal.ConfidentialClientApplication(
        client_id,
        authority=f"{server.url}/{options.pop('tenant', server.tenant)}",
        instance_discovery=False,
        verify=server.ca_file,
        **options,
    )


def certificate_of(name: str) -> tuple[str, str, str]:
    """(private key, certificate, thumbprint) in the forms MSAL takes."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = built.public_bytes(serialization.Encoding.PEM)
    return private.decode(), public.decode(), built.fingerprint(hashes.SHA1()).hex()


def test_secret_opens_both_systems(stranger: SandboxServer) -> None:
    app = application(stranger, client_credential=GUEST_CLIENT_SECRET)
    sales = app.acquire_token_for_client([f"{stranger.url}/.default"])
    central = app.acquire_token_for_client([f"{BUSINESS_CENTRAL_AUDIENCE}/.default"])
    assert ApiClient(stranger, f"{stranger.url}/api/data/v9.2/", sales["access_token"]).get("WhoAmI")
    companies = f"{stranger.url}/v2.0/{stranger.tenant}/{stranger.environment}/api/v2.0/"
    assert ApiClient(stranger, companies, central["access_token"]).get("companies")["value"]
    again = app.acquire_token_for_client([f"{stranger.url}/.default"])
    assert (again["token_source"], again["access_token"]) == ("cache", sales["access_token"])


def test_wrong_secret_and_client_are_errors(stranger: SandboxServer) -> None:
    scope = [f"{stranger.url}/.default"]
    wrong = application(stranger, client_credential="wrong").acquire_token_for_client(scope)
    assert (wrong["error"], wrong["error_codes"]) == ("invalid_client", [7000215])
    unknown = application(stranger, str(uuid.uuid4()), client_credential="x").acquire_token_for_client(scope)
    assert (unknown["error"], unknown["error_codes"]) == ("unauthorized_client", [700016])


def test_unknown_tenant_is_refused(stranger: SandboxServer) -> None:
    app_options = {"tenant": str(uuid.uuid4()), "client_credential": GUEST_CLIENT_SECRET}
    with pytest.raises(ValueError, match=r"AADSTS90002|invalid_tenant|Unable to get authority"):
        application(stranger, **app_options).acquire_token_for_client([f"{stranger.url}/.default"])


def test_certificate_instead_of_secret(stranger: SandboxServer) -> None:
    client = str(uuid.uuid4())
    private, public, thumbprint = certificate_of("registered")
    stranger.control("POST", "/clients", {"client_id": client, "certificate": public})
    scope = [f"{stranger.url}/.default"]
    right = {"private_key": private, "thumbprint": thumbprint}
    assert "access_token" in application(stranger, client, client_credential=right).acquire_token_for_client(scope)
    modern = {"private_key": private, "public_certificate": public}
    assert "access_token" in application(stranger, client, client_credential=modern).acquire_token_for_client(scope)
    other_key, _, other_print = certificate_of("other")
    wrong = {"private_key": other_key, "thumbprint": other_print}
    refused = application(stranger, client, client_credential=wrong).acquire_token_for_client(scope)
    assert refused["error"] == "invalid_client"


def test_oidc_authority_works_too(stranger: SandboxServer) -> None:
    app = msal.ConfidentialClientApplication(
        GUEST_CLIENT_ID,
        client_credential=GUEST_CLIENT_SECRET,
        oidc_authority=f"{stranger.url}/{stranger.tenant}/v2.0",
        verify=stranger.ca_file,
    )
    assert "access_token" in app.acquire_token_for_client([f"{stranger.url}/.default"])
