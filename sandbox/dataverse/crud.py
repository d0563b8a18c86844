"""Handlers of plain row requests: create, retrieve, update, upsert, delete, with their headers."""

import re
from typing import Any

from sandbox.dataverse import errors, payload, records, references, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.query import options as query_options
from sandbox.dataverse.query import read
from sandbox.dataverse.query.expand import without_nested
from sandbox.definitions.dataverse import Table
from sandbox.http import Request, Response
from sandbox.odata.ast import Literal

_ETAG = re.compile(r'(?:W/)?"(\d+)"')


def body_of(request: Request) -> Any:
    """The JSON body. Raises 0x80048d19 for anything else."""
    if not request.body.strip():
        return {}
    try:
        return request.json()
    except ValueError as error:
        raise errors.bad_payload(f"The body is not valid JSON: {error}") from error


def condition_of(request: Request) -> records.Condition:
    """If-Match and If-None-Match. The literal word ``null`` that clients send against caches means nothing."""
    match = (request.header("if-match") or "").strip()
    none_match = (request.header("if-none-match") or "").strip()
    if match == "*":
        return records.Condition(must_exist=True)
    if match and match != "null":
        found = _ETAG.fullmatch(match)
        # A tag that this service never gave out matches no version.
        return records.Condition(version=int(found.group(1)) if found else -1)
    return records.Condition(must_not_exist=none_match == "*")


def create(context: Context, request: Request, table: Table) -> Response:
    key = records.create(context, table, body_of(request))
    return _created(context, request, table, key)


def create_child(context: Context, request: Request, parent: Table, parent_key: str, navigation: str) -> Response:
    """POST to a collection-valued navigation property."""
    relationship = context.schema.collections.get(parent.logical_name, {}).get(navigation)
    if relationship is None:
        raise errors.wrong_verb(request.method)
    child = context.table(relationship.many)
    body = body_of(request)
    if not isinstance(body, dict):
        raise errors.bad_payload("The request body must be a JSON object.")
    bound = {**body, f"{relationship.nav_on_many}@odata.bind": f"/{parent.entity_set}({parent_key})"}
    return _created(context, request, child, records.create(context, child, bound))


def create_parent(context: Context, request: Request, table: Table, key: str, navigation: str) -> Response:
    """POST to a single-valued navigation property: makes the row it points to from then on."""
    if not context.tx.exists(table.storage, key):
        raise errors.not_found(table.logical_name, key)
    _, target = table.navigation[navigation]
    made = context.table(target.table)
    made_key = records.create(context, made, body_of(request))
    values: dict[str, Any] = {}
    payload.bind(context, table, values, navigation, f"/{made.entity_set}({made_key})")
    records.change(context, table, key, values)
    return _created(context, request, made, made_key)


def _created(context: Context, request: Request, table: Table, key: str) -> Response:
    _remember(context, request, table, key)
    url = f"{context.api_root}/{table.entity_set}({key})"
    if not _wants_representation(request):
        return responses.no_content(responses.created_at(url))
    body = read.single(context, table, key, query_options.read(request), table.entity_set)
    return _representation(request, body, 201, responses.created_at(url))


def retrieve(context: Context, request: Request, table: Table, key: str, context_name: str) -> Response:
    options = query_options.read(request)
    body = read.single(context, table, key, options, context_name)
    etag = body["@odata.etag"]
    if request.header("if-none-match") == etag and not options.expand and not options.annotations.names:
        return Response(304, b"", {"ETag": etag})
    return responses.json(body, headers={"ETag": etag, **responses.applied(request, "odata.include-annotations")})


def update(context: Context, request: Request, table: Table, key: str) -> Response:
    """PATCH of a row that was named by a content id or through a navigation property."""
    records.update(context, table, key, body_of(request), condition_of(request))
    _remember(context, request, table, key)
    return _updated(context, request, table, key, f"{table.entity_set}({key})", created=False)


def upsert(context: Context, request: Request, table: Table, keys: dict[str, Literal]) -> Response:
    key, created = records.upsert(context, table, keys, body_of(request), condition_of(request))
    _remember(context, request, table, key)
    primary, alternate = references.split_key(table, keys)
    # After an upsert by alternate key the service echoes the key, not the row's id.
    address = f"{table.entity_set}({key})" if primary else f"{table.entity_set}({_key_text(alternate)})"
    return _updated(context, request, table, key, address, created=created)


def _updated(context: Context, request: Request, table: Table, key: str, address: str, *, created: bool) -> Response:
    url = f"{context.api_root}/{address}"
    headers = responses.created_at(url) if created else {"OData-EntityId": url}
    if not _wants_representation(request):
        return responses.no_content(headers)
    options = without_nested(query_options.read(request))
    body = read.single(context, table, key, options, table.entity_set)
    return _representation(request, body, 201 if created else 200, headers)


def delete(context: Context, request: Request, table: Table, key: str) -> Response:
    records.delete(context, table, key, condition_of(request))
    return responses.no_content()


def _wants_representation(request: Request) -> bool:
    return request.preferences().get("return") == "representation"


def _representation(request: Request, body: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    applied = responses.applied(request, "return", "odata.include-annotations")
    return responses.json(body, status, {**headers, "ETag": body["@odata.etag"], **applied})


def _remember(context: Context, request: Request, table: Table, key: str) -> None:
    content_id = request.header("content-id")
    if content_id:
        context.content_ids[content_id] = (table, key)


def _key_text(values: dict[str, Any]) -> str:
    parts = []
    for name, value in values.items():
        text = "'{}'".format(value.replace("'", "''")) if isinstance(value, str) else str(value)
        parts.append(f"{name}={text}")
    return ",".join(parts)


def link_values(table: Table, column: str, target: Table, key: str) -> dict[str, Any]:
    """Column values that make a lookup point to a row."""
    values: dict[str, Any] = {}
    payload.set_lookup(values, table.attributes[column], target.logical_name, key)
    return values
