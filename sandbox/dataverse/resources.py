"""Routes one request to its handler: rows and collections, links, properties, functions, actions, metadata."""

from typing import TYPE_CHECKING, Any

from sandbox.dataverse import actions, addresses, bulk, changes, crud, errors, functions, links, references, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.metadata import endpoints as metadata
from sandbox.dataverse.query import options as query_options
from sandbox.dataverse.query import read
from sandbox.definitions.dataverse import TABLE_SUFFIX, Table
from sandbox.http import Request, Response
from sandbox.odata.url import Segment

if TYPE_CHECKING:
    from sandbox.dataverse.service import DataverseService

_METHODS = {"GET", "POST", "PATCH", "PUT", "DELETE"}
BOM = b"\xef\xbb\xbf"


def execute(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    """Answers one request inside the context's transaction."""
    if request.method not in _METHODS:
        raise errors.wrong_verb(request.method)
    if not segments:
        _only(request, "GET")
        return metadata.service_document(context)
    first, rest = segments[0], segments[1:]
    if first.name.startswith("$") and first.name[1:] in context.content_ids:
        table, key = context.content_ids[first.name[1:]]
        return _row(context, request, table, key, rest, f"{table.entity_set}({key})")
    if metadata.handles(first.name):
        return metadata.execute(context, service, request, segments)
    table_by_set = context.schema.by_set.get(first.name)
    if table_by_set is not None:
        if first.name == addresses.ENTITY_SET:
            addresses.catch_up(context)
        return _entity_set(context, request, table_by_set, first, rest)
    if first.name.startswith("$") and first.name[1:].isalnum():
        raise errors.DataverseError(
            400, errors.PAYLOAD, f"Content-ID Reference: '{first.name}' does not exist in the batch context."
        )
    name = first.name.removeprefix("Microsoft.Dynamics.CRM.")
    if not rest and (name in functions.UNBOUND or name in actions.UNBOUND):
        return _unbound(context, request, first, name)
    if name in _NOT_IMPLEMENTED:
        raise errors.not_implemented(f"'{name}'")
    raise errors.unknown_segment(first.name)


_NOT_IMPLEMENTED = {
    "BulkDelete",
    "ExecuteMultiple",
    "CommitFileBlocksUpload",
    "DeleteFile",
    "DownloadBlock",
    "ExportSolution",
    "ImportSolution",
    "InitializeFileBlocksDownload",
    "InitializeFileBlocksUpload",
    "InitializeFrom",
    "Merge",
    "RetrieveDuplicates",
    "RetrieveEntityChanges",
    "RetrieveMetadataChanges",
    "UploadBlock",
}
"""Messages of the real service that clients are known to send and the sandbox does not have."""


def _unbound(context: Context, request: Request, segment: Segment, name: str) -> Response:
    if name in functions.UNBOUND and request.method == "GET":
        return functions.UNBOUND[name](context, request, segment.keys or {})
    offered = actions.is_offered(context.profile, name, bound=False)
    if name in actions.UNBOUND and request.method == "POST" and offered:
        return actions.UNBOUND[name](context, request, None)
    raise errors.no_such_function(request.url)


def _entity_set(context: Context, request: Request, table: Table, first: Segment, rest: list[Segment]) -> Response:
    if first.keys is None:
        return _set(context, request, table, rest)
    if not first.keys:
        raise errors.bad_query(f"The key of '{first.name}' is missing.")
    if not rest:
        return _addressed_row(context, request, table, first)
    key = references.find_key(context, table, first.keys)
    return _row(context, request, table, key, rest, f"{table.entity_set}({key})")


def _set(context: Context, request: Request, table: Table, rest: list[Segment]) -> Response:
    target = read.Collection(table, table.entity_set, table.entity_set)
    if not rest:
        match request.method:
            case "GET":
                return _collection(context, request, target)
            case "POST":
                return crud.create(context, request, table)
        raise errors.wrong_verb(request.method)
    name = rest[0].name
    if name == "$count" and len(rest) == 1:
        _only(request, "GET")
        return _count(context, request, target)
    if len(rest) == 1 and "." in name:
        return _bound(context, request, table, None, rest[0])
    raise errors.unknown_segment(name)


def _addressed_row(context: Context, request: Request, table: Table, segment: Segment) -> Response:
    keys = segment.keys or {}
    match request.method:
        case "GET":
            key = references.find_key(context, table, keys)
            return crud.retrieve(context, request, table, key, table.entity_set)
        case "PATCH":
            return crud.upsert(context, request, table, keys)
        case "DELETE":
            return crud.delete(context, request, table, references.find_key(context, table, keys))
    raise errors.wrong_verb(request.method)


def _row(
    context: Context, request: Request, table: Table, key: str, rest: list[Segment], context_name: str
) -> Response:
    """What is behind an existing row: navigation, properties, links, bound functions and actions."""
    if not rest:
        match request.method:
            case "GET":
                return crud.retrieve(context, request, table, key, table.entity_set)
            case "PATCH":
                return crud.update(context, request, table, key)
            case "DELETE":
                return crud.delete(context, request, table, key)
        raise errors.wrong_verb(request.method)
    segment, rest = rest[0], rest[1:]
    name = segment.name
    if "." in name:
        if rest:
            raise errors.unknown_segment(rest[0].name)
        return _bound(context, request, table, key, segment)
    if name in table.navigation:
        return _single_navigation(context, request, table, key, name, rest)
    if name in context.schema.collections.get(table.logical_name, ()) or name in context.schema.associations.get(
        table.logical_name, ()
    ):
        return _collection_navigation(context, request, table, key, segment, rest, context_name)
    if name in table.by_property:
        return links.property_value(context, request, table, key, name, rest)
    raise errors.unknown_segment(name)


def _single_navigation(
    context: Context, request: Request, table: Table, key: str, name: str, rest: list[Segment]
) -> Response:
    if rest and rest[0].name == "$ref":
        return links.single_reference(context, request, table, key, name)
    if not rest and request.method == "POST":
        return crud.create_parent(context, request, table, key, name)
    row = context.tx.get(table.storage, key)
    if row is None:
        raise errors.not_found(table.logical_name, key)
    target, related = _follow(context, table, row, name)
    if related is None:
        _only(request, "GET")
        return responses.no_content()
    return _row(context, request, target, related, rest, f"{target.entity_set}({related})")


def _follow(context: Context, table: Table, row: dict[str, Any], name: str) -> tuple[Table, str | None]:
    for attribute in table.attributes.values():
        for target in attribute.targets:
            if target.nav == name and row.get(attribute.name) is not None:
                kind = row.get(attribute.name + TABLE_SUFFIX) if attribute.polymorphic else target.table
                if kind == target.table:
                    return context.table(target.table), row[attribute.name]
    return table, None


def _collection_navigation(
    context: Context,
    request: Request,
    table: Table,
    key: str,
    segment: Segment,
    rest: list[Segment],
    context_name: str,
) -> Response:
    name = segment.name
    child, where, params = links.members(context, table, key, name)
    if segment.keys:
        child_key = references.find_key(context, child, segment.keys)
        if not links.is_member(context, child, child_key, where, params):
            raise errors.not_found(child.logical_name, child_key)
        if rest and rest[0].name == "$ref":
            return links.remove_member(context, request, table, key, name, child_key)
        return _row(context, request, child, child_key, rest, f"{child.entity_set}({child_key})")
    target = read.Collection(child, child.entity_set, f"{context_name}/{name}", where, params)
    if rest and rest[0].name == "$ref":
        return links.collection_reference(context, request, table, key, name, target)
    if rest and rest[0].name == "$count":
        _only(request, "GET")
        return _count(context, request, target)
    if rest and "." in rest[0].name:
        raise errors.not_implemented(f"'{rest[0].name}' on a navigation property")
    if rest:
        raise errors.unknown_segment(rest[0].name)
    match request.method:
        case "GET":
            return _collection(context, request, target)
        case "POST":
            return crud.create_child(context, request, table, key, name)
    raise errors.wrong_verb(request.method)


def _bound(context: Context, request: Request, table: Table, key: str | None, segment: Segment) -> Response:
    name = segment.name.removeprefix("Microsoft.Dynamics.CRM.")
    if request.method == "POST" and key is None and name in bulk.MESSAGES:
        return bulk.MESSAGES[name](context, request, table)
    if request.method == "POST":
        registry = actions.COLLECTION_BOUND if key is None else actions.ROW_BOUND
        action = registry.get((table.logical_name, name))
        offered = actions.is_offered(context.profile, name, bound=True)
        if action is not None and offered and segment.keys in (None, {}):
            return action(context, request, key)
    if request.method == "GET":
        function = functions.BOUND.get((table.logical_name, name))
        if function is not None and key is not None:
            return function(context, request, key, segment.keys or {})
    raise errors.no_such_function(request.url)


def _collection(context: Context, request: Request, target: read.Collection) -> Response:
    options = query_options.read(request)
    if changes.applies(options) and not target.where:
        body = changes.read(context, target, options, request.query)
    else:
        body = read.collection(context, target, options, request.query)
    return responses.json(
        body,
        headers=responses.applied(request, "odata.maxpagesize", "odata.track-changes", "odata.include-annotations"),
    )


def _count(context: Context, request: Request, target: read.Collection) -> Response:
    options = query_options.read(request)
    if options.delta_token is not None:
        number = changes.count(context, target.table, options)
    else:
        number = read.count(context, target, options)
    return Response(200, BOM + str(number).encode(), {"Content-Type": "text/plain"})


def _only(request: Request, method: str) -> None:
    if request.method != method:
        raise errors.wrong_verb(request.method)
