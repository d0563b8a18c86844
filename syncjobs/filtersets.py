"""Filters of the pages about jobs, operations and schedules; names are those of the REST API."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from config.web.filters import FilterSet, PeriodFilter, YesNoFilter
from connector.choices import Direction, System
from coupling.models import TableMapping
from syncjobs.choices import JobMode, JobState, JobTrigger, OperationKind, OperationState, ScheduleState
from syncjobs.models import Operation, Schedule, SynchJob


def mappings_of(request: Any) -> QuerySet[TableMapping]:
    return TableMapping.objects.filter(connection=request.connection)


class JobFilterSet(FilterSet):
    search = django_filters.CharFilter(method="find", label="Search")
    mapping = django_filters.ModelChoiceFilter(
        queryset=mappings_of, to_field_name="name", label="Mapping", empty_label="All mappings"
    )
    state = django_filters.MultipleChoiceFilter(choices=JobState.choices, label="State")
    mode = django_filters.ChoiceFilter(choices=JobMode.choices, label="Kind", empty_label="All kinds")
    direction = django_filters.ChoiceFilter(choices=Direction.choices, label="Direction", empty_label="All directions")
    trigger = django_filters.ChoiceFilter(choices=JobTrigger.choices, label="Asked for by", empty_label="Anybody")
    changed = YesNoFilter(method="with_changes", label="With changes")
    period = PeriodFilter(field_name="created_at")

    class Meta:
        model = SynchJob
        fields = ("search", "mapping", "state", "mode", "direction", "trigger", "changed", "period")

    def find(self, rows: QuerySet[SynchJob], name: str, value: str) -> QuerySet[SynchJob]:
        condition = Q(mapping__name__icontains=value) | Q(message__icontains=value) | Q(user__username__icontains=value)
        if value.isdecimal():
            condition |= Q(pk=int(value))
        return rows.filter(condition)

    def with_changes(self, rows: QuerySet[SynchJob], name: str, value: bool) -> QuerySet[SynchJob]:
        wrote = Q()
        for counter in SynchJob.COUNTERS:
            if counter not in ("unchanged", "skipped"):
                wrote |= Q(**{f"{counter}__gt": 0})
        return rows.filter(wrote) if value else rows.exclude(wrote)


class OperationFilterSet(FilterSet):
    search = django_filters.CharFilter(method="find", label="Search")
    mapping = django_filters.ModelChoiceFilter(
        queryset=mappings_of, to_field_name="name", label="Mapping", empty_label="All mappings"
    )
    state = django_filters.MultipleChoiceFilter(choices=OperationState.choices, label="State")
    kind = django_filters.ChoiceFilter(choices=OperationKind.choices, label="What", empty_label="Everything")
    system = django_filters.ChoiceFilter(choices=System.choices, label="Written to", empty_label="Both systems")
    table = django_filters.CharFilter(lookup_expr="iexact", label="Table")
    error = django_filters.CharFilter(field_name="error_code", label="Error code")
    coupled = YesNoFilter(field_name="coupling", lookup_expr="isnull", exclude=True, label="Of a coupled record")
    job = django_filters.NumberFilter(field_name="job_id", label="Job")
    coupling = django_filters.NumberFilter(field_name="coupling_id", label="Coupling")
    period = PeriodFilter(field_name="created_at")

    class Meta:
        model = Operation
        fields = (
            "search",
            "mapping",
            "state",
            "kind",
            "system",
            "table",
            "error",
            "coupled",
            "job",
            "coupling",
            "period",
        )

    def find(self, rows: QuerySet[Operation], name: str, value: str) -> QuerySet[Operation]:
        return rows.filter(Q(record_name__icontains=value) | Q(error_message__icontains=value) | Q(table__iexact=value))


class CreationErrorFilterSet(FilterSet):
    """Failed creations: the filters of operations that make sense for them."""

    search = django_filters.CharFilter(method="find", label="Search")
    mapping = django_filters.ModelChoiceFilter(
        queryset=mappings_of, to_field_name="name", label="Mapping", empty_label="All mappings"
    )
    system = django_filters.ChoiceFilter(choices=System.choices, label="Missing in", empty_label="Both systems")
    error = django_filters.CharFilter(field_name="error_code", label="Error code")
    needs = django_filters.CharFilter(field_name="error_details__number", label="Waits for")
    period = PeriodFilter(field_name="created_at")

    class Meta:
        model = Operation
        fields = ("search", "mapping", "system", "error", "needs", "period")

    def find(self, rows: QuerySet[Operation], name: str, value: str) -> QuerySet[Operation]:
        return rows.filter(Q(record_name__icontains=value) | Q(error_message__icontains=value))


class ScheduleFilterSet(FilterSet):
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label="Search")
    state = django_filters.MultipleChoiceFilter(choices=ScheduleState.choices, label="State")
    enabled = YesNoFilter(label="Enabled")

    class Meta:
        model = Schedule
        fields = ("search", "state", "enabled")
