"""The customer panel of a pair's page: numbers of what Sales has of the customer, their lists, account statistics."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from config.web.request import PageRequest, wants_partial
from connector.choices import System
from connector.errors import HubError
from coupling.models import Coupling
from coupling.services.pairs import attach_records
from coupling.views.base import back_of, coupling_of, crumbs_of, pair_url, says_errors
from syncjobs.choices import JobTrigger
from syncjobs.documents.customer_panel import KINDS, counts, rows
from syncjobs.documents.processes import STATISTICS, start_process


def _customer(request: PageRequest, pk: int) -> Coupling:
    """Raises Http404 for what is no coupled customer, and while the connection is disabled."""
    coupling = coupling_of(request, pk)
    if coupling.bc_table != "customers" or not request.connection.enabled:
        raise Http404
    return coupling


@require_safe
def customer_panel(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Asked for by the pair's page once it is shown."""
    coupling = _customer(request, pk)
    context: dict[str, Any] = {"coupling": coupling}
    try:
        context["counts"] = counts(request.connection, coupling.sales_key)
    except HubError as error:
        context["unreadable"] = f"{error} {error.hint}".strip()
    return render(request, "syncjobs/documents/_customer_panel.html", context)


@require_safe
def customer_records(request: PageRequest, connection: str, pk: int, kind: str) -> HttpResponse:
    """The page first, its rows once it is shown; both at one address."""
    coupling = _customer(request, pk)
    if kind not in KINDS:
        raise Http404
    context: dict[str, Any] = {"coupling": coupling, "kind": KINDS[kind]}
    if wants_partial(request) or "read" in request.GET:
        try:
            context["rows"] = [
                (row, parse_datetime(row.modified_at))
                for row in rows(request.connection, KINDS[kind], coupling.sales_key)
            ]
        except HubError as error:
            context["unreadable"] = f"{error} {error.hint}".strip()
        if wants_partial(request):
            return render(request, "syncjobs/documents/_customer_records.html", context)
    attach_records([coupling])
    name = str(coupling.bc_record or coupling.sales_record or coupling.pk)  # type: ignore[attr-defined]
    context |= {
        "title": f"{KINDS[kind].label} of {name}",
        "crumbs": [
            *crumbs_of(request.connection, System.BUSINESS_CENTRAL, coupling.bc_table),
            (name, pair_url(coupling)),
        ],
        "read": "read" in request.GET,
    }
    return render(request, "syncjobs/documents/customer_records.html", context)


@require_POST
@says_errors
def customer_statistics(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Has the account statistics of this one customer computed and written."""
    coupling = _customer(request, pk)
    job = start_process(
        connection=request.connection, name=STATISTICS, trigger=JobTrigger.USER, documents=[coupling.sales_key],
        user=request.user,
    )  # fmt: skip
    messages.success(request, f"Job {job.pk} updates the account statistics.")
    return redirect(back_of(request, pair_url(coupling)))
