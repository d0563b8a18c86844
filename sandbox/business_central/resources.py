"""One operation on a resource: finds what the segments name, and reads or writes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.business_central import streams, writer
from sandbox.business_central.address import Address, Segment
from sandbox.business_central.errors import (
    bad_request,
    dialog,
    method_not_allowed,
    not_found,
    not_implemented,
    permission_denied,
)
from sandbox.business_central.navigation import Join, find_join
from sandbox.business_central.query import MAX_PAGE, Query, check_options, parse_query, selected
from sandbox.business_central.reader import Found, Reader, source_conditions
from sandbox.business_central.rules import registry
from sandbox.business_central.schema import PAGES_SERVICE, Page, Schema
from sandbox.business_central.session import Session
from sandbox.http import parse_preferences
from sandbox.odata.options import Expand, OptionError, parse_expand
from sandbox.storage import Row

PDF = "pdfDocument"
PDF_CONTENT = "pdfDocument/pdfDocumentContent"


@dataclass(slots=True)
class Call:
    """One operation, alone or inside a batch. ``body`` is parsed JSON (None without a body)."""

    method: str
    address: Address
    options: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    next_link: str
    """Absolute URL with all options but the paging ones, ready for ``aid`` and ``$skiptoken``."""


@dataclass(slots=True)
class Result:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Target:
    """Where the segments lead: a page, conditions on its rows, and the parent row for inserts."""

    page: Page
    where: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)
    single: bool = False
    optional: bool = False
    """A single navigation target: an empty answer instead of 404 when there is none."""
    parent: tuple[Page, Row] | None = None
    tail: str = ""
    """``$count``, an action or a property behind the resource."""
    path: str = ""


def find_page(schema: Schema, service: str, name: str) -> Page:
    page = schema.page(service, name)
    if page is None:
        raise not_found(f"Resource not found for the segment '{name}'.", "BadRequest_NotFound")
    return page


def entity_set_of(schema: Schema, address: Address) -> str:
    """The set that an operation counts under: the last one its path names."""
    if not address.segments:
        return ""
    name = address.segments[0].name
    page = schema.page(address.service, name)
    for segment in address.segments[1:]:
        navigation = page.navigation.get(segment.name) if page is not None else None
        if navigation is None:
            break
        name, page = navigation.target, schema.page(address.service, navigation.target)
    return name


class Resources:
    """Executes calls within one transaction."""

    def __init__(self, session: Session, company_id: str, company_name: str) -> None:
        self.session = session
        self.schema = session.schema
        self.reader = Reader(session.tx, session.schema, session.today, session.profile)
        self.company_id = company_id
        self.company_name = company_name

    def execute(self, call: Call) -> Result:
        check_options(call.options)
        target = self._resolve(call)
        if target.tail and target.tail != "$count" and call.method == "POST":
            return self._action(call, target)
        match call.method:
            case "GET":
                return self._get(call, target)
            case "POST":
                return self._post(call, target)
            case "PATCH":
                return self._patch(call, target)
            case "DELETE":
                return self._delete(call, target)
        raise method_not_allowed()

    # -- Where the segments lead

    def _resolve(self, call: Call) -> Target:
        segments = call.address.segments
        head = segments[0]
        page = find_page(self.schema, call.address.service, head.name)
        self._check_permission(head.name, page)
        target = Target(page, path=head.name)
        self._apply_key(target, head)
        for segment in segments[1:]:
            self._step(target, segment)
        return target

    def _check_permission(self, entity_set: str, page: Page) -> None:
        if entity_set in self.session.profile["denied"] or page.entity_set in self.session.profile["denied"]:
            raise permission_denied(page.table, "Read")

    def _apply_key(self, target: Target, segment: Segment) -> None:
        if segment.key is None:
            return
        where, params = self.reader.key_condition(target.page, segment.key)
        target.where += where
        target.params += params
        target.single = True

    def _step(self, target: Target, segment: Segment) -> None:
        if target.tail == PDF and segment.name in ("pdfDocumentContent", "content"):
            target.tail = PDF_CONTENT
            return
        if target.tail:
            raise bad_request(f"The segment '{segment.name}' cannot follow.", "BadRequest_InvalidRequestUrl")
        navigation = target.page.navigation.get(segment.name)
        if segment.name == PDF and target.single and target.page.table == "Sales Header":
            target.tail = PDF
            return
        if navigation is None or not target.single:
            self._set_tail(target, segment)
            return
        row = self._row(target)
        join = find_join(self.schema, target.page, navigation, self.session.today)
        if join is None:
            raise not_implemented(f"'{navigation.name}'")
        self._check_permission(join.target.entity_set, join.target)
        value = self._parent_value(target, row, join)
        target.parent = (target.page, row)
        target.page, target.path = join.target, f"{target.path}/{segment.name}"
        target.where, target.params = [f"{join.target_sql} = ?"], [value]
        target.single, target.optional = not join.many, not join.many
        self._apply_key(target, segment)

    def _set_tail(self, target: Target, segment: Segment) -> None:
        name = segment.name
        if name.startswith(("Microsoft.NAV.", "NAV.")):
            target.tail = name.rpartition(".")[2]
        elif (name == "$count" and not target.single) or (name in target.page.properties and target.single):
            target.tail = name
        else:
            raise not_found(f"Resource not found for the segment '{name}'.", "BadRequest_NotFound")

    def _parent_value(self, target: Target, row: Row, join: Join) -> Any:
        table = self.schema.tables[target.page.table]
        sql = f"SELECT {join.parent_sql} FROM {table.sql_name} t WHERE t.system_id = ?"  # noqa: S608
        return self.session.tx.execute(sql, (row["system_id"],)).fetchone()[0]

    def _row(self, target: Target) -> Row:
        """The base-table row of a single target. Raises 404."""
        table = self.schema.tables[target.page.table]
        conditions = [*source_conditions(self.schema, target.page), *target.where]
        sql = f"SELECT t.system_id FROM {table.sql_name} t WHERE {' AND '.join(conditions)} LIMIT 1"  # noqa: S608
        found = self.session.tx.execute(sql, target.params).fetchone()
        row = self.session.by_id(target.page.table, found[0]) if found else None
        if row is None:
            raise not_found(
                f"The {target.page.entity} does not exist. Identification fields and values: {target.params}",
                "Internal_RecordNotFound" if target.page.is_api else "BadRequest_ResourceNotFound",
            )
        return row

    # -- Verbs

    def _get(self, call: Call, target: Target) -> Result:
        if target.single:
            return self._get_one(call, target)
        page = target.page
        query = parse_query(page, call.options, self.session.today, self.session.profile)
        query.where = [*target.where, *query.where]
        query.params = [*target.params, *query.params]
        if target.tail == "$count":
            return Result(200, str(self.reader.count(page, query)), {"Content-Type": "text/plain"})
        if page.entity_set in NEEDS_PARENT and not target.where and not _names_parent(call.options):
            raise dialog("You must specify an Id or a Document Id to get the lines.")
        size, applied = _page_size(call.headers)
        found = self.reader.collection(page, query, size)
        headers = {"Preference-Applied": "odata.maxpagesize"} if applied else {}
        return Result(200, self._collection_body(call, target, query, found), headers)

    def _collection_body(self, call: Call, target: Target, query: Query, found: Found) -> dict[str, Any]:
        body: dict[str, Any] = {"@odata.context": self.context(call, target)}
        if found.count is not None:
            body["@odata.count"] = found.count
        body["value"] = found.rows
        if found.next_token is not None:
            joiner = "&" if "?" in call.next_link else "?"
            body["@odata.nextLink"] = f"{call.next_link}{joiner}aid=FIRST&$skiptoken={found.next_token}"
        return body

    def _get_one(self, call: Call, target: Target) -> Result:
        query = single_query(target.page, call.options)
        row = self.reader.one(target.page, target.where, target.params, query)
        if row is None:
            if target.optional:
                return Result(204)
            self._row(target)  # raises the 404 with its message
            raise not_found("The resource does not exist.")
        if target.tail:
            return self._get_tail(call, target, row)
        context = f"{self.context(call, target)}/$entity"
        if any(prop.kind == "stream" for prop in target.page.properties.values()):
            base = self._row(target)
            row |= streams.links(target.page, f"{self._company_root(call)}/{self._resource(target.page, row, base)}")
        return Result(200, {"@odata.context": context, **row}, {"ETag": row["@odata.etag"]})

    def _get_tail(self, call: Call, target: Target, row: Mapping[str, Any]) -> Result:
        """A single property, the content of a stream, or a printed document."""
        if target.tail in (PDF, PDF_CONTENT):
            header = self._row(target)
            if target.tail == PDF_CONTENT:
                return Result(200, streams.pdf(self.session, header), {"Content-Type": "application/pdf"})
            location = f"{self._company_root(call)}/{target.page.entity_set}({header['system_id']})"
            return Result(
                200, {"@odata.context": self.context(call, target), **streams.pdf_description(header, location)}
            )
        if target.tail not in target.page.properties:
            raise method_not_allowed()  # an action
        if target.page.properties[target.tail].kind == "stream":
            content = streams.read_content(self._row(target))
            return Result(200 if content else 204, content or None, {"Content-Type": "application/octet-stream"})
        return Result(
            200, {"@odata.context": f"{self.context(call, target)}/{target.tail}", "value": row.get(target.tail)}
        )

    def _post(self, call: Call, target: Target) -> Result:
        if target.single or target.tail:
            raise method_not_allowed()
        page = target.page
        _check_write(call)
        query = single_query(page, call.options)
        preset = writer.parent_columns(self.schema, target.parent[0], page, target.parent[1]) if target.parent else None
        row = writer.insert(self.session, page, call.body, preset)
        if self.session.profile["nested_rows_in_answer"] and isinstance(call.body, dict):
            asked = {item.navigation for item in query.expand}
            nested = [name for name in call.body if name in page.navigation and name not in asked]
            query.expand += tuple(Expand(name) for name in nested)
        return self._written(call, target, query, row, 201)

    def _patch(self, call: Call, target: Target) -> Result:
        if target.single and target.tail in target.page.properties:
            return self._patch_content(call, target)
        if not target.single or target.tail:
            raise method_not_allowed()
        _check_write(call)
        query = single_query(target.page, call.options)
        row = writer.modify(self.session, target.page, self._row(target), call.body, call.headers.get("if-match"))
        return self._written(call, target, query, row, 200)

    def _patch_content(self, call: Call, target: Target) -> Result:
        prop = target.page.properties[target.tail]
        if prop.kind != "stream" or prop.read_only:
            raise method_not_allowed()
        _check_write(call)
        row = self._row(target)
        writer.check_etag(call.headers.get("if-match"), row, required=True)
        streams.write_content(self.session, row, call.body)
        return Result(204)

    def _delete(self, call: Call, target: Target) -> Result:
        if not target.single or target.tail:
            raise method_not_allowed()
        _check_write(call)
        required = self.session.profile["if_match_required"]
        writer.delete(self.session, target.page, self._row(target), call.headers.get("if-match"), required=required)
        return Result(204)

    def _action(self, call: Call, target: Target) -> Result:
        action = registry.actions.get((target.page.entity_set, target.tail.lower()))
        if action is None or not target.single:
            raise not_found(f"No action '{target.tail}' on '{target.page.entity_set}'.", "BadRequest_NotFound")
        _check_write(call)
        row = self._row(target)
        writer.check_etag(call.headers.get("if-match"), row, required=self.session.profile["if_match_required"])
        action(self.session, row)
        headers = {"Location": self._company_root(call) + f"/{self.session.result}"} if self.session.result else {}
        return Result(204, None, headers)

    def _written(self, call: Call, target: Target, query: Query, row: Row, status: int) -> Result:
        page = target.page
        answer = self.reader.one(page, ["t.system_id = ?"], [row["system_id"]], query)
        location = (
            {"Location": f"{self._company_root(call)}/{self._resource(page, answer, row)}"} if status == 201 else {}
        )
        preferences = parse_preferences(call.headers.get("prefer", ""))
        if "return-no-content" in preferences or preferences.get("return") == "minimal":
            return Result(204, None, location)
        if answer is None:
            return Result(status, None, location)
        context = f"{self.context(call, target)}/$entity"
        answer |= streams.links(page, f"{self._company_root(call)}/{self._resource(page, answer, row)}")
        return Result(status, {"@odata.context": context, **answer}, {"ETag": answer["@odata.etag"], **location})

    # -- Names in answers

    def _company_root(self, call: Call) -> str:
        if call.address.service == PAGES_SERVICE:
            return f"{call.address.root}/Company(Id={self.company_id})"
        return f"{call.address.root}/companies({self.company_id})"

    @staticmethod
    def _resource(page: Page, answer: Mapping[str, Any] | None, row: Row) -> str:
        if page.key == ("id",) or answer is None:
            key = row["system_id"] if answer is None else answer.get("id", row["system_id"])
            return f"{page.entity_set}({key})"
        parts = [
            f"{name}={value}" if isinstance(value, int) else f"{name}='{value}'"
            for name, value in ((name, answer.get(name, "")) for name in page.key)
        ]
        return f"{page.entity_set}({','.join(parts)})"

    def context(self, call: Call, target: Target) -> str:
        company = (
            f"Company('{self.company_name.replace(' ', '%20')}')"
            if call.address.service == PAGES_SERVICE
            else f"companies({self.company_id})"
        )
        select = call.options.get("$select")
        chosen = f"({select.replace(' ', '')})" if select else ""
        return f"{call.address.root}/$metadata#{company}/{target.path}{chosen}"


NEEDS_PARENT = {
    "salesOrderLines",
    "salesQuoteLines",
    "salesInvoiceLines",
    "salesCreditMemoLines",
    "contactsInformation",
    "dimensionSetLines",
}


def _names_parent(options: Mapping[str, str]) -> bool:
    text = options.get("$filter", "")
    return any(name in text for name in ("documentId", "parentId")) or text.startswith("id eq")


def single_query(page: Page, options: Mapping[str, str]) -> Query:
    """$select and $expand of a single resource or of the answer to a write."""
    try:
        expand = parse_expand(options["$expand"]) if options.get("$expand") else ()
    except OptionError as error:
        raise bad_request(str(error)) from error
    return Query(select=selected(page, options), expand=expand)


def _page_size(headers: Mapping[str, str]) -> tuple[int, bool]:
    wanted = parse_preferences(headers.get("prefer", "")).get("odata.maxpagesize") or parse_preferences(
        headers.get("prefer", "")
    ).get("maxpagesize")
    if wanted is None or not wanted.isdigit() or int(wanted) < 1:
        return MAX_PAGE, False
    return min(int(wanted), MAX_PAGE), True


def _check_write(call: Call) -> None:
    if call.headers.get("data-access-intent", "").lower() == "readonly":
        raise bad_request("Data-Access-Intent ReadOnly is only allowed on GET requests.")
