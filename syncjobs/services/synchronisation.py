"""What the pages and endpoints of `coupling` may ask of synchronisation; see coupling.synchronisation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from connector.choices import Direction, System
from connector.clients import INTERACTIVE
from connector.errors import ErrorKind, HubError
from connector.models import Connection
from coupling.choices import CouplingOrigin
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord, TableMapping
from coupling.services.couplings import uncouple as remove_link
from coupling.synchronisation import HistoryEntry, MatchField, PairPreview, Problem, StartedJob, WrittenValue
from syncjobs.api.serializers import JobSerializer
from syncjobs.choices import LIVE_JOB_STATES, JobMode, JobTrigger, OperationKind, OperationState
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.fan_out import enqueue_reading
from syncjobs.engine.marks import lift_dependents
from syncjobs.engine.match import check_readable
from syncjobs.engine.options import Acceptance, MatchCriteria, PairRef, RunOptions
from syncjobs.engine.preview import preview_pair
from syncjobs.engine.pull import client_of, refresh_records
from syncjobs.engine.tables import TableReading
from syncjobs.models import Operation, SynchJob
from syncjobs.querysets import failed_creations_of
from syncjobs.services import team
from syncjobs.services.jobs import retry_couplings, run_mapping, run_pairs, start_job
from syncjobs.services.schedules import ensure_schedules
from syncjobs.services.undo import undo_job, undo_pair
from syncjobs.services.watching import Quiet, read_quietly


class Synchronisation:
    """Fulfils `coupling.synchronisation.SynchronisationService`; documented there."""

    def refresh(self, *, connection: Connection, system: System, table: str, keys: Sequence[UUID]) -> dict[UUID, bool]:
        quiet = Quiet()
        found = refresh_records(
            reading=TableReading(connection, system, table),
            keys=keys,
            client=client_of(connection, system, quiet.meter, INTERACTIVE),
            progress=quiet,
        )
        return {key: key in found for key in keys}

    def refresh_table(self, *, connection: Connection, system: System, table: str) -> None:
        read_quietly(connection=connection, system=system, table=table, progress=Quiet(), since=timezone.now())

    def mapping_made(self, *, mapping: TableMapping) -> None:
        ensure_schedules(connection=mapping.connection)

    def check_idle(self, *, mapping: TableMapping) -> None:
        if SynchJob.objects.filter(mapping=mapping, state__in=LIVE_JOB_STATES).exists():
            raise HubError(
                f"A job of {mapping.name} has not ended.",
                kind=ErrorKind.CONFLICT,
                code="mapping.busy",
                hint="Wait for it, or cancel it.",
            )

    def team_members(self, *, connection: Connection) -> set[UUID]:
        return team.team_members(connection)

    def add_to_team(self, *, mapping: TableMapping, users: Sequence[UUID]) -> int:
        return team.add_to_team(connection=mapping.connection, mapping=mapping, users=users)

    def read_in_background(self, *, connection: Connection, tables: Sequence[tuple[System, str]]) -> None:
        for system, table in tables:
            enqueue_reading(connection.pk, system, table)

    def synchronize_options(
        self, *, mapping: TableMapping, keys: Sequence[UUID], user: User | None, trigger: str = "user"
    ) -> StartedJob:
        return self._start(
            mapping=mapping,
            mode=JobMode.SELECTED,
            options=RunOptions(ignore_only_coupled=True).with_pairs([PairRef(key, None) for key in keys]),
            direction=Direction.TO_SALES,
            user=user,
            trigger=trigger,
        )

    def after_coupling(self, *, coupling: Coupling, released: UUID | None, user: User | None) -> None:
        """Lifts what waited for the pair; a row let go by a move loses the company marker in a job."""
        names: set[str] = {str(coupling.bc_key), str(coupling.sales_key)}
        for records, table, key in (
            (BusinessCentralRecord.objects.all(), coupling.bc_table, coupling.bc_key),
            (SalesRecord.objects.all(), coupling.sales_table, coupling.sales_key),
        ):
            rows = records.filter(connection_id=coupling.connection_id, table=table, key=key)
            names.update(text for row in rows.values_list("number", "name") for text in row if text)
        with transaction.atomic():
            lift_dependents(mapping=coupling.mapping, names=sorted(names))
        if released is not None and Blueprint.of(coupling.mapping).carries_marker:
            self._start(
                mapping=coupling.mapping,
                mode=JobMode.UNCOUPLE,
                options=RunOptions(uncouple=True).with_pairs([PairRef(None, released)]),
                direction=None,
                user=user,
                trigger="coupling",
            )

    def preview_pair(
        self, *, mapping: TableMapping, bc_key: UUID | None, sales_key: UUID | None, force_from: System | None
    ) -> PairPreview:
        return preview_pair(mapping=mapping, bc_key=bc_key, sales_key=sales_key, force_from=force_from)

    def history(self, *, coupling: Coupling, limit: int = 50) -> list[HistoryEntry]:
        operations = Operation.objects.filter(coupling=coupling, preview=False).select_related("job__connection")
        return [_history_entry(operation) for operation in operations[:limit]]

    def last_ways(self, *, coupling: Coupling) -> dict[System, HistoryEntry]:
        tried = Operation.objects.filter(
            coupling=coupling,
            preview=False,
            kind__in=(OperationKind.CREATE, OperationKind.UPDATE),
            state__in=(OperationState.SETTLED, OperationState.FAILED, OperationState.CONFLICT),
        )
        newest = tried.select_related("job__connection").order_by("system", "-id").distinct("system")
        return {System(operation.system): _history_entry(operation) for operation in newest}

    def synchronize_pair(
        self,
        *,
        coupling: Coupling,
        force_from: System | None,
        user: User | None,
        trigger: str = "user",
        choices: Mapping[str, Any] | None = None,
    ) -> StartedJob:
        jobs = retry_couplings(
            couplings=[coupling], force_from=force_from, choices=choices, user=user, trigger=JobTrigger(trigger)
        )
        return _started(jobs[0])

    def synchronize_pairs(
        self, *, couplings: Sequence[Coupling], force_from: System | None, user: User | None, trigger: str = "user"
    ) -> list[StartedJob]:
        jobs = retry_couplings(couplings=couplings, force_from=force_from, user=user, trigger=JobTrigger(trigger))
        return [_started(job) for job in jobs]

    def retry_pairs(
        self, *, couplings: Sequence[Coupling], user: User | None, trigger: str = "user"
    ) -> list[StartedJob]:
        jobs = retry_couplings(couplings=couplings, user=user, trigger=JobTrigger(trigger))
        return [_started(job) for job in jobs]

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
        pairs = [PairRef(key, None) if system == System.BUSINESS_CENTRAL else PairRef(None, key) for key in keys]
        return self._start(
            mapping=mapping,
            mode=JobMode.CREATE,
            options=RunOptions(create_side=system.other, values=values or {}).with_pairs(pairs),
            direction=Direction.TO_SALES if system == System.BUSINESS_CENTRAL else Direction.TO_BUSINESS_CENTRAL,
            user=user,
            trigger=trigger,
        )

    def uncouple(self, *, couplings: Sequence[Coupling], user: User | None, trigger: str = "user") -> list[StartedJob]:
        marked: dict[int, bool] = {}
        in_job: list[Coupling] = []
        for coupling in couplings:
            if coupling.mapping_id not in marked:
                marked[coupling.mapping_id] = Blueprint.of(coupling.mapping).carries_marker
            if marked[coupling.mapping_id]:
                in_job.append(coupling)
            else:
                remove_link(coupling=coupling, user=user)
        return self._pairs(in_job, JobMode.UNCOUPLE, RunOptions(uncouple=True), user, trigger)

    def uncouple_table(self, *, mapping: TableMapping, user: User | None, trigger: str = "user") -> StartedJob | None:
        if not Blueprint.of(mapping).carries_marker:
            mapping.couplings.all().delete()
            return None
        options = RunOptions(uncouple=True)
        return self._start(
            mapping=mapping, mode=JobMode.UNCOUPLE, options=options, direction=None, user=user, trigger=trigger
        )

    def written_by(self, *, job_id: int, bc_key: UUID, sales_key: UUID) -> list[WrittenValue]:
        job = SynchJob.objects.filter(pk=job_id).first()
        if job is not None and job.state in LIVE_JOB_STATES:
            raise HubError(
                f"{job} has not ended yet.",
                kind=ErrorKind.CONFLICT,
                code="job.live",
                hint="Try again when it has ended.",
            )
        rows = Operation.objects.filter(job_id=job_id, state=OperationState.SETTLED, preview=False)
        rows = rows.filter(Q(bc_key=bc_key) | Q(sales_key=sales_key))
        return [
            WrittenValue(System(row.system), row.record_id, name, row.before.get(name), value)
            for row in rows.filter(kind=OperationKind.UPDATE, record_id__isnull=False).order_by("id")
            for name, value in row.after.items()
            if row.record_id is not None
        ]

    def undo_job(self, *, job_id: int, change_id: int, bc_key: UUID, sales_key: UUID, user: User | None) -> StartedJob:
        job = SynchJob.objects.select_related("connection", "mapping__connection").get(pk=job_id)
        return _started(undo_pair(job=job, pair=PairRef(bc_key, sales_key), change_id=change_id, user=user))

    def restore_pairs(
        self, *, couplings: Sequence[Coupling], user: User | None, trigger: str = "user"
    ) -> list[StartedJob]:
        return self._pairs(couplings, JobMode.RESTORE, RunOptions(restore=True, retry=True), user, trigger)

    def delete_survivors(
        self, *, couplings: Sequence[Coupling], user: User | None, trigger: str = "user"
    ) -> list[StartedJob]:
        return self._pairs(couplings, JobMode.DELETE, RunOptions(delete_survivor=True, retry=True), user, trigger)

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
        readings = {system: TableReading(mapping.connection, system, mapping.table(system)) for system in System}
        check_readable(readings, fields)
        options = RunOptions.matching(MatchCriteria(tuple(fields), create_unmatched, synchronize, dry_run))
        if bc_keys is not None:
            options = options.with_pairs([PairRef(key, None) for key in bc_keys])
        return self._start(
            mapping=mapping, mode=JobMode.MATCH, options=options, direction=None, user=user, trigger=trigger
        )

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
        options = RunOptions.accepting(Acceptance(origin, None, synchronize))
        options = options.with_pairs([PairRef(bc_key, sales_key) for bc_key, sales_key in pairs])
        return self._start(
            mapping=mapping, mode=JobMode.COUPLE, options=options, direction=None, user=user, trigger=trigger
        )

    def accept_clear(
        self,
        *,
        mapping: TableMapping,
        job_id: int | None,
        synchronize: Direction | None,
        user: User | None,
        trigger: str = "user",
    ) -> StartedJob:
        origin = CouplingOrigin.MATCH if job_id else CouplingOrigin.SUGGESTION
        options = replace(RunOptions.accepting(Acceptance(origin, job_id or 0, synchronize)), only_pairs=True)
        return self._start(
            mapping=mapping, mode=JobMode.COUPLE, options=options, direction=None, user=user, trigger=trigger
        )

    def look_for_suggestions(self, *, mapping: TableMapping, user: User | None, trigger: str = "user") -> StartedJob:
        return self._start(
            mapping=mapping, mode=JobMode.SUGGEST, options=RunOptions(), direction=None, user=user, trigger=trigger
        )

    def run_of(self, *, mapping: TableMapping, job_id: int) -> StartedJob | None:
        job = (
            SynchJob.objects.filter(mapping=mapping, pk=job_id).select_related("mapping", "connection", "user").first()
        )
        return _started(job) if job else None

    def undo_run(self, *, mapping: TableMapping, job_id: int, user: User | None) -> StartedJob:
        job = SynchJob.objects.select_related("mapping", "connection").get(mapping=mapping, pk=job_id)
        return _started(undo_job(job=job, user=user))

    def find_broken(self, *, mapping: TableMapping, user: User | None, trigger: str = "user") -> StartedJob:
        return self._start(
            mapping=mapping, mode=JobMode.BROKEN, options=RunOptions(), direction=None, user=user, trigger=trigger
        )

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
        job = run_mapping(
            mapping=mapping,
            mode=mode,
            direction=direction,
            trigger=JobTrigger(trigger),
            user=user,
            confirm_deletions=confirm_deletions,
        )
        return _started(job)

    def failed_creations(
        self, *, connection: Connection, system: System, table: str, keys: Sequence[UUID]
    ) -> dict[UUID, Problem]:
        side = "bc_key" if system == System.BUSINESS_CENTRAL else "sales_key"
        rows = failed_creations_of(connection, system, table).filter(**{f"{side}__in": keys}).order_by("pk")
        found = rows.values_list(side, "error_code", "error_message", "error_hint")
        return {key: Problem(code, message, hint) for key, code, message, hint in found}

    def failed_creation_keys(self, *, connection: Connection, system: System, table: str) -> QuerySet[Any]:
        side = "bc_key" if system == System.BUSINESS_CENTRAL else "sales_key"
        return failed_creations_of(connection, system, table).order_by().values(side)

    def jobs_of(self, *, coupling: Coupling, limit: int = 5) -> list[StartedJob]:
        jobs = SynchJob.objects.select_related("mapping", "connection", "user")
        touched = jobs.filter(operations__coupling=coupling, operations__preview=False).distinct()[:limit]
        return [_started(job) for job in touched or jobs.filter(mapping_id=coupling.mapping_id)[:limit]]

    def _pairs(
        self, couplings: Sequence[Coupling], mode: JobMode, options: RunOptions, user: User | None, trigger: str
    ) -> list[StartedJob]:
        jobs = run_pairs(couplings=couplings, mode=mode, options=options, user=user, trigger=JobTrigger(trigger))
        return [_started(job) for job in jobs]

    def _start(
        self,
        *,
        mapping: TableMapping,
        mode: JobMode,
        options: RunOptions,
        direction: Direction | None,
        user: User | None,
        trigger: str,
    ) -> StartedJob:
        job = start_job(
            connection=mapping.connection,
            mapping=mapping,
            mode=mode,
            direction=direction,
            trigger=JobTrigger(trigger),
            user=user,
            options=options,
        )
        return _started(job)


def _started(job: SynchJob) -> StartedJob:
    return StartedJob(id=job.pk, url=job.get_absolute_url(), representation=dict(JobSerializer(job).data))


def _history_entry(operation: Operation) -> HistoryEntry:
    at: datetime = operation.settled_at or operation.created_at
    state = OperationState(operation.state)
    return HistoryEntry(
        at=at,
        kind=operation.kind,
        kind_label=OperationKind(operation.kind).label,
        state=operation.state,
        state_label=state.label,
        state_colour=state.colour,
        system=System(operation.system),
        changes={name: (operation.before.get(name), value) for name, value in operation.after.items()},
        message=operation.error_message,
        hint=operation.error_hint,
        job_id=operation.job_id,
        job_url=operation.job.get_absolute_url() if operation.job else "",
    )
