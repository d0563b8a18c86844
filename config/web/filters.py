"""Base of all filter sets of pages: one search box, selects, and what is applied as removable chips."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import Model, QuerySet
from django.utils import timezone

SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Chip:
    """One applied filter; `name` is the parameter that goes when it is removed."""

    name: str
    label: str
    value: str


class YesNoFilter(django_filters.BooleanFilter):
    """Yes, no, or either; unlike Django's own select, "either" leaves no trace in the address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        widget = forms.Select(choices=[("", "Either"), ("true", "Yes"), ("false", "No")])
        super().__init__(*args, widget=widget, **kwargs)


class PeriodFilter(django_filters.ChoiceFilter):
    """What happened in the last so many days; `field_name` says when."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        words = {"label": "Period", "empty_label": "Any time", **kwargs}
        super().__init__(*args, choices=[("1", "24 hours"), ("7", "7 days"), ("30", "30 days")], **words)

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return rows
        return rows.filter(**{f"{self.field_name}__gte": timezone.now() - timedelta(days=int(value))})


class FilterSet(django_filters.FilterSet):
    """Filters of a list. A filter called `search` becomes the search box; the others stand in the filter panel.

    Names are those of the REST API, so that an address can be carried over by hand.
    """

    @property
    def has_search(self) -> bool:
        return SEARCH in self.filters

    def panel_fields(self) -> list[Any]:
        """Bound fields of the filter panel."""
        return [field for field in self.form if field.name != SEARCH]

    def chips(self) -> Iterator[Chip]:
        for field in self.form:
            value = self.form.cleaned_data.get(field.name) if self.form.is_valid() else None
            if value in (None, "", []) or (isinstance(value, QuerySet) and not value):
                continue
            label = "Search" if field.name == SEARCH else str(field.label)
            yield Chip(field.name, label, self._words(field, value))

    def _words(self, field: Any, value: Any) -> str:
        if isinstance(value, Model):
            return str(value)
        if isinstance(value, bool):
            return "Yes" if value else "No"
        labels = dict(_flat(getattr(field.field, "choices", ())))
        values = value if isinstance(value, list | tuple | QuerySet) else [value]
        return ", ".join(str(labels.get(str(one), one)) for one in values)


def _flat(choices: Any) -> Iterator[tuple[str, Any]]:
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield from _flat(label)
        else:
            yield str(value), label
