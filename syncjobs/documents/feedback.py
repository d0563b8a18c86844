"""Back to Sales: header fields, fulfilment and invoicing of orders that Business Central carried on with.

A submitted order refuses changes, so it is reopened, changed and submitted again in one change set. An order that a
salesperson has reopened is left alone: it is being corrected.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connector.choices import SalesOrderIntegration, System
from connector.http.batch import Part
from connector.odata import chunks
from connector.sales import SalesClient
from coupling.models import OptionMapping
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.amounts import amount, header_discount
from syncjobs.documents.choices import IN_BUSINESS_CENTRAL, DocumentKind, EventKind, OrderState, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.following import RELEASED, Seen, look_at_orders, note_events
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.posts import send_posts
from syncjobs.documents.records import ORDERS, read_keys
from syncjobs.documents.write_back import SUBMITTED, TABLE, toggled
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

SALES = System.SALES
INVOICED = {"statecode": int(OrderState.INVOICED), "statuscode": 100003}
PENDING = {"statecode": int(OrderState.ACTIVE), "statuscode": 2}
FULFILLED = 100001
_CHUNK = 200
_TEXTS = {
    "shipToName": "shipto_name", "shipToAddressLine1": "shipto_line1", "shipToAddressLine2": "shipto_line2",
    "shipToCity": "shipto_city", "shipToPostCode": "shipto_postalcode", "shipToState": "shipto_stateorprovince",
    "shipToCountry": "shipto_country", "billToName": "billto_name", "billToAddressLine1": "billto_line1",
    "billToAddressLine2": "billto_line2", "billToCity": "billto_city", "billToPostCode": "billto_postalcode",
    "billToState": "billto_stateorprovince", "billToCountry": "billto_country",
}  # fmt: skip

_WORDS = {
    "shipto_": "the ship-to address", "billto_": "the bill-to address", "datefulfilled": "the last shipment date",
    "requestdeliveryby": "the requested delivery date", "paymenttermscode": "the payment terms",
    "discountamount": "the discount",
}  # fmt: skip


def follow_orders(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """Looks at transferred orders, or the named ones, and tells Sales what changed. Raises RemoteError."""
    _follow(run, keys, tell=True)
    send_posts(run)


def finish_orders(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """The states alone, of orders that are kept in step both ways: shipped, invoiced, gone. Raises RemoteError."""
    _follow(run, keys, tell=False)


def _follow(run: JobRun, keys: Sequence[UUID], *, tell: bool) -> None:
    sales = run.client(SALES)
    assert isinstance(sales, SalesClient)  # noqa: S101 - narrows the type
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
        if tell:
            _write_headers(run, sales, [each for each in seen if each.order is not None])
        for each in seen:
            _follow_state(run, sales, each)
        SynchJob.objects.filter(pk=run.job.pk).update(done=F("done") + len(chunk))
    _let_go(run, coupled.filter(sales_gone=True).select_related("coupling", "connection"))


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


# -- Header fields


def _write_headers(run: JobRun, sales: SalesClient, seen: Sequence[Seen]) -> None:
    """Fields that differ, of orders that are released in Business Central and submitted in Sales."""
    enabled = set(
        run.connection.mappings.get(name=ORDERS.mapping)
        .fields.filter(enabled=True)
        .values_list("sales_attribute", flat=True)
    )
    terms = dict(
        OptionMapping.objects.filter(mapping__connection=run.connection, mapping__name="PAYMENT TERMS").values_list(
            "bc_key", "option_value"
        )
    )
    changes = []
    for each in seen:
        document = each.document
        if each.status != RELEASED or document.sales_state != OrderState.SUBMITTED:
            continue
        body = {name: value for name, value in _differences(each, terms).items() if name in enabled}
        if body:
            before = {name: document.values.get(name) for name in body}
            changes.append(Change(document, SALES, TABLE, OperationKind.UPDATE, body, before=before))
    for chunk in chunks(changes, 50):
        for change, error in toggled(run, sales, chunk, final=SUBMITTED):
            if error is not None:
                run.progress.log(f"{change.document}: {error}", LogLevel.WARNING)
                SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
                continue
            change.document.values = {**change.document.values, **change.body}
            change.document.save(update_fields=["values"])
            SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
            names = ", ".join(sorted({_word(name) for name in change.body}))
            note(
                change.document,
                EventKind.UPDATED,
                f"Sales got {names} from Business Central.",
                job=run.job,
                details=change.body,
            )


def _word(column: str) -> str:
    for begin, word in _WORDS.items():
        if column.startswith(begin):
            return word
    return column


def _differences(seen: Seen, terms: dict[UUID, int]) -> dict[str, Any]:
    order, values = seen.order or {}, seen.document.values
    body: dict[str, Any] = {}
    for theirs, ours in _TEXTS.items():
        if str(order.get(theirs) or "") != str(values.get(ours) or ""):
            body[ours] = order.get(theirs) or None
    for day, ours in (
        (seen.last_shipment, "datefulfilled"),
        (str(order.get("requestedDeliveryDate") or ""), "requestdeliveryby"),
    ):
        if day and not day.startswith("0001") and day != str(values.get(ours) or "")[:10]:
            body[ours] = day
    key = str(order.get("paymentTermsId") or "")
    option = terms.get(UUID(key)) if key else None
    if option is not None and option != values.get("paymenttermscode"):
        body["paymenttermscode"] = option
    discount = amount(order.get("discountAmount"))
    if not amount(values.get("discountpercentage")) and discount != (header_discount(values) or 0):
        body["discountamount"] = discount
    return body


# -- State


def _follow_state(run: JobRun, sales: SalesClient, seen: Seen) -> None:
    document = seen.document
    if document.sales_state == OrderState.CANCELED:
        if seen.order is not None:
            _attend(document, "order.cancelled", "The order was cancelled in Sales, but is still in Business Central.")
        return
    if document.sales_state == OrderState.INVOICED:
        if seen.order is None:
            _close(run, document)
        return
    if document.sales_state == OrderState.ACTIVE:
        _attend(
            document,
            "order.reopened",
            "The order was reopened in Sales: it is being corrected, and nothing is written to it.",
        )
        return
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
        _give_back(run, sales, document)
    else:
        _attend(document, "order.deleted", f"Order {document.bc_number} was deleted in Business Central.")


def _set_invoiced(run: JobRun, sales: SalesClient, seen: Seen) -> None:
    document = seen.document
    body: dict[str, Any] = dict(INVOICED)
    change = Change(document, SALES, TABLE, OperationKind.UPDATE, body, before=_state(document), key=document.sales_key)
    for _, result in journal.write(run, [change]):
        if result.error is not None:
            run.progress.log(f"{document}: {result.error}", LogLevel.WARNING)
            SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
            return
        document.sales_state, document.sales_status = INVOICED["statecode"], INVOICED["statuscode"]
        document.save(update_fields=["sales_state", "sales_status"])
        SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
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
    close = {
        "@odata.type": "#Microsoft.Dynamics.CRM.orderclose",
        "subject": f"Shipped: {document.bc_number}",
        "salesorderid@odata.bind": f"/salesorders({document.sales_key})",
    }
    context = HookContext(Step.FULFIL, document, body={"OrderClose": close, "Status": FULFILLED}, log=run.progress.log)
    if (problem := run_before(context)) is not None:
        _attend(document, problem.code, problem.message)
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


def _attend(document: SalesDocument, code: str, message: str) -> None:
    """Notes once what a person has to look at."""
    if any(each["code"] == code for each in document.attention):
        return
    document.attention = [*document.attention, {"code": code, "message": message}]
    document.save(update_fields=["attention"])
    note(document, EventKind.WARNING, message)


def _state(document: SalesDocument) -> dict[str, int]:
    return {"statecode": document.sales_state, "statuscode": document.sales_status}
