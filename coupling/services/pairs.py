"""Records together with their couplings and partners, in a constant number of queries."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from connector.choices import System
from connector.models import Connection
from coupling.choices import CouplingState
from coupling.models import Coupling, RemoteRecord
from coupling.querysets import CouplingQuerySet
from coupling.services.search import mirror_of
from coupling.synchronisation import service

_NEEDS = {
    "broken": ~Q(missing=""),
    "skipped": Q(skipped_at__isnull=False),
    "conflict": Q(conflict=True),
    "failing": ~Q(error_code=""),
    "outside_filter": ~Q(outside_filter=""),
    "never_synchronised": Q(last_synchronised_at__isnull=True),
}
"""What a coupling in a state has at least; spares working out the state of all others."""


def side_of(system: System | str) -> str:
    """Prefix of a coupling's columns for a system."""
    return "bc" if system == System.BUSINESS_CENTRAL else "sales"


def key_of(coupling: Coupling, system: System | str) -> UUID:
    key: UUID = coupling.bc_key if system == System.BUSINESS_CENTRAL else coupling.sales_key
    return key


def couplings_of(connection: Connection, system: System, table: str) -> CouplingQuerySet:
    """Couplings of the rows of one table, whichever mapping they belong to."""
    return Coupling.objects.all().filter(**{"connection": connection, f"{side_of(system)}_table": table})


def only_coupled(
    records: QuerySet[Any], connection: Connection, system: System, table: str, *, coupled: bool
) -> QuerySet[Any]:
    """Keeps the coupled rows of a table, or the free ones."""
    exists = Exists(couplings_of(connection, system, table).filter(**{f"{side_of(system)}_key": OuterRef("key")}))
    return records.filter(exists if coupled else ~exists)


def only_in_states(
    records: QuerySet[Any], connection: Connection, system: System, table: str, states: Sequence[str]
) -> QuerySet[Any]:
    """Keeps the rows whose coupling is in one of the states; failing are also those that could not be created."""
    couplings = couplings_of(connection, system, table)
    if all(state in _NEEDS for state in states):
        couplings = couplings.filter(reduce(or_, (_NEEDS[state] for state in states)))
    couplings = couplings.with_state().filter(state__in=states)
    wanted = Q(key__in=couplings.values(f"{side_of(system)}_key"))
    if CouplingState.FAILING in states:
        wanted |= Q(key__in=service().failed_creation_keys(connection=connection, system=system, table=table))
    return records.filter(wanted)


def with_state_rank(records: QuerySet[Any], connection: Connection, system: System, table: str) -> QuerySet[Any]:
    """Annotates `state_rank`: the position of the coupling's state among `CouplingState`, behind all of them without
    a coupling."""
    states = CouplingState.values
    rank = Case(*(When(state=state, then=Value(place)) for place, state in enumerate(states)))
    couplings: Any = couplings_of(connection, system, table).filter(**{f"{side_of(system)}_key": OuterRef("key")})
    ranked = couplings.with_state().annotate(rank=rank).values("rank")[:1]
    return records.annotate(state_rank=Coalesce(Subquery(ranked), Value(len(states)), output_field=IntegerField()))


def attach_couplings(records: Iterable[RemoteRecord], *, connection: Connection, system: System, table: str) -> None:
    """Sets `coupling` (with state and mapping) and `partner` (mirror row) of every record; None where there is none.

    Two queries whatever the number of records.
    """
    rows = list(records)
    side, other = side_of(system), side_of(system.other)
    couplings = {
        key_of(coupling, system): coupling
        for coupling in couplings_of(connection, system, table)
        .filter(**{f"{side}_key__in": [row.key for row in rows]})
        .with_state()
        .select_related("mapping", "connection")
    }
    partners = {
        (partner.table, partner.key): partner
        for partner in mirror_of(system.other).objects.filter(
            connection=connection,
            table__in={getattr(coupling, f"{other}_table") for coupling in couplings.values()},
            key__in=[key_of(coupling, system.other) for coupling in couplings.values()],
        )
    }
    for row in rows:
        coupling = couplings.get(row.key)
        row.coupling = coupling  # type: ignore[attr-defined]
        partner_key = (getattr(coupling, f"{other}_table"), key_of(coupling, system.other)) if coupling else None
        row.partner = partners.get(partner_key) if partner_key else None  # type: ignore[attr-defined]


def attach_failures(records: Iterable[RemoteRecord], *, connection: Connection, system: System, table: str) -> None:
    """Sets `failure` of every record: the problem that kept its partner from being created, or None; one query."""
    rows = list(records)
    failures = service().failed_creations(
        connection=connection, system=system, table=table, keys=[row.key for row in rows]
    )
    for row in rows:
        row.failure = failures.get(row.key)  # type: ignore[attr-defined]


def attach_records(couplings: Iterable[Coupling], *, systems: Iterable[System] = System) -> None:
    """Sets `bc_record` and `sales_record` (mirror rows or None) of couplings of one connection; a query for each."""
    rows = list(couplings)
    for system in systems:
        side = side_of(system)
        records = {
            (record.table, record.key): record
            for record in mirror_of(system).objects.filter(
                connection_id__in={row.connection_id for row in rows},
                table__in={getattr(row, f"{side}_table") for row in rows},
                key__in=[key_of(row, system) for row in rows],
            )
        }
        for row in rows:
            setattr(row, f"{side}_record", records.get((getattr(row, f"{side}_table"), key_of(row, system))))
