"""Setting a connection's secret or certificate. Values go in and never come out."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from connector.auth import Identity, request_token
from connector.choices import CredentialKind, System
from connector.errors import RemoteError, SettingsError
from connector.keypairs import facts_of
from connector.models import BUSINESS_CENTRAL_SCOPE, Connection, Credential
from connector.services.encryption import require_key

# One secret kind names its setting in messages; the certificate's is its private key.
_SETTINGS = ("client_secret", "certificate", "private_key")


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What a person entered; a certificate needs both parts. Without a secret only the day is new."""

    kind: CredentialKind = CredentialKind.SECRET
    secret: str = ""
    certificate: str = ""
    valid_until: date | None = None

    def __repr__(self) -> str:
        return f"NewCredential(kind={self.kind!r})"


def take_from(changes: dict[str, Any]) -> NewCredential | None:
    """Removes the credential settings from `changes`; None when none is set. Raises SettingsError."""
    secret, certificate, private_key = (str(changes.pop(name, "") or "").strip() for name in _SETTINGS)
    only_the_day = "valid_until" in changes
    until = changes.pop("valid_until", None)
    if secret or private_key:
        require_key()
    if secret:
        return NewCredential(CredentialKind.SECRET, secret, valid_until=until)
    if not certificate and not private_key:
        return NewCredential(valid_until=until) if only_the_day else None
    missing = "private_key" if certificate else "certificate"
    if not (certificate and private_key):
        sentence = "A certificate needs its public part and its private key, both in PEM form."
        raise SettingsError(sentence, fields={missing: [sentence]})
    return NewCredential(CredentialKind.CERTIFICATE, private_key, certificate)


def candidate(connection: Connection, new: NewCredential | None) -> Credential | None:
    """The credential as it would be stored, not stored yet; None when nothing changes."""
    if new is None:
        return None
    stored = Credential.objects.filter(connection=connection).first()
    if not new.secret:
        if stored is not None:
            stored.valid_until = new.valid_until
        return stored
    credential = stored or Credential(connection=connection)
    credential.kind = new.kind
    credential.secret = new.secret
    credential.certificate = new.certificate
    # What was known of the old one says nothing about the new one; a certificate tells its own end.
    facts = facts_of(new.certificate) if new.certificate else None
    credential.valid_until = facts.ends if facts else new.valid_until
    connection.credential = credential
    return credential


def try_out(connection: Connection, credential: Credential) -> None:
    """Signs in with a credential that is about to replace a working one. Raises SettingsError."""
    try:
        request_token(Identity.of(connection), BUSINESS_CENTRAL_SCOPE, System.BUSINESS_CENTRAL)
    except RemoteError as error:
        setting = "client_secret" if credential.kind == CredentialKind.SECRET else "certificate"
        sentence = f"{error} The old one stays in use."
        raise SettingsError(sentence, fields={setting: [sentence]}) from error
