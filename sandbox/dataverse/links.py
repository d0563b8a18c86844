"""Links between rows (``$ref``), the members of collections, and single properties."""

import uuid
from typing import Any

from sandbox.dataverse import crud, errors, files, payload, records, references, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.query import options as query_options
from sandbox.dataverse.query import read
from sandbox.definitions.dataverse import TABLE_SUFFIX, ManyToMany, Table
from sandbox.http import Request, Response
from sandbox.odata.url import Segment


def members(context: Context, table: Table, key: str, navigation: str) -> tuple[Table, str, list[Any]]:
    """(child table, condition on alias t, parameters) of a collection-valued navigation property."""
    relationship = context.schema.collections.get(table.logical_name, {}).get(navigation)
    if relationship is not None:
        child = context.table(relationship.many)
        where = f't."{relationship.column}" = ?'
        if child.attributes[relationship.column].polymorphic:
            where += f" AND t.\"{relationship.column}{TABLE_SUFFIX}\" = '{table.logical_name}'"
        return child, where, [key]
    association = context.schema.associations[table.logical_name][navigation]
    mine, other, other_column = _sides(association, table)
    child = context.table(other)
    intersect = context.table(association.intersect)
    where = (
        f't."{child.primary_id}" IN (SELECT "{other_column}" FROM "{intersect.storage}"'  # noqa: S608 - names are ours
        f' WHERE "{mine}" = ?)'
    )
    return child, where, [key]


def is_member(context: Context, child: Table, key: str, where: str, params: list[Any]) -> bool:
    sql = f'SELECT 1 FROM "{child.storage}" t WHERE t."{child.primary_id}" = ? AND {where}'  # noqa: S608
    return context.tx.execute(sql, [key, *params]).fetchone() is not None


def single_reference(context: Context, request: Request, table: Table, key: str, navigation: str) -> Response:
    """GET, PUT and DELETE of ``row/navigation/$ref``."""
    attribute, _ = table.navigation[navigation]
    if request.method in ("PUT", "POST"):
        body = crud.body_of(request)
        url = body.get("@odata.id") if isinstance(body, dict) else None
        values: dict[str, Any] = {}
        payload.bind(context, table, values, navigation, _required_url(url))
        records.change(context, table, key, values)
        return responses.no_content()
    if request.method == "DELETE":
        cleared: dict[str, Any] = {}
        payload.bind(context, table, cleared, navigation, None)
        records.change(context, table, key, cleared)
        return responses.no_content()
    if request.method != "GET":
        raise errors.wrong_verb(request.method)
    context.require("Read", table)
    row = context.tx.get(table.storage, key)
    if row is None:
        raise errors.not_found(table.logical_name, key)
    related = row.get(attribute.name)
    if related is None:
        return responses.no_content()
    kind = row[attribute.name + TABLE_SUFFIX] if attribute.polymorphic else attribute.targets[0].table
    target = context.table(kind)
    return responses.json(
        {
            "@odata.context": f"{context.api_root}/$metadata#$ref",
            "@odata.id": f"{context.api_root}/{target.entity_set}({related})",
        }
    )


def collection_reference(
    context: Context, request: Request, table: Table, key: str, navigation: str, target: read.Collection
) -> Response:
    """GET, POST and DELETE of ``row/collection/$ref``."""
    match request.method:
        case "GET":
            options = query_options.read(request)
            body = read.collection(context, target, options, request.query)
            primary = target.table.primary_id
            body["value"] = [
                {"@odata.id": f"{context.api_root}/{target.table.entity_set}({row[primary]})"} for row in body["value"]
            ]
            body["@odata.context"] = f"{context.api_root}/$metadata#Collection($ref)"
            return responses.json(body)
        case "POST":
            body = crud.body_of(request)
            url = body.get("@odata.id") if isinstance(body, dict) else None
            _add_member(context, table, key, navigation, _required_url(url))
            return responses.no_content()
        case "DELETE":
            linked, linked_key = references.resolve_url(context, _required_url(request.options.get("$id")))
            if linked.logical_name != target.table.logical_name:
                raise errors.bad_payload(f"'{linked.entity_set}' is not the target of '{navigation}'.")
            return remove_member(context, request, table, key, navigation, linked_key)
    raise errors.wrong_verb(request.method)


def _required_url(url: Any) -> str:
    if not isinstance(url, str) or not url:
        raise errors.bad_payload("The '@odata.id' of the row to link is missing.")
    return url


def _add_member(context: Context, table: Table, key: str, navigation: str, url: str) -> None:
    linked, linked_key = references.resolve_url(context, url)
    if not context.tx.exists(linked.storage, linked_key):
        raise errors.not_found(linked.logical_name, linked_key)
    context.require("AppendTo", table)
    context.require("Append", linked)
    relationship = context.schema.collections.get(table.logical_name, {}).get(navigation)
    if relationship is not None:
        if linked.logical_name != relationship.many:
            raise errors.bad_payload(f"'{linked.entity_set}' is not the target of '{navigation}'.")
        records.change(context, linked, linked_key, crud.link_values(linked, relationship.column, table, key))
        return
    association = context.schema.associations[table.logical_name][navigation]
    mine, other, other_column = _sides(association, table)
    if linked.logical_name != other:
        raise errors.bad_payload(f"'{linked.entity_set}' is not the target of '{navigation}'.")
    intersect = context.table(association.intersect)
    if context.tx.first(intersect.storage, **{mine: key, other_column: linked_key}) is not None:
        raise errors.DataverseError(412, errors.DUPLICATE, "Cannot insert duplicate key.")
    context.tx.insert(intersect.storage, {intersect.primary_id: str(uuid.uuid4()), mine: key, other_column: linked_key})


def remove_member(
    context: Context, request: Request, table: Table, key: str, navigation: str, linked_key: str
) -> Response:
    """Takes a row out of a collection."""
    if request.method != "DELETE":
        raise errors.wrong_verb(request.method)
    relationship = context.schema.collections.get(table.logical_name, {}).get(navigation)
    if relationship is not None:
        child = context.table(relationship.many)
        attribute = child.attributes[relationship.column]
        if attribute.required == "system":
            raise errors.invalid_argument(f"The attribute '{attribute.name}' of '{child.logical_name}' cannot be null.")
        cleared: dict[str, Any] = {}
        payload.set_lookup(cleared, attribute, None, None)
        records.change(context, child, linked_key, cleared)
        return responses.no_content()
    association = context.schema.associations[table.logical_name][navigation]
    mine, _, other_column = _sides(association, table)
    intersect = context.table(association.intersect)
    row = context.tx.first(intersect.storage, **{mine: key, other_column: linked_key})
    if row is not None:
        context.tx.delete(intersect.storage, row[intersect.primary_id])
    return responses.no_content()


def _sides(association: ManyToMany, table: Table) -> tuple[str, str, str]:
    """(own column, other table, other column)."""
    if association.first == table.logical_name:
        return association.first_column, association.second, association.second_column
    return association.second_column, association.first, association.first_column


def property_value(
    context: Context, request: Request, table: Table, key: str, name: str, rest: list[Segment]
) -> Response:
    """``row/property`` and ``row/property/$value``."""
    if rest and (len(rest) > 1 or rest[0].name != "$value"):
        raise errors.unknown_segment(rest[0].name)
    attribute = table.by_property[name]
    if attribute.type == "file":
        return files.handle(context, request, table, key, attribute, raw=bool(rest))
    if request.method in ("PUT", "DELETE"):
        if attribute.is_lookup:
            raise errors.bad_payload(f"'{name}' cannot be set directly; use the navigation property.")
        value = None
        if request.method == "PUT":
            body = crud.body_of(request)
            if not isinstance(body, dict) or "value" not in body:
                raise errors.bad_payload("The body must be an object with 'value'.")
            value = body["value"]
        records.update(context, table, key, {attribute.name: value}, crud.condition_of(request))
        return responses.no_content()
    if request.method != "GET":
        raise errors.wrong_verb(request.method)
    options = query_options.QueryOptions(select=(name,))
    body = read.single(context, table, key, options, table.entity_set)
    if body[name] is None:
        return responses.no_content()
    if rest:
        shown = responses.json(body[name]).body
        return Response(200, shown.strip(b'"') if shown.startswith(b'"') else shown, {"Content-Type": "text/plain"})
    return responses.json(
        {"@odata.context": f"{context.api_root}/$metadata#{table.entity_set}({key})/{name}", "value": body[name]}
    )
