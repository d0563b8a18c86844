"""Metadata writes: tables, columns and keys; relationships and global choices have files of their own."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sandbox.dataverse import crud, errors, filestore, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.metadata import definitions_from_json as incoming
from sandbox.dataverse.metadata import describe, option_sets, relationship_writes
from sandbox.dataverse.metadata import relationships_from_json as links
from sandbox.dataverse.metadata.customizations import created, dump_attribute, load, store
from sandbox.definitions.dataverse import AlternateKey, Attribute, Table
from sandbox.http import Request, Response
from sandbox.odata.url import Segment

if TYPE_CHECKING:
    from sandbox.dataverse.service import DataverseService

MAX_KEYS = 10
_KEY_TYPES = ("string", "integer", "decimal", "datetime", "lookup", "picklist")


def execute(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    """POST, PUT, PATCH and DELETE on metadata. A cast at the end says no more than the body does."""
    if len(segments) > 1 and "." in segments[-1].name:
        segments = segments[:-1]
    names = tuple(segment.name for segment in segments)
    keyed = tuple(bool(segment.keys) for segment in segments)
    handler = _HANDLERS.get((request.method, names, keyed))
    if handler is None:
        raise errors.wrong_verb(request.method) if names[0] != "$metadata" else errors.unknown_segment(names[0])
    return handler(context, service, request, segments)


def create_tables(context: Context, service: "DataverseService", bodies: list[Any]) -> list[Table]:
    """Adds tables that are defined as EntityMetadata."""
    custom = load(context.tx)
    schema = service.full_schema
    made = []
    for body in bodies:
        table, stored = incoming.table_from_request(body, schema)
        custom.tables[table.logical_name] = stored
        custom.relationships |= {item.name: asdict(item) for item in incoming.system_relationships(table)}
        made.append(table)
    store(context, service, custom, *(table.logical_name for table in made))
    return made


def _create_table(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    (table,) = create_tables(context, service, [crud.body_of(request)])
    return created(context, f"EntityDefinitions({describe.entity_id(table)})")


def _delete_table(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    table = _table(context, segments[0])
    if not table.custom:
        raise errors.DataverseError(
            400, "0x8004f01f", f"The entity '{table.logical_name}' is managed and cannot be deleted."
        )
    custom = load(context.tx)
    name = table.logical_name
    users = [r["many"] for r in custom.relationships.values() if r["one"] == name and r["many"] != name]
    users += [m["intersect"] for m in custom.many_to_many.values() if name in (m["first"], m["second"])]
    if users:
        raise errors.DataverseError(
            400, "0x8004f01f", f"The entity '{name}' cannot be deleted: '{users[0]}' refers to it."
        )
    for section in (
        custom.tables,
        custom.attributes,
        custom.keys,
        custom.labels,
        custom.tracking,
        custom.versions,
    ):
        section.pop(name, None)
    custom.relationships = {k: r for k, r in custom.relationships.items() if name not in (r["one"], r["many"])}
    custom.options = {k: v for k, v in custom.options.items() if not k.startswith(f"{name}.")}
    context.tx.execute(f'DROP TABLE IF EXISTS "{table.storage}"')
    store(context, service, custom)
    return responses.no_content()


def _update_table(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    table = _table(context, segments[0])
    body = crud.body_of(request)
    custom = load(context.tx)
    if isinstance(body, dict) and isinstance(body.get("ChangeTrackingEnabled"), bool):
        custom.tracking[table.logical_name] = body["ChangeTrackingEnabled"]
    if isinstance(body, dict):
        custom.labels[table.logical_name] = [
            incoming.text_of(body.get("DisplayName")) or table.label,
            incoming.text_of(body.get("DisplayCollectionName")) or table.collection_label,
        ]
    store(context, service, custom, table.logical_name)
    return responses.no_content()


def _create_attribute(
    context: Context, service: "DataverseService", request: Request, segments: list[Segment]
) -> Response:
    table = _table(context, segments[0])
    attribute = incoming.attribute_from_request(crud.body_of(request), table)
    attribute = option_sets.bound(context, attribute, crud.body_of(request))
    if attribute.is_lookup:
        raise errors.invalid_argument("Lookup columns are created by POST RelationshipDefinitions.")
    custom = load(context.tx)
    custom.attributes.setdefault(table.logical_name, {})[attribute.name] = dump_attribute(attribute)
    store(context, service, custom, table.logical_name)
    owner = _addressed(table, segments[0])
    return created(context, f"{owner}/Attributes({describe.attribute_id(table, attribute)})")


def _update_attribute(
    context: Context, service: "DataverseService", request: Request, segments: list[Segment]
) -> Response:
    table = _table(context, segments[0])
    attribute = _find_attribute(table, segments[1])
    custom = load(context.tx)
    changed = incoming.changed_attribute(attribute, crud.body_of(request))
    custom.attributes.setdefault(table.logical_name, {})[attribute.name] = dump_attribute(changed)
    store(context, service, custom, table.logical_name)
    return responses.no_content()


def _delete_attribute(
    context: Context, service: "DataverseService", request: Request, segments: list[Segment]
) -> Response:
    table = _table(context, segments[0])
    attribute = _find_attribute(table, segments[1])
    if not attribute.custom or attribute.primary_name or attribute.primary_id:
        raise errors.DataverseError(400, "0x8004f01f", f"The attribute '{attribute.name}' cannot be deleted.")
    custom = load(context.tx)
    if any(attribute.name in body["attributes"] for body in custom.keys.get(table.logical_name, {}).values()):
        raise errors.DataverseError(400, "0x8004f01f", f"The attribute '{attribute.name}' is part of a key.")
    custom.attributes.get(table.logical_name, {}).pop(attribute.name, None)
    if table.logical_name in custom.tables:
        custom.tables[table.logical_name]["attributes"].pop(attribute.name, None)
    custom.options.pop(f"{table.logical_name}.{attribute.name}", None)
    custom.relationships = {
        key: body
        for key, body in custom.relationships.items()
        if (body["many"], body["column"]) != (table.logical_name, attribute.name)
    }
    if attribute.type == "file":
        filestore.remove_column(context.tx, f"{table.logical_name}.{attribute.name}")
    # The SQL column stays but is emptied: a column of this name that is created later starts without values.
    context.tx.execute(f'UPDATE "{table.storage}" SET "{attribute.name}" = NULL')  # noqa: S608
    store(context, service, custom, table.logical_name)
    return responses.no_content()


def _create_key(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    table = _table(context, segments[0])
    key = links.key_from_request(crud.body_of(request), table)
    custom = load(context.tx)
    keys = custom.keys.setdefault(table.logical_name, {})
    if len(keys) >= MAX_KEYS:
        raise errors.invalid_argument(f"The table '{table.logical_name}' has {MAX_KEYS} alternate keys already.")
    for name in key.attributes:
        if table.attributes[name].type not in _KEY_TYPES:
            raise errors.invalid_argument(f"The attribute '{name}' cannot be part of an alternate key.")
    keys[key.name] = {
        "attributes": list(key.attributes),
        "schema_name": key.schema_name,
        "label": key.label,
        "active": not _has_duplicates(context, table, key),
    }
    store(context, service, custom, table.logical_name)
    owner = _addressed(table, segments[0])
    return created(context, f"{owner}/Keys({describe.key_id(table, key)})")


def _has_duplicates(context: Context, table: Table, key: AlternateKey) -> bool:
    listed = ", ".join(f'"{name}"' for name in key.attributes)
    filled = " AND ".join(f'"{name}" IS NOT NULL' for name in key.attributes)
    sql = f'SELECT 1 FROM "{table.storage}" WHERE {filled} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1'  # noqa: S608
    return context.tx.execute(sql).fetchone() is not None


def _delete_key(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    table = _table(context, segments[0])
    wanted = str(next(iter((segments[1].keys or {}).values())).value)
    custom = load(context.tx)
    for key in table.keys:
        if wanted in (key.name, describe.key_id(table, key)):
            del custom.keys[table.logical_name][key.name]
            service.sandbox.store.drop_unique(context.tx, table.storage, key.attributes)
            store(context, service, custom, table.logical_name)
            return responses.no_content()
    raise errors.DataverseError(404, "0x80060888", f"Could not find a key '{wanted}'.")


def _table(context: Context, segment: Segment) -> Table:
    from sandbox.dataverse.metadata.endpoints import find_table

    return find_table(context, segment)


def _find_attribute(table: Table, segment: Segment) -> Attribute:
    from sandbox.dataverse.metadata.endpoints import find_attribute

    return find_attribute(table, segment)


def _addressed(table: Table, segment: Segment) -> str:
    """The table's address in the form in which the request named it."""
    if "LogicalName" in (segment.keys or {}):
        return f"EntityDefinitions(LogicalName='{table.logical_name}')"
    return f"EntityDefinitions({describe.entity_id(table)})"


_Handler = Callable[[Context, "DataverseService", Request, list[Segment]], Response]
_HANDLERS: dict[tuple[str, tuple[str, ...], tuple[bool, ...]], _Handler] = {
    ("POST", ("EntityDefinitions",), (False,)): _create_table,
    ("PUT", ("EntityDefinitions",), (True,)): _update_table,
    ("DELETE", ("EntityDefinitions",), (True,)): _delete_table,
    ("POST", ("EntityDefinitions", "Attributes"), (True, False)): _create_attribute,
    ("PUT", ("EntityDefinitions", "Attributes"), (True, True)): _update_attribute,
    ("DELETE", ("EntityDefinitions", "Attributes"), (True, True)): _delete_attribute,
    ("POST", ("EntityDefinitions", "Keys"), (True, False)): _create_key,
    ("DELETE", ("EntityDefinitions", "Keys"), (True, True)): _delete_key,
    ("POST", ("RelationshipDefinitions",), (False,)): relationship_writes.create,
    ("PUT", ("RelationshipDefinitions",), (True,)): relationship_writes.update,
    ("DELETE", ("RelationshipDefinitions",), (True,)): relationship_writes.delete,
    ("POST", ("GlobalOptionSetDefinitions",), (False,)): option_sets.create,
    ("PUT", ("GlobalOptionSetDefinitions",), (True,)): option_sets.update,
    ("DELETE", ("GlobalOptionSetDefinitions",), (True,)): option_sets.delete,
}
