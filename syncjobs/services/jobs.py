"""Jobs as people and programs ask for them: start, cancel, retry, resolve a conflict, undo, delete.

Every function checks what may be done, writes the job, and hands its id to the queue once the transaction is committed.
Refusals are HubErrors whose kind is CONFLICT (the present state forbids it) or DATA (the request makes no sense).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connector.choices import Direction, System
from connector.errors import ErrorKind, HubError
from connector.models import Connection
from coupling.exceptions import MappingError
from coupling.models import Coupling, TableMapping
from syncjobs.choices import LIVE_JOB_STATES, JobMode, JobState, JobTrigger, OperationState
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.fan_out import enqueue
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import FullSynchLine, Operation, SynchJob

UNCONDITIONAL = "unconditional"
RETRYABLE = (OperationState.FAILED, OperationState.CONFLICT, OperationState.SKIPPED)


def start_job(
    *,
    connection: Connection,
    mapping: TableMapping,
    mode: JobMode,
    direction: Direction | str | None = None,
    trigger: JobTrigger,
    user: User | None = None,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    line: FullSynchLine | None = None,
    undo_of: SynchJob | None = None,
    queue: str | None = None,
    hand_over: bool = True,
) -> SynchJob:
    """A queued job; `hand_over=False` leaves it to the caller to run it.

    Raises HubError while the connection is disabled, the mapping is off, or it does not go in `direction`.
    """
    check_connection(connection)
    _check_mapping(mapping)
    job = SynchJob.objects.create(
        connection=connection,
        mapping=mapping,
        mode=mode,
        direction=_direction(mapping, direction),
        trigger=trigger,
        user=user if user is not None and user.pk else None,
        options=options.to_json(),
        full_synch_line=line,
        undo_of=undo_of,
    )
    if hand_over:
        transaction.on_commit(partial(enqueue, "run_job", job, queue=queue))
    return job


def run_mapping(
    *,
    mapping: TableMapping,
    mode: str,
    direction: Direction | str | None = None,
    trigger: JobTrigger = JobTrigger.USER,
    user: User | None,
    confirm_deletions: bool = False,
) -> SynchJob:
    """A run of the whole mapping: `mode` is "modified", "full", "preview" or "unconditional".

    An unconditional run is a full one that writes every value over what the other side holds, also where only that side
    changed it. Raises HubError for one of a mapping that goes both ways, where nobody can say which side that is.
    """
    options = RunOptions(confirm_deletions=confirm_deletions)
    if mode == UNCONDITIONAL:
        targets = Direction(mapping.direction).targets
        if len(targets) > 1:
            raise HubError(
                f"{mapping} goes both ways: a run that asks nobody would overwrite one side without saying which.",
                kind=ErrorKind.DATA,
                code="mapping.two_way",
                hint="Run all records instead, or let a side win in a full synchronisation.",
            )
        (target,) = targets
        options = replace(options, force_from=target.other)
    return start_job(
        connection=mapping.connection,
        mapping=mapping,
        mode=JobMode.FULL if mode == UNCONDITIONAL else JobMode(mode),
        direction=direction,
        trigger=trigger,
        user=user,
        options=options,
    )


def cancel_job(*, job: SynchJob) -> None:
    """A waiting job ends at once, a running one after the requests under way. Raises HubError for an ended one."""
    with transaction.atomic():
        row = SynchJob.objects.select_for_update().get(pk=job.pk)
        if row.state not in LIVE_JOB_STATES:
            raise HubError(f"{row} has ended already.", kind=ErrorKind.CONFLICT, code="job.ended")
        row.cancel_requested = True
        if row.state == JobState.QUEUED:
            row.state, row.finished_at, row.message = JobState.CANCELLED, timezone.now(), "Cancelled before it began."
        row.save(update_fields=["cancel_requested", "state", "finished_at", "message"])
    if row.state == JobState.CANCELLED:
        from syncjobs.services.ending import job_ended

        job_ended(row.pk)


def retry_couplings(
    *,
    couplings: Sequence[Coupling],
    user: User | None,
    trigger: JobTrigger = JobTrigger.USER,
    force_from: System | None = None,
    choices: Mapping[str, Any] | None = None,
) -> list[SynchJob]:
    """Lifts failure and skip marks and synchronises the pairs: one job per mapping, in the mappings' order.

    `choices`: property → the side that wins or the value both get; for pairs of one mapping. Raises MappingError for a
    property that is not mapped.
    """
    chosen = _choices(couplings[0].mapping, choices) if choices and couplings else {}
    options = RunOptions(retry=True, force_from=force_from, choices=chosen)
    Coupling.objects.filter(pk__in=[coupling.pk for coupling in couplings]).mark_retry()
    return run_pairs(couplings=couplings, mode=JobMode.SELECTED, options=options, user=user, trigger=trigger)


def run_pairs(
    *,
    couplings: Sequence[Coupling],
    mode: JobMode,
    options: RunOptions,
    user: User | None,
    trigger: JobTrigger = JobTrigger.USER,
) -> list[SynchJob]:
    """One job per mapping for the pairs of `couplings`, with the same options."""
    by_mapping: dict[int, list[Coupling]] = {}
    for coupling in couplings:
        by_mapping.setdefault(coupling.mapping_id, []).append(coupling)
    mappings = TableMapping.objects.select_related("connection").filter(pk__in=by_mapping)
    return [
        start_job(
            connection=mapping.connection,
            mapping=mapping,
            mode=mode,
            direction=_forced(options),
            trigger=trigger,
            user=user,
            options=options.with_pairs([PairRef(each.bc_key, each.sales_key) for each in by_mapping[mapping.pk]]),
        )
        for mapping in mappings
    ]


def retry_operation(*, operation: Operation, user: User | None, trigger: JobTrigger = JobTrigger.USER) -> SynchJob:
    """Tries the record of a failed operation again. Raises HubError when the operation did not fail."""
    if operation.state not in RETRYABLE or operation.preview:
        raise HubError("Only a failed operation can be retried.", kind=ErrorKind.CONFLICT, code="operation.not_failed")
    if operation.coupling is not None:
        Coupling.objects.filter(pk=operation.coupling.pk).mark_retry()
    options = RunOptions.from_json(operation.job.options if operation.job else {})
    wanted = options.ignore_only_coupled or options.create_side is not None
    again = RunOptions(retry=True, ignore_only_coupled=wanted, values=options.values)
    return _run_one(operation, again, user, trigger)


def retry_creations(
    *, operations: QuerySet[Operation], user: User | None, trigger: JobTrigger = JobTrigger.USER
) -> list[SynchJob]:
    """Tries the records of failed creations again: one job per mapping, in the mappings' order.

    They are created although their mapping may synchronise coupled records only: whoever retries wants them. One for
    which somebody typed values is tried with these, in a job of its own.
    """
    pairs: dict[int, set[PairRef]] = {}
    failed = operations.filter(state__in=RETRYABLE, preview=False, coupling__isnull=True)
    typed = failed.filter(job__options__has_key="values").select_related("job", "connection", "mapping")
    rows = failed.exclude(job__options__has_key="values").order_by()
    for mapping_id, bc_key, sales_key in rows.values_list("mapping_id", "bc_key", "sales_key"):
        pairs.setdefault(mapping_id, set()).add(PairRef(bc_key, sales_key))
    mappings = TableMapping.objects.select_related("connection").filter(pk__in=pairs)
    jobs = [
        start_job(
            connection=mapping.connection,
            mapping=mapping,
            mode=JobMode.SELECTED,
            trigger=trigger,
            user=user,
            options=RunOptions(retry=True, ignore_only_coupled=True).with_pairs(sorted(pairs[mapping.pk], key=str)),
        )
        for mapping in mappings
    ]
    return [*jobs, *(retry_operation(operation=each, user=user, trigger=trigger) for each in typed)]


def retried_pairs(job: SynchJob) -> list[PairRef]:
    """The pairs that failed in a job, their marks lifted, so that a run over them tries each again."""
    failed = Operation.objects.filter(job=job, state__in=[OperationState.FAILED, OperationState.SKIPPED], preview=False)
    Coupling.objects.filter(pk__in=failed.filter(coupling__isnull=False).values("coupling")).mark_retry()
    return [PairRef(*keys) for keys in failed.order_by("pk").values_list("bc_key", "sales_key").distinct()]


def resolve_conflict(
    *,
    operation: Operation,
    use: System,
    fields: Mapping[str, Any] | None = None,
    user: User | None,
    trigger: JobTrigger = JobTrigger.USER,
) -> SynchJob:
    """Decides a conflict: `use` wins where both sides changed the same value; `fields` says otherwise per property.

    A property is named as in either system; a value in `fields` is a side or what both sides shall hold. Raises
    MappingError for a property that is not mapped, HubError when there is no conflict any more.
    """
    coupling = operation.coupling
    if operation.state != OperationState.CONFLICT or coupling is None or not coupling.conflict:
        raise HubError("There is no conflict here any more.", kind=ErrorKind.CONFLICT, code="operation.no_conflict")
    choices = _choices(operation.mapping, fields or {})
    return _run_one(operation, RunOptions(winner=use, choices=choices, retry=True), user, trigger)


def delete_job(*, job: SynchJob) -> None:
    """Removes a job with its journal. Raises HubError while it runs or a skipped coupling refers to it."""
    if job.state in LIVE_JOB_STATES:
        raise HubError(f"{job} has not ended yet.", kind=ErrorKind.CONFLICT, code="job.live", hint="Cancel it first.")
    if Coupling.objects.filter(last_job_id=job.pk, skipped_at__isnull=False).exists():
        raise HubError(
            f"A skipped record's error is in the journal of {job}.",
            kind=ErrorKind.CONFLICT,
            code="job.referred_to",
            hint="Retry or uncouple the skipped records first.",
        )
    job.delete()


def check_connection(connection: Connection) -> None:
    """Raises HubError while the connection is disabled, or not ready yet."""
    if not connection.enabled:
        raise HubError(
            f"The connection {connection} is disabled.",
            kind=ErrorKind.CONFLICT,
            code="connection.disabled",
            hint="Enable it on the Connection Setup page.",
        )
    if connection.forget_changes:
        raise HubError(
            "The hub is reading what changed while the connection was off, to leave it out.",
            kind=ErrorKind.CONFLICT,
            code="connection.forgetting",
            hint="Try again in a minute.",
        )


def _check_mapping(mapping: TableMapping) -> None:
    if not mapping.available:
        raise HubError(
            f"{mapping} is not available.",
            kind=ErrorKind.CONFLICT,
            code="mapping.unavailable",
            hint=mapping.unavailable_reason,
        )
    if not mapping.enabled:
        raise HubError(
            f"{mapping} is switched off.",
            kind=ErrorKind.CONFLICT,
            code="mapping.disabled",
            hint="Switch it on among the mappings first.",
        )


def _choices(mapping: TableMapping, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Decisions under the names that planning knows; both systems' names are understood."""
    specs = Blueprint.of(mapping).fields
    names = {spec.sales_attribute: spec.name for spec in specs} | {spec.name: spec.name for spec in specs}
    refused = [f"{mapping} has no field “{name}”." for name in fields if name not in names]
    refused += [f"{name} takes a side or a single value." for name, value in fields.items() if _is_compound(value)]
    if refused:
        raise MappingError(refused[0], fields={"fields": refused})
    return {names[name]: value for name, value in fields.items()}


def _is_compound(value: Any) -> bool:
    return isinstance(value, dict | list)


def _direction(mapping: TableMapping, direction: Direction | str | None) -> Direction:
    own = Direction(mapping.direction)
    wanted = Direction(direction) if direction else own
    if not wanted.targets & own.targets:
        raise HubError(
            f"{mapping} only goes {own.label.lower()}.", kind=ErrorKind.DATA, code="mapping.direction",
        )  # fmt: skip
    return wanted if wanted.targets <= own.targets else own


def _forced(options: RunOptions) -> Direction | None:
    if options.force_from is None:
        return None
    return Direction.TO_SALES if options.force_from == System.BUSINESS_CENTRAL else Direction.TO_BUSINESS_CENTRAL


def _run_one(operation: Operation, options: RunOptions, user: User | None, trigger: JobTrigger) -> SynchJob:
    pair = PairRef(operation.bc_key, operation.sales_key)
    return start_job(
        connection=operation.connection,
        mapping=operation.mapping,
        mode=JobMode.SELECTED,
        trigger=trigger,
        user=user,
        options=options.with_pairs([pair]),
    )
