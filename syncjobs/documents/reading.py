"""Reads orders for the pages and checks what is ready, without writing anything in either system."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from connector.choices import System
from connector.models import Connection
from connector.odata import chunks
from connector.sales import SalesClient
from syncjobs.documents.choices import IN_BUSINESS_CENTRAL, TransferState
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.orders import facts_of
from syncjobs.documents.preflight import prepare
from syncjobs.documents.records import ALL_SUBMITTED, ORDERS, Shape, read_keys, read_where
from syncjobs.engine.context import JobRun

_CHUNK = 250


def read_documents(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """Reads submitted and known orders, or the named ones, and notes what is missing for those that wait."""
    client = run.client(System.SALES)
    assert isinstance(client, SalesClient)  # noqa: S101 - narrows the type
    documents = (
        read_keys(client, run.connection, ORDERS, keys)
        if keys
        else refresh(client, run.connection, ORDERS, ALL_SUBMITTED)
    )
    waiting = [each for each in documents if each.transfer_state in (TransferState.WAITING, TransferState.PROBLEMS)]
    for chunk in chunks(waiting, _CHUNK):
        facts = facts_of(run, chunk)
        for document in chunk:
            prepared = prepare(document, facts)
            SalesDocument.objects.filter(
                pk=document.pk, transfer_state__in=[TransferState.WAITING, TransferState.PROBLEMS]
            ).update(
                transfer_state=TransferState.PROBLEMS if prepared.problems else TransferState.WAITING,
                problems=[problem.to_json() for problem in prepared.problems],
                warnings=prepared.warnings,
                omissions=prepared.omissions,
                plan=prepared.plan(),
            )


def refresh(client: SalesClient, connection: Connection, shape: Shape, condition: str) -> list[SalesDocument]:
    """The documents that the filter admits, and those the hub knows and still cares about. Raises RemoteError."""
    started = timezone.now()
    documents = read_where(client, connection, shape, condition)
    open_states = Q(transfer_state__in=[*IN_BUSINESS_CENTRAL, TransferState.UNCERTAIN, TransferState.CREATING])
    others = SalesDocument.objects.filter(
        open_states | ~Q(transfer_state__in=[TransferState.CLOSED, TransferState.NONE]),
        connection=connection, kind=shape.kind, sales_gone=False,
    ).exclude(read_at__gte=started)  # fmt: skip
    keys = list(others.values_list("sales_key", flat=True))
    return documents + (read_keys(client, connection, shape, keys) if keys else [])
