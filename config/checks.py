"""System checks of the installation: what would make the hub unsafe or unable to work is said before it starts."""

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

SHORTEST_SECRET_KEY = 32


@register(Tags.security)
def check_secret_key(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if len(settings.SECRET_KEY) >= SHORTEST_SECRET_KEY:
        return []
    return [
        Error(
            f"COUPLET_SECRET_KEY is shorter than {SHORTEST_SECRET_KEY} characters.",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(50))'",
            id="config.E001",
        )
    ]


@register(Tags.security)
def check_encryption_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for position, key in enumerate(settings.COUPLET_ENCRYPTION_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            messages.append(
                Error(
                    f"Key {position} of COUPLET_ENCRYPTION_KEYS is not a Fernet key.",
                    hint="A key is 32 bytes in URL-safe base64, as Fernet.generate_key() of the package cryptography "
                    "makes it; several are separated by commas, the newest first.",
                    id="config.E002",
                )
            )
    return messages


@register(Tags.security)
def check_secrets_are_shared(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A database of one's own outlives this data directory and may be shared with machines that have another one."""
    if settings.EMBEDDED_POSTGRES or not settings.SECRETS_IN_DATA_DIR:
        return []
    return [
        CheckWarning(
            f"DATABASE_URL is set, but secrets are generated ones that only this machine has: {settings.DATA_DIR}.",
            hint="Set COUPLET_SECRET_KEY and COUPLET_ENCRYPTION_KEYS, the same on every machine.",
            id="config.W002",
        )
    ]


@register(Tags.security)
def check_base_url(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Sign-ins and webhooks cross the network as soon as the hub is reached from another machine."""
    base = urlsplit(settings.BASE_URL)
    if base.scheme == "https" or _is_loopback(str(base.hostname)):
        return []
    return [
        CheckWarning(
            f"{settings.BASE_URL} is reached without encryption, passwords and tokens included.",
            hint="Put a proxy that ends TLS in front and set COUPLET_BASE_URL to its https address.",
            id="config.W001",
        )
    ]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
