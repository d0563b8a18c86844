"""What the endpoints of couplings share: the connection of the path, its mappings, answers of long work."""

from collections.abc import Sequence
from typing import Any, cast

import simplejson
from django.contrib.auth.models import User
from django.http import Http404
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.utils.encoders import JSONEncoder

from connector.models import Connection
from coupling.exceptions import MappingError, RecordMissingError
from coupling.models import TableMapping
from coupling.services.new_values import ValuesError
from coupling.services.requests import Started
from coupling.synchronisation import StartedJob


class WireRenderer(JSONRenderer):
    """JSON whose fractions are numbers with all their digits, as the two systems write them."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        text = simplejson.dumps(
            data, default=JSONEncoder().default, use_decimal=True, ensure_ascii=False, separators=(",", ":")
        )
        return text.encode()


# The layer above sends jobs; it describes them under this name.
JOB_SCHEMA = {"$ref": "#/components/schemas/Job"}
JOB_OR_NULL_SCHEMA = {"anyOf": [JOB_SCHEMA, {"type": "null"}]}
STARTED_SCHEMA = {"type": "object", "properties": {"job": JOB_SCHEMA}, "required": ["job"]}
ALL_STARTED_SCHEMA = {
    "type": "object",
    "properties": {
        "job": JOB_OR_NULL_SCHEMA,
        "jobs": {"type": "array", "items": JOB_SCHEMA},
        "left_out": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"coupling": {"type": "integer"}, "reason": {"type": "string"}},
                "required": ["coupling", "reason"],
            },
        },
    },
    "required": ["job", "jobs", "left_out"],
}


class ConnectionView(GenericAPIView):
    """Base of all endpoints below `/connections/{connection}/`; the permission gate has resolved the connection."""

    renderer_classes = (WireRenderer,)

    @property
    def hub_connection(self) -> Connection:
        connection: Connection = self.request._request.connection  # type: ignore[attr-defined]
        return connection

    @property
    def person(self) -> User:
        """Who asks; the permission gate lets nobody else in."""
        return cast(User, self.request.user)

    def mapping(self, name: str) -> TableMapping:
        """The mapping of the path; Http404 where there is none."""
        mapping = self.hub_connection.mappings.select_related("connection").filter(name=name).first()
        if mapping is None:
            raise Http404("There is no mapping of this name.")
        return mapping

    def named_mapping(self, name: str) -> TableMapping:
        """The mapping that a body names; 400 naming the property where there is none."""
        mapping = self.hub_connection.mappings.select_related("connection").filter(name=name).first()
        if mapping is None:
            raise ValidationError({"mapping": [f"There is no mapping “{name}”."]})
        return mapping

    def body(self, serializer: type[BaseSerializer[Any]], instance: Any = None, *, partial: bool = False) -> Any:
        """The checked body; 400 naming what is wrong."""
        checked = serializer(instance, data=self.request.data, partial=partial)
        checked.is_valid(raise_exception=True)
        return checked.validated_data

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, MappingError) and exc.fields:
            exc = ValidationError(exc.fields)
        if isinstance(exc, ValuesError):
            exc = ValidationError({"values": {name: [problem] for name, problem in exc.problems.items()}})
        if isinstance(exc, RecordMissingError):
            exc = NotFound(str(exc))
        return super().handle_exception(exc)


def started(job: StartedJob) -> Response:
    return Response({"job": job.representation}, status=202)


def all_started(work: Started) -> Response:
    """202 with the first job, all jobs where a selection spans mappings, and what was left out."""
    jobs: Sequence[StartedJob] = work.jobs
    body = {
        "job": jobs[0].representation if jobs else None,
        "jobs": [job.representation for job in jobs],
        "left_out": [{"coupling": left.coupling.pk, "reason": left.reason} for left in work.left_out],
    }
    return Response(body, status=202)
