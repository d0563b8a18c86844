"""Endpoints of schedules."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from config.roles import Capability, require
from coupling.api.base import STARTED_SCHEMA, ConnectionView
from coupling.api.serializers import NothingSerializer
from syncjobs.api.serializers import JobSerializer, ScheduleSerializer
from syncjobs.choices import JobTrigger
from syncjobs.filtersets import ScheduleFilterSet
from syncjobs.models import Schedule
from syncjobs.services.jobs import check_connection
from syncjobs.services.schedules import change_schedule, pause, run_now


class _Schedules(ConnectionView):
    queryset = Schedule.objects.none()
    serializer_class = ScheduleSerializer

    def get_queryset(self) -> QuerySet[Schedule]:
        return Schedule.objects.filter(connection=self.hub_connection).select_related("mapping", "connection")

    def schedule(self) -> Schedule:
        schedule: Schedule = get_object_or_404(self.get_queryset(), name=self.kwargs["name"])
        return schedule


class ScheduleList(_Schedules):
    filterset_class = ScheduleFilterSet

    @extend_schema(summary="Schedules", responses=ScheduleSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(ScheduleSerializer(page, many=True).data)


class ScheduleDetail(_Schedules):
    @extend_schema(summary="One schedule")
    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(ScheduleSerializer(self.schedule()).data)

    @extend_schema(summary="Pause, resume, or change when it runs")
    def patch(self, request: Request, **kwargs: Any) -> Response:
        """`enabled` pauses and resumes, which an operator may; when it runs is a setting."""
        if isinstance(request.data, dict) and set(request.data) - {"enabled"}:
            require(self.person, Capability.CHANGE_SETTINGS)
        check_connection(self.hub_connection)
        schedule = self.schedule()
        changes = self.body(ScheduleSerializer, schedule, partial=True)
        enabled = changes.pop("enabled", None)
        if changes:
            change_schedule(schedule=schedule, user=self.person, changes=changes)
        if enabled is not None and enabled != schedule.enabled:
            pause(schedule=schedule, enabled=enabled)
        return Response(ScheduleSerializer(self.schedule()).data)


class ScheduleRun(_Schedules):
    @extend_schema(summary="Run now", request=None, responses={202: STARTED_SCHEMA})
    def post(self, request: Request, **kwargs: Any) -> Response:
        self.body(NothingSerializer)
        check_connection(self.hub_connection)
        job = run_now(schedule=self.schedule(), user=self.person, trigger=JobTrigger.API)
        return Response({"job": JobSerializer(job).data}, status=202)
