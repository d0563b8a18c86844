"""How jobs, operations and couplings with problems are put into words and numbers for pages."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import (
    Case,
    CharField,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Concat, Now, NullIf, Trim
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.web import parts
from config.web.parts import words_of_duration
from coupling.choices import MissingSide
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord, TableMapping
from syncjobs.choices import LIVE_JOB_STATES, JobState
from syncjobs.models import Operation, SynchJob

COUNTER_FILTERS: dict[str, dict[str, str]] = {
    "inserted": {"state": "settled", "kind": "create"},
    "modified": {"state": "settled", "kind": "update"},
    "deleted": {"state": "settled", "kind": "delete"},
    "coupled": {"kind": "couple"},
    "uncoupled": {"kind": "uncouple"},
    "failed": {"state": "failed"},
    "conflicts": {"state": "conflict"},
    "skipped": {"state": "skipped"},
}
"""Counter → filters of the operations it counts; what is missing leaves no operations behind."""

SLOWEST_RATE = 0.05
"""Pairs per second below which a rate says nothing."""

COUNTER_WORDS = {"conflicts": "In conflict"}
COUNTER_TONES = {"failed": "bad", "conflicts": "conflict"}


@dataclass(frozen=True, slots=True)
class Counter:
    label: str
    value: int
    tone: str
    url: str


def counter_url(job: SynchJob, counter: str) -> str:
    """The operations that a counter of `job` counts."""
    query = urlencode({"job": job.pk, **COUNTER_FILTERS[counter]})
    return f"{reverse('operation-list', kwargs={'connection': job.connection.slug})}?{query}"


def operation_url(operation: Operation) -> str:
    return reverse("operation-detail", kwargs={"connection": operation.connection.slug, "pk": operation.pk})


def mapping_url(mapping: TableMapping) -> str:
    return reverse("mapping-detail", kwargs={"connection": mapping.connection.slug, "name": mapping.name})


def coupling_url(coupling: Coupling) -> str:
    return reverse("coupling-detail", kwargs={"connection": coupling.connection.slug, "pk": coupling.pk})


def counters_of(job: SynchJob) -> list[Counter]:
    return [
        Counter(
            COUNTER_WORDS.get(name, name.capitalize()),
            value,
            COUNTER_TONES.get(name, "") if value else "zero",
            counter_url(job, name) if value and name in COUNTER_FILTERS else "",
        )
        for name, value in job.counters.items()
    ]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is. `done` and `total` are pairs; `rate` is pairs per second; texts are for people."""

    live: bool
    done: int
    total: int
    percent: int
    rate: float
    remaining: str
    ended: str


def progress_of(job: SynchJob, *, now: datetime | None = None) -> Progress:
    """The rate is that of the whole run so far, which steadies the estimate when batches differ in size."""
    live = JobState(job.state) in LIVE_JOB_STATES
    until = job.finished_at or now or timezone.now()
    seconds = (until - job.started_at).total_seconds() if job.started_at else 0
    rate = job.done / seconds if seconds > 0 else 0.0
    left = max(job.total - job.done, 0)
    rate = rate if rate >= SLOWEST_RATE else 0.0
    remaining = words_of_duration(timedelta(seconds=left / rate)) if live and rate and left else ""
    percent = 100 if not live and not left else (100 * job.done // job.total if job.total else 0)
    ended = "" if live else f"{job} has ended: {JobState(job.state).label.lower()}"
    return Progress(live, job.done, job.total, min(percent, 100), rate, remaining, ended)


def next_run_words(at: datetime | None, *, automatic: bool, now: datetime | None = None) -> SafeString:
    """When a schedule runs next. What is due already waits for the scheduler's next round, so it is never "ago".

    `automatic`: the connection's setting; without it nothing runs by itself. `at` None: no schedule, or a paused one.
    """
    if not automatic:
        return format_html("{}", "When somebody asks")
    if at is None:
        return parts.NOTHING
    if at <= (now or timezone.now()):
        return format_html("{}", "Due now")
    return parts.moment(at)


def with_duration(jobs: QuerySet[SynchJob]) -> QuerySet[SynchJob]:
    """Annotates `duration`: how long a job took, or takes so far."""
    return jobs.annotate(
        duration=ExpressionWrapper(Coalesce(F("finished_at"), Now()) - F("started_at"), output_field=DurationField())
    )


def with_title(couplings: QuerySet[Coupling]) -> QuerySet[Coupling]:
    """Annotates `title`: number and name of the record, from Business Central or, where it is gone, from Sales."""

    def words(records: QuerySet[Any]) -> Subquery:
        text = NullIf(Trim(Concat("number", Value(" "), "name")), Value(""))
        return Subquery(records.annotate(text=text).values("text")[:1])

    bc = BusinessCentralRecord.objects.filter(
        connection_id=OuterRef("connection_id"), table=OuterRef("bc_table"), key=OuterRef("bc_key")
    )
    sales = SalesRecord.objects.filter(
        connection_id=OuterRef("connection_id"), table=OuterRef("sales_table"), key=OuterRef("sales_key")
    )
    return couplings.annotate(title=Coalesce(words(bc), words(sales), Value("Record")), partner=words(sales))


ERROR_KINDS = {
    "prerequisite": "Prerequisite missing",
    "clash": "Changed on both sides",
    "deleted": "Deleted",
    "permission": "Permission",
    "data": "Data",
}
"""What keeps a coupled record from following its partner, in the order in which it is told."""


def with_error_kind(couplings: QuerySet[Coupling]) -> QuerySet[Coupling]:
    """Annotates `error_kind`, a key of `ERROR_KINDS`."""
    return couplings.annotate(
        error_kind=Case(
            When(~Q(missing=""), then=Value("deleted")),
            When(conflict=True, then=Value("clash")),
            When(error_details__has_key="mapping", then=Value("prerequisite")),
            When(error_code__contains="privilege", then=Value("permission")),
            When(error_code__contains="permission", then=Value("permission")),
            When(error_code__contains="denied", then=Value("permission")),
            default=Value("data"),
            output_field=CharField(),
        )
    )


def problem_of(coupling: Coupling) -> tuple[str, str]:
    """(sentence, hint): what is wrong with a coupling and what to do about it."""
    if coupling.error_message:
        return coupling.error_message, coupling.error_hint
    if coupling.missing:
        where = MissingSide(coupling.missing).label
        return f"{where}.", "Restore the record, delete the one that is left, or remove the coupling."
    if coupling.conflict:
        return "The same value was changed on both sides.", "Choose what each side gets."
    return "", ""
