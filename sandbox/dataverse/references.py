"""From a URL that names a row (``accounts(guid)``, an alternate key, ``$1``) to the row's table and id."""

import re
from typing import Any

from sandbox.dataverse import errors, values
from sandbox.dataverse.context import Context
from sandbox.definitions.dataverse import Attribute, Table
from sandbox.odata.ast import Literal
from sandbox.odata.sql import is_guid
from sandbox.odata.url import UrlError, parse_path
from sandbox.storage import Row

PRINCIPALS = ("systemuser", "team")


_PLAIN = re.compile(
    r"(?:https?://[^/]+)?/?(?:api/data/v9\.\d/)?(\w+)\(([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\)"
)


def resolve_url(context: Context, url: str) -> tuple[Table, str]:
    """Table and id of the row that a bind or @odata.id names; the row exists. Raises DataverseError."""
    text = url.strip()
    plain = _PLAIN.fullmatch(text)
    if plain is not None and plain.group(1) in context.schema.by_set:
        # By far the most links have this form, and bulk messages hold thousands of them.
        target, key = context.schema.by_set[plain.group(1)], plain.group(2).lower()
        if not context.exists(target, key):
            raise errors.not_found(target.logical_name, key)
        return target, key
    if text.startswith("$"):
        found = context.content_ids.get(text[1:])
        if found is None:
            raise errors.DataverseError(
                400, errors.PAYLOAD, f"Content-ID Reference: '{text}' does not exist in the batch context."
            )
        return found
    try:
        segments = parse_path(relative_path(text), {})
    except UrlError as error:
        raise errors.bad_payload(str(error)) from error
    if len(segments) != 1 or not segments[0].keys:
        raise errors.bad_payload(f"The URI '{url}' is not a reference to a row.")
    table = context.schema.by_set.get(segments[0].name)
    if table is None:
        raise errors.unknown_segment(segments[0].name)
    return table, find_key(context, table, segments[0].keys)


def relative_path(url: str) -> str:
    """The part of an absolute, host-relative or service-relative URL behind the service root."""
    path = url
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    path = path.partition("?")[0]
    if path.startswith("/api/data/"):
        path = path[len("/api/data/") :].partition("/")[2]
    return path.strip("/")


def find_key(context: Context, table: Table, keys: dict[str, Literal]) -> str:
    """Id of the existing row with this primary or alternate key. Raises 404 or 400."""
    primary, wanted = split_key(table, keys)
    if primary is not None:
        if not context.tx.exists(table.storage, primary):
            raise errors.not_found(table.logical_name, primary)
        return primary
    row = find_by_alternate_key(context, table, wanted)
    if row is None:
        raise errors.no_row_for_key(table.logical_name, wanted)
    key: str = row[table.primary_id]
    return key


def find_by_alternate_key(context: Context, table: Table, key: dict[str, Any]) -> Row | None:
    return context.tx.first(table.storage, **key)


def split_key(table: Table, keys: dict[str, Literal]) -> tuple[str | None, dict[str, Any]]:
    """(primary key, {}) or (None, values of an alternate key by column). Raises when the names are no key."""
    if set(keys) == {""}:
        return _guid(table, keys[""]), {}
    declared = "ownerid" if table.logical_name in PRINCIPALS else table.primary_id
    if set(keys) == {declared}:
        return _guid(table, keys[declared]), {}
    columns = {_column_name(name): literal for name, literal in keys.items()}
    for key in table.keys:
        if key.active and set(key.attributes) == set(columns):
            return None, {name: _key_value(table.attributes[name], columns[name]) for name in key.attributes}
    raise errors.DataverseError(
        400,
        errors.NO_SUCH_KEY,
        f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table.logical_name}'. Ensure"
        " that the names and number of key properties match the declared or alternate key properties for the resource"
        f" 'Microsoft.Dynamics.CRM.{table.logical_name}'.",
    )


def _column_name(name: str) -> str:
    if name.startswith("_") and name.endswith("_value"):
        return name[1 : -len("_value")]
    return name


def _guid(table: Table, literal: Literal) -> str:
    if literal.kind in ("guid", "string") and is_guid(str(literal.value)):
        return str(literal.value).lower()
    raise errors.DataverseError(
        400,
        errors.NO_SUCH_KEY,
        f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table.logical_name}'.",
    )


def _key_value(attribute: Attribute, literal: Literal) -> Any:
    value = literal.value
    fits = {
        "text": literal.kind == "string",
        "integer": literal.kind == "integer",
        "decimal": literal.kind in ("integer", "decimal"),
        "guid": literal.kind in ("guid", "string") and is_guid(str(value)),
        "datetime": literal.kind == "datetime",
        "date": literal.kind == "date",
    }.get(attribute.kind, False)
    if not fits:
        raise errors.DataverseError(
            400, errors.NO_SUCH_KEY, f"The value of key property '{attribute.property}' has the wrong type."
        )
    if attribute.kind == "datetime":
        return values.parse_datetime(attribute, str(value))
    return str(value).lower() if attribute.kind == "guid" else value
