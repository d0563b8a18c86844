"""Endpoints of matching: reviews of suggestions and runs, decisions, ruled-out pairs, and the work queue."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.rest import StrictSerializer
from connector.choices import Direction, System
from coupling.api.base import JOB_OR_NULL_SCHEMA, STARTED_SCHEMA, ConnectionView, started
from coupling.api.serializers import ONE_WAY, NothingSerializer
from coupling.exceptions import CouplingError
from coupling.matching.choices import MatchVerdict
from coupling.matching.models import MatchLine, RuledOutPair
from coupling.models import TableMapping
from coupling.review_tables import COUPLED, TABS
from coupling.services import queue
from coupling.services.claims import claim
from coupling.services.couplings import mirrored, require_usable
from coupling.services.queue_order import Lane
from coupling.services.review import ShownCandidate, ShownLine, accept_pairs, check_direction, show
from coupling.services.ruled_out import allow_again, rule_out
from coupling.services.suggestions import is_suggested, lines_of
from coupling.synchronisation import service

_MOST_PAIRS = 10_000
_ID_NAMES: dict[str, str] = {System.BUSINESS_CENTRAL: "business_central_id", System.SALES: "sales_id"}


class CandidateSerializer(serializers.Serializer[ShownCandidate]):
    sales_id = serializers.UUIDField(source="record.key")
    name = serializers.CharField(source="record.name")
    number = serializers.CharField(source="record.number")
    score = serializers.IntegerField(source="percent", help_text="Of 100.")
    reasons = serializers.ListField(child=serializers.CharField())
    doubts = serializers.ListField(child=serializers.CharField())
    differs = serializers.ListField(child=serializers.CharField(), help_text="Labels of fields.")
    coupled_to = serializers.CharField(help_text="The record that has it; blank while it is free.")


class LineSerializer(serializers.Serializer[Any]):
    """An uncoupled record with what may be its partner; `candidates` the best first."""

    business_central_id = serializers.UUIDField(source="line.bc_key")
    number = serializers.SerializerMethodField()
    name = serializers.SerializerMethodField()
    verdict = serializers.ChoiceField(choices=MatchVerdict.choices, source="line.verdict")
    coupling = serializers.SerializerMethodField(help_text="Id of the record's coupling, if it has one by now.")
    candidates = CandidateSerializer(many=True)

    def get_number(self, shown: ShownLine) -> str:
        return shown.record.number if shown.record else ""

    def get_name(self, shown: ShownLine) -> str:
        return shown.record.name if shown.record else ""

    @extend_schema_field({"type": ["integer", "null"]})
    def get_coupling(self, shown: ShownLine) -> int | None:
        return shown.coupling.pk if shown.coupling else None


class PairSerializer(StrictSerializer):
    business_central_id = serializers.UUIDField()
    sales_id = serializers.UUIDField()


class AcceptSerializer(StrictSerializer):
    """Either `pairs`, or `clear`: all clear lines."""

    pairs = PairSerializer(many=True, required=False)
    clear = serializers.BooleanField(default=False)
    synchronize = serializers.ChoiceField(choices=ONE_WAY, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("pairs")) == attrs["clear"]:
            raise serializers.ValidationError({"pairs": ["Give either pairs, or clear."]})
        if len(attrs.get("pairs", ())) > _MOST_PAIRS:
            raise serializers.ValidationError({"pairs": [f"At most {_MOST_PAIRS} pairs at once."]})
        return attrs


class RuledOutSerializer(serializers.ModelSerializer[RuledOutPair]):
    mapping = serializers.CharField(source="mapping.name")
    business_central_id = serializers.UUIDField(source="bc_key")
    sales_id = serializers.UUIDField(source="sales_key")
    user = serializers.CharField(source="user.username", default="", allow_blank=True)

    class Meta:
        model = RuledOutPair
        fields = ("id", "mapping", "business_central_id", "sales_id", "reason", "user", "at")


class RuleOutSerializer(PairSerializer):
    mapping = serializers.CharField(max_length=50)
    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class QueueAskSerializer(StrictSerializer):
    system = serializers.ChoiceField(
        choices=System.choices, default=System.BUSINESS_CENTRAL, help_text="Whose uncoupled records come up."
    )


class DecideSerializer(QueueAskSerializer):
    """The record of `system` is decided about; `couple` needs the other id too, `rule_out` without it rules all
    candidates out."""

    business_central_id = serializers.UUIDField(required=False)
    action = serializers.ChoiceField(
        choices=[(name, name) for name in ("couple", "create", "rule_out", "skip", "undo")]
    )
    sales_id = serializers.UUIDField(required=False)
    synchronize = serializers.ChoiceField(choices=ONE_WAY, allow_null=True, default=None)
    take_over = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        own, other = _ID_NAMES[attrs["system"]], _ID_NAMES[System(attrs["system"]).other]
        if attrs["action"] != "undo" and own not in attrs:
            raise serializers.ValidationError({own: ["This field is required."]})
        if attrs["action"] == "couple" and other not in attrs:
            raise serializers.ValidationError({other: ["This field is required to couple."]})
        return attrs


class LineFilterSet(django_filters.FilterSet):
    verdict = django_filters.ChoiceFilter(choices=TABS, method="keep")
    business_central_id = django_filters.UUIDFilter(field_name="bc_key")
    sales_id = django_filters.UUIDFilter(field_name="candidates__sales_key", distinct=True)

    class Meta:
        model = MatchLine
        fields = ("verdict", "business_central_id", "sales_id")

    def keep(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == COUPLED:
            return rows.filter(is_coupled=True)
        return rows.filter(verdict=value, is_coupled=False)


class _Matching(ConnectionView):
    serializer_class: type[serializers.BaseSerializer[Any]] = LineSerializer

    def suggested(self, name: str) -> TableMapping:
        """The mapping of the path; 404 where partners are not looked for."""
        mapping = self.mapping(name)
        if not is_suggested(mapping):
            raise Http404("Partners are not looked for under this mapping.")
        return mapping

    def run_id(self, mapping: TableMapping) -> int | None:
        """The run that the path names; None for the standing suggestions."""
        job_id: int | None = self.kwargs.get("job")
        if job_id is not None and service().run_of(mapping=mapping, job_id=job_id) is None:
            raise Http404("There is no such run.")
        return job_id


class Lines(_Matching):
    queryset = MatchLine.objects.none()
    filterset_class = LineFilterSet

    @extend_schema(summary="What was found, the best first", responses=LineSerializer(many=True))
    def get(self, request: Request, connection: str, name: str, job: int | None = None) -> Response:
        mapping = self.suggested(name) if job is None else self.mapping(name)
        rows = lines_of(mapping, self.run_id(mapping)).order_by("-score", "id")
        page = self.paginate_queryset(self.filter_queryset(rows)) or []
        return self.get_paginated_response(LineSerializer(show(page, mapping), many=True).data)


class AcceptLines(_Matching):
    serializer_class = AcceptSerializer

    @extend_schema(summary="Couple pairs, or all clear ones", request=AcceptSerializer, responses={202: STARTED_SCHEMA})
    def post(self, request: Request, connection: str, name: str, job: int | None = None) -> Response:
        asked = self.body(AcceptSerializer)
        mapping = self.mapping(name)
        run_id = self.run_id(mapping)
        direction = Direction(asked["synchronize"]) if asked["synchronize"] else None
        if asked["clear"]:
            require_usable(mapping)
            check_direction(mapping, direction)
            return started(
                service().accept_clear(
                    mapping=mapping, job_id=run_id, synchronize=direction, user=self.person, trigger="api"
                )
            )
        decided = accept_pairs(
            pairs=[(pair["business_central_id"], pair["sales_id"]) for pair in asked["pairs"]],
            mapping=mapping,
            origin="match" if run_id else "suggestion",
            synchronize=direction,
            user=self.person,
            trigger="api",
        )
        if decided.job is None:
            raise CouplingError("There is nothing to couple.", code="match.nothing")
        return started(decided.job)


class SuggestionRefresh(_Matching):
    serializer_class = NothingSerializer

    @extend_schema(summary="Compare everything anew", request=None, responses={202: STARTED_SCHEMA})
    def post(self, request: Request, connection: str, name: str) -> Response:
        self.body(NothingSerializer)
        mapping = self.suggested(name)
        require_usable(mapping)
        return started(service().look_for_suggestions(mapping=mapping, user=self.person, trigger="api"))


class RuledOutFilterSet(django_filters.FilterSet):
    mapping = django_filters.CharFilter(field_name="mapping__name")
    business_central_id = django_filters.UUIDFilter(field_name="bc_key")
    sales_id = django_filters.UUIDFilter(field_name="sales_key")

    class Meta:
        model = RuledOutPair
        fields = ("mapping", "business_central_id", "sales_id")


class RuledOutList(ConnectionView):
    queryset = RuledOutPair.objects.none()
    serializer_class = RuledOutSerializer
    filterset_class = RuledOutFilterSet

    def get_queryset(self) -> QuerySet[RuledOutPair]:
        rows = RuledOutPair.objects.filter(mapping__connection=self.hub_connection)
        return rows.select_related("mapping__connection", "mapping__suggestion_state", "user")

    @extend_schema(summary="Pairs that are never suggested, newest first", responses=RuledOutSerializer(many=True))
    def get(self, request: Request, connection: str) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(RuledOutSerializer(page, many=True).data)

    @extend_schema(summary="Rule a pair out", request=RuleOutSerializer, responses={201: RuledOutSerializer})
    def post(self, request: Request, connection: str) -> Response:
        asked = self.body(RuleOutSerializer)
        mapping = self.named_mapping(asked["mapping"])
        bc_key, sales_key = asked["business_central_id"], asked["sales_id"]
        for system, key in ((System.BUSINESS_CENTRAL, bc_key), (System.SALES, sales_key)):
            if mirrored(self.hub_connection, system, mapping.table(system), key) is None:
                raise Http404(f"There is no such record in {system.label}.")
        rule_out(mapping=mapping, pairs=[(bc_key, sales_key)], user=self.person, reason=asked["reason"])
        row = self.get_queryset().get(mapping=mapping, bc_key=bc_key, sales_key=sales_key)
        return Response(RuledOutSerializer(row).data, status=201)


class RuledOutDetail(RuledOutList):
    filterset_class = None  # type: ignore[assignment]

    @extend_schema(summary="One ruled-out pair", responses=RuledOutSerializer)
    def get(self, request: Request, connection: str, pk: int = 0) -> Response:
        return Response(RuledOutSerializer(get_object_or_404(self.get_queryset(), pk=pk)).data)

    @extend_schema(summary="Allow the pair again", responses={204: None})
    def delete(self, request: Request, connection: str, pk: int) -> Response:
        allow_again(rows=[get_object_or_404(self.get_queryset(), pk=pk)], user=self.person)
        return Response(status=204)

    @extend_schema(exclude=True)
    def post(self, request: Request, connection: str, pk: int = 0) -> Response:
        return self.http_method_not_allowed(request)


class QueueProgressSerializer(serializers.Serializer[queue.Progress]):
    done = serializers.IntegerField()
    open = serializers.IntegerField()
    skipped = serializers.IntegerField()


class PartnerSerializer(serializers.Serializer[ShownCandidate]):
    """A Business Central record that may be a row's partner."""

    business_central_id = serializers.UUIDField(source="record.key")
    name = serializers.CharField(source="record.name")
    number = serializers.CharField(source="record.number")
    score = serializers.IntegerField(source="percent", help_text="Of 100.")
    reasons = serializers.ListField(child=serializers.CharField())
    doubts = serializers.ListField(child=serializers.CharField())
    differs = serializers.ListField(child=serializers.CharField(), help_text="Labels of fields.")
    coupled_to = serializers.CharField(help_text="The row that has it; blank while it is free.")


class RowSerializer(serializers.Serializer[queue.Waiting]):
    """An uncoupled row of Sales with what may be its partner."""

    sales_id = serializers.UUIDField(source="record.key")
    number = serializers.CharField(source="record.number")
    name = serializers.CharField(source="record.name")
    candidates = PartnerSerializer(many=True)


class QueueSerializer(serializers.Serializer[Any]):
    """`line` is a record of Business Central, `row` one of Sales; both are null when nothing is left that nobody else
    has."""

    line = LineSerializer(allow_null=True)
    row = RowSerializer(allow_null=True)
    progress = QueueProgressSerializer()


QUEUE_JOB_SCHEMA = {
    "type": "object",
    "properties": {"coupling": {"type": ["integer", "null"]}, "job": JOB_OR_NULL_SCHEMA, "message": {"type": "string"}},
    "required": ["coupling", "job", "message"],
}


class Queue(_Matching):
    """One record at a time, claimed for five minutes for whoever asks."""

    serializer_class = QueueSerializer

    @extend_schema(
        summary="Claim the next record",
        request=QueueAskSerializer,
        responses=QueueSerializer,
        parameters=[OpenApiParameter("name", str, OpenApiParameter.PATH)],
    )
    def post(self, request: Request, connection: str, name: str) -> Response:
        lane = Lane(self.mapping(name), System(self.body(QueueAskSerializer)["system"]))
        record = queue.next_record(lane=lane, user=self.person)
        line = row = None
        if record is not None and lane.system == System.SALES:
            row = RowSerializer(queue.shown(lane, record)).data
        elif record is not None:
            line = LineSerializer(show([queue.line_of(lane.mapping, record.key)], lane.mapping)[0]).data
        progress = QueueProgressSerializer(queue.progress(lane=lane, user=self.person)).data
        return Response({"line": line, "row": row, "progress": progress})


class QueueDecide(_Matching):
    serializer_class = DecideSerializer

    @extend_schema(
        summary="Decide about a record of the queue", request=DecideSerializer, responses={200: QUEUE_JOB_SCHEMA}
    )
    def post(self, request: Request, connection: str, name: str) -> Response:
        asked = self.body(DecideSerializer)
        lane = Lane(self.mapping(name), System(asked["system"]))
        if asked["action"] == "undo":
            undone = queue.undo_last(lane=lane, user=self.person)
            job = undone.jobs[0].representation if undone.jobs else None
            return Response({"coupling": None, "job": job, "message": undone.sentence})
        key: UUID = asked[_ID_NAMES[lane.system]]
        if mirrored(self.hub_connection, lane.system, lane.table, key) is None:
            raise Http404(f"There is no such record in {lane.system.label}.")
        holder = claim(**lane.place, key=key, user=self.person, take_over=asked["take_over"])
        if holder is not None:
            raise CouplingError(
                f"The record is being coupled by {holder.user} right now.",
                code="queue.claimed",
                hint="Ask for the next one, or take this one over.",
            )
        return Response(self._decide(lane, key, asked))

    def _decide(self, lane: Lane, key: UUID, asked: dict[str, Any]) -> dict[str, Any]:
        partner: UUID | None = asked.get(_ID_NAMES[lane.system.other])
        done: dict[str, Any] = {"coupling": None, "job": None, "message": ""}
        if asked["action"] == "couple" and partner is not None:
            direction = Direction(asked["synchronize"]) if asked["synchronize"] else None
            coupling, jobs = queue.accept(lane=lane, key=key, partner=partner, synchronize=direction, user=self.person)
            done |= {"coupling": coupling.pk, "job": jobs[0].representation if jobs else None, "message": "Coupled."}
        elif asked["action"] == "create":
            job = queue.create(lane=lane, key=key, user=self.person)
            done |= {"job": job.representation, "message": "The partner is being created."}
        elif asked["action"] == "skip":
            queue.skip(lane=lane, key=key, user=self.person)
            done["message"] = "Skipped; it comes back when nothing else is left."
        else:
            partners = [partner] if partner else lane.partners_of(key)
            queue.rule_out_candidates(lane=lane, key=key, partners=partners, user=self.person)
            done["message"] = "Ruled out."
        return done
