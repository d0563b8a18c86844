"""Metadata writes: custom tables, columns, lookups, keys and options.

All customisations together are one small JSON document in the store, applied to the standard schema at start and after
every change; the SQL tables follow. A reset drops them.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from sandbox.dataverse import crud, errors, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.metadata import definitions_from_json as incoming
from sandbox.dataverse.metadata import describe
from sandbox.dataverse.schema import Schema, standard
from sandbox.definitions.dataverse import (
    AlternateKey,
    Attribute,
    ManyToMany,
    Option,
    Relationship,
    Table,
    Target,
    metadata_id,
)
from sandbox.http import Request, Response
from sandbox.odata.url import Segment
from sandbox.storage import Transaction

if TYPE_CHECKING:
    from sandbox.dataverse.service import DataverseService

_KEY = "customizations"
MAX_KEYS = 10
_KEY_TYPES = ("string", "integer", "decimal", "datetime", "lookup", "picklist")


@dataclass
class Customizations:
    """``attributes``, ``keys`` and ``labels`` are by table; ``options`` by ``table.column``; ``versions`` hold the row
    version of each table's last definition change."""

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    attributes: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    keys: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    options: dict[str, list[list[Any]]] = field(default_factory=dict)
    relationships: dict[str, dict[str, Any]] = field(default_factory=dict)
    many_to_many: dict[str, dict[str, Any]] = field(default_factory=dict)
    tracking: dict[str, bool] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    version: int = 1


def load(tx: Transaction) -> Customizations:
    stored = tx.meta(_KEY)
    return Customizations(**json.loads(stored)) if stored else Customizations()


def apply_stored(schema: Schema, tx: Transaction) -> Schema:
    return apply(schema, load(tx))


def apply(schema: Schema, custom: Customizations) -> Schema:
    """The schema with all customisations."""
    tables = {table.logical_name: table for table in schema.tables}
    for name, body in custom.tables.items():
        tables[name] = incoming.table_from_stored(name, body)
    for body in custom.many_to_many.values():
        table = incoming.intersect_table(ManyToMany(**body))
        tables[table.logical_name] = table
    for name, attributes in custom.attributes.items():
        added = {key: _attribute(body) for key, body in attributes.items()}
        tables[name] = replace(tables[name], attributes={**tables[name].attributes, **added})
    for path, options in custom.options.items():
        name, _, column = path.partition(".")
        changed = replace(tables[name].attributes[column], options=tuple(Option(v, text) for v, text in options))
        tables[name] = replace(tables[name], attributes={**tables[name].attributes, column: changed})
    for name, keys in custom.keys.items():
        tables[name] = replace(
            tables[name],
            keys=tuple(
                AlternateKey(key, tuple(body["attributes"]), body["schema_name"], body["label"], body["active"])
                for key, body in keys.items()
            ),
        )
    for name, enabled in custom.tracking.items():
        tables[name] = replace(tables[name], change_tracking=enabled)
    for name, version in custom.versions.items():
        if name in tables:
            tables[name] = replace(tables[name], defined_at_version=version)
    relationships = (*schema.relationships, *(Relationship(**body) for body in custom.relationships.values()))
    many_to_many = (*schema.many_to_many, *(ManyToMany(**body) for body in custom.many_to_many.values()))
    return Schema(tuple(tables.values()), relationships, many_to_many, custom.version)


def _attribute(body: dict[str, Any]) -> Attribute:
    values = dict(body)
    values["options"] = tuple(Option(**option) for option in values["options"])
    values["targets"] = tuple(Target(**target) for target in values["targets"])
    values["labels"] = tuple(values["labels"])
    return Attribute(**values)


def dump_attribute(attribute: Attribute) -> dict[str, Any]:
    return {item.name: value for item in fields(Attribute) if (value := asdict(attribute)[item.name]) is not None} | {
        "default": attribute.default
    }


# -- Requests


def execute(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    """POST, PUT, PATCH and DELETE on metadata."""
    names = tuple(segment.name for segment in segments)
    keyed = tuple(bool(segment.keys) for segment in segments)
    handler = _HANDLERS.get((request.method, names, keyed))
    if handler is None:
        raise errors.wrong_verb(request.method) if names[0] != "$metadata" else errors.unknown_segment(names[0])
    return handler(context, service, request, segments)


def store(context: Context, service: "DataverseService", custom: Customizations, *changed: str) -> None:
    """Saves the customisations and publishes the schema they make when the transaction commits."""
    custom.version += 1
    version = context.tx.next_version()
    for name in changed:
        custom.versions[name] = version
    context.tx.set_meta(_KEY, json.dumps(asdict(custom)))
    service.replace_schema(apply(standard(), custom), context.tx, *changed)


def _create_table(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    (table,) = create_tables(context, service, [crud.body_of(request)])
    return _created(context, f"EntityDefinitions({describe.entity_id(table)})")


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
    for section in (custom.tables, custom.attributes, custom.keys, custom.tracking, custom.versions):
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
    if table.custom and isinstance(body, dict):
        stored = custom.tables[table.logical_name]
        stored["label"] = incoming.text_of(body.get("DisplayName")) or stored["label"]
        stored["collection_label"] = incoming.text_of(body.get("DisplayCollectionName")) or stored["collection_label"]
    store(context, service, custom, table.logical_name)
    return responses.no_content()


def _create_attribute(
    context: Context, service: "DataverseService", request: Request, segments: list[Segment]
) -> Response:
    table = _table(context, segments[0])
    attribute = incoming.attribute_from_request(crud.body_of(request), table)
    if attribute.is_lookup:
        raise errors.invalid_argument("Lookup columns are created by POST RelationshipDefinitions.")
    custom = load(context.tx)
    custom.attributes.setdefault(table.logical_name, {})[attribute.name] = dump_attribute(attribute)
    store(context, service, custom, table.logical_name)
    owner = _addressed(table, segments[0])
    return _created(context, f"{owner}/Attributes({describe.attribute_id(table, attribute)})")


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
    # The SQL column stays but is emptied: a column of this name that is created later starts without values.
    context.tx.execute(f'UPDATE "{table.storage}" SET "{attribute.name}" = NULL')  # noqa: S608
    store(context, service, custom, table.logical_name)
    return responses.no_content()


def _create_relationship(
    context: Context, service: "DataverseService", request: Request, segments: list[Segment]
) -> Response:
    body = crud.body_of(request)
    if incoming.is_many_to_many(body):
        return _create_many_to_many(context, service, body)
    relationship, attribute = incoming.relationship_from_request(body, service.full_schema)
    custom = load(context.tx)
    custom.attributes.setdefault(relationship.many, {})[attribute.name] = dump_attribute(attribute)
    custom.relationships[relationship.name] = asdict(relationship)
    store(context, service, custom, relationship.many)
    return _created(context, f"RelationshipDefinitions({metadata_id('relationship', relationship.name)})")


def _create_many_to_many(context: Context, service: "DataverseService", body: Any) -> Response:
    item = incoming.many_to_many_from_request(body, service.full_schema)
    custom = load(context.tx)
    custom.many_to_many[item.name] = asdict(item)
    store(context, service, custom, item.intersect)
    return _created(context, f"RelationshipDefinitions({metadata_id('relationship', item.name)})")


def _delete_relationship(
    context: Context, service: "DataverseService", request: Request, segments: list[Segment]
) -> Response:
    wanted = str(next(iter((segments[0].keys or {}).values())).value)
    custom = load(context.tx)
    for name, body in custom.many_to_many.items():
        if wanted in (name, metadata_id("relationship", name)):
            del custom.many_to_many[name]
            context.tx.execute(f'DROP TABLE IF EXISTS "{context.table(body["intersect"]).storage}"')
            store(context, service, custom)
            return responses.no_content()
    for name, body in custom.relationships.items():
        if wanted in (name, metadata_id("relationship", name)):
            table = context.table(body["many"])
            del custom.relationships[name]
            custom.attributes.get(table.logical_name, {}).pop(body["column"], None)
            context.tx.execute(f'UPDATE "{table.storage}" SET "{body["column"]}" = NULL')  # noqa: S608
            store(context, service, custom, table.logical_name)
            return responses.no_content()
    raise errors.DataverseError(404, "0x80060888", f"Could not find a custom relationship '{wanted}'.")


def _create_key(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    table = _table(context, segments[0])
    key = incoming.key_from_request(crud.body_of(request), table)
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
    return _created(context, f"{owner}/Keys({describe.key_id(table, key)})")


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


def _created(context: Context, path: str) -> Response:
    return responses.no_content(responses.created_at(f"{context.api_root}/{path}"))


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
    ("POST", ("RelationshipDefinitions",), (False,)): _create_relationship,
    ("DELETE", ("RelationshipDefinitions",), (True,)): _delete_relationship,
}
