"""Changes of submitted orders in Sales: a submitted order refuses them, so it is reopened, changed and submitted again.

The three are one change set, which Sales carries out as a whole: no order is ever left reopened.
"""

from collections.abc import Sequence
from itertools import takewhile

from connector.bulk import Sender
from connector.error_table import error_of_answer
from connector.errors import RemoteError
from connector.http.batch import ChangeSet, Part, PartAnswer, encode_multipart
from connector.sales import SalesClient
from connector.writes import Group, Kind, Sent, Write, WriteResult, WriteStatus

ORDERS_TABLE = "salesorders"
SUBMITTED = {"statecode": 1, "statuscode": 3}
REOPENED = {"statecode": 0, "statuscode": 1}
_PER_BATCH = 50

Answer = PartAnswer | list[PartAnswer]


class OrderSender:
    """Sends to Sales, where updates of submitted orders take their own way. A change of a state is none of those."""

    def __init__(self, client: SalesClient, plain: Sender) -> None:
        self._client, self._plain = client, plain
        self.threads = plain.threads

    def group(self, table: str, kind: Kind, waiting: Sequence[Write]) -> Group:
        submitted = _is_change(waiting[0])
        alike = list(takewhile(lambda write: _is_change(write) == submitted, waiting))
        return Group(alike[:_PER_BATCH]) if submitted else self._plain.group(table, kind, alike)

    def send(self, group: Group) -> Sent:
        return Sent(self._send(group.writes)) if _is_change(group.writes[0]) else self._plain.send(group)

    def _send(self, group: Sequence[Write]) -> list[WriteResult]:
        sets = []
        for write in group:
            path = f"{ORDERS_TABLE}({write.key})"
            changed = Part("PATCH", path, write.body, {"If-Match": "*"})
            sets.append(toggle(path, [changed], SUBMITTED, token=write.token))
        answers: list[Answer | None] = [*send_sets(self._client, sets), *[None] * len(group)]
        return [self._result(write, answer) for write, answer in zip(group, answers, strict=False)]

    def _result(self, write: Write, answer: Answer | None) -> WriteResult:
        if answer is None:
            return WriteResult(write.ref, WriteStatus.UNKNOWN, write.key)
        parts = answer if isinstance(answer, list) else [answer]
        refused = next((part for part in parts if part.status >= 300), None)
        if refused is None:
            token = next((value for name, value in parts[-1].headers.items() if name.lower() == "etag"), "")
            return WriteResult(write.ref, WriteStatus.DONE, write.key, token)
        if refused.status in (404, 412):
            return WriteResult(
                write.ref, WriteStatus.MISSING if refused.status == 404 else WriteStatus.STALE, write.key
            )
        error = error_of_answer(self._client.session.refusal(refused.status, refused.headers, refused.data))
        return WriteResult(write.ref, WriteStatus.FAILED, write.key, error=error)


def _is_change(write: Write) -> bool:
    return write.table == ORDERS_TABLE and write.kind == "update" and "statecode" not in write.body


def toggle(path: str, changes: Sequence[Part], final: dict[str, int], *, token: str = "") -> ChangeSet:
    """Reopens an order, changes it and gives it its `final` state; nothing of it where the token is an old one."""
    reopen = Part("PATCH", path, dict(REOPENED), {"If-Match": token or "*"})
    return ChangeSet([reopen, *changes, Part("PATCH", path, dict(final), {"If-Match": "*"})])


def send_sets(client: SalesClient, sets: Sequence[ChangeSet]) -> list[Answer]:
    """The answers of change sets, in their order; fewer where they got lost."""
    content_type, content = encode_multipart(sets, root=client.session.root)
    headers = {"Content-Type": content_type, "Prefer": "odata.continue-on-error"}
    try:
        answer = client.session.send("POST", "$batch", body=content, headers=headers, repeatable=False)
        return client.decode_batch(answer)
    except RemoteError as error:
        if error.outcome_unknown:
            return []
        data = {"error": {"code": error.remote_code, "message": str(error)}}
        return [PartAnswer(error.status or 503, {}, data)] * len(sets)
