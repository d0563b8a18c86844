"""Filters of the API's lists; an unknown value is an error naming the filter, not an empty list."""

import django_filters

from connector.choices import System
from syncjobs.choices import JobState, OperationKind, OperationState
from syncjobs.models import Operation, SynchJob


class JobFilterSet(django_filters.FilterSet):
    mapping = django_filters.CharFilter(field_name="mapping__name")
    state = django_filters.MultipleChoiceFilter(choices=JobState.choices)

    class Meta:
        model = SynchJob
        fields = ("mapping", "state", "mode", "trigger")


class OperationFilterSet(django_filters.FilterSet):
    job = django_filters.NumberFilter(field_name="job_id")
    coupling = django_filters.NumberFilter(field_name="coupling_id")
    mapping = django_filters.CharFilter(field_name="mapping__name")
    state = django_filters.MultipleChoiceFilter(choices=OperationState.choices)
    kind = django_filters.ChoiceFilter(choices=OperationKind.choices)
    system = django_filters.ChoiceFilter(choices=System.choices)

    class Meta:
        model = Operation
        fields = ("job", "coupling", "mapping", "state", "kind", "system")
