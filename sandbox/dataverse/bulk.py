"""Bulk messages: many rows of one table in one request and one transaction, all or nothing."""

from collections.abc import Callable
from typing import Any

from sandbox.dataverse import crud, errors, records, references, responses
from sandbox.dataverse.context import Context
from sandbox.definitions.dataverse import Table
from sandbox.http import Request, Response
from sandbox.odata.ast import Literal
from sandbox.odata.url import UrlError, parse_path


def _targets(context: Context, request: Request, table: Table) -> list[dict[str, Any]]:
    """The checked targets of a bulk message. Tables with a closed list of messages do not have these."""
    if table.messages:
        message = request.path.rpartition(".")[2]
        raise errors.DataverseError(
            400,
            "0x80040800",
            f"The '{message}' method does not support entities of type '{table.logical_name}'.",
        )
    body = crud.body_of(request)
    targets = body.get("Targets") if isinstance(body, dict) else None
    if not isinstance(targets, list) or not targets or not all(isinstance(item, dict) for item in targets):
        raise errors.bad_payload("The parameter 'Targets' must be a list of objects that is not empty.")
    if set(body) - {"Targets"}:
        raise errors.bad_payload("The request has an unknown parameter.")
    if len(targets) > context.profile.bulk_limit:
        raise errors.invalid_argument(f"At most {context.profile.bulk_limit} targets are allowed in one request.")
    for item in targets:
        given = item.get("@odata.type")
        name = str(given or "").lstrip("#")
        if given is None:
            raise errors.bad_payload("Every target needs '@odata.type'.")
        if name != f"Microsoft.Dynamics.CRM.{table.logical_name}":
            raise errors.bad_payload(f"The type '{name}' does not fit the entity set '{table.entity_set}'.")
    return targets


def create_multiple(context: Context, request: Request, table: Table) -> Response:
    keys = [records.create(context, table, item) for item in _targets(context, request, table)]
    return responses.json(
        {"@odata.context": f"{context.api_root}/$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse", "Ids": keys}
    )


def update_multiple(context: Context, request: Request, table: Table) -> Response:
    for item in _targets(context, request, table):
        primary, alternate = _address(context, table, item)
        if primary is None and not alternate:
            raise errors.bad_payload(f"Every target needs '{table.primary_id}' or '@odata.id'.")
        key = primary or references.find_key(context, table, _literals(context, item))
        records.update(context, table, key, _without_key(table, item))
    return responses.no_content()


def upsert_multiple(context: Context, request: Request, table: Table) -> Response:
    for item in _targets(context, request, table):
        primary, alternate = _address(context, table, item)
        if primary is None and not alternate:
            records.create(context, table, item)
        elif primary is not None:
            records.upsert(context, table, {"": Literal("guid", primary)}, _without_key(table, item))
        else:
            records.upsert(context, table, _literals(context, item), item)
    return responses.no_content()


def _address(context: Context, table: Table, item: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    if item.get(table.primary_id) is not None:
        return references.split_key(table, {"": Literal("string", str(item[table.primary_id]))})
    if "@odata.id" in item:
        return references.split_key(table, _literals(context, item))
    return None, {}


def _literals(context: Context, item: dict[str, Any]) -> dict[str, Literal]:
    try:
        segments = parse_path(references.relative_path(str(item["@odata.id"])), {})
    except UrlError as error:
        raise errors.bad_payload(str(error)) from error
    if len(segments) != 1 or not segments[0].keys:
        raise errors.bad_payload(f"'{item['@odata.id']}' is not the address of a row.")
    if segments[0].name not in context.schema.by_set:
        raise errors.unknown_segment(segments[0].name)
    return segments[0].keys


def _without_key(table: Table, item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != table.primary_id}


MESSAGES: dict[str, Callable[[Context, Request, Table], Response]] = {
    "CreateMultiple": create_multiple,
    "UpdateMultiple": update_multiple,
    "UpsertMultiple": upsert_multiple,
}
