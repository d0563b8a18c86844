"""Delivers change notifications: collects changes for a while, merges them per row, and repeats failed deliveries.

One daemon thread per process. All times are those of Business Central's clock, so that shifting it moves retries too.
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import requests

from sandbox.business_central import codec
from sandbox.business_central.errors import BusinessCentralError
from sandbox.business_central.session import Change
from sandbox.business_central.subscriptions import is_loopback, page_of
from sandbox.business_central.tables import SUBSCRIPTIONS
from sandbox.storage import Row

if TYPE_CHECKING:
    from sandbox.state import Sandbox

logger = logging.getLogger(__name__)

RETRY_MINUTES = (1, 1, 10, 100, 1000)
RETRIED_STATUSES = {408, 429}
SEND_SECONDS = 30
COLLECTION_MARGIN = timedelta(milliseconds=50)
_TICK_SECONDS = 0.2


@dataclass(slots=True)
class _Delivery:
    url: str
    entries: list[dict[str, Any]]
    due: datetime
    attempt: int = 0


@dataclass(slots=True)
class _Pending:
    """Changes of one company since the first of them, merged per row."""

    since: datetime
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)


class Notifier:
    """`record` is called after commits; everything else happens on the thread."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        self._lock = threading.Condition()
        self._pending: dict[str, _Pending] = {}
        self._deliveries: list[_Delivery] = []
        self._thread: threading.Thread | None = None

    def record(self, company_id: str, changes: Iterable[Change]) -> None:
        with self._sandbox.store.read() as tx:
            if not tx.count(SUBSCRIPTIONS.name, limit=1):
                return
        with self._lock:
            pending = self._pending.setdefault(company_id, _Pending(self._now()))
            for change in changes:
                key = (change.table, change.system_id)
                earlier = pending.changes.get(key)
                if earlier is not None and earlier.kind == "created" and change.kind == "updated":
                    change = Change(change.table, change.system_id, "created", change.at, change.row)
                pending.changes[key] = change
            self._ensure_thread()

    def clear(self) -> None:
        """Forgets everything that has not been sent (the data was reset)."""
        with self._lock:
            self._pending.clear()
            self._deliveries.clear()

    # -- Thread

    def _now(self) -> datetime:
        return self._sandbox.clock.now("business_central")

    def _ensure_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._loop, name="bc-webhooks", daemon=True)
            self._thread.start()

    def _loop(self) -> None:
        while True:
            with self._lock:
                if not self._pending and not self._deliveries:
                    self._thread = None
                    return
                self._lock.wait(_TICK_SECONDS)
            try:
                self._collect()
                self._send_due()
            except Exception:
                logger.exception("delivering web hook notifications failed")

    def _collect(self) -> None:
        delay = timedelta(seconds=self._sandbox.profile.business_central.webhook_delay_seconds)
        with self._lock:
            ready = [
                (company, self._pending.pop(company))
                for company, pending in list(self._pending.items())
                if self._now() >= pending.since + delay
            ]
        for company, pending in ready:
            by_url: dict[str, list[dict[str, Any]]] = {}
            for subscription in self._subscriptions():
                entries = self._entries(company, pending, subscription)
                if entries:
                    by_url.setdefault(subscription["notification_url"], []).extend(entries)
            with self._lock:
                self._deliveries += [_Delivery(url, entries, self._now()) for url, entries in by_url.items()]

    def _subscriptions(self) -> list[Row]:
        now = codec.stamp(self._now())
        with self._sandbox.store.read() as tx:
            rows = list(tx.select(SUBSCRIPTIONS.name, order_by="subscription_id"))
        return [row for row in rows if row["expires_at"] > now]

    def _entries(self, company: str, pending: _Pending, subscription: Row) -> list[dict[str, Any]]:
        try:
            page, api, wanted = page_of(self._sandbox.business_central, subscription["resource"])
        except BusinessCentralError:
            return []
        if wanted != company:
            return []
        table = self._sandbox.business_central.schema.tables[page.table]
        conditions = [(table.column(name), value) for name, value in page.source_filter]
        matching = [
            change
            for change in pending.changes.values()
            if change.table == page.table and all(change.row.get(name) == value for name, value in conditions)
        ]
        base = f"{api}/companies({company})/{page.entity_set}"
        if len(matching) > self._sandbox.profile.business_central.webhook_threshold:
            resource = base
            if not any(change.kind == "deleted" for change in matching):
                start = codec.wire_stamp(codec.stamp(pending.since - COLLECTION_MARGIN))
                resource = f"{base}?$filter=lastModifiedDateTime gt {start}"
            return [self._entry(subscription, resource, "collection", codec.stamp(self._now()))]
        return [self._entry(subscription, f"{base}({change.system_id})", change.kind, change.at) for change in matching]

    @staticmethod
    def _entry(subscription: Row, resource: str, kind: str, at: str) -> dict[str, Any]:
        return {
            "subscriptionId": subscription["subscription_id"],
            "clientState": subscription["client_state"],
            "expirationDateTime": codec.wire_stamp(subscription["expires_at"]),
            "resource": resource,
            "changeType": kind,
            "lastModifiedDateTime": codec.wire_stamp(at),
        }

    # -- Sending

    def _send_due(self) -> None:
        with self._lock:
            due = [delivery for delivery in self._deliveries if delivery.due <= self._now()]
            self._deliveries = [delivery for delivery in self._deliveries if delivery not in due]
        for delivery in due:
            status = self._send(delivery)
            if status is not None and 200 <= status < 300:
                continue
            if status is None or status in RETRIED_STATUSES or status >= 500:
                self._retry(delivery)
            else:
                self._remove(notification_url=delivery.url)

    def _send(self, delivery: _Delivery) -> int | None:
        try:
            answer = requests.post(
                delivery.url,
                data=orjson.dumps({"value": delivery.entries}),
                headers={"Content-Type": "application/json"},
                timeout=SEND_SECONDS,
                verify=not is_loopback(urlsplit(delivery.url).hostname or ""),
            )
        except requests.RequestException as error:
            logger.info("notifying %s failed: %s", delivery.url, error)
            return None
        return answer.status_code

    def _retry(self, delivery: _Delivery) -> None:
        if delivery.attempt >= len(RETRY_MINUTES):
            for entry in delivery.entries:
                self._remove(subscription_id=entry["subscriptionId"])
            return
        delivery.due = self._now() + timedelta(minutes=RETRY_MINUTES[delivery.attempt])
        delivery.attempt += 1
        with self._lock:
            self._deliveries.append(delivery)

    def _remove(self, **equals: Any) -> None:
        with self._sandbox.store.write() as tx:
            for row in tx.find(SUBSCRIPTIONS.name, **equals):
                tx.delete(SUBSCRIPTIONS.name, row["subscription_id"])
