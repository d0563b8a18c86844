"""Settings of a connection as the REST API shows and takes them."""

from typing import Any

from rest_framework import serializers

from config.rest import StrictModelSerializer, StrictSerializer
from connector.models import Connection

_READ_ONLY = ("state", "disabled_reason", "base_currency", "base_currency_symbol", "base_currency_precision")


class SettingsSerializer(StrictModelSerializer):
    """One connection. `company` takes an id or a name and shows the id; secrets go in and never come out."""

    # Addresses are normalised and checked by the service, which takes what people paste.
    authority_url = serializers.CharField(required=False)
    sales_url = serializers.CharField(required=False, allow_blank=True)
    business_central_url = serializers.CharField(required=False)
    web_client_url = serializers.CharField(required=False, allow_blank=True)
    company = serializers.CharField(source="company_id", required=False, allow_blank=True, allow_null=True)
    client_secret = serializers.CharField(write_only=True, required=False, trim_whitespace=True)
    certificate = serializers.CharField(write_only=True, required=False)
    private_key = serializers.CharField(write_only=True, required=False)

    class Meta:
        model = Connection
        fields = (
            "slug",
            "name",
            "tenant_id",
            "client_id",
            "client_secret",
            "certificate",
            "private_key",
            "authority_url",
            "sales_url",
            "business_central_url",
            "business_central_environment",
            "company",
            "company_name",
            "enabled",
            *_READ_ONLY[:2],
            "automatic_jobs",
            "ownership_model",
            "unit_group_mapping",
            "extended_pricing",
            "sales_order_integration",
            "automatically_create_sales_orders",
            "automatically_process_quotes",
            "synchronize_item_availability",
            "write_in_product_type",
            "write_in_product_no",
            "freight_account_no",
            "fulfil_shipped_orders",
            "archive_quotes_in_business_central",
            "cancel_deleted_orders",
            "tell_accounts",
            "keep_jobs_days",
            "time_zone",
            "full_synch_parallel",
            "full_synch_hold_percent",
            "web_client_url",
            "open_in_sales_hub",
            "over_privileged_reason",
            *_READ_ONLY[2:],
        )
        read_only_fields: tuple[str, ...] = ("slug", "company_name", *_READ_ONLY)

    def to_changes(self) -> dict[str, Any]:
        """The validated settings under the names that the service takes."""
        changes = dict(self.validated_data)
        if "company_id" in changes:
            changes["company"] = changes.pop("company_id")
        return changes


class AnotherConnectionSerializer(SettingsSerializer):
    """What differs in a connection that is otherwise like the present one; it is made disabled."""

    class Meta(SettingsSerializer.Meta):
        read_only_fields: tuple[str, ...] = (*SettingsSerializer.Meta.read_only_fields, "enabled")


class NewConnectionSerializer(SettingsSerializer):
    """A connection to be made; its slug becomes part of every address below it."""

    slug = serializers.SlugField(max_length=50, required=True)

    class Meta(SettingsSerializer.Meta):
        read_only_fields: tuple[str, ...] = ("company_name", *_READ_ONLY)


class ResetSerializer(StrictSerializer):
    """The confirmation of a reset: the connection's own slug."""

    confirm = serializers.CharField()


class StepSerializer(serializers.Serializer[Any]):
    """One step of a connection test."""

    system = serializers.ChoiceField(choices=["business_central", "sales", "both"])
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["passed", "warning", "failed", "skipped"])
    message = serializers.CharField()
    hint = serializers.CharField()


class ReportSerializer(serializers.Serializer[Any]):
    """What a connection test found."""

    succeeded = serializers.BooleanField()
    steps = StepSerializer(many=True)


class ChecksFailedSerializer(serializers.Serializer[Any]):
    """Why a connection could not be enabled, with every step; or sentences by property, for any other refusal."""

    detail = serializers.CharField()
    steps = StepSerializer(many=True)
