"""Reads definitions of tables and columns from metadata requests, and from the store."""

import re
from dataclasses import replace
from typing import Any

from sandbox.dataverse import errors
from sandbox.dataverse.schema import Schema
from sandbox.definitions.dataverse import (
    Attribute,
    AttributeType,
    Option,
    Relationship,
    State,
    StateModel,
    Table,
    Target,
    file_name_column,
)

FIRST_CUSTOM_OPTION = 100_000_000
"""Values of new options begin here: the publisher's option value prefix 10000 with four digits behind it."""
FIRST_CUSTOM_TYPE_CODE = 10_200

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{1,7}_[A-Za-z0-9_]{1,90}")
_TYPES: dict[str, AttributeType] = {
    "StringAttributeMetadata": "string",
    "MemoAttributeMetadata": "memo",
    "IntegerAttributeMetadata": "integer",
    "BigIntAttributeMetadata": "bigint",
    "PicklistAttributeMetadata": "picklist",
    "MultiSelectPicklistAttributeMetadata": "multiselect",
    "BooleanAttributeMetadata": "boolean",
    "MoneyAttributeMetadata": "money",
    "DecimalAttributeMetadata": "decimal",
    "DoubleAttributeMetadata": "double",
    "DateTimeAttributeMetadata": "datetime",
    "LookupAttributeMetadata": "lookup",
    "FileAttributeMetadata": "file",
}
_REQUIRED = {"ApplicationRequired": "application", "Recommended": "recommended", "SystemRequired": "application"}
_STATE = StateModel(
    0,
    1,
    (State(0, "Active", (Option(1, "Active"),), 1), State(1, "Inactive", (Option(2, "Inactive"),), 2)),
    frozenset({(0, 1), (1, 0)}),
)


def text_of(value: Any) -> str:
    """The text of a Label object."""
    if not isinstance(value, dict):
        return ""
    labels = value.get("LocalizedLabels") or []
    chosen = labels[0] if labels else value.get("UserLocalizedLabel")
    return str(chosen.get("Label") or "") if isinstance(chosen, dict) else ""


def object_of(body: Any) -> dict[str, Any]:
    """The body as a JSON object. Raises 400 for anything else."""
    if not isinstance(body, dict):
        raise errors.bad_payload("The request body must be a JSON object.")
    return body


def schema_name_of(body: dict[str, Any], what: str) -> str:
    """The SchemaName of a new piece of metadata. Raises 400 where the prefix of a publisher is missing."""
    name = body.get("SchemaName")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise errors.DataverseError(
            400, "0x8004701b", f"The SchemaName of the {what} must begin with a customization prefix, such as new_Name."
        )
    return name


# -- Tables


def table_from_request(body: Any, schema: Schema) -> tuple[Table, dict[str, Any]]:
    """The new table and the form in which it is stored."""
    from sandbox.dataverse.metadata.customizations import dump_attribute

    given = object_of(body)
    schema_name = schema_name_of(given, "table")
    logical = schema_name.lower()
    if logical in schema.by_name:
        raise errors.DataverseError(400, "0x80048403", f"An entity with the specified name {logical} already exists.")
    columns = given.get("Attributes")
    if not isinstance(columns, list) or not columns:
        raise errors.invalid_argument("A table needs an attribute with IsPrimaryName.")
    shell = Table(logical, schema_name, "", 0, f"{logical}id", None, "user", {})
    own: dict[str, Attribute] = {}
    for column in columns:
        attribute = attribute_from_request(column, replace(shell, attributes=own))
        if object_of(column).get("IsPrimaryName") is True:
            attribute = replace(attribute, primary_name=True)
        own[attribute.name] = attribute
    primary = [attribute for attribute in own.values() if attribute.primary_name]
    if len(primary) != 1 or primary[0].type != "string":
        raise errors.invalid_argument("A table needs exactly one text attribute with IsPrimaryName.")
    codes = [table.object_type_code for table in schema.tables]
    stored = {
        "schema_name": schema_name,
        "entity_set": str(given.get("EntitySetName") or _plural(logical)),
        "object_type_code": max(FIRST_CUSTOM_TYPE_CODE - 1, *codes) + 1,
        "primary_name": primary[0].name,
        "ownership": "organization" if given.get("OwnershipType") == "OrganizationOwned" else "user",
        "change_tracking": given.get("ChangeTrackingEnabled") is True,
        "label": text_of(given.get("DisplayName")) or schema_name,
        "collection_label": text_of(given.get("DisplayCollectionName")) or schema_name,
        "attributes": {name: dump_attribute(attribute) for name, attribute in own.items()},
    }
    if stored["entity_set"] in schema.by_set:
        raise errors.DataverseError(400, "0x80048403", f"An entity set {stored['entity_set']} already exists.")
    return table_from_stored(logical, stored), stored


def table_from_stored(logical: str, stored: dict[str, Any]) -> Table:
    from sandbox.dataverse.metadata.customizations import _attribute

    owned = stored["ownership"] == "user"
    own = {name: _attribute(body) for name, body in stored["attributes"].items()}
    primary_id = Attribute(
        f"{logical}id",
        "uniqueidentifier",
        stored["label"],
        f"{stored['schema_name']}Id",
        required="system",
        update=False,
        primary_id=True,
    )
    return Table(
        logical_name=logical,
        schema_name=stored["schema_name"],
        entity_set=stored["entity_set"],
        object_type_code=stored["object_type_code"],
        primary_id=primary_id.name,
        primary_name=stored["primary_name"],
        ownership=stored["ownership"],
        attributes={primary_id.name: primary_id, **own, **_system_columns(owned=owned)},
        state=_STATE,
        change_tracking=stored["change_tracking"],
        custom=True,
        label=stored["label"],
        collection_label=stored["collection_label"],
    )


def _system_columns(*, owned: bool) -> dict[str, Attribute]:
    def system(name: str, kind: AttributeType, schema_name: str, *targets: str, writable: bool = False) -> Attribute:
        return Attribute(
            name,
            kind,
            schema_name,
            schema_name,
            create=writable,
            update=writable,
            targets=tuple(Target(target, name) for target in targets),
            format="DateAndTime" if kind == "datetime" else None,
        )

    columns = [
        system("createdon", "datetime", "CreatedOn"),
        system("createdby", "lookup", "CreatedBy", "systemuser"),
        system("modifiedon", "datetime", "ModifiedOn"),
        system("modifiedby", "lookup", "ModifiedBy", "systemuser"),
        system("versionnumber", "bigint", "VersionNumber"),
        replace(system("overriddencreatedon", "datetime", "OverriddenCreatedOn"), create=True, format="DateOnly"),
        Attribute(
            "statecode",
            "state",
            "Status",
            "statecode",
            required="system",
            create=False,
            options=tuple(Option(state.value, state.label) for state in _STATE.states),
        ),
        Attribute(
            "statuscode",
            "status",
            "Status Reason",
            "statuscode",
            options=tuple(status for state in _STATE.states for status in state.statuses),
        ),
    ]
    if owned:
        columns += [
            system("ownerid", "owner", "OwnerId", "systemuser", "team", writable=True),
            system("owningbusinessunit", "lookup", "OwningBusinessUnit", "businessunit"),
            system("owningteam", "lookup", "OwningTeam", "team"),
            system("owninguser", "lookup", "OwningUser", "systemuser"),
        ]
    else:
        columns.append(system("organizationid", "lookup", "OrganizationId", "organization"))
    return {column.name: column for column in columns}


def system_relationships(table: Table) -> list[Relationship]:
    """Every lookup of a new table is a relationship."""
    found = []
    for attribute in table.attributes.values():
        for target in attribute.targets:
            name = f"{target.table}_{table.logical_name}_{attribute.name}"
            found.append(
                Relationship(
                    name, target.table, table.logical_name, attribute.name, target.nav, name, "RemoveLink", True
                )
            )
    return found


def _plural(name: str) -> str:
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}s"


# -- Columns


def attribute_from_request(body: Any, table: Table) -> Attribute:
    """A new column. Raises 400 for unknown types, missing prefixes and names that are taken."""
    given = object_of(body)
    kind_name = str(given.get("@odata.type", "")).lstrip("#").removeprefix("Microsoft.Dynamics.CRM.")
    kind_name = kind_name.removeprefix("Complex")  # CreateEntities names the same types with this prefix
    kind = _TYPES.get(kind_name)
    if kind is None:
        raise errors.bad_payload(f"The attribute type '{kind_name}' is not supported.")
    schema_name = schema_name_of(given, "attribute")
    name = schema_name.lower()
    if name in table.attributes:
        raise errors.DataverseError(
            400,
            "0x80047013",
            f"An attribute with the specified name {name} already exists for entity {table.logical_name}.",
        )
    attribute = Attribute(
        name=name,
        type=kind,
        label=text_of(given.get("DisplayName")) or schema_name,
        schema_name=schema_name,
        required=_required(given),
        custom=True,
        max_length=_whole(given.get("MaxLength"), {"string": 100, "memo": 2000}.get(kind)),
        minimum=_number(given.get("MinValue")),
        maximum=_number(given.get("MaxValue")),
        precision=_whole(given.get("Precision"), {"decimal": 2, "money": 2, "double": 2}.get(kind)),
        precision_source=_whole(given.get("PrecisionSource"), 2) or 0,
        format=given["Format"] if isinstance(given.get("Format"), str) else None,
        behavior=_behavior(given),
        labels=_boolean_labels(given),
        default=given.get("DefaultValue") if kind == "boolean" else None,
    )
    if kind in ("picklist", "multiselect"):
        attribute = replace(attribute, options=options_of(given.get("OptionSet")))
    if kind == "file":
        attribute = replace(attribute, create=False, update=False, max_length=_whole(given.get("MaxSizeInKB"), None))
    return attribute


def with_file_names(table: Table) -> Table:
    """The table with a column for the file's name beside each file column."""
    names = {
        file_name_column(attribute.name): Attribute(
            file_name_column(attribute.name),
            "string",
            attribute.label,
            file_name_column(attribute.schema_name),
            max_length=255,
            create=False,
            update=False,
            custom=True,
            attribute_of=attribute.name,
        )
        for attribute in table.attributes.values()
        if attribute.type == "file"
    }
    return replace(table, attributes={**table.attributes, **names}) if names else table


def changed_attribute(attribute: Attribute, body: Any) -> Attribute:
    """A column with the changeable parts of its definition taken from the request."""
    given = object_of(body)
    result = attribute
    if text_of(given.get("DisplayName")):
        result = replace(result, label=text_of(given["DisplayName"]))
    if isinstance(given.get("MaxLength"), int) and attribute.type in ("string", "memo"):
        result = replace(result, max_length=given["MaxLength"])
    if isinstance(given.get("RequiredLevel"), dict) and attribute.required != "system":
        result = replace(result, required=_required(given))
    return result


def _required(given: dict[str, Any]) -> str:
    level = given.get("RequiredLevel")
    return _REQUIRED.get(str(level.get("Value")), "none") if isinstance(level, dict) else "none"


def _behavior(given: dict[str, Any]) -> str:
    behavior = given.get("DateTimeBehavior")
    value = behavior.get("Value") if isinstance(behavior, dict) else None
    return value if value in ("UserLocal", "DateOnly", "TimeZoneIndependent") else "UserLocal"


def _boolean_labels(given: dict[str, Any]) -> tuple[str, str]:
    options = given.get("OptionSet")
    if not isinstance(options, dict):
        return ("No", "Yes")
    texts = [text_of((options.get(name) or {}).get("Label")) for name in ("FalseOption", "TrueOption")]
    return (texts[0] or "No", texts[1] or "Yes")


def options_of(option_set: Any) -> tuple[Option, ...]:
    listed = option_set.get("Options") if isinstance(option_set, dict) else None
    if not isinstance(listed, list):
        return ()
    found: list[Option] = []
    for item in listed:
        given = object_of(item)
        value = given.get("Value")
        if not isinstance(value, int) or isinstance(value, bool):
            value = next_option_value(found)
        if value in {option.value for option in found}:
            raise errors.DataverseError(400, "0x80048403", f"The option value {value} is used twice.")
        found.append(Option(value, text_of(given.get("Label"))))
    return tuple(found)


def next_option_value(options: list[Option] | tuple[Option, ...]) -> int:
    """The value a new option gets when the request names none."""
    used = [option.value for option in options if option.value >= FIRST_CUSTOM_OPTION]
    return max(used) + 1 if used else FIRST_CUSTOM_OPTION


def _whole(value: Any, default: int | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _number(value: Any) -> float | None:
    return float(value) if value is not None and not isinstance(value, bool | str | dict | list) else None
