"""The key that secrets are kept under: whether there is a usable one, what it protects, and changing it.

The key lives outside the database, so a copy of the database alone gives nothing away. Rotating is two acts: an
administrator puts a new key in front of the old ones in the environment, then everything stored is encrypted anew.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection as database
from django.db import models, transaction

from connector.errors import SettingsError
from connector.fields import EncryptedTextField
from connector.models import AuditEntry

SAMPLE_KEYS = frozenset({"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})
"""Keys that stand in documentation; everybody knows them."""

NOTICE = "Secrets cannot be stored safely yet. Set an encryption key first."
WAY_OUT = (
    "Set COUPLET_ENCRYPTION_KEYS to a key that only this hub knows and start it again; docs/configuration.md says how "
    "to make one. What was entered was not stored."
)


class NoKeyError(SettingsError):
    """A secret was entered, but nothing can protect it."""

    code = "encryption.no_key"

    def __init__(self) -> None:
        super().__init__(NOTICE, fields={"client_secret": [f"{NOTICE} {WAY_OUT}"]})
        self.hint = WAY_OUT


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One key by its fingerprint, and how many stored secrets are encrypted with it."""

    fingerprint: str
    newest: bool
    secrets: int


def can_keep_secrets() -> bool:
    keys = settings.COUPLET_ENCRYPTION_KEYS
    return bool(keys) and keys[0] not in SAMPLE_KEYS


def require_key() -> None:
    """Raises NoKeyError."""
    if not can_keep_secrets():
        raise NoKeyError


def keys_in_use() -> tuple[list[KeyUse], int]:
    """The keys of the settings with what each protects, and how many secrets none of them opens."""
    keys = [Fernet(key) for key in settings.COUPLET_ENCRYPTION_KEYS]
    counts, lost = [0] * len(keys), 0
    for _, _, token in _stored():
        position = next((n for n, key in enumerate(keys) if _opens(key, token)), None)
        if position is None:
            lost += 1
        else:
            counts[position] += 1
    shown = [
        KeyUse(fingerprint_of(key), position == 0, counts[position])
        for position, key in enumerate(settings.COUPLET_ENCRYPTION_KEYS)
    ]
    return shown, lost


def fingerprint_of(key: str) -> str:
    """Tells keys apart without telling them."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def rotate(*, user: User | None) -> int:
    """Encrypts everything that an older key protects with the newest one; returns how many secrets that were."""
    require_key()
    newest, *older = (Fernet(key) for key in settings.COUPLET_ENCRYPTION_KEYS)
    changed = 0
    with transaction.atomic(), database.cursor() as cursor:
        for field, pk, token in list(_stored()):
            opener = next((key for key in older if _opens(key, token)), None)
            if opener is None:
                continue
            table, column = field.model._meta.db_table, field.column
            fresh = newest.encrypt(opener.decrypt(token.encode())).decode("ascii")
            cursor.execute(
                f'UPDATE "{table}" SET "{column}" = %s WHERE id = %s AND "{column}" = %s',  # noqa: S608 - own names
                [fresh, pk, token],
            )
            changed += cursor.rowcount
        AuditEntry.objects.create(
            user=user,
            action="rotate encryption key",
            target="hub",
            after={"secrets": changed, "key": fingerprint_of(settings.COUPLET_ENCRYPTION_KEYS[0])},
        )
    return changed


def _stored() -> Iterator[tuple[models.Field, int, str]]:
    """Every encrypted value as it stands in the database."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if not isinstance(field, EncryptedTextField):
                continue
            with database.cursor() as cursor:
                cursor.execute(f'SELECT id, "{field.column}" FROM "{model._meta.db_table}"')  # noqa: S608 - own names
                for pk, token in cursor.fetchall():
                    if token:
                        yield field, pk, token


def _opens(key: Fernet, token: str) -> bool:
    try:
        key.decrypt(token.encode())
    except InvalidToken:
        return False
    return True
