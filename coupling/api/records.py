"""Endpoint of the mirror: the records of one table of one system, with their couplings."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from connector.choices import System
from coupling.api.base import ConnectionView
from coupling.api.serializers import RecordSerializer
from coupling.choices import CouplingState
from coupling.filtersets import ADMITTED, RecordFilterSet
from coupling.models import BusinessCentralRecord
from coupling.services.admission import admits
from coupling.services.couplings import require_enabled
from coupling.services.pairs import attach_couplings
from coupling.services.search import mirror_of
from coupling.synchronisation import service


class TableFilterSet(RecordFilterSet):
    """The filters of the list page, and those that programs need to find one record."""

    number = django_filters.CharFilter()
    mapping = django_filters.CharFilter(method="keep_mapped")
    deleted = django_filters.BooleanFilter(field_name="deleted_at", lookup_expr="isnull", exclude=True)

    def keep_mapped(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        side = f"{self.system}_table"
        mappings = self._connection.mappings.select_related("connection")
        mapping = mappings.filter(**{side: self.table}, name=value).first()
        if mapping is None:
            raise ValidationError({"mapping": [f"There is no mapping “{value}” of this table."]})
        return rows.filter(admits(mapping, self.system), deleted_at__isnull=True)


class RecordList(ConnectionView):
    queryset = BusinessCentralRecord.objects.none()
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

    def get_queryset(self) -> QuerySet[Any]:
        return (
            mirror_of(self.system)
            .objects.of_table(self.hub_connection.pk, self.table)
            .order_by("number", "name", "key")
        )

    @extend_schema(
        summary="Mirrored records of a table, with their couplings",
        parameters=[
            OpenApiParameter("system", enum=System.values, location="path"),
            OpenApiParameter("search", description="Words of number, name, address …"),
            OpenApiParameter("coupled", bool),
            OpenApiParameter("state", description="State of the coupling", enum=CouplingState.values, many=True),
            OpenApiParameter("admitted", enum=[value for value, _ in ADMITTED]),
            OpenApiParameter("number", description="Exactly this number; of a currency its ISO code"),
            OpenApiParameter("mapping", description="Keeps what the filter of this mapping admits"),
            OpenApiParameter("deleted", bool),
            OpenApiParameter("refresh", description="1 reads the table's changes first", enum=["1"]),
        ],
        responses=RecordSerializer(many=True),
    )
    def get(self, request: Request, **kwargs: Any) -> Response:
        mapped = self.hub_connection.mappings.filter(**{f"{self.system}_table": self.table})
        if not mapped.exists() and not self.get_queryset().exists():
            raise Http404(f"{self.table} is not a mapped table of {self.system.label}.")
        filters = TableFilterSet.for_table(self.system, self.table)
        filterset = filters(request.query_params, queryset=self.get_queryset(), request=request)
        if not filterset.is_valid():
            raise ValidationError(filterset.errors)
        if request.query_params.get("refresh") == "1":
            require_enabled(self.hub_connection)
            service().refresh_table(connection=self.hub_connection, system=self.system, table=self.table)
        # Searching looks at the mirror while it is put together, so it has to come after the reading.
        page = self.paginate_queryset(filterset.qs) or []
        attach_couplings(page, connection=self.hub_connection, system=self.system, table=self.table)
        return self.get_paginated_response(RecordSerializer(page, many=True, context={"system": self.system}).data)
