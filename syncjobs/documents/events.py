"""The ledger of a document: each thing is noted once under its key, whoever sees it and however often."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from syncjobs.documents.choices import EventKind
from syncjobs.documents.models import DocumentEvent, SalesDocument
from syncjobs.engine.keys import derived_key
from syncjobs.models import SynchJob

ACCOUNT = "account"
"""Detail of an event that is told on the wall of this account."""


def note(
    document: SalesDocument,
    kind: EventKind,
    message: str,
    *,
    key: str = "",
    at: datetime | None = None,
    job: SynchJob | None = None,
    details: Mapping[str, Any] | None = None,
    post: str = "",
    account: UUID | None = None,
) -> DocumentEvent | None:
    """The new event; None when it is known already. Without `key` every call is an event of its own.

    `post` is what the order's timeline in Sales shall say, or with `account` the account's wall; it is sent later,
    under a key made here.
    """
    at = at or timezone.now()
    event, created = DocumentEvent.objects.get_or_create(
        document=document,
        key=key or f"{kind}:{at.isoformat()}",
        defaults={
            "kind": kind,
            "at": at,
            "message": message,
            "job": job,
            "details": dict(details or {}) | ({ACCOUNT: str(account)} if account else {}),
            "post": post[:2000],
            "post_key": post_key(document, key) if post else None,
        },
    )
    return event if created else None


def post_key(document: SalesDocument, key: str) -> UUID:
    """Key of the row that tells an event in Sales; the same event always has the same."""
    return derived_key(document.connection.slug, "document-post", f"{document.sales_key}:{key}", 0)
