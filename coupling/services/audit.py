"""Record of who changed what in mappings and couplings."""

from typing import Any

from django.contrib.auth.models import User

from connector.models import AuditEntry, Connection


def record_change(
    *,
    connection: Connection,
    user: User | None,
    action: str,
    target: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Writes an audit entry; `before` and `after` hold JSON-ready values of what changed. A user without an account
    (a command, a schedule) is None."""
    author = user if user is not None and user.pk else None
    return AuditEntry.objects.create(
        connection=connection, user=author, action=action, target=target, before=before or {}, after=after or {}
    )
