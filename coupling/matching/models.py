"""What matching stores: blocking keys, found candidates, ruled-out pairs, and who has which record of the queue.

Lines without a job are the standing suggestions of a mapping, kept up to date in the background; lines with a job are
the result of one match-based coupling or its dry run, kept as long as the job.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from connector.choices import System
from coupling.matching.choices import MatchVerdict, QueueDeed


class MatchKeys(models.Model):
    """Blocking keys of one mirrored record; see coupling.matching.blocking.

    `read_at` is that of the mirror row they were made from: an older one means that they have to be made anew. What was
    made after a mapping's suggestions were computed has changed for them.
    """

    connection = models.ForeignKey("connector.Connection", on_delete=models.CASCADE, related_name="+")
    system = models.CharField(max_length=20, choices=System.choices)
    table = models.CharField(max_length=100)
    key = models.UUIDField()
    keys = ArrayField(models.BigIntegerField(), default=list)
    read_at = models.DateTimeField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "system", "table", "key"], name="match_keys_once")]
        indexes = [models.Index(fields=["connection", "system", "table", "made_at"], name="match_keys_made")]

    def __str__(self) -> str:
        return f"{self.table} {self.key}: {len(self.keys)} keys"


class MatchLine(models.Model):
    """What was found for one uncoupled Business Central record: by the suggestions, or by a run (`job_id`).

    `score` is the best free candidate's, per mille; a run that matches on chosen fields gives none.
    """

    mapping = models.ForeignKey("coupling.TableMapping", on_delete=models.CASCADE, related_name="match_lines")
    job_id = models.BigIntegerField(null=True)
    bc_key = models.UUIDField()
    verdict = models.CharField(max_length=20, choices=MatchVerdict.choices, default=MatchVerdict.NONE)
    score = models.PositiveSmallIntegerField(default=0)
    best_key = models.UUIDField(null=True, help_text="Sales row that is proposed.")
    hits = models.PositiveIntegerField(default=0, help_text="Free rows that match on the chosen fields.")
    found_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mapping", "job_id", "bc_key"], nulls_distinct=False, name="match_line_once"
            )
        ]
        indexes = [models.Index(fields=["mapping", "job_id", "verdict", "-score", "id"], name="match_line_order")]

    def __str__(self) -> str:
        return f"{self.mapping} {self.bc_key}: {self.verdict}"


class MatchCandidate(models.Model):
    """A Sales row that may be the record's partner, with what speaks for it and against it (codes of `reasons`)."""

    line = models.ForeignKey(MatchLine, on_delete=models.CASCADE, related_name="candidates")
    sales_key = models.UUIDField()
    score = models.PositiveSmallIntegerField(default=0, help_text="Per mille.")
    reasons = ArrayField(models.CharField(max_length=120), default=list)
    doubts = ArrayField(models.CharField(max_length=120), default=list)
    taken = models.BooleanField(default=False, help_text="Coupled when it was found.")

    class Meta:
        ordering = ["taken", "-score", "sales_key"]
        constraints = [models.UniqueConstraint(fields=["line", "sales_key"], name="match_candidate_once")]
        indexes = [models.Index(fields=["sales_key"], name="match_candidate_sales")]

    def __str__(self) -> str:
        return f"{self.sales_key}: {self.score}"


class SuggestionState(models.Model):
    """How up to date a mapping's suggestions are.

    Keys made until `computed_until` are taken into account; `mark` tells whether anything changed since.
    """

    mapping = models.OneToOneField("coupling.TableMapping", on_delete=models.CASCADE, related_name="suggestion_state")
    computed_until = models.DateTimeField(null=True)
    computed_at = models.DateTimeField(null=True)
    full_at = models.DateTimeField(null=True, help_text="When every record was last compared.")
    mark = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField(null=True, help_text="Set while a computation runs.")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True, help_text="Why the last computation failed.")

    def __str__(self) -> str:
        return f"Suggestions of {self.mapping}"


class RuledOutPair(models.Model):
    """Two records that somebody said are not the same; never suggested again until that is taken back."""

    mapping = models.ForeignKey("coupling.TableMapping", on_delete=models.CASCADE, related_name="ruled_out")
    bc_key = models.UUIDField()
    sales_key = models.UUIDField()
    reason = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["mapping", "bc_key", "sales_key"], name="ruled_out_once")]
        indexes = [models.Index(fields=["mapping", "sales_key"], name="ruled_out_sales")]

    def __str__(self) -> str:
        return f"{self.mapping}: {self.bc_key} is not {self.sales_key}"


class RecordClaim(models.Model):
    """Somebody is coupling this record right now; ends by itself."""

    connection = models.ForeignKey("connector.Connection", on_delete=models.CASCADE, related_name="record_claims")
    system = models.CharField(max_length=20, choices=System.choices)
    table = models.CharField(max_length=100)
    key = models.UUIDField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="record_claims")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "system", "table", "key"], name="one_claim")]

    def __str__(self) -> str:
        return f"{self.user} has {self.table} {self.key}"


class QueueStep(models.Model):
    """What somebody did with a record while walking through the queue, newest last: progress, skips and undo.

    `key` is the record's, of `system`; the partners are of the other one.
    """

    mapping = models.ForeignKey("coupling.TableMapping", on_delete=models.CASCADE, related_name="queue_steps")
    system = models.CharField(max_length=20, choices=System.choices, default=System.BUSINESS_CENTRAL)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.UUIDField()
    deed = models.CharField(max_length=20, choices=QueueDeed.choices)
    partner_keys = ArrayField(models.UUIDField(), default=list, help_text="Records coupled or ruled out.")
    at = models.DateTimeField(auto_now_add=True)
    undone = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["mapping", "user", "-id"], name="queue_step_newest"),
            models.Index(
                fields=["mapping", "key"], condition=Q(undone=False, deed="skipped"), name="queue_step_skipped"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.deed} {self.key}"
