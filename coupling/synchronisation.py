"""What coupling asks of synchronisation without depending on it.

Pages and endpoints of `coupling` start synchronisations and show what one would do; the engine that does so lives one
layer up. It registers its implementation while Django starts (`register`), and `service()` hands it out.

Everything here is asynchronous work on the queue unless said otherwise: a method creates the job, hands it to the
queue after the transaction commits, and returns at once. Implementations raise `connector.errors.HubError`, for
example while the connection is disabled. `force_from` is the system whose values win; None means the ordinary
three-way merge. `trigger` is a value of the jobs' trigger choices: "user", "api", "command" or "coupling".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

from connector.choices import Direction, System
from connector.models import Connection
from coupling.models import Coupling, TableMapping


@dataclass(frozen=True, slots=True)
class StartedJob:
    """A job that was created. `representation` is the job as the REST API shows it."""

    id: int
    url: str
    representation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MatchField:
    """One criterion of match-based coupling. Fields of one `priority` must all match; lower priorities come first."""

    business_central: str
    sales: str
    case_sensitive: bool = False
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be carried: a stable code, a sentence, what to do about it.

    `system`, `table` and `key` name the record that has to be dealt with first, where there is one (a lookup's target
    that is not coupled); `field_id` the field mapping concerned. `needs` is the number of that record and
    `needs_mapping` the mapping under which it is coupled, where they are known.
    """

    code: str
    message: str
    hint: str = ""
    system: System | None = None
    table: str = ""
    key: UUID | None = None
    field_id: int | None = None
    needs: str = ""
    needs_mapping: str = ""


UNREAD = "(not read yet)"
"""Stands for the name of a referred record whose table the hub has not read; never its id."""


@dataclass(frozen=True, slots=True)
class FieldPreview:
    """One enabled field mapping of a pair: what both sides hold and would hold.

    `bc_now`, `sales_now`, `bc_after` and `sales_after` are wire values; the `_text` forms are what people read (option
    labels, names of looked-up records). A side that does not exist yet has None as its value now.
    `bc_changed`/`sales_changed`: differs from what both last agreed on. `equal`: the two values mean the same now.
    """

    field_id: int
    bc_property: str
    bc_label: str
    sales_attribute: str
    direction: Direction
    bc_now: Any
    sales_now: Any
    bc_after: Any
    sales_after: Any
    bc_now_text: str
    sales_now_text: str
    bc_after_text: str
    sales_after_text: str
    equal: bool
    bc_changed: bool
    sales_changed: bool
    writes_bc: bool
    writes_sales: bool
    clash: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PairPreview:
    """What one synchronisation of a pair would do. `fields` are in the mapping's order.

    `never`: the pair never agreed on anything, so that "changed" cannot be told apart. `problems` would make the
    record fail. `unchanged` is true when nothing would be written. `body`: what a record to be created would be sent,
    under the names of the wire; empty where it cannot be planned.
    """

    fields: Sequence[FieldPreview]
    problems: Sequence[Problem] = ()
    never: bool = False
    unchanged: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def writes_sales(self) -> int:
        """How many fields would change in Sales."""
        return sum(1 for line in self.fields if line.writes_sales)

    @property
    def writes_bc(self) -> int:
        """How many fields would change in Business Central."""
        return sum(1 for line in self.fields if line.writes_bc)

    @property
    def clash(self) -> bool:
        """A two-way field was changed on both sides to different values."""
        return any(line.clash for line in self.fields)

    def changed(self, system: System) -> bool:
        """Whether any mapped value of that side differs from what was last agreed."""
        if system == System.BUSINESS_CENTRAL:
            return any(line.bc_changed for line in self.fields)
        return any(line.sales_changed for line in self.fields)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One operation of a pair, newest first in lists."""

    at: datetime
    kind: str
    kind_label: str
    state: str
    state_label: str
    state_colour: str
    system: System
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """Wire name to the values before and after."""
    message: str = ""
    hint: str = ""
    job_id: int | None = None
    job_url: str = ""


@dataclass(frozen=True, slots=True)
class WrittenValue:
    """A value that a job wrote, under its name on the wire."""

    system: System
    key: UUID
    name: str
    before: Any
    after: Any


class SynchronisationService(Protocol):
    """Implemented by `syncjobs`."""

    def refresh(self, *, connection: Connection, system: System, table: str, keys: Sequence[UUID]) -> dict[UUID, bool]:
        """Reads the records live into the mirror, within the call. Tells per key whether the record exists."""
        ...

    def refresh_table(self, *, connection: Connection, system: System, table: str) -> None:
        """Reads the changes of a whole table into the mirror, within the call."""
        ...

    def mapping_made(self, *, mapping: TableMapping) -> None:
        """A mapping of one's own has its fields: it gets a schedule, on hold until somebody releases it."""
        ...

    def check_idle(self, *, mapping: TableMapping) -> None:
        """Raises HubError while a job of the mapping has not ended."""
        ...

    def team_members(self, *, connection: Connection) -> set[UUID]:
        """Sales users in the default owning team, asked live. Raises HubError."""
        ...

    def add_to_team(self, *, mapping: TableMapping, users: Sequence[UUID]) -> int:
        """Adds users to the default owning team within the call; returns how many were not members. Raises HubError."""
        ...

    def read_in_background(self, *, connection: Connection, tables: Sequence[tuple[System, str]]) -> None:
        """Asks a worker to read the changes of the tables into the mirror; returns at once."""
        ...

    def synchronize_options(
        self, *, mapping: TableMapping, keys: Sequence[UUID], user: User | None, trigger: str = "user"
    ) -> StartedJob:
        """Writes the codes `keys` of an option mapping to Sales: renames the label of a coupled option, adds an option
        for a code without one."""
        ...

    def after_coupling(self, *, coupling: Coupling, released: UUID | None, user: User | None) -> None:
        """A pair was coupled or moved by hand: records that waited for it get another chance. `released` is the Sales
        row that was let go by a move; where it carries this company's marker, a job takes the marker away."""
        ...

    def preview_pair(
        self, *, mapping: TableMapping, bc_key: UUID | None, sales_key: UUID | None, force_from: System | None
    ) -> PairPreview:
        """From the mirror, within the call; nothing is written. One key None: the side that would be created."""
        ...

    def history(self, *, coupling: Coupling, limit: int = 50) -> list[HistoryEntry]:
        """The pair's operations, newest first, previews left out. Constant number of queries."""
        ...

    def last_ways(self, *, coupling: Coupling) -> dict[System, HistoryEntry]:
        """The newest attempt to write to each system for the pair; a system never written to is missing. One query."""
        ...

    def synchronize_pair(
        self,
        *,
        coupling: Coupling,
        force_from: System | None,
        user: User | None,
        trigger: str = "user",
        choices: Mapping[str, Any] | None = None,
    ) -> StartedJob:
        """Synchronises one pair on the queue for people who wait; lifts its failure marks. `choices`: property → the
        side that wins there, whatever changed. Raises MappingError for a property that is not mapped."""
        ...

    def synchronize_pairs(
        self,
        *,
        couplings: Sequence[Coupling],
        force_from: System | None,
        user: User | None,
        trigger: str = "user",
    ) -> list[StartedJob]:
        """One job per mapping, in the mappings' order. Pairs whose target side is newer are the caller's business."""
        ...

    def retry_pairs(
        self, *, couplings: Sequence[Coupling], user: User | None, trigger: str = "user"
    ) -> list[StartedJob]:
        """Lifts failure and skip marks and synchronises the pairs, one job per mapping."""
        ...

    def create_missing_side(
        self,
        *,
        mapping: TableMapping,
        system: System,
        keys: Sequence[UUID],
        user: User | None,
        trigger: str = "user",
        values: Mapping[str, Any] | None = None,
    ) -> StartedJob:
        """Creates partners for the uncoupled records `keys` of `system` in the other system and couples them. `values`:
        what a person typed for the properties of the one new record, under the names of the wire."""
        ...

    def uncouple(self, *, couplings: Sequence[Coupling], user: User | None, trigger: str = "user") -> list[StartedJob]:
        """Removes couplings, with the children that go with them. Tables with a company marker need a write in Sales
        and give a job per mapping; the others are uncoupled within the call and give none."""
        ...

    def uncouple_table(self, *, mapping: TableMapping, user: User | None, trigger: str = "user") -> StartedJob | None:
        """Removes all couplings of a mapping, with the company markers, also those left on uncoupled rows. None where
        no marker has to be taken away: then it is done within the call."""
        ...

    def written_by(self, *, job_id: int, bc_key: UUID, sales_key: UUID) -> list[WrittenValue]:
        """Values of a pair that a job wrote to existing records. Raises HubError while it runs; empty for no job."""
        ...

    def undo_job(self, *, job_id: int, change_id: int, bc_key: UUID, sales_key: UUID, user: User | None) -> StartedJob:
        """Writes back what a job wrote for a pair, then puts the link of the `CouplingChange` back."""
        ...

    def restore_pairs(
        self, *, couplings: Sequence[Coupling], user: User | None, trigger: str = "user"
    ) -> list[StartedJob]:
        """Creates the missing side of broken couplings again, one job per mapping."""
        ...

    def delete_survivors(
        self, *, couplings: Sequence[Coupling], user: User | None, trigger: str = "user"
    ) -> list[StartedJob]:
        """Deletes the surviving record of broken couplings and the couplings, one job per mapping."""
        ...

    def match(
        self,
        *,
        mapping: TableMapping,
        fields: Sequence[MatchField],
        bc_keys: Sequence[UUID] | None,
        create_unmatched: bool,
        synchronize: Direction | None,
        user: User | None,
        trigger: str = "user",
        dry_run: bool = False,
    ) -> StartedJob:
        """Match-based coupling; `bc_keys` None: every uncoupled record inside the filter. A dry run writes nothing but
        the lines of its review."""
        ...

    def accept_pairs(
        self,
        *,
        mapping: TableMapping,
        pairs: Sequence[tuple[UUID, UUID]],
        origin: str,
        synchronize: Direction | None,
        user: User | None,
        trigger: str = "user",
    ) -> StartedJob:
        """Couples (BC key, Sales key) pairs that somebody accepted, each after both records were read live."""
        ...

    def accept_clear(
        self,
        *,
        mapping: TableMapping,
        job_id: int | None,
        synchronize: Direction | None,
        user: User | None,
        trigger: str = "user",
    ) -> StartedJob:
        """Couples all clear lines of a match run's review, or of the standing suggestions (`job_id` None)."""
        ...

    def look_for_suggestions(self, *, mapping: TableMapping, user: User | None, trigger: str = "user") -> StartedJob:
        """Compares all uncoupled records of the mapping anew."""
        ...

    def run_of(self, *, mapping: TableMapping, job_id: int) -> StartedJob | None:
        """A job of the mapping as it is now; None where there is none."""
        ...

    def undo_run(self, *, mapping: TableMapping, job_id: int, user: User | None) -> StartedJob:
        """Undoes a match run or an acceptance: links, and what its first synchronisation wrote."""
        ...

    def find_broken(self, *, mapping: TableMapping, user: User | None, trigger: str = "user") -> StartedJob:
        """Looks for couplings with a missing side."""
        ...

    def run_mapping(
        self,
        *,
        mapping: TableMapping,
        mode: str,
        direction: Direction | None,
        user: User | None,
        trigger: str = "user",
        confirm_deletions: bool = False,
    ) -> StartedJob:
        """`mode`: "modified", "full", "unconditional" (full, the source wins) or "preview"; direction None: all.
        `confirm_deletions`: carries out deletions that an earlier run held back because they were so many."""
        ...

    def failed_creations(
        self, *, connection: Connection, system: System, table: str, keys: Sequence[UUID]
    ) -> dict[UUID, Problem]:
        """Why the uncoupled records among `keys` could not be created in the other system, where that was tried and
        failed. One query."""
        ...

    def failed_creation_keys(self, *, connection: Connection, system: System, table: str) -> QuerySet[Any]:
        """Keys of all such records of a table, as a subquery."""
        ...

    def jobs_of(self, *, coupling: Coupling, limit: int = 5) -> list[StartedJob]:
        """The newest jobs that touched the pair; those of its mapping where none is noted."""
        ...


_service: SynchronisationService | None = None


def register(implementation: SynchronisationService) -> None:
    """Called once by the layer above while Django starts; a later call replaces the implementation."""
    global _service
    _service = implementation


def service() -> SynchronisationService:
    """The registered implementation. Raises ImproperlyConfigured when the synchronisation app is not installed."""
    if _service is None:
        raise ImproperlyConfigured("Nothing synchronises: add syncjobs to INSTALLED_APPS.")
    return _service
