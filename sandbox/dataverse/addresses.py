"""Addresses 1 and 2 of accounts and contacts as rows of their own, which show the address columns of their parent.

They follow when somebody asks for the table: hardly anybody does, and otherwise every account would be written three
times. A change of such a row goes to the parent at once (`rules/addresses.py`).
"""

import uuid

from sandbox.dataverse import rows
from sandbox.dataverse.context import Context
from sandbox.definitions.dataverse import TABLE_SUFFIX, Table
from sandbox.storage import Row
from sandbox.storage.columns import VERSION

ENTITY_SET = "customeraddresses"
TABLE = "customeraddress"
PARENTS = ("account", "contact")
NUMBERS = (1, 2)
_NAMESPACE = uuid.UUID("5f0d6c1e-7f0b-5b62-9f0a-1c7c1f1a9d11")
_PART = 5000


def shared_columns(addresses: Table, parent: Table, number: int) -> dict[str, str]:
    """Column of an address -> column of its parent that holds the same."""
    prefix = f"address{number}_"
    return {name: prefix + name for name in addresses.attributes if prefix + name in parent.attributes}


def catch_up(context: Context) -> None:
    """Makes, changes and removes rows 1 and 2 after their parents. Needs a writing transaction."""
    for name in PARENTS:
        parent, mark = context.table(name), f"{TABLE}:{name}"
        since, upto = int(context.tx.meta(mark) or 0), context.tx.version
        if since >= upto:
            continue
        for key, _ in context.tx.tombstones(parent.storage, since, upto):
            _remove(context, key)
        done = since
        while part := list(
            context.tx.select(
                parent.storage, f'"{VERSION}" > ? AND "{VERSION}" <= ?', (done, upto), f'"{VERSION}"', limit=_PART
            )
        ):
            for row in part:
                _show(context, parent, row)
            done = part[-1][VERSION]
        context.tx.set_meta(mark, str(upto))


def _show(context: Context, parent: Table, row: Row) -> None:
    addresses = context.table(TABLE)
    for number in NUMBERS:
        key = str(uuid.uuid5(_NAMESPACE, f"{row[parent.primary_id]} {number}"))
        values = {name: row[column] for name, column in shared_columns(addresses, parent, number).items()}
        known = context.tx.get(addresses.storage, key)
        if known is None:
            made = rows.new_row(
                addresses,
                {
                    **values,
                    "parentid": row[parent.primary_id],
                    "parentid" + TABLE_SUFFIX: parent.logical_name,
                    "objecttypecode": parent.logical_name,
                    "addressnumber": number,
                },
                key=key,
                at=row["createdon"],
                user_id=row["createdby"],
                organization_id=context.organization["organizationid"],
            )
            context.tx.insert(addresses.storage, made)
        elif any(known[name] != value for name, value in values.items()):
            stamps = {"modifiedon": row["modifiedon"], "modifiedby": row["modifiedby"]}
            context.tx.update(addresses.storage, key, {**values, **stamps})


def _remove(context: Context, parent: str) -> None:
    addresses = context.table(TABLE)
    for row in context.tx.find(addresses.storage, parentid=parent):
        context.tx.delete(addresses.storage, row[addresses.primary_id])
