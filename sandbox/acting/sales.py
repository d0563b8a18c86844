"""The salesperson's workspace: areas over the Web API, acting as one of the organisation's users."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.acting.client import RefusedError, ServiceClient, path_of
from sandbox.acting.model import (
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
from sandbox.acting.sales_actions import ACTIONS, note_action, run_action
from sandbox.acting.sales_areas import AREAS, PARTS, Area
from sandbox.dataverse import wellknown
from sandbox.definitions.dataverse import Attribute, Table
from sandbox.state import Sandbox

API = "/api/data/v9.2"
PAGE_ROWS = 50
MAX_CHOICES = 300
_FORMATTED = "@OData.Community.Display.V1.FormattedValue"
_NUMBERED = re.compile(r"^(address)(\d)_")
_HIDDEN = {"overriddencreatedon", "versionnumber", "exchangerate"}


class SalesWorkspace:
    """Everything the views need for one request; ``user_id`` is who acts."""

    product = "sales"
    title = "Sales Hub"

    def __init__(self, sandbox: Sandbox, user_id: str = "") -> None:
        self._sandbox = sandbox
        self.user_id = user_id or wellknown.USER_IDS[0]
        prefer = 'odata.include-annotations="*"'
        self._client = ServiceClient(sandbox.sales, {"mscrmcallerid": self.user_id, "prefer": prefer})

    def areas(self) -> list[AreaLink]:
        return [AreaLink(area.name, area.title, area.group) for area in AREAS.values() if area.listed]

    def area_title(self, name: str) -> str:
        return self._area(name).title

    def can_create(self, name: str) -> bool:
        return self._table(name).allows("Create")

    def users(self) -> list[Choice]:
        options = {
            "$filter": "islicensed eq true and isdisabled eq false",
            "$select": "fullname",
            "$orderby": "fullname",
        }
        rows = self._client.get(f"{API}/systemusers", options)["value"]
        return [Choice(row["systemuserid"], row["fullname"]) for row in rows]

    def _area(self, name: str) -> Area:
        if name not in AREAS:
            raise KeyError(name)
        return AREAS[name]

    def _table(self, name: str) -> Table:
        table: Table = self._sandbox.sales.schema.by_set[name]
        return table

    # -- Lists

    def listing(self, name: str, search: str, link: str) -> Listing:
        area, table = self._area(name), self._table(name)
        columns = [table.attributes[c] for c in area.columns if c in table.attributes]
        if link:
            body = self._client.get(path_of(link), headers=_PAGE)
        else:
            options = {"$select": ",".join(c.property for c in columns), "$count": "true"}
            if table.primary_name:
                options["$orderby"] = table.primary_name
            if search:
                text = search.replace("'", "''")
                options["$filter"] = " or ".join(f"contains({column},'{text}')" for column in area.search)
            body = self._client.get(f"{API}/{name}", options, headers=_PAGE)
        return Listing(
            columns=[label_of(column) for column in columns],
            rows=[(row[table.primary_id], [_cell(row, column) for column in columns]) for row in body["value"]],
            next_link=path_of(body.get("@odata.nextLink", "")),
            total=body.get("@odata.count"),
        )

    # -- Records

    def record(self, name: str, key: str) -> RecordView:
        area, table = self._area(name), self._table(name)
        row = self._client.get(f"{API}/{name}({key})")
        main, more = self._fields(area, table, row, new=False)
        view = RecordView(
            key=key,
            title=str(row.get(table.primary_name or "") or area.title),
            etag=row["@odata.etag"],
            fields=main,
            more=more,
            actions=[a.view() for a in ACTIONS.get(name, ()) if a.offered(row)] + note_action(table),
            parts=self._parts(name, key),
            notes=self._timeline(table, key) if note_action(table) else None,
            can_save=table.allows("Update"),
            can_delete=table.allows("Delete"),
            parent=_parent(area, row),
        )
        if name in _DOCUMENTS and row["statecode"] != 0:
            view.lock()
        return view

    def blank(self, name: str, parent: str = "") -> RecordView:
        """The form for a new row; ``parent`` is ``column:id`` for rows that belong to another."""
        area, table = self._area(name), self._table(name)
        if not table.allows("Create"):
            raise RefusedError("Records of this kind cannot be created here.")
        values: dict[str, Any] = {}
        if ":" in parent:
            column, row_id = parent.split(":", 1)
            values[f"_{column}_value"] = row_id
        main, more = self._fields(area, table, values, new=True)
        return RecordView("", f"New: {area.title}", "", main, more, parent=_parent(area, values))

    def save(self, name: str, key: str, etag: str, form: Mapping[str, str]) -> None:
        view, table = self.record(name, key), self._table(name)
        if not view.can_save:
            raise RefusedError("The record is read-only in its current state.")
        body = self._body(table, [*view.fields, *view.more], form)
        if body:
            self._client.call("PATCH", f"{API}/{name}({key})", body=body, headers={"if-match": etag or "*"})

    def create(self, name: str, form: Mapping[str, str]) -> str:
        view, table = self.blank(name), self._table(name)
        body = self._body(table, [*view.fields, *view.more], form)
        answer = self._client.call("POST", f"{API}/{name}", body=body, headers={"prefer": "return=representation"})
        return str(answer.body[table.primary_id])

    def delete(self, name: str, key: str) -> None:
        self._client.call("DELETE", f"{API}/{name}({key})")

    def act(self, name: str, key: str, action: str, form: Mapping[str, str]) -> Outcome:
        return run_action(self._client, API, name, key, action, form)

    # -- Fields

    def _fields(
        self, area: Area, table: Table, row: Mapping[str, Any], *, new: bool
    ) -> tuple[list[FieldView], list[FieldView]]:
        main = [self._field(table.attributes[c], row, new=new) for c in area.main if c in table.attributes]
        rest = [
            self._field(attribute, row, new=new)
            for attribute in table.attributes.values()
            if attribute.name not in area.main and attribute.name not in _HIDDEN and not attribute.primary_id
        ]
        if new:
            main, rest = [f for f in main if not f.read_only], [f for f in rest if not f.read_only]
        return main, rest

    def _field(self, attribute: Attribute, row: Mapping[str, Any], *, new: bool) -> FieldView:
        value = row.get(attribute.property)
        kind: InputKind = "text"
        choices: list[Choice] = []
        text = "" if value is None else humanize(value)
        if attribute.type == "boolean":
            kind, text = "boolean", "true" if value else ""
        elif attribute.options:
            kind = "choice"
            choices = [Choice("", ""), *(Choice(str(option.value), option.label) for option in attribute.options)]
        elif attribute.is_lookup:
            choices = self._targets(attribute, row, text)
            kind = "choice"
            text = choices[0].value if text and choices and choices[0].value.endswith(text) else text
        elif attribute.type == "memo":
            kind = "memo"
        elif attribute.type in ("integer", "bigint", "money", "decimal", "double"):
            kind = "number"
        elif attribute.type == "datetime":
            by_day = attribute.date_only or attribute.format == "DateOnly"
            kind, text = ("date", text[:10]) if by_day else ("datetime", text)
        return FieldView(
            name=attribute.name,
            label=label_of(attribute),
            kind=kind,
            value=text,
            read_only=not (attribute.create if new else attribute.update)
            or attribute.type == "uniqueidentifier"
            or _CALCULATED.fullmatch(attribute.name) is not None,
            required=attribute.required in ("system", "application"),
            max_length=attribute.max_length,
            choices=choices,
            shown=str(row.get(attribute.property + _FORMATTED, "") or ""),
        )

    def _targets(self, attribute: Attribute, row: Mapping[str, Any], current: str) -> list[Choice]:
        """``navigation/set/id`` of what the lookup can point to, the current value first."""
        found: list[Choice] = []
        by_name = self._sandbox.sales.schema.by_name
        logical = row.get(f"{attribute.property}@Microsoft.Dynamics.CRM.lookuplogicalname")
        if attribute.create or attribute.update:
            for target in attribute.targets:
                table = by_name.get(target.table)
                if table is None or table.primary_name is None:
                    continue
                options = {"$select": table.primary_name, "$top": str(MAX_CHOICES), "$orderby": table.primary_name}
                rows = self._client.get(f"{API}/{table.entity_set}", options)["value"]
                prefix = f"{target.nav}/{table.entity_set}"
                found += [Choice(f"{prefix}/{r[table.primary_id]}", humanize(r.get(table.primary_name))) for r in rows]
        if not current:
            return [Choice("", ""), *found]
        chosen = [choice for choice in found if choice.value.endswith(current)]
        if not chosen:
            pointed = next((t for t in attribute.targets if t.table == logical), None) or next(
                iter(attribute.targets), None
            )
            entity_set = by_name[pointed.table].entity_set if pointed and pointed.table in by_name else ""
            label = str(row.get(attribute.property + _FORMATTED) or current)
            chosen = [Choice(f"{pointed.nav if pointed else ''}/{entity_set}/{current}", label)]
        rest = [choice for choice in found if choice not in chosen]
        return [chosen[0], Choice("", ""), *rest]

    def _body(self, table: Table, fields: list[FieldView], form: Mapping[str, str]) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for view in fields:
            if view.read_only or (view.name not in form and view.kind != "boolean"):
                continue
            text = form.get(view.name, "").strip()
            if text == view.value:
                continue
            attribute = table.attributes[view.name]
            if attribute.is_lookup:
                navigation, entity_set, row_id = text.split("/") if text.count("/") == 2 else ("", "", "")
                name = navigation or attribute.targets[0].nav
                body[f"{name}@odata.bind"] = f"/{entity_set}({row_id})" if row_id else None
            else:
                body[view.name] = _json_value(attribute, view, text)
        return body

    # -- What belongs to a record

    def _parts(self, name: str, key: str) -> list[PartView]:
        found = []
        for child, column in PARTS.get(name, ()):
            area, table = AREAS[child], self._table(child)
            columns = [table.attributes[c] for c in area.columns if c in table.attributes and c != column]
            options = {"$filter": f"_{column}_value eq {key}", "$select": ",".join(c.property for c in columns)}
            rows = self._client.get(f"{API}/{child}", options)["value"]
            found.append(
                PartView(
                    title=area.title,
                    area=child,
                    columns=[label_of(c) for c in columns],
                    rows=[(row[table.primary_id], [_cell(row, c) for c in columns]) for row in rows],
                    can_add=table.allows("Create"),
                    parent_link=f"{column}:{key}",
                )
            )
        return found

    def _timeline(self, table: Table, key: str) -> list[str]:
        """Posts and notes of the record, newest first."""
        by_name = self._sandbox.sales.schema.by_name
        lines: list[tuple[str, str]] = []
        for logical, column, text in (("post", "regardingobjectid", "text"), ("annotation", "objectid", "notetext")):
            other = by_name.get(logical)
            if other is None or column not in other.attributes or text not in other.attributes:
                continue
            options = {"$filter": f"_{column}_value eq {key}", "$select": f"{text},createdon", "$top": "50"}
            try:
                rows = self._client.get(f"{API}/{other.entity_set}", options)["value"]
            except RefusedError:
                continue
            lines += [
                (row["createdon"], f"{row['createdon'][:16].replace('T', ' ')}  {row[text] or ''}") for row in rows
            ]
        return [line for _, line in sorted(lines, reverse=True)]


def _parent(area: Area, row: Mapping[str, Any]) -> ParentLink | None:
    """The document of a line, the list of a price."""
    if area.listed:
        return None
    for name, children in PARTS.items():
        for child, column in children:
            key = row.get(f"_{column}_value")
            if child == area.name and key:
                return ParentLink(name, key, str(row.get(f"_{column}_value{_FORMATTED}") or AREAS[name].title))
    return None


_DOCUMENTS = ("quotes", "salesorders", "invoices")
"""Read-only in every state but the first."""
_CALCULATED = re.compile(r"total\w+|baseamount|extendedamount")
"""Amounts that the service overwrites at the next calculation whatever is sent."""
_PAGE = {"prefer": f'odata.maxpagesize={PAGE_ROWS},odata.include-annotations="*"'}


def label_of(attribute: Attribute) -> str:
    """The column's label; columns without one get a readable form of their name."""
    if attribute.label:
        return attribute.label
    name = attribute.name.removesuffix("id") if attribute.is_lookup else attribute.name
    found = _NUMBERED.match(name)
    if found is not None:
        rest = name[found.end() :]
        return f"{_capital(found[1])} {found[2]}: {_ADDRESS_WORDS.get(rest, rest.replace('_', ' '))}"
    prefix, _, rest = name.partition("_")
    if rest in _ADDRESS_WORDS:
        return f"{'Bill To' if prefix == 'billto' else 'Ship To'}: {_ADDRESS_WORDS[rest]}"
    return _capital(name.replace("_", " ").strip())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_ADDRESS_WORDS = {
    "line1": "street 1",
    "line2": "street 2",
    "line3": "street 3",
    "postalcode": "postal code",
    "stateorprovince": "state or province",
    "freighttermscode": "freight terms",
    "shippingmethodcode": "shipping method",
    "primarycontactname": "contact",
    "addresstypecode": "kind",
    "postofficebox": "post office box",
    "city": "city",
    "country": "country",
    "county": "county",
    "fax": "fax",
    "name": "name",
    "contactname": "contact",
    "telephone": "telephone",
    "telephone1": "telephone",
    "telephone2": "telephone 2",
    "telephone3": "telephone 3",
    "composite": "in full",
}


def _cell(row: Mapping[str, Any], attribute: Attribute) -> str:
    formatted = row.get(attribute.property + _FORMATTED)
    return str(formatted) if formatted is not None else humanize(row.get(attribute.property))


def _json_value(attribute: Attribute, view: FieldView, text: str) -> Any:
    if attribute.type == "boolean":
        return text in ("true", "on")
    if not text:
        return None
    if view.kind == "number" or attribute.options:
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise RefusedError(f"{view.label}: '{text}' is not a number.") from None
        return int(number) if number == number.to_integral_value() else float(number)
    if view.kind == "datetime" and len(text) == 16:
        return f"{text}:00Z"
    if view.kind == "date" and not attribute.date_only:
        return f"{text}T00:00:00Z"
    return text
