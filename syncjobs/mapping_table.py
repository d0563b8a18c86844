"""The table of mappings: which tables follow each other, how it goes, and why one does not take part."""

from typing import Any
from urllib.parse import urlencode

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.web import parts
from config.web.columns import CheckBoxColumn, CountColumn, DirectionColumn, NameColumn, TimeColumn
from config.web.tables import Table
from coupling.choices import MappingKind
from coupling.records import sales_caption
from coupling.services.companies import companies_of
from syncjobs.choices import JobState
from syncjobs.presentation import mapping_url


def _errors_url(mapping: Any, **more: str) -> str:
    place = reverse("error-list", kwargs={"connection": mapping.connection.slug})
    return f"{place}?{urlencode({'mapping': mapping.name, **more})}"


def _templates_url(mapping: Any) -> str:
    return reverse("mapping-templates", kwargs={"connection": mapping.connection.slug, "name": mapping.name})


class MappingTable(Table):
    selection = CheckBoxColumn()
    name = NameColumn(mapping_url, verbose_name="Mapping")
    state = tables.Column(accessor="enabled", verbose_name="State", attrs={"td": {"class": "col-reason"}})
    business_central_label = tables.Column(verbose_name="Business Central")
    direction = DirectionColumn()
    sales_entity = tables.Column(verbose_name="Sales")
    coupled = CountColumn(verbose_name="Coupled")
    troubled = CountColumn(_errors_url, tone="red", verbose_name="Errors")
    skipped = CountColumn(lambda mapping: _errors_url(mapping, state="skipped"), tone="red")
    synch_only_coupled_records = tables.BooleanColumn(verbose_name="Only coupled", yesno="yes,no")
    update_conflict_resolution = tables.Column(verbose_name="Conflicts")
    deletion_conflict_resolution = tables.Column(verbose_name="Deletions")
    business_central_filter = tables.Column(
        verbose_name="Filter in Business Central", attrs={"td": {"class": "col-text"}}
    )
    sales_filter = tables.Column(verbose_name="Filter in Sales", attrs={"td": {"class": "col-text"}})
    companies = tables.Column(accessor="sales_filter", verbose_name="Companies", orderable=False)
    key = tables.Column(accessor="kind", verbose_name="Key", orderable=False)
    user_defined = tables.BooleanColumn(verbose_name="Own", yesno="yes,no")
    last_run = tables.Column(accessor="last_state", verbose_name="Last run", empty_values=())
    bc_read = TimeColumn(verbose_name="Read from Business Central")
    sales_read = TimeColumn(verbose_name="Read from Sales")
    interval = tables.Column(verbose_name="Runs", attrs={"td": {"class": "text-nowrap"}})
    reacts = tables.BooleanColumn(verbose_name="Reacts at once", yesno="yes,no")
    templates_made = CountColumn(_templates_url, verbose_name="Templates")
    depends_on = tables.Column(verbose_name="After", orderable=False)

    class Meta(Table.Meta):
        fields = ()
        order_by = ()
        caption = "Mappings in the order in which they run"
        default_columns = [
            "name",
            "state",
            "business_central_label",
            "direction",
            "sales_entity",
            "coupled",
            "troubled",
            "last_run",
        ]
        empty_title = "No mappings yet"
        empty_hint = "The delivered mappings appear when the connection is enabled."

    def render_state(self, record: Any) -> SafeString:
        if not record.available:
            badge = parts.badge("disabled", "Unavailable")
            return format_html('{}<div class="muted">{}</div>', badge, record.unavailable_reason)
        return parts.badge("enabled", "On") if record.enabled else parts.badge("disabled", "Off")

    def value_state(self, record: Any) -> str:
        if not record.available:
            return f"Unavailable: {record.unavailable_reason}"
        return "On" if record.enabled else "Off"

    def render_sales_entity(self, record: Any) -> str:
        return sales_caption(record)

    def render_key(self, record: Any) -> SafeString:
        """An option leads to the pairs of codes and options; a GUID leads nowhere."""
        if record.kind != MappingKind.OPTION:
            return format_html("GUID, <code>{}</code>", record.sales_primary_key)
        place = reverse("option-list", kwargs={"connection": record.connection.slug})
        query = urlencode({"mapping": record.name})
        return format_html('<a href="{}?{}">Option</a>, <code>{}</code>', place, query, record.option_attribute)

    def value_key(self, record: Any) -> str:
        return "Option" if record.kind == MappingKind.OPTION else "GUID"

    def render_companies(self, record: Any) -> str:
        found = companies_of(record)
        return found.words if found else parts.DASH

    def render_last_run(self, record: Any) -> SafeString:
        if not record.last_state:
            return parts.NOTHING
        state = parts.badge(JobState(record.last_state))
        return format_html('<a href="{}">{}</a>', self._last_job(record), state)

    def value_last_run(self, record: Any) -> str:
        return str(JobState(record.last_state).label) if record.last_state else ""

    def _last_job(self, record: Any) -> str:
        return reverse("job-detail", kwargs={"connection": record.connection.slug, "pk": record.last_job})

    def render_interval(self, value: int) -> str:
        return parts.minutes(value)

    def render_depends_on(self, value: list[str]) -> str:
        return ", ".join(value) or parts.DASH
