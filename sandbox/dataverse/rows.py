"""Rows with everything the platform fills in: ids, stamps, owner, state and defaults."""

import uuid

from sandbox.definitions.dataverse import TABLE_SUFFIX, Table
from sandbox.storage import Row


def new_row(
    table: Table,
    given: Row,
    *,
    key: str | None = None,
    at: str,
    user_id: str,
    organization_id: str,
    owner: tuple[str, str] | None = None,
    business_unit_id: str | None = None,
) -> Row:
    """A complete row to insert. ``owner`` is (table, id) and defaults to the user; ``at`` is the UTC stamp to the
    second; ``given`` wins over every default."""
    row: Row = {table.primary_id: key or str(uuid.uuid4())}
    attributes = table.attributes
    for name, default in table.defaults:
        row[name] = default
    if "createdon" in attributes:
        row["createdon"] = row["modifiedon"] = at
    if "createdby" in attributes:
        row["createdby"] = row["modifiedby"] = user_id
    if "organizationid" in attributes and table.logical_name != "organization":
        row["organizationid"] = organization_id
    if table.state is not None:
        row["statecode"] = table.state.initial_state
        row["statuscode"] = table.state.initial_status
    if table.ownership == "user":
        set_owner(table, row, *(owner or ("systemuser", user_id)), business_unit_id)
    if table.logical_name in ("systemuser", "team"):
        row["ownerid"] = row[table.primary_id]
    row.update(given)
    return row


def set_owner(table: Table, row: Row, owner_table: str, owner: str, business_unit_id: str | None) -> None:
    """Owner and the read-only columns that repeat it by kind."""
    row["ownerid"] = owner
    row["ownerid" + TABLE_SUFFIX] = owner_table
    if "owninguser" in table.attributes:
        row["owninguser"] = owner if owner_table == "systemuser" else None
    if "owningteam" in table.attributes:
        row["owningteam"] = owner if owner_table == "team" else None
    if "owningbusinessunit" in table.attributes:
        row["owningbusinessunit"] = business_unit_id
