"""Records that a pair refers to (salesperson, currency, primary contact …), each with the state of its own coupling."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from connector.choices import System
from coupling.choices import CouplingState, MappingKind
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord, TableMapping
from coupling.synchronisation import FieldPreview


@dataclass(frozen=True, slots=True)
class Related:
    """A record that a field points to. `record` is the mirror's row, of Business Central where that one is known.

    `state` is None while the record is not coupled.
    """

    label: str
    record: Any
    system: System
    coupling: Coupling | None

    @property
    def state(self) -> CouplingState | None:
        return CouplingState(self.coupling.state) if self.coupling else None  # type: ignore[attr-defined]


def related_of(mapping: TableMapping, lines: Iterable[FieldPreview]) -> list[Related]:
    """What the lookups of a pair point to, in the mapping's order. Four queries, and one per table of Business Central
    that is referred to."""
    lookups = {field.pk: field.sales_lookup for field in mapping.fields.exclude(sales_lookup={})}
    pointing = [(line, lookups[line.field_id].get("target_set", "")) for line in lines if line.field_id in lookups]
    pointing = [(line, table) for line, table in pointing if line.sales_now or line.bc_now]
    if not pointing:
        return []
    tables = {table for _, table in pointing}
    under: dict[str, TableMapping] = {}
    for one in mapping.connection.mappings.filter(sales_table__in=tables, kind=MappingKind.RECORD, enabled=True):
        under.setdefault(one.sales_table, one)
    keys = [key for line, _ in pointing if (key := _guid(line.sales_now))]
    rows = SalesRecord.objects.filter(connection=mapping.connection, table__in=tables, key__in=keys)
    sales = {(row.table, row.key): row for row in rows.defer("values", "search_text")}
    bc = {
        (table, value): row
        for table in {one.business_central_table for one in under.values()}
        for row in _bc_rows(mapping, table, [line.bc_now for line, to in pointing if _is_under(under, to, table)])
        for value in (row.number, str(row.key))
    }
    couplings = _couplings(mapping, sales.values(), bc.values())
    found = []
    for line, table in pointing:
        bc_table = under[table].business_central_table if table in under else ""
        pointed = _guid(line.sales_now)
        sales_row = sales.get((table, pointed)) if pointed else None
        bc_row = bc.get((bc_table, str(line.bc_now)))
        record, system = (bc_row, System.BUSINESS_CENTRAL) if bc_row else (sales_row, System.SALES)
        if record is not None:
            coupling = couplings.get((record.table, record.key))
            found.append(Related(line.bc_label or line.sales_attribute, record, system, coupling))
    return found


def _is_under(under: dict[str, TableMapping], sales_table: str, bc_table: str) -> bool:
    return sales_table in under and under[sales_table].business_central_table == bc_table


def _bc_rows(mapping: TableMapping, table: str, values: list[Any]) -> list[BusinessCentralRecord]:
    """Records named by number or by id, as the fields of the standard API do."""
    texts = [str(value) for value in values if value not in (None, "")]
    wanted = Q(number__in=[text for text in texts if text]) | Q(key__in=[key for t in texts if (key := _guid(t))])
    rows = BusinessCentralRecord.objects.of_table(mapping.connection_id, table).alive().filter(wanted)
    return list(rows.defer("values", "search_text")) if texts else []


def _couplings(mapping: TableMapping, sales: Iterable[Any], bc: Iterable[Any]) -> dict[tuple[str, UUID], Coupling]:
    """By table and key of either side."""
    wanted = Q(sales_key__in=[row.key for row in sales]) | Q(bc_key__in=[row.key for row in bc])
    rows = Coupling.objects.all().filter(wanted, connection=mapping.connection).with_state()
    found: dict[tuple[str, UUID], Coupling] = {}
    for row in rows.defer("bc_base", "sales_base"):
        found[row.sales_table, row.sales_key] = row
        found[row.bc_table, row.bc_key] = row
    return found


def _guid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
