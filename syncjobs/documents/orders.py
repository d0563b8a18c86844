"""The process that turns submitted Sales orders into Business Central orders."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from connector.choices import System
from connector.odata import chunks
from connector.sales import SalesClient
from syncjobs.choices import LIVE_JOB_STATES, LogLevel
from syncjobs.documents.agreeing import is_both_ways, note_agreed
from syncjobs.documents.choices import TransferState
from syncjobs.documents.completing import complete
from syncjobs.documents.facts import Facts, load_facts
from syncjobs.documents.looking import settle_abandoned
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.preflight import Prepared, prepare, state_problem
from syncjobs.documents.records import ORDERS, SUBMITTED, read_keys, read_where
from syncjobs.documents.transfer import create, note_problems
from syncjobs.engine.blueprint import COMPANY_READ
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

_CHUNK = 250
_ELSEWHERE = "document.other_company"


def create_sales_orders(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """Creates the named orders, or all that are submitted and not handed over; finishes what earlier runs began."""
    settle_abandoned(run, ORDERS)
    sales = run.client(System.SALES)
    assert isinstance(sales, SalesClient)  # noqa: S101 - narrows the type
    if keys:
        documents = read_keys(sales, run.connection, ORDERS, keys)
    else:
        documents = read_where(sales, run.connection, ORDERS, submitted_filter(run))
    begun = _begun(run, keys)
    known = {document.pk for document in begun}
    waiting = [document for document in documents if document.pk not in known and _may_begin(run, document, bool(keys))]
    SynchJob.objects.filter(pk=run.job.pk).update(total=len(begun) + len(waiting), done=0)
    complete(run, begun)
    _count_done(run, len(begun))
    for chunk in chunks(waiting, _CHUNK):
        if run.progress.should_stop():
            return
        transfer(run, chunk)
        _count_done(run, len(chunk))
    # Answers that got lost just now are looked for at once, rather than in half an hour.
    settle_abandoned(run, ORDERS)
    complete(run, _begun(run, keys))
    again = SalesDocument.objects.filter(
        pk__in=[document.pk for document in waiting], transfer_state=TransferState.WAITING, attempts__gt=0, job=run.job
    )
    if not run.progress.should_stop() and (left := list(again.select_related("coupling", "connection", "job"))):
        transfer(run, left)


def transfer(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    """Preflight, create and complete orders that were just read."""
    ready = check(run, documents, automatic=run.job.user is None and not run.job.options.get("documents"))
    made = create(run, ready)
    complete(run, made)
    if is_both_ways(run):
        note_agreed(run, made)


def check(run: JobRun, documents: Sequence[SalesDocument], *, automatic: bool) -> list[Prepared]:
    """Those with nothing in their way; the others keep their problems on their rows and count as failed."""
    facts = facts_of(run, documents)
    ready = []
    for document in documents:
        prepared = prepare(document, facts)
        if automatic and any(problem.code == _ELSEWHERE for problem in prepared.problems):
            continue
        if prepared.problems:
            note_problems(run, document, [problem.to_json() for problem in prepared.problems], prepared)
        else:
            ready.append(prepared)
    return ready


def facts_of(run: JobRun, documents: Sequence[SalesDocument]) -> Facts:
    return load_facts(
        connection=run.connection,
        sales=run.client(System.SALES),  # type: ignore[arg-type]
        business_central=run.client(System.BUSINESS_CENTRAL),  # type: ignore[arg-type]
        documents=documents,
    )


def submitted_filter(run: JobRun) -> str:
    """Submitted, not handed over, of this company or of none."""
    tables = (run.connection.capabilities or {}).get("company_tables", ())
    if ORDERS.table not in tables or run.connection.company_row_id is None:
        return SUBMITTED
    return f"{SUBMITTED} and ({COMPANY_READ} eq null or {COMPANY_READ} eq {run.connection.company_row_id})"


def _begun(run: JobRun, keys: Iterable[UUID]) -> list[SalesDocument]:
    """Orders that exist in Business Central with steps left, and that no other running job has in hand."""
    busy = Q(job__state__in=LIVE_JOB_STATES) & ~Q(job=run.job)
    documents = SalesDocument.objects.filter(
        connection=run.connection, kind=ORDERS.kind, transfer_state=TransferState.CREATED
    ).exclude(busy)
    if keys:
        documents = documents.filter(sales_key__in=keys)
    documents.update(job=run.job, attempted_at=timezone.now())
    return list(documents.select_related("coupling", "connection"))


def _may_begin(run: JobRun, document: SalesDocument, named: bool) -> bool:
    if document.transfer_state in (TransferState.CREATING, TransferState.UNCERTAIN):
        return False
    if document.coupling_id is not None:
        if named:
            run.progress.log(f"{document} is already coupled to order {document.bc_number}.")
        return False
    problem = state_problem(document)
    if problem is not None and named:
        note_problems(run, document, [problem.to_json()])
    elif problem is not None:
        run.progress.log(problem.message, LogLevel.INFO)
    return problem is None


def _count_done(run: JobRun, documents: int) -> None:
    if documents:
        SynchJob.objects.filter(pk=run.job.pk).update(done=F("done") + documents)
