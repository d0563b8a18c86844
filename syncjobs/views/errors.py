"""Errors: the coupled records that do not follow their partner by themselves, with what is wrong and the ways out."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from config.roles import Capability
from config.web.filters import FilterSet
from config.web.lists import BulkAction, ListView
from coupling.choices import CouplingState, MissingSide
from coupling.models import Coupling
from coupling.synchronisation import service
from syncjobs.filtersets import mappings_of
from syncjobs.presentation import with_title
from syncjobs.tables import ErrorTable

TROUBLED = [
    (state.value, state.label)
    for state in (CouplingState.FAILING, CouplingState.SKIPPED, CouplingState.CONFLICT, CouplingState.BROKEN)
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
        troubled = Q(conflict=True) | Q(skipped_at__isnull=False) | ~Q(error_code="") | ~Q(missing="")
        couplings = Coupling.objects.filter(troubled, connection=self.request.connection)
        return with_title(couplings.with_state()).select_related("mapping", "connection")

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
