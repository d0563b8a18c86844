"""Signing in: shared, renewed and dropped tokens, certificates, and the command that checks a connection."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.core.management import call_command

from connector import auth
from connector.auth import Identity, Token, token_source
from connector.choices import CredentialKind, System
from connector.errors import RemoteError
from connector.models import Connection, Credential
from connector.shared import redis_client


def _certificate() -> tuple[str, str]:
    """A private key and a self-signed certificate in PEM form."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "couplet test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("lifetime", "age", "fresh"),
    [(3600, 0, True), (3600, 3299, True), (3600, 3301, False), (10, 7, True), (10, 9, False)],
)
def test_tokens_are_renewed_before_they_end(lifetime, age, fresh):
    assert Token("t", 1000.0, 1000.0 + lifetime).is_fresh(1000.0 + age) is fresh


def test_a_token_is_shared_between_processes_and_encrypted(connection):
    source = token_source(connection, System.SALES)
    token = source.token()
    stored = [redis_client().get(name) for name in redis_client().keys("couplet:token:*")]
    assert len(stored) == 1
    assert token.encode() not in stored[0]
    auth._kept.clear()
    assert token_source(connection, System.SALES).token() == token


def test_a_dropped_token_is_asked_for_again(connection):
    source = token_source(connection, System.SALES)
    first = source.token()
    source.drop("another one")
    assert source.token() == first
    source.drop(first)
    assert redis_client().keys("couplet:token:*") == []
    assert source.token()


def test_each_system_has_its_own_token(connection):
    assert token_source(connection, System.SALES).token() != token_source(connection, System.BUSINESS_CENTRAL).token()


def test_a_certificate_signs_in_as_well(connection, sandbox):
    private_key, certificate = _certificate()
    client_id = "c0091e70-0000-4000-8000-00000000cccc"
    sandbox.control("POST", "/clients", {"client_id": client_id, "certificate": certificate})
    Credential.objects.update(kind=CredentialKind.CERTIFICATE, secret=private_key, certificate=certificate)
    Connection.objects.update(client_id=client_id)
    assert token_source(Connection.objects.get(), System.SALES).token()


def test_a_certificate_that_is_not_registered_is_named(connection):
    private_key, certificate = _certificate()
    Credential.objects.update(kind=CredentialKind.CERTIFICATE, secret=private_key, certificate=certificate)
    with pytest.raises(RemoteError) as refused:
        token_source(Connection.objects.get(), System.SALES).token()
    assert refused.value.code == "sign_in.certificate"


def test_a_certificate_that_is_none_is_named(connection):
    Credential.objects.update(kind=CredentialKind.CERTIFICATE, secret="no key", certificate="no certificate")
    with pytest.raises(RemoteError) as refused:
        token_source(Connection.objects.get(), System.SALES).token()
    assert refused.value.code == "sign_in.bad_data"


def test_what_is_missing_is_said_without_asking_anybody(db):
    with pytest.raises(RemoteError) as incomplete:
        Identity.of(Connection.objects.create(tenant_id="t"))
    assert str(incomplete.value) == "The connection lacks the client id, the client secret."


def test_secrets_do_not_show_in_representations(connection, sandbox):
    identity = Identity.of(connection)
    assert sandbox.client_secret not in repr(identity)
    assert sandbox.client_secret not in identity.fingerprint
    assert "secret-token" not in repr(Token("secret-token", 0, 1))


class TestCheckConnection:
    def test_a_good_connection_exits_with_zero(self, connection):
        output = StringIO()
        call_command("check_connection", stdout=output)
        assert "ok       sales             Sign-in" in output.getvalue()

    def test_a_bad_one_exits_with_one_and_says_why(self, connection):
        Credential.objects.update(secret="wrong")
        output = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("check_connection", "--json", stdout=output)
        assert ended.value.code == 1
        report = json.loads(output.getvalue())
        assert report["succeeded"] is False
        failed = next(step for step in report["steps"] if step["state"] == "failed")
        assert failed["message"] == "The client secret is not the right one."
