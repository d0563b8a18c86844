"""A text field encrypted at rest.

Small enough to own: Fernet from `cryptography` with a list of keys (the first encrypts, all decrypt), so a key can be
rotated without downtime. Values never appear in `repr`, forms or the admin unless code asks for the attribute.
"""

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


def fernet() -> MultiFernet:
    """Encrypts with the newest key of the settings, decrypts with any. Raises ImproperlyConfigured without keys."""
    keys = settings.COUPLET_ENCRYPTION_KEYS
    if not keys:
        raise ImproperlyConfigured(
            "Secrets cannot be stored: set COUPLET_ENCRYPTION_KEYS to one or more Fernet keys, the newest first."
        )
    return MultiFernet([Fernet(key) for key in keys])


class EncryptedTextField(models.TextField):
    """Stores Fernet tokens; reads and writes plain text. Cannot be filtered on (each encryption differs)."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        if value in (None, ""):
            return value
        return fernet().encrypt(value.encode()).decode("ascii")

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        if not value:
            return value
        try:
            return fernet().decrypt(value.encode("ascii")).decode()
        except InvalidToken as error:
            raise ImproperlyConfigured(
                "A stored secret was encrypted with a key that is no longer in COUPLET_ENCRYPTION_KEYS; "
                "add the old key to the end of the list."
            ) from error
