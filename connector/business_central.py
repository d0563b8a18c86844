"""Client of Business Central: standard API v2.0, companion API and page services of one company."""

import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from connector.business_central_addresses import Addresses, Service
from connector.business_central_metadata import ServiceTables, service_tables
from connector.business_central_pages import PAGE_TABLES, Membership
from connector.cached import cached
from connector.error_table import error_of_answer
from connector.errors import ErrorKind, HubError, RemoteError, Retry
from connector.http.batch import BUSINESS_CENTRAL_LIMIT, Part, PartAnswer, decode_json, encode_json
from connector.http.session import ODataSession
from connector.odata import chunks, options
from connector.records import ChangePage, ChangeQuery, FirstPage, WireRecord
from connector.wire import parse_time

log = logging.getLogger(__name__)

MODIFIED = "lastModifiedDateTime"
# The service allows 20,000 rows a page; half of it stays far from its time limit with the properties that are mapped.
PAGE_SIZE = 10_000
_SMALLEST_PAGE = 500
# Stamps are taken before the commit: a long transaction becomes visible later with an older stamp.
OVERLAP = timedelta(minutes=5)
# `id eq … or id eq …` is a filter over one property, which the service allows.
_KEYS_PER_QUERY = 50
_READ_RESTARTS = 3


@dataclass(frozen=True, slots=True)
class Company:
    """A company that the hub's application may open."""

    id: UUID
    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """`exchange_amount` units of the currency are worth `relational_amount` of the local one from `starting_date`."""

    currency_code: str
    starting_date: str
    exchange_amount: Decimal
    relational_amount: Decimal


class BusinessCentralClient:
    """Reads records; writes go through `connector.bulk`. Every method raises RemoteError."""

    def __init__(self, session: ODataSession, addresses: Addresses) -> None:
        self.session = session
        self.addresses = addresses
        self._member_keys: dict[str, set[Any]] = {}

    def companies(self) -> list[Company]:
        """The companies of the environment that the application may open."""
        rows = self.session.get(f"{Service.API.path}/companies").data["value"]
        return [Company(UUID(row["id"]), row["name"], row.get("displayName") or row["name"]) for row in rows]

    def read_changes(
        self,
        table: str,
        *,
        properties: Sequence[str],
        cursor: str,
        full: bool = False,
        first: FirstPage | None = None,
    ) -> Iterator[ChangePage]:
        """By time stamp: `cursor` is the server's time of the last read less an overlap, in ISO 8601.

        A table without time stamps is read completely each time, and its cursor stays "". Deletions do not show.
        """
        stamped = self.has_stamps(table)
        condition = f"{MODIFIED} ge {cursor}" if cursor and stamped and not full else ""
        for attempt in range(1, _READ_RESTARTS + 1):
            try:
                yield from self._read(table, properties, condition, stamped, first)
                return
            except RemoteError as error:
                if error.code != "business_central.page_lost" or attempt == _READ_RESTARTS:
                    raise
                first = None
                log.info("Reading %s starts again: %s", table, error)

    def first_pages(self, queries: Sequence[ChangeQuery]) -> dict[str, FirstPage]:
        """The changes and the number of records of each table; one request for fifty tables of a service."""
        found: dict[str, FirstPage] = {}
        by_service: dict[Service, list[ChangeQuery]] = {}
        for query in queries:
            # Rows of a published page have no ids of their own, which reading them has to make up for.
            if not self.addresses.page_of(query.table):
                by_service.setdefault(self.addresses.service_of(query.table), []).append(query)
        for service, asked in by_service.items():
            for part in chunks(asked, BUSINESS_CENTRAL_LIMIT // 2):
                found.update(self._first_pages(service, part))
        return found

    def _first_pages(self, service: Service, queries: Sequence[ChangeQuery]) -> Iterator[tuple[str, FirstPage]]:
        parts = []
        for query in queries:
            path, names = self.addresses.in_service(query.table), self._with_stamp(query.table, query.properties)
            condition = f"{MODIFIED} ge {query.cursor}" if self.has_stamps(query.table) else ""
            prefer = {"Prefer": f"odata.maxpagesize={PAGE_SIZE}"}
            parts.append(Part("GET", path + options(select=_select(names), filter=condition), headers=prefer))
            parts.append(Part("GET", f"{path}/$count"))
        answers, date = self._dated_batch(service, parts, repeatable=True)
        for position, query in enumerate(queries):
            changes, count = answers.get(2 * position), answers.get(2 * position + 1)
            if changes is not None and changes.status < 300 and isinstance(changes.data, dict):
                number = str(count.data) if count is not None and count.status < 300 else ""
                yield query.table, FirstPage(changes.data, date, int(number) if number.isdigit() else None)

    def read_records(self, table: str, keys: Collection[UUID], *, properties: Sequence[str]) -> dict[UUID, WireRecord]:
        """Live records, up to 5,000 per request."""
        if self.addresses.page_of(table):
            wanted = set(keys)
            return {record.key: record for record in self.query(table, properties=properties) if record.key in wanted}
        names = self._with_stamp(table, properties)
        paths = [
            self.addresses.in_service(table)
            + options(select=_select(names), filter=" or ".join(f"id eq {key}" for key in chunk))
            for chunk in chunks(dict.fromkeys(keys), _KEYS_PER_QUERY)
        ]
        found: dict[UUID, WireRecord] = {}
        service = self.addresses.service_of(table)
        for group in chunks(paths, BUSINESS_CENTRAL_LIMIT):
            if len(group) == 1:
                answers = [self.session.get(f"{service.path}/{group[0]}").data]
            else:
                parts = [Part("GET", path) for path in group]
                answered = self.batch(service, parts, repeatable=True)
                answers = [self._data(answered.get(number)) for number in range(len(parts))]
            for data in answers:
                for row in data["value"]:
                    record = _record(row, properties)
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
        names = self._with_stamp(table, properties)
        condition = self._condition(table, filter)
        address = self.addresses.table(table) + options(
            select=self._select(table, names), filter=condition, orderby=orderby, top=top
        )
        for data in self._pages(address):
            for row in data[0]["value"]:
                yield self._record(table, row, properties)

    def count(self, table: str, *, filter: str = "") -> int | None:  # noqa: A002
        condition = self._condition(table, filter)
        data = self.session.get(f"{self.addresses.table(table)}/$count{options(filter=condition)}").data
        return int(data.decode("utf-8-sig")) if isinstance(data, bytes) else int(data)

    def keys(self, table: str) -> Iterator[UUID]:
        for record in self.query(table, properties=["id"]):
            yield record.key

    def singleton(self, table: str) -> dict[str, Any]:
        """The one record of a table such as companyInformation, all its properties."""
        rows = self.session.get(self.addresses.table(table) + options(top=1)).data["value"]
        if not rows:
            raise HubError(f"Business Central returned no {table}.", code="business_central.empty")
        return dict(rows[0])

    def exchange_rates(self) -> list[ExchangeRate]:
        """All exchange rates of the company, the oldest first."""
        names = "currencyCode,startingDate,exchangeRateAmount,relationalExchangeRateAmount"
        address = self.addresses.table("currencyExchangeRates") + options(select=names)
        rates = [
            ExchangeRate(
                row["currencyCode"],
                row["startingDate"],
                Decimal(row["exchangeRateAmount"]),
                Decimal(row["relationalExchangeRateAmount"]),
            )
            for data, _ in self._pages(address)
            for row in data["value"]
        ]
        return sorted(rates, key=lambda rate: (rate.currency_code, rate.starting_date))

    def tables(self, service: Service) -> ServiceTables:
        """Entity sets that a service offers, with their properties; empty where the service does not exist."""
        name = f"{self.session.root}:{service}:csdl"
        tables: ServiceTables = cached(name, lambda: service_tables(self.session, self.addresses, service))
        if service != Service.PAGES:
            return tables
        shown = {table: (PAGE_TABLES[table], self.addresses.page_of(table)) for table in PAGE_TABLES}
        return tables | {
            table: {name: tables[page].get(there, {}) for name, there in each.properties.items()}
            for table, (each, page) in shown.items()
            if page in tables
        }

    def record_address(self, table: str, key: UUID) -> str:
        """A record's path below its service; one of a page is looked for by its natural key. Raises RemoteError."""
        path = self.addresses.in_service(table)
        if not self.addresses.page_of(table):
            return f"{path}({key})"
        shown = PAGE_TABLES[table]
        for record in self.query(table, properties=shown.key):
            if record.key == key:
                return f"{path}({shown.address(record.values)})"
        raise RemoteError(
            f"The record does not exist in {table} of Business Central any more.",
            kind=ErrorKind.DATA,
            code="record.missing",
            retry=Retry.NEVER,
            system=None,
        )

    def record_values(self, table: str, row: Mapping[str, Any]) -> tuple[UUID, dict[str, Any]]:
        """Key and values of a row as the service answered it."""
        if self.addresses.page_of(table):
            shown = PAGE_TABLES[table]
            values = shown.values(row)
            return shown.record_key(self.addresses.company_id, table, values), values
        return UUID(row["id"]), {name: value for name, value in row.items() if "@odata" not in name}

    def record_body(self, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """A request's body. Raises RemoteError for a value that the page of the table does not show."""
        if not self.addresses.page_of(table):
            return dict(values)
        try:
            return PAGE_TABLES[table].body(values)
        except KeyError as error:
            raise RemoteError(
                f"The page of {table} in Business Central does not show {error.args[0]}.",
                kind=ErrorKind.DATA,
                code="business_central.not_on_page",
                retry=Retry.NEVER,
                system=None,
                hint="Install the companion extension, or switch the field off.",
            ) from error

    def _condition(self, table: str, text: str) -> str:
        """A page has no time stamps: what asks for changes gets every row."""
        if not self.addresses.page_of(table):
            return text
        if MODIFIED in text:
            return ""
        names = PAGE_TABLES[table].properties
        return re.sub(r"\b[A-Za-z]\w*\b(?=(?:[^']*'[^']*')*[^']*$)", lambda word: names.get(word[0], word[0]), text)

    def _select(self, table: str, names: Sequence[str]) -> str:
        if not self.addresses.page_of(table):
            return _select(names)
        shown = PAGE_TABLES[table]
        return ",".join(dict.fromkeys(there for name in (*shown.key, *names) if (there := shown.page_name(name))))

    def _record(self, table: str, row: dict[str, Any], properties: Sequence[str]) -> WireRecord:
        if not self.addresses.page_of(table):
            return _record(row, properties)
        key, values = self.record_values(table, row)
        if (membership := PAGE_TABLES[table].membership) is not None:
            member = values.get(membership.name) in self._members(membership)
            values |= {name: value if member else "" for name, value in membership.values.items()}
        return WireRecord(key, {name: values.get(name) for name in properties}, row.get("@odata.etag", ""), None)

    def _members(self, membership: Membership) -> set[Any]:
        """Keys of the rows that rows of another page belong to; read once by this client."""
        if membership.table not in self._member_keys:
            rows = self.query(membership.table, properties=[membership.key])
            self._member_keys[membership.table] = {row.values[membership.key] for row in rows}
        return self._member_keys[membership.table]

    def has_stamps(self, table: str) -> bool:
        return MODIFIED in self.tables(self.addresses.service_of(table)).get(table, {})

    def batch(self, service: Service, parts: Sequence[Part], *, repeatable: bool) -> dict[int, PartAnswer]:
        """Up to 100 requests as one batch that goes on after errors; the answers by position, as far as they came."""
        return self._dated_batch(service, parts, repeatable=repeatable)[0]

    def _dated_batch(
        self, service: Service, parts: Sequence[Part], *, repeatable: bool
    ) -> tuple[dict[int, PartAnswer], datetime | None]:
        """`batch`, and the server's time."""
        headers = {"Prefer": "odata.continue-on-error"}
        answer = self.session.send(
            "POST", self.addresses.batch(service), body=encode_json(parts), headers=headers, repeatable=repeatable
        )
        return decode_json(answer.data, count=len(parts)), answer.date

    def _read(
        self, table: str, properties: Sequence[str], condition: str, stamped: bool, first: FirstPage | None
    ) -> Iterator[ChangePage]:
        names = self._with_stamp(table, properties)
        address = self.addresses.table(table) + options(select=self._select(table, names), filter=condition)
        cursor: str | None = None
        for data, date in self._pages(address, first):
            if cursor is None:
                cursor = _moment(date - OVERLAP) if stamped and date else ""
            last = "@odata.nextLink" not in data
            records = [self._record(table, row, properties) for row in data["value"]]
            yield ChangePage(records, [], cursor if last else None)

    def _pages(self, address: str, first: FirstPage | None = None) -> Iterator[tuple[dict[str, Any], datetime | None]]:
        """The decoded pages with the server's time; smaller ones once the service runs out of time."""
        size = PAGE_SIZE
        if first is not None:
            yield first.data, first.date
            address = first.data.get("@odata.nextLink", "")
        while address:
            try:
                answer = self.session.get(address, headers={"Prefer": f"odata.maxpagesize={size}"})
            except RemoteError as error:
                if error.code not in ("connection.timeout", "remote.too_large") or size <= _SMALLEST_PAGE:
                    raise
                size = max(_SMALLEST_PAGE, size // 2)
                continue
            yield answer.data, answer.date
            address = answer.data.get("@odata.nextLink", "")

    def _with_stamp(self, table: str, properties: Sequence[str]) -> list[str]:
        return [*properties, MODIFIED] if self.has_stamps(table) else list(properties)

    def _data(self, answer: PartAnswer | None) -> Any:
        if answer is None:
            raise error_of_answer(self.session.refusal(504, {}, b"A part of the batch was not answered."))
        if answer.status >= 300:
            raise error_of_answer(self.session.refusal(answer.status, answer.headers, answer.data))
        return answer.data


def _select(properties: Sequence[str]) -> str:
    return ",".join(dict.fromkeys(["id", *properties]))


def _record(row: dict[str, Any], properties: Sequence[str]) -> WireRecord:
    return WireRecord(
        key=UUID(row["id"]),
        values={name: row.get(name) for name in properties},
        token=row.get("@odata.etag", ""),
        modified_at=parse_time(row.get(MODIFIED)),
    )


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
