"""Jobs, operations, schedules and full synchronisations as the REST API shows them."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from config.rest import StrictModelSerializer, StrictSerializer
from connector.choices import Direction, System
from syncjobs.models import FullSynch, FullSynchLine, JobLogEntry, Operation, Schedule, SynchJob


class JobSerializer(serializers.ModelSerializer[SynchJob]):
    """A job; `progress.rate` is in pairs per second since the start."""

    mapping = serializers.CharField(source="mapping.name", default=None)
    user = serializers.CharField(source="user.username", default=None)
    counters = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    progress = serializers.SerializerMethodField()

    class Meta:
        model = SynchJob
        fields = (
            "id",
            "mapping",
            "mode",
            "direction",
            "trigger",
            "user",
            "state",
            "message",
            "hint",
            "counters",
            "progress",
            "created_at",
            "started_at",
            "finished_at",
        )

    def get_progress(self, job: SynchJob) -> dict[str, float]:
        seconds = ((job.finished_at or timezone.now()) - job.started_at).total_seconds() if job.started_at else 0.0
        return {
            "done": job.done,
            "total": job.total,
            "rate": round(job.done / seconds, 1) if seconds > 0 else 0.0,
            "throttled_seconds": round(job.throttled_seconds, 1),
            "requests": job.requests,
        }


class JobLogSerializer(serializers.ModelSerializer[JobLogEntry]):
    class Meta:
        model = JobLogEntry
        fields = ("id", "at", "level", "message")


class ErrorField(serializers.Field[dict[str, str] | None, Any, Any, Any]):
    """`error_code`, `error_message` and `error_hint` of a row as one object; null without an error."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "source": "*", "read_only": True})

    def to_representation(self, value: Any) -> dict[str, str] | None:
        if not value.error_code:
            return None
        return {"code": value.error_code, "message": value.error_message, "hint": value.error_hint}


class OperationSerializer(serializers.ModelSerializer[Operation]):
    mapping = serializers.CharField(source="mapping.name")
    job = serializers.IntegerField(source="job_id")
    coupling = serializers.IntegerField(source="coupling_id")
    before = serializers.JSONField(read_only=True)
    after = serializers.JSONField(read_only=True)
    error = ErrorField()

    class Meta:
        model = Operation
        fields = (
            "id",
            "job",
            "coupling",
            "mapping",
            "system",
            "table",
            "record_id",
            "kind",
            "state",
            "before",
            "after",
            "attempts",
            "error",
            "created_at",
        )


class ResolveSerializer(StrictSerializer):
    """How a person decides a conflict: one side for all fields, exceptions by property (a side, or a value)."""

    use = serializers.ChoiceField(choices=System.choices)
    fields = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False)  # type: ignore[assignment]


class ScheduleSerializer(StrictModelSerializer):
    mapping = serializers.CharField(source="mapping.name", default=None, read_only=True)

    class Meta:
        model = Schedule
        fields = (
            "name",
            "mapping",
            "enabled",
            "interval_minutes",
            "inactivity_timeout_minutes",
            "state",
            "attempts",
            "last_run",
            "next_run",
        )
        read_only_fields = ("name", "state", "attempts", "last_run", "next_run")
        extra_kwargs = {"interval_minutes": {"min_value": 1, "max_value": 7 * 24 * 60}}


class FullSynchLineSerializer(serializers.ModelSerializer[FullSynchLine]):
    """One line; expects `jobs` prefetched and `blocked_by` annotated by the service."""

    mapping = serializers.CharField(source="mapping.name")
    to_sales = serializers.SerializerMethodField()
    to_business_central = serializers.SerializerMethodField()
    counters = serializers.SerializerMethodField()
    blocked_by = serializers.SerializerMethodField()
    jobs = serializers.SerializerMethodField()

    class Meta:
        model = FullSynchLine
        fields = (
            "mapping",
            "direction",
            "depends_on",
            "state",
            "blocked_by",
            "to_sales",
            "to_business_central",
            "counters",
            "plan",
            "jobs",
            "started_at",
            "finished_at",
        )

    def get_to_sales(self, line: FullSynchLine) -> str | None:
        return line.to_sales or None

    def get_to_business_central(self, line: FullSynchLine) -> str | None:
        return line.to_business_central or None

    def get_counters(self, line: FullSynchLine) -> dict[str, int]:
        jobs = line.jobs.all()
        return {name: sum(getattr(job, name) for job in jobs) for name in SynchJob.COUNTERS}

    def get_blocked_by(self, line: FullSynchLine) -> list[str]:
        from syncjobs.services.full_synch import blocked_by

        return blocked_by(line, self.context["lines"])

    def get_jobs(self, line: FullSynchLine) -> list[int]:
        return [job.pk for job in line.jobs.all()]


class FullSynchSerializer(serializers.ModelSerializer[FullSynch]):
    lines = serializers.SerializerMethodField()

    class Meta:
        model = FullSynch
        fields = ("id", "state", "preview", "message", "created_at", "started_at", "finished_at", "lines")

    def get_lines(self, full_synch: FullSynch) -> Any:
        lines = list(full_synch.lines.all())
        return FullSynchLineSerializer(lines, many=True, context={"lines": lines}).data


class StartFullSynchSerializer(StrictSerializer):
    preview = serializers.BooleanField(default=False)
    mappings = serializers.ListField(child=serializers.CharField(), allow_null=True, default=None)
    directions = serializers.DictField(child=serializers.ChoiceField(choices=Direction.choices), default=dict)


class RestartSerializer(StrictSerializer):
    mappings = serializers.ListField(child=serializers.CharField(), allow_empty=False)
