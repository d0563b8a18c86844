"""The order processor's workspace: areas over API pages and the companion's, with their actions."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.acting import central_actions
from sandbox.acting.central_areas import AREAS, PARTS, Area
from sandbox.acting.client import RefusedError, ServiceClient, path_of
from sandbox.acting.model import (
    ActionView,
    AreaLink,
    Choice,
    FieldView,
    InputKind,
    Listing,
    Outcome,
    ParentLink,
    PartView,
    RecordView,
    humanize,
)
from sandbox.business_central.bindings import is_writable
from sandbox.business_central.schema import COMPANION_SERVICE, Page, Property, load_schema
from sandbox.state import Sandbox

PAGE_ROWS = 50
MAX_CHOICES = 400
_MADE = re.compile(r"/(\w+)\(([0-9a-f-]{36})\)$")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])")


class CentralWorkspace:
    """Everything the views need for one request."""

    product = "business-central"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._schema = load_schema()
        self._client = ServiceClient(sandbox.business_central, {})
        self._root = f"/v2.0/{sandbox.tenant_id}/{sandbox.environment}"
        with sandbox.store.read() as tx:
            self._company = sandbox.business_central.companies.all(tx)[0]

    @property
    def title(self) -> str:
        return str(self._company["name"])

    def areas(self) -> list[AreaLink]:
        return [AreaLink(area.name, area.title, area.group) for area in AREAS.values() if area.listed]

    def area_title(self, name: str) -> str:
        return self._area(name).title

    def can_create(self, name: str) -> bool:
        return self._page(self._area(name)).can_insert

    def _area(self, name: str) -> Area:
        if name not in AREAS:
            raise KeyError(name)
        return AREAS[name]

    def _page(self, area: Area) -> Page:
        return self._schema.services[area.service][area.name]

    def _path(self, service: str, entity_set: str, key: str = "") -> str:
        path = f"{self._root}/{service}/companies({self._company['id']})/{entity_set}"
        return f"{path}({key})" if key else path

    # -- Lists

    def listing(self, name: str, search: str, link: str) -> Listing:
        area = self._area(name)
        columns = ["id", *area.columns]
        if link:
            body = self._client.get(path_of(link), headers=_PAGE)
        else:
            body = self._search(area, {"$select": ",".join(columns), "$count": "true"}, search)
        page = self._page(area)
        return Listing(
            columns=[label_of(page.properties[column]) for column in area.columns],
            rows=[(row["id"], [_shown(page.properties[c], row.get(c)) for c in area.columns]) for row in body["value"]],
            next_link=path_of(body.get("@odata.nextLink", "")),
            total=body.get("@odata.count"),
        )

    def _search(self, area: Area, options: dict[str, str], search: str) -> Any:
        """By name, then by number: one filter cannot ask for either."""
        path = self._path(area.service, area.name)
        body: Any = None
        text = search.replace("'", "''")
        for filter_text in (f"contains({area.search},'{text}')", f"contains({area.number},'{text.upper()}')"):
            asked = {**options, "$filter": filter_text} if search and area.search else options
            body = self._client.get(path, asked, headers=_PAGE)
            if body["value"] or not search:
                break
        return body

    # -- Records

    def record(self, name: str, key: str) -> RecordView:
        area = self._area(name)
        page = self._page(area)
        row = self._client.get(self._path(area.service, area.name, key))
        fields = self._fields(page, row, new=False)
        more: list[FieldView] = []
        if area.extra:
            extra = self._schema.services[COMPANION_SERVICE][area.extra]
            values = self._client.get(self._path(COMPANION_SERVICE, area.extra, key))
            known = {prop.name for prop in page.properties.values()} | {"systemCreatedAt", "systemRowVersion"}
            more = [f for f in self._fields(extra, values, new=False) if f.name not in known]
        view = RecordView(
            key=key,
            title=" ".join(humanize(row.get(n)) for n in (area.number, area.search) if n and row.get(n)) or area.title,
            etag=row["@odata.etag"],
            fields=fields,
            more=more,
            actions=self._actions(area, page, row),
            parts=self._parts(area, row),
            can_save=page.can_modify,
            can_delete=page.can_delete,
            parent=_parent(area, row),
        )
        if central_actions.is_closed(name, row):
            view.lock()
        return view

    def blank(self, name: str, parent: str = "") -> RecordView:
        """The form for a new row; ``parent`` is ``property:value`` for rows that belong to another."""
        area = self._area(name)
        page = self._page(area)
        if not page.can_insert:
            raise RefusedError("Records of this kind cannot be created by hand.")
        values = dict([parent.split(":", 1)]) if ":" in parent else {}
        fields = [f for f in self._fields(page, values, new=True) if not f.read_only]
        return RecordView("", f"New: {area.title}", "", fields, [], parent=_parent(area, values))

    def save(self, name: str, key: str, etag: str, form: Mapping[str, str]) -> None:
        area = self._area(name)
        view = self.record(name, key)
        if not view.can_save:
            raise RefusedError("The record is read-only in its current state.")
        page = self._page(area)
        changes = _changes(page, view.fields, form)
        if changes:
            self._client.call(
                "PATCH", self._path(area.service, area.name, key), body=changes, headers={"if-match": etag or "*"}
            )
        if area.extra:
            extra = self._schema.services[COMPANION_SERVICE][area.extra]
            more = _changes(extra, view.more, form)
            if more:
                path = self._path(COMPANION_SERVICE, area.extra, key)
                self._client.call("PATCH", path, body=more, headers={"if-match": "*"})

    def create(self, name: str, form: Mapping[str, str]) -> str:
        area = self._area(name)
        page = self._page(area)
        body = _changes(page, self.blank(name).fields, form)
        return str(self._client.call("POST", self._path(area.service, area.name), body=body).body["id"])

    def delete(self, name: str, key: str) -> None:
        area = self._area(name)
        self._client.call("DELETE", self._path(area.service, area.name, key), headers={"if-match": "*"})

    def act(self, name: str, key: str, action: str, form: Mapping[str, str]) -> Outcome:
        """Runs an action and tells what came of it."""
        area = self._area(name)
        handled = central_actions.perform(self._sandbox, name, key, action, form)
        if handled is not None:
            return handled
        path = f"{self._path(area.service, area.name, key)}/Microsoft.NAV.{action}"
        answer = self._client.call("POST", path, headers={"if-match": "*"})
        made = _MADE.search(answer.headers.get("Location", ""))
        done = f"{_WORDS.sub(' ', action).capitalize()}: done."
        return Outcome(done, made[1], made[2]) if made else Outcome(done)

    # -- Parts of records

    def _fields(self, page: Page, row: Mapping[str, Any], *, new: bool) -> list[FieldView]:
        return [
            self._field(page, prop, row.get(prop.name), new=new)
            for prop in page.properties.values()
            if prop.kind != "stream"
            and prop.field not in ("SystemId", "SystemRowVersion")
            and not self._repeats_code(page, prop)
        ]

    def _repeats_code(self, page: Page, prop: Property) -> bool:
        """An id beside the code it follows from; of a line's product the id is kept, since it offers a choice."""
        derived = self._schema.tables[page.table].derived_ids.get(prop.field or "")
        return derived is not None and derived.code_field in page.by_field and derived.code_field != "No."

    def _field(self, page: Page, prop: Property, value: Any, *, new: bool) -> FieldView:
        kind: InputKind = "text"
        choices: list[Choice] = []
        text = humanize(value)
        if prop.kind in ("decimal", "integer", "bigint"):
            kind = "number"
        elif prop.kind in ("date", "datetime", "boolean"):
            kind = prop.kind  # type: ignore[assignment]
            text = ("true" if value else "") if prop.kind == "boolean" else text
        elif prop.enum is not None:
            kind, text = "choice", "" if value is None else str(value)
            choices = [Choice(encoded, prop.enum.captions[member]) for member, encoded in prop.enum.api.items()]
            if value is None:  # a browser would send the first member unasked
                choices.insert(0, Choice("", ""))
        elif prop.relates_to is not None and is_writable(page, prop):
            choices = self._related(page, prop, text)
            kind = "choice" if choices else "text"
        return FieldView(
            name=prop.name,
            label=label_of(prop),
            kind=kind,
            value=text,
            read_only=not is_writable(page, prop) or (not new and not page.can_modify),
            required=prop.required,
            max_length=prop.length,
            choices=choices,
        )

    def _related(self, page: Page, prop: Property, current: str) -> list[Choice]:
        """The rows a field can point to, or nothing when there are too many for a list."""
        target_set, target_property = prop.relates_to or ("", "")
        target = self._schema.find_page(page.service, target_set)
        if target is None or target_property not in ("id", "code", "number") or "id" not in target.properties:
            return []
        named = (name for name in ("displayName", "description", "customerName") if name in target.properties)
        label = next(named, target_property)
        code = next((name for name in ("code", "number") if name in target.properties), target_property)
        options = {"$select": ",".join({target_property, label, code}), "$top": str(MAX_CHOICES + 1)}
        rows = self._client.get(self._path(target.service, target_set), options)["value"]
        if len(rows) > MAX_CHOICES:
            return []
        found = [Choice(row[target_property], f"{row[code]} {row[label]}".strip()) for row in rows]
        if current and all(choice.value != current for choice in found):
            found.insert(0, Choice(current, current))
        return [Choice("", ""), *found]

    def _parts(self, area: Area, row: Mapping[str, Any]) -> list[PartView]:
        found = []
        for part in PARTS.get(area.name, ()):
            child = AREAS[part.area]
            page = self._page(child)
            conditions = [self._equation(page, theirs, row[own]) for theirs, own in part.match]
            options = {"$filter": " and ".join(conditions), "$select": ",".join(["id", *child.columns]), "$top": "200"}
            rows = self._client.get(self._path(child.service, part.area), options)["value"]
            reference, own = part.match[0]
            found.append(
                PartView(
                    title=child.title,
                    area=part.area,
                    columns=[label_of(page.properties[column]) for column in child.columns],
                    rows=[(r["id"], [_shown(page.properties[c], r.get(c)) for c in child.columns]) for r in rows],
                    can_add=page.can_insert and not child.listed,
                    parent_link=f"{reference}:{row[own]}",
                )
            )
        return found

    @staticmethod
    def _equation(page: Page, name: str, value: Any) -> str:
        prop = page.properties[name]
        return f"{name} eq {value}" if prop.kind in ("guid", "integer") else f"{name} eq '{value}'"

    def _actions(self, area: Area, page: Page, row: Mapping[str, Any]) -> list[ActionView]:
        offered = [
            ActionView(action, _WORDS.sub(" ", action).capitalize())
            for action in page.actions
            if central_actions.is_offered(area.name, row, action)
        ]
        lines: list[Any] = []
        if area.name == "salesOrders":
            options = {
                "$filter": f"documentId eq {row['id']}",
                "$select": "sequence,description,quantity,shippedQuantity,invoicedQuantity",
            }
            lines = self._client.get(self._path(area.service, "salesOrderLines"), options)["value"]
        return central_actions.actions_for(area.name, row, lines) + offered


def _parent(area: Area, row: Mapping[str, Any]) -> ParentLink | None:
    """The document that a line belongs to."""
    if area.listed:
        return None
    for name, parts in PARTS.items():
        for part in parts:
            theirs, own = part.match[0]
            if part.area == area.name and own == "id" and theirs in row:
                return ParentLink(name, str(row[theirs]), AREAS[name].title)
    return None


_PAGE = {"prefer": f"odata.maxpagesize={PAGE_ROWS}"}


_LABELS = {"gtin": "GTIN", "commisionPercent": "Commission Percent", "displayName2": "Display Name 2"}


def label_of(prop: Property) -> str:
    if prop.name in _LABELS:
        return _LABELS[prop.name]
    spelled = _WORDS.sub(" ", prop.name.replace("_", " "))
    return (spelled[:1].upper() + spelled[1:]).removesuffix(" Id")


def _shown(prop: Property, value: Any) -> str:
    if prop.enum is not None:
        by_api = {encoded: prop.enum.captions[member] for member, encoded in prop.enum.api.items()}
        return by_api.get(str(value), humanize(value)).strip()
    return humanize(value)


def _changes(page: Page, fields: list[FieldView], form: Mapping[str, str]) -> dict[str, Any]:
    """JSON values of what the person changed. Raises RefusedError for numbers that are none."""
    changes: dict[str, Any] = {}
    for view in fields:
        if view.read_only or (view.name not in form and view.kind != "boolean"):
            continue
        text = form.get(view.name, "").strip()
        if text == view.value:
            continue
        changes[view.name] = _json_value(page.properties[view.name], view, text)
    return changes


def _json_value(prop: Property, view: FieldView, text: str) -> Any:
    match prop.kind:
        case "boolean":
            return text in ("true", "on")
        case "decimal" | "integer" | "bigint":
            try:
                number = Decimal(text or "0")
            except InvalidOperation:
                raise RefusedError(f"{view.label}: '{text}' is not a number.") from None
            return int(number) if number == number.to_integral_value() else float(number)
        case "date":
            return text or "0001-01-01"
        case "datetime":
            return text or "0001-01-01T00:00:00Z"
        case "guid":
            return text or "00000000-0000-0000-0000-000000000000"
    return text
