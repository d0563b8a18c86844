"""Filters of the API's lists: those of the pages. A mapping that does not exist leaves the list empty."""

import django_filters

from syncjobs import filtersets as pages
from syncjobs.models import Operation, SynchJob


class JobFilterSet(pages.JobFilterSet):
    mapping = django_filters.CharFilter(field_name="mapping__name")

    class Meta:
        model = SynchJob
        fields = pages.JobFilterSet.Meta.fields


class OperationFilterSet(pages.OperationFilterSet):
    mapping = django_filters.CharFilter(field_name="mapping__name")

    class Meta:
        model = Operation
        fields = pages.OperationFilterSet.Meta.fields
