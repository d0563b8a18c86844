"""Connections in the REST API: settings, test, reset."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from connector.api.serializers import (
    AnotherConnectionSerializer,
    ChecksFailedSerializer,
    NewConnectionSerializer,
    ReportSerializer,
    ResetSerializer,
    SettingsSerializer,
)
from connector.models import Connection
from connector.services import setup
from connector.services.another_company import connect_another
from connector.services.connection_test import run_connection_test


def connection_of(request: Request) -> Connection:
    """The connection that the path names; the permission class has found it."""
    connection: Connection = request._request.connection  # type: ignore[attr-defined]
    return connection


_TAGS = ["connections"]


@extend_schema_view(get=extend_schema(tags=_TAGS, operation_id="connections_list", summary="All connections"))
class ConnectionsView(ListAPIView[Connection]):
    """All connections, and making another one."""

    queryset = Connection.objects.order_by("slug")
    serializer_class = SettingsSerializer

    @extend_schema(
        tags=_TAGS,
        operation_id="connections_create",
        summary="Make another connection",
        request=NewConnectionSerializer,
        responses={201: SettingsSerializer},
    )
    def post(self, request: Request) -> Response:
        serializer = NewConnectionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            connection = setup.create_connection(values=serializer.to_changes(), user=_user(request))
        except setup.ChecksFailedError as error:
            return _checks_failed(error)
        return Response(SettingsSerializer(connection).data, status=201)


class ConnectionView(APIView):
    """One connection's settings."""

    @extend_schema(
        tags=_TAGS, operation_id="connection_retrieve", summary="Settings; no secrets", responses=SettingsSerializer
    )
    def get(self, request: Request, connection: str) -> Response:
        return Response(SettingsSerializer(connection_of(request)).data)

    @extend_schema(
        tags=_TAGS,
        operation_id="connection_update",
        summary="Change settings, enable, disable",
        description="`enabled: true` runs the connection test within the request; a failed check is 400 with steps.",
        request=SettingsSerializer,
        responses={200: SettingsSerializer, 400: ChecksFailedSerializer},
    )
    def patch(self, request: Request, connection: str) -> Response:
        current = connection_of(request)
        serializer = SettingsSerializer(current, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        try:
            changed = setup.update_connection(connection=current, changes=serializer.to_changes(), user=_user(request))
        except setup.ChecksFailedError as error:
            return _checks_failed(error)
        return Response(SettingsSerializer(changed).data)


class AnotherConnectionView(APIView):
    """A connection like this one for another company or environment."""

    @extend_schema(
        tags=_TAGS,
        operation_id="connection_another",
        summary="Make a disabled connection like this one, for another company or environment",
        description="Settings and mappings are taken over; couplings stay parked with this connection.",
        request=AnotherConnectionSerializer,
        responses={201: SettingsSerializer},
    )
    def post(self, request: Request, connection: str) -> Response:
        current = connection_of(request)
        serializer = AnotherConnectionSerializer(current, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        made = connect_another(connection=current, changes=serializer.to_changes(), user=_user(request))
        return Response(SettingsSerializer(made).data, status=201)


class ConnectionTestView(APIView):
    """Tests both systems; changes nothing."""

    @extend_schema(
        tags=_TAGS,
        operation_id="connection_test",
        summary="Test both systems",
        request=None,
        responses=ReportSerializer,
    )
    def post(self, request: Request, connection: str) -> Response:
        return Response(run_connection_test(connection=connection_of(request)).as_json())


class ConnectionResetView(APIView):
    """Forgets everything but addresses and credentials."""

    @extend_schema(
        tags=_TAGS,
        operation_id="connection_reset",
        summary="Forget mirror, couplings and jobs; defaults for the rest",
        request=ResetSerializer,
        responses={204: None},
    )
    def post(self, request: Request, connection: str) -> Response:
        serializer = ResetSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        setup.reset_connection(
            connection=connection_of(request), confirm=serializer.validated_data["confirm"], user=_user(request)
        )
        return Response(status=204)


def _user(request: Request) -> Any:
    return request.user


def _checks_failed(error: setup.ChecksFailedError) -> Response:
    return Response({"detail": str(error), "steps": error.report.as_json()["steps"]}, status=400)
