"""Transformation rules that look a value up in another table: what the hub has read of it is what counts.

Nothing is asked of either system: a rule is applied to thousands of records. A change of the other table reaches the
records that use it with their own next change, or with a run over all of them.
"""

from collections.abc import Mapping
from typing import Any

from connector.choices import System
from connector.models import Connection
from coupling.models import BusinessCentralRecord, SalesRecord, TableCursor

MOST_ROWS = 20_000
_COLUMNS = ("number", "name")
"""Fields of every record, beside the properties that mappings read."""


def lookup_problems(connection: Connection, parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """Sentences per parameter that does not fit what the hub reads."""
    cursor = TableCursor.objects.filter(connection=connection, table=parameters["table"]).first()
    if cursor is None:
        tables = TableCursor.objects.filter(connection=connection).order_by("table").values_list("table", flat=True)
        known = ", ".join(tables) or "none yet"
        return {"table": [f"Only a table that a mapping has read can be looked up in: {known}."]}
    offered = (*_COLUMNS, *cursor.properties)
    return {
        name: [f"The hub does not read “{parameters[name]}” of {cursor.table}; it reads {', '.join(offered)}."]
        for name in ("source", "target")
        if parameters[name] not in offered
    }


def lookup_pairs(connection: Connection, parameters: Mapping[str, Any]) -> dict[str, str] | None:
    """What stands for each value; None where the table was not read yet.

    Of two records with the same value the one with the smaller key counts.
    """
    cursor = TableCursor.objects.filter(connection=connection, table=parameters["table"]).first()
    if cursor is None:
        return None
    model = BusinessCentralRecord if cursor.system == System.BUSINESS_CENTRAL else SalesRecord
    rows = model.objects.filter(connection=connection, table=cursor.table, deleted_at=None).order_by("-key")
    source, target = (
        name if name in _COLUMNS else f"values__{name}" for name in (parameters["source"], parameters["target"])
    )
    return {
        str(value): "" if found is None else str(found)
        for value, found in rows.values_list(source, target)[:MOST_ROWS]
        if value not in (None, "")
    }
