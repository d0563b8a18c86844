"""The work queue: one uncoupled record at a time with its candidates, for several people at once.

The order is that of confidence: clear proposals first, then what has candidates, then the rest by number. A record that
somebody looks at is claimed for some minutes, so nobody else gets it; one that was skipped comes back when nothing else
is left. Where somebody is, is what they have done: leaving and coming back goes on with the next record.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils import timezone

from connector.choices import Direction, System
from coupling.choices import CouplingOrigin
from coupling.exceptions import CouplingError
from coupling.matching.choices import MatchVerdict, QueueDeed
from coupling.matching.compute import free_records
from coupling.matching.models import MatchCandidate, MatchLine, QueueStep, RecordClaim, RuledOutPair
from coupling.models import BusinessCentralRecord, Coupling, TableMapping
from coupling.services import requests
from coupling.services.changes import latest_undoable, undo
from coupling.services.claims import claim, claimed_by_others, release
from coupling.services.couplings import couple, require_usable
from coupling.services.review import check_direction
from coupling.services.ruled_out import allow_again, rule_out
from coupling.services.suggestions import lines_of
from coupling.synchronisation import StartedJob, service

_TRIES = 20
_ORDER = (
    MatchVerdict.CLEAR,
    MatchVerdict.SEVERAL,
    MatchVerdict.CONTESTED,
    MatchVerdict.UNCERTAIN,
    MatchVerdict.TAKEN,
    MatchVerdict.NONE,
)


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
    bc_key: UUID
    jobs: tuple[StartedJob, ...] = ()


def waiting(mapping: TableMapping, records: QuerySet[Any] | None = None) -> QuerySet[BusinessCentralRecord]:
    """Uncoupled records of the queue in no order; `records` narrows them to a list's filter."""
    free = free_records(mapping)
    return free if records is None else free.filter(pk__in=records.order_by().values("pk"))


def next_record(
    *, mapping: TableMapping, user: User, records: QuerySet[Any] | None = None, after: UUID | None = None
) -> BusinessCentralRecord | None:
    """The record that is up for `user`, now claimed: the one they have already, else the next that nobody has.

    `after` is a record they are done with; its claim ends. None: nothing is left that nobody else has.
    """
    place: dict[str, Any] = {"connection": mapping.connection, "system": System.BUSINESS_CENTRAL}
    place["table"] = mapping.business_central_table
    if after is not None:
        release(**place, keys=[after], user=user)
    open_records = waiting(mapping, records)
    mine = RecordClaim.objects.filter(**place, user=user, expires_at__gte=timezone.now())
    held_records = open_records.filter(key__in=mine.order_by().values("key"))
    held = (held_records if after is None else held_records.exclude(key=after)).first()
    if held is not None:
        claim(**place, key=held.key, user=user)
        return held
    for keys in _groups(mapping, open_records, user, after):
        for key in keys:
            if claim(**place, key=key, user=user) is None:
                return open_records.filter(key=key).first()
    return None


def _groups(mapping: TableMapping, open_records: QuerySet[Any], user: User, after: UUID | None) -> Iterator[list[UUID]]:
    """Keys to try, group by group in the queue's order; a group is asked for when the one before gave nothing.

    Each is a walk along an index that ends after some rows, so it does not matter how many records there are.
    """
    others = claimed_by_others(mapping.connection, System.BUSINESS_CENTRAL, mapping.business_central_table, user)
    free = open_records.exclude(key__in=others.order_by().values("key"))
    free = free.exclude(key=after) if after is not None else free
    passed = QueueStep.objects.filter(mapping=mapping, user=user, deed__in=_PASSED, undone=False)
    lines = MatchLine.objects.filter(mapping=mapping, job_id=None).exclude(
        Exists(passed.filter(bc_key=OuterRef("bc_key")))
    )
    inside = Exists(free.filter(key=OuterRef("bc_key")))
    for verdict in _ORDER:
        rows = lines.filter(inside, verdict=verdict).order_by("-score", "id")
        yield list(rows.values_list("bc_key", flat=True)[:_TRIES])
    known = MatchLine.objects.filter(mapping=mapping, job_id=None, bc_key=OuterRef("key"))
    new = free.exclude(Exists(known)).exclude(Exists(passed.filter(bc_key=OuterRef("key"))))
    yield list(new.order_by("number", "key").values_list("key", flat=True)[:_TRIES])
    # What this person passed comes back last, the longest ago first.
    again = passed.filter(Exists(free.filter(key=OuterRef("bc_key")))).values_list("bc_key")
    oldest = again.annotate(newest=Max("id")).order_by("newest")
    yield [key for key, _ in oldest[:_TRIES]]


_PASSED = (QueueDeed.SKIPPED, QueueDeed.RULED_OUT)


def progress(*, mapping: TableMapping, user: User, records: QuerySet[Any] | None = None) -> Progress:
    """Three counts."""
    steps = QueueStep.objects.filter(mapping=mapping, user=user, undone=False, at__date=timezone.now().date())
    skipped = QueueStep.objects.filter(mapping=mapping, user=user, undone=False, deed=QueueDeed.SKIPPED)
    done = steps.filter(deed__in=[QueueDeed.COUPLED, QueueDeed.CREATED]).count()
    if records is None:
        open_lines = lines_of(mapping, None).filter(is_coupled=False)
        left = open_lines.count() or waiting(mapping).count()
        return Progress(done, left, open_lines.filter(Exists(skipped.filter(bc_key=OuterRef("bc_key")))).count())
    open_records = waiting(mapping, records)
    return Progress(
        done, open_records.count(), open_records.filter(Exists(skipped.filter(bc_key=OuterRef("key")))).count()
    )


def line_of(mapping: TableMapping, bc_key: UUID) -> MatchLine:
    """The standing line of a record; an empty one where it was not compared yet."""
    found = MatchLine.objects.filter(mapping=mapping, job_id=None, bc_key=bc_key).first()
    return found or MatchLine(mapping=mapping, bc_key=bc_key)


def accept(
    *, mapping: TableMapping, bc_key: UUID, sales_key: UUID, synchronize: Direction | None, user: User
) -> tuple[Coupling, list[StartedJob]]:
    """Couples the record with a candidate, after both were read live, and starts the first synchronisation.

    Raises as `couplings.couple` does, and MappingError for a direction that the mapping does not go.
    """
    check_direction(mapping, synchronize)
    coupling = couple(mapping=mapping, bc_key=bc_key, sales_key=sales_key, origin=CouplingOrigin.SUGGESTION, user=user)
    _note(mapping, user, bc_key, QueueDeed.COUPLED, [sales_key])
    jobs: list[StartedJob] = []
    if synchronize == Direction.BIDIRECTIONAL:
        jobs = service().synchronize_pairs(couplings=[coupling], force_from=None, user=user, trigger="coupling")
    elif synchronize:
        job = requests.synchronize(coupling=coupling, direction=synchronize, retry=True, user=user, trigger="coupling")
        jobs = [job]
    return coupling, jobs


def create(*, mapping: TableMapping, bc_key: UUID, user: User) -> StartedJob:
    """Creates the partner in Sales in a job. Raises CouplingError where the mapping never creates there."""
    work = requests.create_other_side(mapping=mapping, system=System.BUSINESS_CENTRAL, keys=[bc_key], user=user)
    _note(mapping, user, bc_key, QueueDeed.CREATED, [])
    return work.jobs[0]


def rule_out_candidates(*, mapping: TableMapping, bc_key: UUID, sales_keys: Iterable[UUID], user: User) -> list[UUID]:
    """These rows are not the record; returns the ones ruled out. Passes the record where it has no candidate left."""
    wanted = list(dict.fromkeys(sales_keys))
    rule_out(mapping=mapping, pairs=[(bc_key, sales_key) for sales_key in wanted], user=user)
    _note(mapping, user, bc_key, QueueDeed.RULED_OUT, wanted)
    return wanted


def skip(*, mapping: TableMapping, bc_key: UUID, user: User) -> None:
    """The record comes back when nothing else is left."""
    require_usable(mapping)
    _note(mapping, user, bc_key, QueueDeed.SKIPPED, [])


def candidate_keys(mapping: TableMapping, bc_key: UUID) -> list[UUID]:
    """Sales rows that are suggested for a record."""
    found = MatchCandidate.objects.filter(line__mapping=mapping, line__job_id=None, line__bc_key=bc_key)
    out = RuledOutPair.objects.filter(mapping=mapping, bc_key=bc_key).values("sales_key")
    return list(found.exclude(sales_key__in=out).values_list("sales_key", flat=True))


def last_step(*, mapping: TableMapping, user: User) -> QueueStep | None:
    """What this person did last in the queue and has not taken back."""
    return QueueStep.objects.filter(mapping=mapping, user=user, undone=False).order_by("-id").first()


def undo_last(*, mapping: TableMapping, user: User) -> Undone:
    """Takes back what this person did last: couplings with what their first synchronisation wrote, rulings, skips.

    Raises CouplingError where there is nothing, or where it cannot be taken back here.
    """
    step = last_step(mapping=mapping, user=user)
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
        jobs = _uncouple(mapping, step, user)
        sentence = "The coupling is being taken back; its record comes up again." if jobs else "The coupling is undone."
    elif step.deed == QueueDeed.RULED_OUT:
        rows = RuledOutPair.objects.filter(mapping=mapping, bc_key=step.bc_key, sales_key__in=step.sales_keys)
        allow_again(rows=list(rows.select_related("mapping__connection")), user=user)
        sentence = "The rows may be suggested again."
    else:
        sentence = "The record is up again."
    with transaction.atomic():
        QueueStep.objects.filter(pk=step.pk).update(undone=True)
    mine = RecordClaim.objects.filter(
        connection=mapping.connection, system=System.BUSINESS_CENTRAL, table=mapping.business_central_table, user=user
    )
    mine.delete()
    claim(
        connection=mapping.connection,
        system=System.BUSINESS_CENTRAL,
        table=mapping.business_central_table,
        key=step.bc_key,
        user=user,
    )
    return Undone(sentence, step.bc_key, jobs)


def _uncouple(mapping: TableMapping, step: QueueStep, user: User) -> tuple[StartedJob, ...]:
    coupling = (
        Coupling.objects.filter(mapping=mapping, bc_key=step.bc_key, sales_key__in=step.sales_keys)
        .select_related("mapping__connection", "connection")
        .first()
    )
    if coupling is None:
        raise CouplingError("The pair is not coupled any more.", code="queue.changed")
    change = latest_undoable(coupling)
    if change is not None:
        return tuple(undo(change, user).jobs)
    return tuple(requests.uncouple_many(couplings=[coupling], user=user).jobs)


def _note(mapping: TableMapping, user: User, bc_key: UUID, deed: QueueDeed, sales_keys: list[UUID]) -> None:
    QueueStep.objects.create(mapping=mapping, user=user, bc_key=bc_key, deed=deed, sales_keys=sales_keys)
    release(
        connection=mapping.connection,
        system=System.BUSINESS_CENTRAL,
        table=mapping.business_central_table,
        keys=[bc_key],
        user=user,
    )
