"""Tables of the record lists."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.roles import Capability, capabilities_of
from config.web import parts
from config.web.columns import CheckBoxColumn, IdColumn, TimeColumn
from config.web.tables import Table
from connector.choices import System
from connector.models import Connection
from coupling.choices import CouplingState
from coupling.filtersets import mappings_of_table
from coupling.records import first_value
from coupling.services.merged import MERGED_TABLES, address_to_move, survivors
from coupling.services.pairs import attach_couplings, attach_failures, with_state_rank
from coupling.services.suggestions import suggestions_for

_PROBLEM_LENGTH = 120
_EXPORT_SLICE = 1000


def record_url(connection: Connection, system: System | str, table: str, key: Any) -> str:
    """The record's pair page, or its Set Up Coupling page while it has none."""
    return reverse(
        "record-detail", kwargs={"connection": connection.slug, "system": str(system), "table": table, "key": key}
    )


class ValueColumn(tables.Column):
    """A value of the mirror."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(accessor="values", orderable=False, empty_values=(), **kwargs)
        self.column = column

    def render(self, record: Any) -> str | SafeString:
        return first_value(record, self.column) or parts.NOTHING

    def value(self, record: Any) -> str:
        return first_value(record, self.column)


class RecordTable(Table):
    """Records of one table of one system with their couplings; `context` names connection, system and table."""

    selection = CheckBoxColumn()
    state = tables.Column(verbose_name="Coupling", accessor="key")
    number = tables.Column(verbose_name="No.", attrs={"td": {"class": "col-code"}})
    name = tables.Column(attrs={"td": {"class": "col-name"}}, empty_values=())
    city = ValueColumn("city", verbose_name="City")
    phone = ValueColumn("phone", verbose_name="Phone")
    email = ValueColumn("email", verbose_name="E-mail")
    salesperson = ValueColumn("salesperson", verbose_name="Salesperson")
    coupled_to = tables.Column(
        verbose_name="Coupled to", accessor="key", orderable=False, attrs={"td": {"class": "col-partner"}}
    )
    last_synchronised = tables.Column(verbose_name="Last synchronised", accessor="key", orderable=False)
    problem = tables.Column(
        verbose_name="Problem", accessor="key", orderable=False, attrs={"td": {"class": "col-problem"}}
    )
    modified_at = TimeColumn(verbose_name="Changed")
    key = IdColumn(verbose_name="Id")

    class Meta(Table.Meta):
        caption = "Records"
        default_columns = [
            "selection",
            "state",
            "number",
            "name",
            "city",
            "coupled_to",
            "last_synchronised",
            "problem",
        ]
        order_by = ("number", "name", "key")
        empty_title = "Nothing has been read yet"
        empty_hint = "Records appear here once the connection is enabled and the table was read."

    connection: Connection
    system: System
    table_name: str

    @classmethod
    def for_table(cls, connection: Connection, system: System, table: str) -> type["RecordTable"]:
        meta = type("Meta", (cls.Meta,), {"order_by": _order_of(system, table)})
        attributes = {"connection": connection, "system": system, "table_name": table, "Meta": meta}
        return type("RecordTable", (cls,), attributes)

    @property
    def paginated_rows(self) -> Any:
        rows = super().paginated_rows
        self._attach(rows.data)
        return rows

    def as_values(self, exclude_columns: Any = None) -> Iterator[list[Any]]:
        """Rows of an export, the head first, slice by slice, so that a hundred thousand take no memory."""
        yield from type(self)([], chosen=self.shown).plain_values(exclude_columns)
        records = iter(self.data.data.iterator(chunk_size=_EXPORT_SLICE))
        while part := list(islice(records, _EXPORT_SLICE)):
            self._attach(part)
            rows = type(self)(part, chosen=self.shown).plain_values(exclude_columns)
            yield from islice(rows, 1, None)

    def _attach(self, records: Any) -> None:
        place: dict[str, Any] = {"connection": self.connection, "system": self.system, "table": self.table_name}
        attach_couplings(records, **place)
        attach_failures(records, **place)
        self._attach_survivors(records)
        self._attach_suggestions(records)

    def _attach_survivors(self, records: Any) -> None:
        """Sets `merged_into` of every record: the row of Sales that is left of it, or of its partner, or None."""
        rows = [record if self.system == System.SALES else record.partner for record in records]
        tables = {row.table for row in rows if row is not None} & set(MERGED_TABLES)
        left: dict[Any, Any] = {}
        for table in tables:
            left |= survivors(connection=self.connection, table=table, rows=[row for row in rows if row is not None])
        for record, row in zip(records, rows, strict=True):
            record.merged_into = left.get(row.key) if row is not None else None

    def _attach_suggestions(self, records: Any) -> None:
        """Sets `suggestion` of every record: the best suggested partner of an uncoupled one, or None."""
        free = [record.key for record in records if record.coupling is None and not record.deleted_at]
        best: dict[Any, Any] = {}
        for mapping in mappings_of_table(self.connection, self.system, self.table_name) if free else ():
            for key, found in suggestions_for(mapping=mapping, system=self.system, keys=free).items():
                best.setdefault(key, found[0])
        for record in records:
            record.suggestion = best.get(record.key)

    def plain_values(self, exclude_columns: Any) -> Iterator[list[Any]]:
        """The head and all rows of a table over a list."""
        yield from super().as_values(exclude_columns=exclude_columns)

    def order_state(self, records: Any, is_descending: bool) -> tuple[Any, bool]:
        """By state in its order of precedence, records without a coupling last; what is in the worst state first."""
        ranked = with_state_rank(records, self.connection, self.system, self.table_name)
        direction = "-" if is_descending else ""
        return ranked.order_by(f"{direction}state_rank", "number", "key"), True

    def render_state(self, record: Any) -> SafeString:
        if record.deleted_at:
            return parts.badge("broken", "Deleted")
        if record.coupling is None:
            return parts.badge(CouplingState.FAILING) if record.failure else parts.badge("", "Not coupled")
        return parts.badge(CouplingState(record.coupling.state))

    def value_state(self, record: Any) -> str:
        if record.coupling is None:
            return str(CouplingState.FAILING) if record.failure else "not_coupled"
        return str(record.coupling.state)

    def render_name(self, record: Any) -> SafeString:
        url = record_url(self.connection, self.system, self.table_name, record.key)
        return format_html('<a href="{}">{}</a>', url, record.name or record.number or "(no name)")

    def value_name(self, record: Any) -> str:
        name: str = record.name
        return name

    def render_coupled_to(self, record: Any) -> SafeString | str:
        if record.coupling is None:
            if record.suggestion is None:
                return parts.NOTHING
            if Capability.COUPLE not in capabilities_of(self.request.user) or not self.connection.enabled:
                return format_html(
                    '<span class="muted">{} ({} %)</span>', record.suggestion.record, record.suggestion.percent
                )
            return format_html(
                '<span class="muted">{} ({} %)</span> <a class="btn btn-sm" href="{}?partner={}">Couple</a>',
                record.suggestion.record,
                record.suggestion.percent,
                reverse("coupling-setup", kwargs=self._place(record)),
                record.suggestion.record.key,
            )
        if record.partner is None:
            return parts.NOTHING
        address = reverse("record-open", kwargs=self._place(record))
        return format_html(
            '{} <a class="link-out" href="{}" target="_blank" rel="noopener" aria-label="Open {} in {}">{}</a>',
            record.partner,
            address,
            record.partner,
            self.system.other.label,
            parts.icon("external-link"),
        )

    def _place(self, record: Any) -> dict[str, Any]:
        place = {"connection": self.connection.slug, "system": str(self.system), "table": self.table_name}
        return {**place, "key": record.key}

    def value_coupled_to(self, record: Any) -> str:
        return str(record.partner) if record.coupling and record.partner else ""

    def render_last_synchronised(self, record: Any) -> SafeString:
        return parts.moment(record.coupling.last_synchronised_at if record.coupling else None)

    def value_last_synchronised(self, record: Any) -> str:
        at = record.coupling.last_synchronised_at if record.coupling else None
        return at.isoformat() if at else ""

    def render_problem(self, record: Any) -> SafeString | str:
        if record.merged_into is not None:
            return self._merged(record)
        message = _problem(record)
        if len(message) <= _PROBLEM_LENGTH:
            return message or parts.NOTHING
        return format_html(
            "<details><summary>{}…</summary>{}</details>", message[:_PROBLEM_LENGTH], message[_PROBLEM_LENGTH:]
        )

    def _merged(self, record: Any) -> SafeString:
        """Which row is left, and the way to couple that one instead."""
        sentence = format_html("Merged into {}.", record.merged_into)
        if record.coupling is None or Capability.COUPLE not in capabilities_of(self.request.user):
            return sentence
        address = address_to_move(record.coupling, record.merged_into)
        return format_html('{} <a class="btn btn-sm" href="{}">Couple that one</a>', sentence, address)

    def value_problem(self, record: Any) -> str:
        return f"Merged into {record.merged_into}." if record.merged_into is not None else _problem(record)


def _order_of(system: System, table: str) -> tuple[str, ...]:
    """Rows of Sales by name, since most have no number; products and records of Business Central by number."""
    return ("number", "name", "key") if system == System.BUSINESS_CENTRAL or table == "products" else ("name", "key")


def _problem(record: Any) -> str:
    if record.coupling is None:
        return str(record.failure.message) if record.failure else ""
    return str(record.coupling.error_message)
