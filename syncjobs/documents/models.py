"""What the hub knows of sales documents: where each stands, what happened to it, which notes belong together."""

from typing import Any
from uuid import UUID

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.urls import reverse

from connector.models import Connection
from coupling.fields import WireValuesField
from coupling.models import Coupling
from syncjobs.documents.choices import DocumentKind, EventKind, OrderState, QuoteState, TransferState


class SalesDocument(models.Model):
    """One order or quote of Dynamics 365 Sales, with the state of its transfer to Business Central.

    `values` and `lines` are what Sales said when last read (`read_at`); `plan` is what a running or finished transfer
    writes, fixed when the document is claimed; `steps` says which parts of it are done. A row is claimed by the job in
    `job` while its state is `creating`; a claim ends with its job, and whoever takes it over looks first.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="sales_documents")
    kind = models.CharField(max_length=10, choices=DocumentKind.choices)
    sales_key = models.UUIDField()
    number = models.CharField(max_length=100, blank=True)
    revision = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=300, blank=True)
    customer_name = models.CharField(max_length=200, blank=True)
    currency = models.CharField(max_length=10, blank=True)
    total = models.DecimalField(max_digits=22, decimal_places=4, null=True)
    sales_state = models.PositiveSmallIntegerField(default=0)
    sales_status = models.PositiveIntegerField(default=0)
    handed_over = models.DateField(null=True, help_text="lastbackofficesubmit; null also for 1900-01-01.")
    sales_modified_at = models.DateTimeField(null=True)
    sales_token = models.CharField(max_length=100, blank=True)
    sales_gone = models.BooleanField(default=False)
    values = WireValuesField()
    lines = WireValuesField(default=list)
    search_text = models.TextField(blank=True)
    read_at = models.DateTimeField(null=True)

    transfer_state = models.CharField(max_length=20, choices=TransferState.choices, default=TransferState.NONE)
    problems = models.JSONField(default=list, blank=True, help_text="What stops the transfer: code, message, fix.")
    warnings = models.JSONField(default=list, blank=True)
    omissions = models.JSONField(default=list, blank=True, help_text="What could not be transferred, as sentences.")
    attention = models.JSONField(default=list, blank=True, help_text="What a person has to look at: code, message.")
    differences = models.JSONField(default=list, blank=True, help_text="Amounts that differ, line by line.")
    plan = WireValuesField()
    steps = models.JSONField(default=dict, blank=True, help_text="Step → todo, done, failed or not_needed.")
    coupling = models.ForeignKey(Coupling, on_delete=models.SET_NULL, null=True, related_name="sales_documents")
    bc_key = models.UUIDField(null=True)
    bc_number = models.CharField(max_length=20, blank=True)
    bc_values = WireValuesField()
    bc_lines = WireValuesField(default=list)
    bc_read_at = models.DateTimeField(null=True)
    order_number = models.CharField(max_length=20, blank=True, help_text="BC order made of a quote.")
    marks = models.JSONField(default=dict, blank=True, help_text="What later runs remember: won marker, last look.")

    job = models.ForeignKey("syncjobs.SynchJob", on_delete=models.SET_NULL, null=True, related_name="+")
    claimed_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    attempted_at = models.DateTimeField(null=True)
    attempted_by = models.CharField(max_length=150, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    error_hint = models.TextField(blank=True)

    class Meta:
        ordering = ["-sales_modified_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "sales_key"], name="sales_document_once"),
        ]
        indexes = [
            models.Index(fields=["connection", "kind", "transfer_state"], name="sales_document_state"),
            models.Index(fields=["connection", "kind", "number"], name="sales_document_number"),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="sales_document_search"),
        ]

    def __str__(self) -> str:
        revision = f" rev. {self.revision}" if self.kind == DocumentKind.QUOTE else ""
        return f"{self.get_kind_display()} {self.number or self.name or self.sales_key}{revision}"

    def get_absolute_url(self) -> str:
        name = "sales-order-detail" if self.kind == DocumentKind.ORDER else "sales-quote-detail"
        return reverse(name, kwargs={"connection": self.connection.slug, "key": self.sales_key})

    @property
    def state_choice(self) -> OrderState | QuoteState:
        choices: Any = OrderState if self.kind == DocumentKind.ORDER else QuoteState
        state: OrderState | QuoteState = choices(self.sales_state)
        return state

    @property
    def sales_state_word(self) -> str:
        """`submitted`, `won` …: the word of the REST API."""
        return str(self.state_choice.name).lower()


class DocumentEvent(models.Model):
    """One thing that happened to a document; `key` makes it happen once, however often it is seen.

    Events that are told to Sales carry the text in `post`; `posted_at` is set once it is there, `post_key` is the key
    under which the post is created, so that a lost answer cannot tell it twice.
    """

    document = models.ForeignKey(SalesDocument, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    key = models.CharField(max_length=200)
    at = models.DateTimeField()
    message = models.TextField()
    details = WireValuesField()
    job = models.ForeignKey("syncjobs.SynchJob", on_delete=models.SET_NULL, null=True, related_name="+")
    post = models.TextField(blank=True, help_text="What the timeline in Sales says; blank: nothing.")
    post_key = models.UUIDField(null=True)
    posted_at = models.DateTimeField(null=True)
    post_attempts = models.PositiveIntegerField(default=0)
    post_error = models.TextField(blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["document", "key"], name="document_event_once")]
        indexes = [
            models.Index(
                fields=["document"],
                condition=models.Q(posted_at__isnull=True) & ~models.Q(post=""),
                name="event_to_post",
            )
        ]

    def __str__(self) -> str:
        return self.message


class DocumentNote(models.Model):
    """A note of a Sales document and the text attachment that carries it in Business Central."""

    document = models.ForeignKey(SalesDocument, on_delete=models.CASCADE, related_name="notes")
    annotation_key = models.UUIDField(null=True)
    attachment_key = models.UUIDField(null=True)
    from_sales = models.BooleanField(default=True)
    title = models.CharField(max_length=500, blank=True)
    text = models.TextField(blank=True, help_text="As last transferred.")
    at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["document", "annotation_key"], name="document_note_annotation"),
            models.UniqueConstraint(fields=["document", "attachment_key"], name="document_note_attachment"),
        ]

    def __str__(self) -> str:
        return self.title or self.text[:60]


class QuoteVersion(models.Model):
    """An earlier version of a quote, kept before Business Central's was rewritten, deleted or made an order.

    `header` and `lines` are Business Central's, as read right before. One per revision and reason, however often a run
    is repeated.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="quote_versions")
    quote_number = models.CharField(max_length=100, help_text="Number in Sales, which all revisions share.")
    sales_key = models.UUIDField(help_text="The revision.")
    revision = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=300, blank=True)
    customer_name = models.CharField(max_length=200, blank=True)
    bc_key = models.UUIDField(null=True)
    bc_number = models.CharField(max_length=20, blank=True)
    total = models.DecimalField(max_digits=22, decimal_places=4, null=True)
    header = WireValuesField()
    lines = WireValuesField(default=list)
    reason = models.CharField(max_length=20, help_text="revised, won or removed.")
    source = models.CharField(max_length=20, default="hub")
    archived_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-archived_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "sales_key", "reason"], name="quote_version_once"),
        ]
        indexes = [models.Index(fields=["connection", "quote_number"], name="quote_version_number")]

    def __str__(self) -> str:
        return f"Quote {self.quote_number} rev. {self.revision}"


def key_of(value: Any) -> UUID | None:
    """A key off the wire; None for none."""
    return UUID(str(value)) if value else None
