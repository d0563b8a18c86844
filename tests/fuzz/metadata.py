"""The entity sets of a service as its `$metadata` publishes them: what random requests are made of."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from functools import cache

_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


@dataclass(frozen=True)
class Property:
    """``members`` are the names of an enumeration."""

    name: str
    type: str
    max_length: int | None = None
    members: tuple[str, ...] = ()
    writable: bool = True


@dataclass(frozen=True)
class Navigation:
    name: str
    target: str
    """Entity type, without namespace."""
    many: bool


@dataclass
class EntitySet:
    name: str
    type: str
    key: tuple[str, ...]
    properties: dict[str, Property] = field(default_factory=dict)
    navigations: dict[str, Navigation] = field(default_factory=dict)


@dataclass(repr=False)
class Model:
    sets: dict[str, EntitySet]
    bound: list[tuple[str, str]]
    """(entity type, name) of the actions and functions that are bound to one row."""

    def of_type(self, name: str) -> EntitySet | None:
        return next((item for item in self.sets.values() if item.type == name), None)


@cache
def read(document: str) -> Model:
    """Parses CSDL."""
    root = ElementTree.fromstring(document)
    enums = {
        item.get("Name", ""): tuple(member.get("Name", "") for member in item.iter(f"{_EDM}Member"))
        for item in root.iter(f"{_EDM}EnumType")
    }
    types = {item.get("Name", ""): item for item in root.iter(f"{_EDM}EntityType")}
    sets = {}
    for item in root.iter(f"{_EDM}EntitySet"):
        kind = _short(item.get("EntityType", ""))
        element = types[kind]
        declaring = element
        while declaring.find(f"{_EDM}Key") is None and declaring.get("BaseType"):
            declaring = types[_short(declaring.get("BaseType", ""))]
        key = tuple(reference.get("Name", "") for reference in declaring.iter(f"{_EDM}PropertyRef"))
        found = EntitySet(item.get("Name", ""), kind, key)
        for prop in element.findall(f"{_EDM}Property"):
            found.properties[prop.get("Name", "")] = _property(prop, enums)
        for link in element.findall(f"{_EDM}NavigationProperty"):
            name, target = link.get("Name", ""), link.get("Type", "")
            many = target.startswith("Collection(")
            target = target.removeprefix("Collection(").rstrip(")")
            found.navigations[name] = Navigation(name, _short(target), many)
        sets[found.name] = found
    bound = []
    for operation in (*root.iter(f"{_EDM}Action"), *root.iter(f"{_EDM}Function")):
        first = operation.find(f"{_EDM}Parameter")
        if operation.get("IsBound") == "true" and first is not None:
            bound.append((_short(first.get("Type", "")), operation.get("Name", "")))
    return Model(sets, bound)


def _property(element: ElementTree.Element, enums: dict[str, tuple[str, ...]]) -> Property:
    length = element.get("MaxLength", "")
    kind = element.get("Type", "")
    editable = [note.get("Bool") for note in element if note.get("Term", "").endswith("AllowEditOnCreate")]
    return Property(
        element.get("Name", ""),
        kind,
        int(length) if length.isdigit() else None,
        enums.get(_short(kind), ()),
        editable != ["false"],
    )


def _short(name: str) -> str:
    return name.rpartition(".")[2]
