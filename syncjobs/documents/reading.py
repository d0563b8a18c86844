"""Reads orders for the pages and checks what is ready, without writing anything in either system."""

from collections.abc import Sequence

import django_rq
from django.core.cache import cache
from django.utils import timezone

from connector.business_central import BusinessCentralClient
from connector.clients import BACKGROUND, business_central_client, sales_client
from connector.http.session import Patience
from connector.models import Connection
from connector.odata import chunks
from connector.sales import SalesClient
from syncjobs.documents.choices import TransferState
from syncjobs.documents.facts import load_facts
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.preflight import prepare
from syncjobs.documents.records import ACTIVE_OR_WON, ALL_SUBMITTED, ORDERS, QUOTES, Shape, read_keys, read_where
from syncjobs.engine.fan_out import HIGH

_CHUNK = 250
_READING_SECONDS = 120
"""After so long without an end a reading counts as lost."""
_CHECKED = (TransferState.WAITING, TransferState.PROBLEMS, TransferState.FAILED)
_SETTLED = (TransferState.CLOSED, TransferState.NONE)


def read_all(connection: Connection, *, patience: Patience = BACKGROUND) -> int:
    """Reads orders and quotes, notes what is missing for those that wait; how many were read.

    Raises RemoteError. A page that shows them asks `is_reading` whether it has to look again.
    """
    try:
        sales = sales_client(connection, patience=patience)
        business_central = business_central_client(connection, patience=patience)
        orders = refresh(sales, connection, ORDERS, ALL_SUBMITTED)
        check_waiting(connection, sales, business_central, orders)
        quotes = refresh(sales, connection, QUOTES, ACTIVE_OR_WON)
        check_waiting(connection, sales, business_central, quotes)
    finally:
        cache.delete(_reading(connection))
    return len(orders) + len(quotes)


def ask_for_reading(connection: Connection, *, at_most_every: int = 0) -> bool:
    """Has a worker read the orders, unless one does or did within so many seconds; whether it was asked."""
    if not connection.enabled or (at_most_every and not cache.add(f"{_reading(connection)}:asked", 1, at_most_every)):
        return False
    if cache.add(_reading(connection), 1, _READING_SECONDS):
        django_rq.get_queue(HIGH).enqueue(
            "syncjobs.tasks.read_sales_documents", connection.pk, result_ttl=0, failure_ttl=3600
        )
    return True


def is_reading(connection: Connection) -> bool:
    return bool(cache.get(_reading(connection)))


def _reading(connection: Connection) -> str:
    return f"couplet:documents:reading:{connection.pk}"


def refresh(client: SalesClient, connection: Connection, shape: Shape, condition: str) -> list[SalesDocument]:
    """The documents that the filter admits, and those the hub knows and still cares about. Raises RemoteError."""
    started = timezone.now()
    documents = read_where(client, connection, shape, condition)
    others = (
        SalesDocument.objects.filter(connection=connection, kind=shape.kind, sales_gone=False)
        .exclude(transfer_state__in=_SETTLED)
        .exclude(read_at__gte=started)
    )
    keys = list(others.values_list("sales_key", flat=True))
    return documents + (read_keys(client, connection, shape, keys) if keys else [])


def check_waiting(
    connection: Connection,
    sales: SalesClient,
    business_central: BusinessCentralClient,
    documents: Sequence[SalesDocument],
) -> None:
    """Preflight of those that wait; what is missing goes to their rows. Raises RemoteError."""
    waiting = [each for each in documents if each.transfer_state in _CHECKED]
    for chunk in chunks(waiting, _CHUNK):
        facts = load_facts(connection=connection, sales=sales, business_central=business_central, documents=chunk)
        for document in chunk:
            prepared = prepare(document, facts)
            state = TransferState.PROBLEMS if prepared.problems else TransferState.WAITING
            if document.transfer_state == TransferState.FAILED and not prepared.problems:
                state = TransferState.FAILED
            SalesDocument.objects.filter(pk=document.pk, transfer_state__in=_CHECKED).update(
                transfer_state=state,
                problems=[problem.to_json() for problem in prepared.problems],
                warnings=prepared.warnings,
                omissions=prepared.omissions,
                plan=prepared.plan(),
            )
