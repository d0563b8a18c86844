"""Mappings, their fields and templates, mirrored records and couplings as the REST API shows and takes them."""

from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.rest import StrictModelSerializer, StrictSerializer
from connector.choices import Direction, System
from coupling.api.base import JOB_OR_NULL_SCHEMA
from coupling.choices import CouplingOrigin, CouplingState, DeletionConflict, UpdateConflict
from coupling.models import Coupling, FieldMapping, RecordTemplate, TableMapping
from coupling.services.links import business_central_url, sales_url
from coupling.services.merged import MASTER

ONE_WAY = [(choice.value, choice.label) for choice in (Direction.TO_SALES, Direction.TO_BUSINESS_CENTRAL)]


class MappingSerializer(StrictModelSerializer):
    direction = serializers.ChoiceField(choices=Direction.choices)
    update_conflict_resolution = serializers.ChoiceField(choices=UpdateConflict.choices)
    deletion_conflict_resolution = serializers.ChoiceField(choices=DeletionConflict.choices)

    class Meta:
        model = TableMapping
        fields = (
            "name",
            "business_central_table",
            "business_central_label",
            "business_central_service",
            "sales_table",
            "direction",
            "synch_only_coupled_records",
            "create_new_in_case_of_no_match",
            "synch_after_bulk_coupling",
            "update_conflict_resolution",
            "deletion_conflict_resolution",
            "merge_fields",
            "business_central_filter",
            "sales_filter",
            "depends_on",
            "enabled",
            "available",
            "unavailable_reason",
            "user_defined",
        )
        read_only_fields = (
            "name",
            "business_central_table",
            "business_central_label",
            "business_central_service",
            "sales_table",
            "depends_on",
            "available",
            "unavailable_reason",
            "user_defined",
        )


class MadeMappingSerializer(MappingSerializer):
    left_out = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Of a copied mapping: what the new tables have nothing for.",
    )

    class Meta(MappingSerializer.Meta):
        fields: tuple[str, ...] = (*MappingSerializer.Meta.fields, "left_out")  # type: ignore[assignment]


class NewMappingSerializer(StrictSerializer):
    """A mapping of one's own. `business_central_table`: an entity set, or "companion:entity set"."""

    name = serializers.CharField(max_length=50)
    business_central_table = serializers.CharField(max_length=120)
    sales_table = serializers.CharField(max_length=100)
    direction = serializers.ChoiceField(choices=Direction.choices)
    synch_only_coupled_records = serializers.BooleanField(default=True)
    copy = serializers.CharField(
        max_length=50, required=False, help_text="A mapping whose settings, filters, fields and templates it takes."
    )

    def validate_direction(self, value: str) -> Direction:
        return Direction(value)


class FieldSerializer(StrictModelSerializer):
    direction = serializers.ChoiceField(choices=Direction.choices)
    update_conflict_resolution = serializers.ChoiceField(
        choices=UpdateConflict.choices, allow_blank=True, required=False, help_text="Blank: as the mapping says."
    )
    use_for_matching = serializers.BooleanField(source="used_for_matching", required=False)

    class Meta:
        model = FieldMapping
        fields = (
            "id",
            "business_central_property",
            "sales_attribute",
            "direction",
            "constant_value",
            "enabled",
            "not_null",
            "clear_value_on_failed_sync",
            "transformation",
            "use_for_matching",
            "case_sensitive",
            "match_priority",
            "update_conflict_resolution",
            "user_defined",
            "available",
            "unavailable_reason",
        )
        read_only_fields = ("id", "user_defined", "available", "unavailable_reason")
        extra_kwargs = {"enabled": {"default": False}}


class TemplateSerializer(StrictModelSerializer):
    system = serializers.ChoiceField(choices=System.choices)
    values = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False)

    class Meta:
        model = RecordTemplate
        fields = ("id", "system", "priority", "filter", "values")
        read_only_fields = ("id",)


class MatchFieldSerializer(StrictSerializer):
    business_central = serializers.CharField(max_length=100)
    sales = serializers.CharField(max_length=100)
    case_sensitive = serializers.BooleanField(default=False)
    priority = serializers.IntegerField(default=0, min_value=0, max_value=32767)


class MatchSerializer(StrictSerializer):
    fields = MatchFieldSerializer(many=True, allow_empty=False)  # type: ignore[assignment]
    business_central_ids = serializers.ListField(child=serializers.UUIDField(), allow_null=True, default=None)
    create_unmatched = serializers.BooleanField(default=False)
    synchronize = serializers.ChoiceField(choices=ONE_WAY, allow_null=True, default=None)
    dry_run = serializers.BooleanField(default=False, help_text="Couples nothing; the lines tell what would happen.")


class RunSerializer(StrictSerializer):
    mode = serializers.ChoiceField(choices=[(mode, mode) for mode in ("modified", "full", "unconditional", "preview")])
    direction = serializers.ChoiceField(choices=Direction.choices, allow_null=True, default=None)
    confirm_deletions = serializers.BooleanField(
        default=False, help_text="Carry out deletions that an earlier run held back; administrators only."
    )


class TakeOverSerializer(StrictSerializer):
    take_over = serializers.BooleanField(
        default=False, help_text="Also where somebody else has a record open for coupling; 409 otherwise."
    )


class CoupleSerializer(TakeOverSerializer):
    mapping = serializers.CharField(max_length=50)
    business_central_id = serializers.UUIDField()
    sales_id = serializers.UUIDField()
    synchronize = serializers.ChoiceField(choices=ONE_WAY, allow_null=True, default=None)


class CreateOtherSideSerializer(TakeOverSerializer):
    """Exactly one of the two ids."""

    mapping = serializers.CharField(max_length=50)
    business_central_id = serializers.UUIDField(required=False)
    sales_id = serializers.UUIDField(required=False)
    values = serializers.DictField(
        default=dict,
        help_text="Properties that the new record needs and the mapping leaves empty, under their names on the wire; "
        "`missing` of the new record's preview lists them.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("business_central_id" in attrs) == ("sales_id" in attrs):
            raise serializers.ValidationError("Give either business_central_id or sales_id.")
        return attrs


class MoveSerializer(TakeOverSerializer):
    sales_id = serializers.UUIDField()
    synchronize = serializers.ChoiceField(choices=ONE_WAY, allow_null=True, default=None)


class SynchronizeSerializer(StrictSerializer):
    direction = serializers.ChoiceField(choices=ONE_WAY, allow_null=True, default=None)
    retry = serializers.BooleanField(default=False)
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ChoiceField(choices=System.choices),
        default=dict,
        help_text="Property to the system that wins there, for properties that follow both ways; the rest merges.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["direction"] and attrs["fields"]:
            raise serializers.ValidationError({"fields": ["A direction decides all properties already."]})
        return attrs


class BulkSerializer(StrictSerializer):
    action = serializers.ChoiceField(
        choices=[(name, name) for name in ("synchronize", "retry", "uncouple", "restore", "assign")]
    )
    couplings = serializers.ListField(child=serializers.IntegerField(), allow_empty=False, max_length=10_000)
    direction = serializers.ChoiceField(choices=ONE_WAY, allow_null=True, default=None)
    assigned_to = serializers.SlugRelatedField(
        slug_field="username",
        queryset=User.objects.filter(is_active=True),
        allow_null=True,
        required=False,
        help_text="Who looks after the pairs' problems; with the action assign.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["direction"] and attrs["action"] != "synchronize":
            raise serializers.ValidationError({"direction": ["Only synchronize has a direction."]})
        if ("assigned_to" in attrs) != (attrs["action"] == "assign"):
            raise serializers.ValidationError({"assigned_to": ["The action assign names somebody, no other does."]})
        return attrs


class NothingSerializer(StrictSerializer):
    """An empty body."""


class ErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with a record: a stable code, a sentence, what to do about it."""

    code = serializers.CharField(source="error_code")
    message = serializers.CharField(source="error_message")
    hint = serializers.CharField(source="error_hint")


class ErrorField(ErrorSerializer):
    """`error_code`, `error_message` and `error_hint` of a row as one object; null without an error."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "source": "*", "read_only": True, "allow_null": True})

    def to_representation(self, instance: Any) -> Any:
        return super().to_representation(instance) if instance.error_code else None


class CouplingSerializer(serializers.ModelSerializer[Coupling]):
    """A coupling with its state; `attach_records` has set both mirror rows."""

    mapping = serializers.CharField(source="mapping.name")
    business_central_id = serializers.UUIDField(source="bc_key")
    sales_id = serializers.UUIDField(source="sales_key")
    state = serializers.ChoiceField(choices=CouplingState.choices)
    origin = serializers.ChoiceField(choices=CouplingOrigin.choices)
    error = ErrorField()
    assigned_to = serializers.CharField(
        source="assigned_to.username", default=None, allow_null=True, help_text="Who looks after the pair's problem."
    )
    sales_url = serializers.SerializerMethodField()
    business_central_url = serializers.SerializerMethodField()
    merged_into = serializers.SerializerMethodField(
        help_text="Id of the Sales row that the pair's row was merged into; null for most."
    )

    class Meta:
        model = Coupling
        fields = (
            "id",
            "mapping",
            "business_central_id",
            "sales_id",
            "state",
            "error",
            "origin",
            "created_at",
            "last_synchronised_at",
            "assigned_to",
            "sales_url",
            "business_central_url",
            "merged_into",
        )

    def get_merged_into(self, coupling: Coupling) -> str | None:
        record = getattr(coupling, "sales_record", None)
        return record.values.get(MASTER) if record else None

    def get_sales_url(self, coupling: Coupling) -> str:
        return sales_url(coupling.mapping.connection, coupling.mapping.sales_entity, coupling.sales_key)

    def get_business_central_url(self, coupling: Coupling) -> str:
        record = getattr(coupling, "bc_record", None)
        return business_central_url(coupling.mapping.connection, coupling.bc_table, record.number if record else "")


@extend_schema_field(JOB_OR_NULL_SCHEMA)
class _StartedJobField(serializers.DictField):
    """The job that was started, as the layer above shows it; null without one."""


class CoupledSerializer(CouplingSerializer):
    """A coupling that was just made or moved, with the job of its first synchronisation."""

    job = _StartedJobField(allow_null=True)

    class Meta(CouplingSerializer.Meta):
        fields = (*CouplingSerializer.Meta.fields, "job")  # type: ignore[assignment]


class RecordCouplingSerializer(serializers.Serializer[Any]):
    """The coupling of a mirrored record; the partner is the record of the other system."""

    id = serializers.IntegerField()
    mapping = serializers.CharField()
    state = serializers.ChoiceField(choices=CouplingState.choices)
    partner_id = serializers.UUIDField()
    partner_name = serializers.CharField()


class RecordSerializer(serializers.Serializer[Any]):
    """A mirrored record with its coupling; `attach_couplings` has set both."""

    id = serializers.UUIDField(source="key")
    number = serializers.CharField()
    name = serializers.CharField()
    table = serializers.CharField()
    modified_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True)
    values = serializers.DictField()
    coupling = serializers.SerializerMethodField()

    @extend_schema_field(RecordCouplingSerializer(allow_null=True))
    def get_coupling(self, record: Any) -> dict[str, Any] | None:
        coupling = record.coupling
        if coupling is None:
            return None
        other = coupling.sales_key if self.context["system"] == System.BUSINESS_CENTRAL else coupling.bc_key
        return {
            "id": coupling.pk,
            "mapping": coupling.mapping.name,
            "state": coupling.state,
            "partner_id": str(other),
            "partner_name": (record.partner.name or record.partner.number) if record.partner else "",
        }
