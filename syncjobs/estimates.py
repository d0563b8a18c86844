"""What a run will cost, from its plan, and how long it still takes, from how far it is.

The figures are those that docs/benchmarks.md measured at the latency of the real services. They are a first guess; once
a run is on its way the time left follows from its own pace.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connector.choices import System

PER_REQUEST = {System.BUSINESS_CENTRAL: 100, System.SALES: 200}
"""Records in one request that writes."""
PER_SECOND = {System.BUSINESS_CENTRAL: 100, System.SALES: 400}
"""Records written in a second with the services' limits on."""
LINE_REQUESTS = 2
"""Reading the changes of a line's table takes about so many, in each system."""
LINE_SECONDS = 2.0
LIMIT = 6000
"""Requests that each system takes from one user in five minutes."""
RECORD_BYTES = 1500
"""An operation in the journal, with its values."""

_EARLIEST_SECONDS, _EARLIEST_SHARE = 3.0, 0.02
"""Before that the pace says nothing."""


@dataclass(frozen=True, slots=True)
class Estimate:
    business_central_requests: int
    sales_requests: int
    seconds: float
    bytes: int

    @property
    def slowed(self) -> bool:
        """Whether the limits of a system will hold it up."""
        return max(self.business_central_requests, self.sales_requests) > LIMIT


def writes_of(plan: Mapping[str, int]) -> dict[System, int]:
    """Records that a line writes; one that is created in Business Central is completed in Sales afterwards."""
    in_bc = plan.get("create_in_business_central", 0)
    return {
        System.BUSINESS_CENTRAL: in_bc + plan.get("update_in_business_central", 0),
        System.SALES: plan.get("create_in_sales", 0) + plan.get("update_in_sales", 0) + in_bc,
    }


def seconds_of(plan: Mapping[str, int]) -> float:
    return LINE_SECONDS + sum(number / PER_SECOND[system] for system, number in writes_of(plan).items())


def estimate(plans: Sequence[Mapping[str, int]]) -> Estimate:
    """Of a whole run, from the plans of its lines."""
    requests = dict.fromkeys(System, LINE_REQUESTS * len(plans))
    records = 0
    for plan in plans:
        for system, number in writes_of(plan).items():
            requests[system] += -(-number // PER_REQUEST[system])
            records += number
        records += plan.get("couple", 0)
    return Estimate(
        requests[System.BUSINESS_CENTRAL],
        requests[System.SALES],
        sum(map(seconds_of, plans)),
        records * RECORD_BYTES,
    )


def seconds_left(parts: Iterable[tuple[float, float]], elapsed: float) -> float | None:
    """`parts`: of each line what it weighs and which share of it is done. None while it is too early to tell."""
    parts = list(parts)
    whole = sum(weight for weight, _ in parts)
    share = sum(weight * done for weight, done in parts) / whole if whole else 0.0
    if elapsed < _EARLIEST_SECONDS or share < _EARLIEST_SHARE or share >= 1:
        return None
    return elapsed * (1 - share) / share
