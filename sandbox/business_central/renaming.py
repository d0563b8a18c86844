"""Renaming: a changed key is written into every row that refers to it; ids stay."""

from sandbox.business_central.errors import dialog
from sandbox.business_central.relations import references
from sandbox.business_central.session import Session
from sandbox.storage import Row


def follow(session: Session, table_name: str, row: Row, old: Row) -> None:
    """Updates what refers to ``old``'s key when ``row`` has another one."""
    table = session.table(table_name)
    column = table.key_columns[0]
    if row[column] == old[column] or not isinstance(old[column], str):
        return
    if not row[column]:
        raise dialog(f"{table.key[0]} must be filled in. Enter a value.")
    for reference in references().get(table_name, ()):
        if (reference.table, reference.column) == (table_name, column):
            continue
        equals = {reference.column: old[column]}
        if reference.when is not None:
            equals[reference.when[0]] = reference.when[1]
        for other in session.all(reference.table, **equals):
            if other["system_id"] == row["system_id"]:
                row[reference.column] = row[column]
                continue
            session.update(reference.table, {**other, reference.column: row[column]}, other)
