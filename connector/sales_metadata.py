"""What a Sales organisation says about its tables: names, keys, lookups, choices. Part of `connector.sales`.

Set names, primary keys and navigation names are never built from other names; the organisation is the authority.
"""

from dataclasses import dataclass, field
from typing import Any

from connector.cached import cached, forget
from connector.errors import ErrorKind, RemoteError, Retry
from connector.http.session import ODataSession
from connector.odata import literal

_TABLE_PROPERTIES = (
    "LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,ChangeTrackingEnabled,OwnershipType"
)
# English, which every organisation has as base or additional language.
_LABEL_LANGUAGE = 1033
_FILLED_BY_THE_SERVER = frozenset({"Picklist", "Boolean", "State", "Status", "Uniqueidentifier", "Owner"})


@dataclass(frozen=True, slots=True)
class TableInfo:
    """Names of one table. `entity` is its logical name, `table` its entity set, `owned`: rows belong to somebody."""

    entity: str
    table: str
    primary_id: str
    primary_name: str
    change_tracking: bool
    owned: bool = False

    @property
    def has_modified_on(self) -> bool:
        """Tracked tables are those with records of people; all of them have the column."""
        return self.change_tracking


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a choice column."""

    value: int
    label: str


@dataclass(frozen=True, slots=True)
class EntityMetadata:
    """Columns and lookups of one table.

    `attributes`: logical name to attribute type as the organisation names it ("String", "Lookup", "Money" …).
    `navigation`: lookup column to {target entity: navigation property}; the names to bind with.
    """

    info: TableInfo
    attributes: dict[str, str] = field(default_factory=dict)
    navigation: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column as people choose it. `length` in characters, for text only.

    `required`: people have to fill it in for a new row. Choices and switches that the server itself insists on come
    with a default of theirs and are not meant.
    """

    name: str
    label: str
    type: str
    creatable: bool
    updatable: bool
    length: int | None = None
    required: bool = False


class SalesMetadata:
    """The metadata half of the Sales client."""

    session: ODataSession

    def __init__(self) -> None:
        self._tables: dict[str, TableInfo] = {}

    def tables(self) -> dict[str, TableInfo]:
        """All tables of the organisation by entity set."""
        if not self._tables:
            rows = cached(f"{self.session.root}:tables", self._ask_for_tables)
            self._tables = {row[1]: TableInfo(*row) for row in rows}
        return self._tables

    def table(self, table: str) -> TableInfo:
        """Raises RemoteError `sales.unknown_table`."""
        if table not in self.tables():
            # It may have been made since the list was kept.
            forget(f"{self.session.root}:tables")
            self._tables = {}
        tables = self.tables()
        if table not in tables:
            raise RemoteError(
                f"Sales has no table {table}.",
                kind=ErrorKind.CONFIG,
                code="sales.unknown_table",
                retry=Retry.NEVER,
                system=self.session.system,
                hint="Check the mapping's Sales table, and whether the solution that brings it is installed.",
            )
        return tables[table]

    def entity_metadata(self, entity: str) -> EntityMetadata:
        """Columns and lookups of a table by its logical name; kept for ten minutes."""
        data = cached(f"{self.session.root}:entity:{entity}", lambda: self._ask_for_entity(entity))
        return EntityMetadata(TableInfo(*data["info"]), data["attributes"], data["navigation"])

    def labels(self) -> dict[str, str]:
        """Names that people gave the tables, by entity set; kept for ten minutes."""
        rows: dict[str, str] = cached(f"{self.session.root}:labels", self._ask_for_labels)
        return rows

    def columns(self, entity: str) -> list[ColumnInfo]:
        """Readable columns of a table with their names for people and their lengths; kept for ten minutes."""
        rows = cached(f"{self.session.root}:columns:{entity}", lambda: self._ask_for_columns(entity))
        return [ColumnInfo(*row) for row in rows]

    def options(self, entity: str, attribute: str) -> list[Option]:
        """The choices of a column, in the organisation's order; always read live."""
        path = (
            f"EntityDefinitions(LogicalName={literal(entity)})/Attributes(LogicalName={literal(attribute)})"
            "/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)"
        )
        rows = self.session.get(path).data["OptionSet"]["Options"]
        return [Option(row["Value"], _label(row["Label"])) for row in rows]

    def insert_option(self, entity: str, attribute: str, label: str, *, value: int | None = None) -> int:
        """Adds a choice and returns its value. It shows after `publish`."""
        body: dict[str, Any] = {
            "EntityLogicalName": entity,
            "AttributeLogicalName": attribute,
            "Label": _label_body(label),
        }
        if value is not None:
            body["Value"] = value
        return int(self.session.send("POST", "InsertOptionValue", body=body).data["NewOptionValue"])

    def update_option(self, entity: str, attribute: str, value: int, label: str) -> None:
        """Renames a choice. It shows after `publish`."""
        body = {
            "EntityLogicalName": entity,
            "AttributeLogicalName": attribute,
            "Value": value,
            "Label": _label_body(label),
            "MergeLabels": True,
        }
        self.session.send("POST", "UpdateOptionValue", body=body, repeatable=True)

    def publish(self, *entities: str) -> None:
        """Makes changed choices of these tables visible."""
        listed = "".join(f"<entity>{entity}</entity>" for entity in entities)
        xml = f"<importexportxml><entities>{listed}</entities></importexportxml>"
        self.session.send("POST", "PublishXml", body={"ParameterXml": xml}, repeatable=True)

    def track_changes(self, entity: str) -> bool:
        """Has the organisation keep track of a table's changes from now on; False where it cannot."""
        path = f"EntityDefinitions(LogicalName={literal(entity)})"
        definition = self.session.get(path).data
        if not (definition.get("CanChangeTrackingBeEnabled") or {}).get("Value", True):
            return False
        # A definition is replaced as a whole; labels in other languages stay.
        body = {**definition, "ChangeTrackingEnabled": True}
        self.session.send("PUT", path, body=body, headers={"MSCRM.MergeLabels": "true"}, repeatable=True)
        self.publish(entity)
        forget(f"{self.session.root}:tables")
        forget(f"{self.session.root}:entity:{entity}")
        self._tables = {}
        return True

    def _ask_for_tables(self) -> list[list[Any]]:
        rows = self.session.get(f"EntityDefinitions?$select={_TABLE_PROPERTIES}").data["value"]
        return [_info_row(row) for row in rows if row.get("EntitySetName")]

    def _ask_for_labels(self) -> dict[str, str]:
        rows = self.session.get("EntityDefinitions?$select=EntitySetName,DisplayName").data["value"]
        return {row["EntitySetName"]: _label(row["DisplayName"]) for row in rows if row.get("EntitySetName")}

    def _ask_for_columns(self, entity: str) -> list[list[Any]]:
        attributes = f"EntityDefinitions(LogicalName={literal(entity)})/Attributes"
        names = "LogicalName,DisplayName,AttributeType,RequiredLevel,IsValidForRead,IsValidForCreate,IsValidForUpdate"
        rows = self.session.get(f"{attributes}?$select={names}").data["value"]
        lengths: dict[str, int] = {}
        for kind in ("String", "Memo"):
            found = self.session.get(
                f"{attributes}/Microsoft.Dynamics.CRM.{kind}AttributeMetadata?$select=LogicalName,MaxLength"
            ).data["value"]
            lengths |= {row["LogicalName"]: row["MaxLength"] for row in found if row.get("MaxLength")}
        return [
            [
                row["LogicalName"],
                _label(row.get("DisplayName") or {}) or row["LogicalName"],
                row.get("AttributeType") or "",
                bool(row.get("IsValidForCreate")),
                bool(row.get("IsValidForUpdate")),
                lengths.get(row["LogicalName"]),
                _is_required(row),
            ]
            for row in rows
            if row.get("IsValidForRead", True)
        ]

    def _ask_for_entity(self, entity: str) -> dict[str, Any]:
        definition = f"EntityDefinitions(LogicalName={literal(entity)})"
        info = self.session.get(f"{definition}?$select={_TABLE_PROPERTIES}").data
        attributes = self.session.get(f"{definition}/Attributes?$select=LogicalName,AttributeType").data["value"]
        lookups = self.session.get(
            f"{definition}/ManyToOneRelationships"
            "?$select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName"
        ).data["value"]
        navigation: dict[str, dict[str, str]] = {}
        for row in lookups:
            targets = navigation.setdefault(row["ReferencingAttribute"], {})
            targets[row["ReferencedEntity"]] = row["ReferencingEntityNavigationPropertyName"]
        return {
            "info": _info_row(info),
            "attributes": {row["LogicalName"]: row.get("AttributeType", "") for row in attributes},
            "navigation": navigation,
        }


def _info_row(row: dict[str, Any]) -> list[Any]:
    return [
        row["LogicalName"],
        row["EntitySetName"],
        row.get("PrimaryIdAttribute") or "",
        row.get("PrimaryNameAttribute") or "",
        bool(row.get("ChangeTrackingEnabled")),
        row.get("OwnershipType") == "UserOwned",
    ]


def _is_required(row: dict[str, Any]) -> bool:
    level = (row.get("RequiredLevel") or {}).get("Value")
    return level == "ApplicationRequired" or (
        level == "SystemRequired" and row.get("AttributeType") not in _FILLED_BY_THE_SERVER
    )


def _label(label: dict[str, Any]) -> str:
    own: dict[str, Any] = label.get("UserLocalizedLabel") or next(iter(label.get("LocalizedLabels") or []), {})
    return str(own.get("Label") or "")


def _label_body(label: str) -> dict[str, Any]:
    return {
        "@odata.type": "Microsoft.Dynamics.CRM.Label",
        "LocalizedLabels": [
            {
                "@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel",
                "Label": label,
                "LanguageCode": _LABEL_LANGUAGE,
            }
        ],
    }
