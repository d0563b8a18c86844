"""From the JSON body of a write to column values, links and nested rows."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.dataverse import errors, references, values
from sandbox.dataverse.context import Context
from sandbox.definitions.dataverse import TABLE_SUFFIX, Attribute, Relationship, Table, Target
from sandbox.storage import Row


@dataclass(slots=True)
class Payload:
    """``values`` are by storage column. ``children`` are to be created behind collection-valued navigation properties,
    ``links`` existing rows to be attached there."""

    values: Row = field(default_factory=dict)
    key: str | None = None
    parents: list[tuple[Attribute, Target, dict[str, Any]]] = field(default_factory=list)
    children: list[tuple[Relationship, dict[str, Any]]] = field(default_factory=list)
    links: list[tuple[Relationship, str]] = field(default_factory=list)


def parse(context: Context, table: Table, body: Any, *, creating: bool) -> Payload:
    """Checks every property of the body. Raises DataverseError for the first that does not belong there."""
    if not isinstance(body, dict):
        raise errors.bad_payload("The request body must be a JSON object.")
    payload = Payload()
    checks = values.prepared(table, creating)
    keeps_empty = not context.profile.empty_text_is_null
    for name, value in body.items():
        check = checks.get(name)
        if check is not None and value is not None:
            is_empty_text = keeps_empty and value == "" and table.attributes[name].type in ("string", "memo")
            payload.values[name] = "" if is_empty_text else check(value)
        elif "@" in name:
            _annotation(context, table, payload, name, value, creating=creating)
        elif (attribute := table.attributes.get(name)) is not None and not attribute.is_lookup:
            _column(context, table, payload, attribute, value, creating=creating)
        elif name in table.navigation:
            _navigation(table, payload, name, value, creating=creating)
        elif name in context.schema.collections.get(table.logical_name, ()):
            _collection(context, table, payload, name, value, creating=creating)
        elif name in table.by_property:
            raise errors.bad_payload(
                f"CRM do not support direct update of Entity Reference properties ('{name}'), Use Navigation properties"
                " instead."
            )
        else:
            raise errors.undeclared_property(name, table.logical_name)
    return payload


def _column(
    context: Context, table: Table, payload: Payload, attribute: Attribute, value: Any, *, creating: bool
) -> None:
    if attribute.primary_id:
        payload.key = values.check(table, attribute, value)
    elif attribute.type == "state" and creating:
        # The initial state may be repeated; any other is refused rather than ignored.
        refuses = context.profile.refuses_state_on_create
        if refuses and value is not None and table.state is not None and value != table.state.initial_state:
            raise errors.DataverseError(
                400, errors.STATE_MISMATCH, f"{value} is not a valid state code on create of '{table.logical_name}'."
            )
    elif (attribute.create if creating else attribute.update) or (
        (table.logical_name, attribute.name) == ("systemuser", "isdisabled") and not creating
    ):
        payload.values[attribute.name] = values.check(table, attribute, value)
    elif context.profile.refuses_read_only:
        raise errors.bad_payload(f"The attribute '{attribute.name}' of '{table.logical_name}' is read-only.")


def _annotation(context: Context, table: Table, payload: Payload, name: str, value: Any, *, creating: bool) -> None:
    navigation, _, annotation = name.partition("@")
    if not navigation or annotation != "odata.bind":
        return
    if navigation in table.navigation:
        bind(context, table, payload.values, navigation, value, creating=creating)
        return
    relationship = context.schema.collections.get(table.logical_name, {}).get(navigation)
    if relationship is None:
        raise errors.undeclared_property(navigation, table.logical_name)
    if not creating or not isinstance(value, list):
        raise errors.bad_payload(f"The value of '{name}' must be a list of links and is allowed on create only.")
    for item in value:
        linked, key = references.resolve_url(context, str(item))
        if linked.logical_name != relationship.many:
            raise errors.bad_payload(f"A link of '{navigation}' points to '{linked.logical_name}'.")
        payload.links.append((relationship, key))


def bind(context: Context, table: Table, row: Row, navigation: str, value: Any, *, creating: bool = False) -> None:
    """Sets the lookup column behind a navigation property in ``row``; None clears it."""
    attribute, _ = table.navigation[navigation]
    writable = attribute.create if creating else attribute.update
    if value is None:
        if attribute.required == "system":
            raise errors.invalid_argument(f"The attribute '{attribute.name}' of '{table.logical_name}' cannot be null.")
        if writable:
            set_lookup(row, attribute, None, None)
        return
    if not isinstance(value, str):
        raise errors.bad_payload(f"The value of '{navigation}@odata.bind' must be a URL.")
    target, key = references.resolve_url(context, value)
    allowed = {item.table for item in attribute.targets if item.nav == navigation}
    if target.logical_name not in allowed:
        raise errors.bad_payload(
            f"The navigation property '{navigation}' of '{table.logical_name}' cannot point to '{target.logical_name}'."
        )
    if writable:
        context.require("AppendTo", target)
        context.require("Append", table)
        set_lookup(row, attribute, target.logical_name, key)


def set_lookup(row: Row, attribute: Attribute, table: str | None, key: str | None) -> None:
    row[attribute.name] = key
    if attribute.polymorphic:
        row[attribute.name + TABLE_SUFFIX] = table


def _navigation(table: Table, payload: Payload, name: str, value: Any, *, creating: bool) -> None:
    attribute, target = table.navigation[name]
    if value is None:
        if attribute.required == "system" and not creating:
            raise errors.invalid_argument(f"The attribute '{attribute.name}' of '{table.logical_name}' cannot be null.")
        if attribute.create if creating else attribute.update:
            set_lookup(payload.values, attribute, None, None)
    elif isinstance(value, dict) and creating:
        payload.parents.append((attribute, target, value))
    elif isinstance(value, dict):
        raise errors.bad_payload(f"Deep update is not supported: remove '{name}'.")
    else:
        raise errors.bad_payload(
            f"A value was found for the navigation property '{name}'. Use '{name}@odata.bind' to set it."
        )


def _collection(context: Context, table: Table, payload: Payload, name: str, value: Any, *, creating: bool) -> None:
    relationship = context.schema.collections[table.logical_name][name]
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise errors.bad_payload(f"The value of the navigation property '{name}' must be a list of objects.")
    if not creating:
        raise errors.bad_payload(f"Deep update is not supported: remove '{name}'.")
    payload.children.extend((relationship, item) for item in value)
