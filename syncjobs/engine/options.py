"""What a run was asked to do beyond "follow the mapping": the arguments stored in `SynchJob.options`.

One frozen value travels from the page or API through the job row into the pure decision, so that planning again after a
lost race or a dead worker decides by the same wishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self
from uuid import UUID

from connector.choices import Direction, System
from coupling.synchronisation import MatchField

_FLAGS = ("only_pairs", "keep_newer", "ignore_only_coupled", "restore", "delete_survivor", "uncouple", "retry",
          "confirm_deletions")  # fmt: skip


@dataclass(frozen=True, slots=True)
class PairRef:
    """A pair by its keys; one of them may be unknown (an uncoupled record, a side still to be found)."""

    bc_key: UUID | None = None
    sales_key: UUID | None = None

    def to_json(self) -> dict[str, str | None]:
        return {
            "bc_key": str(self.bc_key) if self.bc_key else None,
            "sales_key": str(self.sales_key) if self.sales_key else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        bc_key, sales_key = data.get("bc_key"), data.get("sales_key")
        return cls(UUID(str(bc_key)) if bc_key else None, UUID(str(sales_key)) if sales_key else None)


@dataclass(frozen=True, slots=True)
class MatchCriteria:
    """How match-based coupling recognises partners, and what follows.

    `synchronize`: direction in which the new pairs are synchronised, None to couple only. `create_unmatched`: records
    without any candidate get a partner in Sales. `dry_run`: nothing is written, the result is for review.
    """

    fields: tuple[MatchField, ...]
    create_unmatched: bool = False
    synchronize: Direction | None = None
    dry_run: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "fields": [asdict(each) for each in self.fields],
            "create_unmatched": self.create_unmatched,
            "synchronize": str(self.synchronize) if self.synchronize else None,
            "dry_run": self.dry_run,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            fields=tuple(MatchField(**each) for each in data["fields"]),
            create_unmatched=data["create_unmatched"],
            synchronize=Direction(data["synchronize"]) if data["synchronize"] else None,
            dry_run=bool(data.get("dry_run", False)),
        )


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Pairs that a person accepted: the run's `pairs`, or all clear lines of a review.

    `origin` is a value of CouplingOrigin. `clear_of`: job whose clear lines are meant, 0 for the standing suggestions,
    None for the run's own pairs. `synchronize`: direction of the first synchronisation, None to couple only.
    """

    origin: str
    clear_of: int | None = None
    synchronize: Direction | None = None

    def to_json(self) -> dict[str, Any]:
        synchronize = str(self.synchronize) if self.synchronize else None
        return {"origin": self.origin, "clear_of": self.clear_of, "synchronize": synchronize}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        synchronize = Direction(data["synchronize"]) if data["synchronize"] else None
        return cls(origin=data["origin"], clear_of=data["clear_of"], synchronize=synchronize)


_SOURCES = {Direction.TO_SALES: System.BUSINESS_CENTRAL, Direction.TO_BUSINESS_CENTRAL: System.SALES}
"""The side that wins in a first synchronisation of one direction; both directions merge."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Arguments of one run.

    `pairs`: the pairs a person or a program named. With `only_pairs` the run takes exactly these and no waiting
    changes, also when none is named.
    `force_from`: a direction chosen by hand. That side wins for every field mapped away from it, even where only the
    other side changed; fields mapped the other way only are left alone.
    `keep_newer`: leave out pairs in which `force_from` would overwrite what the other side changed since.
    `winner`: the side that wins where both changed the same field; everything else merges as usual.
    `choices`: property (BC name, or Sales attribute where there is none) → "business_central", "sales" or a value
    both sides get: a conflict resolved field by field.
    `ignore_only_coupled`: create partners although the mapping synchronises coupled records only.
    `values`: properties of the records that are created, as somebody typed them for what the mapping leaves empty.
    `create_side`: the missing record is wanted in this system, outside filters and "only coupled" too.
    `restore`: create the missing record of a broken coupling again, whatever the mapping's policy.
    `delete_survivor`: delete the surviving record of a broken coupling and uncouple.
    `uncouple`: remove the couplings of the pairs (with the company marker in Sales).
    `retry`: take up skipped couplings.
    `confirm_deletions`: a person agreed to however many deletions the policy "delete the other record too" asks for.
    `hold_deletions`: that policy asks for so many deletions that they wait for a person; 0 carries them out.
    `follows`: job whose records' children this run is about.
    `match`: criteria of match-based coupling.
    `accept`: couple pairs that a person accepted.
    `undo_change`: the change of a link that is undone once the values are written back.
    """

    pairs: tuple[PairRef, ...] = ()
    only_pairs: bool = False
    force_from: System | None = None
    keep_newer: bool = False
    winner: System | None = None
    choices: Mapping[str, Any] = field(default_factory=dict)
    ignore_only_coupled: bool = False
    create_side: System | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    restore: bool = False
    delete_survivor: bool = False
    uncouple: bool = False
    retry: bool = False
    confirm_deletions: bool = False
    hold_deletions: int = 0
    follows: int | None = None
    match: MatchCriteria | None = None
    accept: Acceptance | None = None
    undo_change: int | None = None

    @classmethod
    def matching(cls, criteria: MatchCriteria) -> Self:
        """A match-based coupling and what follows it: a synchronisation in one direction lets its source win."""
        return cls(
            match=criteria,
            force_from=_SOURCES.get(criteria.synchronize) if criteria.synchronize else None,
            create_side=System.SALES if criteria.create_unmatched else None,
        )

    @classmethod
    def accepting(cls, acceptance: Acceptance) -> Self:
        """Coupling of accepted pairs and what follows it."""
        source = _SOURCES.get(acceptance.synchronize) if acceptance.synchronize else None
        return cls(accept=acceptance, force_from=source)

    def with_pairs(self, pairs: list[PairRef]) -> Self:
        return replace(self, pairs=tuple(pairs), only_pairs=True)

    def to_json(self) -> dict[str, Any]:
        """JSON for `SynchJob.options`; only what differs from the defaults."""
        data: dict[str, Any] = {}
        if self.pairs:
            data["pairs"] = [pair.to_json() for pair in self.pairs]
        for name in ("force_from", "winner", "create_side"):
            if (value := getattr(self, name)) is not None:
                data[name] = str(value)
        if self.match is not None:
            data["match"] = self.match.to_json()
        if self.accept is not None:
            data["accept"] = self.accept.to_json()
        if self.undo_change is not None:
            data["undo_change"] = self.undo_change
        for name in ("choices", "values"):
            if getattr(self, name):
                data[name] = dict(getattr(self, name))
        if self.follows is not None:
            data["follows"] = self.follows
        if self.hold_deletions:
            data["hold_deletions"] = self.hold_deletions
        for name in _FLAGS:
            if getattr(self, name):
                data[name] = True
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The options of a job row; keys that belong to other modes are ignored."""

        def system(name: str) -> System | None:
            return System(data[name]) if data.get(name) else None

        return cls(
            pairs=tuple(PairRef.from_json(pair) for pair in data.get("pairs", ())),
            only_pairs=bool(data.get("only_pairs", False)),
            force_from=system("force_from"),
            keep_newer=bool(data.get("keep_newer", False)),
            winner=system("winner"),
            choices=dict(data.get("choices", {})),
            ignore_only_coupled=bool(data.get("ignore_only_coupled", False)),
            create_side=system("create_side"),
            values=dict(data.get("values", {})),
            restore=bool(data.get("restore", False)),
            delete_survivor=bool(data.get("delete_survivor", False)),
            uncouple=bool(data.get("uncouple", False)),
            retry=bool(data.get("retry", False)),
            confirm_deletions=bool(data.get("confirm_deletions", False)),
            hold_deletions=int(data.get("hold_deletions", 0)),
            follows=data.get("follows"),
            match=MatchCriteria.from_json(data["match"]) if data.get("match") else None,
            accept=Acceptance.from_json(data["accept"]) if data.get("accept") else None,
            undo_change=data.get("undo_change"),
        )
