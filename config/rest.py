"""Ground rules of the REST API that every app's endpoints share: strict bodies, paging, and errors as documented.

A body is refused as a whole when it names a property the endpoint does not know, so that a misspelt setting is an
error instead of a change that silently never happens.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import page_not_found, server_error
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response
from rest_framework.views import exception_handler

from config import __version__
from connector.errors import ErrorKind, HubError, SettingsError

VERSION = __version__

_API = "/api/"

STATUS_OF_KIND: dict[ErrorKind, int] = {
    ErrorKind.DATA: 400,
    # Settings and privileges in the two systems; what the person may do is decided before any work, and is 403.
    ErrorKind.CONFIG: 409,
    ErrorKind.PERMISSION: 409,
    ErrorKind.CONFLICT: 409,
    ErrorKind.DEPENDENCY: 409,
    ErrorKind.THROTTLED: 503,
    ErrorKind.TRANSIENT: 503,
    ErrorKind.BUG: 500,
}


class Refused(APIException):
    """The request is understood, but what is there does not allow it now."""

    status_code = 409
    default_detail = "The request conflicts with the present state."
    default_code = "conflict"


class StrictFields(serializers.Serializer):
    """Refuses properties that the serializer does not declare, naming each; read-only ones are refused too."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = {
                name: ["This property is read-only." if name in self.fields else "There is no such property."]
                for name in data
                if name not in writable
            }
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)


class StrictSerializer(StrictFields):
    """Base of serializers for bodies that are not one model's row."""


class StrictModelSerializer(StrictFields, serializers.ModelSerializer[Any]):
    """Base of serializers for one model's row."""


class Pages(PageNumberPagination):
    """`count`, `next`, `previous`, `results`; the caller may ask for up to 1,000 rows a page."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 1000

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "properties": {"count": {"type": "integer"}, "next": link, "previous": link, "results": schema},
            "required": ["count", "next", "previous", "results"],
        }


def hub_error_response(error: HubError) -> Response:
    """The sentence as `detail`, with the stable code and the way out beside it."""
    if isinstance(error, SettingsError):
        if error.conflict:
            return Response({"detail": str(error), "code": error.code}, status=409)
        return Response(error.fields or {"detail": str(error)}, status=400)
    return Response({"detail": str(error), "code": error.code, "hint": error.hint}, status=STATUS_OF_KIND[error.kind])


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The hub's handler of 404: programs get JSON below /api/, people the page."""
    if request.path.startswith(_API):
        return JsonResponse({"detail": "There is nothing at this address."}, status=404)
    return page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """The hub's handler of 500; what went wrong stands in the log."""
    if request.path.startswith(_API):
        return JsonResponse({"detail": "The mistake is the hub's own and has been written to its log."}, status=500)
    return server_error(request)


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler plus the hub's own errors; anything else stays an error 500 with its traceback in the log."""
    if isinstance(error, HubError):
        return hub_error_response(error)
    return exception_handler(error, context)
