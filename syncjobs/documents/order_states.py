"""What became of an order in Business Central decides its state in Sales: fulfilled, invoiced, given back.

An order that a salesperson has reopened is left alone: it is being corrected.
"""

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connector.choices import SalesOrderIntegration, System
from connector.http.batch import Part
from connector.sales import SalesClient
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.agreeing import is_both_ways
from syncjobs.documents.archives import write_last_state
from syncjobs.documents.attention import attend, settle_attention
from syncjobs.documents.choices import EventKind, OrderState, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.following import Seen
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.write_back import SUBMITTED, TABLE, toggled
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

SALES = System.SALES
INVOICED = {"statecode": int(OrderState.INVOICED), "statuscode": 100003}
PENDING = {"statecode": int(OrderState.ACTIVE), "statuscode": 2}
CANCELLED = 4
FULFILLED = 100001
_REOPENED = "order.reopened"


def follow_state(run: JobRun, sales: SalesClient, seen: Seen) -> None:
    document = seen.document
    if document.sales_state == OrderState.CANCELED:
        if seen.order is not None:
            attend(document, "order.cancelled", "The order was cancelled in Sales, but is still in Business Central.")
        return
    if document.sales_state == OrderState.INVOICED:
        if seen.order is None:
            _close(run, document)
        return
    if document.sales_state == OrderState.ACTIVE:
        text = "The order was reopened in Sales: it is being corrected, and nothing is written to it."
        attend(document, _REOPENED, text)
        return
    settle_attention(document, _REOPENED)
    if seen.order is None:
        _gone(run, sales, seen)
    elif seen.fully_invoiced:
        _set_invoiced(run, sales, seen)
    elif seen.fully_shipped and run.connection.fulfil_shipped_orders and document.sales_state == OrderState.SUBMITTED:
        _fulfil(run, sales, seen)


def _gone(run: JobRun, sales: SalesClient, seen: Seen) -> None:
    """Posted, or deleted: an order without any invoice or shipment was deleted, once it was missing twice."""
    document = seen.document
    if seen.invoices or seen.shipments or seen.fully_shipped:
        if not is_both_ways(run) or write_last_state(run, sales, seen):
            _set_invoiced(run, sales, seen)
        return
    if not document.marks.get("missed"):
        document.marks = {**document.marks, "missed": timezone.now().isoformat()}
        document.save(update_fields=["marks"])
        run.progress.log(
            f"{document}: order {document.bc_number} is missing in Business Central; it is looked for once more."
        )
        return
    if run.connection.sales_order_integration == SalesOrderIntegration.LEGACY:
        context = HookContext(Step.GIVE_BACK, document, log=run.progress.log)
        if (problem := run_before(context)) is not None:
            attend(document, problem.code, problem.message)
            return
        if run.connection.cancel_deleted_orders:
            _cancel(run, document)
        else:
            _give_back(run, sales, document)
        run_after(context)
    else:
        attend(document, "order.deleted", f"Order {document.bc_number} was deleted in Business Central.")


def _set_invoiced(run: JobRun, sales: SalesClient, seen: Seen) -> None:
    document = seen.document
    context = HookContext(Step.INVOICE, document, body=dict(INVOICED), log=run.progress.log)
    if (problem := run_before(context)) is not None:
        attend(document, problem.code, problem.message)
        return
    body: dict[str, Any] = context.body
    change = Change(document, SALES, TABLE, OperationKind.UPDATE, body, before=_state(document), key=document.sales_key)
    for _, result in journal.write(run, [change]):
        if result.error is not None:
            run.progress.log(f"{document}: {result.error}", LogLevel.WARNING)
            SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
            return
        document.sales_state, document.sales_status = INVOICED["statecode"], INVOICED["statuscode"]
        document.save(update_fields=["sales_state", "sales_status"])
        SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
        run_after(context)
        if seen.order is None:
            _close(run, document)


def _close(run: JobRun, document: SalesDocument) -> None:
    document.transfer_state, document.attention = TransferState.CLOSED, []
    document.bc_lines = [
        {**line, "shippedQuantity": line.get("quantity"), "invoicedQuantity": line.get("quantity")}
        for line in document.bc_lines
    ]
    document.save(update_fields=["transfer_state", "attention", "bc_lines"])
    note(document, EventKind.INVOICED, f"Order {document.bc_number} is posted completely.", key="closed", job=run.job)


def _fulfil(run: JobRun, sales: SalesClient, seen: Seen) -> None:
    document = seen.document
    if is_both_ways(run) and not _ship_date(run, sales, seen):
        return
    close = {
        "@odata.type": "#Microsoft.Dynamics.CRM.orderclose",
        "subject": f"Shipped: {document.bc_number}",
        "salesorderid@odata.bind": f"/salesorders({document.sales_key})",
    }
    context = HookContext(Step.FULFIL, document, body={"OrderClose": close, "Status": FULFILLED}, log=run.progress.log)
    if (problem := run_before(context)) is not None:
        attend(document, problem.code, problem.message)
        return
    change = Change(document, SALES, TABLE, OperationKind.UPDATE, context.body, before=_state(document))
    part = Part("POST", f"{TABLE}/Microsoft.Dynamics.CRM.FulfillSalesOrder", context.body)
    error = journal.call(run, change, part)
    if error is not None:
        run.progress.log(f"{document}: {error}", LogLevel.WARNING)
        SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
        return
    document.sales_state, document.sales_status = int(OrderState.FULFILLED), FULFILLED
    document.save(update_fields=["sales_state", "sales_status"])
    SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
    note(
        document,
        EventKind.FULFILLED,
        "The order was fulfilled in Sales: it is shipped completely.",
        key="fulfilled",
        job=run.job,
    )
    run_after(context)


def _ship_date(run: JobRun, sales: SalesClient, seen: Seen) -> bool:
    """The day of the last shipment goes first, because a fulfilled order takes no more changes."""
    document, day = seen.document, seen.last_shipment
    if not day or day == str(document.values.get("datefulfilled") or "")[:10]:
        return True
    change = Change(document, SALES, TABLE, OperationKind.UPDATE, {"datefulfilled": day})
    return all(error is None for _, error in toggled(run, sales, [change], final=SUBMITTED))


def _cancel(run: JobRun, document: SalesDocument) -> None:
    """The order was deleted in Business Central: it ends in Sales, too, where the connection wants that."""
    number = document.bc_number
    close = {
        "@odata.type": "#Microsoft.Dynamics.CRM.orderclose",
        "subject": f"Deleted in Business Central: {number}",
        "salesorderid@odata.bind": f"/salesorders({document.sales_key})",
    }
    body = {"OrderClose": close, "Status": CANCELLED}
    change = Change(document, SALES, TABLE, OperationKind.UPDATE, body, before=_state(document))
    if (error := journal.call(run, change, Part("POST", "CancelSalesOrder", body))) is not None:
        run.progress.log(f"{document}: {error}", LogLevel.WARNING)
        SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
        return
    text = f"Order {number} was deleted in Business Central; the Sales order is cancelled."
    with transaction.atomic():
        if document.coupling is not None:
            document.coupling.delete()
        SalesDocument.objects.filter(pk=document.pk).update(
            coupling=None, transfer_state=TransferState.CLOSED, attention=[], sales_state=int(OrderState.CANCELED),
            sales_status=CANCELLED,
        )  # fmt: skip
        SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1, uncoupled=F("uncoupled") + 1)
        note(document, EventKind.CANCELLED, text, key="cancelled_in_sales", job=run.job)
    run.progress.log(f"{document}: {text}", LogLevel.WARNING)


def _give_back(run: JobRun, sales: SalesClient, document: SalesDocument) -> None:
    """The order was deleted in Business Central: the salesperson gets it back and may submit it again."""
    number = document.bc_number
    change = Change(
        document,
        SALES,
        TABLE,
        OperationKind.UPDATE,
        {"lastbackofficesubmit": None},
        before={"lastbackofficesubmit": str(document.handed_over)},
    )
    for _, error in toggled(run, sales, [change], final=PENDING):
        if error is not None:
            run.progress.log(f"{document}: {error}", LogLevel.WARNING)
            SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
            return
        with transaction.atomic():
            if document.coupling is not None:
                document.coupling.delete()
            SalesDocument.objects.filter(pk=document.pk).update(
                coupling=None, bc_key=None, bc_number="", bc_values={}, bc_lines=[], steps={}, plan={},
                transfer_state=TransferState.NONE, handed_over=None, sales_state=PENDING["statecode"],
                sales_status=PENDING["statuscode"], marks={}, attention=[],
            )  # fmt: skip
            SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1, uncoupled=F("uncoupled") + 1)
            note(
                document,
                EventKind.DELETED,
                f"Order {number} was deleted in Business Central; the Sales order is active again.",
                job=run.job,
            )
        run.progress.log(
            f"{document}: order {number} was deleted in Business Central; the Sales order is active again.",
            LogLevel.WARNING,
        )


def _state(document: SalesDocument) -> dict[str, int]:
    return {"statecode": document.sales_state, "statuscode": document.sales_status}
