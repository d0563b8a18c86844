"""Enumerations of jobs, operations, full synchronisations and schedules; values are the REST API's."""

from django.db import models


class JobMode(models.TextChoices):
    """What a job does."""

    MODIFIED = "modified", "Changes since the last run"
    FULL = "full", "All records"
    PREVIEW = "preview", "Preview"
    SELECTED = "selected", "Selected records"
    CREATE = "create", "Create the missing side"
    MATCH = "match", "Match-based coupling"
    COUPLE = "couple", "Couple accepted pairs"
    SUGGEST = "suggest", "Look for suggestions"
    UNCOUPLE = "uncouple", "Remove couplings"
    RESTORE = "restore", "Restore deleted records"
    DELETE = "delete", "Delete the surviving records"
    BROKEN = "broken", "Find broken couplings"
    UNDO = "undo", "Undo of a job"
    DOCUMENTS = "documents", "Sales documents"


class JobTrigger(models.TextChoices):
    USER = "user", "A person"
    API = "api", "REST API"
    COMMAND = "command", "Command line"
    SCHEDULE = "schedule", "Schedule"
    FULL_SYNCH = "full_synch", "Full synchronisation"
    COUPLING = "coupling", "New coupling"


class JobState(models.TextChoices):
    """queued → running → one of the ends; interrupted goes back to running by itself."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    PARTLY = "partly", "Partly"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    INTERRUPTED = "interrupted", "Interrupted"

    @property
    def colour(self) -> str:
        return {
            "queued": "secondary",
            "running": "yellow",
            "succeeded": "green",
            "partly": "yellow",
            "failed": "red",
            "cancelled": "secondary",
            "interrupted": "orange",
        }[self.value]


LIVE_JOB_STATES = (JobState.QUEUED, JobState.RUNNING, JobState.INTERRUPTED)
"""States of a job that still has work to do."""


class OperationKind(models.TextChoices):
    CREATE = "create", "Create"
    UPDATE = "update", "Update"
    DELETE = "delete", "Delete"
    COUPLE = "couple", "Couple"
    UNCOUPLE = "uncouple", "Uncouple"


class OperationState(models.TextChoices):
    """planned → sent → settled, or one of the other ends. A preview's operations stay planned."""

    PLANNED = "planned", "Planned"
    SENT = "sent", "Sent"
    SETTLED = "settled", "Settled"
    FAILED = "failed", "Failed"
    CONFLICT = "conflict", "Conflict"
    SKIPPED = "skipped", "Skipped"

    @property
    def colour(self) -> str:
        return {
            "planned": "secondary",
            "sent": "azure",
            "settled": "green",
            "failed": "red",
            "conflict": "purple",
            "skipped": "orange",
        }[self.value]


OPEN_OPERATION_STATES = (OperationState.PLANNED, OperationState.SENT)


class LineState(models.TextChoices):
    """State of one mapping in a full synchronisation; blank: not started."""

    BLANK = "", "Not started"
    READY = "ready", "Ready"
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    ERROR = "error", "Error"
    BLOCKED = "blocked", "Blocked"
    CANCELLED = "cancelled", "Cancelled"

    @property
    def colour(self) -> str:
        return {
            "": "secondary",
            "ready": "secondary",
            "running": "yellow",
            "finished": "green",
            "error": "red",
            "blocked": "secondary",
            "cancelled": "secondary",
        }[self.value]


class ScheduleState(models.TextChoices):
    READY = "ready", "Ready"
    RUNNING = "running", "Running"
    ON_HOLD = "on_hold", "On hold"
    IDLE = "idle", "Idle"
    ERROR = "error", "Error"


class LogLevel(models.TextChoices):
    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"


class CopyOrigin(models.TextChoices):
    """Why a copy of the configuration was kept."""

    UPLOAD = "upload", "File"
    BEFORE_RESET = "before_reset", "Before a reset"
    BEFORE_IMPORT = "before_import", "Before an import"
