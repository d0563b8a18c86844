"""Runs of option mappings towards Business Central: options of a choice column become codes.

The code is the option's label in capitals, cut to the length of the code; a renamed option renames its code. Codes are
unique in Business Central, so a creation whose answer was lost is found by its code before it is repeated.
"""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.clients import sales_client
from connector.errors import ErrorKind, RemoteError
from coupling.definitions import bc_property
from coupling.models import BusinessCentralRecord, DirtyPair, OptionMapping
from syncjobs.choices import JobMode, LogLevel, OperationKind, OperationState
from syncjobs.constants import SEND_ATTEMPTS
from syncjobs.engine.closing import add_to_plan
from syncjobs.engine.context import JobRun
from syncjobs.engine.pull import pull_table, refresh_records
from syncjobs.models import Operation, SynchJob

BC = System.BUSINESS_CENTRAL
_CODE_LENGTH = 10
_STOPS = (ErrorKind.CONFIG, ErrorKind.PERMISSION, ErrorKind.TRANSIENT, ErrorKind.THROTTLED)
_PLANNED = {
    "inserted": "create_in_business_central",
    "modified": "update_in_business_central",
    "coupled": "couple",
    "unchanged": "unchanged",
    "failed": "failing",
}
_KINDS = {"inserted": OperationKind.CREATE, "modified": OperationKind.UPDATE}


@dataclass(frozen=True, slots=True)
class _Option:
    value: int
    label: str
    code: str


@dataclass(frozen=True, slots=True)
class _Verdict:
    """`outcome` is the counter that a run adds to; `problem` says why nothing can be written."""

    outcome: str
    record: BusinessCentralRecord | None = None
    problem: str = ""


def run_option_codes(run: JobRun) -> None:
    """The whole run; leaves nothing for slices. Raises RemoteError when Sales or Business Central cannot be read."""
    codes = _CodeRun(run)
    codes.read()
    options = codes.options()
    SynchJob.objects.filter(pk=run.job.pk).update(total=len(options), done=0, unchanged=0, skipped=0, failed=0)
    if run.job.mode == JobMode.PREVIEW:
        codes.plan(options)
        return
    # Sent without an answer by a run that ended: what came of it shows in the codes just read.
    Operation.objects.filter(mapping=run.mapping, state=OperationState.SENT, preview=False).update(
        state=OperationState.SKIPPED, settled_at=timezone.now(), error_code="engine.looked_up"
    )
    for option in options:
        if run.progress.should_stop():
            return
        codes.synchronise(option)
    DirtyPair.objects.filter(mapping=run.mapping).delete()


class _CodeRun:
    def __init__(self, run: JobRun) -> None:
        self.run, self.mapping = run, run.mapping
        self.coupled: dict[int, OptionMapping] = {}
        self.records: dict[UUID, BusinessCentralRecord] = {}
        self.used: Counter[str] = Counter()
        self.sent: Operation | None = None
        definition = bc_property(self.mapping.business_central_table, self._code_property)
        self.length = definition.length if definition is not None and definition.length else _CODE_LENGTH

    @property
    def _code_property(self) -> str:
        reading = self.run.reading(BC)
        return reading.number_property or "code"

    @property
    def _name_property(self) -> str:
        return self.run.reading(BC).name_property

    def read(self) -> None:
        """The codes as they are now, and what is coupled."""
        pull_table(
            connection=self.run.connection,
            system=BC,
            table=self.mapping.business_central_table,
            client=self.run.client(BC),
            progress=self.run.progress,
            wanted_since=timezone.now(),
            sweep=True,
        )
        rows = BusinessCentralRecord.objects.of_table(self.run.connection.pk, self.mapping.business_central_table)
        self.records = {record.key: record for record in rows.alive()}
        self.coupled = {option.option_value: option for option in OptionMapping.objects.filter(mapping=self.mapping)}

    def options(self) -> list[_Option]:
        client = sales_client(self.run.connection, meter=self.run.progress.meter)
        found = [
            _Option(option.value, option.label, option.label.strip().upper()[: self.length].strip())
            for option in client.options(self.mapping.sales_entity, self.mapping.option_attribute)
            if option.label.strip()
        ]
        self.used = Counter(option.code for option in found)
        return found

    def synchronise(self, option: _Option) -> None:
        """One option to its end; a lost answer is looked for before anything is repeated."""
        outcome, attempts, self.sent = "", 0, None
        while not outcome:
            try:
                outcome = self._one(option)
            except RemoteError as error:
                attempts += 1
                if attempts < SEND_ATTEMPTS and (error.outcome_unknown or error.kind == ErrorKind.CONFLICT):
                    self.run.progress.log(f"{option.label}: {error} It is looked at before anything is repeated.")
                    self.read()
                    continue
                if error.kind in _STOPS:
                    raise
                self._fail(option, error.code, str(error), error.hint)
                outcome = "failed"
        SynchJob.objects.filter(pk=self.run.job.pk).update(done=F("done") + 1, **{outcome: F(outcome) + 1})

    def plan(self, options: list[_Option]) -> None:
        """Journals what a run would write, and counts it in the plan; touches neither system."""
        counts: Counter[str] = Counter()
        planned = []
        for option in options:
            verdict = self._verdict(option)
            counts[_PLANNED.get(verdict.outcome, "")] += 1
            if verdict.outcome in _KINDS:
                planned.append(self._operation(option, verdict, preview=True))
        counts.pop("", None)
        with transaction.atomic():
            Operation.objects.bulk_create(planned)
            add_to_plan(self.run.job, counts)
            SynchJob.objects.filter(pk=self.run.job.pk).update(done=len(options))

    def _verdict(self, option: _Option) -> _Verdict:
        known = self.coupled.get(option.value)
        record = self.records.get(known.bc_key) if known is not None else None
        if self.used[option.code] > 1:
            same = f"Several options are called {option.code} when they are cut to {self.length} characters."
            return _Verdict("failed", problem=same)
        if record is not None:
            return _Verdict("unchanged" if record.number.upper() == option.code else "modified", record)
        taken = {each.bc_key for each in self.coupled.values()}
        for candidate in self.records.values():
            if candidate.number.upper() == option.code and (
                candidate.key not in taken or (known is not None and known.bc_key == candidate.key)
            ):
                return _Verdict("coupled", candidate)
        if self.mapping.synch_only_coupled_records and not self.run.options.ignore_only_coupled:
            return _Verdict("skipped")
        return _Verdict("inserted")

    def _one(self, option: _Option) -> str:
        verdict = self._verdict(option)
        if verdict.problem:
            self._fail(option, "option.ambiguous_code", verdict.problem, "Give the options different labels.")
            return "failed"
        if self.sent is not None and verdict.record is not None and verdict.outcome in ("coupled", "unchanged"):
            self._settle(option, self.sent, verdict.record.key)
            return "inserted" if self.sent.kind == OperationKind.CREATE else "modified"
        known = self.coupled.get(option.value)
        if verdict.outcome in ("inserted", "coupled", "skipped") and known is not None:
            # Its code is gone from Business Central.
            self.coupled.pop(option.value).delete()
        if verdict.outcome in _KINDS:
            self._write(option, verdict)
        elif verdict.record is not None:
            self._couple(option, verdict.record.key, verdict.record.number)
        return verdict.outcome

    def _write(self, option: _Option, verdict: _Verdict) -> None:
        client = self.run.client(BC)
        if not isinstance(client, BusinessCentralClient):
            raise TypeError("Codes are written to Business Central.")
        journal = self.sent = self.sent or self._operation(option, verdict)
        journal.state, journal.attempts, journal.sent_at = OperationState.SENT, journal.attempts + 1, timezone.now()
        journal.save()
        table = self.mapping.business_central_table
        path = client.addresses.table(table)
        record = verdict.record
        if record is None:
            answer = client.session.send("POST", path, body=client.record_body(table, journal.after))
            key, _ = client.record_values(table, answer.data)
        else:
            headers = {"If-Match": record.token or "*"}
            address = f"{client.addresses.service_of(table).path}/{client.record_address(table, record.key)}"
            answer = client.session.send(
                "PATCH", address, body=client.record_body(table, journal.after), headers=headers
            )
            # A page's rows have no id but their code, so a renamed one is another row.
            key = client.record_values(table, answer.data)[0] if client.addresses.page_of(table) else record.key
        refresh_records(reading=self.run.reading(BC), keys=[key], client=client, progress=self.run.progress)
        self._settle(option, journal, key)

    def _settle(self, option: _Option, journal: Operation, key: UUID) -> None:
        with transaction.atomic():
            Operation.objects.filter(pk=journal.pk).update(
                state=OperationState.SETTLED, settled_at=timezone.now(), record_id=key, bc_key=key
            )
            self._couple(option, key, option.code)

    def _operation(self, option: _Option, verdict: _Verdict, *, preview: bool = False) -> Operation:
        record = verdict.record
        after = {self._code_property: option.code}
        if record is None and self._name_property:
            after[self._name_property] = option.label
        return Operation(
            job=self.run.job,
            connection=self.run.connection,
            mapping=self.mapping,
            system=BC,
            table=self.mapping.business_central_table,
            record_id=record.key if record is not None else None,
            bc_key=record.key if record is not None else None,
            record_name=option.label[:500],
            kind=OperationKind.CREATE if record is None else OperationKind.UPDATE,
            expected_token=record.token if record is not None else "",
            preview=preview,
            before={} if record is None else {self._code_property: record.number},
            after=after,
        )

    def _couple(self, option: _Option, key: UUID, code: str) -> None:
        self.coupled[option.value], _ = OptionMapping.objects.update_or_create(
            mapping=self.mapping,
            option_value=option.value,
            defaults={
                "bc_key": key,
                "bc_code": code,
                "option_label": option.label,
                "last_synchronised_at": timezone.now(),
                "error_code": "",
                "error_message": "",
                "error_hint": "",
            },
        )

    def _fail(self, option: _Option, code: str, message: str, hint: str) -> None:
        self.run.progress.log(f"{option.label}: {message}", LogLevel.ERROR)
        error = {"error_code": code, "error_message": message, "error_hint": hint}
        sent = Operation.objects.filter(job=self.run.job, record_name=option.label[:500], state=OperationState.SENT)
        if not sent.update(state=OperationState.FAILED, settled_at=timezone.now(), **error):
            failed = self._operation(option, _Verdict("failed"))
            failed.state, failed.settled_at = OperationState.FAILED, timezone.now()
            failed.error_code, failed.error_message, failed.error_hint = code, message, hint
            failed.save()
        OptionMapping.objects.filter(mapping=self.mapping, option_value=option.value).update(**error)
