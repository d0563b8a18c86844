"""Filters of the lists of records and mappings; the REST API takes the same."""

from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet

from config.web.filters import FilterSet, YesNoFilter
from connector.choices import Direction, System
from coupling.choices import CouplingState
from coupling.matching.models import MatchCandidate
from coupling.models import TableMapping
from coupling.services.admission import admits
from coupling.services.owners import owned_by
from coupling.services.pairs import only_coupled, only_in_states
from coupling.services.search import matching

YES_NO = (("true", "Yes"), ("false", "No"))
ADMITTED = (("inside", "Inside a mapping's filter"), ("outside", "Left out by every filter"))


class RecordFilterSet(FilterSet):
    """`for_table` makes the filter set of one table; the request knows the connection."""

    search = django_filters.CharFilter(method="find", label="Search")
    coupled = django_filters.ChoiceFilter(
        choices=YES_NO, method="keep_coupled", label="Coupled", empty_label="Yes and no"
    )
    state = django_filters.MultipleChoiceFilter(
        choices=CouplingState.choices, method="keep_states", label="State of the coupling"
    )
    admitted = django_filters.ChoiceFilter(
        choices=ADMITTED, method="keep_admitted", label="Filter of the mappings", empty_label="Inside and outside"
    )

    mine = django_filters.BooleanFilter(
        method="keep_mine", label="Mine", widget=forms.Select(choices=[("", "Everybody's"), ("true", "Mine")])
    )
    suggested = django_filters.BooleanFilter(
        method="keep_suggested",
        label="Suggestions",
        widget=forms.Select(choices=[("", "With and without"), ("true", "With suggestions")]),
    )

    system: System
    table: str

    class Meta:
        fields = ("search", "coupled", "state", "admitted", "mine", "suggested")

    @classmethod
    def for_table(cls, system: System, table: str) -> type["RecordFilterSet"]:
        return type(cls.__name__, (cls,), {"system": system, "table": table})

    @property
    def _connection(self) -> Any:
        return self.request.connection

    def find(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return matching(rows, value, place=(self._connection.pk, self.table))

    def keep_coupled(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return only_coupled(rows, self._connection, self.system, self.table, coupled=value == "true")

    def keep_states(self, rows: QuerySet[Any], name: str, value: list[str]) -> QuerySet[Any]:
        return only_in_states(rows, self._connection, self.system, self.table, value) if value else rows

    def keep_mine(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """Records of the Sales user, or of the salesperson, who has the person's e-mail address."""
        if not value:
            return rows
        return rows.filter(owned_by(self._connection, self.system, self.request.user.email))

    def keep_suggested(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """Uncoupled records for which a partner is suggested."""
        if not value:
            return rows
        candidates = MatchCandidate.objects.filter(
            line__mapping__in=mappings_of_table(self._connection, self.system, self.table), line__job_id=None
        )
        side = "line__bc_key" if self.system == System.BUSINESS_CENTRAL else "sales_key"
        free = only_coupled(rows, self._connection, self.system, self.table, coupled=False)
        return free.filter(key__in=candidates.values(side))

    def keep_admitted(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        inside = Q(pk__in=[])
        for mapping in mappings_of_table(self._connection, self.system, self.table):
            inside |= admits(mapping, self.system)
        return rows.filter(inside) if value == "inside" else rows.exclude(inside)


class MappingFilterSet(FilterSet):
    search = django_filters.CharFilter(method="find", label="Search")
    direction = django_filters.ChoiceFilter(choices=Direction.choices, label="Direction", empty_label="All directions")
    enabled = YesNoFilter(label="Enabled")
    available = YesNoFilter(label="Available")

    class Meta:
        model = TableMapping
        fields = ("search", "direction", "enabled", "available")

    def find(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(
            Q(name__icontains=value)
            | Q(business_central_label__icontains=value)
            | Q(business_central_table__icontains=value)
            | Q(sales_table__icontains=value)
        )


def mappings_of_table(connection: Any, system: System, table: str) -> list[TableMapping]:
    """Usable mappings of records of a table, in execution order."""
    side = "business_central_table" if system == System.BUSINESS_CENTRAL else "sales_table"
    return list(
        connection.mappings.select_related("connection").filter(
            **{side: table}, kind="record", enabled=True, available=True
        )
    )
