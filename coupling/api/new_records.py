"""Endpoint that shows the record which creating the other side would make, and what is missing in it."""

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connector.choices import System
from coupling.api.base import ConnectionView
from coupling.models import BusinessCentralRecord
from coupling.services.couplings import mirrored
from coupling.services.new_values import NewValue, missing_values, preview_new


class NewProblemSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField()


class MissingValueSerializer(serializers.Serializer[NewValue]):
    name = serializers.CharField(help_text="As `values` of the creation calls it.")
    label = serializers.CharField()  # type: ignore[assignment]
    kind = serializers.CharField()
    length = serializers.IntegerField(allow_null=True)
    choices = serializers.SerializerMethodField()

    def get_choices(self, value: NewValue) -> list[dict[str, Any]]:
        return [{"value": each, "label": label} for each, label in value.choices]


class NewRecordSerializer(serializers.Serializer[Any]):
    values = serializers.DictField(help_text="What the new record would be sent, as the wire calls it.")
    missing = MissingValueSerializer(many=True)
    problems = NewProblemSerializer(many=True)


class NewRecord(ConnectionView):
    queryset = BusinessCentralRecord.objects.none()
    serializer_class = NewRecordSerializer
    pagination_class = None

    @extend_schema(summary="The record that would be created on the other side", responses=NewRecordSerializer)
    def get(self, request: Request, connection: str, name: str, system: str, key: UUID) -> Response:
        mapping = self.mapping(name)
        if system not in System.values:
            raise Http404("A system is business_central or sales.")
        side = System(system)
        if mirrored(mapping.connection, side, mapping.table(side), key) is None:
            raise Http404("The hub has not read this record.")
        preview = preview_new(mapping, side, key)
        shown = {
            "values": preview.body,
            "missing": missing_values(mapping, side.other, preview.body),
            "problems": preview.problems,
        }
        return Response(NewRecordSerializer(shown).data)
