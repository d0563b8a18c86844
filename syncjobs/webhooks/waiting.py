"""Announced changes that wait for a worker, in Redis: noted by the receiver, taken by one task at a time.

A burst of announcements becomes one task: the first one calls it, the others only add to what it will find. Should
Redis lose them, nothing is lost: both systems remember their changes, and the hub asks for them anyway.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

import django_rq
from django.core.cache import cache

from connector.choices import System
from connector.models import Connection
from connector.shared import redis_client
from connector.webhooks.announcements import Announcement
from coupling.models import TableMapping

_CALLED_SECONDS = 120
_KEEP_SECONDS = 24 * 3600


@dataclass(slots=True)
class Waiting:
    """What is announced of one table. `whole`: too much to name each record; `deletions`: some may be gone."""

    keys: set[UUID] = field(default_factory=set)
    whole: bool = False
    deletions: bool = False


def note(connection: Connection, announcements: Iterable[Announcement]) -> None:
    """Keeps the announcements and calls a worker, unless one is called already."""
    members = [
        json.dumps([each.system, table, str(each.key) if each.key else "", each.deletions])
        for each in announcements
        for table in _tables(connection, each)
    ]
    if not members:
        return
    client = redis_client()
    client.sadd(_name(connection.pk), *members)
    client.expire(_name(connection.pk), _KEEP_SECONDS)
    if cache.add(_called(connection.pk), "1", timeout=_CALLED_SECONDS):
        django_rq.get_queue("high").enqueue(
            "syncjobs.webhooks.tasks.take_announcements", connection.pk, result_ttl=0, failure_ttl=3600
        )


def take(connection_id: int) -> Iterator[dict[tuple[System, str], Waiting]]:
    """What waits, by table, again and again until nothing does."""
    while True:
        client = redis_client()
        # From here on a further announcement calls the next worker; it cannot fall between the two.
        cache.delete(_called(connection_id))
        members = cast(list[bytes], client.spop(_name(connection_id), 10_000))
        if not members:
            return
        found: dict[tuple[System, str], Waiting] = {}
        for member in members:
            system, table, key, deletions = json.loads(member)
            waiting = found.setdefault((System(system), table), Waiting())
            waiting.whole = waiting.whole or not key
            waiting.deletions = waiting.deletions or deletions
            if key:
                waiting.keys.add(UUID(key))
        yield found


def _tables(connection: Connection, announcement: Announcement) -> list[str]:
    """Entity sets; Sales announces the logical name."""
    if announcement.system == System.BUSINESS_CENTRAL:
        return [announcement.table]
    mapped = TableMapping.objects.filter(connection=connection, sales_entity=announcement.table)
    names = list(mapped.order_by().values_list("sales_table", flat=True).distinct())
    if not names and announcement.table in _DOCUMENTS:
        return [_DOCUMENTS[announcement.table]]
    return names


_DOCUMENTS = {"salesorder": "salesorders", "quote": "quotes"}
"""Tables that processes follow, without a mapping of their own."""


def _name(connection_id: int) -> str:
    return f"couplet:announced:{connection_id}"


def _called(connection_id: int) -> str:
    return f"announcements:{connection_id}"
