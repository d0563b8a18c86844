"""Handlers of the service document, ``$metadata``, ``EntityDefinitions`` and their relatives."""

from typing import TYPE_CHECKING, Any

from sandbox.dataverse import errors, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.metadata import csdl, describe, filtering, option_sets, writes
from sandbox.dataverse.query import options as query_options
from sandbox.definitions.dataverse import Attribute, Table
from sandbox.http import Request, Response
from sandbox.odata.options import Expand
from sandbox.odata.url import Segment

if TYPE_CHECKING:
    from sandbox.dataverse.service import DataverseService

_ROOTS = ("$metadata", "EntityDefinitions", "GlobalOptionSetDefinitions", "RelationshipDefinitions")
_RELATIONSHIPS = ("OneToManyRelationships", "ManyToOneRelationships", "ManyToManyRelationships")


def handles(name: str) -> bool:
    return name in _ROOTS


def service_document(context: Context) -> Response:
    sets = [{"name": table.entity_set, "kind": "EntitySet", "url": table.entity_set} for table in context.schema.tables]
    return responses.json({"@odata.context": f"{context.api_root}/$metadata", "value": sets})


def execute(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    root = segments[0].name
    if request.method != "GET":
        return writes.execute(context, service, request, segments)
    if root == "$metadata":
        if len(segments) > 1:
            raise errors.unknown_segment(segments[1].name)
        return Response(200, csdl.document(context.schema), {"Content-Type": "application/xml"})
    if root == "GlobalOptionSetDefinitions":
        return _global_option_sets(context, request, segments)
    if root == "RelationshipDefinitions":
        return _relationship_definitions(context, request, segments)
    return _entity_definitions(context, request, segments)


# -- EntityDefinitions


def _entity_definitions(context: Context, request: Request, segments: list[Segment]) -> Response:
    options = _options(request)
    first, rest = segments[0], segments[1:]
    if first.keys is None:
        if rest:
            raise errors.unknown_segment(rest[0].name)
        rows = [_expanded(context, table, describe.entity(table), options.expand) for table in context.schema.tables]
        return _list(context, "EntityDefinitions", rows, options, request)
    table = find_table(context, first)
    if not rest:
        row = _expanded(context, table, describe.entity(table), options.expand)
        filtering.check_select(row, options.select)
        name = f"EntityDefinitions{_suffix(options)}/$entity"
        kept = filtering.select(row, _with_expansions(options))
        return responses.json({"@odata.context": f"{context.api_root}/$metadata#{name}", **kept})
    return _below_entity(context, request, table, rest, options)


def find_table(context: Context, segment: Segment) -> Table:
    """The table that ``EntityDefinitions(LogicalName='x')`` or its MetadataId names. Raises 404."""
    keys = segment.keys or {}
    literal = keys.get("LogicalName") or keys.get("") or keys.get("MetadataId")
    wanted = str(literal.value).lower() if literal is not None else ""
    for table in context.schema.tables:
        if wanted in (table.logical_name, describe.entity_id(table)):
            return table
    raise errors.DataverseError(404, "0x80060888", f"Could not find an entity with the name or id '{wanted}'.")


def find_attribute(table: Table, segment: Segment) -> Attribute:
    keys = segment.keys or {}
    literal = keys.get("LogicalName") or keys.get("") or keys.get("MetadataId")
    wanted = str(literal.value).lower() if literal is not None else ""
    for attribute in table.attributes.values():
        if wanted in (attribute.name, describe.attribute_id(table, attribute)):
            return attribute
    raise errors.DataverseError(
        404, "0x80060888", f"Could not find an attribute '{wanted}' for the entity '{table.logical_name}'."
    )


def _below_entity(
    context: Context, request: Request, table: Table, rest: list[Segment], options: query_options.QueryOptions
) -> Response:
    name = rest[0].name
    prefix = f"EntityDefinitions('{table.logical_name}')/{name}"
    if name == "Attributes":
        return _attributes(context, request, table, rest, options, prefix)
    if name == "Keys":
        rows = [describe.key(table, item) for item in table.keys]
        if rest[0].keys:
            wanted = str(next(iter(rest[0].keys.values())).value).lower()
            found = [row for row in rows if wanted in (row["MetadataId"], row["LogicalName"])]
            if not found:
                raise errors.DataverseError(404, "0x80060888", f"Could not find a key '{wanted}'.")
            kept = filtering.select(found[0], options.select)
            return responses.json({"@odata.context": f"{context.api_root}/$metadata#{prefix}/$entity", **kept})
        return _list(context, prefix, rows, options, request)
    if name in _RELATIONSHIPS and len(rest) == 1:
        return _list(context, prefix, relationships(context, table, name), options, request)
    if name in describe.entity(table) and len(rest) == 1:
        value = describe.entity(table)[name]
        return responses.json({"@odata.context": f"{context.api_root}/$metadata#{prefix}", "value": value})
    raise errors.unknown_segment(name)


def _attributes(
    context: Context,
    request: Request,
    table: Table,
    rest: list[Segment],
    options: query_options.QueryOptions,
    prefix: str,
) -> Response:
    cast = rest[1].name.removeprefix("Microsoft.Dynamics.CRM.") if len(rest) > 1 and "." in rest[1].name else None
    after_cast = rest[2:] if cast else rest[1:]
    if rest[0].keys:
        attribute = find_attribute(table, rest[0])
        if cast is not None and cast not in (
            describe.type_name(attribute),
            "EnumAttributeMetadata",
            "AttributeMetadata",
        ):
            raise errors.DataverseError(404, "0x80060888", f"The attribute '{attribute.name}' is no {cast}.")
        row = _attribute_row(table, attribute, options.expand)
        if after_cast:
            return _attribute_property(context, table, attribute, after_cast, options)
        kept = filtering.select(row, _with_expansions(options))
        return responses.json({"@odata.context": f"{context.api_root}/$metadata#{prefix}/$entity", **kept})
    if after_cast:
        raise errors.unknown_segment(after_cast[0].name)
    chosen = [item for item in table.attributes.values() if cast in (None, describe.type_name(item))]
    if cast is not None and cast not in _CASTS:
        raise errors.unknown_segment(rest[1].name)
    rows = [_attribute_row(table, item, options.expand) for item in chosen]
    if cast is not None:
        for row in rows:
            row.pop("@odata.type", None)
        prefix += f"/Microsoft.Dynamics.CRM.{cast}"
    return _list(context, prefix, rows, options, request, uniform=cast is not None)


_CASTS = {
    f"{name}AttributeMetadata"
    for name in (
        "String",
        "Memo",
        "Integer",
        "BigInt",
        "Picklist",
        "MultiSelectPicklist",
        "State",
        "Status",
        "Boolean",
        "Money",
        "Decimal",
        "Double",
        "DateTime",
        "Uniqueidentifier",
        "EntityName",
        "Lookup",
        "Image",
        "File",
    )
}


def _attribute_property(
    context: Context, table: Table, attribute: Attribute, rest: list[Segment], options: query_options.QueryOptions
) -> Response:
    name = rest[0].name
    if name in ("OptionSet", "GlobalOptionSet") and len(rest) == 1:
        value = _option_set(table, attribute, name)
        if value is None:
            return responses.no_content()
        kept = filtering.select(value, options.select)
        return responses.json({"@odata.context": f"{context.api_root}/$metadata#{name}", **kept})
    row = describe.attribute(table, attribute)
    if name in row and len(rest) == 1:
        return responses.json({"@odata.context": f"{context.api_root}/$metadata#{name}", "value": row[name]})
    raise errors.unknown_segment(name)


def _attribute_row(table: Table, attribute: Attribute, expands: tuple[Expand, ...]) -> filtering.Row:
    def load(name: str, request: Expand) -> filtering.Row | None:
        if name not in ("OptionSet", "GlobalOptionSet"):
            raise errors.bad_query(f"Could not find a property named '{name}' on the metadata type.")
        return _option_set(table, attribute, name)

    return filtering.expand(describe.attribute(table, attribute), expands, load)


def _option_set(table: Table, attribute: Attribute, name: str) -> filtering.Row | None:
    value = describe.option_set(table, attribute)
    if value is None or (name == "GlobalOptionSet" and not value["IsGlobal"]):
        return None
    return value


def _expanded(context: Context, table: Table, row: filtering.Row, expands: tuple[Expand, ...]) -> filtering.Row:
    def load(name: str, request: Expand) -> list[filtering.Row]:
        if name == "Attributes":
            rows = [_attribute_row(table, item, request.expand) for item in table.attributes.values()]
        elif name == "Keys":
            rows = [describe.key(table, item) for item in table.keys]
        elif name in _RELATIONSHIPS:
            rows = relationships(context, table, name)
        else:
            raise errors.bad_query(f"Could not find a property named '{name}' on the metadata type.")
        if request.filter:
            expression = query_options.parse(request.filter, {})
            rows = [item for item in rows if filtering.matches(item, expression)]
        return rows

    return filtering.expand(row, expands, load)


def relationships(context: Context, table: Table, name: str) -> list[filtering.Row]:
    schema = context.schema
    if name == "OneToManyRelationships":
        found = schema.children.get(table.logical_name, [])
    elif name == "ManyToOneRelationships":
        found = schema.parents.get(table.logical_name, [])
    else:
        associations = schema.associations.get(table.logical_name, {})
        return [describe.many_to_many(schema, item) for item in associations.values()]
    return [describe.one_to_many(schema, item) for item in found]


# -- Other roots


def _global_option_sets(context: Context, request: Request, segments: list[Segment]) -> Response:
    options = _options(request)
    sets = option_sets.rows(context.schema)
    first, rest = segments[0], segments[1:]
    if rest and rest[0].name == "Microsoft.Dynamics.CRM.OptionSetMetadata":
        rest = rest[1:]
    if rest:
        raise errors.unknown_segment(rest[0].name)
    if first.keys:
        wanted = str(next(iter(first.keys.values())).value)
        for name, row in sets.items():
            if wanted in (name, row["MetadataId"]):
                kept = filtering.select(row, options.select)
                name = "GlobalOptionSetDefinitions/$entity"
                return responses.json({"@odata.context": f"{context.api_root}/$metadata#{name}", **kept})
        raise errors.DataverseError(404, "0x80060888", f"Could not find an option set '{wanted}'.")
    return _list(context, "GlobalOptionSetDefinitions", list(sets.values()), options, request)


def _relationship_definitions(context: Context, request: Request, segments: list[Segment]) -> Response:
    options = _options(request)
    schema = context.schema
    rows = [
        {"@odata.type": "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", **describe.one_to_many(schema, item)}
        for item in schema.relationships
        if item.one in schema.by_name and item.many in schema.by_name
    ]
    rows += [
        {"@odata.type": "#Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata", **describe.many_to_many(schema, item)}
        for item in schema.many_to_many
    ]
    if len(segments) > 1 and "." in segments[1].name:
        wanted_type = f"#{segments[1].name}"
        rows = [row for row in rows if row["@odata.type"] == wanted_type]
    if segments[0].keys:
        wanted = str(next(iter(segments[0].keys.values())).value)
        for row in rows:
            if wanted in (row["SchemaName"], row["MetadataId"]):
                kept = filtering.select(row, options.select)
                name = "RelationshipDefinitions/$entity"
                return responses.json({"@odata.context": f"{context.api_root}/$metadata#{name}", **kept})
        raise errors.DataverseError(404, "0x80060888", f"Could not find a relationship '{wanted}'.")
    return _list(context, "RelationshipDefinitions", rows, options, request)


# -- Shared


def _options(request: Request) -> query_options.QueryOptions:
    options = query_options.read(request)
    if options.orderby or options.top is not None or options.skip_token or options.delta_token:
        raise errors.bad_query("The query options $orderby and $top are not supported on metadata.")
    return options


def _list(
    context: Context,
    name: str,
    rows: list[filtering.Row],
    options: query_options.QueryOptions,
    request: Request,
    *,
    uniform: bool = True,
) -> Response:
    if options.filter is not None:
        rows = [row for row in rows if filtering.matches(row, options.filter)]
    if uniform and rows and "Attributes" not in name.rpartition("/")[2]:
        filtering.check_select(rows[0], options.select)
    names = _with_expansions(options)
    body: dict[str, Any] = {"@odata.context": f"{context.api_root}/$metadata#{name}{_suffix(options)}"}
    if options.count:
        body["@odata.count"] = len(rows)
    if "Microsoft.Dynamics.CRM.globalmetadataversion" in options.annotations:
        body["@Microsoft.Dynamics.CRM.globalmetadataversion"] = str(context.schema.version)
    body["value"] = [filtering.select(row, names) for row in rows]
    return responses.json(body)


def _with_expansions(options: query_options.QueryOptions) -> tuple[str, ...] | None:
    if options.select is None:
        return None
    return (*options.select, *(item.navigation for item in options.expand))


def _suffix(options: query_options.QueryOptions) -> str:
    return f"({','.join(options.select)})" if options.select else ""
