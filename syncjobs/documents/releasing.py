"""Reopening and releasing orders in Business Central, as people ask for it: the companion extension's actions.

The standard API has neither. What Sales changed in a released order goes across by itself once it is reopened.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import F

from connector.business_central import BusinessCentralClient
from connector.choices import SalesOrderIntegration, System
from connector.http.batch import Part
from connector.models import Connection
from coupling.models import Coupling
from syncjobs.choices import JobMode, JobTrigger, LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.choices import DocumentKind, EventKind, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.following import RELEASED
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.engine.context import JobRun
from syncjobs.engine.options import RunOptions
from syncjobs.models import SynchJob
from syncjobs.services.jobs import run_pairs

BC = System.BUSINESS_CENTRAL
EXTRAS = "salesOrderExtras"
WAITS = "order.released"
"""What a document says while a change of Sales waits for its order to be reopened."""


def offers_extras(connection: Connection) -> bool:
    """Whether the companion extension is there with what it knows of orders."""
    return EXTRAS in (connection.capabilities or {}).get("companion", ())


def may_reopen(document: SalesDocument) -> bool:
    return _may(document) and any(each["code"] == WAITS for each in document.attention)


def may_release(document: SalesDocument) -> bool:
    return _may(document) and document.marks.get("bc_status", "Open") != RELEASED


def _may(document: SalesDocument) -> bool:
    return (
        document.kind == DocumentKind.ORDER
        and document.transfer_state == TransferState.TRANSFERRED
        and document.connection.sales_order_integration == SalesOrderIntegration.BIDIRECTIONAL
        and offers_extras(document.connection)
    )


def reopen_orders(run: JobRun, keys: Sequence[UUID]) -> None:
    """Reopens the named orders and has their pairs synchronised next, so that the waiting change follows at once."""
    _act(run, keys, "reopen", "reopened")


def release_orders(run: JobRun, keys: Sequence[UUID]) -> None:
    """Releases the named orders and has their pairs synchronised next: a released order goes to Sales."""
    _act(run, keys, "release", "released")


def _act(run: JobRun, keys: Sequence[UUID], action: str, word: str) -> None:
    client = run.client(BC)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    documents = SalesDocument.objects.filter(
        connection=run.connection, sales_key__in=keys, coupling__mapping=run.mapping, bc_key__isnull=False
    )
    who = run.job.user.username if run.job.user else "a program"
    done: list[Coupling] = []
    for document in documents.select_related("connection", "coupling"):
        if not _may(document):
            run.progress.log(f"{document} cannot be {word} from here.", LogLevel.WARNING)
            continue
        order = f"{client.addresses.table(EXTRAS)}({document.bc_key})"
        part = Part("POST", f"{order}/Microsoft.NAV.{action}", None, {"If-Match": "*"})
        change = Change(document, BC, EXTRAS, OperationKind.UPDATE, {action: True}, key=document.bc_key)
        if (error := journal.call(run, change, part)) is not None:
            SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
            message = f"{document.bc_number} could not be {word}: {error}"
            note(document, EventKind.WARNING, message, job=run.job)
            run.progress.log(f"{document}: {message}", LogLevel.ERROR)
            continue
        note(document, EventKind.STEP, f"{who} had {document.bc_number} {word} in Business Central.", job=run.job)
        SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
        if document.coupling is not None:
            done.append(document.coupling)
    if done:
        run_pairs(
            couplings=done, mode=JobMode.SELECTED, options=RunOptions(), user=run.job.user,
            trigger=JobTrigger(run.job.trigger),
        )  # fmt: skip
