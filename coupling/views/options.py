"""Coupled options: codes of Business Central and the options of a choice column that stand for them."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from config.roles import Capability
from config.web.filters import FilterSet
from config.web.lists import BulkAction, ListView
from connector.services.audit import record_change
from coupling.models import OptionMapping, TableMapping
from coupling.tables import OptionTable


def _option_mappings(request: Any) -> QuerySet[TableMapping]:
    return TableMapping.objects.filter(connection=request.connection, kind="option")


class OptionFilterSet(FilterSet):
    search = django_filters.CharFilter(method="find", label="Search")
    mapping = django_filters.ModelChoiceFilter(
        queryset=_option_mappings, to_field_name="name", label="Mapping", empty_label="All mappings"
    )

    class Meta:
        model = OptionMapping
        fields = ("search", "mapping")

    def find(self, rows: QuerySet[OptionMapping], name: str, value: str) -> QuerySet[OptionMapping]:
        condition = Q(bc_code__icontains=value) | Q(option_label__icontains=value)
        if value.isdecimal():
            condition |= Q(option_value=int(value))
        return rows.filter(condition)


class OptionList(ListView):
    title = "Coupled options"
    lead = "Payment terms, shipment methods and shipping agents, and the options in Sales that stand for them."
    icon = "list-details"
    list_name = "options"
    table_class = OptionTable
    filterset_class = OptionFilterSet
    actions = (
        BulkAction(
            "uncouple",
            "Delete coupling",
            "unlink",
            Capability.COUPLE,
            "Delete {n} couplings of options? Codes and options stay.",
            danger=True,
        ),
    )

    def get_queryset(self) -> QuerySet[OptionMapping]:
        return OptionMapping.objects.filter(mapping__connection=self.request.connection).select_related("mapping")

    def run_action(self, action: BulkAction, records: QuerySet[Any]) -> str:
        rows = list(records)
        for row in rows:
            record_change(
                connection=self.request.connection,
                user=self.request.user,
                action="option.delete",
                target=f"{row.mapping.name} {row.bc_code}",
                before={"option_value": row.option_value, "option_label": row.option_label},
            )
        OptionMapping.objects.filter(pk__in=[row.pk for row in rows]).delete()
        return f"Couplings of options deleted: {len(rows)}."
