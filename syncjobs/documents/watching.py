"""Notices documents that wait in Sales, so that a process need not wait for its next run.

One small request a minute. A document that waits because something is missing wakes nobody again until it changes or
something has been coupled since.
"""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from connector.clients import sales_client
from connector.errors import ErrorKind, HubError
from connector.models import Connection
from coupling.models import Coupling
from syncjobs.choices import ScheduleState
from syncjobs.documents.choices import DocumentKind, TransferState
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.processes import CREATE_ORDERS, PROCESS_QUOTES
from syncjobs.documents.records import ACTIVE_OR_WON, ORDERS, QUOTES, SUBMITTED, Shape
from syncjobs.models import Schedule

DOCUMENT_PROCESSES = (CREATE_ORDERS, PROCESS_QUOTES)
_WATCHED: dict[str, tuple[Shape, str]] = {
    CREATE_ORDERS: (ORDERS, SUBMITTED),
    PROCESS_QUOTES: (QUOTES, ACTIVE_OR_WON),
}
_WAITS = (TransferState.PROBLEMS, TransferState.FAILED)
_MOST = 1000


def look(*, connection_id: int) -> list[str]:
    """Makes the schedules due whose documents wait; their names. Trouble with Sales is the next run's to tell."""
    connection = Connection.objects.filter(pk=connection_id, enabled=True, automatic_jobs=True).first()
    if connection is None:
        return []
    due = []
    schedules = Schedule.objects.filter(
        connection=connection, name__in=DOCUMENT_PROCESSES, state=ScheduleState.READY, enabled=True
    )
    for schedule in schedules:
        try:
            waits = _is_waiting(connection, *_WATCHED[schedule.name])
        except HubError as error:
            if error.kind == ErrorKind.BUG:
                raise
            continue
        if waits:
            Schedule.objects.filter(pk=schedule.pk, state=ScheduleState.READY).update(next_run=timezone.now())
            due.append(schedule.name)
    return due


def _is_waiting(connection: Connection, shape: Shape, condition: str) -> bool:
    rows = sales_client(connection).query(shape.table, properties=["modifiedon"], filter=condition, top=_MOST)
    tokens = {row.key: row.token for row in rows}
    known = SalesDocument.objects.filter(connection=connection, kind=shape.kind, sales_key__in=list(tokens))
    coupled_at = (
        Coupling.objects.filter(connection=connection)
        .order_by("-created_at")
        .values_list("created_at", flat=True)
        .first()
    )
    asleep = {document.sales_key for document in known if _sleeps(document, tokens, coupled_at)}
    return bool(tokens.keys() - asleep)


def _sleeps(document: SalesDocument, tokens: dict[UUID, str], coupled_at: datetime | None) -> bool:
    """Whether looking at the document again would change nothing."""
    if document.coupling_id is not None:
        return document.kind == DocumentKind.ORDER or document.sales_token == tokens[document.sales_key]
    if document.transfer_state not in _WAITS or document.sales_token != tokens[document.sales_key]:
        return False
    since = document.attempted_at or document.read_at
    return coupled_at is None or since is None or coupled_at <= since
