"""Who changed what in a connection, its mappings, couplings and schedules.

Values of secrets never get here: they are named as set, nothing more.
"""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from connector.models import AuditEntry, Connection


def record_change(
    *,
    connection: Connection,
    user: User | None,
    action: str,
    target: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Writes an entry with the values before and after; a change by a command or schedule has no user.

    `target` names what changed, where it is not the connection itself.
    """
    AuditEntry.objects.create(
        connection=connection,
        user=user if user is not None and user.pk else None,
        action=action,
        target=target or connection.slug,
        before=_plain(before or {}),
        after=_plain(after or {}),
    )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, UUID | Decimal | date) else value for name, value in values.items()}
