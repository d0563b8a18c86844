"""Hands orders over in Sales: the stamp, the company's mark and what became of the order.

A submitted order refuses changes, so it is reopened, stamped and submitted again: one change set, which Sales carries
out as a whole. The hand-over never undoes the order in Business Central; it is tried again until Sales takes it.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.db.models import F

from connector.bulk import Write
from connector.choices import System
from connector.errors import RemoteError
from connector.http.batch import ChangeSet, Part
from connector.odata import chunks
from connector.sales import SalesClient
from syncjobs.choices import LogLevel, OperationKind, OperationState
from syncjobs.documents import journal
from syncjobs.documents.amounts import amount
from syncjobs.documents.choices import EventKind
from syncjobs.documents.events import note
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.transfer import add_warnings
from syncjobs.engine.apply import mark_sent
from syncjobs.engine.blueprint import COMPANY_WRITE
from syncjobs.engine.context import JobRun
from syncjobs.engine.journal import Ending, end_operations
from syncjobs.engine.order_sender import ORDERS_TABLE, SUBMITTED, send_sets, toggle
from syncjobs.models import SynchJob

SALES = System.SALES
TABLE = ORDERS_TABLE
_PER_BATCH = 50
_READ_BACK = ("statecode", "lastbackofficesubmit", "totalamount")

Outcome = tuple[SalesDocument, str, str]


def write_back(run: JobRun, documents: Sequence[SalesDocument]) -> Iterator[Outcome]:
    """(document, problem, hint) of each that has its answer; a blank problem means done. Others are tried again."""
    client = run.client(SALES)
    assert isinstance(client, SalesClient)  # noqa: S101 - narrows the type
    agreed = []
    for document in documents:
        context = HookContext(Step.WRITE_BACK, document, body=_body(run, document), log=run.progress.log)
        if (problem := run_before(context)) is not None:
            yield document, problem.message, problem.hint
        else:
            agreed.append((document, context.body))
    for chunk in chunks(agreed, _PER_BATCH):
        if run.progress.should_stop():
            return
        changes = [Change(document, SALES, TABLE, OperationKind.UPDATE, body) for document, body in chunk]
        for change, error in toggled(run, client, changes, final=SUBMITTED):
            yield from _judge(run, change.document, change.body, error)
    _compare_totals(run, client, [document for document, _ in agreed])


def toggled(
    run: JobRun, client: SalesClient, changes: Sequence[Change], *, final: dict[str, int]
) -> Iterator[tuple[Change, RemoteError | None]]:
    """Writes `changes` of submitted orders, each as reopen, change, `final` state; lost answers are left out.

    A lost answer ends its operation as skipped: the same is written again in the next run, which does no harm.
    """
    operations = [(journal.plan(run, change), change) for change in changes]
    mark_sent(
        [
            Write(operation.pk, "update", TABLE, change.document.sales_key, change.body)
            for operation, change in operations
        ]
    )
    answers = send_sets(client, [_change_set(change, final) for _, change in operations])
    endings = []
    for (operation, change), answer in zip(operations, [*answers, *[None] * len(operations)], strict=False):
        if answer is None:
            endings.append(
                Ending(
                    operation.pk, OperationState.SKIPPED, code="document.no_answer",
                    message="The answer got lost.", hint="The same is sent again.",
                )
            )  # fmt: skip
            continue
        error = journal.error_in(client, answer)
        if error is None:
            endings.append(Ending(operation.pk, OperationState.SETTLED))
        else:
            endings.append(
                Ending(operation.pk, OperationState.FAILED, code=error.code, message=str(error), hint=error.hint)
            )
        yield change, error
    end_operations(endings)


def _change_set(change: Change, final: dict[str, int]) -> ChangeSet:
    path = f"{change.table}({change.document.sales_key})"
    own = [Part("PATCH", path, change.body, {"If-Match": "*"})] if change.body else []
    return toggle(path, [*change.beside, *own], final)


def _body(run: JobRun, document: SalesDocument) -> dict[str, Any]:
    """The company's own day: Business Central dated the order by it."""
    day = str(document.bc_values.get("orderDate") or date.today().isoformat())
    body: dict[str, Any] = {
        "lastbackofficesubmit": day[:10],
        "submitstatusdescription": f"Sales order {document.bc_number} in Business Central",
    }
    tables = (run.connection.capabilities or {}).get("company_tables", ())
    if run.connection.company_row_id and TABLE in tables:
        body[COMPANY_WRITE] = f"/bcbi_companies({run.connection.company_row_id})"
    return body


def _judge(run: JobRun, document: SalesDocument, body: dict[str, Any], error: RemoteError | None) -> Iterator[Outcome]:
    if error is not None:
        if journal.is_passing(error):
            return
        run.progress.log(f"{document}: {error}", LogLevel.WARNING)
        yield document, f"Sales did not take the hand-over: {error}", error.hint
        return
    document.handed_over = date.fromisoformat(body["lastbackofficesubmit"])
    document.sales_state, document.sales_status = SUBMITTED["statecode"], SUBMITTED["statuscode"]
    document.save(update_fields=["handed_over", "sales_state", "sales_status"])
    SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
    note(
        document,
        EventKind.WRITTEN_BACK,
        "The order was handed over in Sales.",
        key="written_back:" + str(document.bc_key),
        job=run.job,
    )
    add_warnings(document, run_after(HookContext(Step.WRITE_BACK, document, body=body, log=run.progress.log)))
    yield document, "", ""


def _compare_totals(run: JobRun, client: SalesClient, documents: Sequence[SalesDocument]) -> None:
    """Sales may recalculate when an order is reopened: a total that moved needs a person's eye."""
    done = [document for document in documents if document.handed_over is not None]
    found = client.read_records(TABLE, [document.sales_key for document in done], properties=_READ_BACK)
    for document in done:
        record = found.get(document.sales_key)
        if record is None or document.total is None or amount(record.values["totalamount"]) == document.total:
            continue
        now = amount(record.values["totalamount"])
        message = f"Sales changed the total from {document.total:.2f} to {now:.2f} on hand-over."
        document.attention = [*document.attention, {"code": "order.total_changed", "message": message}]
        document.save(update_fields=["attention"])
        run.progress.log(f"{document}: {message}", LogLevel.WARNING)
