"""Definitions as the metadata API shows them: tables, columns, keys and relationships in PascalCase."""

from typing import Any

from sandbox.dataverse.schema import Schema
from sandbox.definitions.dataverse import (
    DEFAULT_FILE_KB,
    AlternateKey,
    Attribute,
    ManyToMany,
    Relationship,
    Table,
    metadata_id,
)

LANGUAGE = 1033
_TYPE_NAMES = {
    "string": "String",
    "memo": "Memo",
    "integer": "Integer",
    "bigint": "BigInt",
    "picklist": "Picklist",
    "multiselect": "MultiSelectPicklist",
    "state": "State",
    "status": "Status",
    "boolean": "Boolean",
    "money": "Money",
    "decimal": "Decimal",
    "double": "Double",
    "datetime": "DateTime",
    "uniqueidentifier": "Uniqueidentifier",
    "entityname": "EntityName",
    "lookup": "Lookup",
    "customer": "Lookup",
    "owner": "Lookup",
    "file": "File",
}
_TYPE_CODES = {"customer": "Customer", "owner": "Owner", "multiselect": "Virtual", "file": "Virtual"}
_REQUIRED = {
    "system": "SystemRequired",
    "application": "ApplicationRequired",
    "recommended": "Recommended",
    "server_filled": "SystemRequired",
}
_OWNERSHIP = {
    "user": "UserOwned", "business": "BusinessOwned", "organization": "OrganizationOwned", "inherited": "UserOwned",
    "none": "None",
}  # fmt: skip


def label(text: str | None, *names: str) -> dict[str, Any]:
    """A localised label; empty texts have none."""
    if not text:
        return {"LocalizedLabels": [], "UserLocalizedLabel": None}
    item = {
        "Label": text,
        "LanguageCode": LANGUAGE,
        "IsManaged": False,
        "MetadataId": metadata_id("label", *names, text),
        "HasChanged": None,
    }
    return {"LocalizedLabels": [item], "UserLocalizedLabel": dict(item)}


def managed(value: Any, logical_name: str = "") -> dict[str, Any]:
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": logical_name}


def type_name(attribute: Attribute) -> str:
    """Name of the metadata type, without namespace: ``PicklistAttributeMetadata``."""
    return f"{_TYPE_NAMES[attribute.type]}AttributeMetadata"


def entity_id(table: Table) -> str:
    return metadata_id("entity", table.logical_name)


def attribute_id(table: Table, attribute: Attribute) -> str:
    return metadata_id("attribute", table.logical_name, attribute.name)


def key_id(table: Table, key: AlternateKey) -> str:
    return metadata_id("key", table.logical_name, key.name)


def entity(table: Table) -> dict[str, Any]:
    """EntityMetadata without its collections."""
    display = table.label or table.schema_name
    return {
        "MetadataId": entity_id(table),
        "LogicalName": table.logical_name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.entity_set,
        "LogicalCollectionName": table.entity_set,
        "CollectionSchemaName": table.entity_set,
        "ObjectTypeCode": table.object_type_code,
        "PrimaryIdAttribute": table.primary_id,
        "PrimaryNameAttribute": table.primary_name,
        "PrimaryImageAttribute": None,
        "OwnershipType": _OWNERSHIP[table.ownership],
        "DisplayName": label(display, "entity", table.logical_name),
        "DisplayCollectionName": label(table.collection_label or table.entity_set, "entities", table.logical_name),
        "Description": label(None),
        "IsActivity": table.logical_name.endswith("close"),
        "IsActivityParty": False,
        "IsChildEntity": table.ownership == "inherited",
        "IsCustomEntity": table.custom or "_" in table.logical_name,
        "IsIntersect": table.intersect,
        "IsLogicalEntity": False,
        "IsManaged": not table.custom,
        "IsPrivate": False,
        "IsStateModelAware": False,
        "IsEnforceStateTransitions": False,
        "IsOptimisticConcurrencyEnabled": True,
        "IsAvailableOffline": True,
        "IsValidForAdvancedFind": True,
        "IsConnectionsEnabled": managed(False, "canmodifyconnectionsettings"),
        "IsCustomizable": managed(True, "iscustomizable"),
        "IsRenameable": managed(True, "isrenameable"),
        "IsAuditEnabled": managed(False, "canmodifyauditsettings"),
        "IsValidForQueue": managed(False, "canmodifyqueuesettings"),
        "IsDuplicateDetectionEnabled": managed(False, "canmodifyduplicatedetectionsettings"),
        "CanCreateAttributes": managed(True, "cancreateattributes"),
        "CanBeInManyToMany": managed(True, "canbeinmanytomany"),
        "CanChangeTrackingBeEnabled": managed(True, "canchangetrackingbeenabled"),
        "ChangeTrackingEnabled": table.change_tracking,
        "DataProviderId": None,
        "ExternalName": None,
        "ExternalCollectionName": None,
        "TableType": "Standard",
        "HasActivities": False,
        "HasNotes": table.logical_name in ("account", "contact"),
        "HasFeedback": False,
        "IntroducedVersion": "5.0.0.0",
        "ActivityTypeMask": 0,
        "AutoRouteToOwnerQueue": False,
        "ReportViewName": f"Filtered{table.schema_name}",
        "EntityColor": None,
        "HasChanged": None,
    }


def attribute(table: Table, item: Attribute) -> dict[str, Any]:
    """AttributeMetadata with the properties of its own type and the ``@odata.type`` that names it."""
    code = _TYPE_CODES.get(item.type, _TYPE_NAMES[item.type])
    common: dict[str, Any] = {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{type_name(item)}",
        "MetadataId": attribute_id(table, item),
        "EntityLogicalName": table.logical_name,
        "LogicalName": item.name,
        "SchemaName": item.schema_name or item.name,
        "AttributeOf": item.attribute_of,
        "AttributeType": code,
        "AttributeTypeName": {"Value": f"{_TYPE_NAMES[item.type]}Type"},
        "ColumnNumber": list(table.attributes).index(item.name) + 1,
        "DisplayName": label(item.label or item.name, "attribute", table.logical_name, item.name),
        "Description": label(None),
        "RequiredLevel": managed(_REQUIRED.get(item.required, "None"), "canmodifyrequirementlevelsettings"),
        "IsPrimaryId": item.primary_id,
        "IsPrimaryName": item.primary_name,
        "IsCustomAttribute": item.custom or item.provided_by is not None,
        "IsManaged": not item.custom,
        "IsLogical": item.calculated,
        "IsValidForCreate": item.create,
        "IsValidForUpdate": item.update,
        "IsValidForRead": True,
        "IsValidForForm": True,
        "IsValidForGrid": True,
        "IsValidODataAttribute": True,
        "IsFilterable": False,
        "IsSearchable": item.primary_name,
        "IsRetrievable": True,
        "IsSecured": False,
        "IsRenameable": managed(True, "isrenameable"),
        "IsCustomizable": managed(True, "iscustomizable"),
        "IsSortableEnabled": managed(True, "canmodifysearchsettings"),
        "IsAuditEnabled": managed(False, "canmodifyauditsettings"),
        "IsGlobalFilterEnabled": managed(False, "canmodifyglobalfiltersettings"),
        "IsValidForAdvancedFind": managed(True, "canmodifyadditionalsettings"),
        "CanBeSecuredForCreate": False,
        "CanBeSecuredForRead": False,
        "CanBeSecuredForUpdate": False,
        "DeprecatedVersion": None,
        "IntroducedVersion": "5.0.0.0",
        "LinkedAttributeId": None,
        "ExternalName": None,
        "InheritsFrom": None,
        "SourceType": 0 if code not in ("Lookup", "Customer", "Owner", "Uniqueidentifier") else None,
        "AutoNumberFormat": "" if item.type == "string" else None,
        "HasChanged": None,
    }
    return {**common, **_specific(table, item)}


def _specific(table: Table, item: Attribute) -> dict[str, Any]:
    match item.type:
        case "string":
            return {
                "MaxLength": item.max_length or 100,
                "DatabaseLength": 2 * (item.max_length or 100),
                "Format": "Text",
                "FormatName": {"Value": "Text"},
                "ImeMode": "Auto",
                "IsLocalizable": False,
                "YomiOf": None,
            }
        case "memo":
            return {
                "MaxLength": item.max_length or 2000,
                "Format": "TextArea",
                "ImeMode": "Auto",
                "IsLocalizable": False,
            }
        case "integer":
            return {
                "MinValue": int(item.minimum if item.minimum is not None else -(2**31)),
                "MaxValue": int(item.maximum if item.maximum is not None else 2**31 - 1),
                "Format": "None",
            }
        case "bigint":
            return {"MinValue": -(2**63), "MaxValue": 2**63 - 1}
        case "decimal" | "double" | "money":
            return {
                "MinValue": item.minimum if item.minimum is not None else -100000000000,
                "MaxValue": item.maximum if item.maximum is not None else 100000000000,
                "Precision": item.precision if item.precision is not None else 2,
                **(
                    {"PrecisionSource": item.precision_source, "IsBaseCurrency": item.base_currency}
                    if item.type == "money"
                    else {}
                ),
            }
        case "datetime":
            return {
                "Format": item.format or "DateAndTime",
                "DateTimeBehavior": {"Value": item.behavior},
                "CanChangeDateTimeBehavior": managed(True, "canchangedatetimebehavior"),
                "ImeMode": "Inactive",
            }
        case "lookup" | "customer" | "owner":
            return {"Targets": [target.table for target in item.targets], "Format": "None"}
        case "boolean":
            return {"DefaultValue": bool(item.default)}
        case "file":
            return {"MaxSizeInKB": item.max_length or DEFAULT_FILE_KB}
        case "picklist" | "state" | "status" | "multiselect":
            default = item.default
            if table.state is not None and item.type == "status":
                default = table.state.initial_status
            return {"DefaultFormValue": default if isinstance(default, int) else -1}
    return {}


def option_set(table: Table, item: Attribute) -> dict[str, Any] | None:
    """The OptionSet of a choice or yes/no column."""
    if item.type == "boolean":
        return {
            **_option_set_head(table, item, "Boolean"),
            "TrueOption": _option(table, item, 1, item.labels[1]),
            "FalseOption": _option(table, item, 0, item.labels[0]),
        }
    if item.type not in ("picklist", "state", "status", "multiselect"):
        return None
    options = []
    for option in item.options:
        row = _option(table, item, option.value, option.label)
        if item.type == "status" and table.state is not None:
            row["@odata.type"] = "#Microsoft.Dynamics.CRM.StatusOptionMetadata"
            row["State"] = table.state.state_of_status[option.value]
            row["TransitionData"] = None
        if item.type == "state" and table.state is not None:
            row["@odata.type"] = "#Microsoft.Dynamics.CRM.StateOptionMetadata"
            row["DefaultStatus"] = table.state.by_value[option.value].default_status
            row["InvariantName"] = option.label
        options.append(row)
    kind = {"state": "State", "status": "Status"}.get(item.type, "Picklist")
    return {**_option_set_head(table, item, kind), "Options": options}


def _option_set_head(table: Table, item: Attribute, kind: str) -> dict[str, Any]:
    name = item.option_set or f"{table.logical_name}_{item.name}"
    return {
        "MetadataId": metadata_id("optionset", name),
        "Name": name,
        "IsGlobal": item.option_set is not None,
        "IsCustomOptionSet": item.custom,
        "IsManaged": not item.custom,
        "OptionSetType": kind,
        "ParentOptionSetName": None,
        "ExternalTypeName": None,
        "DisplayName": label(item.label or item.name, "optionset", name),
        "Description": label(None),
        "IsCustomizable": managed(True, "iscustomizable"),
        "HasChanged": None,
        "IntroducedVersion": "5.0.0.0",
    }


def _option(table: Table, item: Attribute, value: int, text: str) -> dict[str, Any]:
    return {
        "Value": value,
        "Label": label(text, "option", table.logical_name, item.name, str(value)),
        "Description": label(None),
        "Color": None,
        "IsManaged": not item.custom,
        "ExternalValue": "",
        "ParentValues": [],
        "MetadataId": None,
        "HasChanged": None,
    }


def key(table: Table, item: AlternateKey) -> dict[str, Any]:
    return {
        "MetadataId": key_id(table, item),
        "LogicalName": item.name,
        "SchemaName": item.schema_name or item.name,
        "EntityLogicalName": table.logical_name,
        "KeyAttributes": list(item.attributes),
        "EntityKeyIndexStatus": "Active" if item.active else "Failed",
        "DisplayName": label(item.label or item.name, "key", table.logical_name, item.name),
        "IsCustomizable": managed(True, "iscustomizable"),
        "IsManaged": False,
        "IsSynchronous": False,
        "IsExportKey": False,
        "IsSecondaryKey": False,
        "IntroducedVersion": "1.0",
        "HasChanged": None,
        "AsyncJob": None,
    }


def one_to_many(schema: Schema, item: Relationship) -> dict[str, Any]:
    one = schema.by_name[item.one]
    on_delete = {"Cascade": "Cascade", "Restrict": "Restrict"}.get(item.on_delete, "RemoveLink")
    return {
        "MetadataId": metadata_id("relationship", item.name),
        "SchemaName": item.name,
        "RelationshipType": "OneToManyRelationship",
        "ReferencedEntity": item.one,
        "ReferencedAttribute": one.primary_id,
        "ReferencedEntityNavigationPropertyName": item.nav_on_one,
        "ReferencingEntity": item.many,
        "ReferencingAttribute": item.column,
        "ReferencingEntityNavigationPropertyName": item.nav_on_many,
        "IsHierarchical": False,
        "IsCustomRelationship": item.custom,
        "IsManaged": not item.custom,
        "IsValidForAdvancedFind": True,
        "IsCustomizable": managed(True, "iscustomizable"),
        "SecurityTypes": "Append",
        "EntityKey": None,
        "RelationshipBehavior": 0,
        "IntroducedVersion": "5.0.0.0",
        "HasChanged": None,
        "AssociatedMenuConfiguration": {
            "Behavior": "UseLabel" if item.menu_label else "UseCollectionName",
            "Group": "Details",
            "Label": label(item.menu_label, "menu", item.name),
            "Order": 10000,
            "IsCustomizable": True,
            "Icon": None,
            "ViewId": "00000000-0000-0000-0000-000000000000",
            "AvailableOffline": True,
            "MenuId": None,
            "QueryApi": None,
        },
        "CascadeConfiguration": {
            "Assign": "NoCascade",
            "Delete": on_delete,
            "Archive": on_delete,
            "Merge": "NoCascade",
            "Reparent": "NoCascade",
            "Share": "NoCascade",
            "Unshare": "NoCascade",
            "RollupView": "NoCascade",
        },
    }


def many_to_many(schema: Schema, item: ManyToMany) -> dict[str, Any]:
    return {
        "MetadataId": metadata_id("relationship", item.name),
        "SchemaName": item.name,
        "RelationshipType": "ManyToManyRelationship",
        "Entity1LogicalName": item.first,
        "Entity1IntersectAttribute": item.first_column,
        "Entity1NavigationPropertyName": item.name,
        "Entity2LogicalName": item.second,
        "Entity2IntersectAttribute": item.second_column,
        "Entity2NavigationPropertyName": item.name,
        "IntersectEntityName": item.intersect,
        "IsCustomRelationship": False,
        "IsManaged": True,
        "IsValidForAdvancedFind": True,
        "IsCustomizable": managed(False, "iscustomizable"),
        "SecurityTypes": "None",
        "IntroducedVersion": "5.0.0.0",
        "HasChanged": None,
    }
