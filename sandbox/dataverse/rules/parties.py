"""Accounts, contacts and users: names and addresses that the platform composes."""

from sandbox.dataverse import errors
from sandbox.dataverse.context import Context
from sandbox.dataverse.rules import rule
from sandbox.definitions.dataverse import TABLE_SUFFIX, Table
from sandbox.storage import Row

_ADDRESS_PARTS = ("line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country")
_PREFIXES = ("address1_", "address2_", "billto_", "shipto_")


def compose_addresses(table: Table, row: Row, changed: set[str], *, new: bool) -> None:
    """Fills every ``*_composite`` column of the row whose parts changed."""
    for prefix in _PREFIXES:
        if f"{prefix}composite" in table.attributes and (
            new or any(f"{prefix}{part}" in changed for part in _ADDRESS_PARTS)
        ):
            row[f"{prefix}composite"] = composite(row, prefix)


def composite(row: Row, prefix: str = "") -> str | None:
    """The address as on a letter: lines, then town, region and post code, then country."""
    lines = [row.get(f"{prefix}{name}") for name in ("line1", "line2", "line3")]
    place = " ".join(filter(None, (row.get(f"{prefix}stateorprovince"), row.get(f"{prefix}postalcode"))))
    lines.append(", ".join(filter(None, (row.get(f"{prefix}city"), place))))
    lines.append(row.get(f"{prefix}country"))
    return "\r\n".join(line for line in lines if line) or None


@rule("before", "create", "update", tables=("account", "contact"))
def fill_addresses(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    compose_addresses(table, new, changed, new=old is None)


@rule("before", "create", "update", tables=("contact", "lead"))
def fill_full_name(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if old is None or changed & {"firstname", "middlename", "lastname"}:
        parts = (new.get("firstname"), new.get("middlename"), new.get("lastname"))
        new["fullname"] = " ".join(filter(None, parts)) or None


@rule("before", "create", "update", tables=("contact",))
def fill_contact(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    """The account behind the company name."""
    if old is None or "parentcustomerid" in changed:
        is_account = new.get("parentcustomerid" + TABLE_SUFFIX) == "account"
        new["accountid"] = new.get("parentcustomerid") if is_account else None


@rule("before", "create", "update", tables=("systemuser",))
def fill_user(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if old is None or changed & {"firstname", "lastname"}:
        new["fullname"] = " ".join(filter(None, (new.get("firstname"), new.get("lastname")))) or None


@rule("before", "create", "update", tables=("customeraddress",))
def fill_customer_address(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    new["composite"] = composite(new)
    new["objecttypecode"] = new.get("parentid" + TABLE_SUFFIX) or new.get("objecttypecode")


@rule("before", "create", "update", tables=("account", "contact"))
def refuse_own_parent(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    """A customer cannot be above itself, directly or through others."""
    column = "parentaccountid" if table.logical_name == "account" else "parentcustomerid"
    if column not in changed or new.get(column) is None:
        return
    if table.logical_name == "contact" and new.get(column + TABLE_SUFFIX) != "contact":
        return
    seen = {new[table.primary_id]}
    parent: str | None = new[column]
    while parent is not None:
        if parent in seen:
            raise errors.DataverseError(
                400, "0x80044011", "Creating this parental association would create a loop in the hierarchy."
            )
        seen.add(parent)
        row = context.tx.get(table.storage, parent)
        parent = row[column] if row is not None and row.get(column + TABLE_SUFFIX, "contact") == "contact" else None
