"""Switching connections off for maintenance of the hub, and on again at its next start.

The flag is cleared before anything is tried: a connection that cannot be enabled must not be tried at every start.
"""

import logging

from connector.choices import ConnectionState
from connector.errors import HubError
from connector.models import Connection
from connector.services import audit, setup

log = logging.getLogger(__name__)

REASON = "Switched off for maintenance; it comes back by itself when the hub starts again."


def begin() -> list[Connection]:
    """Disables every enabled connection so that the next start brings it back."""
    found = list(Connection.objects.filter(enabled=True))
    for connection in found:
        setup.disable(connection=connection, user=None, reason=REASON)
        Connection.objects.filter(pk=connection.pk).update(restore_after_maintenance=True)
    return found


def restore() -> list[tuple[Connection, str]]:
    """Tries to enable what maintenance switched off; returns each with "" or why it stays off."""
    outcomes = []
    for connection in Connection.objects.filter(restore_after_maintenance=True):
        if not Connection.objects.filter(pk=connection.pk, restore_after_maintenance=True).update(
            restore_after_maintenance=False
        ):
            # Another scheduler was quicker.
            continue
        connection.restore_after_maintenance = False
        outcomes.append((connection, "" if connection.enabled else _enable(connection)))
    return outcomes


def _enable(connection: Connection) -> str:
    try:
        setup.enable(connection=connection, user=None)
    except HubError as error:
        problem = f"After maintenance it could not be enabled again. {error} {error.hint}".strip()
        Connection.objects.filter(pk=connection.pk).update(disabled_reason=problem, state=ConnectionState.BROKEN)
        audit.record_change(
            connection=connection, user=None, action="restore after maintenance", after={"problem": str(error)}
        )
        log.warning("Connection %s stays off after maintenance: %s", connection.slug, error)
        return problem
    log.info("Connection %s is enabled again after maintenance.", connection.slug)
    return ""
