"""Endpoints of Sales orders on their way to Business Central, and what those of quotes have in common with them."""

from collections.abc import Callable
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.web.filters import FilterSet
from connector.clients import INTERACTIVE, business_central_client, sales_client
from connector.errors import HubError
from coupling.api.base import STARTED_SCHEMA, ConnectionView
from coupling.api.serializers import NothingSerializer
from coupling.services.words import fold
from syncjobs.api.serializers import JobSerializer
from syncjobs.choices import JobTrigger
from syncjobs.documents import links
from syncjobs.documents.choices import OrderState, TransferState
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.reading import check_waiting, refresh
from syncjobs.documents.records import ALL_SUBMITTED, ORDERS, Shape
from syncjobs.documents.requests import Requested, create_order
from syncjobs.models import SynchJob
from syncjobs.services.jobs import check_connection

CHECKED_AT_ONCE = 500
"""Orders up to which a refresh within the request also checks what is missing."""


class ProblemRecordSerializer(serializers.Serializer[Any]):
    system = serializers.CharField()
    table = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()


class FixSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    url = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """What stands in the way of a document: `record` it is about, `fix` where it is solved."""

    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField()
    record = ProblemRecordSerializer(allow_null=True)
    fix = FixSerializer(allow_null=True)


class ProblemsSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()
    problems = ProblemSerializer(many=True)


class DocumentSerializer(serializers.ModelSerializer[SalesDocument]):
    """What orders and quotes have in common."""

    state = serializers.CharField(source="sales_state_word", read_only=True)
    problems = serializers.SerializerMethodField()
    business_central_id = serializers.UUIDField(source="bc_key", allow_null=True, read_only=True)
    business_central_number = serializers.CharField(source="bc_number", read_only=True)
    sales_url = serializers.SerializerMethodField()
    business_central_url = serializers.SerializerMethodField()
    omissions = serializers.ListField(child=serializers.CharField(), read_only=True)
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)
    attention = serializers.ListField(child=serializers.DictField(), read_only=True)
    differences = serializers.ListField(child=serializers.DictField(), read_only=True)
    customer = serializers.CharField(source="customer_name", read_only=True)

    @extend_schema_field(ProblemSerializer(many=True))
    def get_problems(self, document: SalesDocument) -> list[dict[str, Any]]:
        return links.with_urls(document.connection, document.problems)

    def get_sales_url(self, document: SalesDocument) -> str:
        return links.in_sales(document)

    def get_business_central_url(self, document: SalesDocument) -> str:
        return links.in_business_central(document)


COMMON = (
    "name", "state", "problems", "omissions", "transfer_state", "business_central_id", "business_central_number",
    "sales_url", "business_central_url", "customer", "currency", "total", "warnings", "attention", "differences",
    "error_code", "error_message", "read_at",
)  # fmt: skip


class SalesOrderSerializer(DocumentSerializer):
    salesorderid = serializers.UUIDField(source="sales_key", read_only=True)
    ordernumber = serializers.CharField(source="number", read_only=True)

    class Meta:
        model = SalesDocument
        fields = ("salesorderid", "ordernumber", *COMMON)


class CreatedSerializer(serializers.Serializer[Any]):
    business_central_id = serializers.UUIDField()
    business_central_number = serializers.CharField()
    detail = serializers.CharField()


class DocumentFilterSet(FilterSet):
    """Filters of both kinds."""

    search = django_filters.CharFilter(method="find", label="Search")
    created = django_filters.BooleanFilter(field_name="bc_key", lookup_expr="isnull", exclude=True, label="Created")
    transfer_state = django_filters.ChoiceFilter(choices=TransferState.choices, label="Transfer")

    class Meta:
        model = SalesDocument
        fields = ("search", "created", "transfer_state")

    def find(self, rows: QuerySet[SalesDocument], name: str, value: str) -> QuerySet[SalesDocument]:
        return rows.filter(search_text__contains=fold(value))


class OrderFilterSet(DocumentFilterSet):
    state = django_filters.ChoiceFilter(
        method="in_state", label="State", choices=[(state.name.lower(), state.label) for state in OrderState]
    )

    def in_state(self, rows: QuerySet[SalesDocument], name: str, value: str) -> QuerySet[SalesDocument]:
        return rows.filter(sales_state=OrderState[value.upper()])


def answer(requested: Requested) -> Response:
    """202 with the job, 409 with the problems, 200 with the number of a document that is there already."""
    document = requested.document
    if requested.problems:
        problems = links.with_urls(document.connection, requested.problems)
        return Response({"detail": requested.message, "problems": problems}, status=409)
    if requested.job is not None:
        job = SynchJob.objects.select_related("mapping", "user").get(pk=requested.job.pk)
        return Response({"job": JobSerializer(job).data}, status=202)
    return Response(
        {
            "business_central_id": document.bc_key,
            "business_central_number": document.bc_number,
            "detail": requested.message,
        }
    )


class Documents(ConnectionView):
    """Documents of one kind; `shape` and `condition` say which, and what a refresh reads of Sales."""

    queryset = SalesDocument.objects.none()
    serializer_class: type[serializers.BaseSerializer[Any]] = DocumentSerializer
    shape: Shape
    condition: str

    def get_queryset(self) -> QuerySet[SalesDocument]:
        documents = SalesDocument.objects.filter(connection=self.hub_connection, kind=self.shape.kind)
        return documents.select_related("connection")

    def listed(self, request: Request) -> Response:
        """A page of the list, read from Sales first where `refresh` asks for it."""
        if request.query_params.get("refresh") in ("1", "true"):
            self._refresh()
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.serializer_class(page, many=True).data)

    def _refresh(self) -> None:
        connection = self.hub_connection
        check_connection(connection)
        sales = sales_client(connection, patience=INTERACTIVE)
        documents = refresh(sales, connection, self.shape, self.condition)
        if len(documents) <= CHECKED_AT_ONCE:
            check_waiting(connection, sales, business_central_client(connection, patience=INTERACTIVE), documents)


class Transfer(ConnectionView):
    """Asks for the transfer of one document by `requests`, a function of `syncjobs.documents.requests`."""

    serializer_class = NothingSerializer
    requests: Callable[..., Requested]

    def transfer(self) -> Response:
        self.body(NothingSerializer)
        request = type(self).requests
        try:
            requested = request(
                connection=self.hub_connection, key=self.kwargs["key"], user=self.person, trigger=JobTrigger.API
            )
        except HubError as error:
            if error.code == "document.missing":
                raise Http404(str(error)) from error
            raise
        return answer(requested)


REFRESH = OpenApiParameter("refresh", bool, description="Reads Sales first.")
TRANSFER_ANSWERS = {200: CreatedSerializer, 202: STARTED_SCHEMA, 409: ProblemsSerializer}


class SalesOrderList(Documents):
    serializer_class = SalesOrderSerializer
    filterset_class = OrderFilterSet
    shape, condition = ORDERS, ALL_SUBMITTED

    @extend_schema(
        summary="Sales orders that were submitted or are coupled",
        parameters=[REFRESH],
        responses=SalesOrderSerializer(many=True),
    )
    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.listed(request)


class CreateInBusinessCentral(Transfer):
    requests = staticmethod(create_order)

    @extend_schema(summary="Create the order in Business Central", request=None, responses=TRANSFER_ANSWERS)
    def post(self, request: Request, **kwargs: Any) -> Response:
        return self.transfer()
