"""Back to Sales: what Business Central did with orders since goes into their timeline, their header, their state."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import F

from connector.choices import System
from connector.odata import chunks
from connector.sales import SalesClient
from coupling.models import Coupling
from syncjobs.documents import journal
from syncjobs.documents.choices import IN_BUSINESS_CENTRAL, DocumentKind, EventKind, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.following import Seen, look_at_orders, note_events
from syncjobs.documents.headers import write_headers
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.order_states import follow_state
from syncjobs.documents.posts import send_posts
from syncjobs.documents.records import ORDERS, read_keys
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

SALES = System.SALES
_CHUNK = 200


def follow_orders(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """Looks at transferred orders, or the named ones, and tells Sales what changed. Raises RemoteError."""
    follow(run, keys, tell=True)
    send_posts(run)


def finish_orders(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """The states alone, of orders that are kept in step both ways: shipped, invoiced, gone. Raises RemoteError."""
    follow(run, keys, tell=False)


def follow(
    run: JobRun, keys: Sequence[UUID], *, tell: bool, carry: Callable[[Sequence[Seen]], None] | None = None
) -> None:
    """Looks at coupled orders; `carry` is called with some hundred at a time, before their states follow."""
    journal.end_abandoned(run)
    sales = run.client(SALES)
    assert isinstance(sales, SalesClient)  # noqa: S101 - narrows the type
    _read_unknown(run, sales)
    coupled = SalesDocument.objects.filter(
        connection=run.connection, kind=DocumentKind.ORDER, coupling__isnull=False,
        transfer_state__in=IN_BUSINESS_CENTRAL,
    )  # fmt: skip
    if keys:
        coupled = coupled.filter(sales_key__in=keys)
    known = coupled.filter(sales_gone=False)
    all_keys = list(known.values_list("sales_key", flat=True))
    SynchJob.objects.filter(pk=run.job.pk).update(total=len(all_keys))
    for chunk in chunks(all_keys, _CHUNK):
        if run.progress.should_stop():
            return
        read_keys(sales, run.connection, ORDERS, chunk)
        documents = list(known.filter(sales_key__in=chunk).select_related("coupling", "connection"))
        seen = look_at_orders(run, documents)
        for each in seen:
            note_events(run, each, tell=tell)
        if carry is not None:
            carry(seen)
        if tell:
            write_headers(run, sales, [each for each in seen if each.order is not None])
        for each in seen:
            follow_state(run, sales, each)
        SynchJob.objects.filter(pk=run.job.pk).update(done=F("done") + len(chunk))
    _let_go(run, coupled.filter(sales_gone=True).select_related("coupling", "connection"))


def _read_unknown(run: JobRun, sales: SalesClient) -> None:
    """Orders that a person, or a match, coupled without the documents' part knowing of them."""
    known = SalesDocument.objects.filter(connection=run.connection, kind=DocumentKind.ORDER).values("sales_key")
    unknown = Coupling.objects.filter(mapping__name=ORDERS.mapping, connection=run.connection)
    keys = list(unknown.exclude(sales_key__in=known).values_list("sales_key", flat=True))
    if keys:
        read_keys(sales, run.connection, ORDERS, keys)


def _let_go(run: JobRun, documents: Iterable[SalesDocument]) -> None:
    """Orders that were deleted in Sales: Business Central goes on with its own by itself."""
    for document in documents:
        text = f"The order was deleted in Sales; {document.bc_number} in Business Central is left as it is."
        with transaction.atomic():
            if document.coupling is not None:
                document.coupling.delete()
            SalesDocument.objects.filter(pk=document.pk).update(
                coupling=None, transfer_state=TransferState.CLOSED, attention=[]
            )
            SynchJob.objects.filter(pk=run.job.pk).update(uncoupled=F("uncoupled") + 1)
            note(document, EventKind.DELETED, text, key="deleted_in_sales", job=run.job)
        run.progress.log(f"{document}: {text}")
