"""Couples pairs that a person accepted in a review or in the queue, after both records of each were read live.

What changed since the review shows here: records that vanished, left the filter or got coupled are journaled with their
reason and left alone; everything else goes on.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connector.choices import System
from coupling.matching.choices import MatchVerdict
from coupling.matching.models import MatchLine
from coupling.models import Coupling
from coupling.services.admission import admits
from coupling.services.changes import note_coupled_many
from coupling.services.search import mirror_of
from syncjobs.choices import OperationKind, OperationState
from syncjobs.engine import work
from syncjobs.engine.context import JobRun
from syncjobs.engine.marks import lift_dependents
from syncjobs.engine.options import Acceptance, PairRef
from syncjobs.engine.pull import refresh_records
from syncjobs.models import Operation, SynchJob

_PART = 500

_REFUSALS = {
    "missing": ("accept.missing", "One of the two records no longer exists.", "Look for another partner."),
    "bc_filter": ("accept.filter", "The record is outside the mapping's filter by now.", "Look at the record."),
    "sales_filter": ("accept.filter", "The row in Sales is outside the mapping's filter by now.", "Look at the row."),
    "taken": ("accept.taken", "One of the two records got coupled with another one.", "Look at both couplings."),
}


def couple_accepted(run: JobRun) -> None:
    """Couples part by part; each part is one transaction, so a run that is taken up again finds its pairs coupled."""
    accept = run.options.accept
    if accept is None:
        raise ValueError(f"Job {run.job.pk} accepts nothing.")
    SynchJob.objects.filter(pk=run.job.pk).update(total=_count(run, accept), done=0, coupled=0, failed=0)
    _couple(run, accept, _pairs(run, accept), live=True)


def couple_clear(run: JobRun, accept: Acceptance) -> None:
    """Couples the clear lines of the run itself, which has just read both tables."""
    _couple(run, accept, _pairs(run, accept), live=False)


def _couple(run: JobRun, accept: Acceptance, pairs: Iterator[tuple[UUID, UUID]], *, live: bool) -> None:
    while part := list(islice(pairs, _PART)):
        if run.progress.should_stop():
            return
        _Part(run, accept, part, live=live).couple()
        run.progress.beat()


def _count(run: JobRun, accept: Acceptance) -> int:
    return len(run.options.pairs) if accept.clear_of is None else _clear_lines(run, accept).count()


def _clear_lines(run: JobRun, accept: Acceptance) -> Any:
    lines = MatchLine.objects.filter(mapping=run.mapping, job_id=accept.clear_of or None)
    coupled = Coupling.objects.filter(connection=run.connection, bc_table=run.mapping.business_central_table)
    lines = lines.filter(verdict=MatchVerdict.CLEAR, best_key__isnull=False)
    return lines.exclude(bc_key__in=coupled.exclude(last_job_id=run.job.pk).values("bc_key"))


def _pairs(run: JobRun, accept: Acceptance) -> Iterator[tuple[UUID, UUID]]:
    if accept.clear_of is None:
        yield from ((pair.bc_key, pair.sales_key) for pair in run.options.pairs if pair.bc_key and pair.sales_key)
        return
    last = 0
    while True:
        lines = _clear_lines(run, accept).filter(pk__gt=last).order_by("pk")
        part = list(lines.values_list("pk", "bc_key", "best_key")[:_PART])
        if not part:
            return
        yield from ((bc_key, sales_key) for _, bc_key, sales_key in part)
        last = part[-1][0]


class _Part:
    """Some hundred pairs."""

    def __init__(self, run: JobRun, accept: Acceptance, pairs: Sequence[tuple[UUID, UUID]], *, live: bool) -> None:
        self.run, self.accept, self.mapping, self.live = run, accept, run.mapping, live
        # A row that was accepted for two records goes to none of them by chance: the second one is refused as taken.
        self.pairs = list(dict.fromkeys(pairs))

    def couple(self) -> None:
        live = {
            System.BUSINESS_CENTRAL: self._read(System.BUSINESS_CENTRAL, [bc for bc, _ in self.pairs]),
            System.SALES: self._read(System.SALES, [sales for _, sales in self.pairs]),
        }
        inside = {system: self._inside(system, keys) for system, keys in live.items()}
        good = []
        refused: dict[tuple[UUID, UUID], str] = {}
        for pair in self.pairs:
            reason = self._refusal(pair, live, inside)
            if reason:
                refused[pair] = reason
            else:
                good.append(pair)
        with transaction.atomic():
            self._write(good, refused)

    def _read(self, system: System, keys: Sequence[UUID]) -> set[UUID]:
        if not self.live:
            return set(keys)
        return set(
            refresh_records(
                reading=self.run.reading(system),
                keys=list(keys),
                client=self.run.client(system),
                progress=self.run.progress,
            )
        )

    def _inside(self, system: System, keys: set[UUID]) -> dict[UUID, tuple[str, str]]:
        """Number and name of the records that the filter admits."""
        rows = mirror_of(system).objects.of_table(self.mapping.connection_id, self.mapping.table(system))
        admitted = rows.alive().filter(admits(self.mapping, system), key__in=keys)
        return {key: (number, name) for key, number, name in admitted.values_list("key", "number", "name")}

    @staticmethod
    def _refusal(
        pair: tuple[UUID, UUID], live: Mapping[System, set[UUID]], inside: Mapping[System, Mapping[UUID, Any]]
    ) -> str:
        bc_key, sales_key = pair
        if bc_key not in live[System.BUSINESS_CENTRAL] or sales_key not in live[System.SALES]:
            return "missing"
        if bc_key not in inside[System.BUSINESS_CENTRAL]:
            return "bc_filter"
        return "" if sales_key in inside[System.SALES] else "sales_filter"

    def _write(self, good: Sequence[tuple[UUID, UUID]], refused: dict[tuple[UUID, UUID], str]) -> None:
        mapping, job = self.mapping, self.run.job
        Coupling.objects.bulk_create(
            [
                Coupling(
                    connection_id=mapping.connection_id,
                    mapping=mapping,
                    bc_table=mapping.business_central_table,
                    bc_key=bc_key,
                    sales_table=mapping.sales_table,
                    sales_key=sales_key,
                    origin=self.accept.origin,
                    created_by_id=job.user_id,
                    last_job_id=job.pk,
                )
                for bc_key, sales_key in good
            ],
            ignore_conflicts=True,
        )
        present = Coupling.objects.filter(mapping=mapping, bc_key__in=[bc_key for bc_key, _ in good])
        ids = {(bc_key, sales_key): pk for pk, bc_key, sales_key in present.values_list("pk", "bc_key", "sales_key")}
        new = [pair for pair in good if pair in ids]
        refused |= {pair: "taken" for pair in good if pair not in ids}
        names = self._names()
        journaled = Operation.objects.filter(job=job, kind=OperationKind.COUPLE)
        done = set(journaled.filter(bc_key__in=[bc_key for bc_key, _ in self.pairs]).values_list("bc_key", flat=True))
        note_coupled_many(mapping, [pair for pair in new if pair[0] not in done], job.user_id, job_id=job.pk)
        Operation.objects.bulk_create(
            self._operation(pair, names, OperationState.SETTLED, coupling_id=ids[pair])
            for pair in new
            if pair[0] not in done
        )
        Operation.objects.bulk_create(
            self._failure(pair, names, reason) for pair, reason in refused.items() if pair[0] not in done
        )
        lift_dependents(
            mapping=mapping,
            names=[text for bc, sales in new for text in (str(sales), *names.get(bc, ())) if text],
        )
        if self.accept.synchronize:
            pairs = [PairRef(bc_key, sales_key) for bc_key, sales_key in new]
            work.put_back(job_id=job.pk, mapping_id=mapping.pk, pairs=pairs)
        SynchJob.objects.filter(pk=job.pk).update(
            coupled=F("coupled") + len(new),
            failed=F("failed") + len(refused),
            done=F("done") + (len(refused) if self.accept.synchronize else len(self.pairs)),
        )

    def _names(self) -> dict[UUID, tuple[str, str]]:
        table = self.mapping.business_central_table
        rows = mirror_of(System.BUSINESS_CENTRAL).objects.of_table(self.mapping.connection_id, table)
        found = rows.filter(key__in=[bc_key for bc_key, _ in self.pairs]).values_list("key", "number", "name")
        return {key: (number, name) for key, number, name in found}

    def _failure(self, pair: tuple[UUID, UUID], names: Mapping[UUID, tuple[str, str]], reason: str) -> Operation:
        code, message, hint = _REFUSALS[reason]
        return self._operation(
            pair, names, OperationState.FAILED, error_code=code, error_message=message, error_hint=hint
        )

    def _operation(
        self, pair: tuple[UUID, UUID], names: Mapping[UUID, tuple[str, str]], state: OperationState, **more: object
    ) -> Operation:
        bc_key, sales_key = pair
        return Operation(
            job=self.run.job,
            connection_id=self.mapping.connection_id,
            mapping=self.mapping,
            system=System.SALES,
            table=self.mapping.sales_table,
            record_id=sales_key,
            bc_key=bc_key,
            sales_key=sales_key,
            record_name=" ".join(names.get(bc_key, ())).strip()[:500],
            kind=OperationKind.COUPLE,
            state=state,
            settled_at=timezone.now(),
            **more,
        )
