"""How many records of a mapping have no partner yet: what a full synchronisation would create partners for."""

from dataclasses import dataclass

from connector.choices import Direction, System
from coupling.models import TableCursor, TableMapping
from coupling.services.admission import admits
from coupling.services.pairs import only_coupled
from coupling.services.search import mirror_of

MOST_COUNTED = 100_000
"""Counting further teaches nobody anything."""


@dataclass(frozen=True, slots=True)
class FreeRecords:
    """Records inside the filters of `mapping` that exist and are not coupled. None: the table was not read yet."""

    mapping: TableMapping
    business_central: int | None
    sales: int | None

    @property
    def unread(self) -> bool:
        return self.business_central is None or self.sales is None

    def creates_in(self, system: System, direction: str) -> int:
        """Records that a full run in `direction` may create in `system`: one for each free one of the other side."""
        free = self.business_central if system == System.SALES else self.sales
        return (free or 0) if Direction(direction).allows(system) else 0


def free_records(mappings: list[TableMapping]) -> list[FreeRecords]:
    """Counts of mappings of one connection, from the mirror."""
    read = (
        set(TableCursor.objects.filter(connection=mappings[0].connection_id).values_list("system", "table"))
        if mappings
        else set()
    )
    return [
        FreeRecords(
            mapping,
            *(
                _count(mapping, system) if (system, mapping.table(system)) in read else None
                for system in (System.BUSINESS_CENTRAL, System.SALES)
            ),
        )
        for mapping in mappings
    ]


def _count(mapping: TableMapping, system: System) -> int:
    table = mapping.table(system)
    records = mirror_of(system).objects.of_table(mapping.connection_id, table).alive().filter(admits(mapping, system))
    free = only_coupled(records, mapping.connection, system, table, coupled=False)
    return int(free[:MOST_COUNTED].count())
