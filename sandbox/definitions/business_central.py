"""Business Central's entities and pages as frozen dataclasses (source: ``business-central-entities.json``)."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Service = Literal["api", "pages", "companion"]

_SOURCE = Path(__file__).with_name("business-central-entities.json")


@dataclass(frozen=True, slots=True)
class EnumMember:
    """``api`` is the encoded name of API pages, ``caption`` what OData page services show."""

    ordinal: int
    api: str
    caption: str


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    type: str
    """EDM type; properties of an AL enum have ``Microsoft.NAV.<enum>`` and `enum` set."""
    field: str = ""
    """AL table field."""
    max_length: int | None = None
    code: bool = False
    """AL Code: stored trimmed and in upper case."""
    read_only: bool = False
    required: bool = False
    flow_field: bool = False
    computed: bool = False
    filterable: bool = True
    key_part: bool = False
    enum: str | None = None
    options: tuple[str, ...] = ()
    relates_to: str | None = None
    """``<entitySet>.<property>``; a name in parentheses is a table without a standard entity set."""


@dataclass(frozen=True, slots=True)
class Navigation:
    name: str
    target: str | None
    many: bool
    contained: bool = False
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity set of an API page or one published page."""

    entity_set: str
    entity: str
    service: Service
    page_id: int | None
    source_table: str
    key: tuple[str, ...]
    natural_key: tuple[str, ...]
    get: bool
    post: bool
    patch: bool
    delete: bool
    webhook: str
    company_scoped: bool
    properties: tuple[Property, ...]
    navigation: tuple[Navigation, ...]
    actions: tuple[str, ...]
    raw: dict[str, Any]
    """The JSON object itself, for what only one module needs (fixed filters, parents, rules)."""

    def property(self, name: str) -> Property | None:
        return next((item for item in self.properties if item.name == name), None)


@dataclass(frozen=True, slots=True)
class Definitions:
    enums: dict[str, tuple[EnumMember, ...]]
    entities: tuple[Entity, ...]

    def of(self, service: Service) -> dict[str, Entity]:
        return {entity.entity_set: entity for entity in self.entities if entity.service == service}


@cache
def load() -> Definitions:
    """All of the file; the result is shared, and frozen for that reason."""
    source = json.loads(_SOURCE.read_text(encoding="utf-8"))
    enums = {
        name: tuple(EnumMember(m["ordinal"], m["api"], m["odata"]) for m in body["members"])
        for name, body in source["enums"].items()
    }
    sections: tuple[tuple[Service, list[dict[str, Any]]], ...] = (
        ("api", source["entities"]),
        ("pages", source["odataPages"]),
        ("companion", source["companionApi"]["entities"]),
    )
    return Definitions(enums, tuple(_entity(service, body) for service, bodies in sections for body in bodies))


def _entity(service: Service, body: dict[str, Any]) -> Entity:
    operations = body.get("operations", {})
    natural = body.get("naturalKey") or ()
    return Entity(
        entity_set=body["entitySet"],
        entity=body.get("entity", body["entitySet"]),
        service=service,
        page_id=body.get("pageId"),
        source_table=body.get("sourceTable", ""),
        key=tuple(body["key"]),
        natural_key=(natural,) if isinstance(natural, str) else tuple(natural),
        get=operations.get("get", False),
        post=operations.get("post", False),
        patch=operations.get("patch", False),
        delete=operations.get("delete", False),
        webhook=body.get("webhook", "no"),
        company_scoped=body.get("companyScoped", True),
        properties=tuple(_property(item) for item in body.get("properties", ())),
        navigation=tuple(
            Navigation(
                item["name"],
                item.get("target"),
                item.get("many", False),
                item.get("contained", False),
                item.get("skip", False),
            )
            for item in body.get("navigation", ())
        ),
        actions=tuple(item if isinstance(item, str) else item["name"] for item in body.get("actions", ())),
        raw=body,
    )


def _property(item: dict[str, Any]) -> Property:
    return Property(
        name=item["name"],
        type=item["type"],
        field=item.get("field", ""),
        max_length=item.get("maxLength"),
        code=item.get("code", False),
        read_only=item.get("readOnly", False),
        required=item.get("required", False),
        flow_field=item.get("flowField", False),
        computed=item.get("computed", False),
        filterable=item.get("filterable", True),
        key_part=item.get("keyPart", False),
        enum=item.get("enum"),
        options=tuple(item.get("options", ())),
        relates_to=item.get("relatesTo"),
    )
