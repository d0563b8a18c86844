"""The work queue: one uncoupled record at a time with its candidates, for several people at once.

Both sides of a mapping have one; `coupling.services.queue_order` says who comes when. A record that somebody looks at
is claimed for some minutes, so nobody else gets it; one that was skipped comes back when nothing else is left. Where
somebody is, is what they have done: leaving and coming back goes on with the next record.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from connector.choices import Direction, System
from coupling.choices import CouplingOrigin
from coupling.exceptions import CouplingError
from coupling.matching.choices import QueueDeed
from coupling.matching.models import MatchLine, QueueStep, RecordClaim, RuledOutPair
from coupling.models import Coupling, TableMapping
from coupling.services import requests
from coupling.services.changes import latest_undoable, undo
from coupling.services.claims import claim, release
from coupling.services.couplings import couple, require_usable
from coupling.services.queue_order import Lane, groups
from coupling.services.review import ShownCandidate, candidates_of_row, check_direction, show
from coupling.services.ruled_out import allow_again, rule_out
from coupling.services.suggestions import lines_of
from coupling.synchronisation import StartedJob, service


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` records that this person has dealt with today, `open` records that are left, `skipped` among them."""

    done: int
    open: int
    skipped: int

    @property
    def total(self) -> int:
        return self.done + self.open


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back, in a sentence, and the record that comes up again."""

    sentence: str
    key: UUID
    jobs: tuple[StartedJob, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record of the queue with its candidates, best first; `line` where it has one of its own."""

    record: Any
    candidates: Sequence[ShownCandidate]
    line: MatchLine | None


def next_record(
    *,
    lane: Lane,
    user: User,
    records: QuerySet[Any] | None = None,
    after: UUID | None = None,
    ahead: UUID | None = None,
) -> Any | None:
    """The record that is up for `user`, now claimed: the one they have already, else the next that nobody has.

    `after` is a record they are done with; its claim ends. `ahead` is the next one as it was found a while ago. None:
    nothing is left that nobody else has.
    """
    if after is not None:
        release(**lane.place, keys=[after], user=user)
    open_records = lane.waiting(records)
    mine = RecordClaim.objects.filter(**lane.place, user=user, expires_at__gte=timezone.now())
    held_records = open_records.filter(key__in=mine.order_by().values("key"))
    held = (held_records if after is None else held_records.exclude(key=after)).first()
    if held is not None:
        claim(**lane.place, key=held.key, user=user)
        return held
    foreseen = open_records.filter(key=ahead).first() if ahead is not None else None
    if foreseen is not None and claim(**lane.place, key=foreseen.key, user=user) is None:
        return foreseen
    for keys in groups(lane, open_records, user, after):
        for key in keys:
            if claim(**lane.place, key=key, user=user) is None:
                return open_records.filter(key=key).first()
    return None


def progress(*, lane: Lane, user: User, records: QuerySet[Any] | None = None) -> Progress:
    """Three counts."""
    steps = lane.steps(user)
    skipped = steps.filter(deed=QueueDeed.SKIPPED)
    today = steps.filter(at__date=timezone.now().date(), deed__in=[QueueDeed.COUPLED, QueueDeed.CREATED])
    done = today.count()
    if records is None and lane.system == System.BUSINESS_CENTRAL:
        # Lines are counted in a fraction of the time that the records themselves take.
        open_lines = lines_of(lane.mapping, None).filter(is_coupled=False)
        left = open_lines.count() or lane.waiting().count()
        return Progress(done, left, open_lines.filter(Exists(skipped.filter(key=OuterRef("bc_key")))).count())
    open_records = lane.waiting(records)
    passed = open_records.filter(Exists(skipped.filter(key=OuterRef("key"))))
    return Progress(done, open_records.count(), passed.count())


def shown(lane: Lane, record: Any) -> Waiting:
    """The record with what may be its partner."""
    if lane.system == System.SALES:
        return Waiting(record, candidates_of_row(lane.mapping, record), None)
    line = line_of(lane.mapping, record.key)
    (found,) = show([line], lane.mapping)
    return Waiting(record, found.candidates, line if line.pk else None)


def line_of(mapping: TableMapping, bc_key: UUID) -> MatchLine:
    """The standing line of a record; an empty one where it was not compared yet."""
    found = MatchLine.objects.filter(mapping=mapping, job_id=None, bc_key=bc_key).first()
    return found or MatchLine(mapping=mapping, bc_key=bc_key)


def accept(
    *, lane: Lane, key: UUID, partner: UUID, synchronize: Direction | None, user: User
) -> tuple[Coupling, list[StartedJob]]:
    """Couples the record with a candidate, after both were read live, and starts the first synchronisation.

    Raises as `couplings.couple` does, and MappingError for a direction that the mapping does not go.
    """
    check_direction(lane.mapping, synchronize)
    bc_key, sales_key = lane.pair(key, partner)
    origin = CouplingOrigin.SUGGESTION
    coupling = couple(mapping=lane.mapping, bc_key=bc_key, sales_key=sales_key, origin=origin, user=user)
    _note(lane, user, key, QueueDeed.COUPLED, [partner])
    jobs: list[StartedJob] = []
    if synchronize == Direction.BIDIRECTIONAL:
        jobs = service().synchronize_pairs(couplings=[coupling], force_from=None, user=user, trigger="coupling")
    elif synchronize:
        job = requests.synchronize(coupling=coupling, direction=synchronize, retry=True, user=user, trigger="coupling")
        jobs = [job]
    return coupling, jobs


def create(*, lane: Lane, key: UUID, user: User) -> StartedJob:
    """Creates the partner on the other side in a job. Raises CouplingError where the mapping never creates there."""
    work = requests.create_other_side(mapping=lane.mapping, system=lane.system, keys=[key], user=user)
    _note(lane, user, key, QueueDeed.CREATED, [])
    return work.jobs[0]


def rule_out_candidates(*, lane: Lane, key: UUID, partners: Iterable[UUID], user: User) -> list[UUID]:
    """These are not the record's partner; returns the ones ruled out. Passes the record where none is left."""
    wanted = list(dict.fromkeys(partners))
    rule_out(mapping=lane.mapping, pairs=[lane.pair(key, partner) for partner in wanted], user=user)
    _note(lane, user, key, QueueDeed.RULED_OUT, wanted)
    return wanted


def skip(*, lane: Lane, key: UUID, user: User) -> None:
    """The record comes back when nothing else is left."""
    require_usable(lane.mapping)
    _note(lane, user, key, QueueDeed.SKIPPED, [])


def last_step(*, lane: Lane, user: User) -> QueueStep | None:
    """What this person did last in the queue and has not taken back."""
    return lane.steps(user).order_by("-id").first()


def undo_last(*, lane: Lane, user: User) -> Undone:
    """Takes back what this person did last: couplings with what their first synchronisation wrote, rulings, skips.

    Raises CouplingError where there is nothing, or where it cannot be taken back here.
    """
    step = last_step(lane=lane, user=user)
    if step is None:
        raise CouplingError("You have done nothing here that could be undone.", code="queue.nothing_to_undo")
    jobs: tuple[StartedJob, ...] = ()
    if step.deed == QueueDeed.CREATED:
        raise CouplingError(
            "A record that is being created cannot be undone here.",
            code="queue.created",
            hint="Undo the job that creates it, or delete the coupling on the record's page.",
        )
    if step.deed == QueueDeed.COUPLED:
        jobs = _uncouple(lane, step, user)
        sentence = "The coupling is being taken back; its record comes up again." if jobs else "The coupling is undone."
    elif step.deed == QueueDeed.RULED_OUT:
        pairs = [lane.pair(step.key, partner) for partner in step.partner_keys]
        bc_keys, sales_keys = {bc_key for bc_key, _ in pairs}, {sales_key for _, sales_key in pairs}
        rows = RuledOutPair.objects.filter(mapping=lane.mapping, bc_key__in=bc_keys, sales_key__in=sales_keys)
        allow_again(rows=list(rows.select_related("mapping__connection")), user=user)
        sentence = "The rows may be suggested again."
    else:
        sentence = "The record is up again."
    with transaction.atomic():
        QueueStep.objects.filter(pk=step.pk).update(undone=True)
    RecordClaim.objects.filter(**lane.place, user=user).delete()
    claim(**lane.place, key=step.key, user=user)
    return Undone(sentence, step.key, jobs)


def _uncouple(lane: Lane, step: QueueStep, user: User) -> tuple[StartedJob, ...]:
    bc_key, sales_key = lane.pair(step.key, step.partner_keys[0])
    coupling = (
        Coupling.objects.filter(mapping=lane.mapping, bc_key=bc_key, sales_key=sales_key)
        .select_related("mapping__connection", "connection")
        .first()
    )
    if coupling is None:
        raise CouplingError("The pair is not coupled any more.", code="queue.changed")
    change = latest_undoable(coupling)
    if change is not None:
        return tuple(undo(change, user).jobs)
    return tuple(requests.uncouple_many(couplings=[coupling], user=user).jobs)


def _note(lane: Lane, user: User, key: UUID, deed: QueueDeed, partners: list[UUID]) -> None:
    QueueStep.objects.create(
        mapping=lane.mapping, system=lane.system, user=user, key=key, deed=deed, partner_keys=partners
    )
    release(**lane.place, keys=[key], user=user)
