"""Endpoints of couplings: couple, move, synchronise, the actions of the errors page, many at once."""

from typing import Any

import django_filters
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from connector.choices import System
from coupling.api.base import ALL_STARTED_SCHEMA, STARTED_SCHEMA, ConnectionView, all_started, started
from coupling.api.serializers import (
    BulkSerializer,
    CoupledSerializer,
    CoupleSerializer,
    CouplingSerializer,
    CreateOtherSideSerializer,
    MoveSerializer,
    NothingSerializer,
    SynchronizeSerializer,
)
from coupling.choices import CouplingState
from coupling.models import Coupling
from coupling.querysets import CouplingQuerySet
from coupling.services import requests
from coupling.services.couplings import couple, move, read_live, require_usable
from coupling.services.pairs import attach_records
from coupling.services.requests import Started


class CouplingFilterSet(django_filters.FilterSet):
    mapping = django_filters.CharFilter(field_name="mapping__name")
    business_central_id = django_filters.UUIDFilter(field_name="bc_key")
    sales_id = django_filters.UUIDFilter(field_name="sales_key")
    state = django_filters.MultipleChoiceFilter(choices=CouplingState.choices)
    error = django_filters.CharFilter(field_name="error_code")

    class Meta:
        model = Coupling
        fields = ("mapping", "business_central_id", "sales_id", "state", "error")


class _Couplings(ConnectionView):
    queryset = Coupling.objects.none()
    serializer_class = CouplingSerializer

    def get_queryset(self) -> CouplingQuerySet:
        rows = Coupling.objects.all().filter(connection=self.hub_connection)
        return rows.select_related("mapping__connection", "assigned_to").with_state().order_by("-id")

    def coupling(self) -> Coupling:
        coupling: Coupling = get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        return coupling

    def shown(self, coupling: Coupling) -> dict[str, Any]:
        """The coupling as it is now."""
        fresh = self.get_queryset().get(pk=coupling.pk)
        attach_records([fresh])
        return dict(CouplingSerializer(fresh).data)


class CouplingList(_Couplings):
    filterset_class = CouplingFilterSet

    @extend_schema(summary="Couplings, newest first", responses=CouplingSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        attach_records(page)
        return self.get_paginated_response(CouplingSerializer(page, many=True).data)

    @extend_schema(summary="Couple two records", request=CoupleSerializer, responses={201: CoupledSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        asked = self.body(CoupleSerializer)
        mapping = self.named_mapping(asked["mapping"])
        force_from = requests.source_of(asked["synchronize"], mapping, setting="synchronize")
        coupling = couple(
            mapping=mapping,
            bc_key=asked["business_central_id"],
            sales_key=asked["sales_id"],
            user=self.person,
            take_over=asked["take_over"],
        )
        job = None
        if force_from:
            job = requests.synchronize(
                coupling=coupling, direction=asked["synchronize"], retry=True, user=self.person, trigger="coupling"
            )
        return Response({**self.shown(coupling), "job": job.representation if job else None}, status=201)


class CouplingDetail(_Couplings):
    @extend_schema(summary="One coupling")
    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.shown(self.coupling()))

    @extend_schema(summary="Move to another free row", request=MoveSerializer, responses=CoupledSerializer)
    def patch(self, request: Request, **kwargs: Any) -> Response:
        coupling = self.coupling()
        asked = self.body(MoveSerializer)
        force_from = requests.source_of(asked["synchronize"], coupling.mapping, setting="synchronize")
        coupling = move(coupling=coupling, sales_key=asked["sales_id"], user=self.person, take_over=asked["take_over"])
        job = None
        if force_from:
            job = requests.synchronize(
                coupling=coupling, direction=asked["synchronize"], retry=True, user=self.person, trigger="coupling"
            )
        return Response({**self.shown(coupling), "job": job.representation if job else None})

    @extend_schema(summary="Uncouple; both records stay", responses={204: None, 202: STARTED_SCHEMA})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        work = requests.uncouple_many(couplings=[self.coupling()], user=self.person, trigger="api")
        return started(work.jobs[0]) if work.jobs else Response(status=204)


class CouplingCreate(ConnectionView):
    serializer_class = CreateOtherSideSerializer

    @extend_schema(summary="Create the missing side and couple", responses={202: STARTED_SCHEMA})
    def post(self, request: Request, **kwargs: Any) -> Response:
        asked = self.body(CreateOtherSideSerializer)
        system = System.SALES if "sales_id" in asked else System.BUSINESS_CENTRAL
        key = asked.get("sales_id") or asked["business_central_id"]
        mapping = self.named_mapping(asked["mapping"])
        require_usable(mapping)
        read_live(mapping, system, key)
        work = requests.create_other_side(
            mapping=mapping,
            system=system,
            keys=[key],
            user=self.person,
            trigger="api",
            values=asked["values"],
            take_over=asked["take_over"],
        )
        return started(work.jobs[0])


class CouplingSynchronize(_Couplings):
    @extend_schema(summary="Synchronize now", request=SynchronizeSerializer, responses={202: STARTED_SCHEMA})
    def post(self, request: Request, **kwargs: Any) -> Response:
        coupling = self.coupling()
        asked = self.body(SynchronizeSerializer)
        job = requests.synchronize(
            coupling=coupling,
            direction=asked["direction"],
            retry=asked["retry"],
            choices=asked["fields"],
            user=self.person,
            trigger="api",
        )
        return started(job)


class _CouplingAction(_Couplings):
    """An action of the errors page on one pair."""

    def work(self, coupling: Coupling) -> Started:
        raise NotImplementedError

    @extend_schema(request=None, responses={202: ALL_STARTED_SCHEMA})
    def post(self, request: Request, **kwargs: Any) -> Response:
        coupling = self.coupling()
        self.body(NothingSerializer)
        return all_started(self.work(coupling))


@extend_schema_view(post=extend_schema(summary="Lift failure marks and synchronise again"))
class CouplingRetry(_CouplingAction):
    def work(self, coupling: Coupling) -> Started:
        return requests.retry_many(couplings=[coupling], user=self.person, trigger="api")


@extend_schema_view(post=extend_schema(summary="Create the missing record again"))
class CouplingRestore(_CouplingAction):
    def work(self, coupling: Coupling) -> Started:
        requests.require_one_missing(coupling)
        return requests.restore_many(couplings=[coupling], user=self.person, trigger="api")


@extend_schema_view(post=extend_schema(summary="Delete the record whose partner is gone"))
class CouplingDeleteRecord(_CouplingAction):
    def work(self, coupling: Coupling) -> Started:
        requests.require_one_missing(coupling)
        return requests.delete_survivors(couplings=[coupling], user=self.person, trigger="api")


class CouplingBulk(_Couplings):
    @extend_schema(summary="Many at once", request=BulkSerializer, responses={202: ALL_STARTED_SCHEMA})
    def post(self, request: Request, **kwargs: Any) -> Response:
        asked = self.body(BulkSerializer)
        wanted = set(asked["couplings"])
        couplings = list(self.get_queryset().filter(pk__in=wanted))
        if missing := sorted(wanted - {coupling.pk for coupling in couplings}):
            raise Http404(f"There are no couplings {', '.join(map(str, missing[:10]))}.")
        if asked["action"] == "synchronize":
            work = requests.synchronize_many(
                couplings=couplings, direction=asked["direction"], user=self.person, trigger="api"
            )
            return all_started(work)
        if asked["action"] == "assign":
            requests.assign_many(couplings=couplings, person=asked["assigned_to"], user=self.person)
            return all_started(Started(taken=len(couplings)))
        work = {
            "retry": requests.retry_many,
            "uncouple": requests.uncouple_many,
            "restore": requests.restore_many,
        }[asked["action"]](couplings=couplings, user=self.person, trigger="api")
        return all_started(work)
