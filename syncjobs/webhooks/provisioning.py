"""Registrations follow the connection: made when it is enabled, removed when it is disabled."""

from functools import partial

from django.contrib.auth.models import User
from django.db import transaction

from connector.models import Connection
from connector.provisioning import Subscriber, subscribe
from connector.webhooks.wanted import wanted_from
from syncjobs.webhooks import tasks

_SWITCHES = frozenset(
    {
        "sales_order_integration",
        "automatically_process_quotes",
        "extended_pricing",
    }
)


def subscribe_to_connections() -> None:
    """After the mappings and schedules, which say what is of interest."""
    wanted_from(tasks.wanted)
    subscribe(Subscriber(name="webhooks", order=30, enabled=_enabled, changed=_changed, disabled=_disabled))


def _enabled(connection: Connection, user: User | None) -> None:
    transaction.on_commit(partial(tasks.call_registration, connection.pk))


def _changed(connection: Connection, changed: dict[str, object], user: User | None) -> None:
    if connection.enabled and _SWITCHES & changed.keys():
        transaction.on_commit(partial(tasks.call_registration, connection.pk))


def _disabled(connection: Connection) -> None:
    transaction.on_commit(partial(tasks.call_registration, connection.pk))
