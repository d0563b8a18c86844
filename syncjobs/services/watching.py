"""A cheap look at both systems between the runs of the schedules: what changed becomes dirty pairs.

One or two requests per table; tables whose changes are announced are left to the announcements most of the time.
Nothing is planned or written here, so it also goes on where runs are started by hand.
"""

import logging
from collections.abc import Collection
from datetime import datetime

from django.core.cache import cache
from django.utils import timezone

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.clients import Client, Meter
from connector.errors import RemoteError
from connector.models import Connection
from connector.sales import SalesClient
from coupling.choices import MappingKind
from syncjobs.choices import LogLevel, ScheduleState
from syncjobs.engine.pull import client_of, pull_table
from syncjobs.engine.readings import pull_together
from syncjobs.engine.unit_groups import UNIT_GROUPS
from syncjobs.models import Schedule
from syncjobs.services import schedules

logger = logging.getLogger(__name__)

_THOROUGH_SECONDS = 600


class Quiet:
    """Reports of a look that belongs to no job."""

    def __init__(self) -> None:
        self.meter = Meter()

    def log(self, message: str, level: LogLevel = LogLevel.INFO) -> None:
        logger.info(message)

    def beat(self) -> None:
        """Nobody waits for a sign of life."""


def read_quietly(
    *, connection: Connection, system: System, table: str, progress: Quiet, since: datetime, sweep: bool = False
) -> None:
    """Reads the changes of one table into the mirror, for no job; `sweep` looks for deleted records in any case.

    Raises RemoteError.
    """
    pull_table(
        connection=connection,
        system=system,
        table=table,
        client=client_of(connection, system, progress.meter),
        progress=progress,
        wanted_since=since,
        sweep=sweep,
    )


def look_for_changes(*, connection_id: int, announced: Collection[tuple[str, str]] = ()) -> None:
    """Reads the changes of the scheduled tables. A system that cannot be reached is tried next time.

    Tables in `announced` are looked at now and then only, so are those that can only be read completely.
    """
    connection = Connection.objects.filter(pk=connection_id, enabled=True).first()
    if connection is None:
        return
    waiting = [ScheduleState.IDLE, ScheduleState.READY]
    sleeping = Schedule.objects.filter(connection=connection, state__in=waiting, enabled=True)
    tables = {
        (system, mapping.table(system))
        for schedule in sleeping.filter(mapping__enabled=True, mapping__available=True).select_related("mapping")
        if (mapping := schedule.mapping) is not None
        for system in System
        if not (system == System.SALES and mapping.kind == MappingKind.OPTION)
    }
    progress = Quiet()
    clients = {system: client_of(connection, system, progress.meter) for system in {system for system, _ in tables}}
    thorough = cache.add(f"couplet:look:all:{connection_id}", "1", timeout=_THOROUGH_SECONDS)
    wanted, since = [], timezone.now()
    for system, table in sorted(tables):
        try:
            if thorough or ((system, table) not in announced and _is_cheap(clients[system], table)):
                wanted.append((system, table))
        except RemoteError as error:
            logger.warning("Looking for changes of %s: %s", table, error)
    try:
        pull_together(connection=connection, tables=dict.fromkeys(wanted, since), clients=clients, progress=progress)
    except RemoteError as error:
        # Whose fault it is shows below, where every table is asked for by itself.
        logger.warning("Looking for changes: %s", error)
    for system, table in wanted:
        try:
            pull_table(
                connection=connection,
                system=system,
                table=table,
                client=clients[system],
                progress=progress,
                wanted_since=since,
            )
        except RemoteError as error:
            logger.warning("Looking for changes of %s: %s", table, error)
    schedules.wake()


def _is_cheap(client: Client, table: str) -> bool:
    """Whether only the changes of a table can be read."""
    if isinstance(client, BusinessCentralClient):
        return table != UNIT_GROUPS and client.has_stamps(table)
    return isinstance(client, SalesClient) and client.table(table).change_tracking


def read_table(*, connection_id: int, system: System, table: str) -> None:
    """Reads the changes of one table that somebody looks at. What cannot be read shows in the next run."""
    connection = Connection.objects.filter(pk=connection_id, enabled=True).first()
    if connection is None:
        return
    try:
        read_quietly(connection=connection, system=system, table=table, progress=Quiet(), since=timezone.now())
    except RemoteError as error:
        logger.warning("Reading %s: %s", table, error)
