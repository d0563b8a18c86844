"""Global choices (option sets): the standard ones, those that clients made, and columns that use them."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.dataverse import crud, errors, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.metadata import definitions_from_json as incoming
from sandbox.dataverse.metadata import describe
from sandbox.dataverse.metadata.customizations import created, load, store
from sandbox.dataverse.metadata.filtering import Row
from sandbox.dataverse.schema import Schema
from sandbox.definitions.dataverse import Attribute, Option, Table, metadata_id
from sandbox.http import Request, Response
from sandbox.odata.url import Segment

if TYPE_CHECKING:
    from sandbox.dataverse.service import DataverseService

_TYPE = "#Microsoft.Dynamics.CRM.OptionSetMetadata"
SHELL = Table("", "", "", 0, "", None, "none", {})
"""Stands for the table where a choice is described that belongs to none."""


def rows(schema: Schema) -> dict[str, Row]:
    """Every global choice by name, as metadata."""
    found: dict[str, Row] = {}
    for table in schema.tables:
        for attribute in table.attributes.values():
            value = describe.option_set(table, attribute) if attribute.option_set is not None else None
            if value is not None:
                found.setdefault(value["Name"], {"@odata.type": _TYPE, **value})
    for name, body in schema.option_sets.items():
        value = describe.option_set(SHELL, column(name, body)) or {}
        value["Description"] = describe.label(body["description"], "optionset", name, "description")
        found[name] = {"@odata.type": _TYPE, **value}
    return found


def bound(context: Context, attribute: Attribute, body: Any) -> Attribute:
    """The column with the options of the global choice that ``GlobalOptionSet@odata.bind`` names, if it names one."""
    url = body.get("GlobalOptionSet@odata.bind") if isinstance(body, dict) else None
    if not isinstance(url, str):
        return attribute
    wanted = url.rpartition("(")[2].rstrip(")").removeprefix("Name=").strip("'")
    for name, row in rows(context.schema).items():
        if wanted in (name, row["MetadataId"]):
            options = tuple(Option(item["Value"], incoming.text_of(item["Label"])) for item in row["Options"])
            return replace(attribute, options=options, option_set=name)
    raise _unknown(wanted)


def create(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    body = crud.body_of(request)
    name = body.get("Name") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name or body.get("OptionSetType", "Picklist") != "Picklist":
        raise errors.invalid_argument("A global choice needs a Name and the OptionSetType Picklist.")
    if name in rows(context.schema):
        raise errors.DataverseError(400, "0x80048403", f"An option set with the name {name} exists already.")
    custom = load(context.tx)
    custom.option_sets[name] = {
        "label": incoming.text_of(body.get("DisplayName")) or name,
        "description": incoming.text_of(body.get("Description")),
        "options": [[option.value, option.label] for option in incoming.options_of(body)],
    }
    store(context, service, custom)
    return created(context, f"GlobalOptionSetDefinitions({metadata_id('optionset', name)})")


def update(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    """Changes labels. Options change by the actions InsertOptionValue and its relatives."""
    custom = load(context.tx)
    name = _own(context, custom.option_sets, segments[0])
    body = crud.body_of(request)
    stored = custom.option_sets[name]
    for part, given in (("label", "DisplayName"), ("description", "Description")):
        stored[part] = incoming.text_of(body.get(given) if isinstance(body, dict) else None) or stored[part]
    store(context, service, custom)
    return responses.no_content()


def delete(context: Context, service: "DataverseService", request: Request, segments: list[Segment]) -> Response:
    custom = load(context.tx)
    name = _own(context, custom.option_sets, segments[0])
    for table in context.schema.tables:
        for attribute in table.attributes.values():
            if attribute.option_set == name:
                path = f"{table.logical_name}.{attribute.name}"
                raise errors.DataverseError(400, "0x8004f01f", f"The option set '{name}' is used by '{path}'.")
    del custom.option_sets[name]
    store(context, service, custom)
    return responses.no_content()


def _own(context: Context, stored: dict[str, Any], segment: Segment) -> str:
    wanted = str(next(iter((segment.keys or {}).values())).value)
    for name in stored:
        if wanted in (name, metadata_id("optionset", name)):
            return name
    if any(wanted in (name, row["MetadataId"]) for name, row in rows(context.schema).items()):
        raise errors.DataverseError(400, "0x8004f01f", f"The option set '{wanted}' is managed and cannot be changed.")
    raise _unknown(wanted)


def _unknown(wanted: str) -> errors.DataverseError:
    return errors.DataverseError(404, "0x80060888", f"Could not find an option set '{wanted}'.")


def column(name: str, body: dict[str, Any]) -> Attribute:
    """A stored global choice as if it were the column of a table."""
    options = tuple(Option(value, text) for value, text in body["options"])
    return Attribute(name, "picklist", body["label"], option_set=name, options=options, custom=True)
