"""How couplings are kept in step: jobs, their operations, full synchronisations and schedules.

`Operation` is the heart: dry-run plan, write-ahead log, error list, audit trail and source of undo in one table.
Postgres is the truth; the queue only carries primary keys.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse

from connector.choices import Direction, System
from connector.models import Connection
from coupling.fields import WireValuesField
from coupling.models import Coupling, TableMapping
from syncjobs.choices import (
    CopyOrigin,
    JobMode,
    JobState,
    JobTrigger,
    LineState,
    LogLevel,
    OperationKind,
    OperationState,
    ScheduleState,
)
from syncjobs.documents.models import DocumentEvent, DocumentNote, QuoteVersion, SalesDocument

__all__ = ["DocumentEvent", "DocumentNote", "QuoteVersion", "SalesDocument"]


class FullSynch(models.Model):
    """One full synchronisation: a line per mapping, run in dependency order."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="full_synchs")
    state = models.CharField(max_length=20, choices=JobState.choices, default=JobState.QUEUED)
    preview = models.BooleanField(default=False)
    cancel_requested = models.BooleanField(default=False)
    paused_at = models.DateTimeField(null=True, help_text="Since when it rests; its lines go on once it is resumed.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    message = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True, help_text="When somebody said how scheduled jobs go on after it.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection"],
                condition=Q(state__in=["queued", "running", "interrupted"]),
                name="one_live_full_synch",
            )
        ]

    def __str__(self) -> str:
        return f"Full synchronisation {self.pk}"


class FullSynchLine(models.Model):
    """One mapping in a full synchronisation, with the plan of its preview and the outcome of its job."""

    full_synch = models.ForeignKey(FullSynch, on_delete=models.CASCADE, related_name="lines")
    mapping = models.ForeignKey(TableMapping, on_delete=models.CASCADE, related_name="+")
    direction = models.CharField(max_length=20, choices=Direction.choices)
    depends_on = ArrayField(models.CharField(max_length=50), default=list, help_text="Mappings among the lines.")
    order = models.PositiveIntegerField(default=0)
    match_first = models.BooleanField(default=False, help_text="Match-based coupling runs before the records do.")
    winner = models.CharField(
        max_length=20,
        blank=True,
        choices=System.choices,
        help_text="Side that wins conflicts; blank: the mapping says.",
    )
    state = models.CharField(max_length=20, choices=LineState.choices, blank=True, default=LineState.BLANK)
    to_sales = models.CharField(max_length=20, blank=True, help_text='"", running, success or error.')
    to_business_central = models.CharField(max_length=20, blank=True, help_text='"", running, success or error.')
    plan = models.JSONField(null=True)
    failed_only = models.BooleanField(default=False, help_text="Runs again over the records that failed.")
    failed_percent = models.PositiveSmallIntegerField(default=0, help_text="Share of its records that failed.")
    failures_accepted = models.BooleanField(default=False, help_text="Its dependents run whatever failed.")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["full_synch", "order"]
        constraints = [models.UniqueConstraint(fields=["full_synch", "mapping"], name="full_synch_line_once")]

    def __str__(self) -> str:
        return f"{self.full_synch}: {self.mapping}"


class SynchJob(models.Model):
    """A run of one mapping: who asked, what for, how far it is and how it ended.

    Counters count a record once per system it was written to. `heartbeat_at` is renewed by every worker on the job;
    a live job whose heartbeat is old, and whose slices nobody holds, is resumed by the scheduler's tick.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="jobs")
    mapping = models.ForeignKey(TableMapping, on_delete=models.CASCADE, null=True, related_name="jobs")
    mode = models.CharField(max_length=20, choices=JobMode.choices)
    direction = models.CharField(max_length=20, choices=Direction.choices)
    trigger = models.CharField(max_length=20, choices=JobTrigger.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    options = models.JSONField(
        default=dict, blank=True, help_text="Arguments of the run; see syncjobs.engine.options.RunOptions."
    )
    full_synch_line = models.ForeignKey(FullSynchLine, on_delete=models.CASCADE, null=True, related_name="jobs")
    undo_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="undone_by")

    state = models.CharField(max_length=20, choices=JobState.choices, default=JobState.QUEUED)
    message = models.TextField(blank=True, help_text="One sentence: how it ended, or what it does now.")
    hint = models.TextField(blank=True)
    cancel_requested = models.BooleanField(default=False)
    paused = models.BooleanField(default=False, help_text="Rests with its place kept until it is resumed.")

    inserted = models.PositiveIntegerField(default=0)
    modified = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    coupled = models.PositiveIntegerField(default=0)
    uncoupled = models.PositiveIntegerField(default=0)
    deleted = models.PositiveIntegerField(default=0)
    conflicts = models.PositiveIntegerField(default=0)

    done = models.PositiveIntegerField(default=0, help_text="Pairs planned and finished.")
    total = models.PositiveIntegerField(default=0, help_text="Pairs known so far.")
    requests = models.PositiveIntegerField(default=0)
    throttled_seconds = models.FloatField(default=0)

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    collected_at = models.DateTimeField(null=True, help_text="When the pairs of the run were known.")
    resumed = models.PositiveIntegerField(
        default=0, help_text="Times the job was taken up again after its worker died."
    )

    COUNTERS = (
        "inserted",
        "modified",
        "unchanged",
        "skipped",
        "failed",
        "coupled",
        "uncoupled",
        "deleted",
        "conflicts",
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["connection", "-id"], name="job_newest"),
            models.Index(
                fields=["heartbeat_at"], condition=Q(state__in=["queued", "running", "interrupted"]), name="job_live"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mapping or 'Job'} {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("job-detail", kwargs={"connection": self.connection.slug, "pk": self.pk})

    @property
    def counters(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.COUNTERS}


class JobLogEntry(models.Model):
    """One line of a job's live log, written while it runs, with the sentence already rendered."""

    job = models.ForeignKey(SynchJob, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField(auto_now_add=True)
    level = models.CharField(max_length=10, choices=LogLevel.choices, default=LogLevel.INFO)
    message = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.message


class JobSlice(models.Model):
    """A claimed part of a job: some thousand pairs that one worker plans, applies and settles.

    The worker holds the Postgres advisory lock of the slice on its own session while it works, so a slice that is open
    and unlocked has lost its worker and is taken over.
    """

    job = models.ForeignKey(SynchJob, on_delete=models.CASCADE, related_name="slices")
    open = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["job"], condition=Q(open=True), name="slice_open")]

    def __str__(self) -> str:
        return f"Slice {self.pk} of job {self.job_id}"


class Operation(models.Model):
    """One change to one record in one system, from plan to outcome.

    `before` and `after` hold only what is sent, under wire names. A create in Sales knows its `record_id` beforehand
    (derived from the BC record), a create in BC learns it when it settles. `bc_base` and `sales_base` are what the
    coupling's base gains when the operation settles. At most one operation per pair and system is open.

    Every operation is written three times, so what costs most is its indexes: keys that an index of several columns
    begins with have none of their own.
    """

    job = models.ForeignKey(SynchJob, on_delete=models.CASCADE, null=True, related_name="operations", db_index=False)
    slice = models.ForeignKey(JobSlice, on_delete=models.SET_NULL, null=True, related_name="operations")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="operations", db_index=False)
    mapping = models.ForeignKey(TableMapping, on_delete=models.CASCADE, related_name="operations")
    coupling = models.ForeignKey(
        Coupling, on_delete=models.SET_NULL, null=True, related_name="operations", db_index=False
    )
    system = models.CharField(max_length=20, choices=System.choices, help_text="System written to.")
    table = models.CharField(max_length=100, help_text="Entity set written to.")
    record_id = models.UUIDField(null=True)
    bc_key = models.UUIDField(null=True)
    sales_key = models.UUIDField(null=True)
    record_name = models.CharField(max_length=500, blank=True, help_text="Number and name at plan time, for people.")
    kind = models.CharField(max_length=20, choices=OperationKind.choices)
    state = models.CharField(max_length=20, choices=OperationState.choices, default=OperationState.PLANNED)
    preview = models.BooleanField(default=False)
    before = WireValuesField()
    after = WireValuesField()
    expected_token = models.CharField(max_length=200, blank=True, help_text="If-Match of an update; blank: none.")
    bc_base = WireValuesField()
    sales_base = WireValuesField()
    bc_token = models.CharField(max_length=200, blank=True, help_text="Token of the BC record the plan saw.")
    sales_token = models.CharField(max_length=200, blank=True, help_text="Token of the Sales row the plan saw.")
    attempts = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    error_hint = models.TextField(blank=True)
    error_details = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mapping", "system", "bc_key", "sales_key"],
                condition=Q(state__in=["planned", "sent"], preview=False),
                nulls_distinct=False,
                name="one_open_operation",
            )
        ]
        indexes = [
            models.Index(fields=["job", "state"], name="operation_job_state"),
            models.Index(fields=["slice"], condition=Q(state__in=["planned", "sent"]), name="operation_open"),
            models.Index(fields=["coupling", "-id"], name="operation_coupling"),
            models.Index(fields=["connection", "state", "-id"], name="operation_connection_state"),
            models.Index(
                fields=["mapping", "bc_key", "sales_key"],
                condition=Q(state="failed", coupling__isnull=True, preview=False),
                name="operation_failed_uncoupled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.table} {self.record_name}"


class Schedule(models.Model):
    """A recurring run: of a mapping, or of one of the processes of the sales documents."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="schedules")
    name = models.CharField(max_length=60)
    mapping = models.ForeignKey(TableMapping, on_delete=models.CASCADE, null=True, related_name="schedules")
    enabled = models.BooleanField(default=True)
    interval_minutes = models.PositiveIntegerField(default=30)
    inactivity_timeout_minutes = models.PositiveIntegerField(default=0)
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(), default=list, blank=True, help_text="0 is Monday; empty: every day."
    )
    from_time = models.TimeField(null=True, blank=True, help_text="Runs by itself from this time of the day on.")
    until_time = models.TimeField(null=True, blank=True, help_text="And until this one; earlier: into the next day.")
    reacts_at_once = models.BooleanField(
        default=True, help_text="Off: changes in either system wait for the schedule's next run."
    )
    state = models.CharField(max_length=20, choices=ScheduleState.choices, default=ScheduleState.READY)
    attempts = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True)
    last_run = models.DateTimeField(null=True)
    next_run = models.DateTimeField(null=True)
    job = models.ForeignKey(SynchJob, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["connection", "name"]
        constraints = [models.UniqueConstraint(fields=["connection", "name"], name="schedule_name")]

    def __str__(self) -> str:
        return self.name


class ConfigurationCopy(models.Model):
    """Mappings, fields, templates and schedules as they were, or as a file says: what undo and import go back to.

    `document` is that of `syncjobs.services.configuration`; secrets are never in it.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="configuration_copies")
    origin = models.CharField(max_length=20, choices=CopyOrigin.choices)
    document = models.JSONField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "configuration copies"

    def __str__(self) -> str:
        return f"{self.get_origin_display()} {self.pk}"


class WorkerHeartbeat(models.Model):
    """The scheduler's and each worker's sign of life, so that an outage is visible on every page."""

    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
