"""Endpoints of full synchronisations."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from config.roles import Capability, require
from coupling.api.base import ConnectionView
from coupling.api.serializers import NothingSerializer
from syncjobs.api.serializers import (
    AcceptedFullSynchSerializer,
    FullSynchSerializer,
    RestartSerializer,
    StartFullSynchSerializer,
)
from syncjobs.models import FullSynch, FullSynchLine
from syncjobs.services.full_synch import start_full_synch
from syncjobs.services.full_synch_control import (
    accept_failures,
    cancel_full_synch,
    pause_full_synch,
    restart_lines,
    resume_full_synch,
    retry_failed,
)


class _FullSynchs(ConnectionView):
    queryset = FullSynch.objects.none()
    serializer_class = FullSynchSerializer

    def get_queryset(self) -> QuerySet[FullSynch]:
        lines = FullSynchLine.objects.select_related("mapping").prefetch_related("jobs")
        runs = FullSynch.objects.filter(connection=self.hub_connection).select_related("connection")
        return runs.prefetch_related(Prefetch("lines", lines))

    def full_synch(self) -> FullSynch:
        full_synch: FullSynch = get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        return full_synch

    def accepted(self, full_synch: FullSynch) -> Response:
        return Response({"full_synch": {"id": full_synch.pk}}, status=202)


class FullSynchList(_FullSynchs):
    @extend_schema(summary="Full synchronisations, newest first", responses=FullSynchSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(FullSynchSerializer(page, many=True).data)

    @extend_schema(
        summary="Start a full synchronisation, or a preview of one",
        request=StartFullSynchSerializer,
        responses={202: AcceptedFullSynchSerializer},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        preview = isinstance(request.data, dict) and request.data.get("preview") is True
        require(self.person, Capability.OPERATE if preview else Capability.RUN_FULL)
        asked = self.body(StartFullSynchSerializer)
        return self.accepted(start_full_synch(connection=self.hub_connection, user=self.person, **asked))


class FullSynchDetail(_FullSynchs):
    @extend_schema(summary="One full synchronisation with its lines")
    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(FullSynchSerializer(self.full_synch()).data)


class FullSynchRestart(_FullSynchs):
    @extend_schema(summary="Run lines again", request=RestartSerializer, responses={202: AcceptedFullSynchSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        full_synch = self.full_synch()
        restart_lines(full_synch=full_synch, mappings=self.body(RestartSerializer)["mappings"])
        return self.accepted(full_synch)


class FullSynchAccept(_FullSynchs):
    @extend_schema(
        summary="Let run what waits because too many records of these lines failed",
        request=RestartSerializer,
        responses={202: AcceptedFullSynchSerializer},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        full_synch = self.full_synch()
        accept_failures(full_synch=full_synch, mappings=self.body(RestartSerializer)["mappings"])
        return self.accepted(full_synch)


class FullSynchRetry(_FullSynchs):
    @extend_schema(
        summary="Run lines again over the records that failed",
        request=RestartSerializer,
        responses={202: AcceptedFullSynchSerializer},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        full_synch = self.full_synch()
        retry_failed(full_synch=full_synch, mappings=self.body(RestartSerializer)["mappings"])
        return self.accepted(full_synch)


class FullSynchPause(_FullSynchs):
    @extend_schema(
        summary="Pause: lines stop after the requests under way",
        request=None,
        responses={202: AcceptedFullSynchSerializer},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        self.body(NothingSerializer)
        full_synch = self.full_synch()
        pause_full_synch(full_synch=full_synch)
        return self.accepted(full_synch)


class FullSynchResume(_FullSynchs):
    @extend_schema(summary="Go on after a pause", request=None, responses={202: AcceptedFullSynchSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        self.body(NothingSerializer)
        full_synch = self.full_synch()
        resume_full_synch(full_synch=full_synch)
        return self.accepted(full_synch)


class FullSynchCancel(_FullSynchs):
    @extend_schema(summary="Cancel", request=None, responses={202: AcceptedFullSynchSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        self.body(NothingSerializer)
        full_synch = self.full_synch()
        cancel_full_synch(full_synch=full_synch)
        return self.accepted(full_synch)
