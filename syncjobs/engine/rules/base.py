"""Hook points of a table's own rules, their registry, and the two rules that many tables share: company and owner.

A hook either works on plain values (and is called per pair, so it must be cheap), or says that it asks the database and
is called once per slice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from connector.bulk import Sender
from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.models import Connection
from connector.sales import SalesClient
from syncjobs.engine.blueprint import COMPANY_READ, COMPANY_WRITE, OWNED_TABLES, OWNER_WRITE, Blueprint
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.results import Problem
from syncjobs.engine.views import PairView, RecordView
from syncjobs.engine.writes import PlannedWrite


@dataclass(frozen=True, slots=True)
class Extra:
    """A value outside the field mappings. `write` and `body` go into the request, `read` and `value` are what the row
    then holds. `alone`: reason enough to write a row in which nothing else changed. A blank `write` notes what the
    system itself puts into a new row, so that reading it back is no change.
    """

    write: str
    body: Any
    read: str
    value: Any
    alone: bool = False


class Leave(StrEnum):
    """How a record that is not synchronised counts: not at all, or as skipped."""

    DROPPED = "dropped"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that this table never carries, with the reason's code."""

    how: Leave
    reason: str


class TableRule:
    """The rules of an ordinary table; special ones override what differs."""

    plans_all_couplings = False
    """Every run looks at all couplings, because what matters is not in the record itself."""

    auxiliary_tables: Mapping[str, tuple[str, ...]] = {}
    """Further Business Central tables that have to be mirrored, with the properties that are looked at."""

    sales_tables: Mapping[str, tuple[str, ...]] = {}
    """Further Sales tables that have to be mirrored, with the properties that are looked at."""

    looks_at: tuple[str, ...] = ()
    """Mappings whose Sales rows are looked at, too, where those mappings are switched on."""

    beyond_filter = False
    """A coupled record goes on travelling when it leaves the mapping's filter, which says who is created only."""

    outlives_partner = False
    """A coupled record that goes away is no trouble: others know what became of it."""

    has_steps = False
    """A pair may need writes to further rows once its own two records are in step; `steps` says which."""

    reads_relations = False
    """Which company contact belongs to which customer or vendor has to be known."""

    reads_invoice_lines = False
    """Lines of the mapping's documents, which are served below them only, have to be read."""

    service_properties: Mapping[str, tuple[str, ...]] = {}
    """Properties that another service shows of the table's own records."""

    def sender(self, client: SalesClient | BusinessCentralClient, usual: Sender) -> Sender:
        """What sends bulk writes through `client`; `usual` is what does so for most tables."""
        return usual

    def properties(self, system: System) -> frozenset[str]:
        """Mirrored values that the rule looks at beyond the field mappings'."""
        return frozenset()

    def want(self, lookups: Lookups, bc_row: Mapping[str, Any], sales_row: Mapping[str, Any]) -> None:
        """Notes references of one pair that the rule will ask for."""

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """Once per slice, may ask the database: fills `lookups.extra`. `rows` are the slice's BC records."""

    def partners(
        self, blueprint: Blueprint, connection: Connection, source: System, records: Sequence[RecordView]
    ) -> dict[UUID, UUID]:
        """Once per slice, may ask the database: uncoupled records' partners that are recognised without a person."""
        return {}

    def standalone(self, blueprint: Blueprint, lookups: Lookups) -> Sequence[PlannedWrite]:
        """Writes of the run that belong to no pair."""
        return ()

    def prerequisites(self, blueprint: Blueprint, connection: Connection) -> Sequence[PlannedWrite]:
        """Once per job, after its tables were read: rows that have to exist before any pair is planned."""
        return ()

    def keep(self, blueprint: Blueprint, target: System, record: RecordView) -> Refusal | Problem | None:
        """Whether a coupled record must not be written, whatever its partner holds.

        A Refusal leaves it alone and lets the other direction go on; a Problem fails the pair.
        """
        return None

    def steps(self, blueprint: Blueprint, pair: PairView, lookups: Lookups) -> Sequence[PlannedWrite] | Problem:
        """What is still to be written for a coupled pair of which both records are in step.

        Asked whenever nothing else is to be written and again after each of these writes, so the answer has to follow
        from what the mirror holds alone; that is what makes a crash between two of them harmless. Each write names its
        table and record; no two of one answer name the same.
        """
        return ()

    def related(self, blueprint: Blueprint, bc_key: UUID, sales: RecordView) -> Sequence[tuple[str, UUID, UUID]]:
        """Further pairs that are one as soon as a record was made in Business Central from the row `sales`: names of
        mappings with the keys of both sides.
        """
        return ()

    relates = False
    """`related` has something to say."""

    children: tuple[str, str] | None = None
    """Mapping whose records follow theirs, and the property in which those name them by number."""

    def refuse(
        self, blueprint: Blueprint, target: System, source: RecordView, lookups: Lookups, *, coupled: bool
    ) -> Refusal | Problem | None:
        """Whether the source record must not travel to `target`."""
        return None

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        """Values of the target outside the field mappings; the target's record is None when it is being created."""
        return common_extras(blueprint, target, sales)


def common_extras(blueprint: Blueprint, target: System, sales: RecordView | None) -> list[Extra]:
    """The company marker on every row that carries one, and the owning team on new rows.

    A row that belongs to another company keeps its marker. An owner from a salesperson is a field mapping and comes on
    top of the team.
    """
    if target != System.SALES:
        return []
    facts = blueprint.facts
    found: list[Extra] = []
    if sales is None and facts.owning_team and blueprint.sales_entity in OWNED_TABLES:
        found.append(Extra(OWNER_WRITE, f"/teams({facts.owning_team})", "_ownerid_value", facts.owning_team))
    if blueprint.carries_marker and (sales is None or not sales.values.get(COMPANY_READ)):
        body = f"/bcbi_companies({facts.company_row})"
        known = sales is None or COMPANY_READ in sales.values
        found.append(Extra(COMPANY_WRITE, body, COMPANY_READ, facts.company_row, alone=known))
    return found


_RULES: dict[str, TableRule] = {}
_ORDINARY = TableRule()


def register(*names: str) -> Callable[[type[TableRule]], type[TableRule]]:
    """Registers a rule for mappings of these names."""

    def add(rule: type[TableRule]) -> type[TableRule]:
        for name in names:
            _RULES[name] = rule()
        return rule

    return add


def rule_for(name: str) -> TableRule:
    """The rules of a mapping; ordinary ones for a mapping that has none of its own."""
    return _RULES.get(name, _ORDINARY)
