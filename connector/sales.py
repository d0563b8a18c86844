"""Client of Dynamics 365 Sales (Dataverse Web API v9.2)."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from connector.cached import cached
from connector.error_table import error_of_answer
from connector.errors import ErrorKind, RemoteError, Retry
from connector.http.batch import Part, PartAnswer, decode_multipart, encode_multipart
from connector.http.session import Answer, ODataSession
from connector.odata import chunks, options
from connector.records import ChangePage, ChangeQuery, FirstPage, WireRecord
from connector.sales_metadata import SalesMetadata
from connector.wire import parse_time

PAGE_SIZE = 5000
# Keys in one In() filter: the documented comfortable limit is about 500, an address may have 32 KB.
_KEYS_PER_QUERY = 250
_QUERIES_PER_BATCH = 20
_COUNT_LIMIT = 5000


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """The application user of the hub and where it belongs."""

    user_id: UUID
    business_unit_id: UUID
    organization_id: UUID


class SalesClient(SalesMetadata):
    """Reads rows and metadata; writes go through `connector.bulk`. Every method raises RemoteError."""

    def __init__(self, session: ODataSession, *, own_steps: Callable[[], Mapping[tuple[str, str], str]] = dict) -> None:
        """`own_steps`: announcements that bulk writes pass by, as `connector.webhooks.own_steps` says."""
        super().__init__()
        self.own_steps = own_steps
        self.session = session
        self._creates_in_bulk: dict[str, bool] = {}

    def read_changes(
        self,
        table: str,
        *,
        properties: Sequence[str],
        cursor: str,
        full: bool = False,
        first: FirstPage | None = None,
    ) -> Iterator[ChangePage]:
        """By change tracking: `cursor` is a delta link. A table without tracking is read completely each time.

        A delta link that Sales no longer knows raises RemoteError `sales.delta_expired`.
        """
        info = self.table(table)
        selection = self._selection(table, properties)
        headers = {"Prefer": self._prefer(table, selection)}
        reads_all = full or not cursor
        address = f"{table}{options(select=selection.select(info.primary_id))}" if reads_all else cursor
        data = first.data if first is not None else None
        while True:
            if data is None:
                data = self.session.get(address, headers=headers).data
            records: list[WireRecord] = []
            deleted: list[UUID] = []
            for row in data["value"]:
                if row.get("reason") == "deleted" or "$deletedEntity" in row.get("@odata.context", ""):
                    deleted.append(UUID(row["id"]))
                else:
                    records.append(selection.record(row, info.primary_id, properties))
            address = data.get("@odata.nextLink", "")
            yield ChangePage(records, deleted, None if address else data.get("@odata.deltaLink", ""))
            if not address:
                return
            data = None

    def first_pages(self, queries: Sequence[ChangeQuery]) -> dict[str, FirstPage]:
        """One request for the delta links of up to a thousand tables."""
        if not queries:
            return {}
        parts = [
            Part(
                "GET",
                query.cursor,
                headers={"Prefer": self._prefer(query.table, self._selection(query.table, query.properties))},
            )
            for query in queries
        ]
        answers, _ = self.timed_batch(parts, repeatable=True)
        return {
            query.table: FirstPage(answer.data, None)
            for query, answer in zip(queries, answers, strict=False)
            if answer.status < 300 and isinstance(answer.data, dict)
        }

    def read_records(self, table: str, keys: Collection[UUID], *, properties: Sequence[str]) -> dict[UUID, WireRecord]:
        """Live rows, a few hundred per query and up to 5,000 per request."""
        info = self.table(table)
        selection = _Selection([*properties, "modifiedon"] if info.has_modified_on else properties)
        found: dict[UUID, WireRecord] = {}
        select = selection.select(info.primary_id)
        paths = [
            f"{table}{options(select=select, filter=_in(info.primary_id, chunk))}"
            for chunk in chunks(dict.fromkeys(keys), _KEYS_PER_QUERY)
        ]
        headers = {"Prefer": ",".join(selection.preferences)} if selection.preferences else {}
        for group in chunks(paths, _QUERIES_PER_BATCH):
            for data in self._answers([Part("GET", path, headers=headers) for path in group]):
                for row in data["value"]:
                    record = selection.record(row, info.primary_id, properties)
                    found[record.key] = record
        return found

    def query(
        self,
        table: str,
        *,
        properties: Sequence[str],
        filter: str = "",  # noqa: A002
        orderby: str = "",
        top: int | None = None,
    ) -> Iterator[WireRecord]:
        info = self.table(table)
        selection = _Selection(properties)
        select = selection.select(info.primary_id)
        address = f"{table}{options(select=select, filter=filter, orderby=orderby, top=top)}"
        prefer = list(selection.preferences)
        if top is None:
            prefer.append(f"odata.maxpagesize={PAGE_SIZE}")
        headers = {"Prefer": ",".join(prefer)} if prefer else {}
        while address:
            data = self.session.get(address, headers=headers).data
            for row in data["value"]:
                yield selection.record(row, info.primary_id, properties)
            address = data.get("@odata.nextLink", "")

    def count(self, table: str, *, filter: str = "") -> int | None:  # noqa: A002
        """None from 5,000 rows on: Sales counts no further."""
        data = self.session.get(f"{table}/$count{options(filter=filter)}").data
        number = int(data.decode("utf-8-sig")) if isinstance(data, bytes) else int(data)
        return number if number < _COUNT_LIMIT else None

    def keys(self, table: str) -> Iterator[UUID]:
        for record in self.query(table, properties=[]):
            yield record.key

    def who_am_i(self) -> WhoAmI:
        data = self.session.get("WhoAmI").data
        return WhoAmI(UUID(data["UserId"]), UUID(data["BusinessUnitId"]), UUID(data["OrganizationId"]))

    def supports_create_multiple(self, entity: str) -> bool:
        """Whether the table takes CreateMultiple; asked once in ten minutes."""
        if entity in self._creates_in_bulk:
            return self._creates_in_bulk[entity]
        condition = f"sdkmessageid/name eq 'CreateMultiple' and primaryobjecttypecode eq '{entity}'"
        address = f"sdkmessagefilters{options(select='sdkmessagefilterid', filter=condition)}"
        name = f"{self.session.root}:create-multiple:{entity}"
        self._creates_in_bulk[entity] = bool(cached(name, lambda: self._ask_whether_any(address)))
        return self._creates_in_bulk[entity]

    def timed_batch(self, parts: Sequence[Part], *, repeatable: bool = False) -> tuple[list[PartAnswer], float]:
        """Sends single requests as one batch that goes on after errors: the answers in order, and the seconds it took.

        The list is shorter than `parts` when the answer was cut off. Raises RemoteError for the batch as a whole.
        """
        content_type, content = encode_multipart(parts, root=self.session.root)
        headers = {"Content-Type": content_type, "Prefer": "odata.continue-on-error"}
        answer = self.session.send("POST", "$batch", body=content, headers=headers, repeatable=repeatable)
        return [part for part in self.decode_batch(answer) if isinstance(part, PartAnswer)], answer.seconds

    def decode_batch(self, answer: Answer) -> list[PartAnswer | list[PartAnswer]]:
        """The parts of a batch's answer. Raises RemoteError (outcome unknown) when it is not one."""
        try:
            return decode_multipart(answer.headers.get("Content-Type", ""), answer.data or b"")
        except (ValueError, TypeError) as error:
            raise _unreadable(self.session) from error

    def _selection(self, table: str, properties: Sequence[str]) -> "_Selection":
        return _Selection([*properties, "modifiedon"] if self.table(table).has_modified_on else properties)

    def _prefer(self, table: str, selection: "_Selection") -> str:
        """Preferences of a request for changes."""
        prefer = [f"odata.maxpagesize={PAGE_SIZE}", *selection.preferences]
        return ",".join([*prefer, "odata.track-changes"] if self.table(table).change_tracking else prefer)

    def _answers(self, parts: Sequence[Part]) -> list[Any]:
        """The data of several reads; a single one needs no batch."""
        if len(parts) == 1:
            return [self.session.get(parts[0].path, headers=parts[0].headers).data]
        answers, _ = self.timed_batch(parts, repeatable=True)
        if len(answers) < len(parts):
            raise _unreadable(self.session)
        for answer in answers:
            if answer.status >= 300:
                raise error_of_answer(self.session.refusal(answer.status, answer.headers, answer.data))
        return [answer.data for answer in answers]

    def _ask_whether_any(self, address: str) -> bool:
        return bool(self.session.get(address).data["value"])


class _Selection:
    """Which properties and annotations to ask for, and how a row becomes a record.

    A property named `_x_value@Microsoft.Dynamics.CRM.lookuplogicalname` asks for that annotation too.
    """

    def __init__(self, properties: Sequence[str]) -> None:
        self._names = list(dict.fromkeys(name.partition("@")[0] for name in properties))
        annotations = sorted({name.partition("@")[2] for name in properties if "@" in name})
        self.preferences = [f'odata.include-annotations="{",".join(annotations)}"'] if annotations else []

    def select(self, primary_id: str) -> str:
        return ",".join(self._names or [primary_id])

    @staticmethod
    def record(row: dict[str, Any], primary_id: str, properties: Sequence[str]) -> WireRecord:
        return WireRecord(
            key=UUID(row[primary_id]),
            values={name: row.get(name) for name in properties},
            token=row.get("@odata.etag", ""),
            modified_at=parse_time(row.get("modifiedon")),
        )


def _unreadable(session: ODataSession) -> RemoteError:
    return RemoteError(
        "The answer of Sales to a batch cannot be read.",
        kind=ErrorKind.TRANSIENT,
        code="connection.lost",
        retry=Retry.LATER,
        system=session.system,
        hint="The hub looks what was done and goes on.",
    )


def _in(attribute: str, keys: Sequence[UUID]) -> str:
    values = ",".join(f'"{key}"' for key in keys)
    return f"Microsoft.Dynamics.CRM.In(PropertyName='{attribute}',PropertyValues=[{values}])"


def row_path(table: str, key: UUID, *, select: str = "") -> str:
    """Address of one row below the service root."""
    return f"{table}({key}){f'?$select={quote(select)}' if select else ''}"
