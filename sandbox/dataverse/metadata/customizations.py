"""Metadata writes: custom tables, columns, lookups, keys and options.

All customisations together are one small JSON document in the store, applied to the standard schema at start and after
every change; the SQL tables follow. A reset drops them.
"""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from sandbox.dataverse import responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.metadata import definitions_from_json as incoming
from sandbox.dataverse.metadata import relationships_from_json as links
from sandbox.dataverse.schema import Schema, standard
from sandbox.definitions.dataverse import (
    AlternateKey,
    Attribute,
    ManyToMany,
    Option,
    Relationship,
    Target,
)
from sandbox.http import Response
from sandbox.storage import Transaction

if TYPE_CHECKING:
    from sandbox.dataverse.service import DataverseService

_KEY = "customizations"


@dataclass
class Customizations:
    """``attributes``, ``keys`` and ``labels`` (name, name of the collection) are by table; ``options`` by
    ``table.column``; ``option_sets`` are the global ones by name; ``versions`` hold the row version of each table's
    last definition change."""

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    attributes: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    keys: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    options: dict[str, list[list[Any]]] = field(default_factory=dict)
    relationships: dict[str, dict[str, Any]] = field(default_factory=dict)
    many_to_many: dict[str, dict[str, Any]] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)
    option_sets: dict[str, dict[str, Any]] = field(default_factory=dict)
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
        table = links.intersect_table(ManyToMany(**body))
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
    for name, (label, collection_label) in custom.labels.items():
        tables[name] = replace(tables[name], label=label, collection_label=collection_label)
    for name, enabled in custom.tracking.items():
        tables[name] = replace(tables[name], change_tracking=enabled)
    for name, version in custom.versions.items():
        if name in tables:
            tables[name] = replace(tables[name], defined_at_version=version)
    tables = {name: incoming.with_file_names(table) for name, table in tables.items()}
    relationships = (*schema.relationships, *(Relationship(**body) for body in custom.relationships.values()))
    many_to_many = (*schema.many_to_many, *(ManyToMany(**body) for body in custom.many_to_many.values()))
    return Schema(tuple(tables.values()), relationships, many_to_many, custom.version, custom.option_sets)


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


def store(context: Context, service: "DataverseService", custom: Customizations, *changed: str) -> None:
    """Saves the customisations and publishes the schema they make when the transaction commits."""
    custom.version += 1
    version = context.tx.next_version()
    for name in changed:
        custom.versions[name] = version
    context.tx.set_meta(_KEY, json.dumps(asdict(custom)))
    service.replace_schema(apply(standard(), custom), context.tx, *changed)


def created(context: Context, path: str) -> Response:
    return responses.no_content(responses.created_at(f"{context.api_root}/{path}"))
