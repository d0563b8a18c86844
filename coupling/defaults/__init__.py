"""The delivered mappings as data: `default-mappings.json`, read once into frozen objects.

Names and flags follow the built-in integration of Business Central; this reader turns its vocabulary into the hub's
(`from_sales` is `to_business_central`) and leaves out the rows that are no attributes of the Web API (`owneridtype`,
`customeridtype`, `parentcustomeridtype`: the target of a bound lookup says what they say).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from connector.choices import Direction
from coupling.choices import MappingKind

_FILE = Path(__file__).parent / "default-mappings.json"
_DIRECTIONS = {"from_sales": Direction.TO_BUSINESS_CENTRAL}
_NOT_AN_ATTRIBUTE = "not-in-web-api"


@dataclass(frozen=True, slots=True)
class Route:
    """One place where Business Central serves a table or a property.

    `service` is "api", "companion", "pages" or "derived"; `entity_set` what has to be offered there; `writable` whether
    the property can be written on this route.
    """

    service: str
    entity_set: str
    property: str = ""
    filter: str = ""
    writable: bool = True
    page: str = ""
    """Published page that shows the table `entity_set` under the names of the companion."""


@dataclass(frozen=True, slots=True)
class DefaultField:
    """A delivered field mapping. `routes` are in order of preference; a constant has none."""

    bc_label: str
    routes: tuple[Route, ...]
    sales_attribute: str
    sales_type: str
    sales_access: str
    sales_lookup: Mapping[str, str]
    direction: Direction
    constant_value: str
    transformation: str
    not_null: bool
    clear_value_on_failed_sync: bool
    used_for_matching: bool
    enabled: bool
    condition: str
    notes: str
    order: int

    @property
    def is_constant(self) -> bool:
        return bool(self.constant_value)


@dataclass(frozen=True, slots=True)
class DefaultMapping:
    """A delivered table mapping. `depends_on` and `depends_on_when` name mappings; implied ones are included."""

    name: str
    variant: str
    kind: MappingKind
    condition: str
    bc_label: str
    routes: tuple[Route, ...]
    sales_table: str
    sales_entity: str
    sales_primary_key: str
    sales_primary_name: str
    option_attribute: str
    option_mirrors: tuple[Mapping[str, str], ...]
    direction: Direction
    sales_filter: str
    synch_only_coupled_records: bool
    create_new_in_case_of_no_match: bool
    synch_after_bulk_coupling: bool
    update_conflict: str
    deletion_conflict: str
    depends_on: tuple[str, ...]
    depends_on_when: Mapping[str, tuple[str, ...]]
    implied_depends_on: tuple[str, ...]
    serialised_with: tuple[str, ...]
    order: int
    interval_minutes: int | None
    inactivity_timeout_minutes: int | None
    initial_sync: str
    clears_company_marker: bool
    fields: tuple[DefaultField, ...]


@dataclass(frozen=True, slots=True)
class DefaultProcess:
    """A recurring process beside the mappings; its schedule is created where `condition` holds."""

    name: str
    condition: str
    default_enabled: bool
    interval_minutes: int
    summary: str


@cache
def default_mappings() -> tuple[DefaultMapping, ...]:
    """Every delivered mapping, both variants of the order mapping included, in execution order."""
    found = (_mapping(row) for row in _document()["mappings"])
    return tuple(sorted(found, key=lambda mapping: (mapping.order, mapping.name)))


@cache
def default_processes() -> tuple[DefaultProcess, ...]:
    return tuple(
        DefaultProcess(
            name=row["name"],
            condition=row["condition"] or "",
            default_enabled=row["default_enabled"],
            interval_minutes=row["interval_minutes"],
            summary=row["summary"],
        )
        for row in _document()["processes"]
    )


@cache
def delivered_transformations() -> frozenset[str]:
    """Names of the transformations that delivered field mappings use."""
    return frozenset(field.transformation for mapping in default_mappings() for field in mapping.fields) - {""}


@cache
def pages_by_number() -> frozenset[str]:
    """Page services whose key is a number or code: their rows cannot be told which record of a table they show."""
    return frozenset(
        row["service"] for row in _document()["odata_v4_services"] if not str(row["key"] or "").startswith("id")
    )


def holds(condition: str, switches: Mapping[str, str]) -> bool:
    """Whether a condition such as `"sales_order_integration=legacy or bidirectional"` holds; blank always does."""
    if not condition:
        return True
    switch, _, values = condition.partition("=")
    return switches[switch.strip()] in {value.strip() for value in values.split(" or ")}


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return document


def _direction(text: str) -> Direction:
    return _DIRECTIONS.get(text) or Direction(text)


def _table_routes(row: Mapping[str, Any]) -> tuple[Route, ...]:
    bc = row["business_central"]
    odata = (row["bc_filter"] or {}).get("odata") or ""
    if bc["source"] == "derived":
        return (Route("derived", bc["api_entity_set"]),)
    if bc["source"] == "api-v2.0":
        return (Route("api", bc["api_entity_set"], filter=odata),)
    companion = bc.get("companion")
    if not companion:
        return (Route("pages", bc["api_entity_set"], filter=odata),)
    table, text = companion["entity_set"], companion["filter"] or ""
    return Route("companion", table, filter=text), Route("pages", table, filter=text, page=bc["api_entity_set"])


def _field_routes(row: Mapping[str, Any], mapping: Mapping[str, Any]) -> tuple[Route, ...]:
    """Where a property is served, best first: the mapping's own table, the companion's, another page."""
    bc = mapping["business_central"]
    routes: list[Route] = []
    if row["bc_property"]:
        own = "derived" if bc["source"] == "derived" else "api"
        routes.append(
            Route(own, bc["api_entity_set"], row["bc_property"], writable=row["bc_property_access"] != "read-only")
        )
    if other := row.get("bc_alternative_api"):
        routes.append(Route("api", other["entity_set"], other["property"]))
    if extra := row.get("bc_companion"):
        routes.append(Route("companion", extra["entity_set"], extra["property"]))
    if page := row.get("bc_alternative"):
        translated = bc.get("companion", {}).get("properties", {}).get(page["property"])
        if translated and page["service"] == bc["api_entity_set"]:
            table, writable = bc["companion"]["entity_set"], page["access"] != "read-only"
            routes.append(Route("companion", table, translated))
            routes.append(Route("pages", table, translated, writable=writable, page=page["service"]))
        else:
            routes.append(Route("pages", page["service"], page["property"], writable=page["access"] != "read-only"))
    return tuple(routes)


def _field(row: Mapping[str, Any], mapping: Mapping[str, Any], order: int) -> DefaultField:
    constant = row["constant_value"]
    return DefaultField(
        bc_label=row["bc_field"] or "",
        routes=_field_routes(row, mapping),
        sales_attribute=row["sales_attribute"] or "",
        sales_type=row.get("sales_type") or "",
        sales_access=row.get("sales_access") or "",
        sales_lookup=row.get("sales_lookup") or {},
        direction=_direction(row["direction"]),
        constant_value="" if constant is None else _constant(constant),
        transformation=row["transformation"] or "",
        not_null=row["not_null"],
        clear_value_on_failed_sync=row["clear_value_on_failed_sync"],
        used_for_matching=row["used_for_matching"],
        enabled=row["enabled"],
        condition=row["condition"] or "",
        notes=row["notes"],
        order=order,
    )


def _constant(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(row: Mapping[str, Any]) -> DefaultMapping:
    sales, job, conflicts = row["sales"], row["job"], row["conflict_resolution"]
    rows = [field for field in row["fields"] if field.get("sales_access") != _NOT_AN_ATTRIBUTE]
    return DefaultMapping(
        name=row["name"],
        variant=row.get("variant") or "",
        kind=MappingKind(row.get("kind") or MappingKind.RECORD),
        condition=row["condition"] or "",
        bc_label=row["business_central"]["al_table"],
        routes=_table_routes(row),
        sales_table=sales["entity_set"],
        sales_entity=sales["table"],
        sales_primary_key=sales["primary_key"] or "",
        sales_primary_name=sales["primary_name"] or "",
        option_attribute=sales.get("option_set_attribute") or "",
        option_mirrors=tuple(sales.get("mirrored_to") or ()),
        direction=_direction(row["direction"]),
        sales_filter=(row["sales_filter"] or {}).get("odata") or "",
        synch_only_coupled_records=row["synch_only_coupled_records"],
        create_new_in_case_of_no_match=row["create_new_in_case_of_no_match"],
        synch_after_bulk_coupling=row["synch_after_bulk_coupling"],
        update_conflict=conflicts["update"].replace("-", "_"),
        deletion_conflict=conflicts["deletion"].replace("-", "_"),
        depends_on=tuple(row["depends_on"]),
        depends_on_when={key: tuple(names) for key, names in (row.get("depends_on_when") or {}).items()},
        implied_depends_on=tuple(row["implied_depends_on"]),
        serialised_with=tuple(job["serialised_with"] or ()),
        order=row["order"],
        interval_minutes=job["interval_minutes"],
        inactivity_timeout_minutes=job["inactivity_timeout_minutes"],
        initial_sync=row["initial_sync"],
        clears_company_marker=row["uncoupling_handler"] == "clear-company-id",
        fields=tuple(_field(field, row, order) for order, field in enumerate(rows)),
    )
