"""Enumerations of sales documents."""

from django.db import models


class DocumentKind(models.TextChoices):
    ORDER = "order", "Order"
    QUOTE = "quote", "Quote"


class TransferState(models.TextChoices):
    """Where the way of a document into Business Central stands; docs/documents.md draws the transitions."""

    NONE = "none", "Not for transfer"
    WAITING = "waiting", "Ready"
    PROBLEMS = "problems", "Something is missing"
    CREATING = "creating", "In progress"
    UNCERTAIN = "uncertain", "Uncertain, checking"
    CREATED = "created", "Created, being completed"
    INCOMPLETE = "incomplete", "Incomplete"
    TRANSFERRED = "transferred", "In Business Central"
    FAILED = "failed", "Failed"
    CLOSED = "closed", "Closed"

    @property
    def colour(self) -> str:
        return {
            "none": "secondary",
            "waiting": "cyan",
            "problems": "orange",
            "creating": "azure",
            "uncertain": "yellow",
            "created": "azure",
            "incomplete": "orange",
            "transferred": "green",
            "failed": "red",
            "closed": "secondary",
        }[self.value]


UNFINISHED = (TransferState.CREATING, TransferState.UNCERTAIN, TransferState.CREATED)
"""States that the next run goes on with, whatever Sales says of the document."""

IN_BUSINESS_CENTRAL = (TransferState.CREATED, TransferState.INCOMPLETE, TransferState.TRANSFERRED)


class OrderState(models.IntegerChoices):
    """`salesorder.statecode`."""

    ACTIVE = 0, "Active"
    SUBMITTED = 1, "Submitted"
    CANCELED = 2, "Canceled"
    FULFILLED = 3, "Fulfilled"
    INVOICED = 4, "Invoiced"


class QuoteState(models.IntegerChoices):
    """`quote.statecode`."""

    DRAFT = 0, "Draft"
    ACTIVE = 1, "Active"
    WON = 2, "Won"
    CLOSED = 3, "Closed"


class EventKind(models.TextChoices):
    """What happened to a document, in either system or in the hub."""

    CREATED = "created", "Created in Business Central"
    ADOPTED = "adopted", "Found in Business Central"
    REFUSED = "refused", "Refused"
    CHECKED = "checked", "Checked"
    STEP = "step", "Step"
    WRITTEN_BACK = "written_back", "Handed over in Sales"
    RELEASED = "released", "Released"
    REOPENED = "reopened", "Reopened"
    SHIPPED = "shipped", "Shipped"
    INVOICED = "invoiced", "Invoiced"
    FULFILLED = "fulfilled", "Fulfilled in Sales"
    UPDATED = "updated", "Updated in Sales"
    CANCELLED = "cancelled", "Cancelled"
    DELETED = "deleted", "Deleted"
    REVISED = "revised", "Revised"
    ARCHIVED = "archived", "Archived"
    WON = "won", "Won"
    LOST = "lost", "Lost"
    NOTE = "note", "Note"
    WARNING = "warning", "Warning"
