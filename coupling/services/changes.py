"""History and undo of links: what people coupled, moved and uncoupled, and how to put it back.

A link is put back for a day. What a first synchronisation wrote goes back first, where the records still hold it, in a
job of its own; the link follows when that job has ended (`finish_undo`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import connection as database
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connector.choices import System
from connector.models import Connection
from connector.services.audit import record_change
from coupling.choices import LinkChange
from coupling.exceptions import AlreadyCoupledError, CouplingError
from coupling.link_changes import CouplingChange
from coupling.models import Coupling, TableMapping
from coupling.services.search import mirror_of
from coupling.synchronisation import StartedJob, WrittenValue, service

UNDO_HOURS = 24

_SNAPSHOT = """jsonb_build_object('sales_key', sales_key, 'bc_base', bc_base, 'sales_base', sales_base,
    'bc_token', bc_token, 'sales_token', sales_token, 'origin', origin, 'created_by', created_by_id,
    'created_at', created_at, 'last_synchronised_at', last_synchronised_at)"""

_NOTE_UNCOUPLED = f"""
INSERT INTO coupling_couplingchange (connection_id, mapping_id, kind, deed, bc_key, sales_key, before, user_id, at)
SELECT connection_id, mapping_id, 'uncouple', %(deed)s, bc_key, sales_key, {_SNAPSHOT}, %(user)s, now()
FROM coupling_coupling WHERE id = ANY(%(ids)s)
"""  # noqa: S608 - parts are the constants above

_NOTE_TABLE_UNCOUPLED = _NOTE_UNCOUPLED.replace("id = ANY(%(ids)s)", "mapping_id = %(mapping)s")

# A pair of which one side is coupled otherwise by now, or gone, stays uncoupled.
_COUPLE_AGAIN = """
INSERT INTO coupling_coupling (connection_id, mapping_id, bc_table, bc_key, sales_table, sales_key, bc_base, sales_base,
    bc_token, sales_token, origin, created_by_id, created_at, last_synchronised_at, error_code, error_message,
    error_hint, error_details, error_target, error_fingerprint, failures, conflict, missing, outside_filter)
SELECT change.connection_id, change.mapping_id, mapping.business_central_table, change.bc_key, mapping.sales_table,
    change.sales_key, change.before->'bc_base', change.before->'sales_base', change.before->>'bc_token',
    change.before->>'sales_token', change.before->>'origin', (change.before->>'created_by')::bigint,
    (change.before->>'created_at')::timestamptz, (change.before->>'last_synchronised_at')::timestamptz, '', '', '',
    '{}', '', '', 0, false, '', ''
FROM coupling_couplingchange change
JOIN coupling_tablemapping mapping ON mapping.id = change.mapping_id
WHERE change.deed = %(deed)s AND change.undone_at IS NULL
  AND EXISTS (SELECT FROM coupling_businesscentralrecord r WHERE r.connection_id = change.connection_id
      AND r."table" = mapping.business_central_table AND r.key = change.bc_key AND r.deleted_at IS NULL)
  AND EXISTS (SELECT FROM coupling_salesrecord r WHERE r.connection_id = change.connection_id
      AND r."table" = mapping.sales_table AND r.key = change.sales_key AND r.deleted_at IS NULL)
ON CONFLICT DO NOTHING
RETURNING mapping_id, bc_key, sales_key
"""

# What changed while the pairs were apart is looked for in the next run.
_PLAN_AGAIN = """
INSERT INTO coupling_dirtypair (mapping_id, pair_key, bc_key, sales_key, since)
SELECT pair.mapping_id, pair.bc_key, pair.bc_key, pair.sales_key, now()
FROM unnest(%s::bigint[], %s::uuid[], %s::uuid[]) AS pair (mapping_id, bc_key, sales_key)
ON CONFLICT (mapping_id, pair_key, job_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What undoing a deed would do. `back` are values that are written back, `kept` those that somebody changed since
    and that stay as they are; `number` counts the pairs."""

    change: CouplingChange
    number: int
    back: Sequence[WrittenValue]
    kept: Sequence[WrittenValue]


@dataclass(frozen=True, slots=True)
class Undone:
    """`done` pairs were put back, `left` could not be; `jobs` do what has to be written."""

    done: int
    left: int
    jobs: Sequence[StartedJob] = ()


def note_coupled(coupling: Coupling, user: User | None) -> None:
    """A new link; part of the caller's transaction."""
    _note(coupling, LinkChange.COUPLE, user, before={})


def note_coupled_many(
    mapping: TableMapping, pairs: Sequence[tuple[UUID, UUID]], user_id: int | None, *, job_id: int
) -> None:
    """New links of one run, each a deed of its own; the run is what synchronised them first. One statement."""
    CouplingChange.objects.bulk_create(
        CouplingChange(
            connection_id=mapping.connection_id,
            mapping=mapping,
            kind=LinkChange.COUPLE,
            deed=uuid4(),
            bc_key=bc_key,
            sales_key=sales_key,
            user_id=user_id,
            job_id=job_id,
        )
        for bc_key, sales_key in pairs
    )


def note_moved(coupling: Coupling, *, earlier: Coupling, user: User | None) -> None:
    """The link of `coupling` went to another row; `earlier` is the coupling as it was."""
    synchronised = earlier.last_synchronised_at
    before = {
        "sales_key": str(earlier.sales_key),
        "bc_base": earlier.bc_base,
        "sales_base": earlier.sales_base,
        "bc_token": earlier.bc_token,
        "sales_token": earlier.sales_token,
        "last_synchronised_at": synchronised.isoformat() if synchronised else None,
    }
    _note(coupling, LinkChange.MOVE, user, before=before)


def note_uncoupled(couplings: Sequence[Coupling], user: User | None, *, deed: UUID | None = None) -> UUID:
    """Before the couplings are removed, as part of `deed` or of one of their own, which is returned. One statement."""
    deed = deed or uuid4()
    with database.cursor() as cursor:
        cursor.execute(
            _NOTE_UNCOUPLED, {"deed": deed, "user": _pk(user), "ids": [coupling.pk for coupling in couplings]}
        )
    return deed


def note_table_uncoupled(mapping: TableMapping, user: User | None) -> UUID:
    """Before all couplings of a mapping are removed."""
    deed = uuid4()
    with database.cursor() as cursor:
        cursor.execute(_NOTE_TABLE_UNCOUPLED, {"deed": deed, "user": _pk(user), "mapping": mapping.pk})
    return deed


def attach_job(coupling: Coupling, job_id: int) -> None:
    """The job is the first synchronisation of the link made last."""
    newest = changes_of(coupling).filter(job_id__isnull=True).values("pk")[:1]
    CouplingChange.objects.filter(pk__in=newest).update(job_id=job_id)


def changes_of(coupling: Coupling) -> QuerySet[CouplingChange]:
    """Changes of a pair's link, newest first."""
    rows = CouplingChange.objects.filter(mapping_id=coupling.mapping_id, bc_key=coupling.bc_key)
    return rows.select_related("user", "mapping")


def latest_undoable(coupling: Coupling) -> CouplingChange | None:
    """The newest change of a pair's link that stands, where it can still be undone; then the one before it."""
    newest = changes_of(coupling).filter(undone_at__isnull=True).first()
    return newest if newest is not None and is_undoable(newest) else None


def is_undoable(change: CouplingChange) -> bool:
    return change.undone_at is None and change.at > timezone.now() - timedelta(hours=UNDO_HOURS)


def undoable(connection: Connection, deed: UUID) -> CouplingChange:
    """A change of the deed. Raises CouplingError where it cannot be undone any more."""
    change = CouplingChange.objects.filter(connection=connection, deed=deed).select_related("mapping__connection")
    found = change.first()
    if found is None:
        raise CouplingError("There is nothing to undo.", code="undo.unknown")
    if found.undone_at is not None:
        raise CouplingError("This was undone already.", code="undo.done")
    if not is_undoable(found):
        raise CouplingError(f"Only the last {UNDO_HOURS} hours can be undone.", code="undo.too_late")
    return found


def plan_undo(change: CouplingChange) -> UndoPlan:
    """Compares what the first synchronisation wrote with both records, read live.

    Raises RemoteError where a system cannot be asked, CouplingError while the first synchronisation runs.
    """
    number = CouplingChange.objects.filter(deed=change.deed, undone_at__isnull=True).count()
    written = _first_written(change)
    back: list[WrittenValue] = []
    kept: list[WrittenValue] = []
    for system in System:
        mine = [value for value in written if value.system == system]
        if not mine:
            continue
        table, keys = change.mapping.table(system), sorted({value.key for value in mine}, key=str)
        service().refresh(connection=change.connection, system=system, table=table, keys=keys)
        rows = mirror_of(system).objects.of_table(change.connection_id, table).alive().filter(key__in=keys)
        now: dict[UUID, dict[str, Any]] = dict(rows.values_list("key", "values"))
        for value in mine:
            held = now.get(value.key, {}).get(value.name, value.after)
            (back if value.key in now and held == value.after else kept).append(value)
    return UndoPlan(change, number, back, kept)


def undo(change: CouplingChange, user: User | None) -> Undone:
    """Puts the link back, and first of all what its first synchronisation wrote.

    Raises CouplingError where the link was changed again since.
    """
    if change.kind == LinkChange.UNCOUPLE:
        return _couple_again(change, user)
    _present(change)
    if change.job_id and _first_written(change):
        job = service().undo_job(
            job_id=change.job_id, change_id=change.pk, bc_key=change.bc_key, sales_key=change.sales_key, user=user
        )
        return Undone(1, 0, [job])
    return Undone(1, 0, finish_undo(change, user))


def finish_undo(change: CouplingChange, user: User | None) -> Sequence[StartedJob]:
    """Puts the link back after the values; safe to repeat. Returns the jobs that take a company marker away."""
    if change.undone_at is not None:
        return ()
    coupling = _present(change)
    jobs: Sequence[StartedJob] = ()
    if change.kind == LinkChange.COUPLE:
        jobs = service().uncouple(couplings=[coupling], user=user)
    else:
        _move_back(change, coupling)
        service().after_coupling(coupling=coupling, released=change.sales_key, user=user)
    _mark_undone(change, user)
    return jobs


def _couple_again(change: CouplingChange, user: User | None) -> Undone:
    total = CouplingChange.objects.filter(deed=change.deed, undone_at__isnull=True).count()
    present = Coupling.objects.filter(mapping_id=change.mapping_id, bc_key=change.bc_key, sales_key=change.sales_key)
    if present.exists():
        raise CouplingError(
            "The coupling is still being deleted.", code="undo.running", hint="Try again when its job has ended."
        )
    with transaction.atomic():
        with database.cursor() as cursor:
            cursor.execute(_COUPLE_AGAIN, {"deed": change.deed})
            rows = cursor.fetchall()
            cursor.execute(_PLAN_AGAIN, [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], []])
        if rows:
            _mark_undone(change, user)
    if not rows:
        raise AlreadyCoupledError(
            "Nothing could be coupled again: the records are gone, or coupled with others by now.", code="undo.taken"
        )
    return Undone(len(rows), total - len(rows))


def _present(change: CouplingChange) -> Coupling:
    coupling = (
        Coupling.objects.filter(mapping_id=change.mapping_id, bc_key=change.bc_key, sales_key=change.sales_key)
        .select_related("mapping__connection", "connection")
        .first()
    )
    if coupling is None:
        raise CouplingError("The link was changed again since; undo the newest change first.", code="undo.changed")
    return coupling


def _move_back(change: CouplingChange, coupling: Coupling) -> None:
    """Raises AlreadyCoupledError where the earlier row belongs to another pair by now."""
    before, earlier = change.before, UUID(change.before["sales_key"])
    taken = Coupling.objects.filter(
        connection_id=coupling.connection_id, sales_table=coupling.sales_table, sales_key=earlier
    )
    if taken.exists():
        raise AlreadyCoupledError("The earlier row is coupled with another record by now.")
    Coupling.objects.filter(pk=coupling.pk).update(
        sales_key=earlier,
        bc_base=before["bc_base"],
        sales_base=before["sales_base"],
        bc_token=before["bc_token"],
        sales_token=before["sales_token"],
        last_synchronised_at=before["last_synchronised_at"],
        missing="",
        conflict=False,
        outside_filter="",
    )
    Coupling.objects.filter(pk=coupling.pk).mark_retry()
    coupling.refresh_from_db()
    with database.cursor() as cursor:
        cursor.execute(_PLAN_AGAIN, [[coupling.mapping_id], [coupling.bc_key], [coupling.sales_key]])


def _first_written(change: CouplingChange) -> Sequence[WrittenValue]:
    """What the first synchronisation of a link wrote to its two records."""
    if change.job_id is None or change.kind not in (LinkChange.COUPLE, LinkChange.MOVE):
        return ()
    return service().written_by(job_id=change.job_id, bc_key=change.bc_key, sales_key=change.sales_key)


def _mark_undone(change: CouplingChange, user: User | None) -> None:
    CouplingChange.objects.filter(deed=change.deed).update(undone_at=timezone.now())
    record_change(
        connection=change.connection,
        user=user,
        action=f"coupling.undo_{change.kind}",
        target=change.mapping.name,
        before={"business_central_id": str(change.bc_key), "sales_id": str(change.sales_key)},
    )


def _note(coupling: Coupling, kind: LinkChange, user: User | None, *, before: dict[str, Any]) -> None:
    CouplingChange.objects.create(
        connection_id=coupling.connection_id,
        mapping_id=coupling.mapping_id,
        kind=kind,
        deed=uuid4(),
        bc_key=coupling.bc_key,
        sales_key=coupling.sales_key,
        before=before,
        user_id=_pk(user),
    )


def _pk(user: User | None) -> int | None:
    return user.pk if user is not None else None
