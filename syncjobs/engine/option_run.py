"""Runs of option mappings: codes of Business Central become options of a choice column in Sales.

An option has no row, key or token; its label is the code. So a run reads the column's options live, couples by label,
adds what is missing, renames what was renamed, repeats that in the document tables' columns and publishes once. Reading
first makes it safe to repeat: what a lost answer may have created is found by its label.
"""

from collections import Counter
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connector.choices import Direction, System
from connector.clients import sales_client
from connector.errors import ErrorKind, HubError, RemoteError
from connector.sales import SalesClient
from coupling.models import DirtyPair, OptionMapping, RemoteRecord
from syncjobs.choices import JobMode, LogLevel, OperationKind, OperationState
from syncjobs.engine import work
from syncjobs.engine.closing import add_to_plan
from syncjobs.engine.context import JobRun
from syncjobs.engine.pull import pull_table
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


def run_option_mapping(run: JobRun) -> None:
    """The whole run; leaves nothing for slices. Raises RemoteError when Sales or Business Central cannot be read."""
    mapping = run.mapping
    if mapping.direction != Direction.TO_SALES:
        raise HubError(
            f"{mapping} can only be synchronised to Sales.",
            kind=ErrorKind.CONFIG,
            code="mapping.direction",
            hint="Set the mapping's direction to “To Sales”.",
        )
    pull_table(
        connection=run.connection,
        system=System.BUSINESS_CENTRAL,
        table=mapping.business_central_table,
        client=run.client(System.BUSINESS_CENTRAL),
        progress=run.progress,
        wanted_since=timezone.now(),
    )
    client = sales_client(run.connection, meter=run.progress.meter)
    options = client.options(mapping.sales_entity, mapping.option_attribute)
    column = _Column(mapping.sales_entity, mapping.option_attribute, {option.value: option.label for option in options})
    records = list(work.records_inside_filter(mapping, System.BUSINESS_CENTRAL).order_by("number"))
    SynchJob.objects.filter(pk=run.job.pk).update(total=len(records))
    if run.job.mode == JobMode.PREVIEW:
        _OptionRun(run, client, column).plan(records)
        return
    # Sent without an answer in an earlier run: what came of it shows in the options just read.
    Operation.objects.filter(mapping=mapping, state=OperationState.SENT).update(
        state=OperationState.SKIPPED, settled_at=timezone.now(), error_code="engine.looked_up"
    )
    _OptionRun(run, client, column).synchronise(records)
    if column.published:
        client.publish(*sorted(column.published))
    DirtyPair.objects.filter(mapping=mapping).delete()


class _OptionRun:
    def __init__(self, run: JobRun, client: SalesClient, column: _Column) -> None:
        self.run, self.client, self.column = run, client, column
        self.coupled = {option.bc_key: option for option in OptionMapping.objects.filter(mapping=run.mapping)}
        self.taken = {option.option_value for option in self.coupled.values()}

    def synchronise(self, records: list[RemoteRecord]) -> None:
        for record in records:
            if self.run.progress.should_stop():
                return
            try:
                outcome = self._one(record)
            except RemoteError as error:
                if error.kind in (ErrorKind.CONFIG, ErrorKind.PERMISSION, ErrorKind.TRANSIENT, ErrorKind.THROTTLED):
                    raise
                outcome = "failed"
                self._fail(record, error)
            with transaction.atomic():
                SynchJob.objects.filter(pk=self.run.job.pk).update(done=F("done") + 1, **{outcome: F(outcome) + 1})

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
        if verdict.outcome == "inserted":
            self._insert(record)
        elif verdict.outcome == "coupled" and verdict.value is not None:
            self._couple(record, verdict.value, self.column.labels[verdict.value])
        elif verdict.outcome == "modified" and option is not None:
            self._rename(record, option)
        return verdict.outcome

    def _insert(self, record: RemoteRecord) -> None:
        journal = self._journal(record, OperationKind.CREATE, before={})
        value = self.client.insert_option(self.column.entity, self.column.attribute, record.number)
        self.column.published.add(self.column.entity)
        for mirror in self.run.mapping.option_mirrors:
            self._repeat(mirror, value, record.number)
        self.column.labels[value] = record.number
        self._couple(record, value, record.number)
        self._settled(journal)

    def _rename(self, record: RemoteRecord, option: OptionMapping) -> None:
        before = {"Label": self.column.labels[option.option_value]}
        journal = self._journal(record, OperationKind.UPDATE, before=before)
        self.client.update_option(self.column.entity, self.column.attribute, option.option_value, record.number)
        self.column.published.add(self.column.entity)
        for mirror in self.run.mapping.option_mirrors:
            self._repeat(mirror, option.option_value, record.number)
        self.column.labels[option.option_value] = record.number
        self._couple(record, option.option_value, record.number)
        self._settled(journal)

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

    def _journal(self, record: RemoteRecord, kind: OperationKind, *, before: dict[str, str]) -> Operation:
        operation = self._operation(record, kind, before)
        operation.state, operation.attempts, operation.sent_at = OperationState.SENT, 1, timezone.now()
        operation.save()
        return operation

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

    def _settled(self, journal: Operation) -> None:
        Operation.objects.filter(pk=journal.pk).update(state=OperationState.SETTLED, settled_at=timezone.now())

    def _fail(self, record: RemoteRecord, error: RemoteError) -> None:
        self.run.progress.log(f"{record}: {error}", LogLevel.ERROR)
        Operation.objects.filter(job=self.run.job, bc_key=record.key, state=OperationState.SENT).update(
            state=OperationState.FAILED,
            settled_at=timezone.now(),
            error_code=error.code,
            error_message=str(error),
            error_hint=error.hint,
        )
        OptionMapping.objects.filter(mapping=self.run.mapping, bc_key=record.key).update(
            error_code=error.code, error_message=str(error), error_hint=error.hint
        )
