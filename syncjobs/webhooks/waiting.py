"""Announced changes that wait for a worker, in Redis: noted by the receiver, taken by one task at a time.

A burst of announcements becomes one task: the first one calls it, the others only add to what it will find. Should
Redis lose them, nothing is lost: both systems remember their changes, and the hub asks for them anyway.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    if members:
        _keep(_name(connection.pk), members)
        _call(connection.pk)


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


def postpone(connection_id: int, system: System, table: str, *, deletions: bool) -> None:
    """The table as a whole is read later, when `resume` says so."""
    _keep(_later(connection_id), [json.dumps([system, table, "", deletions])])


def resume(connection_id: int, is_free: Callable[[System, str], bool]) -> None:
    """Calls a worker for the postponed tables that are free now."""
    client = redis_client()
    for member in cast(set[bytes], client.smembers(_later(connection_id))):
        system, table, *_ = json.loads(member)
        # Whoever removes it is the one that passes it on.
        if is_free(System(system), table) and client.srem(_later(connection_id), member):
            _keep(_name(connection_id), [member])
            _call(connection_id)


def _keep(name: str, members: Sequence[str | bytes]) -> None:
    client = redis_client()
    client.sadd(name, *members)
    client.expire(name, _KEEP_SECONDS)


def _call(connection_id: int) -> None:
    if cache.add(_called(connection_id), "1", timeout=_CALLED_SECONDS):
        django_rq.get_queue("high").enqueue(
            "syncjobs.webhooks.tasks.take_announcements", connection_id, result_ttl=0, failure_ttl=3600
        )


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


def _later(connection_id: int) -> str:
    return f"couplet:announced-later:{connection_id}"


def _called(connection_id: int) -> str:
    return f"announcements:{connection_id}"
