"""What people ask of pairs (synchronise, retry, uncouple, restore, delete, create), checked before a job is started."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from connector.choices import Direction, System
from connector.models import Connection
from connector.services.audit import record_change
from coupling.choices import MappingKind, MissingSide
from coupling.exceptions import CouplingError, MappingError
from coupling.models import Coupling, TableMapping
from coupling.services.changes import attach_job, note_table_uncoupled, note_uncoupled
from coupling.services.children import children_of, children_of_table
from coupling.services.claims import claimed_by_others, require_unclaimed
from coupling.services.couplings import require_enabled, require_usable, uncouple
from coupling.services.list_counts import forget_counts
from coupling.services.new_gaps import gaps
from coupling.services.new_values import checked, missing_values, preview_new
from coupling.services.pairs import attach_records, couplings_of, key_of, side_of
from coupling.synchronisation import StartedJob, service

FIRST = "coupling"
"""Trigger of the synchronisation that follows a new coupling."""


MOST_ASKED = 25
"""Pairs that a person's selection may have for each partner to be looked up before it counts as coupled."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A selected pair that nothing is done with, and why."""

    coupling: Coupling
    reason: str


@dataclass(frozen=True, slots=True)
class Started:
    """Jobs that were started for a selection and the pairs that were left out. `claimed`: records without a coupling
    that were left out because somebody else is deciding about them."""

    jobs: Sequence[StartedJob] = ()
    taken: int = 0
    left_out: Sequence[LeftOut] = field(default_factory=tuple)
    claimed: int = 0


@dataclass(frozen=True, slots=True)
class Uncoupled(Started):
    """`children` couplings of contacts went along; `deed` is what undoing asks for."""

    children: int = 0
    deed: UUID | None = None


def source_of(direction: Direction | str | None, mapping: TableMapping, *, setting: str = "direction") -> System | None:
    """The system whose values win in a direction; None merges. Raises MappingError where the mapping rules it out.

    `setting`: what the direction is called where it was given.
    """
    if not direction:
        return None
    if direction == Direction.BIDIRECTIONAL:
        raise MappingError("Choose one direction.", fields={setting: ["Choose to_sales or to_business_central."]})
    if mapping.direction not in (direction, Direction.BIDIRECTIONAL):
        label = Direction(mapping.direction).label
        sentence = f"{mapping.name} runs in one direction only: {label}."
        raise MappingError(sentence, fields={setting: [sentence]})
    return System.BUSINESS_CENTRAL if direction == Direction.TO_SALES else System.SALES


def changed_since_agreed(coupling: Coupling, system: System) -> bool:
    """Whether mapped values of that side differ from what was last agreed; `attach_records` comes first."""
    record = coupling.bc_record if system == System.BUSINESS_CENTRAL else coupling.sales_record  # type: ignore[attr-defined]
    base = coupling.bc_base if system == System.BUSINESS_CENTRAL else coupling.sales_base
    return record is not None and any(record.values.get(name) != value for name, value in base.items())


def synchronize(
    *,
    coupling: Coupling,
    direction: Direction | str | None,
    retry: bool,
    user: User | None,
    trigger: str = "user",
    choices: Mapping[str, str] | None = None,
) -> StartedJob:
    """Synchronize Now for one pair. Raises CouplingError for a skipped pair unless `retry`, and for a broken one.

    `choices` names the side that wins per two-way property; the rest merges.
    """
    require_usable(coupling.mapping)
    force_from = source_of(direction, coupling.mapping)
    if coupling.missing:
        raise CouplingError(
            "One of the two records no longer exists.",
            code="coupling.broken",
            hint="Restore it, delete the other one, or uncouple the pair.",
        )
    if coupling.skipped_at and not retry:
        raise CouplingError(
            "The pair is skipped because the same problem came twice.",
            code="coupling.skipped",
            hint=f"Solve the problem, then retry: {coupling.error_message}",
        )
    job = service().synchronize_pair(
        coupling=coupling, force_from=force_from, user=user, trigger=trigger, choices=choices
    )
    if trigger == FIRST:
        attach_job(coupling, job.id)
    return job


def synchronize_many(
    *,
    couplings: Sequence[Coupling],
    direction: Direction | str | None,
    user: User | None,
    trigger: str = "user",
    retry: bool = False,
) -> Started:
    """Synchronises a selection. Broken pairs are left out, those whose target side is newer, and skipped ones unless
    `retry`."""
    taken: list[Coupling] = []
    left_out: list[LeftOut] = []
    attach_records(couplings)
    for coupling in couplings:
        require_usable(coupling.mapping)
        force_from = source_of(direction, coupling.mapping)
        if coupling.missing:
            left_out.append(LeftOut(coupling, "One of the two records no longer exists."))
        elif coupling.skipped_at and not retry:
            left_out.append(LeftOut(coupling, "Skipped because the same problem came twice."))
        elif force_from and changed_since_agreed(coupling, force_from.other):
            left_out.append(LeftOut(coupling, f"{force_from.other.label} has newer data."))
        else:
            taken.append(coupling)
    jobs: list[StartedJob] = []
    if taken:
        source = source_of(direction, taken[0].mapping)
        jobs = service().synchronize_pairs(couplings=taken, force_from=source, user=user, trigger=trigger)
    return Started(jobs, len(taken), left_out)


def retry_many(*, couplings: Sequence[Coupling], user: User | None, trigger: str = "user") -> Started:
    """Lifts marks and synchronises again; broken pairs are left out."""
    _require_enabled(couplings)
    taken = [coupling for coupling in couplings if not coupling.missing]
    left_out = [LeftOut(c, "One of the two records no longer exists.") for c in couplings if c.missing]
    jobs = service().retry_pairs(couplings=taken, user=user, trigger=trigger) if taken else []
    return Started(jobs, len(taken), left_out)


def uncouple_many(*, couplings: Sequence[Coupling], user: User | None, trigger: str = "user") -> Uncoupled:
    """Removes couplings, and with a customer or vendor the contacts that are theirs on both sides; records stay."""
    _require_enabled(couplings)
    if not couplings:
        return Uncoupled()
    named = {coupling.pk for coupling in couplings}
    children = [child for child in children_of(couplings) if child.pk not in named]
    leaving = [*couplings, *children]
    deed = note_uncoupled(leaving, user)
    jobs = service().uncouple(couplings=leaving, user=user, trigger=trigger)
    for mapping in {coupling.mapping for coupling in leaving}:
        forget_counts(mapping)
    return Uncoupled(jobs, len(couplings), children=len(children), deed=deed)


def uncouple_table(*, mapping: TableMapping, user: User | None, trigger: str = "user") -> Uncoupled:
    """Removes every coupling of a mapping, and this company's marker from rows that kept it without a coupling.

    Tables without a marker, and options, are done at once and give no job.
    """
    require_enabled(mapping.connection)
    if mapping.kind == MappingKind.OPTION:
        return Uncoupled(taken=mapping.options.all().delete()[0])
    number = mapping.couplings.count()
    children = children_of_table(mapping)
    deed = note_table_uncoupled(mapping, user)
    note_uncoupled(children, user, deed=deed)
    jobs = service().uncouple(couplings=children, user=user, trigger=trigger) if children else []
    job = service().uncouple_table(mapping=mapping, user=user, trigger=trigger)
    forget_counts(mapping)
    record_change(
        connection=mapping.connection, user=user, action="mapping.uncouple", target=mapping.name, before={"n": number}
    )
    return Uncoupled([job, *jobs] if job else jobs, number, children=len(children), deed=deed)


def children_to_go(couplings: Sequence[Coupling]) -> int:
    """How many contact couplings go with the couplings."""
    named = {coupling.pk for coupling in couplings}
    return sum(1 for child in children_of(couplings) if child.pk not in named)


def children_of_all(mapping: TableMapping) -> int:
    """How many contact couplings go with all couplings of the mapping."""
    return len(children_of_table(mapping))


def restore_many(*, couplings: Sequence[Coupling], user: User | None, trigger: str = "user") -> Started:
    """Creates the missing records again; pairs that do not miss exactly one are left out."""
    _require_enabled(couplings)
    taken, left_out = _one_missing(couplings)
    jobs = service().restore_pairs(couplings=taken, user=user, trigger=trigger) if taken else []
    return Started(jobs, len(taken), left_out)


def delete_survivors(*, couplings: Sequence[Coupling], user: User | None, trigger: str = "user") -> Started:
    """Deletes the surviving records of broken pairs; pairs that do not miss exactly one are left out."""
    _require_enabled(couplings)
    taken, left_out = _one_missing(couplings)
    jobs = service().delete_survivors(couplings=taken, user=user, trigger=trigger) if taken else []
    return Started(jobs, len(taken), left_out)


def assign_many(*, couplings: Sequence[Coupling], person: User | None, user: User | None) -> int:
    """Says who looks after the pairs' problems; None: nobody. Returns how many changed."""
    changed = [c for c in couplings if c.assigned_to_id != (person.pk if person else None)]
    Coupling.objects.filter(pk__in=[coupling.pk for coupling in changed]).update(assigned_to=person)
    if changed:
        record_change(
            connection=changed[0].connection,
            user=user,
            action="coupling.assign",
            target=f"{len(changed)} couplings",
            after={"assigned_to": person.get_username() if person else ""},
        )
    return len(changed)


def require_one_missing(coupling: Coupling) -> None:
    """Raises CouplingError unless exactly one record of the pair no longer exists."""
    if coupling.missing not in (MissingSide.BUSINESS_CENTRAL, MissingSide.SALES):
        raise CouplingError(
            "This needs a pair of which exactly one record no longer exists.", code="coupling.not_broken"
        )


def create_other_side(
    *,
    mapping: TableMapping,
    system: System,
    keys: Sequence[UUID],
    user: User | None,
    trigger: str = "user",
    values: Mapping[str, Any] | None = None,
    complete: bool = False,
    take_over: bool = False,
) -> Started:
    """Creates partners for uncoupled records of `system`; coupled ones are left out.

    A coupling whose partner no longer exists gives way; that is looked up live for a handful of records. `values` are
    typed for what the mapping leaves empty in every new record; `complete`: all that is required has to be there.
    Records that somebody else is deciding about are left out unless `take_over`. Raises ValuesError, and ClaimedError
    where that is all of them.
    """
    require_usable(mapping)
    if not Direction(mapping.direction).allows(system.other):
        raise CouplingError(f"{mapping.name} never creates records in {system.other.label}.", code="mapping.direction")
    coupled = with_living_partner(mapping.connection, system, mapping.table(system), keys)
    free = [key for key in keys if key not in coupled]
    if not free:
        raise CouplingError("Nothing to create: the selected records are already coupled.", code="coupling.taken")
    wanted_by_others: set[UUID] = set()
    if user is not None and not take_over:
        claims = claimed_by_others(mapping.connection, system, mapping.table(system), user).filter(key__in=free)
        wanted_by_others = set(claims.values_list("key", flat=True))
    if wanted_by_others.issuperset(free):
        require_unclaimed(mapping.connection, {system: (mapping.table(system), free[0])}, user)
    free = [key for key in free if key not in wanted_by_others]
    typed: Mapping[str, Any] = {}
    if values or complete:
        if len(free) == 1:
            wanted = missing_values(mapping, system.other, preview_new(mapping, system, free[0]).body)
        else:
            wanted, _ = gaps(mapping=mapping, system=system, keys=free)
        typed = checked(wanted, values or {}, complete=complete)
    job = service().create_missing_side(
        mapping=mapping, system=system, keys=free, user=user, trigger=trigger, values=typed
    )
    left_out = [LeftOut(c, "Already coupled.") for c in coupled.values()]
    return Started([job], len(free), left_out, claimed=len(wanted_by_others))


def with_living_partner(
    connection: Connection, system: System, table: str, keys: Collection[UUID]
) -> dict[UUID, Coupling]:
    """Couplings of the records `keys` by key, without those whose partner is gone.

    For a handful the partners are looked up live, and a coupling with a dead one is removed; of many the runs of their
    mapping notice what is gone.
    """
    present = couplings_of(connection, system, table).filter(**{f"{side_of(system)}_key__in": list(keys)}, missing="")
    found = {key_of(c, system): c for c in present.select_related("mapping__connection", "connection")}
    if not 0 < len(found) <= MOST_ASKED:
        return found
    for partners in {coupling.mapping.table(system.other) for coupling in found.values()}:
        asked = [c for c in found.values() if c.mapping.table(system.other) == partners]
        wanted = [key_of(coupling, system.other) for coupling in asked]
        exists = service().refresh(connection=connection, system=system.other, table=partners, keys=wanted)
        for coupling in asked:
            if not exists.get(key_of(coupling, system.other)):
                uncouple(coupling=coupling)
                del found[key_of(coupling, system)]
    return found


def _require_enabled(couplings: Sequence[Coupling]) -> None:
    if couplings:
        require_enabled(couplings[0].mapping.connection)


def _one_missing(couplings: Sequence[Coupling]) -> tuple[list[Coupling], list[LeftOut]]:
    broken = (MissingSide.BUSINESS_CENTRAL, MissingSide.SALES)
    taken = [coupling for coupling in couplings if coupling.missing in broken]
    return taken, [LeftOut(c, "Not exactly one record is missing.") for c in couplings if c.missing not in broken]
