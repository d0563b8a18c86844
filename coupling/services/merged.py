"""Rows of Sales that were merged into another one: which row is left, and how to couple that one instead.

Merging deactivates a row and notes the other one on it. The note outlives the row in the mirror, so it helps where the
row was deleted afterwards, too.
"""

from collections.abc import Iterable
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode

from connector.models import Connection
from coupling.models import Coupling, SalesRecord

MASTER = "_masterid_value"
"""Column of a row that names the row which it was merged into."""
MERGED_TABLES = ("accounts", "contacts")
"""Tables whose rows people merge in Sales."""
_MOST_STEPS = 5
"""A row that is left may be merged once more."""


def survivors(*, connection: Connection, table: str, rows: Iterable[SalesRecord]) -> dict[UUID, SalesRecord]:
    """By the key of a merged row the row that is left, as far as the hub has read it. No query where none is merged."""
    masters = {row.key: UUID(str(row.values[MASTER])) for row in rows if row.values.get(MASTER)}
    known: dict[UUID, SalesRecord] = {}
    wanted = set(masters.values())
    for _ in range(_MOST_STEPS):
        if not wanted:
            break
        read = {row.key: row for row in SalesRecord.objects.of_table(connection.pk, table).filter(key__in=wanted)}
        known |= read
        wanted = {UUID(str(row.values[MASTER])) for row in read.values() if row.values.get(MASTER)} - known.keys()
    left = {key: _last(master, known) for key, master in masters.items()}
    return {key: row for key, row in left.items() if row is not None}


def _last(key: UUID, known: dict[UUID, SalesRecord]) -> SalesRecord | None:
    for _ in range(_MOST_STEPS):
        row = known.get(key)
        if row is None or row.deleted_at:
            return None
        if not row.values.get(MASTER):
            return row
        key = UUID(str(row.values[MASTER]))
    return None


def attach_survivors(couplings: Iterable[Coupling]) -> None:
    """Sets `merged_into` of couplings of one connection whose `sales_record` is attached: the row that is left."""
    rows = list(couplings)
    for coupling in rows:
        coupling.merged_into = None  # type: ignore[attr-defined]
    for table in MERGED_TABLES:
        mine = [row for row in rows if row.sales_table == table and row.sales_record is not None]  # type: ignore[attr-defined]
        if not mine:
            continue
        left = survivors(connection=mine[0].connection, table=table, rows=[row.sales_record for row in mine])  # type: ignore[attr-defined]
        for coupling in mine:
            coupling.merged_into = left.get(coupling.sales_key)  # type: ignore[attr-defined]


def address_to_move(coupling: Coupling, survivor: SalesRecord) -> str:
    """Set Up Coupling of the pair's Business Central record with the row that is left chosen."""
    place = [coupling.connection.slug, "business_central", coupling.bc_table, coupling.bc_key]
    query = urlencode({"mapping": coupling.mapping.name, "partner": str(survivor.key)})
    return f"{reverse('coupling-setup', args=place)}?{query}"
