"""Bulk writes to Sales.

Creates go by CreateMultiple with keys the hub chose, which makes repeating them harmless. The message is one
transaction and its error does not name the culprit, so a refused one is split in halves and then sent as a batch that
goes on after errors. Updates and deletions are conditional on the row's version, which only single requests can be:
they go by batch.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any
from uuid import UUID

from connector.bulk_parts import ATTEMPTS, Retrying, Size, failed, pause
from connector.error_table import error_of_answer
from connector.errors import ErrorKind, RemoteError
from connector.http.batch import Part, PartAnswer
from connector.sales import SalesClient, row_path
from connector.webhooks.own_steps import HEADER, PRIVILEGE
from connector.writes import Group, Kind, Sent, Write, WriteResult, WriteStatus

# The service's documentation advises 100 to 1,000. A quarter of a slice keeps several requests of a worker under way,
# and less is split when a message is refused.
_MESSAGE_START, _MESSAGE_LARGEST = 100, 250
_BATCH_START, _BATCH_LARGEST = 100, 200
# A refused message of at most this many rows is sent as a batch, a larger one is split first.
_SPLIT_ABOVE = 128


class SalesSender:
    """Sends one group to Sales; used by several threads."""

    threads = 16

    def __init__(self, client: SalesClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        # Read here: requests are made in threads, which have no business in the database.
        self._own_steps = dict(client.own_steps())
        self._messages: dict[str, Size] = {}
        self._batches: dict[str, Size] = {}

    def group(self, table: str, kind: Kind, waiting: Sequence[Write]) -> Group:
        if kind == "create" and self._client.supports_create_multiple(self._client.table(table).entity):
            return Group(list(islice(waiting, self._message_size(table).value)), as_message=True)
        return Group(list(islice(waiting, self._batch_size(table).value)))

    def send(self, group: Group) -> Sent:
        return self._send_message(group) if group.as_message else self._send_batch(group)

    def _send_message(self, group: Group) -> Sent:
        table = group.writes[0].table
        info = self._client.table(table)
        kind = f"Microsoft.Dynamics.CRM.{info.entity}"
        targets = [{"@odata.type": kind, **_row(write, info.primary_id)} for write in group.writes]
        try:
            answer = self._client.session.send(
                "POST", f"{table}/Microsoft.Dynamics.CRM.CreateMultiple", body={"Targets": targets},
                headers=self._unannounced(table, "create"), repeatable=False,
            )  # fmt: skip
        except RemoteError as error:
            return self._after_refused_message(group, error)
        self._message_size(table).answered(len(group.writes), answer.seconds)
        ids = answer.data["Ids"]
        return Sent(
            [WriteResult(write.ref, WriteStatus.DONE, UUID(key)) for write, key in zip(group.writes, ids, strict=True)]
        )

    def _after_refused_message(self, group: Group, error: RemoteError) -> Sent:
        table = group.writes[0].table
        if error.outcome_unknown:
            return self._after_lost_answer(group, error, self._message_size(table))
        if self._has_to_be_announced(error):
            return Sent(again=[group])
        if _concerns_all(error):
            return group.with_results(WriteStatus.FAILED, error)
        if error.code == "record.exists" and not group.looked_for_duplicates:
            known, others = self._split_by_existence(group.writes)
            results = [_exists(write, error) for write in known]
            if known:
                again = replace(group, writes=others, looked_for_duplicates=True)
                return Sent(results, [again] if others else [])
        if len(group.writes) > _SPLIT_ABOVE or (error.code == "remote.too_large" and len(group.writes) > 1):
            return Sent(again=group.halves())
        return Sent(again=[replace(group, as_message=False)])

    def _after_lost_answer(self, group: Group, error: RemoteError, size: Size) -> Sent:
        """Creates with a key of the hub's are sent again: what was written already answers "exists"."""
        timed_out = error.code == "connection.timeout"
        if timed_out:
            size.timed_out(len(group.writes))
        keyed = all(write.kind == "create" and write.key is not None for write in group.writes)
        if not keyed or group.attempt >= ATTEMPTS:
            return group.with_results(WriteStatus.UNKNOWN, error)
        again = replace(group, attempt=group.attempt + 1, delay_seconds=pause(group.attempt))
        return Sent(again=again.halves() if timed_out and len(group.writes) > 1 else [again])

    def _send_batch(self, group: Group) -> Sent:
        table = group.writes[0].table
        size = self._batch_size(table)
        primary_id = self._client.table(table).primary_id
        unannounced = self._unannounced(table, group.writes[0].kind)
        parts = [_part(write, primary_id, unannounced) for write in group.writes]
        try:
            answers, seconds = self._client.timed_batch(parts)
        except RemoteError as error:
            if error.outcome_unknown:
                return self._after_lost_answer(group, error, size)
            if len(group.writes) > 1 and not _concerns_all(error):
                return Sent(again=group.halves())
            return group.with_results(WriteStatus.FAILED, error)
        size.answered(len(parts), seconds)
        return self._judge(group, answers, primary_id)

    def _judge(self, group: Group, answers: Sequence[PartAnswer], primary_id: str) -> Sent:
        results: list[WriteResult] = []
        retrying = Retrying(group, self._client.session)
        taken: list[tuple[Write, RemoteError]] = []
        announced: list[Write] = []
        for write, answer in zip(group.writes, answers, strict=False):
            if answer.status < 300:
                results.append(_done(write, answer, primary_id))
                continue
            error = error_of_answer(
                self._client.session.refusal(answer.status, answer.headers, answer.data), body=write.body
            )
            if retrying.takes(write, error):
                continue
            if self._has_to_be_announced(error):
                announced.append(write)
                continue
            if error.code == "record.exists" and write.kind == "create" and write.key is not None:
                taken.append((write, error))
            else:
                results.append(_refused(write, error))
        unanswered = group.writes[len(answers) :]
        again = retrying.groups()
        if announced:
            again.append(replace(group, writes=announced))
        if unanswered:
            lost = self._after_lost_answer(replace(group, writes=unanswered), _cut_off(self._client), Size(1, 1, 1))
            results += lost.results
            again += lost.again
        if taken:
            # The same code stands for a taken primary key and for any other unique index.
            known = {write.ref for write in self._split_by_existence([write for write, _ in taken])[0]}
            results += [_exists(write, error) if write.ref in known else failed(write, error) for write, error in taken]
        return Sent(results, again)

    def _unannounced(self, table: str, kind: Kind) -> dict[str, str]:
        step = self._own_steps.get((table, kind))
        return {HEADER: step} if step else {}

    def _has_to_be_announced(self, error: RemoteError) -> bool:
        """Whether steps may not be passed by any more: nothing was done, and further requests do not try."""
        refused = error.details.get("privilege") == PRIVILEGE
        if refused:
            self._own_steps.clear()
        return refused

    def _split_by_existence(self, writes: Sequence[Write]) -> tuple[list[Write], list[Write]]:
        """Creates whose key exists already, and the others; by a live read."""
        keys = [write.key for write in writes if write.key is not None]
        try:
            known = self._client.read_records(writes[0].table, keys, properties=[]) if keys else {}
        except RemoteError:
            # Not fatal: without this knowledge the message is split, which finds the same by more requests.
            known = {}
        return [write for write in writes if write.key in known], [write for write in writes if write.key not in known]

    def _message_size(self, table: str) -> Size:
        with self._lock:
            return self._messages.setdefault(table, Size(_MESSAGE_START, 10, _MESSAGE_LARGEST))

    def _batch_size(self, table: str) -> Size:
        with self._lock:
            return self._batches.setdefault(table, Size(_BATCH_START, 10, _BATCH_LARGEST))


def _row(write: Write, primary_id: str) -> dict[str, Any]:
    return {**write.body, primary_id: str(write.key)} if write.key is not None else write.body


def _part(write: Write, primary_id: str, unannounced: Mapping[str, str]) -> Part:
    # The representation with nothing but the key is the cheapest answer that has the row's new version.
    headers = {"Prefer": "return=representation", **unannounced}
    if write.kind == "create":
        return Part("POST", f"{write.table}?$select={primary_id}", _row(write, primary_id), headers)
    if write.key is None:
        raise ValueError(f"The {write.kind} {write.ref} has no key.")
    condition = {"If-Match": write.token or "*"}
    if write.kind == "delete":
        return Part("DELETE", row_path(write.table, write.key), None, {**condition, **unannounced})
    return Part("PATCH", row_path(write.table, write.key, select=primary_id), write.body, headers | condition)


def _done(write: Write, answer: PartAnswer, primary_id: str) -> WriteResult:
    row = answer.data if isinstance(answer.data, dict) else {}
    key = UUID(row[primary_id]) if primary_id in row else write.key
    return WriteResult(write.ref, WriteStatus.DONE, key, row.get("@odata.etag") or answer.headers.get("etag", ""))


def _refused(write: Write, error: RemoteError) -> WriteResult:
    status = WriteStatus.FAILED
    if error.code == "record.changed":
        status = WriteStatus.STALE
    elif error.code == "record.missing" and str(error.details.get("id", "")).lower() == str(write.key):
        # Any other id in the message is a row that this one refers to.
        status = WriteStatus.MISSING
    return WriteResult(write.ref, status, write.key, error=error)


def _exists(write: Write, error: RemoteError) -> WriteResult:
    return WriteResult(write.ref, WriteStatus.EXISTS, write.key, error=error)


def _concerns_all(error: RemoteError) -> bool:
    """Whether splitting is pointless: the next request would be refused for the same reason."""
    if error.kind is ErrorKind.PERMISSION:
        return str(error.details.get("privilege", "prvCreate")).startswith("prvCreate")
    passing = error.kind in (ErrorKind.TRANSIENT, ErrorKind.THROTTLED)
    return passing or (error.kind is ErrorKind.CONFIG and error.code != "mapping.unknown_column")


def _cut_off(client: SalesClient) -> RemoteError:
    return error_of_answer(client.session.refusal(504, {}, b"The answer to a batch was cut off."))
