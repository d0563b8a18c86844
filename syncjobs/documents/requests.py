"""Transfers as people and programs ask for them: one order, checked live, then handed to a job."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q

from connector.clients import INTERACTIVE, business_central_client, sales_client
from connector.errors import ErrorKind, HubError
from connector.models import Connection
from syncjobs.choices import LIVE_JOB_STATES, JobTrigger
from syncjobs.documents.choices import DocumentKind, QuoteState, TransferState
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.preflight import state_problem
from syncjobs.documents.problems import Problem
from syncjobs.documents.processes import CREATE_ORDERS, PROCESS_QUOTES, mapping_of, start_process
from syncjobs.documents.quotes import state_problem as quote_state_problem
from syncjobs.documents.reading import check_waiting
from syncjobs.documents.records import ORDERS, QUOTES, SHAPES, Shape, read_keys
from syncjobs.models import SynchJob
from syncjobs.services.jobs import check_connection


@dataclass(frozen=True, slots=True)
class Requested:
    """What came of a request: a job, or the document that exists already, or what stands in the way."""

    document: SalesDocument
    job: SynchJob | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    message: str = ""

    @property
    def exists(self) -> bool:
        return self.job is None and not self.problems


def create_order(*, connection: Connection, key: UUID, user: User | None, trigger: JobTrigger) -> Requested:
    """Create in Business Central. Raises HubError where connection or integration is off, or nothing is there."""
    check_connection(connection)
    mapping_of(connection, ORDERS.mapping)
    document = read_one(connection, ORDERS, key)
    if document.coupling_id is not None and document.transfer_state != TransferState.CREATED:
        return Requested(document, message=f"{document} is already coupled to order {document.bc_number}.")
    return _request(document, state_problem(document), CREATE_ORDERS, user, trigger)


def process_quote(*, connection: Connection, key: UUID, user: User | None, trigger: JobTrigger) -> Requested:
    """Process in Business Central. Raises HubError where the connection is off, or nothing is there."""
    check_connection(connection)
    document = read_one(connection, QUOTES, key)
    settled = document.sales_state != QuoteState.WON or document.marks.get("won")
    if document.coupling_id is not None and settled and document.transfer_state != TransferState.CREATED:
        return Requested(document, message=f"{document} has been processed already: it is quote {document.bc_number}.")
    if document.coupling_id is not None:
        job = running_job(document, PROCESS_QUOTES) or start_process(
            connection=connection, name=PROCESS_QUOTES, trigger=trigger, documents=[key], user=user
        )
        return Requested(document, job)
    return _request(document, quote_state_problem(document), PROCESS_QUOTES, user, trigger)


def _request(
    document: SalesDocument, problem: Problem | None, process: str, user: User | None, trigger: JobTrigger
) -> Requested:
    """A job for a document that is not coupled, after a live look at what it needs."""
    connection = document.connection
    if (job := running_job(document, process)) is not None:
        return Requested(document, job, message="It is being created already.")
    unfinished = document.transfer_state in (TransferState.CREATED, TransferState.UNCERTAIN, TransferState.CREATING)
    if not unfinished and problem is not None:
        return Requested(document, problems=[problem.to_json()], message=problem.message)
    if not unfinished:
        sales = sales_client(connection, patience=INTERACTIVE)
        check_waiting(connection, sales, business_central_client(connection, patience=INTERACTIVE), [document])
        document.refresh_from_db()
        if document.problems:
            return Requested(document, problems=document.problems, message=_sentence(document))
    job = start_process(connection=connection, name=process, trigger=trigger, documents=[document.sales_key], user=user)
    return Requested(document, job)


def process_quotes(*, connection: Connection, keys: Sequence[UUID], user: User | None, trigger: JobTrigger) -> SynchJob:
    """One job for several quotes."""
    return start_process(connection=connection, name=PROCESS_QUOTES, trigger=trigger, documents=keys, user=user)


def create_orders(*, connection: Connection, keys: Sequence[UUID], user: User | None, trigger: JobTrigger) -> SynchJob:
    """One job for several orders; what stands in the way of one shows on it and does not stop the others."""
    return start_process(connection=connection, name=CREATE_ORDERS, trigger=trigger, documents=keys, user=user)


def check_again(document: SalesDocument) -> SalesDocument:
    """The document as it is in Sales now, with what is missing. Raises HubError, as `read_one` does."""
    connection = document.connection
    check_connection(connection)
    document = read_one(connection, SHAPES[DocumentKind(document.kind)], document.sales_key)
    sales = sales_client(connection, patience=INTERACTIVE)
    check_waiting(connection, sales, business_central_client(connection, patience=INTERACTIVE), [document])
    document.refresh_from_db()
    return document


def read_one(connection: Connection, shape: Shape, key: UUID) -> SalesDocument:
    """The document as it is in Sales now. Raises HubError (kind data, code document.missing) where there is none."""
    documents = read_keys(sales_client(connection, patience=INTERACTIVE), connection, shape, [key])
    if not documents:
        raise HubError(
            f"There is no {shape.kind} of this id in Sales.", kind=ErrorKind.DATA, code="document.missing",
        )  # fmt: skip
    return documents[0]


def running_job(document: SalesDocument, process: str = "") -> SynchJob | None:
    """The job that has the document in hand, or that somebody has just asked for; of any process, or of one."""
    named = Q(options__documents__contains=[str(document.sales_key)])
    if document.transfer_state == TransferState.CREATING and document.job_id:
        named |= Q(pk=document.job_id)
    jobs = SynchJob.objects.filter(named, connection=document.connection, state__in=LIVE_JOB_STATES)
    if process:
        jobs = jobs.filter(options__process=process)
    return jobs.order_by("id").first()


def _sentence(document: SalesDocument) -> str:
    count = len(document.problems)
    if count == 1:
        return str(document.problems[0]["message"])
    return f"{count} things are missing for {document}."
