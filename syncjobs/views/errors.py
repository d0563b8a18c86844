"""Errors: records that do not follow their partner by themselves, or got none, with what is wrong and the ways out."""

from typing import Any

import django_filters
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from config.roles import Capability
from config.web.filters import FilterSet
from config.web.lists import BulkAction, ListView
from config.web.request import PageRequest
from connector.models import Connection
from coupling.choices import CouplingState, MissingSide
from coupling.models import Coupling
from coupling.synchronisation import service
from coupling.views.base import says_errors
from syncjobs.filtersets import CreationErrorFilterSet, mappings_of
from syncjobs.models import Operation
from syncjobs.presentation import with_title
from syncjobs.querysets import causes_of, failed_creations
from syncjobs.services.jobs import retry_creations
from syncjobs.tables import CreationErrorTable, ErrorTable

TROUBLED = [
    (state.value, state.label)
    for state in (CouplingState.FAILING, CouplingState.SKIPPED, CouplingState.CONFLICT, CouplingState.BROKEN)
]


def troubled_couplings(connection: Connection) -> Any:
    troubled = Q(conflict=True) | Q(skipped_at__isnull=False) | ~Q(error_code="") | ~Q(missing="")
    return Coupling.objects.filter(troubled, connection=connection)


def tabs_of(connection: Connection, current: str) -> list[tuple[str, str, int, bool]]:
    """The two kinds of errors: label, address, number, whether it is this page."""
    counts = {
        "error-list": ("Coupled records", troubled_couplings(connection).count()),
        "error-uncoupled": ("Without a partner", failed_creations(connection).count()),
    }
    return [
        (label, reverse(name, kwargs={"connection": connection.slug}), number, name == current)
        for name, (label, number) in counts.items()
    ]


class ErrorFilterSet(FilterSet):
    search = django_filters.CharFilter(method="find", label="Search")
    mapping = django_filters.ModelChoiceFilter(
        queryset=mappings_of, to_field_name="name", label="Mapping", empty_label="All mappings"
    )
    state = django_filters.MultipleChoiceFilter(choices=TROUBLED, label="State")
    error = django_filters.CharFilter(field_name="error_code", label="Error code")

    class Meta:
        model = Coupling
        fields = ("search", "mapping", "state", "error")

    def find(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(Q(title__icontains=value) | Q(error_message__icontains=value))


class ErrorList(ListView):
    title = "Errors"
    lead = "Coupled records that do not follow their partner by themselves."
    icon = "circle-check"
    list_name = "errors"
    table_class = ErrorTable
    filterset_class = ErrorFilterSet
    template_name = "syncjobs/error_list.html"
    actions = (
        BulkAction("retry", "Retry", "refresh", Capability.COUPLE, "Try {n} records again?"),
        BulkAction(
            "restore", "Restore", "rotate-clockwise", Capability.COUPLE, "Create the missing side of {n} records again?"
        ),
        BulkAction(
            "uncouple", "Uncouple", "unlink", Capability.COUPLE, "Remove {n} couplings? Both records stay.", danger=True
        ),
    )

    def get_queryset(self) -> QuerySet[Coupling]:
        couplings = troubled_couplings(self.request.connection)
        return with_title(couplings.with_state()).select_related("mapping", "connection")

    def get_context(self) -> dict[str, Any]:
        return {"tabs": tabs_of(self.request.connection, "error-list")}

    def run_action(self, action: BulkAction, records: QuerySet[Coupling]) -> str:
        if action.name == "restore":
            records = records.exclude(missing__in=[MissingSide.NONE, MissingSide.BOTH])
        couplings = list(
            Coupling.objects.filter(pk__in=records.order_by().values("pk")).select_related("mapping__connection")
        )
        n = len(couplings)
        if not n:
            return "None of these misses exactly one side; there was nothing to restore."
        user = self.request.user
        if action.name == "retry":
            service().retry_pairs(couplings=couplings, user=user)
            return f"{n} record{'s are' if n > 1 else ' is'} tried again."
        if action.name == "restore":
            service().restore_pairs(couplings=couplings, user=user)
            return f"{n} record{'s are' if n > 1 else ' is'} restored."
        service().uncouple(couplings=couplings, user=user)
        return f"{n} coupling{'s are' if n > 1 else ' is'} removed."


class CreationErrorList(ListView):
    """Records whose partner could not be created, the newest failure of each, with their causes on top."""

    title = "Errors"
    lead = "Records that should have got a partner in the other system, but did not."
    icon = "circle-check"
    list_name = "creation-errors"
    table_class = CreationErrorTable
    filterset_class = CreationErrorFilterSet
    template_name = "syncjobs/creation_error_list.html"
    actions = (BulkAction("retry", "Retry", "refresh", Capability.COUPLE, "Try {n} records again?"),)

    def get_queryset(self) -> QuerySet[Operation]:
        rows = failed_creations(self.request.connection).select_related("mapping", "connection")
        return rows.defer("bc_base", "sales_base", "before", "after", "error_details")

    def get_context(self) -> dict[str, Any]:
        connection = self.request.connection
        return {"tabs": tabs_of(connection, "error-uncoupled"), "causes": causes_of(failed_creations(connection))}

    def run_action(self, action: BulkAction, records: QuerySet[Operation]) -> str:
        return _retry(self.request, records)


@require_POST
@says_errors
def retry_cause(request: PageRequest, connection: str) -> HttpResponse:
    """Tries all records again that failed for one cause: `mapping` and `error` name it."""
    wanted = {"mapping__name": request.POST.get("mapping", ""), "error_code": request.POST.get("error", "")}
    messages.success(request, _retry(request, failed_creations(request.connection).filter(**wanted)))
    return redirect(reverse("error-uncoupled", kwargs={"connection": connection}))


def _retry(request: PageRequest, operations: QuerySet[Operation]) -> str:
    n = operations.count()
    jobs = retry_creations(operations=operations, user=request.user)
    if not jobs:
        return "These records have a partner by now; there was nothing to retry."
    return f"{n} record{'s are' if n > 1 else ' is'} tried again; what fails once more stays in this list."
