"""A cheap look at both systems for schedules that sleep: what changed becomes dirty pairs, and those wake them.

One or two requests per table. Nothing is planned or written here, so it also goes on where runs are started by hand.
"""

import logging

from django.utils import timezone

from connector.choices import System
from connector.clients import Meter
from connector.errors import RemoteError
from connector.models import Connection
from coupling.choices import MappingKind
from syncjobs.choices import LogLevel, ScheduleState
from syncjobs.engine.pull import client_of, pull_table
from syncjobs.models import Schedule
from syncjobs.services import schedules

logger = logging.getLogger(__name__)


class Quiet:
    """Reports of a look that belongs to no job."""

    def __init__(self) -> None:
        self.meter = Meter()

    def log(self, message: str, level: LogLevel = LogLevel.INFO) -> None:
        logger.info(message)

    def beat(self) -> None:
        """Nobody waits for a sign of life."""


def look_for_changes(*, connection_id: int) -> None:
    """Reads the changes of the tables whose schedules sleep. A system that cannot be reached is tried next time."""
    connection = Connection.objects.filter(pk=connection_id, enabled=True).first()
    if connection is None:
        return
    sleeping = Schedule.objects.filter(connection=connection, state=ScheduleState.IDLE, enabled=True)
    tables = {
        (system, mapping.table(system))
        for schedule in sleeping.filter(mapping__enabled=True, mapping__available=True).select_related("mapping")
        if (mapping := schedule.mapping) is not None
        for system in System
        if not (system == System.SALES and mapping.kind == MappingKind.OPTION)
    }
    progress = Quiet()
    clients = {system: client_of(connection, system, progress.meter) for system in {system for system, _ in tables}}
    for system, table in sorted(tables):
        try:
            pull_table(
                connection=connection,
                system=system,
                table=table,
                client=clients[system],
                progress=progress,
                wanted_since=timezone.now(),
            )
        except RemoteError as error:
            logger.warning("Looking for changes of %s: %s", table, error)
    schedules.wake()


def read_table(*, connection_id: int, system: System, table: str) -> None:
    """Reads the changes of one table that somebody looks at. What cannot be read shows in the next run."""
    connection = Connection.objects.filter(pk=connection_id, enabled=True).first()
    if connection is None:
        return
    progress = Quiet()
    try:
        pull_table(
            connection=connection,
            system=system,
            table=table,
            client=client_of(connection, system, progress.meter),
            progress=progress,
            wanted_since=timezone.now(),
        )
    except RemoteError as error:
        logger.warning("Reading %s: %s", table, error)
