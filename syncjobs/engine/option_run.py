"""Runs of option mappings: codes of Business Central become options of a choice column in Sales.

An option has no row, key or token; its label is the code. So a run reads the column's options live, couples by label,
adds what is missing, renames what was renamed, repeats that in the document tables' columns and publishes once. Reading
first makes it safe to repeat: what a lost answer may have created is found by its label.

An operation stays sent until its change is published. Whoever finds one that is, in a later attempt or run, does all
of it again: the document tables' columns and the publishing may have been missing.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connector.choices import Direction, System
from connector.clients import sales_client
from connector.errors import ErrorKind, HubError, RemoteError
from connector.sales import SalesClient
from coupling.models import DirtyPair, OptionMapping, RemoteRecord
from syncjobs.choices import JobMode, LogLevel, OperationKind, OperationState
from syncjobs.constants import SEND_ATTEMPTS
from syncjobs.engine import work
from syncjobs.engine.closing import add_to_plan
from syncjobs.engine.context import JobRun
from syncjobs.engine.option_codes import run_option_codes
from syncjobs.engine.readings import read_tables
from syncjobs.models import Operation, SynchJob


@dataclass(slots=True)
class _Column:
    """The choice column with its options now, by value, and what changed in this run."""

    entity: str
    attribute: str
    labels: dict[int, str]
    published: set[str] = field(default_factory=set)

    def value_of(self, code: str, taken: set[int]) -> int | None:
        wanted = code.casefold()
        return next(
            (value for value, label in self.labels.items() if label.casefold() == wanted and value not in taken), None
        )


@dataclass(frozen=True, slots=True)
class _Verdict:
    """`outcome` is the counter that a run adds to."""

    outcome: str
    value: int | None = None


_PLANNED = {
    "inserted": "create_in_sales",
    "modified": "update_in_sales",
    "coupled": "couple",
    "unchanged": "unchanged",
}
"""Counter of a run → its name in a plan."""

_COUNTED = {OperationKind.CREATE: "inserted", OperationKind.UPDATE: "modified"}


def run_option_mapping(run: JobRun) -> None:
    """The whole run; leaves nothing for slices. Raises RemoteError when Sales or Business Central cannot be read."""
    mapping = run.mapping
    if mapping.direction == Direction.TO_BUSINESS_CENTRAL:
        run_option_codes(run)
        return
    if mapping.direction != Direction.TO_SALES:
        raise HubError(
            f"{mapping} can only be synchronised one way.",
            kind=ErrorKind.CONFIG,
            code="mapping.direction",
            hint="Set the mapping's direction to “To Sales” or “To Business Central”.",
        )
    read_tables(run)
    client = sales_client(run.connection, meter=run.progress.meter)
    preview = run.job.mode == JobMode.PREVIEW
    unfinished = {} if preview else _unfinished(run)
    column = _Column(mapping.sales_entity, mapping.option_attribute, {})
    option_run = _OptionRun(run, client, column, unfinished)
    option_run.read()
    inside = work.records_inside_filter(mapping, System.BUSINESS_CENTRAL)
    if run.options.only_pairs:
        inside = inside.filter(key__in=[pair.bc_key for pair in run.options.pairs if pair.bc_key])
    records = list(inside.order_by("number"))
    # A worker that takes the run up begins anew; what was inserted or modified before counts for good.
    SynchJob.objects.filter(pk=run.job.pk).update(total=len(records), done=0, unchanged=0, skipped=0, failed=0)
    if preview:
        option_run.plan(records)
        return
    option_run.synchronise(records)
    option_run.finish()
    if not run.progress.should_stop():
        DirtyPair.objects.filter(mapping=mapping).delete()


def rehearse_options(run: JobRun) -> None:
    """Couples codes with options as a run would, options that it would make under numbers of no column.

    For the rehearsal of what follows, in a transaction that is rolled back. Raises RemoteError.
    """
    mapping = run.mapping
    if mapping.direction != Direction.TO_SALES:
        return
    column = _Column(mapping.sales_entity, mapping.option_attribute, {})
    rehearsed = _OptionRun(run, sales_client(run.connection, meter=run.progress.meter), column, {})
    rehearsed.read()
    for position, record in enumerate(work.records_inside_filter(mapping, System.BUSINESS_CENTRAL).order_by("number")):
        rehearsed.rehearse(record, -1 - position)


def _unfinished(run: JobRun) -> dict[UUID, Operation]:
    """Operations by the code's key that were sent in an earlier attempt or run and not published.

    The last of them may still be under way; it is let through before anything is read.
    """
    sent = {
        operation.bc_key: operation
        for operation in Operation.objects.filter(mapping=run.mapping, state=OperationState.SENT, preview=False)
        if operation.bc_key is not None
    }
    newest = max((operation.sent_at for operation in sent.values() if operation.sent_at), default=None)
    if newest is not None:
        _let_through(run, (timezone.now() - newest).total_seconds())
    return sent


def _let_through(run: JobRun, seconds_ago: float = 0.0) -> None:
    """Waits until a request that was sent so long ago is certain to have been done or lost."""
    run.progress.beat()
    time.sleep(max(0.0, settings.COUPLET_CREATE_GRACE_SECONDS - seconds_ago))


class _OptionRun:
    def __init__(self, run: JobRun, client: SalesClient, column: _Column, unfinished: dict[UUID, Operation]) -> None:
        self.run, self.client, self.column, self.unfinished = run, client, column, unfinished
        self.coupled = {option.bc_key: option for option in OptionMapping.objects.filter(mapping=run.mapping)}
        self.taken = {option.option_value for option in self.coupled.values()}
        self.written: list[Operation] = []

    def read(self) -> None:
        options = self.client.options(self.column.entity, self.column.attribute)
        self.column.labels = {option.value: option.label for option in options}

    def synchronise(self, records: list[RemoteRecord]) -> None:
        for record in records:
            if self.run.progress.should_stop():
                return
            outcome = self._with_patience(record)
            counted = {outcome: F(outcome) + 1} if outcome else {}
            SynchJob.objects.filter(pk=self.run.job.pk).update(done=F("done") + 1, **counted)

    def finish(self) -> None:
        """Publishes what was written, after which its operations are settled and count."""
        if self.column.published:
            self.client.publish(*sorted(self.column.published))
        # Of codes that are gone or were never to be created: nothing is left to be done for them.
        dropped = [] if self.run.progress.should_stop() else [operation.pk for operation in self.unfinished.values()]
        counts = Counter(_COUNTED[OperationKind(operation.kind)] for operation in self.written)
        with transaction.atomic():
            Operation.objects.filter(pk__in=[operation.pk for operation in self.written]).update(
                state=OperationState.SETTLED, settled_at=timezone.now()
            )
            Operation.objects.filter(pk__in=dropped, state=OperationState.SENT).update(
                state=OperationState.SKIPPED, settled_at=timezone.now(), error_code="engine.looked_up"
            )
            if counts:
                SynchJob.objects.filter(pk=self.run.job.pk).update(
                    **{name: F(name) + count for name, count in counts.items()}
                )

    def _with_patience(self, record: RemoteRecord) -> str:
        """The counter that the code adds to, "" while that is to be seen; a lost answer is looked for."""
        attempts = 0
        while True:
            try:
                return self._one(record)
            except RemoteError as error:
                attempts += 1
                if error.outcome_unknown and attempts < SEND_ATTEMPTS:
                    self.run.progress.log(f"{record}: {error} It is looked at before anything is repeated.")
                    _let_through(self.run)
                    self.read()
                    continue
                if error.kind in (ErrorKind.CONFIG, ErrorKind.PERMISSION, ErrorKind.TRANSIENT, ErrorKind.THROTTLED):
                    raise
                self._fail(record, error)
                return "failed"

    def plan(self, records: list[RemoteRecord]) -> None:
        """Journals what a run would write, and counts it in the plan; touches neither system."""
        counts: Counter[str] = Counter()
        kinds = {"inserted": OperationKind.CREATE, "modified": OperationKind.UPDATE}
        planned = []
        for record in records:
            verdict = self._verdict(record)
            counts[_PLANNED.get(verdict.outcome, "")] += 1
            if verdict.value is not None and verdict.outcome == "coupled":
                self.taken.add(verdict.value)
            if verdict.outcome in kinds:
                before = {} if verdict.value is None else {"Label": self.column.labels[verdict.value]}
                planned.append(self._operation(record, kinds[verdict.outcome], before, preview=True))
        counts.pop("", None)
        with transaction.atomic():
            Operation.objects.bulk_create(planned)
            add_to_plan(self.run.job, counts)
            SynchJob.objects.filter(pk=self.run.job.pk).update(done=len(records))

    def rehearse(self, record: RemoteRecord, value: int) -> None:
        """Couples the code; `value` stands for an option that is still to be made."""
        verdict = self._verdict(record)
        if verdict.outcome == "inserted":
            self._couple(record, value, record.number)
        elif verdict.outcome == "coupled" and verdict.value is not None:
            self._couple(record, verdict.value, record.number)

    def _verdict(self, record: RemoteRecord) -> _Verdict:
        """What has to be done about a code, and the option's value where there is one."""
        option = self.coupled.get(record.key)
        if option is not None and option.option_value in self.column.labels:
            # Codes are in capitals, labels as people like to read them: "FedEx" is FEDEX.
            same = self.column.labels[option.option_value].casefold() == record.number.casefold()
            return _Verdict("unchanged" if same else "modified", option.option_value)
        value = self.column.value_of(record.number, self.taken)
        if value is not None:
            return _Verdict("coupled", value)
        if self.run.mapping.synch_only_coupled_records and not self.run.options.ignore_only_coupled:
            return _Verdict("skipped")
        return _Verdict("inserted")

    def _one(self, record: RemoteRecord) -> str:
        verdict = self._verdict(record)
        option = self.coupled.get(record.key)
        if verdict.outcome in ("coupled", "inserted", "skipped") and option is not None:
            # Its option is gone from the column.
            self.taken.discard(option.option_value)
            self.coupled.pop(record.key).delete()
        if verdict.outcome == "skipped":
            return "skipped"
        if verdict.outcome == "inserted":
            self._journal(record, OperationKind.CREATE, before={})
            made = self.client.insert_option(self.column.entity, self.column.attribute, record.number)
            return self._written(record, made)
        value = verdict.value
        if value is None:
            raise ValueError(f"A verdict of {verdict.outcome} needs an option.")
        if verdict.outcome == "modified":
            self._journal(record, OperationKind.UPDATE, before={"Label": self.column.labels[value]})
            self.client.update_option(self.column.entity, self.column.attribute, value, record.number)
            return self._written(record, value)
        if verdict.outcome == "coupled":
            self._couple(record, value, self.column.labels[value])
        # The column has it; whether all that follows was done as well, nobody knows.
        return self._written(record, value) if record.key in self.unfinished else verdict.outcome

    def _written(self, record: RemoteRecord, value: int) -> str:
        """The column has the option: its document tables follow, and the operation waits to be published."""
        self.column.labels[value] = record.number
        self.column.published.add(self.column.entity)
        for mirror in self.run.mapping.option_mirrors:
            self._repeat(mirror, value, record.number)
        self._couple(record, value, record.number)
        self.written.append(self.unfinished.pop(record.key))
        return ""

    def _repeat(self, mirror: dict[str, str], value: int, label: str) -> None:
        """The same option in the column of a document table; a table that lacks the column is no error."""
        entity, attribute = mirror["table"], mirror["attribute"]
        try:
            known = {option.value for option in self.client.options(entity, attribute)}
            if value in known:
                self.client.update_option(entity, attribute, value, label)
            else:
                self.client.insert_option(entity, attribute, label, value=value)
            self.column.published.add(entity)
        except RemoteError as error:
            if error.kind in (ErrorKind.TRANSIENT, ErrorKind.THROTTLED):
                raise
            self.run.progress.log(f"{entity}.{attribute} did not get the option {label}: {error}", LogLevel.WARNING)

    def _couple(self, record: RemoteRecord, value: int, label: str) -> None:
        option, _ = OptionMapping.objects.update_or_create(
            mapping=self.run.mapping,
            bc_key=record.key,
            defaults={
                "bc_code": record.number,
                "option_value": value,
                "option_label": label,
                "last_synchronised_at": timezone.now(),
                "error_code": "",
                "error_message": "",
                "error_hint": "",
            },
        )
        self.coupled[record.key] = option
        self.taken.add(value)

    def _journal(self, record: RemoteRecord, kind: OperationKind, *, before: dict[str, str]) -> None:
        """The code's operation is sent from here on: the one that is already, or a new one."""
        known = self.unfinished.get(record.key)
        if known is not None:
            known.attempts, known.sent_at, known.job = known.attempts + 1, timezone.now(), self.run.job
            known.save(update_fields=["attempts", "sent_at", "job"])
            return
        operation = self._operation(record, kind, before)
        operation.state, operation.attempts, operation.sent_at = OperationState.SENT, 1, timezone.now()
        operation.save()
        self.unfinished[record.key] = operation

    def _operation(
        self, record: RemoteRecord, kind: OperationKind, before: dict[str, str], *, preview: bool = False
    ) -> Operation:
        return Operation(
            job=self.run.job,
            connection=self.run.connection,
            mapping=self.run.mapping,
            system=System.SALES,
            table=f"{self.column.entity}.{self.column.attribute}",
            bc_key=record.key,
            record_name=str(record)[:500],
            kind=kind,
            preview=preview,
            before=before,
            after={"Label": record.number},
        )

    def _fail(self, record: RemoteRecord, error: RemoteError) -> None:
        self.run.progress.log(f"{record}: {error}", LogLevel.ERROR)
        self.unfinished.pop(record.key, None)
        Operation.objects.filter(mapping=self.run.mapping, bc_key=record.key, state=OperationState.SENT).update(
            state=OperationState.FAILED,
            settled_at=timezone.now(),
            error_code=error.code,
            error_message=str(error),
            error_hint=error.hint,
        )
        OptionMapping.objects.filter(mapping=self.run.mapping, bc_key=record.key).update(
            error_code=error.code, error_message=str(error), error_hint=error.hint
        )
