"""Reads the standard tables of Dataverse from JSON.

``dataverse-tables.json`` has what the hub couples, ``dataverse-neighbours.json`` what the examples of public clients
touch beside it.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.definitions.dataverse import (
    Attribute,
    Definitions,
    ManyToMany,
    Option,
    Relationship,
    State,
    StateModel,
    Table,
    Target,
)


@cache
def load() -> Definitions:
    """The standard tables; frozen and shared."""
    source = _read("dataverse-tables.json")
    neighbours = _read("dataverse-neighbours.json")
    for body in source["tables"]:
        body["attributes"] += neighbours["more_attributes"].get(body["logical_name"], [])
    source["tables"] += neighbours["tables"]
    source["relationships"] += neighbours["relationships"]
    known = {body["logical_name"] for body in source["tables"]}
    tables = tuple(_table(body, known, source["option_sets"]) for body in source["tables"])
    relationships = [
        Relationship(
            name=item["nav_on_one"],
            one=item["one"],
            many=item["many"],
            column=item["column"],
            nav_on_many=item["nav_on_many"],
            nav_on_one=item["nav_on_one"],
            on_delete=item["on_delete_of_one"],
        )
        for item in source["relationships"]
    ]
    relationships += _implied(tables, relationships)
    return Definitions(tables, tuple(relationships), tuple(ManyToMany(**item) for item in source["many_to_many"]))


def _read(name: str) -> dict[str, Any]:
    return dict(json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8")))


def _implied(tables: tuple[Table, ...], listed: list[Relationship]) -> list[Relationship]:
    """Every lookup is a relationship; those that are not listed clear the link when the row they point to goes away."""
    present = {(item.one, item.many, item.column) for item in listed}
    result = []
    for table in tables:
        for attribute in table.attributes.values():
            for target in attribute.targets:
                if (target.table, table.logical_name, attribute.name) not in present:
                    name = f"{target.table}_{table.logical_name}_{attribute.name}"
                    result.append(
                        Relationship(
                            name, target.table, table.logical_name, attribute.name, target.nav, name, "RemoveLink"
                        )
                    )
    return result


def _table(body: dict[str, Any], known: set[str], option_sets: dict[str, Any]) -> Table:
    state = _state(body["state"]) if body.get("state") else None
    attributes = {item["name"]: _attribute(item, known, option_sets, state) for item in body["attributes"]}
    if body["logical_name"] in ("systemuser", "team"):
        # Both inherit from principal, whose key property ownerid repeats the row's id.
        attributes["ownerid"] = Attribute("ownerid", "uniqueidentifier", "Owner", "OwnerId", create=False, update=False)
    return Table(
        logical_name=body["logical_name"],
        schema_name=body["schema_name"],
        entity_set=body["entity_set"],
        object_type_code=body["object_type_code"],
        primary_id=body["primary_id"],
        primary_name=body["primary_name"],
        ownership=body["ownership"],
        attributes=attributes,
        state=state,
        change_tracking=body["sandbox_change_tracking"],
        messages=tuple(body.get("messages", ())),
        provided_by=body.get("provided_by"),
        intersect=body.get("intersect", False),
    )


def _state(body: dict[str, Any]) -> StateModel:
    states = tuple(
        State(
            item["value"],
            item["label"],
            tuple(Option(status["value"], status["label"]) for status in item["statuses"]),
            item["default_status"],
        )
        for item in body["states"]
    )
    return StateModel(
        body["initial_statecode"], body["initial_statuscode"], states, _transitions(body.get("transitions", ()))
    )


def _transitions(texts: Any) -> frozenset[tuple[int, int]]:
    """The pairs of lines such as ``0->4, 1->4 or 3->4 PATCH statecode 4``; other lines belong to actions."""
    pairs = set()
    for text in texts:
        before, patch, _ = text.partition(" PATCH")
        if patch:
            for part in before.replace(" or ", ",").split(","):
                first, arrow, second = part.strip().partition("->")
                if arrow:
                    pairs.add((int(first), int(second)))
    return frozenset(pairs)


def _attribute(
    item: dict[str, Any], known: set[str], option_sets: dict[str, Any], state: StateModel | None
) -> Attribute:
    options = item.get("options") or option_sets.get(item.get("option_set", ""), ())
    if item["type"] == "state" and state is not None:
        options = [{"value": entry.value, "label": entry.label} for entry in state.states]
    if item["type"] == "status" and state is not None:
        options = [{"value": s.value, "label": s.label} for entry in state.states for s in entry.statuses]
    labels = item.get("labels", ("No", "Yes"))
    return Attribute(
        name=item["name"],
        type=item["type"],
        label=item.get("label", ""),
        schema_name=item["name"][:1].upper() + item["name"][1:],
        max_length=item.get("max_length"),
        required=item.get("required", "none"),
        create=item.get("create", True),
        update=item.get("update", True),
        default=item.get("default"),
        options=tuple(Option(option["value"], option["label"]) for option in options),
        option_set=item.get("option_set"),
        labels=(labels[0], labels[1]),
        targets=tuple(
            Target(target["table"], target["nav"]) for target in item.get("targets", ()) if target["table"] in known
        ),
        precision=item.get("precision"),
        precision_source=item.get("precision_source", 2),
        minimum=item.get("min"),
        maximum=item.get("max"),
        behavior=item.get("behavior", "UserLocal"),
        format=item.get("format"),
        calculated=item.get("calculated", False),
        base_currency=item.get("base_currency", False),
        provided_by=item.get("provided_by"),
        primary_id=item.get("primary_id", False),
        primary_name=item.get("primary_name", False),
    )
