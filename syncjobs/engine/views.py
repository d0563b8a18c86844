"""What a decision is made about: the two records of a pair and their coupling, as they stand at plan time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RecordView:
    """A living record. `in_filter`: the mapping's filter admits it; `template`: position of the template that fits a
    new partner of it, None where none does.
    """

    key: UUID
    number: str = ""
    name: str = ""
    token: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    modified_at: datetime | None = None
    in_filter: bool = True
    template: int | None = None

    @property
    def title(self) -> str:
        return f"{self.number} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class CouplingView:
    """A coupling. `synchronised`: both sides agreed at least once; `marked`: it carries marks that success lifts."""

    id: int
    bc_key: UUID
    sales_key: UUID
    bc_base: Mapping[str, Any] = field(default_factory=dict)
    sales_base: Mapping[str, Any] = field(default_factory=dict)
    bc_token: str = ""
    sales_token: str = ""
    synchronised: bool = True
    skipped: bool = False
    marked: bool = False
    missing: str = ""
    outside_filter: str = ""


@dataclass(frozen=True, slots=True)
class PairView:
    """One pair: either record may be missing, and the coupling too.

    Both records without a coupling: the table's rule recognised the partner of an uncoupled record.
    """

    coupling: CouplingView | None = None
    bc: RecordView | None = None
    sales: RecordView | None = None

    @property
    def keys(self) -> tuple[UUID | None, UUID | None]:
        """In Business Central and in Sales."""
        if self.coupling is not None:
            return self.coupling.bc_key, self.coupling.sales_key
        return self.bc.key if self.bc else None, self.sales.key if self.sales else None

    @property
    def title(self) -> str:
        record = self.bc or self.sales
        return record.title if record else ""
