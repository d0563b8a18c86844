"""What a full synchronisation should do with a mapping, worked out from what stands on both sides.

The first rule that fits counts. Records that are coupled already count for neither side, so that a mapping whose
records all have their partners needs nothing but updates.
"""

from dataclasses import dataclass
from enum import StrEnum

from coupling.choices import MappingKind


class Recommendation(StrEnum):
    FULL = "full"
    COUPLE = "couple"
    UPDATE = "update"
    NOTHING = "nothing"
    UNREAD = "unread"

    @property
    def words(self) -> str:
        return _WORDS[self]

    @property
    def tone(self) -> str:
        """Badge of the recommendation: good to go, look first, or idle."""
        return {"full": "success", "couple": "waiting", "update": "success", "nothing": "idle", "unread": "idle"}[self]


_WORDS = {
    Recommendation.FULL: "Full synchronisation",
    Recommendation.COUPLE: "Couple records first",
    Recommendation.UPDATE: "Update only",
    Recommendation.NOTHING: "Nothing to do",
    Recommendation.UNREAD: "Not read yet",
}
_RECOGNISED = frozenset({"SALESPEOPLE"})


@dataclass(frozen=True, slots=True)
class Standing:
    """Free records of both sides inside the filters (None: not read yet), and how many pairs there are.

    `sales_total` counts the Sales side with its coupled rows: a new organisation has exactly one currency and at most
    one unit group of its own.
    """

    name: str
    kind: MappingKind
    bc_free: int | None
    sales_free: int | None
    coupled: int = 0
    sales_total: int | None = None


SALES_OWN = {"UNIT OF MEASURE": 1, "UNIT GROUP": 1}
"""Rows that every organisation has from the start."""

FINDS_PARTNERS = frozenset({"SALESPEOPLE", "CURRENCY"})
"""Mappings whose records are recognised by address or code, so that free ones on both sides mean no danger."""


def recommend(standing: Standing) -> Recommendation:
    bc, sales = standing.bc_free, standing.sales_free
    if standing.name in _RECOGNISED:
        return Recommendation.FULL
    if standing.name == "CURRENCY" and standing.sales_total is not None:
        return Recommendation.FULL if standing.sales_total <= 1 else Recommendation.COUPLE
    if standing.kind == MappingKind.OPTION:
        if bc is None:
            return Recommendation.UNREAD
        return Recommendation.COUPLE if bc else Recommendation.NOTHING
    if bc is None or sales is None:
        return Recommendation.UNREAD
    sales = max(0, sales - SALES_OWN.get(standing.name, 0))
    if bc and sales:
        return Recommendation.COUPLE
    if bc or sales:
        return Recommendation.FULL
    return Recommendation.UPDATE if standing.coupled else Recommendation.NOTHING
