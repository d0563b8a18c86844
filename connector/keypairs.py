"""Certificates as credentials: reading what was uploaded, making a key pair of the hub's own.

The private key stays in the hub, encrypted; only the public certificate can be downloaded again.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from connector.errors import SettingsError

_DAYS = 730
_FIELD = "certificate_file"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Both parts in PEM form."""

    private_key: str
    certificate: str

    def __repr__(self) -> str:
        return "KeyPair()"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What people compare with the portal."""

    subject: str
    thumbprint: str
    ends: date


def facts_of(certificate: str) -> CertificateFacts | None:
    """None where there is no readable certificate."""
    try:
        found = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        return None
    return CertificateFacts(
        found.subject.rfc4514_string(),
        found.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - the portal names certificates by it
        found.not_valid_after_utc.date(),
    )


def make_key_pair(name: str) -> KeyPair:
    """A new RSA key with a self-signed certificate of two years, as Entra takes them."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=10))
        .not_valid_after(now + timedelta(days=_DAYS))
        .sign(key, hashes.SHA256())
    )
    return KeyPair(_private_pem(key), certificate.public_bytes(serialization.Encoding.PEM).decode())


def read_key_pair(content: bytes, password: str) -> KeyPair:
    """A PFX file, or a PEM file with certificate and key. Raises SettingsError naming what is wrong."""
    phrase = password.encode() if password else None
    key: object
    if b"-----BEGIN" not in content:
        try:
            key, certificate, _ = pkcs12.load_key_and_certificates(content, phrase)
        except (ValueError, TypeError) as error:
            raise _refused(
                "The file cannot be opened: is it a PFX or PEM file, and is the pass phrase right?"
            ) from error
    else:
        key, certificate = _read_pem(content, phrase)
    if certificate is None:
        raise _refused("The file has no certificate.")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _refused("The file has no RSA private key; a certificate alone (.cer) proves nothing.")
    if key.public_key() != certificate.public_key():
        raise _refused("The private key does not belong to the certificate.")
    return KeyPair(_private_pem(key), certificate.public_bytes(serialization.Encoding.PEM).decode())


def _read_pem(content: bytes, phrase: bytes | None) -> tuple[object, x509.Certificate | None]:
    try:
        certificate = x509.load_pem_x509_certificate(content) if b"BEGIN CERTIFICATE" in content else None
        end = content.find(b"PRIVATE KEY-----")
        if end < 0:
            return None, certificate
        return serialization.load_pem_private_key(content[content.rfind(b"-----BEGIN", 0, end) :], phrase), certificate
    except (ValueError, TypeError) as error:
        raise _refused("The file cannot be read: is it complete, and is the pass phrase right?") from error


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _refused(sentence: str) -> SettingsError:
    return SettingsError(sentence, fields={_FIELD: [sentence]})
