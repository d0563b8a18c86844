"""Deciding a conflict: both values, what both sides last agreed on, and a choice per field."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from config.web.request import PageRequest
from connector.choices import System
from connector.errors import HubError
from coupling.models import Coupling
from coupling.synchronisation import FieldPreview, service
from coupling.views.base import says_errors
from syncjobs.choices import OperationState
from syncjobs.services.jobs import resolve_conflict, retry_operation
from syncjobs.views.operations import operations_of

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Choice:
    """One field of the pair. `name` is what the service knows it by; `base` is what both sides last agreed on."""

    name: str
    label: str
    field: FieldPreview
    base: Any
    clash: bool


@require_POST
@says_errors
def operation_retry(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    operation = get_object_or_404(operations_of(request).select_related("job", "coupling"), pk=pk)
    job = retry_operation(operation=operation, user=request.user)
    messages.success(request, "The record is tried again.")
    return redirect(job)


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def operation_resolve(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """`use` decides the whole record; without it every clashing field is decided by its own choice."""
    operation = get_object_or_404(operations_of(request).select_related("job", "coupling"), pk=pk)
    if operation.state != OperationState.CONFLICT or operation.coupling is None or not operation.coupling.conflict:
        messages.info(request, "There is no conflict here any more.")
        return redirect("operation-detail", connection=connection, pk=pk)
    choices = choices_of(operation.coupling)
    if request.method == "POST":
        use = request.POST.get("use", "")
        if use in System.values:
            job = resolve_conflict(operation=operation, use=System(use), user=request.user)
        else:
            decided = _decided(request, choices)
            job = resolve_conflict(operation=operation, use=System.BUSINESS_CENTRAL, fields=decided, user=request.user)
        messages.success(request, "Decided. The record is synchronised now.")
        return redirect(job)
    context = {
        "title": operation.record_name or "Conflict",
        "operation": operation,
        "clashes": [choice for choice in choices if choice.clash],
        "others": [choice for choice in choices if not choice.clash],
        "crumbs": [("Errors", reverse("error-list", kwargs={"connection": connection}))],
    }
    return render(request, "syncjobs/conflict.html", context)


def choices_of(coupling: Coupling) -> list[Choice]:
    """Every mapped field of the pair, the clashing ones first in the mapping's order."""
    preview = service().preview_pair(
        mapping=coupling.mapping, bc_key=coupling.bc_key, sales_key=coupling.sales_key, force_from=None
    )
    return [
        Choice(
            field.bc_property or field.sales_attribute,
            field.bc_label or field.bc_property or field.sales_attribute,
            field,
            coupling.bc_base.get(field.bc_property, coupling.sales_base.get(field.sales_attribute)),
            field.clash,
        )
        for field in preview.fields
    ]


def _decided(request: PageRequest, choices: list[Choice]) -> dict[str, Any]:
    """Property → side or value. Raises HubError where a clashing field was left open."""
    decided: dict[str, Any] = {}
    for choice in choices:
        if not choice.clash:
            continue
        picked = request.POST.get(f"choice-{choice.name}", "")
        if picked == OTHER:
            decided[choice.name] = request.POST.get(f"value-{choice.name}", "")
        elif picked in System.values:
            decided[choice.name] = picked
        else:
            raise HubError(f"Choose what {choice.label} shall be.", code="operation.undecided")
    return decided
