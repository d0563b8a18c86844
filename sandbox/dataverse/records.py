"""Creating, changing and deleting rows with everything the platform does around it.

All functions work inside the context's transaction. They raise DataverseError and leave it to the caller to roll back.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from sandbox.dataverse import errors, filestore, money, payload, references, rows, rules, states
from sandbox.dataverse.context import Context
from sandbox.definitions.dataverse import TABLE_SUFFIX, Relationship, Table
from sandbox.odata.ast import Literal
from sandbox.storage import Row

MAX_DEPTH = 8
"""Nesting of deep inserts and of cascading deletes that the platform follows before it suspects a loop."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Preconditions of a write: ``version`` from If-Match, ``must_exist`` for ``If-Match: *`` and ``must_not_exist``
    for ``If-None-Match: *``."""

    version: int | None = None
    must_exist: bool = False
    must_not_exist: bool = False


NO_CONDITION = Condition()


def create(context: Context, table: Table, body: Any, key: str | None = None, depth: int = 0) -> str:
    """Inserts a row (and nested ones) and returns its id."""
    if not table.allows("Create"):
        raise errors.DataverseError(
            405, "0x0", f"The 'Create' method does not support entities of type '{table.logical_name}'."
        )
    if depth > MAX_DEPTH:
        raise errors.invalid_argument("The request nests related records too deeply.")
    context.require("Create", table)
    parsed = payload.parse(context, table, body, creating=True)
    for attribute, target, nested in parsed.parents:
        parent = create(context, context.table(target.table), nested, depth=depth + 1)
        payload.set_lookup(parsed.values, attribute, target.table, parent)
    new_key = insert(context, table, parsed.values, parsed.key or key)
    for relationship, nested in parsed.children:
        _create_child(context, relationship, table, new_key, nested, depth)
    for relationship, linked in parsed.links:
        link = {relationship.column: new_key}
        if context.table(relationship.many).attributes[relationship.column].polymorphic:
            link[relationship.column + TABLE_SUFFIX] = table.logical_name
        change(context, context.table(relationship.many), linked, link)
    return new_key


def _create_child(
    context: Context, relationship: Relationship, parent: Table, parent_key: str, body: dict[str, Any], depth: int
) -> None:
    child = context.table(relationship.many)
    bound = {**body, f"{relationship.nav_on_many}@odata.bind": f"/{parent.entity_set}({parent_key})"}
    create(context, child, bound, depth=depth + 1)


def insert(context: Context, table: Table, given: Row, key: str | None = None) -> str:
    """Inserts a row from column values that were checked already, and runs the table's rules."""
    created_on = given.pop("overriddencreatedon", None)
    row = rows.new_row(
        table,
        given,
        key=key,
        at=context.now,
        user_id=context.user_id,
        organization_id=context.organization["organizationid"],
    )
    if created_on is not None:
        row["createdon"] = row["overriddencreatedon"] = created_on
    _fill_owner(context, table, row)
    if table.state is not None and "statuscode" in given:
        states.check_initial_status(table, given)
    changed = set(given)
    money.complete(context, table, None, row, changed)
    rules.run("before", "create", context, table, None, row, changed)
    _check_required(table, row)
    try:
        context.tx.insert(table.storage, row)
    except sqlite3.IntegrityError as error:
        raise _duplicate(table, row, error) from error
    new_key: str = row[table.primary_id]
    rules.run("after", "create", context, table, None, row, changed)
    context.announce("Create", table, new_key, {name: row.get(name) for name in (*changed, *_STAMPS)})
    return new_key


_STAMPS = ("createdon", "modifiedon", "createdby", "modifiedby", "ownerid", "statecode", "statuscode")


def update(context: Context, table: Table, key: str, body: Any, condition: Condition = NO_CONDITION) -> None:
    """Changes a row that has to exist."""
    if not table.allows("Update"):
        raise errors.DataverseError(
            405, "0x0", f"The 'Update' method does not support entities of type '{table.logical_name}'."
        )
    context.require("Write", table)
    old = context.tx.get(table.storage, key)
    if old is None:
        raise errors.not_found(table.logical_name, key)
    check_version(table, key, old, condition)
    parsed = payload.parse(context, table, body, creating=False)
    change(context, table, key, parsed.values, old)


def change(context: Context, table: Table, key: str, values: Row, old: Row | None = None) -> None:
    """Writes column values that were checked already, and runs the table's rules and state model."""
    if old is None:
        old = context.tx.get(table.storage, key)
        if old is None:
            raise errors.not_found(table.logical_name, key)
    if "ownerid" in values and values["ownerid"] != old.get("ownerid"):
        context.require("Assign", table)
    new = {**old, **values}
    changed = set(values)
    if table.state is not None and ("statecode" in values or "statuscode" in values):
        states.apply(table, old, new, values, context.profile)
        changed |= {"statecode", "statuscode"}
    if "ownerid" in values:
        _fill_owner(context, table, new)
    if "modifiedon" in table.attributes:
        new["modifiedon"] = context.now
    if "modifiedby" in table.attributes:
        new["modifiedby"] = context.user_id
    money.complete(context, table, old, new, changed)
    rules.run("before", "update", context, table, old, new, changed)
    write(context, table, key, old, new)
    announce_update(context, table, old, new, changed)


def announce_update(context: Context, table: Table, old: Row, new: Row, changed: set[str]) -> None:
    """What follows a stored change: the table's after rules and the event for webhooks."""
    rules.run("after", "update", context, table, old, new, changed)
    shown = (*changed, "modifiedon", "modifiedby")
    context.announce("Update", table, new[table.primary_id], {name: new.get(name) for name in shown})


def write(context: Context, table: Table, key: str, old: Row, new: Row) -> None:
    """Stores the difference between two states of a row, without rules."""
    difference = {name: value for name, value in new.items() if value != old.get(name) and name != "_version"}
    try:
        context.tx.update(table.storage, key, difference)
    except sqlite3.IntegrityError as error:
        raise _duplicate(table, new, error) from error
    if table.logical_name in _CACHED_TABLES:
        context.forget()


_CACHED_TABLES = ("transactioncurrency", "systemuser", "team", "organization", "pricelevel", "product")


def upsert(
    context: Context, table: Table, keys: dict[str, Literal], body: Any, condition: Condition = NO_CONDITION
) -> tuple[str, bool]:
    """PATCH: changes the row with this key or creates it. Returns (id, created)."""
    primary, alternate = references.split_key(table, keys)
    if primary is not None:
        exists = context.tx.exists(table.storage, primary)
        found = primary if exists else None
    else:
        row = references.find_by_alternate_key(context, table, alternate)
        found = None if row is None else row[table.primary_id]
    if found is not None:
        if condition.must_not_exist:
            raise errors.DataverseError(412, errors.DUPLICATE, "A record with matching key values already exists.")
        if alternate and isinstance(body, dict):
            body = {name: value for name, value in body.items() if name not in alternate}
        update(context, table, found, body, condition)
        return found, False
    if condition.must_exist or condition.version is not None:
        if primary is None:
            raise errors.no_row_for_key(table.logical_name, alternate)
        raise errors.not_found(table.logical_name, primary)
    return create_with_key(context, table, primary, alternate, body), True


def create_with_key(context: Context, table: Table, primary: str | None, alternate: Row, body: Any) -> str:
    """Creates the row that an upsert did not find. Values in the body win over those in the address."""
    if not isinstance(body, dict):
        raise errors.bad_payload("The request body must be a JSON object.")
    body = dict(body)
    for name, value in alternate.items():
        attribute = table.attributes[name]
        if not attribute.is_lookup:
            body.setdefault(name, value)
        elif not any(entry.partition("@")[0] in {target.nav for target in attribute.targets} for entry in body):
            target = attribute.targets[0]
            body[f"{target.nav}@odata.bind"] = f"/{context.table(target.table).entity_set}({value})"
    if primary is not None:
        body.pop(table.primary_id, None)
    return create(context, table, body, key=primary)


def delete(context: Context, table: Table, key: str, condition: Condition = NO_CONDITION, depth: int = 0) -> None:
    """Deletes a row and follows the delete behaviour of its relationships."""
    if not table.allows("Delete"):
        raise errors.DataverseError(
            405, "0x0", f"The 'Delete' method does not support entities of type '{table.logical_name}'."
        )
    if depth > MAX_DEPTH:
        raise errors.invalid_argument("The deletion cascades too deeply.")
    context.require("Delete", table)
    old = context.tx.get(table.storage, key)
    if old is None:
        raise errors.not_found(table.logical_name, key)
    if (table.logical_name, key) in context.deleting:
        return
    check_version(table, key, old, condition)
    rules.run("before", "delete", context, table, old, old, set())
    context.deleting.add((table.logical_name, key))
    _release_children(context, table, key, depth)
    _release_associations(context, table, key)
    context.tx.delete(table.storage, key)
    if any(attribute.type == "file" for attribute in table.attributes.values()):
        filestore.remove(context.tx, key)
    context.row_deleted(table, key)
    rules.run("after", "delete", context, table, old, old, set())
    if table.logical_name in _CACHED_TABLES:
        context.forget()
    context.announce("Delete", table, key, {})


def _release_children(context: Context, table: Table, key: str, depth: int) -> None:
    for relationship in context.schema.children.get(table.logical_name, ()):
        child = context.schema.by_name.get(relationship.many)
        if child is None:
            continue
        attribute = child.attributes[relationship.column]
        where, params = f'"{relationship.column}" = ?', [key]
        if attribute.polymorphic:
            where += f' AND "{relationship.column}{TABLE_SUFFIX}" = ?'
            params.append(table.logical_name)
        found = [
            row[child.primary_id]
            for row in context.tx.select(child.storage, where, params, columns=[child.primary_id])
            if row[child.primary_id] != key
        ]
        if not found:
            continue
        if relationship.on_delete == "Restrict":
            raise errors.DataverseError(
                context.profile.restricted_delete_status,
                errors.RESTRICTED,
                f"The object you tried to delete is associated with another object ({child.logical_name}) and cannot be"
                " deleted.",
            )
        for child_key in found:
            if relationship.on_delete == "Cascade":
                if context.tx.exists(child.storage, child_key):
                    delete(context, child, child_key, depth=depth + 1)
            else:
                cleared: Row = {}
                payload.set_lookup(cleared, attribute, None, None)
                context.tx.update(child.storage, child_key, cleared)


def _release_associations(context: Context, table: Table, key: str) -> None:
    """Rows of intersect tables go with either side."""
    for association in context.schema.associations.get(table.logical_name, {}).values():
        intersect = context.table(association.intersect)
        columns = {association.first: association.first_column, association.second: association.second_column}
        for row in context.tx.find(intersect.storage, **{columns[table.logical_name]: key}):
            context.tx.delete(intersect.storage, row[intersect.primary_id])


def check_version(table: Table, key: str, row: Row, condition: Condition) -> None:
    if condition.must_not_exist:
        raise errors.DataverseError(412, errors.DUPLICATE, "A record with matching key values already exists.")
    if condition.version is not None and condition.version != row["_version"]:
        raise errors.DataverseError(
            412,
            errors.ETAG_MISMATCH,
            "The version of the existing record doesn't match the RowVersion property provided."
            f" ({table.logical_name} {key})",
        )


def _fill_owner(context: Context, table: Table, row: Row) -> None:
    if table.ownership != "user":
        return
    owner_table, owner = row.get("ownerid" + TABLE_SUFFIX), row.get("ownerid")
    if owner is None or owner_table is None:
        owner_table, owner = "systemuser", context.user_id
    rows.set_owner(table, row, owner_table, owner, context.business_unit_of(owner_table, owner))


def _check_required(table: Table, row: Row) -> None:
    for name in table.required_on_create:
        if row.get(name) is None:
            raise errors.invalid_argument(f"Required field '{name}' is missing for entity '{table.logical_name}'.")


def _duplicate(table: Table, row: Row, error: sqlite3.IntegrityError) -> errors.DataverseError:
    if f"{table.storage}.{table.primary_id}" in str(error):
        return errors.DataverseError(412, errors.DUPLICATE, "Cannot insert duplicate key.")
    for key in table.keys:
        if all(f"{table.storage}.{name}" in str(error) for name in key.attributes):
            listed = ", ".join(f"{name}: {row.get(name)}" for name in key.attributes)
            return errors.DataverseError(
                412,
                errors.DUPLICATE_KEY,
                f"A record that has the attribute values {listed} already exists. The entity key {key.name} requires"
                " that this set of attributes contains unique values. Select unique values and try again.",
            )
    return errors.DataverseError(412, errors.DUPLICATE, "A record with matching key values already exists.")
