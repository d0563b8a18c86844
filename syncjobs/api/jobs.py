"""Endpoints of jobs, their live log, and the journal of operations."""

from typing import Any

from django.db.models import QuerySet
from django_filters import FilterSet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from connector.choices import System
from coupling.api.base import STARTED_SCHEMA, ConnectionView
from coupling.api.serializers import NothingSerializer
from syncjobs.api.filtersets import JobFilterSet, OperationFilterSet
from syncjobs.api.serializers import JobLogSerializer, JobSerializer, OperationSerializer, ResolveSerializer
from syncjobs.choices import JobTrigger
from syncjobs.models import JobLogEntry, Operation, SynchJob
from syncjobs.services.jobs import cancel_job, delete_job, resolve_conflict, retry_operation
from syncjobs.services.undo import undo_job


class _Jobs(ConnectionView):
    queryset: QuerySet[Any] = SynchJob.objects.none()
    serializer_class: type[BaseSerializer[Any]] = JobSerializer
    filterset_class: type[FilterSet] | None = JobFilterSet

    def get_queryset(self) -> QuerySet[SynchJob]:
        return SynchJob.objects.filter(connection=self.hub_connection).select_related("mapping", "user", "connection")

    def job(self) -> SynchJob:
        job: SynchJob = get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        return job

    def accepted(self, job: SynchJob) -> Response:
        return Response({"job": JobSerializer(self.get_queryset().get(pk=job.pk)).data}, status=202)


class JobList(_Jobs):
    @extend_schema(summary="Jobs, newest first", responses=JobSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(JobSerializer(page, many=True).data)


class JobDetail(_Jobs):
    @extend_schema(summary="One job")
    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(JobSerializer(self.job()).data)

    @extend_schema(summary="Remove an ended job with its journal", responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        delete_job(job=self.job())
        return Response(status=204)


class JobLog(_Jobs):
    """The job's log, oldest first; `?after=` continues behind the entry of that id."""

    queryset = JobLogEntry.objects.none()
    serializer_class = JobLogSerializer
    filterset_class = None

    @extend_schema(
        summary="The job's log, oldest first",
        parameters=[OpenApiParameter("after", int, description="Only what was written after the entry of this id")],
        responses=JobLogSerializer(many=True),
    )
    def get(self, request: Request, **kwargs: Any) -> Response:
        after = request.query_params.get("after", "0")
        if not after.isdecimal():
            raise ValidationError({"after": ["Enter the id of an entry."]})
        entries = JobLogEntry.objects.filter(job=self.job(), pk__gt=int(after))
        page = self.paginate_queryset(entries.order_by("pk"))
        return self.get_paginated_response(JobLogSerializer(page, many=True).data)


class JobCancel(_Jobs):
    """A waiting job ends at once, a running one after the requests under way; what was written stays."""

    @extend_schema(summary="Cancel", request=None, responses={202: STARTED_SCHEMA})
    def post(self, request: Request, **kwargs: Any) -> Response:
        self.body(NothingSerializer)
        job = self.job()
        cancel_job(job=job)
        return self.accepted(job)


class JobUndo(_Jobs):
    """Reverts in a job of its own what this one wrote where that is still unchanged, and lists the rest."""

    @extend_schema(summary="Undo", request=None, responses={202: STARTED_SCHEMA})
    def post(self, request: Request, **kwargs: Any) -> Response:
        self.body(NothingSerializer)
        return self.accepted(undo_job(job=self.job(), user=self.person, trigger=JobTrigger.API))


class _Operations(_Jobs):
    queryset = Operation.objects.none()
    serializer_class: type[BaseSerializer[Any]] = OperationSerializer
    filterset_class = OperationFilterSet

    def operations(self) -> QuerySet[Operation]:
        return Operation.objects.filter(connection=self.hub_connection).select_related("mapping")

    def operation(self) -> Operation:
        rows = self.operations().select_related("mapping__connection", "job", "coupling", "connection")
        operation: Operation = get_object_or_404(rows, pk=self.kwargs["pk"])
        return operation


class OperationList(_Operations):
    @extend_schema(summary="The journal, newest first", responses=OperationSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.operations()))
        return self.get_paginated_response(OperationSerializer(page, many=True).data)


class OperationRetry(_Operations):
    @extend_schema(summary="Try a failed record again", request=None, responses={202: STARTED_SCHEMA})
    def post(self, request: Request, **kwargs: Any) -> Response:
        self.body(NothingSerializer)
        return self.accepted(retry_operation(operation=self.operation(), user=self.person, trigger=JobTrigger.API))


class OperationResolve(_Operations):
    serializer_class = ResolveSerializer

    @extend_schema(summary="Decide a conflict", responses={202: STARTED_SCHEMA})
    def post(self, request: Request, **kwargs: Any) -> Response:
        asked = self.body(ResolveSerializer)
        job = resolve_conflict(
            operation=self.operation(),
            use=System(asked["use"]),
            fields=asked.get("fields", {}),
            user=self.person,
            trigger=JobTrigger.API,
        )
        return self.accepted(job)
