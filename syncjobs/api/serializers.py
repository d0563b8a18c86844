"""Jobs, operations, schedules and full synchronisations as the REST API shows them."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.rest import StrictModelSerializer, StrictSerializer
from connector.choices import ConnectionState, Direction, System
from coupling.api.serializers import ErrorField
from syncjobs.choices import LineState
from syncjobs.models import FullSynch, FullSynchLine, JobLogEntry, Operation, Schedule, SynchJob

_SIDE = {"anyOf": [{"type": "string", "enum": ["running", "success", "error"]}, {"type": "null"}]}


class CountersSerializer(serializers.Serializer[Any]):
    """Records by what was done with them, once per system that was written to."""

    inserted = serializers.IntegerField()
    modified = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    skipped = serializers.IntegerField()
    failed = serializers.IntegerField()
    coupled = serializers.IntegerField()
    uncoupled = serializers.IntegerField()
    deleted = serializers.IntegerField()
    conflicts = serializers.IntegerField()


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a job is. `rate`: pairs per second since it started."""

    done = serializers.IntegerField()
    total = serializers.IntegerField()
    rate = serializers.FloatField()
    throttled_seconds = serializers.FloatField()
    requests = serializers.IntegerField()


class JobSerializer(serializers.ModelSerializer[SynchJob]):
    """A job. `message` ends in what to do about it where the job itself failed."""

    mapping = serializers.CharField(source="mapping.name", default=None, allow_null=True, read_only=True)
    user = serializers.CharField(source="user.username", default=None, allow_null=True, read_only=True)
    message = serializers.SerializerMethodField()
    counters = CountersSerializer()
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
            "counters",
            "progress",
            "created_at",
            "started_at",
            "finished_at",
        )

    def get_message(self, job: SynchJob) -> str:
        return f"{job.message} {job.hint}".strip()

    @extend_schema_field(ProgressSerializer)
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


class OperationSerializer(serializers.ModelSerializer[Operation]):
    mapping = serializers.CharField(source="mapping.name")
    job = serializers.IntegerField(source="job_id", allow_null=True)
    coupling = serializers.IntegerField(source="coupling_id", allow_null=True)
    before = serializers.DictField(read_only=True)
    after = serializers.DictField(read_only=True)
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
    mapping = serializers.CharField(source="mapping.name", default=None, allow_null=True, read_only=True)
    weekdays = serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=6), required=False)

    class Meta:
        model = Schedule
        fields = (
            "name",
            "mapping",
            "enabled",
            "interval_minutes",
            "inactivity_timeout_minutes",
            "weekdays",
            "from_time",
            "until_time",
            "reacts_at_once",
            "state",
            "attempts",
            "last_run",
            "next_run",
        )
        read_only_fields = ("name", "state", "attempts", "last_run", "next_run")
        extra_kwargs = {"interval_minutes": {"min_value": 1, "max_value": 7 * 24 * 60}}


class PlanSerializer(serializers.Serializer[Any]):
    """What a preview found, in records."""

    create_in_sales = serializers.IntegerField()
    create_in_business_central = serializers.IntegerField()
    update_in_sales = serializers.IntegerField()
    update_in_business_central = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    couple = serializers.IntegerField()
    ambiguous = serializers.IntegerField()
    blocked = serializers.IntegerField()
    failing = serializers.IntegerField()
    conflicts = serializers.IntegerField()


class FullSynchLineSerializer(serializers.ModelSerializer[FullSynchLine]):
    """One line; expects `jobs` prefetched and `blocked_by` annotated by the service."""

    mapping = serializers.CharField(source="mapping.name")
    to_sales = serializers.SerializerMethodField()
    to_business_central = serializers.SerializerMethodField()
    counters = serializers.SerializerMethodField()
    blocked_by = serializers.SerializerMethodField()
    jobs = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=LineState.choices)
    plan = PlanSerializer(allow_null=True)

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

    @extend_schema_field(_SIDE)
    def get_to_sales(self, line: FullSynchLine) -> str | None:
        return line.to_sales or None

    @extend_schema_field(_SIDE)
    def get_to_business_central(self, line: FullSynchLine) -> str | None:
        return line.to_business_central or None

    @extend_schema_field(CountersSerializer)
    def get_counters(self, line: FullSynchLine) -> dict[str, int]:
        """What the line's jobs did together; what failed or conflicts is what the newest one left."""
        jobs = list(line.jobs.all())
        newest = jobs[:1]
        return {
            name: sum(getattr(job, name) for job in (newest if name in ("failed", "conflicts") else jobs))
            for name in SynchJob.COUNTERS
        }

    def get_blocked_by(self, line: FullSynchLine) -> list[str]:
        from syncjobs.services.full_synch import blocked_by

        return blocked_by(line, self.context["lines"])

    def get_jobs(self, line: FullSynchLine) -> list[int]:
        return [job.pk for job in line.jobs.all()]


class FullSynchSerializer(serializers.ModelSerializer[FullSynch]):
    lines = serializers.SerializerMethodField()

    class Meta:
        model = FullSynch
        fields = ("id", "state", "preview", "message", "created_at", "started_at", "paused_at", "finished_at", "lines")

    @extend_schema_field(FullSynchLineSerializer(many=True))
    def get_lines(self, full_synch: FullSynch) -> Any:
        lines = list(full_synch.lines.all())
        return FullSynchLineSerializer(lines, many=True, context={"lines": lines}).data


class StartFullSynchSerializer(StrictSerializer):
    preview = serializers.BooleanField(default=False)
    mappings = serializers.ListField(child=serializers.CharField(), allow_null=True, allow_empty=False, default=None)
    directions = serializers.DictField(child=serializers.ChoiceField(choices=Direction.choices), default=dict)
    match_first = serializers.ListField(child=serializers.CharField(), default=list)
    winners = serializers.DictField(child=serializers.ChoiceField(choices=System.choices), default=dict)


class RestartSerializer(StrictSerializer):
    mappings = serializers.ListField(child=serializers.CharField(), allow_empty=False)


class IdSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()


class AcceptedFullSynchSerializer(serializers.Serializer[Any]):
    """A full synchronisation that goes on by itself."""

    full_synch = IdSerializer()


class ConnectionStatusSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    enabled = serializers.BooleanField()
    state = serializers.ChoiceField(choices=ConnectionState.choices)
    disabled_reason = serializers.CharField()


class WorkerSerializer(serializers.Serializer[Any]):
    """A worker or the scheduler, with its newest sign of life."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["worker", "scheduler"])
    heartbeat_at = serializers.DateTimeField()


class StatusSerializer(serializers.Serializer[Any]):
    """The hub as a whole. `queues`: waiting tasks by queue; empty where Redis cannot be reached."""

    version = serializers.CharField()
    connections = ConnectionStatusSerializer(many=True)
    workers = WorkerSerializer(many=True)
    queues = serializers.DictField(child=serializers.IntegerField())
