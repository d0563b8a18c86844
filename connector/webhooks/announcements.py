"""What arrives at the receiver: whether it comes from the system that it claims, and which records it is about."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connector.choices import System
from connector.models import WebhookReceiver
from connector.webhooks.registration import KEY_HEADER

_RESOURCE = re.compile(r"companies\(([0-9a-f-]{36})\)/(\w+)(?:\(([0-9a-f-]{36})\))?(\?.*)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A record that changed; `key` None: many of the table did, `deletions` among them perhaps.

    `table` is an entity set of Business Central, the logical name of a table of Sales.
    """

    system: System
    table: str
    key: UUID | None
    deletions: bool = False


def is_from_sales(receiver: WebhookReceiver, headers: Mapping[str, str]) -> bool:
    return _same(headers.get(KEY_HEADER, ""), receiver.key)


def from_sales(receiver: WebhookReceiver, message: Any) -> list[Announcement]:
    """The record that a message of Sales is about; nothing where the hub itself changed it, or it cannot be read."""
    if not isinstance(message, Mapping):
        return []
    own = str(receiver.connection.sales_user_id or "")
    if own and str(message.get("InitiatingUserId") or message.get("UserId")) == own:
        return []
    key = _key(message.get("PrimaryEntityId"))
    table = str(message.get("PrimaryEntityName") or "")
    return [Announcement(System.SALES, table, key)] if key and table else []


def genuine_entries(receiver: WebhookReceiver, message: Any) -> list[Mapping[str, Any]]:
    """The entries of a notification of Business Central that carry the hub's key."""
    entries = message.get("value") if isinstance(message, Mapping) else None
    if not isinstance(entries, list):
        return []
    return [
        entry
        for entry in entries
        if isinstance(entry, Mapping) and _same(str(entry.get("clientState") or ""), receiver.key)
    ]


def from_business_central(receiver: WebhookReceiver, entries: list[Mapping[str, Any]]) -> list[Announcement]:
    """The records that genuine entries are about, those of other companies left out."""
    found = []
    for entry in entries:
        match = _RESOURCE.search(str(entry.get("resource") or ""))
        if match is None or _key(match[1]) != receiver.connection.company_id:
            continue
        many = entry.get("changeType") == "collection"
        # A collection without a filter means that rows were deleted, too.
        found.append(
            Announcement(
                System.BUSINESS_CENTRAL, match[2], None if many else _key(match[3]), deletions=many and not match[4]
            )
        )
    return found


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _key(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
