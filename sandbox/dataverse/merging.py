"""The action Merge: one row takes another one's place. The other one is deactivated and names the row that is left."""

from typing import Any

from sandbox.dataverse import errors, payload, records, responses, sales
from sandbox.dataverse.context import Context
from sandbox.definitions.dataverse import TABLE_SUFFIX, Table
from sandbox.http import Request, Response

MERGEABLE = ("account", "contact")
_MASTER = "masterid"
_INACTIVE = {"statecode": 1, "statuscode": 2}


def merge(context: Context, request: Request, key: str | None) -> Response:
    body = sales.parameters(request, "Target", "Subordinate", optional=("UpdateContent", "PerformParentingChecks"))
    table, target = _row(context, body["Target"])
    other, subordinate = _row(context, body["Subordinate"])
    if table.logical_name != other.logical_name or target == subordinate:
        raise errors.invalid_argument("A merge needs two different rows of one table.")
    context.require("Write", table)
    merged = context.tx.get(table.storage, subordinate)
    if merged is None or merged.get("merged"):
        raise errors.invalid_argument(f"The {table.logical_name} {subordinate} has been merged already.")
    if isinstance(content := body.get("UpdateContent"), dict):
        given = {name: value for name, value in content.items() if name != table.primary_id}
        records.change(context, table, target, payload.parse(context, table, given, creating=False).values)
    _move_children(context, table, subordinate, target)
    records.change(context, table, subordinate, {**_INACTIVE, "merged": True, _MASTER: target})
    return responses.no_content()


def _row(context: Context, given: Any) -> tuple[Table, str]:
    """The row that an entity parameter names by its type and id."""
    kind = str(given.get("@odata.type", "")) if isinstance(given, dict) else ""
    name = kind.lstrip("#").removeprefix("Microsoft.Dynamics.CRM.")
    if name not in MERGEABLE:
        raise errors.bad_payload("A merge needs '@odata.type' of an account or a contact.")
    table = context.table(name)
    key = str(given.get(table.primary_id, "")).lower()
    if not context.tx.exists(table.storage, key):
        raise errors.not_found(name, key)
    return table, key


def _move_children(context: Context, table: Table, subordinate: str, target: str) -> None:
    """Rows that point to the subordinate point to the target from now on, closed documents too, which no rule of theirs
    would let anybody change."""
    for relationship in context.schema.children.get(table.logical_name, ()):
        child = context.schema.by_name.get(relationship.many)
        if child is None or relationship.column == _MASTER:
            continue
        where, params = f'"{relationship.column}" = ?', [subordinate]
        if child.attributes[relationship.column].polymorphic:
            where += f' AND "{relationship.column}{TABLE_SUFFIX}" = ?'
            params.append(table.logical_name)
        moved = {relationship.column: target} | (
            {"modifiedon": context.now} if "modifiedon" in child.attributes else {}
        )
        for found in list(context.tx.select(child.storage, where, params, columns=[child.primary_id])):
            key = found[child.primary_id]
            if (old := context.tx.get(child.storage, key)) is not None:
                records.write(context, child, key, old, {**old, **moved})
                context.announce("Update", child, key, moved)
