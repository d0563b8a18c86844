"""Endpoint of one customer's account statistics in Sales; the schedule computes those of all."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coupling.api.base import STARTED_SCHEMA, ConnectionView
from coupling.api.serializers import NothingSerializer
from coupling.models import Coupling
from syncjobs.api.serializers import JobSerializer
from syncjobs.choices import JobTrigger
from syncjobs.documents.processes import STATISTICS, start_process


class CustomerStatistics(ConnectionView):
    serializer_class = NothingSerializer
    queryset = Coupling.objects.none()

    @extend_schema(
        summary="Update the account statistics of a coupled customer",
        description="Computes its row in Sales and looks at the payments of its invoices. 404 for what is no customer.",
        request=None,
        responses={202: STARTED_SCHEMA},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        self.body(NothingSerializer)
        coupling = get_object_or_404(Coupling, connection=self.hub_connection, pk=self.kwargs["pk"])
        if coupling.bc_table != "customers":
            raise Http404
        job = start_process(
            connection=self.hub_connection, name=STATISTICS, trigger=JobTrigger.API, documents=[coupling.sales_key],
            user=self.person,
        )  # fmt: skip
        return Response({"job": JobSerializer(job).data}, status=202)
