"""One request to one system, as it is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from connector.choices import System
from syncjobs.choices import OperationKind


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """`before` and `after` have wire names and hold only what is sent; the bases, under the names of mirrored values,
    are what the coupling gains once the write is done. A create in Business Central has no `record_id` yet. `table` is
    the entity set where it is not the mapping's own: properties that another service shows of the same record, or the
    further row of a step.
    """

    system: System
    kind: OperationKind
    record_id: UUID | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    expected_token: str = ""
    bc_base: Mapping[str, Any] = field(default_factory=dict)
    sales_base: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    table: str = ""
    is_step: bool = False
    """The row is none of the pair's own records."""
