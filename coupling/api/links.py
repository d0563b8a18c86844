"""Endpoints of links: history and undo, all couplings of a mapping at once, options by hand, look-alikes."""

from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from config.rest import StrictSerializer
from connector.choices import System
from coupling.api.base import ALL_STARTED_SCHEMA, STARTED_SCHEMA, ConnectionView, all_started, started
from coupling.api.serializers import NothingSerializer
from coupling.choices import LinkChange, MappingKind
from coupling.link_changes import CouplingChange
from coupling.models import BusinessCentralRecord, OptionMapping, TableMapping
from coupling.services import changes, requests
from coupling.services.couplings import mirrored, require_enabled
from coupling.services.duplicates import duplicates_of
from coupling.services.options import couple_option, option_lines, uncouple_options
from coupling.synchronisation import service


class ChangeSerializer(serializers.ModelSerializer[CouplingChange]):
    """What somebody did to a link; `deed` is what undoing asks for."""

    mapping = serializers.CharField(source="mapping.name")
    kind = serializers.ChoiceField(choices=LinkChange.choices)
    business_central_id = serializers.UUIDField(source="bc_key")
    sales_id = serializers.UUIDField(source="sales_key")
    user = serializers.CharField(source="user.username", default=None)

    class Meta:
        model = CouplingChange
        fields = ("deed", "kind", "mapping", "business_central_id", "sales_id", "user", "at", "undone_at")


class ConfirmSerializer(StrictSerializer):
    confirm = serializers.CharField(help_text="The mapping's name.")


class CoupleOptionSerializer(StrictSerializer):
    business_central_id = serializers.UUIDField()
    option_value = serializers.IntegerField()
    synchronize = serializers.ChoiceField(choices=[("to_sales", "to_sales")], allow_null=True, default=None)


class OptionSerializer(serializers.Serializer[Any]):
    """A code with its option, or one of the two alone."""

    id = serializers.IntegerField(source="coupling.pk", default=None, help_text="Of the coupling; null without one.")
    business_central_id = serializers.UUIDField(source="code.key", default=None)
    code = serializers.CharField(source="code.number", default=None)
    option_value = serializers.IntegerField(source="option.value", default=None)
    option_label = serializers.CharField(source="option.label", default=None)
    state = serializers.CharField()


class DuplicateSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="record.key")
    number = serializers.CharField(source="record.number")
    name = serializers.CharField(source="record.name")
    reasons = serializers.ListField(child=serializers.CharField())


class ChangeList(ConnectionView):
    queryset = CouplingChange.objects.none()
    serializer_class = ChangeSerializer

    @extend_schema(summary="Changes of links, newest first", responses=ChangeSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = CouplingChange.objects.filter(connection=self.hub_connection).select_related("mapping", "user")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ChangeSerializer(page, many=True).data)


class ChangeUndo(ConnectionView):
    serializer_class = NothingSerializer

    @extend_schema(summary="Put a link back, within a day", request=None, responses={202: ALL_STARTED_SCHEMA})
    def post(self, request: Request, connection: str, deed: UUID) -> Response:
        self.body(NothingSerializer)
        change = changes.undoable(self.hub_connection, deed)
        require_enabled(self.hub_connection)
        done = changes.undo(change, self.person)
        return all_started(requests.Started(done.jobs, done.done))


class MappingUncouple(ConnectionView):
    serializer_class = ConfirmSerializer

    @extend_schema(
        summary="Delete all couplings of a mapping", request=ConfirmSerializer, responses={202: ALL_STARTED_SCHEMA}
    )
    def post(self, request: Request, connection: str, name: str) -> Response:
        mapping = self.mapping(name)
        if self.body(ConfirmSerializer)["confirm"] != mapping.name:
            raise ValidationError({"confirm": [f"Has to be {mapping.name}."]})
        return all_started(requests.uncouple_table(mapping=mapping, user=self.person, trigger="api"))


class OptionList(ConnectionView):
    queryset = OptionMapping.objects.none()
    pagination_class = None
    serializer_class = OptionSerializer

    def option_mapping(self, name: str) -> TableMapping:
        mapping = self.mapping(name)
        if mapping.kind != MappingKind.OPTION:
            raise Http404("This mapping couples records, not options.")
        return mapping

    @extend_schema(summary="Codes and options of an option mapping", responses=OptionSerializer(many=True))
    def get(self, request: Request, connection: str, name: str) -> Response:
        lines = option_lines(self.option_mapping(name)).lines
        return Response([OptionSerializer(line).data for line in lines])

    @extend_schema(summary="Couple a code with an option", request=CoupleOptionSerializer)
    def post(self, request: Request, connection: str, name: str) -> Response:
        mapping, asked = self.option_mapping(name), self.body(CoupleOptionSerializer)
        key = asked["business_central_id"]
        coupled = couple_option(mapping=mapping, bc_key=key, value=asked["option_value"], user=self.person)
        job = None
        if asked["synchronize"]:
            job = service().synchronize_options(mapping=mapping, keys=[key], user=self.person, trigger=requests.FIRST)
        body = {
            "id": coupled.pk,
            "business_central_id": key,
            "code": coupled.bc_code,
            "option_value": coupled.option_value,
            "option_label": coupled.option_label,
            "job": job.representation if job else None,
        }
        return Response(body, status=201)


class OptionDetail(ConnectionView):
    serializer_class = NothingSerializer

    @extend_schema(summary="Delete the coupling of an option", responses={204: None})
    def delete(self, request: Request, connection: str, name: str, pk: int) -> Response:
        row = get_object_or_404(
            OptionMapping.objects.select_related("mapping__connection"), mapping=self.mapping(name), pk=pk
        )
        uncouple_options(options=[row], user=self.person)
        return Response(status=204)

    @extend_schema(
        operation_id="mappings_options_synchronize",
        summary="Write a coupled code to Sales",
        request=None,
        responses={202: STARTED_SCHEMA},
    )
    def post(self, request: Request, connection: str, name: str, pk: int) -> Response:
        self.body(NothingSerializer)
        row = get_object_or_404(OptionMapping, mapping=self.mapping(name), pk=pk)
        job = service().synchronize_options(
            mapping=self.mapping(name), keys=[row.bc_key], user=self.person, trigger="api"
        )
        return started(job)


class DuplicateList(ConnectionView):
    queryset = BusinessCentralRecord.objects.none()
    serializer_class = DuplicateSerializer
    pagination_class = None

    @extend_schema(summary="Records of the other side that look alike", responses=DuplicateSerializer(many=True))
    def get(self, request: Request, connection: str, name: str, system: str, key: UUID) -> Response:
        mapping = self.mapping(name)
        if system not in System.values:
            raise Http404("A system is business_central or sales.")
        side = System(system)
        record = mirrored(mapping.connection, side, mapping.table(side), key)
        if record is None:
            raise Http404("The hub has not read this record.")
        found = duplicates_of(mapping=mapping, system=side, records=[record]).get(key, [])
        return Response(DuplicateSerializer(found, many=True).data)
