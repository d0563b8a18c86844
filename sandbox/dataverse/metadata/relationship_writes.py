"""Metadata writes on relationships, and with them on lookup columns."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from sandbox.dataverse import crud, errors, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.metadata import describe
from sandbox.dataverse.metadata import relationships_from_json as links
from sandbox.dataverse.metadata.customizations import created, dump_attribute, load, store
from sandbox.definitions.dataverse import Target, metadata_id
from sandbox.http import Request, Response
from sandbox.odata.url import Segment

if TYPE_CHECKING:
    from sandbox.dataverse.service import DataverseService


def create(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    body = crud.body_of(request)
    if links.is_many_to_many(body):
        return _create_many_to_many(context, service, body)
    relationship, attribute = links.relationship_from_request(body, service.full_schema)
    custom = load(context.tx)
    custom.attributes.setdefault(relationship.many, {})[attribute.name] = dump_attribute(attribute)
    custom.relationships[relationship.name] = asdict(relationship)
    store(context, service, custom, relationship.many)
    return created(context, f"RelationshipDefinitions({metadata_id('relationship', relationship.name)})")


def _create_many_to_many(context: Context, service: "DataverseService", body: Any) -> Response:
    item = links.many_to_many_from_request(body, service.full_schema)
    custom = load(context.tx)
    custom.many_to_many[item.name] = asdict(item)
    store(context, service, custom, item.intersect)
    return created(context, f"RelationshipDefinitions({metadata_id('relationship', item.name)})")


def create_polymorphic(context: Context, service: "DataverseService", body: dict[str, Any]) -> tuple[list[str], str]:
    """A lookup column to several tables: ids of its relationships and of the column. One navigation property a target,
    named after column and table."""
    listed = body["OneToManyRelationships"]
    if not isinstance(listed, list) or not listed or not isinstance(body["Lookup"], dict):
        raise errors.bad_payload("A polymorphic lookup needs 'OneToManyRelationships' and 'Lookup'.")
    typed = {"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "Lookup": body["Lookup"]}
    made = [links.relationship_from_request({**typed, **item}, service.full_schema) for item in listed]
    if len({relationship.many for relationship, _ in made}) != 1:
        raise errors.invalid_argument("The relationships of a polymorphic lookup belong to one table.")
    many = made[0][0].many
    named = [replace(item, nav_on_many=f"{item.nav_on_many}_{item.one}") for item, _ in made]
    attribute = replace(made[0][1], targets=tuple(Target(item.one, item.nav_on_many) for item in named))
    custom = load(context.tx)
    custom.attributes.setdefault(many, {})[attribute.name] = dump_attribute(attribute)
    custom.relationships |= {item.name: asdict(item) for item in named}
    store(context, service, custom, many)
    ids = [metadata_id("relationship", item.name) for item in named]
    return ids, describe.attribute_id(service.full_schema.by_name[many], attribute)


def update(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    """Menu label and what happens on delete can change, of custom relationships only."""
    wanted = str(next(iter((segments[0].keys or {}).values())).value)
    body = crud.body_of(request)
    custom = load(context.tx)
    for name, stored in custom.relationships.items():
        if wanted in (name, metadata_id("relationship", name)):
            stored |= links.relationship_behaviour(body, stored)
            store(context, service, custom, stored["many"])
            return responses.no_content()
    raise errors.DataverseError(404, "0x80060888", f"Could not find a custom relationship '{wanted}'.")


def delete(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
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
