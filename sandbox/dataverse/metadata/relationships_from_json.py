"""Reads definitions of keys and relationships from metadata requests."""

from dataclasses import replace
from typing import Any

from sandbox.dataverse import errors
from sandbox.dataverse.metadata.definitions_from_json import attribute_from_request, object_of, schema_name_of, text_of
from sandbox.dataverse.schema import Schema
from sandbox.definitions.dataverse import AlternateKey, Attribute, ManyToMany, Relationship, Table, Target


def key_from_request(body: Any, table: Table) -> AlternateKey:
    given = object_of(body)
    schema_name = schema_name_of(given, "key")
    columns = given.get("KeyAttributes")
    if not isinstance(columns, list) or not columns:
        raise errors.invalid_argument("KeyAttributes must name at least one attribute.")
    for name in columns:
        if name not in table.attributes:
            raise errors.invalid_argument(f"The attribute '{name}' does not exist on '{table.logical_name}'.")
    if any(key.name == schema_name.lower() or set(key.attributes) == set(columns) for key in table.keys):
        raise errors.DataverseError(400, "0x80048403", f"The key {schema_name} exists already.")
    return AlternateKey(
        schema_name.lower(), tuple(columns), schema_name, text_of(given.get("DisplayName")) or schema_name
    )


def relationship_from_request(body: Any, schema: Schema) -> tuple[Relationship, Attribute]:
    """A one-to-many relationship with the lookup column it makes."""
    given = object_of(body)
    kind = str(given.get("@odata.type", "")).lstrip("#").removeprefix("Microsoft.Dynamics.CRM.")
    if kind != "OneToManyRelationshipMetadata":
        raise errors.not_implemented(f"Creating a relationship of type '{kind}'")
    name = schema_name_of(given, "relationship")
    one, many = given.get("ReferencedEntity"), given.get("ReferencingEntity")
    for table in (one, many):
        if table not in schema.by_name:
            raise errors.DataverseError(400, "0x80040217", f"The entity with a name = '{table}' was not found.")
    if any(item.name == name for item in schema.relationships):
        raise errors.DataverseError(400, "0x80048403", f"The relationship {name} exists already.")
    lookup = {"@odata.type": "LookupAttributeMetadata", **object_of(given.get("Lookup"))}
    attribute = attribute_from_request(lookup, schema.by_name[str(many)])
    nav = attribute.schema_name
    attribute = replace(attribute, targets=(Target(str(one), nav),))
    nav_on_one = given.get("ReferencedEntityNavigationPropertyName") or name
    made = Relationship(name, str(one), str(many), attribute.name, nav, str(nav_on_one), "RemoveLink", True)
    return replace(made, **relationship_behaviour(given, {"on_delete": "RemoveLink", "menu_label": ""})), attribute


def relationship_behaviour(body: Any, before: dict[str, Any]) -> dict[str, Any]:
    """What a request says about deleting and about the label in the menu of the one side."""
    given = object_of(body)
    cascade, menu = given.get("CascadeConfiguration"), given.get("AssociatedMenuConfiguration")
    on_delete = cascade.get("Delete") if isinstance(cascade, dict) else None
    return {
        "on_delete": on_delete if on_delete in ("Cascade", "Restrict", "RemoveLink") else before["on_delete"],
        "menu_label": (text_of(menu.get("Label")) if isinstance(menu, dict) else "") or before["menu_label"],
    }


def is_many_to_many(body: Any) -> bool:
    return isinstance(body, dict) and str(body.get("@odata.type", "")).endswith("ManyToManyRelationshipMetadata")


def many_to_many_from_request(body: Any, schema: Schema) -> ManyToMany:
    given = object_of(body)
    name = schema_name_of(given, "relationship")
    first, second = str(given.get("Entity1LogicalName")), str(given.get("Entity2LogicalName"))
    for table in (first, second):
        if table not in schema.by_name:
            raise errors.DataverseError(400, "0x80040217", f"The entity with a name = '{table}' was not found.")
    intersect = str(given.get("IntersectEntityName") or name).lower()
    if intersect in schema.by_name or any(item.name == name for item in schema.many_to_many):
        raise errors.DataverseError(400, "0x80048403", f"The relationship {name} exists already.")
    first_column, second_column = f"{first}id", f"{second}id"
    if first == second:
        first_column, second_column = f"{first}idone", f"{first}idtwo"
    return ManyToMany(name, intersect, first, first_column, second, second_column)


def intersect_table(item: ManyToMany) -> Table:
    """The table between two tables: nothing but two ids."""
    columns = [
        Attribute(f"{item.intersect}id", "uniqueidentifier", required="system", update=False, primary_id=True),
        Attribute(item.first_column, "uniqueidentifier", create=False, update=False),
        Attribute(item.second_column, "uniqueidentifier", create=False, update=False),
        Attribute("versionnumber", "bigint", create=False, update=False),
    ]
    return Table(
        logical_name=item.intersect,
        schema_name=item.intersect,
        entity_set=f"{item.intersect}set",
        object_type_code=0,
        primary_id=f"{item.intersect}id",
        primary_name=None,
        ownership="none",
        attributes={column.name: column for column in columns},
        messages=("Retrieve", "RetrieveMultiple"),
        intersect=True,
        custom=True,
    )
