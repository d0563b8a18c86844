"""Base tables and pages of Business Central, built from the definitions.

A *base table* is stored; a *page* (an entity set of one of the services) shows some of its fields under other names.
Names follow AL: a field is called as in the product ("Salesperson Code"), its SQL column is that in snake case.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

DEFINITIONS = Path(__file__).resolve().parent.parent / "definitions"
COMPANION_SERVICE = "api/couplet/integration/v1.0"
STANDARD_SERVICE = "api/v2.0"
PAGES_SERVICE = "ODataV4"
RUNTIME_SERVICE = "api/microsoft/runtime/beta"

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
BLANK_DATE = "0001-01-01"
BLANK_DATETIME = "0001-01-01T00:00:00Z"

_KINDS = {
    "Edm.String": "text",
    "Edm.Guid": "guid",
    "Edm.Decimal": "decimal",
    "Edm.Boolean": "boolean",
    "Edm.Int32": "integer",
    "Edm.Int64": "bigint",
    "Edm.Date": "date",
    "Edm.DateTimeOffset": "datetime",
    "Edm.Stream": "stream",
}
_ENCODED = re.compile(r"_x([0-9A-F]{4})_")
_NOT_WORD = re.compile(r"[^A-Za-z0-9]+")


def column_name(field_name: str) -> str:
    """SQL column of an AL field: "Line Discount %" -> line_discount_percent, "SystemId" -> system_id."""
    spelled = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field_name.replace("%", " percent ").replace("No.", "No "))
    return _NOT_WORD.sub("_", spelled).strip("_").lower()


def sql_table_name(table_name: str) -> str:
    return "bc_" + column_name(table_name)


def decode_name(encoded: str) -> str:
    """The AL member behind an API name: "_x0020_" -> "" (blank), "Non_x002D_Inventory" -> "Non-Inventory"."""
    return _ENCODED.sub(lambda match: chr(int(match[1], 16)), encoded).strip()


@dataclass(frozen=True, slots=True, eq=False)
class Enum:
    """Members are stored under their AL name; the API encodes that name, page services show the caption."""

    name: str
    api: dict[str, str]
    captions: dict[str, str]

    @property
    def blank(self) -> str:
        return next(iter(self.api))


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    name: str
    column: str
    kind: str
    length: int | None = None
    is_code: bool = False
    enum: Enum | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DerivedId:
    """An id that follows from a code: "Currency Id" is the SystemId of the currency in "Currency Code"."""

    table: str
    code_field: str


@dataclass(frozen=True, slots=True, eq=False)
class BaseTable:
    name: str
    sql_name: str
    key: tuple[str, ...]
    fields: dict[str, Field]
    derived_ids: dict[str, DerivedId]
    number_series: str | None
    indexes: tuple[str, ...]

    def column(self, field_name: str) -> str:
        return self.fields[field_name].column

    @property
    def key_columns(self) -> tuple[str, ...]:
        return tuple(self.column(name) for name in self.key)


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    name: str
    edm_type: str
    kind: str
    length: int | None
    is_code: bool
    read_only: bool
    required: bool
    computed: bool
    filterable: bool
    field: str | None
    enum: Enum | None
    options: tuple[str, ...]
    relates_to: tuple[str, str] | None
    local_currency: bool


@dataclass(frozen=True, slots=True, eq=False)
class Navigation:
    name: str
    target: str
    many: bool
    contained: bool
    served: bool


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    entity_set: str
    entity: str
    service: str
    table: str
    caption: str
    key: tuple[str, ...]
    properties: dict[str, Property]
    navigation: dict[str, Navigation]
    actions: tuple[str, ...]
    can_insert: bool
    can_modify: bool
    can_delete: bool
    source_filter: tuple[tuple[str, str | bool], ...]
    webhook: bool
    aliases: tuple[str, ...] = ()
    by_field: dict[str, Property] = field(default_factory=dict)

    @property
    def is_api(self) -> bool:
        """API pages encode enum names and translate the local currency, page services do neither."""
        return self.service.startswith("api/")


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    enums: dict[str, Enum]
    tables: dict[str, BaseTable]
    services: dict[str, dict[str, Page]]

    def page(self, service: str, entity_set: str) -> Page | None:
        return self.services.get(service, {}).get(entity_set)

    def find_page(self, service: str, entity_set: str) -> Page | None:
        """The page a relation names: of the same service, else of the standard or the companion API."""
        services = (service, STANDARD_SERVICE, COMPANION_SERVICE)
        return next((page for name in services if (page := self.page(name, entity_set)) is not None), None)


def _enums(raw: dict[str, Any]) -> dict[str, Enum]:
    enums = {}
    for name, spec in raw.items():
        members = spec["members"]
        enums[name] = Enum(
            name=name,
            api={decode_name(member["api"]): member["api"] for member in members},
            captions={decode_name(member["api"]): member["odata"] for member in members},
        )
    return enums


def _property(raw: dict[str, Any], enums: dict[str, Enum]) -> Property:
    enum = enums.get(raw.get("enum", ""))
    relates = re.fullmatch(r"(\w+)\.(\w+)", raw.get("relatesTo", ""))
    return Property(
        name=raw["name"],
        edm_type=raw["type"],
        kind="enum" if enum else "option" if raw.get("options") else _KINDS[raw["type"]],
        length=raw.get("maxLength"),
        is_code=raw.get("code", False),
        read_only=raw.get("readOnly", False) or raw.get("flowField", False),
        required=raw.get("required", False),
        computed=raw.get("computed", False),
        filterable=raw.get("filterable", True),
        field=raw.get("field"),
        enum=enum,
        options=tuple(raw.get("options", ())),
        relates_to=(relates[1], relates[2]) if relates else None,
        local_currency=raw.get("localCurrency", False),
    )


def _page(raw: dict[str, Any], enums: dict[str, Enum]) -> Page:
    properties = {p["name"]: _property(p, enums) for p in raw["properties"]}
    service = COMPANION_SERVICE if "{publisher}" in raw["service"] else raw["service"]
    operations = raw["operations"]
    return Page(
        entity_set=raw["entitySet"],
        entity=raw.get("entity", raw["entitySet"]),
        service=service,
        table=raw.get("sourceTable", ""),
        caption=raw.get("pageName") or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", raw["entitySet"]).capitalize(),
        key=tuple(raw["key"]),
        properties=properties,
        navigation={
            n["name"]: Navigation(
                name=n["name"],
                target=n.get("target", n["name"]),
                many=n["many"],
                contained=n.get("contained", False),
                served=not n.get("skip", False),
            )
            for n in raw.get("navigation", ())
            if n["name"] != "*"
        },
        actions=tuple(action["name"].rpartition(".")[2] for action in raw.get("actions", ())),
        can_insert=operations["post"],
        can_modify=operations["patch"],
        can_delete=operations["delete"],
        source_filter=tuple(raw.get("sourceFilter", {}).items()),
        webhook=raw.get("webhook", "no") != "no",
        aliases=tuple(raw.get("aliases", ())),
        by_field={p.field: p for p in properties.values() if p.field},
    )


_SYSTEM_FIELDS = (
    Field("SystemId", "system_id", "guid"),
    Field("SystemCreatedAt", "system_created_at", "datetime"),
    Field("SystemModifiedAt", "system_modified_at", "datetime"),
)


def _raw_field(raw: dict[str, Any], enums: dict[str, Enum]) -> Field:
    enum = enums.get(raw.get("enum", ""))
    kind = "text" if enum or raw.get("options") else _KINDS.get(raw["type"], "text")
    return Field(
        name=raw["field"],
        column=column_name(raw["field"]),
        kind="text" if kind == "stream" else kind,
        length=raw.get("maxLength"),
        is_code=raw.get("code", False),
        enum=enum,
    )


def _table(raw: dict[str, Any], shown: list[dict[str, Any]], enums: dict[str, Enum]) -> BaseTable:
    derived = {name: DerivedId(*spec) for name, spec in raw.get("derivedIds", {}).items()}
    fields = {f.name: f for f in _SYSTEM_FIELDS}
    for spec in [*raw.get("fields", ()), *shown]:
        name = spec["field"]
        if name in derived or spec.get("flowField") or name == "SystemRowVersion":
            continue
        candidate = _raw_field(spec, enums)
        known = fields.get(name)
        if known is None or (known.enum is None and candidate.enum is not None):
            fields[name] = candidate
    return BaseTable(
        name=raw["name"],
        sql_name=sql_table_name(raw["name"]),
        key=tuple(raw["key"]),
        fields=fields,
        derived_ids=derived,
        number_series=raw.get("numberSeries"),
        indexes=tuple(raw.get("index", ())),
    )


@cache
def load_schema() -> Schema:
    """Read both definition files once per process."""
    entities = json.loads((DEFINITIONS / "business-central-entities.json").read_text(encoding="utf-8"))
    tables = json.loads((DEFINITIONS / "business-central-tables.json").read_text(encoding="utf-8"))
    enums = _enums(entities["enums"])
    raw_pages = [*entities["entities"], *entities["odataPages"], *entities["companionApi"]["entities"]]
    shown: dict[str, list[dict[str, Any]]] = {}
    services: dict[str, dict[str, Page]] = {}
    for raw in raw_pages:
        shown.setdefault(raw.get("sourceTable", ""), []).extend(p for p in raw["properties"] if p.get("field"))
        page = _page(raw, enums)
        for name in (page.entity_set, *page.aliases):
            services.setdefault(page.service, {})[name] = page
    return Schema(
        enums=enums,
        tables={raw["name"]: _table(raw, shown.get(raw["name"], []), enums) for raw in tables["tables"]},
        services=services,
    )
