"""Endpoint of the mirror: the records of one table of one system, with their couplings."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from connector.choices import System
from coupling.api.base import ConnectionView
from coupling.api.serializers import RecordSerializer
from coupling.models import TableMapping
from coupling.services.admission import admits
from coupling.services.couplings import require_enabled
from coupling.services.pairs import attach_couplings, only_coupled
from coupling.services.search import matching, mirror_of
from coupling.synchronisation import service


class RecordFilterSet(django_filters.FilterSet):
    """Filters of the records of the table that the view names."""

    search = django_filters.CharFilter(method="find")
    coupled = django_filters.BooleanFilter(method="keep_coupled")
    number = django_filters.CharFilter()
    mapping = django_filters.CharFilter(method="keep_admitted")
    deleted = django_filters.BooleanFilter(field_name="deleted_at", lookup_expr="isnull", exclude=True)

    def __init__(self, *args: Any, view: "RecordList", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.view = view

    def find(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return matching(rows, value)

    def keep_coupled(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        view = self.view
        return only_coupled(rows, view.hub_connection, view.system, view.table, coupled=value)

    def keep_admitted(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        mapping = self.view.mappings().filter(name=value).first()
        if mapping is None:
            raise ValidationError({"mapping": [f"There is no mapping “{value}” of this table."]})
        return rows.filter(admits(mapping, self.view.system), deleted_at__isnull=True)


class RecordList(ConnectionView):
    serializer_class = RecordSerializer

    @property
    def system(self) -> System:
        try:
            return System(self.kwargs["system"])
        except ValueError as error:
            raise Http404("A system is business_central or sales.") from error

    @property
    def table(self) -> str:
        return str(self.kwargs["table"])

    def mappings(self) -> QuerySet[TableMapping]:
        side = "business_central_table" if self.system == System.BUSINESS_CENTRAL else "sales_table"
        return self.hub_connection.mappings.select_related("connection").filter(**{side: self.table})

    def get_queryset(self) -> QuerySet[Any]:
        return (
            mirror_of(self.system)
            .objects.of_table(self.hub_connection.pk, self.table)
            .order_by("number", "name", "key")
        )

    def get(self, request: Request, **kwargs: Any) -> Response:
        if not self.mappings().exists() and not self.get_queryset().exists():
            raise Http404(f"{self.table} is not a mapped table of {self.system.label}.")
        if request.query_params.get("refresh") in ("1", "true"):
            require_enabled(self.hub_connection)
            service().refresh_table(connection=self.hub_connection, system=self.system, table=self.table)
        filterset = RecordFilterSet(request.query_params, queryset=self.get_queryset(), request=request, view=self)
        if not filterset.is_valid():
            raise ValidationError(filterset.errors)
        page = self.paginate_queryset(filterset.qs) or []
        attach_couplings(page, connection=self.hub_connection, system=self.system, table=self.table)
        return self.get_paginated_response(RecordSerializer(page, many=True, context={"system": self.system}).data)
