"""How far the coupling of every mapping is, and what has to come first: the numbers of the couplings home."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q

from connector.choices import Direction
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.models import BusinessCentralRecord, Coupling, DirtyPair, OptionMapping, TableMapping
from coupling.services.free import free_records

FREE_KEPT_SECONDS = 30
"""Counting the free records of a table of 100,000 takes a noticeable moment; nobody needs it to the second."""


@dataclass(frozen=True, slots=True)
class Need:
    """A mapping that comes first. `open`: how many of its records have no partner yet; None: not read yet."""

    mapping: TableMapping
    open: int | None

    @property
    def is_met(self) -> bool:
        return self.open == 0


@dataclass(frozen=True, slots=True)
class MappingOverview:
    """Numbers of one mapping. `free_*` are records inside the filters without a partner; None: not read yet."""

    mapping: TableMapping
    coupled: int = 0
    waiting: int = 0
    failing: int = 0
    skipped: int = 0
    conflicts: int = 0
    broken: int = 0
    outside_filter: int = 0
    free_bc: int | None = None
    free_sales: int | None = None
    needs: Sequence[Need] = field(default_factory=tuple)

    @property
    def open(self) -> int | None:
        """Records of the leading side that have no partner yet."""
        return self.free_sales if self.mapping.direction == Direction.TO_BUSINESS_CENTRAL else self.free_bc

    @property
    def total(self) -> int:
        return self.coupled + (self.open or 0)

    @property
    def percent(self) -> int:
        return 100 * self.coupled // self.total if self.total else 0

    @property
    def unmet(self) -> list[Need]:
        return [need for need in self.needs if not need.is_met]


def overview(connection: Connection) -> list[MappingOverview]:
    """All usable mappings in the order in which they are coupled; a fixed number of queries plus two per mapping for
    the free records, which are remembered for half a minute."""
    mappings = list(connection.mappings.select_related("connection").filter(enabled=True).order_by("order", "name"))
    counts = _counts(connection)
    free = _free(connection, mappings)
    rows = {
        mapping.name: MappingOverview(mapping, **counts.get(mapping.pk, {}), **free[mapping.pk]) for mapping in mappings
    }
    return [
        MappingOverview(
            mapping,
            **counts.get(mapping.pk, {}),
            **free[mapping.pk],
            needs=[Need(rows[name].mapping, rows[name].open) for name in mapping.depends_on if name in rows],
        )
        for mapping in mappings
    ]


def _counts(connection: Connection) -> dict[int, dict[str, Any]]:
    rows = (
        Coupling.objects.filter(connection=connection)
        .values("mapping_id")
        .annotate(
            coupled=Count("pk"),
            broken=Count("pk", filter=~Q(missing="")),
            skipped=Count("pk", filter=Q(skipped_at__isnull=False, missing="")),
            conflicts=Count("pk", filter=Q(conflict=True, skipped_at__isnull=True, missing="")),
            failing=Count("pk", filter=~Q(error_code="") & Q(skipped_at__isnull=True, missing="", conflict=False)),
            outside_filter=Count("pk", filter=~Q(outside_filter="") & Q(error_code="", missing="", conflict=False)),
        )
        .order_by()
    )
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        numbers: dict[str, Any] = dict(row)
        found[numbers.pop("mapping_id")] = numbers
    waiting = DirtyPair.objects.filter(mapping__connection=connection, bc_key__isnull=False, sales_key__isnull=False)
    for mapping_id, number in waiting.values_list("mapping_id").annotate(n=Count("pk")).order_by():
        found.setdefault(mapping_id, {})["waiting"] = number
    options = OptionMapping.objects.filter(mapping__connection=connection)
    for mapping_id, number, failing in (
        options.values_list("mapping_id").annotate(n=Count("pk"), f=Count("pk", filter=~Q(error_code=""))).order_by()
    ):
        found[mapping_id] = {"coupled": number, "failing": failing}
    return found


def _free(connection: Connection, mappings: list[TableMapping]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for mapping in mappings:
        name = free_name(mapping)
        known = cache.get(name)
        if known is None:
            known = _free_of(mapping)
            cache.set(name, known, FREE_KEPT_SECONDS)
        found[mapping.pk] = known
    return found


def _free_of(mapping: TableMapping) -> dict[str, Any]:
    if mapping.kind == MappingKind.OPTION:
        codes = BusinessCentralRecord.objects.of_table(mapping.connection_id, mapping.business_central_table).alive()
        number = codes.exclude(key__in=mapping.options.values("bc_key")).count()
        return {"free_bc": number if codes.exists() else None, "free_sales": None}
    free = free_records([mapping])[0]
    return {"free_bc": free.business_central, "free_sales": free.sales}


def free_name(mapping: TableMapping) -> str:
    """Under which name the numbers of free records are remembered."""
    return f"free-records-{mapping.pk}"
