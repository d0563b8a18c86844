"""Which notices are open: new causes open one, causes that are gone close theirs, the others stay as they are."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from connector.choices import Severity
from connector.models import Connection, Notice


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that is so now. `name` stays the same as long as it is the same thing; `lasting` false: news, not a
    state, which stays open until it has been told."""

    name: str
    severity: Severity
    title: str
    text: str = ""
    path: str = ""
    lasting: bool = True


def keep(connection: Connection, causes: Iterable[Cause]) -> None:
    """Brings the open notices in line with `causes`."""
    now = timezone.now()
    current = {cause.name: cause for cause in causes}
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=connection.pk)
        open_ones = {notice.cause: notice for notice in Notice.objects.filter(connection=connection, resolved_at=None)}
        gone = [notice.pk for name, notice in open_ones.items() if name not in current]
        Notice.objects.filter(pk__in=gone).update(resolved_at=now)
        told = set(
            Notice.objects.filter(connection=connection, cause__in=current, resolved_at__isnull=False).values_list(
                "cause", flat=True
            )
        )
        Notice.objects.bulk_create(
            Notice(
                connection=connection,
                cause=cause.name,
                severity=cause.severity,
                title=cause.title[:300],
                text=cause.text,
                path=cause.path[:300],
            )
            for name, cause in current.items()
            if name not in open_ones and (cause.lasting or name not in told)
        )
