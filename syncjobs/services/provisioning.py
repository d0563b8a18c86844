"""What happens to jobs and schedules when a connection is enabled, disabled, changed or reset."""

from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connector.models import Connection
from connector.provisioning import Subscriber, subscribe
from coupling.models import Coupling, OptionMapping
from syncjobs.choices import LIVE_JOB_STATES, ScheduleState
from syncjobs.models import FullSynch, Operation, QuoteVersion, SalesDocument, SynchJob
from syncjobs.services import forgetting, schedules
from syncjobs.services.jobs import cancel_job


def subscribe_to_connections() -> None:
    """After coupling, whose mappings the schedules belong to."""
    subscribe(
        Subscriber(
            name="syncjobs",
            order=20,
            enabled=_enabled,
            changed=_changed,
            disabled=_disabled,
            reset=_reset,
            copied=_copied,
            couplings=_couplings,
            active_jobs=schedules.active_of,
        )
    )


def _couplings(connection: Connection) -> int:
    options = OptionMapping.objects.filter(mapping__connection=connection).count()
    return Coupling.objects.filter(connection=connection).count() + options


def _enabled(connection: Connection, user: User | None) -> None:
    schedules.ensure_schedules(connection=connection)
    if connection.forget_changes:
        transaction.on_commit(partial(forgetting.ask_for, connection.pk))
    else:
        schedules.resume(connection=connection)


def _changed(connection: Connection, changed: dict[str, object], user: User | None) -> None:
    if connection.enabled:
        schedules.ensure_schedules(connection=connection)


def _disabled(connection: Connection) -> None:
    """Runs stop after the requests under way; what they had left waits until the connection is enabled again."""
    for job in SynchJob.objects.filter(connection=connection, state__in=LIVE_JOB_STATES):
        cancel_job(job=job)


def _copied(source: Connection, target: Connection) -> None:
    """Schedules as they are set; the runs start anew once the connection is enabled."""
    mappings = {mapping.name: mapping for mapping in target.mappings.all()}
    now = timezone.now()
    for schedule in source.schedules.all():
        schedule.pk, schedule.connection, schedule.mapping = None, target, mappings.get(schedule.name)
        schedule.state, schedule.attempts, schedule.message = ScheduleState.ON_HOLD, 0, ""
        schedule.last_run, schedule.next_run, schedule.job = None, now, None
        schedule.save()


def _reset(connection: Connection, user: User | None) -> None:
    SalesDocument.objects.filter(connection=connection).delete()
    QuoteVersion.objects.filter(connection=connection).delete()
    Operation.objects.filter(connection=connection).delete()
    SynchJob.objects.filter(connection=connection).delete()
    FullSynch.objects.filter(connection=connection).delete()
    connection.schedules.all().delete()
