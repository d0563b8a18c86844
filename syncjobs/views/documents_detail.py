"""The page of one sales document: where it stands, both sides beside each other, what is missing, what happened."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from config.roles import Capability, require
from config.web.request import PageRequest, wants_partial
from connector.choices import SalesOrderIntegration
from connector.errors import ErrorKind, HubError
from coupling.views.base import says_errors
from syncjobs.choices import JobTrigger
from syncjobs.documents import adopting, links
from syncjobs.documents.choices import IN_BUSINESS_CENTRAL, UNFINISHED, DocumentKind, TransferState
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.on_request import may_remove
from syncjobs.documents.presentation import (
    header_rows,
    line_rows,
    next_words,
    problems_of,
    readiness_badge,
    readiness_words,
    step_rows,
)
from syncjobs.documents.processes import (
    CREATE_ORDERS,
    FINISHED,
    ORDER_STATUS,
    POST_ORDERS,
    PROCESS_QUOTES,
    RELEASE_ORDERS,
    REMOVE_ORDERS,
    REMOVE_QUOTES,
    REOPEN_ORDERS,
    start_process,
)
from syncjobs.documents.releasing import may_release, may_reopen
from syncjobs.documents.requests import Requested, check_again, create_order, running_job
from syncjobs.models import Operation

_EVENTS, _OPERATIONS = 100, 50
_OPEN = (TransferState.WAITING, TransferState.PROBLEMS, TransferState.FAILED)


def document_of(request: PageRequest, kind: DocumentKind, key: UUID) -> SalesDocument:
    """Raises Http404 for a document that the hub has not read."""
    documents = SalesDocument.objects.select_related("connection", "coupling", "job")
    return get_object_or_404(documents, connection=request.connection, kind=kind, sales_key=key)


def context_of(document: SalesDocument) -> dict[str, Any]:
    """What the pages of both kinds show."""
    state = TransferState(document.transfer_state)
    job = running_job(document)
    operations = Operation.objects.filter(
        connection=document.connection, mapping__name__in=["SALESORDER-ORDER", "SALES-QUOTE"], preview=False
    ).filter(sales_key=document.sales_key)
    return {
        "document": document,
        "state": state,
        "readiness": readiness_words(document),
        "readiness_badge": readiness_badge(document),
        "next": next_words(document, automatic=document.connection.automatically_create_sales_orders),
        "problems": problems_of(document),
        "header_rows": header_rows(document),
        "line_rows": line_rows(document),
        "steps": step_rows(document),
        "events": document.events.select_related("job")[:_EVENTS],
        "operations": operations.select_related("job")[:_OPERATIONS],
        "notes": document.notes.all(),
        "candidates": document.marks.get("candidates", []),
        "sales_link": links.in_sales(document),
        "bc_link": links.in_business_central(document),
        "living": state in UNFINISHED or job is not None,
        "job": job,
        "can_check": state in _OPEN,
        "can_create": state in _OPEN,
        "can_complete": state in (TransferState.CREATED, TransferState.INCOMPLETE),
        "can_close": state in (TransferState.TRANSFERRED, TransferState.INCOMPLETE) and bool(document.attention),
        "can_remove": may_remove(document),
    }


@require_safe
def order_detail(request: PageRequest, connection: str, key: UUID) -> HttpResponse:
    document = document_of(request, DocumentKind.ORDER, key)
    context = context_of(document)
    state = context["state"]
    context |= {
        "title": f"Order {document.number or document.name}",
        "crumbs": [("Sales Orders", reverse("sales-order-list", kwargs={"connection": connection}))],
        "can_update": state in IN_BUSINESS_CENTRAL,
        "can_post": state == TransferState.TRANSFERRED and not may_remove(document),
        "can_reopen": may_reopen(document),
        "can_release": may_release(document),
        "can_find": document.coupling_id is None and document.handed_over is not None,
        "create_label": "Create in Business Central",
        "sales_label": "Sales Order",
        "remove_label": "Delete in Business Central",
        "action_url": reverse("sales-order-action", kwargs={"connection": connection, "key": key}),
    }
    return page_of(request, context)


def page_of(request: PageRequest, context: dict[str, Any]) -> HttpResponse:
    """The whole page, or the part of it that refreshes itself."""
    template = "syncjobs/documents/_document.html" if wants_partial(request) else "syncjobs/documents/detail.html"
    return render(request, template, context)


@require_POST
@says_errors
def order_action(request: PageRequest, connection: str, key: UUID) -> HttpResponse:
    """What the button pressed says; of `find` and `adopt`, orders only."""
    document = document_of(request, DocumentKind.ORDER, key)
    match request.POST.get("action"):
        case "create":
            tell(request, create_order(
                connection=document.connection, key=key, user=request.user, trigger=JobTrigger.USER
            ))  # fmt: skip
        case "update":
            legacy = document.connection.sales_order_integration == SalesOrderIntegration.LEGACY
            start(request, document, ORDER_STATUS if legacy else FINISHED, "looks in Business Central")
        case "post":
            require(request.user, Capability.OPERATE)
            start(request, document, POST_ORDERS, "ships and invoices it")
        case "reopen":
            start(request, document, REOPEN_ORDERS, "reopens it, and the change from Sales follows")
        case "release":
            start(request, document, RELEASE_ORDERS, "releases it")
        case "find":
            found = adopting.find_candidates(document)
            words = "Choose below which one it is." if found else "No order in Business Central fits."
            messages.info(request, words)
        case "adopt":
            adopted = adopting.adopt(document=document, bc_key=_key(request), user=request.user)
            messages.success(request, f"Coupled with {adopted.bc_number}.")
        case other:
            act(request, document, other)
    return redirect(document)


def act(request: PageRequest, document: SalesDocument, action: str | None) -> None:
    """Actions of both kinds of documents."""
    order = document.kind == DocumentKind.ORDER
    match action:
        case "check":
            checked = check_again(document)
            if checked.transfer_state == TransferState.WAITING:
                messages.success(request, "Nothing is missing.")
        case "complete":
            _complete(request, document)
        case "remove":
            require(request.user, Capability.OPERATE)
            start(request, document, REMOVE_ORDERS if order else REMOVE_QUOTES, "deletes it in Business Central")
        case "close":
            adopting.close(document=document, user=request.user)
            messages.success(request, f"{document} is closed.")
        case _:
            messages.error(request, "There is no such action.")


def start(request: PageRequest, document: SalesDocument, process: str, words: str) -> None:
    """A job of the process for the one document."""
    job = running_job(document, process) or start_process(
        connection=document.connection, name=process, trigger=JobTrigger.USER, documents=[document.sales_key],
        user=request.user,
    )  # fmt: skip
    messages.success(request, f"Job {job.pk} {words}; this page follows it.")


def _key(request: PageRequest) -> UUID:
    try:
        return UUID(request.POST.get("bc_key", ""))
    except ValueError:
        return UUID(int=0)


def tell(request: PageRequest, requested: Requested) -> None:
    """What came of a request to transfer the document."""
    if requested.problems:
        messages.error(request, requested.message)
    elif requested.job is None:
        messages.info(request, requested.message)
    else:
        messages.success(request, f"Job {requested.job.pk} has it in hand; this page follows it.")


def _complete(request: PageRequest, document: SalesDocument) -> None:
    """The failed steps get another chance."""
    if document.transfer_state not in (TransferState.CREATED, TransferState.INCOMPLETE):
        raise HubError("There is nothing to complete.", kind=ErrorKind.CONFLICT, code="document.nothing_to_complete")
    document.steps = {name: "todo" if state == "failed" else state for name, state in document.steps.items()}
    document.transfer_state = TransferState.CREATED
    document.save(update_fields=["steps", "transfer_state"])
    start(request, document, CREATE_ORDERS if document.kind == DocumentKind.ORDER else PROCESS_QUOTES, "completes it")
