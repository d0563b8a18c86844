"""Where the hub can be reached from outside, if it can: both systems deliver announcements to public https only."""

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings

from connector.models import Connection

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def public_origin() -> str:
    """The https address that people and both systems use; empty where there is none."""
    parts = urlsplit(settings.BASE_URL)
    return settings.BASE_URL if parts.scheme == "https" and not _is_private(str(parts.hostname)) else ""


def origin_for(connection: Connection) -> str:
    """Where the systems of this connection reach the hub; a sandbox on this machine reaches it locally."""
    hosts = {str(urlsplit(url).hostname) for url in (connection.sales_url, connection.business_central_url)}
    return settings.BASE_URL if hosts <= _LOCAL else public_origin()


def explain_address(connection: Connection) -> str:
    """Says how changes will be noticed. Never fails: without announcements the hub asks."""
    origin = origin_for(connection)
    if origin:
        return f"Changes are announced to {origin} and are on the other side within seconds."
    return (
        "The hub has no public https address, so changes cannot be announced to it; it looks for them itself. "
        "COUPLET_BASE_URL names the address, docs/going-live.md says how."
    )


def _is_private(host: str) -> bool:
    if host in _LOCAL:
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
