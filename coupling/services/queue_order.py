"""Which records wait in the work queue of one side of a mapping, and in which order they come up.

The order is that of confidence: clear proposals first, then what has candidates, then the rest. Each group is a walk
along an index that ends after some rows, so it matters little how many records there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Exists, Max, OuterRef, QuerySet

from connector.choices import System
from coupling.matching.choices import MatchVerdict, QueueDeed
from coupling.matching.compute import free_records, possible_rows
from coupling.matching.models import MatchCandidate, MatchLine, QueueStep, RuledOutPair
from coupling.models import TableMapping
from coupling.services.claims import claimed_by_others
from coupling.services.pairs import only_coupled

TRIES = 20
"""Records of a group that are tried; others may have been claimed a moment ago."""
PASSED = (QueueDeed.SKIPPED, QueueDeed.RULED_OUT)
_ORDER = (
    MatchVerdict.CLEAR,
    MatchVerdict.SEVERAL,
    MatchVerdict.CONTESTED,
    MatchVerdict.UNCERTAIN,
    MatchVerdict.TAKEN,
    MatchVerdict.NONE,
)


@dataclass(frozen=True, slots=True)
class Lane:
    """The queue of one side of a mapping: records of `system` look for their partners in the other one."""

    mapping: TableMapping
    system: System = System.BUSINESS_CENTRAL

    @property
    def table(self) -> str:
        return self.mapping.table(self.system)

    @property
    def place(self) -> dict[str, Any]:
        """Arguments of claims."""
        return {"connection": self.mapping.connection, "system": self.system, "table": self.table}

    def pair(self, key: UUID, partner: UUID) -> tuple[UUID, UUID]:
        """Business Central's key and Sales' key."""
        return (key, partner) if self.system == System.BUSINESS_CENTRAL else (partner, key)

    def steps(self, user: User) -> QuerySet[QueueStep]:
        """What the person did here and has not taken back."""
        return QueueStep.objects.filter(mapping=self.mapping, system=self.system, user=user, undone=False)

    def waiting(self, records: QuerySet[Any] | None = None) -> QuerySet[Any]:
        """Uncoupled records inside the mapping's filter, in no order; `records` narrows them to a list's filter."""
        if self.system == System.BUSINESS_CENTRAL:
            free: QuerySet[Any] = free_records(self.mapping)
        else:
            rows = possible_rows(self.mapping)
            free = only_coupled(rows, self.mapping.connection, self.system, self.table, coupled=False)
        return free if records is None else free.filter(pk__in=records.order_by().values("pk"))

    def candidates(self) -> QuerySet[MatchCandidate]:
        """Standing suggestions that nobody has ruled out."""
        found = MatchCandidate.objects.filter(line__mapping=self.mapping, line__job_id=None)
        out = RuledOutPair.objects.filter(mapping=self.mapping)
        return found.exclude(Exists(out.filter(bc_key=OuterRef("line__bc_key"), sales_key=OuterRef("sales_key"))))

    def partners_of(self, key: UUID) -> list[UUID]:
        """Keys of the records that are suggested for one."""
        if self.system == System.BUSINESS_CENTRAL:
            return list(self.candidates().filter(line__bc_key=key).values_list("sales_key", flat=True))
        return list(self.candidates().filter(sales_key=key).values_list("line__bc_key", flat=True))


def groups(lane: Lane, open_records: QuerySet[Any], user: User, after: UUID | None) -> Iterator[list[UUID]]:
    """Keys to try, group by group; a group is asked for when the one before gave nothing."""
    others = claimed_by_others(lane.mapping.connection, lane.system, lane.table, user)
    free = open_records.exclude(key__in=others.order_by().values("key"))
    free = free.exclude(key=after) if after is not None else free
    passed = lane.steps(user).filter(deed__in=PASSED)
    if lane.system == System.BUSINESS_CENTRAL:
        yield from _by_line(lane, free, passed)
    else:
        yield from _by_candidate(lane, free, passed)
    # What this person passed comes back last, the longest ago first.
    again = passed.filter(Exists(free.filter(key=OuterRef("key")))).values_list("key")
    oldest = again.annotate(newest=Max("id")).order_by("newest")
    yield [key for key, _ in oldest[:TRIES]]


def _by_line(lane: Lane, free: QuerySet[Any], passed: QuerySet[QueueStep]) -> Iterator[list[UUID]]:
    """Records of Business Central have a line each, with its verdict."""
    lines = MatchLine.objects.filter(mapping=lane.mapping, job_id=None)
    fresh = lines.exclude(Exists(passed.filter(key=OuterRef("bc_key"))))
    inside = Exists(free.filter(key=OuterRef("bc_key")))
    for verdict in _ORDER:
        rows = fresh.filter(inside, verdict=verdict).order_by("-score", "id")
        yield list(rows.values_list("bc_key", flat=True)[:TRIES])
    new = free.exclude(Exists(lines.filter(bc_key=OuterRef("key")))).exclude(Exists(passed.filter(key=OuterRef("key"))))
    yield list(new.order_by("number", "key").values_list("key", flat=True)[:TRIES])


def _by_candidate(lane: Lane, free: QuerySet[Any], passed: QuerySet[QueueStep]) -> Iterator[list[UUID]]:
    """Rows of Sales are candidates of such lines: proposed as clear, suggested at all, or neither."""
    fresh = free.exclude(Exists(passed.filter(key=OuterRef("key"))))
    clear = MatchLine.objects.filter(mapping=lane.mapping, job_id=None, verdict=MatchVerdict.CLEAR)
    clear = clear.filter(Exists(fresh.filter(key=OuterRef("best_key"))))
    proposed = clear.order_by("-score", "id").values_list("best_key", flat=True)
    yield [key for key in proposed[:TRIES] if key]
    suggested = lane.candidates().filter(Exists(fresh.filter(key=OuterRef("sales_key")))).order_by()
    best = suggested.values_list("sales_key").annotate(best=Max("score")).order_by("-best", "sales_key")
    yield [key for key, _ in best[:TRIES]]
    alone = fresh.exclude(Exists(lane.candidates().filter(sales_key=OuterRef("key"))))
    yield list(alone.order_by("name", "key").values_list("key", flat=True)[:TRIES])
