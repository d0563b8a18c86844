"""Tables of the pages about jobs, operations, errors and schedules."""

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.roles import Capability, capabilities_of
from config.web import parts
from config.web.columns import (
    CheckBoxColumn,
    CountColumn,
    DirectionColumn,
    DurationColumn,
    IdColumn,
    NameColumn,
    StateColumn,
    TimeColumn,
)
from config.web.tables import Table
from connector.choices import System
from coupling.choices import CouplingState
from coupling.services.links import sales_url
from coupling.services.merged import address_to_move, attach_survivors
from coupling.services.pairs import attach_records
from syncjobs.choices import JobState, OperationKind, OperationState, ScheduleState
from syncjobs.models import Operation, Schedule, SynchJob
from syncjobs.presentation import (
    ERROR_KINDS,
    counter_url,
    coupling_url,
    next_run_words,
    operation_url,
    problem_of,
)
from syncjobs.windows import words_of_window

SHORT_MODES = {
    "modified": "Changes",
    "create": "Create",
    "match": "Match",
    "uncouple": "Uncouple",
    "restore": "Restore",
    "delete": "Delete",
    "broken": "Find broken",
    "undo": "Undo",
}
"""Kinds whose full words are too long for a column."""


def _sentence_and_hint(sentence: str, hint: str) -> SafeString:
    return format_html('{}<div class="muted">{}</div>', sentence, hint) if hint else format_html("{}", sentence)


class JobTable(Table):
    selection = CheckBoxColumn()
    id = tables.Column(verbose_name="Job", linkify=True)
    mapping = tables.Column(
        accessor="mapping__name",
        verbose_name="Mapping",
        linkify=lambda record: record.get_absolute_url(),
        attrs={"td": {"class": "col-mapping"}},
    )
    state = StateColumn(JobState)
    mode = tables.Column(verbose_name="Kind", attrs={"td": {"class": "text-nowrap"}})
    direction = DirectionColumn()
    inserted = CountColumn(lambda job: counter_url(job, "inserted"))
    modified = CountColumn(lambda job: counter_url(job, "modified"))
    unchanged = CountColumn()
    failed = CountColumn(lambda job: counter_url(job, "failed"), tone="red")
    conflicts = CountColumn(lambda job: counter_url(job, "conflicts"), tone="purple")
    skipped = CountColumn(lambda job: counter_url(job, "skipped"))
    coupled = CountColumn(lambda job: counter_url(job, "coupled"))
    uncoupled = CountColumn(lambda job: counter_url(job, "uncoupled"))
    deleted = CountColumn(lambda job: counter_url(job, "deleted"))
    created_at = TimeColumn(verbose_name="Asked for")
    started_at = TimeColumn(verbose_name="Started")
    finished_at = TimeColumn(verbose_name="Finished")
    duration = DurationColumn(verbose_name="Took")
    trigger = tables.Column(verbose_name="Asked for by")
    user = tables.Column(accessor="user__username", verbose_name="Person")
    requests = CountColumn()
    message = tables.Column(attrs={"td": {"class": "col-text"}})

    class Meta(Table.Meta):
        model = SynchJob
        fields = ()
        order_by = ("-id",)
        caption = "Synch jobs, newest first"
        default_columns = [
            "id",
            "mapping",
            "state",
            "mode",
            "inserted",
            "modified",
            "failed",
            "conflicts",
            "started_at",
            "duration",
        ]
        empty_title = "No job has run yet"
        empty_hint = "A job appears here when a schedule is due, or when somebody starts a synchronisation."

    def render_mode(self, value: str, record: SynchJob) -> str:
        return SHORT_MODES.get(record.mode, value)


class OperationTable(Table):
    selection = CheckBoxColumn()
    record_name = NameColumn(operation_url, verbose_name="Record")
    state = StateColumn(OperationState)
    kind = StateColumn(OperationKind, verbose_name="What")
    system = tables.Column(verbose_name="Written to")
    table = tables.Column()
    mapping = tables.Column(accessor="mapping__name", verbose_name="Mapping", attrs={"td": {"class": "text-nowrap"}})
    error_message = tables.Column(verbose_name="Problem", attrs={"td": {"class": "col-text"}})
    error_code = tables.Column(verbose_name="Code")
    attempts = CountColumn()
    created_at = TimeColumn(verbose_name="Planned")
    settled_at = TimeColumn(verbose_name="Finished")
    job = tables.Column(
        accessor="job_id",
        verbose_name="Job",
        linkify=lambda record: (
            reverse("job-detail", kwargs={"connection": record.connection.slug, "pk": record.job_id})
            if record.job_id
            else None
        ),
    )
    record_id = IdColumn(verbose_name="Record id")

    class Meta(Table.Meta):
        model = Operation
        fields = ()
        order_by = ("-id",)
        caption = "Operations, newest first"
        default_columns = ["record_name", "state", "kind", "system", "mapping", "error_message", "created_at", "job"]
        empty_title = "Nothing has been written yet"
        empty_hint = "Every change that a job plans or makes in either system is listed here."

    def render_record_name(self, value: str, record: Operation) -> str:
        return value or str(record.record_id or record.bc_key or record.sales_key or "Record")


class ErrorTable(Table):
    """Couplings that do not synchronise by themselves, with what is wrong and what to do."""

    selection = CheckBoxColumn()
    record = NameColumn(coupling_url, accessor="title", verbose_name="Record", orderable=False)
    state = StateColumn(CouplingState)
    mapping = tables.Column(accessor="mapping__name", verbose_name="Mapping", attrs={"td": {"class": "text-nowrap"}})
    partner = tables.Column(
        verbose_name="Coupled to",
        orderable=False,
        linkify=lambda record: sales_url(record.connection, record.mapping.sales_entity, record.sales_key),
    )
    in_bc = tables.Column(verbose_name="In Business Central", accessor="missing", orderable=False, empty_values=())
    in_sales = tables.Column(verbose_name="In Sales", accessor="missing", orderable=False, empty_values=())
    kind = tables.Column(accessor="error_kind", verbose_name="Kind", orderable=False)
    problem = tables.Column(
        accessor="error_message", verbose_name="Problem", attrs={"td": {"class": "col-text"}}, empty_values=()
    )
    error_code = tables.Column(verbose_name="Code")
    failures = CountColumn(verbose_name="Times")
    failed_at = TimeColumn(verbose_name="Since")
    assigned_to = tables.Column(verbose_name="Assigned to", accessor="assigned_to__username")
    actions = tables.Column(
        verbose_name="Actions", accessor="pk", orderable=False, attrs={"td": {"class": "col-actions"}}
    )
    last_synchronised_at = TimeColumn(verbose_name="Last agreed")

    class Meta(Table.Meta):
        fields = ()
        order_by = ("-failed_at", "-id")
        caption = "Couplings with a problem"
        default_columns = ["record", "state", "mapping", "partner", "problem", "failures", "failed_at", "actions"]
        empty_title = "Nothing needs attention"
        empty_hint = "Every coupled record follows its partner. Records that fail, conflict or lose a side appear here."

    def render_in_bc(self, record: Any) -> str:
        return "No" if record.missing in ("business_central", "both") else "Yes"

    def render_in_sales(self, record: Any) -> str:
        return "No" if record.missing in ("sales", "both") else "Yes"

    def render_kind(self, value: str) -> str:
        return ERROR_KINDS.get(value, value)

    def render_actions(self, record: Any) -> SafeString:
        place = {"connection": record.connection.slug}
        log = reverse("coupling-log", kwargs={**place, "pk": record.pk})
        if record.missing in ("business_central", "both"):
            return format_html('<a class="btn btn-sm" href="{}">Log</a>', log)
        key = {"system": "business_central", "table": record.bc_table, "key": record.bc_key}
        return format_html(
            '<a class="btn btn-sm" href="{}" aria-label="Set up the coupling of {}">Set up</a>'
            '<a class="btn btn-sm" href="{}" aria-label="Log of {}">Log</a>',
            reverse("coupling-setup", kwargs={**place, **key}),
            record.title,
            log,
            record.title,
        )

    @property
    def paginated_rows(self) -> Any:
        rows = super().paginated_rows
        couplings = list(rows.data)
        attach_records(couplings, systems=[System.SALES])
        attach_survivors(couplings)
        return rows

    def render_problem(self, record: Any) -> SafeString:
        said = _sentence_and_hint(*problem_of(record))
        survivor = getattr(record, "merged_into", None)
        if survivor is None:
            return said
        address = address_to_move(record, survivor)
        way = format_html('<a class="btn btn-sm" href="{}">Couple that one</a>', address)
        return format_html("{}<div>Merged into {}. {}</div>", said, survivor, way)

    def value_problem(self, record: Any) -> str:
        return " ".join(problem_of(record))


class CreationErrorTable(Table):
    """Records without a partner because creating it failed; each row is the newest failed operation."""

    selection = CheckBoxColumn()
    record_name = NameColumn(operation_url, verbose_name="Record")
    mapping = tables.Column(accessor="mapping__name", verbose_name="Mapping", attrs={"td": {"class": "text-nowrap"}})
    system = tables.Column(verbose_name="Missing in")
    problem = tables.Column(
        accessor="error_message", verbose_name="Problem", attrs={"td": {"class": "col-text"}}, empty_values=()
    )
    error_code = tables.Column(verbose_name="Code")
    created_at = TimeColumn(verbose_name="Tried")
    job = tables.Column(
        accessor="job_id",
        verbose_name="Job",
        linkify=lambda record: (
            reverse("job-detail", kwargs={"connection": record.connection.slug, "pk": record.job_id})
            if record.job_id
            else None
        ),
    )

    class Meta(Table.Meta):
        model = Operation
        fields = ()
        order_by = ("-id",)
        caption = "Records whose partner could not be created"
        default_columns = ["record_name", "mapping", "system", "problem", "created_at", "job"]
        empty_title = "No errors"
        empty_hint = "Every record that should have got a partner has one."

    def render_record_name(self, value: str, record: Operation) -> str:
        return value or str(record.bc_key or record.sales_key or "Record")

    def render_problem(self, record: Operation) -> SafeString:
        return _sentence_and_hint(record.error_message, record.error_hint)

    def value_problem(self, record: Operation) -> str:
        return f"{record.error_message} {record.error_hint}".strip()


class ScheduleTable(Table):
    selection = CheckBoxColumn()
    name = tables.Column(verbose_name="Schedule")
    state = StateColumn(ScheduleState)
    interval_minutes = tables.Column(verbose_name="Runs")
    inactivity_timeout_minutes = tables.Column(verbose_name="Rests after a run without changes")
    last_run = TimeColumn(verbose_name="Last run")
    next_run = TimeColumn(verbose_name="Next run", empty_values=())
    attempts = CountColumn(verbose_name="Failed attempts")
    message = tables.Column(attrs={"td": {"class": "col-text"}})
    actions = tables.TemplateColumn(
        template_name="syncjobs/_schedule_actions.html",
        verbose_name="Actions",
        orderable=False,
        exclude_from_export=True,
        attrs={"td": {"class": "col-actions"}},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        request = kwargs.get("request")
        if request is not None and Capability.OPERATE not in capabilities_of(request.user):
            self.columns.hide("actions")

    class Meta(Table.Meta):
        fields = ()
        order_by = ("name",)
        caption = "Schedules"
        default_columns = ["name", "state", "interval_minutes", "last_run", "next_run", "message", "actions"]
        empty_title = "No schedules yet"
        empty_hint = "They are made when the connection is enabled."

    def render_state(self, record: Any) -> SafeString:
        return parts.badge(ScheduleState(record.state)) if record.enabled else parts.badge("on_hold", "Paused")

    def render_next_run(self, record: Schedule) -> SafeString:
        return next_run_words(record.next_run if record.enabled else None, automatic=record.connection.automatic_jobs)

    def render_interval_minutes(self, value: int, record: Schedule) -> SafeString:
        zone = record.connection.time_zone
        window = words_of_window(record.weekdays, record.from_time, record.until_time, zone)
        waits = "" if record.reacts_at_once else "changes wait for it"
        return _sentence_and_hint(parts.minutes(value), ", ".join(filter(None, (window, waits))))

    def render_inactivity_timeout_minutes(self, value: int) -> str:
        return parts.words_of_duration(60 * value) if value else parts.DASH
