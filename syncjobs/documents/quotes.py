"""The process of activated and won quotes: a Business Central quote per quote, rewritten with every revision.

A revision keeps the number of the quote in Business Central: the version before is kept first, then header and lines
are replaced in one transaction. A won quote leads to the order that was made of it in Sales.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import F

from connector.bulk import WriteStatus
from connector.choices import System
from connector.errors import HubError
from connector.odata import chunks
from connector.sales import SalesClient
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.choices import EventKind, OrderState, QuoteState, TransferState
from syncjobs.documents.completing import complete
from syncjobs.documents.events import note
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.looking import settle_abandoned
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.orders import check, create_sales_orders
from syncjobs.documents.preflight import Prepared
from syncjobs.documents.problems import Problem, in_sales, record_of
from syncjobs.documents.records import ACTIVE_OR_WON, ORDERS, QUOTES, read_keys, read_where
from syncjobs.documents.releasing import EXTRAS, offers_extras
from syncjobs.documents.revisions import former_version, revise
from syncjobs.documents.transfer import create, note_problems
from syncjobs.documents.versions import keep_version
from syncjobs.engine.blueprint import COMPANY_READ
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

SALES = System.SALES
_CHUNK = 250
_CLOSED_LOST = (5, 6)


def process_sales_quotes(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """Processes the named quotes, or all that are active or won. Raises RemoteError."""
    settle_abandoned(run, QUOTES)
    sales = run.client(SALES)
    assert isinstance(sales, SalesClient)  # noqa: S101 - narrows the type
    documents = (
        read_keys(sales, run.connection, QUOTES, keys)
        if keys
        else read_where(sales, run.connection, QUOTES, _filter(run))
    )
    SynchJob.objects.filter(pk=run.job.pk).update(total=len(documents), done=0)
    _note_closed(run, sales, [document.sales_key for document in documents])
    begun = [each for each in documents if each.transfer_state == TransferState.CREATED]
    complete(run, begun)
    for chunk in chunks([each for each in documents if each not in begun], _CHUNK):
        if run.progress.should_stop():
            return
        _make(run, [document for document in chunk if _is_new(run, document, bool(keys))])
        SynchJob.objects.filter(pk=run.job.pk).update(done=F("done") + len(chunk))
    settle_abandoned(run, QUOTES)
    won = SalesDocument.objects.filter(
        connection=run.connection, kind=QUOTES.kind, sales_state=QuoteState.WON, coupling__isnull=False,
        transfer_state=TransferState.TRANSFERRED, sales_key__in=[document.sales_key for document in documents],
    ).exclude(marks__has_key="won")  # fmt: skip
    for document in won.select_related("connection", "coupling"):
        if not run.progress.should_stop():
            _win(run, sales, document)


def _filter(run: JobRun) -> str:
    tables = (run.connection.capabilities or {}).get("company_tables", ())
    if QUOTES.table not in tables or run.connection.company_row_id is None:
        return ACTIVE_OR_WON
    return f"{ACTIVE_OR_WON} and ({COMPANY_READ} eq null or {COMPANY_READ} eq {run.connection.company_row_id})"


def state_problem(document: SalesDocument) -> Problem | None:
    """Why the quote is not for processing by what Sales says of it; None where it is."""
    record = record_of(SALES, QUOTES.table, document.sales_key, document.number)
    if document.sales_gone:
        return Problem("quote.gone", f"{document} no longer exists in Sales.", record=record)
    if document.sales_state not in (QuoteState.ACTIVE, QuoteState.WON):
        return Problem(
            "quote.not_active",
            f"The status of {document} must be Active or Won, but it is {document.state_choice.label}.",
            "Activate the quote in Sales, then try again.", record, in_sales(record, QUOTES.entity),
        )  # fmt: skip
    return None


def _is_new(run: JobRun, document: SalesDocument, named: bool) -> bool:
    if document.coupling_id is not None or document.transfer_state in (TransferState.CREATING, TransferState.UNCERTAIN):
        if named and document.coupling_id is not None:
            run.progress.log(f"{document} has been processed already.")
        return False
    if document.marks.get("won"):
        return False  # its order is there, whatever became of the quote since
    problem = state_problem(document)
    if problem is not None and named:
        note_problems(run, document, [problem.to_json()])
    return problem is None


def _make(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    """Creates new quotes and rewrites those whose earlier revision is coupled."""
    if not documents:
        return
    ready = check(run, documents, automatic=run.job.user is None and not run.job.options.get("documents"))
    new: list[Prepared] = []
    for prepared in ready:
        former = former_version(prepared.document)
        if former is None:
            new.append(prepared)
        elif (revised := revise(run, former, prepared)) is not None:
            complete(run, [revised])
    complete(run, create(run, new))


def _win(run: JobRun, sales: SalesClient, document: SalesDocument) -> None:
    """The quote was won: its order in Business Central, the link between the two, and the last version of the quote."""
    context = HookContext(Step.WIN_QUOTE, document, log=run.progress.log)
    if (problem := run_before(context)) is not None:
        _attend(run, document, problem.code, problem.message)
        return
    order = _order_of(run, sales, document)
    if order is None:
        _attend(run, document, "quote.no_order", f"{document} is won, but there is no order of it in Sales.")
        return
    if order.coupling_id is None and order.sales_state != OrderState.SUBMITTED:
        _attend(run, document, "quote.order_not_submitted", f"{document} is won and waits until {order} is submitted.")
        return
    if order.coupling_id is None:
        order = _create_order(run, order)
        if order.coupling_id is None:
            _attend(
                run,
                document,
                "quote.order_failed",
                f"{document} is won, but {order} could not be created; the order says why.",
            )
            return
    keep_version(run, document, reason="won")
    _write_quote_number(run, document, order)
    document.order_number = order.bc_number
    document.marks = {**document.marks, "won": True, "order": str(order.sales_key)}
    document.attention = []
    document.save(update_fields=["order_number", "marks", "attention"])
    words = f"The quote was won and became order {order.bc_number} in Business Central."
    note(document, EventKind.WON, words, key="won", job=run.job)
    run.progress.log(f"{document} was won: order {order.bc_number}.")
    run_after(context)


def _write_quote_number(run: JobRun, document: SalesDocument, order: SalesDocument) -> None:
    """Quote No. of the order, which only the companion extension takes; otherwise the order says what is missing."""
    omission = (
        f"Quote No. ({document.bc_number}) was not set: the standard API does not have it. The hub keeps the link."
    )
    if offers_extras(run.connection) and order.bc_key is not None:
        body = {"quoteNumber": document.bc_number}
        change = Change(order, System.BUSINESS_CENTRAL, EXTRAS, OperationKind.UPDATE, body, key=order.bc_key)
        for _, result in journal.write(run, [change]):
            if result.status == WriteStatus.DONE:
                return
            omission = f"Quote No. ({document.bc_number}) was not set: {result.error or 'the order was just changed'}"
    if omission not in order.omissions:
        SalesDocument.objects.filter(pk=order.pk).update(omissions=[*order.omissions, omission])


def _order_of(run: JobRun, sales: SalesClient, document: SalesDocument) -> SalesDocument | None:
    found = read_where(sales, run.connection, ORDERS, f"_quoteid_value eq {document.sales_key}")
    return found[0] if found else None


def _create_order(run: JobRun, order: SalesDocument) -> SalesDocument:
    """Under the mapping of orders, by the job of the quotes."""
    from syncjobs.documents.processes import mapping_of

    try:
        mapping = mapping_of(run.connection, ORDERS.mapping)
    except HubError as error:
        run.progress.log(f"{order}: {error}", LogLevel.ERROR)
        return order
    mapping.connection = run.connection
    create_sales_orders(JobRun(run.job, mapping, run.options, run.progress), [order.sales_key])
    order.refresh_from_db()
    return order


def _note_closed(run: JobRun, sales: SalesClient, read: Sequence[UUID]) -> None:
    """Coupled quotes that are no longer active: lost and cancelled ones need a decision, revised ones wait."""
    known = SalesDocument.objects.filter(
        connection=run.connection, kind=QUOTES.kind, coupling__isnull=False, sales_gone=False,
        sales_state__in=[QuoteState.ACTIVE, QuoteState.DRAFT],
    ).exclude(sales_key__in=read)  # fmt: skip
    for document in read_keys(sales, run.connection, QUOTES, list(known.values_list("sales_key", flat=True))):
        if document.sales_state == QuoteState.CLOSED and document.sales_status in _CLOSED_LOST:
            word = "lost" if document.sales_status == _CLOSED_LOST[0] else "cancelled"
            message = f"The quote was {word} in Sales; quote {document.bc_number} is still in Business Central."
            _attend(run, document, "quote.closed", message)
            note(
                document,
                EventKind.LOST,
                f"The quote was {word} in Sales.",
                key=f"closed:{document.sales_status}",
                job=run.job,
            )


def _attend(run: JobRun, document: SalesDocument, code: str, message: str) -> None:
    if [each["code"] for each in document.attention] != [code]:
        document.attention = [{"code": code, "message": message}]
        document.save(update_fields=["attention"])
    run.progress.log(message, LogLevel.WARNING)
