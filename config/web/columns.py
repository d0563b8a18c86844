"""Table columns of ours; every list is made of these, so a state, a time or a pair of ids looks the same everywhere."""

from collections.abc import Callable
from typing import Any

import django_tables2 as tables
from django.db.models import Choices
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.web import parts


class CheckBoxColumn(tables.CheckBoxColumn):
    """Selects a row for the bulk actions; each box says which record it stands for."""

    def __init__(self) -> None:
        super().__init__(accessor="pk", exclude_from_export=True, attrs={"td": {"class": "col-check"}})
        self.verbose_name = "Select"

    @property
    def header(self) -> SafeString:
        return format_html(
            '<input type="checkbox" class="form-check-input" data-check-all aria-label="{}">',
            "Select all rows of this page",
        )

    def render(self, value: Any, bound_column: Any, record: Any) -> SafeString:
        return format_html(
            '<input type="checkbox" class="form-check-input" name="pk" value="{}" aria-label="Select {}">',
            value,
            record,
        )


class NameColumn(tables.Column):
    """The column that leads to the record's page."""

    def __init__(self, url: Callable[[Any], str] | None = None, **kwargs: Any) -> None:
        linkify = (lambda record: url(record)) if url else True
        super().__init__(linkify=linkify, **kwargs)
        self.attrs.setdefault("td", {})["class"] = "col-name"


class StateColumn(tables.Column):
    """A state as a badge; `choices` is its enumeration, of a model's field or of an annotation."""

    def __init__(self, choices: type[Choices], **kwargs: Any) -> None:
        super().__init__(empty_values=(None,), **kwargs)
        self.choices = choices

    def render(self, record: Any, bound_column: Any) -> SafeString:
        return parts.badge(self.choices(bound_column.accessor.resolve(record)))

    def value(self, record: Any, bound_column: Any) -> str:
        return str(bound_column.accessor.resolve(record))


class TimeColumn(tables.Column):
    def render(self, value: Any) -> SafeString:
        return parts.moment(value)

    def value(self, value: Any) -> str:
        return value.isoformat() if value else ""


class DurationColumn(tables.Column):
    """A `timedelta` or seconds."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(attrs={"td": {"class": "col-number"}, "th": {"class": "col-number"}}, **kwargs)

    def render(self, value: Any) -> str:
        return str(parts.duration(value))

    def value(self, value: Any) -> Any:
        return value.total_seconds() if hasattr(value, "total_seconds") else value


class CountColumn(tables.Column):
    """A counter; zero recedes, anything else leads to the records it counts where `url` says how."""

    def __init__(self, url: Callable[[Any], str] | None = None, tone: str = "", **kwargs: Any) -> None:
        super().__init__(
            attrs={"td": {"class": f"col-number {tone and f'tone-{tone}'}"}, "th": {"class": "col-number"}}, **kwargs
        )
        self.url = url

    def render(self, value: int, record: Any) -> SafeString:
        if not value:
            return format_html('<span class="nothing">{}</span>', 0)
        if self.url:
            return format_html('<a href="{}">{}</a>', self.url(record), parts.number(value))
        return format_html("{}", parts.number(value))

    def value(self, value: int) -> int:
        return value


class DirectionColumn(tables.Column):
    def render(self, record: Any, bound_column: Any) -> SafeString:
        return parts.direction(bound_column.accessor.resolve(record, quiet=True))


class IdColumn(tables.Column):
    """A GUID that can be copied."""

    def render(self, value: Any) -> SafeString:
        return parts.copyable(value)

    def value(self, value: Any) -> str:
        return str(value)


class PairColumn(tables.Column):
    """Both sides of a coupled pair above each other, Business Central first, in the colours of the two systems."""

    def __init__(self, bc: Callable[[Any], str], sales: Callable[[Any], str], **kwargs: Any) -> None:
        super().__init__(accessor="pk", orderable=False, **kwargs)
        self.bc = bc
        self.sales = sales

    def render(self, record: Any) -> SafeString:
        return format_html(
            '<span class="pair"><span class="side side-bc">{}</span><span class="side side-sales">{}</span></span>',
            self.bc(record) or parts.NOTHING,
            self.sales(record) or parts.NOTHING,
        )

    def value(self, record: Any) -> str:
        return f"{self.bc(record)} | {self.sales(record)}"
