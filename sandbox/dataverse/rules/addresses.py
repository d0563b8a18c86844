"""Addresses that are rows of their own: their number, and what a change of the first two means for the parent."""

from sandbox.dataverse import addresses
from sandbox.dataverse.context import Context
from sandbox.dataverse.rules import rule
from sandbox.definitions.dataverse import TABLE_SUFFIX, Table
from sandbox.storage import Row


@rule("before", "create", tables=(addresses.TABLE,))
def number_address(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    """The first two belong to the parent's own columns."""
    if new.get("addressnumber") is None and new.get("parentid") is not None:
        present = context.tx.find(table.storage, parentid=new["parentid"])
        numbers = [row["addressnumber"] or 0 for row in present]
        new["addressnumber"] = max([*numbers, *addresses.NUMBERS]) + 1


@rule("after", "update", tables=(addresses.TABLE,))
def tell_parent(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    from sandbox.dataverse import records

    parent_name = new.get("parentid" + TABLE_SUFFIX)
    if new.get("addressnumber") not in addresses.NUMBERS or parent_name not in addresses.PARENTS:
        return
    parent = context.table(parent_name)
    columns = addresses.shared_columns(table, parent, new["addressnumber"])
    values = {column: new[name] for name, column in columns.items() if name in changed}
    if values:
        records.change(context, parent, new["parentid"], values)
