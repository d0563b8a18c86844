"""What workers do about announced changes: read the records, then run the mappings whose pairs became dirty.

An announcement only says that something is to be read soon; the mirror, change tracking and the planner stay the only
judges of what changed. A worker that dies here loses nothing that the next look would not find.
"""

import logging
from datetime import timedelta
from functools import partial

import django_rq
from django.core.cache import cache
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from connector.choices import System
from connector.errors import HubError
from connector.models import Connection, WebhookReceiver
from connector.webhooks import registration
from connector.webhooks.registration import RENEW_EVERY
from coupling.models import DirtyPair, TableMapping
from syncjobs.choices import LIVE_JOB_STATES, JobMode, JobState, JobTrigger, ScheduleState
from syncjobs.documents import watching as documents
from syncjobs.engine.closing import EXCLUSIVE_MODES
from syncjobs.engine.pull import client_of, pull_table, refresh_records
from syncjobs.engine.tables import TableReading
from syncjobs.models import Schedule, SynchJob
from syncjobs.services import schedules
from syncjobs.services.watching import Quiet
from syncjobs.webhooks.waiting import Waiting, postpone, resume, take

logger = logging.getLogger(__name__)

_NAMED_RECORDS = 400
"""Records of one table that are read one by one; where more are announced, the table's changes are."""

_FOLLOW_SECONDS = 3600
_RENEWAL_PAUSE_SECONDS = 600

_DOCUMENTS = {"salesorders": "create-sales-orders", "quotes": "process-sales-quotes"}
"""Processes that follow a change of these tables of Sales."""


def take_announcements(connection_id: int) -> None:
    """Reads what was announced and starts the runs, until nothing is announced any more."""
    connection = Connection.objects.filter(pk=connection_id, enabled=True).first()
    if connection is None:
        return
    for waiting in take(connection_id):
        for (system, table), each in sorted(waiting.items()):
            try:
                _read(connection, system, table, each)
            except HubError as error:
                logger.warning("Reading announced changes of %s: %s", table, error)
        if any(system == System.SALES and table in _DOCUMENTS for system, table in waiting):
            documents.look(connection_id=connection.pk)
        start_runs(connection)


def start_runs(connection: Connection) -> list[SynchJob]:
    """Runs the schedules that react at once and have dirty pairs; one with a run under way follows at the next tick."""
    if not connection.automatic_jobs:
        return []
    dirty = DirtyPair.objects.filter(mapping_id=OuterRef("mapping_id"), job_id__isnull=True)
    waiting = Schedule.objects.filter(
        Exists(dirty),
        connection=connection,
        enabled=True,
        reacts_at_once=True,
        state__in=[ScheduleState.IDLE, ScheduleState.READY],
        mapping__enabled=True,
        mapping__available=True,
    )
    jobs = []
    for schedule in waiting.select_related("connection", "mapping").order_by("mapping__order", "name"):
        live = SynchJob.objects.filter(mapping=schedule.mapping, state__in=LIVE_JOB_STATES)
        if live.exclude(mode=JobMode.SELECTED).exists():
            cache.set(_follow(connection.pk), "1", timeout=_FOLLOW_SECONDS)
            continue
        try:
            jobs.append(schedules.run_now(schedule=schedule, user=None, trigger=JobTrigger.SCHEDULE))
        except HubError as error:
            logger.warning("The run of %s that an announcement asked for: %s", schedule.name, error)
    return jobs


def follow_up() -> None:
    """Part of the scheduler's tick: what had to wait for a run to end, registrations that are due."""
    for connection in Connection.objects.filter(enabled=True):
        resume(connection.pk, partial(_is_free, connection))
    for connection in Connection.objects.filter(enabled=True, automatic_jobs=True):
        if cache.get(_follow(connection.pk)):
            cache.delete(_follow(connection.pk))
            start_runs(connection)
    for connection_id in due_for_renewal():
        if cache.add(f"announcements:renewal:{connection_id}", "1", timeout=_RENEWAL_PAUSE_SECONDS):
            call_registration(connection_id)


def call_registration(connection_id: int) -> None:
    """Lets a worker bring the registrations in line with the connection."""
    django_rq.get_queue("default").enqueue(
        "syncjobs.webhooks.tasks.keep_registered", connection_id, result_ttl=0, failure_ttl=3600
    )


def keep_registered(connection_id: int) -> None:
    """Registers or renews the announcements of a connection, or takes them away where it is disabled."""
    connection = Connection.objects.filter(pk=connection_id).first()
    if connection is None:
        return
    if connection.enabled:
        registration.register(connection)
    else:
        registration.unregister(connection)


def due_for_renewal() -> list[int]:
    """Enabled connections whose registrations are to be looked at again."""
    since = timezone.now() - RENEW_EVERY
    receiver = WebhookReceiver.objects.filter(connection=OuterRef("pk"), checked_at__gt=since)
    return list(Connection.objects.filter(~Exists(receiver), enabled=True).values_list("pk", flat=True))


def is_announced(connection: Connection) -> set[tuple[str, str]]:
    """Tables whose changes both systems announce reliably: no need to ask for them every minute."""
    receiver = WebhookReceiver.objects.filter(connection=connection).first()
    if receiver is None:
        return set()
    good = timezone.now() + timedelta(minutes=5)
    rows = receiver.subscriptions.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=good))
    return set(rows.values_list("system", "table"))


def wanted(connection: Connection) -> set[tuple[System, str]]:
    """Tables of the mappings that are read from, and those that processes follow."""
    found: set[tuple[System, str]] = set()
    for mapping in TableMapping.objects.filter(connection=connection, enabled=True, available=True):
        if mapping.business_central_service == "api":
            found.add((System.BUSINESS_CENTRAL, mapping.business_central_table))
        if not mapping.option_attribute:
            found.add((System.SALES, mapping.sales_table))
    names = set(Schedule.objects.filter(connection=connection, mapping__isnull=True).values_list("name", flat=True))
    found |= {(System.SALES, table) for table, process in _DOCUMENTS.items() if process in names}
    return found


def _follow(connection_id: int) -> str:
    return f"announcements:follow:{connection_id}"


def _is_free(connection: Connection, system: System, table: str) -> bool:
    """Whether no run of a mapping of the table is under way."""
    running = SynchJob.objects.filter(connection=connection, state=JobState.RUNNING, mode__in=EXCLUSIVE_MODES)
    return not running.filter(**{f"mapping__{system}_table": table}).exists()


def _read(connection: Connection, system: System, table: str, waiting: Waiting) -> None:
    if not TableMapping.objects.filter(connection=connection, **{f"{system}_table": table}).exists():
        return
    many = waiting.whole or len(waiting.keys) > _NAMED_RECORDS
    if many and not _is_free(connection, system, table):
        # Mostly its own writes, and whatever else it is has to wait for its end anyway.
        postpone(connection.pk, system, table, deletions=waiting.deletions)
        return
    progress = Quiet()
    client = client_of(connection, system, progress.meter)
    if many:
        pull_table(
            connection=connection,
            system=system,
            table=table,
            client=client,
            progress=progress,
            wanted_since=timezone.now(),
            sweep=waiting.deletions,
        )
        return
    reading = TableReading(connection, system, table)
    refresh_records(reading=reading, keys=sorted(waiting.keys), client=client, progress=progress)
