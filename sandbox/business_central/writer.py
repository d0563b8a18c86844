"""Writes pages: checks a body in the service's order, assigns properties one by one, and stores the row.

Order of refusals: unknown property, read-only, type, length, enum, relation, required, business rule, key. The tag of a
PATCH is compared before business rules run.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.business_central import codec, renaming
from sandbox.business_central.bindings import is_writable
from sandbox.business_central.errors import (
    BusinessCentralError,
    bad_request,
    dialog,
    method_not_allowed,
    refuse_relation,
)
from sandbox.business_central.navigation import find_join
from sandbox.business_central.number_series import next_number
from sandbox.business_central.reader import etag_of
from sandbox.business_central.relations import related
from sandbox.business_central.rules import registry
from sandbox.business_central.schema import Navigation, Page, Property, Schema
from sandbox.business_central.session import Session
from sandbox.storage import Row

_SILENTLY_IGNORED = {"SystemId", "SystemModifiedAt", "SystemCreatedAt", "SystemRowVersion"}
_CLIENT_IDS = {"Item"}
"""Tables that keep a client's id on insert; all others ignore it."""
MAX_ETAG = 512


@dataclass(frozen=True, slots=True)
class Body:
    """A checked body: property values in their order, and the nested collections of a deep insert."""

    values: list[tuple[Property, Any]]
    nested: list[tuple[Navigation, list[dict[str, Any]]]]
    client_id: str | None


def check_body(session: Session, page: Page, body: Any, *, insert: bool) -> Body:
    """Everything that can be refused without looking at the row itself."""
    if not isinstance(body, dict):
        raise bad_request("The request body must be a JSON object.")
    values, nested, client_id = [], [], None
    for name, value in body.items():
        if "@" in name:
            continue
        prop = page.properties.get(name)
        if prop is not None:
            values.append((prop, value))
            continue
        navigation = page.navigation.get(name)
        if navigation is None or not navigation.contained or not navigation.many or not insert:
            raise bad_request(
                f"The property '{name}' does not exist on type 'Microsoft.NAV.{page.entity}'. Make sure to only use"
                " property names that are defined by the type."
            )
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise bad_request(f"The property '{name}' must be an array of objects.")
        nested.append((navigation, value))
    kept = []
    for prop, value in values:
        if prop.field in _SILENTLY_IGNORED:
            keeps = page.table in _CLIENT_IDS or session.profile["posted_ids_kept"]
            if prop.field == "SystemId" and insert and keeps:
                client_id = codec.parse_type(prop, value)
            continue
        if not is_writable(page, prop):
            raise BusinessCentralError(
                400, "BadRequest_InvalidOperation", f"The property '{prop.name}' is read-only and cannot be changed."
            )
        kept.append((prop, value))
    if session.profile["null_text_refused"]:
        _refuse_null_texts(kept)
    typed = [(prop, codec.parse_type(prop, value)) for prop, value in kept]
    for prop, value in typed:
        codec.check_length(prop, value)
    members = [
        (prop, codec.check_formula(prop, codec.check_member(prop, value, api=page.is_api))) for prop, value in typed
    ]
    for prop, value in members:
        _check_relation(session, page, prop, value)
    given = {prop.name: value for prop, value in members}
    _check_required(page, given if insert else {**dict.fromkeys(page.properties, "unchanged"), **given})
    return Body(members, nested, client_id)


def _refuse_null_texts(values: list[tuple[Property, Any]]) -> None:
    for prop, value in values:
        if value is None:
            raise bad_request(f"The property '{prop.name}' cannot be null.", "BadRequest_RequiredParamNotProvided")


def _check_required(page: Page, given: Mapping[str, Any]) -> None:
    for prop in page.properties.values():
        if prop.required and codec.is_blank(str(given.get(prop.name, "")).strip()):
            raise dialog(f"{prop.field} must be filled in. Enter a value.")


def _check_relation(session: Session, page: Page, prop: Property, value: Any) -> None:
    target = related(page.service, prop)
    if target is None or codec.is_blank(value):
        return
    table, column = target
    if prop.local_currency and value == session.local_currency:
        return
    if not session.exists(table, **{column: value}):
        refuse_relation(prop.field or prop.name, str(value), page.table)


def assign(session: Session, page: Page, row: Row, body: Body) -> None:
    """Puts the values into the row in body order; validators may change other fields on the way."""
    written: dict[str, Any] = {}
    table = session.table(page.table)
    for prop, value in body.values:
        setter = registry.setters.get((page.entity_set, prop.name)) or registry.setters.get((page.table, prop.name))
        if setter is not None:
            setter(session, row, value)
            continue
        field = prop.field or ""
        if field in table.derived_ids:
            derived = table.derived_ids[field]
            value = _code_of(session, prop, derived.table, value)
            field = derived.code_field
        elif prop.local_currency and page.is_api and value == session.local_currency:
            value = ""
        column = table.column(field)
        if column in written and written[column] != value:
            raise dialog(f"The values of '{prop.name}' and the properties given with it do not match.")
        written[column] = value
        old = row[column]
        row[column] = value
        for validator in registry.validators.get((page.table, field), ()):
            validator(session, row, old)


def _code_of(session: Session, prop: Property, table_name: str, system_id: str) -> str:
    if codec.is_blank(system_id):
        return ""
    row = session.by_id(table_name, system_id)
    if row is None:
        raise dialog(f'The "{prop.name}" does not match to a {table_name}.')
    return str(row[session.table(table_name).key_columns[0]])


def insert(session: Session, page: Page, raw: Any, preset: Mapping[str, Any] | None = None) -> Row:
    """Creates a row from a JSON body. ``preset`` holds columns that the address fixes (the parent of a line)."""
    if not page.can_insert:
        raise method_not_allowed()
    body = check_body(session, page, raw, insert=True)
    row = session.new_row(page.table)
    table = session.table(page.table)
    for name, value in page.source_filter:
        row[table.column(name)] = value
    row.update(preset or {})
    if body.client_id is not None:
        row["system_id"] = body.client_id
    return store_new(session, page, row, body)


def store_new(session: Session, page: Page, row: Row, body: Body) -> Row:
    for start in registry.start_rules.get(page.table, ()):
        start(session, row)
    assign(session, page, row, body)
    table = session.table(page.table)
    if table.number_series:
        take_number(session, page.table, row)
    for rule in registry.insert_rules.get(page.table, ()):
        rule(session, row)
    session.insert(page.table, row)
    for rule in registry.after_insert_rules.get(page.table, ()):
        rule(session, row)
    for navigation, items in body.nested:
        _insert_nested(session, page, row, navigation, items)
    return row


def take_number(session: Session, table_name: str, row: Row) -> None:
    """Fills the number from its series, or checks that one may be chosen by hand."""
    table = session.table(table_name)
    column = table.key_columns[0]
    if not row[column]:
        row[column] = next_number(session, table_name, table.number_series or "")
        return
    series = session.find("No. Series", code=table.number_series)
    if series is not None and not series["manual_nos"]:
        raise dialog(f"You may not enter numbers manually. Check the number series {table.number_series}.")


def _insert_nested(session: Session, page: Page, row: Row, navigation: Navigation, items: list[dict[str, Any]]) -> None:
    target = session.schema.page(page.service, navigation.target)
    if target is None or not target.can_insert:
        raise bad_request(f"'{navigation.name}' cannot be inserted together with its parent.")
    for item in items:
        insert(session, target, item, parent_columns(session.schema, page, target, row))


_PLAIN_COLUMN = re.compile(r't\."?(\w+)"?')


def parent_columns(schema: Schema, parent: Page, child: Page, row: Row) -> dict[str, Any]:
    """What a child row takes over from the parent that its address names."""
    table = schema.tables[child.table]
    linked: dict[str, Any] = {}
    for navigation in parent.navigation.values():
        join = find_join(schema, parent, navigation, "2000-01-01") if navigation.target == child.entity_set else None
        own = _PLAIN_COLUMN.fullmatch(join.target_sql) if join else None
        theirs = _PLAIN_COLUMN.fullmatch(join.parent_sql) if join else None
        if own and theirs and own[1] != "system_id":
            linked[own[1]] = row[theirs[1]]
    for prop in child.properties.values():
        if prop.relates_to and prop.relates_to[0] == parent.entity_set and prop.field:
            if prop.field in table.derived_ids:
                linked[table.column(table.derived_ids[prop.field].code_field)] = row[
                    schema.tables[parent.table].key_columns[0]
                ]
            elif prop.field in table.fields and prop.relates_to[1] == "id":
                linked[table.column(prop.field)] = row["system_id"]
        elif prop.name == "parentId" and prop.field:
            linked[table.column(prop.field)] = row["system_id"]
    return linked


def check_etag(if_match: str | None, row: Row, *, required: bool) -> None:
    """Raises InvalidToken (missing or malformed) or EntityChanged (stale)."""
    if if_match is None:
        if required:
            raise bad_request("The request must have an If-Match header.", "BadRequest_InvalidToken")
        return
    tag = if_match.strip()
    if tag == "*":
        return
    if not (tag.startswith('W/"') and tag.endswith('"') and 4 < len(tag) <= MAX_ETAG):
        raise bad_request("Could not validate the client concurrency token.", "BadRequest_InvalidToken")
    if tag != etag_of(row["_version"]):
        raise BusinessCentralError(
            409,
            "Request_EntityChanged",
            "Another user has already changed the record. Retry the request with a new ETag.",
        )


def modify(session: Session, page: Page, row: Row, raw: Any, if_match: str | None) -> Row:
    """Applies a PATCH body to a row read in this transaction."""
    if not page.can_modify:
        raise method_not_allowed()
    body = check_body(session, page, raw, insert=False)
    check_etag(if_match, row, required=True)
    old = dict(row)
    assign(session, page, row, body)
    for rule in registry.modify_rules.get(page.table, ()):
        rule(session, row, old)
    renaming.follow(session, page.table, row, old)
    if session.update(page.table, row, old):
        for rule in registry.after_modify_rules.get(page.table, ()):
            rule(session, row, old)
    return row


def delete(session: Session, page: Page, row: Row, if_match: str | None, *, required: bool = False) -> None:
    """``required``: whether If-Match has to be there."""
    if not page.can_delete:
        raise method_not_allowed()
    check_etag(if_match, row, required=required)
    for rule in registry.delete_rules.get(page.table, ()):
        rule(session, row)
    session.delete(page.table, row)
