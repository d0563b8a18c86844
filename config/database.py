"""From a `postgresql://` address to Django's DATABASES entry.

One address says where the database is, as hosting platforms hand it out; PostgreSQL is the only database the hub
runs on, so this is the one form understood.
"""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

CONNECTION_MAX_AGE_SECONDS = 600


def database_from_url(url: str) -> dict[str, Any]:
    """DATABASES["default"] for `postgresql://user:password@host:port/name?option=value`.

    `host=/directory` among the options names a Unix socket's directory, as libpq has it; the other options
    (`sslmode`, `sslrootcert`, `application_name`, …) go to libpq as they are.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://: Couplet runs on PostgreSQL only.")
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database: postgresql://user:password@host:5432/couplet.")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
        "CONN_MAX_AGE": CONNECTION_MAX_AGE_SECONDS,
        "CONN_HEALTH_CHECKS": True,
    }
