"""Bulk writes to Business Central: JSON batches of up to 100 requests that go on after errors.

Creates carry no key of the hub's, so nothing whose answer got lost is repeated here; the journal settles it.
"""

import threading
from collections.abc import Mapping, Sequence
from itertools import islice

from connector.bulk_parts import Retrying, Size, failed
from connector.business_central import BusinessCentralClient
from connector.error_table import error_of_answer
from connector.errors import ErrorKind, RemoteError
from connector.http.batch import BUSINESS_CENTRAL_LIMIT, Part, PartAnswer
from connector.writes import Group, Kind, Sent, Write, WriteResult, WriteStatus


class BusinessCentralSender:
    """Sends one group to Business Central; used by several threads."""

    # The service runs five requests of an application at once and queues the rest.
    threads = 5

    def __init__(self, client: BusinessCentralClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._sizes: dict[str, Size] = {}

    def group(self, table: str, kind: Kind, waiting: Sequence[Write]) -> Group:
        return Group(list(islice(waiting, self._size(table).value)))

    def send(self, group: Group) -> Sent:
        table = group.writes[0].table
        service = self._client.addresses.service_of(table)
        parts = [self._part(write) for write in group.writes]
        try:
            answers = self._client.batch(service, parts, repeatable=False)
        except RemoteError as error:
            if error.outcome_unknown:
                if error.code == "connection.timeout":
                    self._size(table).timed_out(len(parts))
                return group.with_results(WriteStatus.UNKNOWN, error)
            if error.code == "remote.too_large" and len(parts) > 1:
                return Sent(again=group.halves())
            return group.with_results(WriteStatus.FAILED, error)
        return self._judge(group, answers)

    def _judge(self, group: Group, answers: Mapping[int, PartAnswer]) -> Sent:
        results: list[WriteResult] = []
        retrying = Retrying(group, self._client.session)
        for number, write in enumerate(group.writes):
            answer = answers.get(number)
            if answer is None:
                lost = error_of_answer(self._client.session.refusal(504, {}, b"A part of the batch was not answered."))
                results.append(WriteResult(write.ref, WriteStatus.UNKNOWN, write.key, error=lost))
                continue
            if answer.status < 300:
                results.append(self._done(write, answer))
                continue
            error = error_of_answer(
                self._client.session.refusal(answer.status, answer.headers, answer.data), body=write.body
            )
            if not retrying.takes(write, error):
                results.append(_refused(write, error))
        return Sent(results, retrying.groups())

    def _part(self, write: Write) -> Part:
        if write.kind == "create":
            path = self._client.addresses.in_service(write.table)
            return Part("POST", path, self._client.record_body(write.table, write.body))
        if write.key is None:
            raise ValueError("A change needs the record's key.")
        path = self._client.record_address(write.table, write.key)
        condition = {"If-Match": write.token or "*"}
        if write.kind == "delete":
            return Part("DELETE", path, None, condition)
        return Part("PATCH", path, self._client.record_body(write.table, write.body), condition)

    def _done(self, write: Write, answer: PartAnswer) -> WriteResult:
        if not isinstance(answer.data, Mapping):
            return WriteResult(write.ref, WriteStatus.DONE, write.key, answer.headers.get("etag", ""))
        token = answer.data.get("@odata.etag", "")
        if not answer.data.get("id") and not self._client.addresses.page_of(write.table):
            return WriteResult(write.ref, WriteStatus.DONE, write.key, token, _values(answer.data))
        key, values = self._client.record_values(write.table, answer.data)
        return WriteResult(write.ref, WriteStatus.DONE, key, token, values)

    def _size(self, table: str) -> Size:
        with self._lock:
            return self._sizes.setdefault(table, Size(BUSINESS_CENTRAL_LIMIT, 10, BUSINESS_CENTRAL_LIMIT))


def _values(row: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if "@odata" not in name}


def _refused(write: Write, error: RemoteError) -> WriteResult:
    if error.kind is ErrorKind.CONFLICT:
        return WriteResult(write.ref, WriteStatus.STALE, write.key, error=error)
    if error.code == "record.missing" and write.kind != "create":
        return WriteResult(write.ref, WriteStatus.MISSING, write.key, error=error)
    if error.code == "record.exists" and write.kind == "create":
        return WriteResult(write.ref, WriteStatus.EXISTS, None, error=error)
    return failed(write, error)
