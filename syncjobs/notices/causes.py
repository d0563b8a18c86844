"""What somebody has to know now: read from the database alone, a handful of queries per connection."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from connector.choices import ConnectionState, Severity
from connector.models import Connection, Credential, Notice, WebhookReceiver
from connector.notices.keeping import Cause, keep
from connector.notices.sending import send_due
from syncjobs.choices import JobMode, JobState, OperationState, ScheduleState
from syncjobs.models import FullSynch, Operation, Schedule

_EVERY_SECONDS = 60
_REMIND_DAYS = (3, 14, 30)
_ERRORS_AN_HOUR = 50
_NEWS = timedelta(hours=24)
_FORGET = timedelta(days=90)


def look(*, now: datetime) -> None:
    """Part of the scheduler's tick: once a minute, for every connection."""
    if not cache.add("couplet:notices", "1", timeout=_EVERY_SECONDS):
        return
    for connection in Connection.objects.all():
        keep(connection, list(causes_of(connection, now)))
    send_due(now=now)
    Notice.objects.filter(resolved_at__lt=now - _FORGET).delete()


def causes_of(connection: Connection, now: datetime) -> Iterator[Cause]:
    """Everything that is so now, or happened in the last day and was not told yet."""

    def page(name: str, query: str = "", **arguments: object) -> str:
        return reverse(name, kwargs={"connection": connection.slug, **arguments}) + query

    if connection.state == ConnectionState.BROKEN:
        yield Cause(
            "connection broken",
            Severity.ERROR,
            f"{connection} is switched off",
            connection.disabled_reason,
            page("connection-setup"),
        )
    for schedule in Schedule.objects.filter(connection=connection, state=ScheduleState.ERROR):
        yield Cause(
            f"schedule {schedule.name}",
            Severity.ERROR,
            f"{schedule.name} does not run any more: all its attempts failed",
            schedule.message,
            page("schedule-list"),
        )
    yield from _full_synchs(connection, now, page("full-synch-review"))
    failed = Operation.objects.filter(
        connection=connection, state=OperationState.FAILED, created_at__gte=now - timedelta(hours=1)
    )
    number = failed.exclude(job__mode=JobMode.PREVIEW).count()
    if number > _ERRORS_AN_HOUR:
        yield Cause(
            "many errors",
            Severity.WARNING,
            f"{number} records failed within an hour",
            "Many at once mostly have one cause.",
            page("error-list"),
        )
    yield from _credential(connection, page("setup-step", step="identity"))
    if connection.enabled:
        yield from _announcements(connection, now, page("status"))


def _full_synchs(connection: Connection, now: datetime, path: str) -> Iterator[Cause]:
    ended = FullSynch.objects.filter(connection=connection, preview=False, finished_at__gte=now - _NEWS)
    for run in ended:
        good = run.state == JobState.SUCCEEDED
        yield Cause(
            f"full synchronisation {run.pk}",
            Severity.INFO if good else Severity.WARNING,
            f"The full synchronisation has ended: {JobState(run.state).label.lower()}",
            run.message,
            path,
            lasting=False,
        )
    for run in FullSynch.objects.filter(connection=connection, preview=False, state=JobState.INTERRUPTED):
        yield Cause(
            f"full synchronisation {run.pk} interrupted", Severity.WARNING, "The full synchronisation is interrupted",
            "It goes on by itself once a worker is back.", path,
        )  # fmt: skip


def _credential(connection: Connection, path: str) -> Iterator[Cause]:
    credential = Credential.objects.filter(connection=connection, valid_until__isnull=False).first()
    if credential is None or credential.valid_until is None:
        return
    left = (credential.valid_until - timezone.localdate()).days
    due = next((days for days in _REMIND_DAYS if left <= days), None)
    if due is None:
        return
    kind = credential.get_kind_display().lower()
    yield Cause(
        f"credential {credential.valid_until} {due}",
        Severity.ERROR if left <= _REMIND_DAYS[0] else Severity.WARNING,
        f"The {kind} has ended" if left < 0 else f"The {kind} ends in {left} days",
        "Make a new one in Microsoft Entra and enter it before that day.",
        path,
    )


def _announcements(connection: Connection, now: datetime, path: str) -> Iterator[Cause]:
    receiver = WebhookReceiver.objects.filter(connection=connection).first()
    if receiver is None:
        return
    lapsed = receiver.subscriptions.filter(expires_at__lt=now).exists()
    if receiver.sales_message or receiver.business_central_message or lapsed:
        yield Cause(
            "announcements",
            Severity.WARNING,
            "Changes are not announced to the hub",
            receiver.sales_message or receiver.business_central_message or "A subscription was not renewed in time.",
            path,
        )
