"""Endpoint of the configuration document: export, and import with its difference."""

from typing import Any

from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.rest import StrictSerializer
from coupling.api.base import ConnectionView
from syncjobs.choices import CopyOrigin
from syncjobs.services.configuration import apply_configuration, differences, export_configuration


class ImportSerializer(StrictSerializer):
    """`apply` false only compares."""

    document = serializers.DictField()
    apply = serializers.BooleanField(default=False)


class DifferenceSerializer(serializers.Serializer[Any]):
    mapping = serializers.CharField()
    subject = serializers.CharField()
    now = serializers.JSONField()
    then = serializers.JSONField(source="delivered")


class ImportAnswerSerializer(serializers.Serializer[Any]):
    applied = serializers.BooleanField()
    differences = DifferenceSerializer(many=True)


class Configuration(ConnectionView):
    serializer_class = ImportSerializer

    @extend_schema(summary="Mappings, fields, templates and schedules as a document", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, connection: str) -> Response:
        return Response(export_configuration(connection=self.hub_connection))

    @extend_schema(summary="Compare a document with what is, or put it in force", responses=ImportAnswerSerializer)
    def post(self, request: Request, connection: str) -> Response:
        asked = self.body(ImportSerializer)
        place = {"connection": self.hub_connection, "document": asked["document"]}
        if asked["apply"]:
            found = apply_configuration(**place, user=self.person, origin=CopyOrigin.BEFORE_IMPORT)
        else:
            found = differences(**place)
        answer = {"applied": asked["apply"], "differences": found}
        return Response(ImportAnswerSerializer(answer).data)
