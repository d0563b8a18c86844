"""Endpoints of mappings, their fields and templates, match-based coupling and runs."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.roles import Capability, require
from coupling.api.base import STARTED_SCHEMA, ConnectionView, started
from coupling.api.serializers import (
    FieldSerializer,
    MadeMappingSerializer,
    MappingSerializer,
    MatchSerializer,
    NewMappingSerializer,
    NothingSerializer,
    RunSerializer,
    TemplateSerializer,
)
from coupling.filtersets import MappingFilterSet
from coupling.models import FieldMapping, RecordTemplate, TableMapping
from coupling.services.copying import copy_mapping
from coupling.services.couplings import require_usable
from coupling.services.mappings import (
    add_field,
    remove_field,
    remove_template,
    save_template,
    update_field,
    update_mapping,
)
from coupling.services.own_mappings import create_mapping, delete_mapping
from coupling.services.requests import source_of
from coupling.synchronisation import MatchField, service


class MappingList(ConnectionView):
    queryset = TableMapping.objects.none()
    serializer_class = MappingSerializer
    filterset_class = MappingFilterSet

    def get_queryset(self) -> QuerySet[TableMapping]:
        return TableMapping.objects.filter(connection=self.hub_connection)

    @extend_schema(summary="Mappings in execution order", responses=MappingSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(MappingSerializer(page, many=True).data)

    @extend_schema(
        summary="Make a mapping of one's own, switched off; its first fields switch it on",
        request=NewMappingSerializer,
        responses={201: MadeMappingSerializer},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        asked = self.body(NewMappingSerializer)
        place: dict[str, Any] = {"connection": self.hub_connection, "user": self.person}
        if pattern := asked.pop("copy", ""):
            copied = copy_mapping(source=self.mapping(pattern), **place, **asked)
            return Response({**MappingSerializer(copied.mapping).data, "left_out": copied.left_out}, status=201)
        return Response(MappingSerializer(create_mapping(**place, **asked)).data, status=201)


class MappingDetail(ConnectionView):
    serializer_class = MappingSerializer

    @extend_schema(summary="One mapping")
    def get(self, request: Request, connection: str, name: str) -> Response:
        return Response(MappingSerializer(self.mapping(name)).data)

    @extend_schema(summary="Change a mapping")
    def patch(self, request: Request, connection: str, name: str) -> Response:
        mapping = self.mapping(name)
        changes = self.body(MappingSerializer, mapping, partial=True)
        return Response(MappingSerializer(update_mapping(mapping=mapping, changes=changes, user=self.person)).data)

    @extend_schema(summary="Delete a mapping of one's own, with its couplings", responses={204: None})
    def delete(self, request: Request, connection: str, name: str) -> Response:
        delete_mapping(mapping=self.mapping(name), user=self.person)
        return Response(status=204)


class FieldList(ConnectionView):
    queryset = FieldMapping.objects.none()
    serializer_class = FieldSerializer

    def get_queryset(self) -> QuerySet[FieldMapping]:
        return FieldMapping.objects.filter(mapping=self.mapping(self.kwargs["name"])).order_by("order", "id")

    @extend_schema(summary="Field mappings of a mapping", responses=FieldSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(FieldSerializer(page, many=True).data)

    @extend_schema(summary="Add a field mapping; it comes disabled", responses={201: FieldSerializer})
    def post(self, request: Request, connection: str, name: str) -> Response:
        mapping = self.mapping(name)
        field = add_field(mapping=mapping, values=self.body(FieldSerializer), user=self.person)
        return Response(FieldSerializer(field).data, status=201)


class FieldDetail(ConnectionView):
    serializer_class = FieldSerializer

    def _field(self) -> FieldMapping:
        rows = FieldMapping.objects.select_related("mapping__connection")
        return get_object_or_404(rows, mapping=self.mapping(self.kwargs["name"]), pk=self.kwargs["pk"])

    @extend_schema(summary="One field mapping")
    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(FieldSerializer(self._field()).data)

    @extend_schema(summary="Change a field mapping")
    def patch(self, request: Request, **kwargs: Any) -> Response:
        field = self._field()
        changes = self.body(FieldSerializer, field, partial=True)
        return Response(FieldSerializer(update_field(field=field, changes=changes, user=self.person)).data)

    @extend_schema(summary="Remove it", responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        remove_field(field=self._field(), user=self.person)
        return Response(status=204)


class TemplateList(ConnectionView):
    queryset = RecordTemplate.objects.none()
    serializer_class = TemplateSerializer

    @extend_schema(summary="Values for new records", responses=TemplateSerializer(many=True))
    def get(self, request: Request, connection: str, name: str) -> Response:
        page = self.paginate_queryset(RecordTemplate.objects.filter(mapping=self.mapping(name)))
        return self.get_paginated_response(TemplateSerializer(page, many=True).data)

    @extend_schema(summary="Add values for new records", responses={201: TemplateSerializer})
    def post(self, request: Request, connection: str, name: str) -> Response:
        template = RecordTemplate(mapping=self.mapping(name), **self.body(TemplateSerializer))
        save_template(template=template, user=self.person)
        return Response(TemplateSerializer(template).data, status=201)


class TemplateDetail(ConnectionView):
    serializer_class = TemplateSerializer

    def _template(self) -> RecordTemplate:
        rows = RecordTemplate.objects.select_related("mapping__connection")
        return get_object_or_404(rows, mapping=self.mapping(self.kwargs["name"]), pk=self.kwargs["pk"])

    @extend_schema(summary="One template")
    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(TemplateSerializer(self._template()).data)

    @extend_schema(summary="Change a template")
    def patch(self, request: Request, **kwargs: Any) -> Response:
        template = self._template()
        for name, value in self.body(TemplateSerializer, template, partial=True).items():
            setattr(template, name, value)
        save_template(template=template, user=self.person)
        return Response(TemplateSerializer(template).data)

    @extend_schema(summary="Remove it", responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        remove_template(template=self._template(), user=self.person)
        return Response(status=204)


class MappingSynchronize(ConnectionView):
    """A run of the whole mapping; a full one needs more than the others."""

    serializer_class = RunSerializer

    @extend_schema(summary="Run the whole mapping", responses={202: STARTED_SCHEMA})
    def post(self, request: Request, connection: str, name: str) -> Response:
        mapping = self.mapping(name)
        asked = self.body(RunSerializer)
        heavy = asked["mode"] in ("full", "unconditional") or asked["confirm_deletions"]
        require(self.person, Capability.RUN_FULL if heavy else Capability.OPERATE)
        require_usable(mapping)
        if asked["direction"] and asked["direction"] != mapping.direction:
            source_of(asked["direction"], mapping)
        job = service().run_mapping(
            mapping=mapping,
            mode=asked["mode"],
            direction=asked["direction"],
            user=self.person,
            trigger="api",
            confirm_deletions=asked["confirm_deletions"],
        )
        return started(job)


class MappingMatch(ConnectionView):
    """Couples records by equal values; records without a clear match count as failed, each with its reason."""

    serializer_class = MatchSerializer

    @extend_schema(summary="Match-based coupling", responses={202: STARTED_SCHEMA})
    def post(self, request: Request, connection: str, name: str) -> Response:
        mapping = self.mapping(name)
        asked = self.body(MatchSerializer)
        require_usable(mapping)
        if asked["synchronize"]:
            source_of(asked["synchronize"], mapping, setting="synchronize")
        job = service().match(
            mapping=mapping,
            fields=[MatchField(**field) for field in asked["fields"]],
            bc_keys=asked["business_central_ids"],
            create_unmatched=asked["create_unmatched"],
            synchronize=asked["synchronize"],
            user=self.person,
            trigger="api",
            dry_run=asked["dry_run"],
        )
        return started(job)


class MappingFindBroken(ConnectionView):
    serializer_class = NothingSerializer

    @extend_schema(summary="Look for couplings with a missing side", request=None, responses={202: STARTED_SCHEMA})
    def post(self, request: Request, connection: str, name: str) -> Response:
        mapping = self.mapping(name)
        self.body(NothingSerializer)
        require_usable(mapping)
        return started(service().find_broken(mapping=mapping, user=self.person, trigger="api"))
