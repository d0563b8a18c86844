"""The list page: one view for every list, so that search, filters, columns, CSV and bulk actions work alike.

One URL gives the whole page, or only the list when htmx asks (search as you type, sorting, paging). docs/pages.md has
an example of a list in about twenty lines.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import cached_property
from django.utils.text import slugify
from django.views import View
from django_tables2 import RequestConfig

from config.models import ListPreference
from config.roles import Capability, capabilities_of, require
from config.web.confirm import confirmation_page, is_confirmed
from config.web.filters import FilterSet
from config.web.request import PageRequest, wants_partial
from config.web.tables import Table

PAGE_SIZES = (25, 50, 100, 250)
DEFAULT_PAGE_SIZE = 50
COUNT_LIMIT = 20_000
"""Counting further than this costs more than anybody learns from the number; the page says "more than"."""


@dataclass(frozen=True, slots=True)
class BulkAction:
    """Something to do with the selected rows, or with all that match. `question` asks first; {n} is the number."""

    name: str
    label: str
    icon: str
    capability: Capability
    question: str = ""
    danger: bool = False


class CappedPaginator(Paginator):
    """Counts only so far, and pages only so far: filters find what lies deeper."""

    object_list: Any

    @cached_property
    def count(self) -> int:
        # Without its order: sorting a hundred thousand rows to count them would take longer than counting.
        return int(self.object_list.data.data.order_by()[: COUNT_LIMIT + 1].count())

    @property
    def is_capped(self) -> bool:
        return self.count > COUNT_LIMIT


class _Echo:
    """A file for `csv.writer` that hands every line back."""

    def write(self, line: str) -> str:
        return line


class ListView(View):
    """Base of list pages.

    Set `title`, `list_name` (key of the person's preferences), `table_class`, `filterset_class`, and give the rows in
    `get_queryset`. `lead` is one sentence under the title; `actions` are the bulk actions, done in `run_action`.
    """

    request: PageRequest
    title = ""
    lead = ""
    icon = "table"
    list_name = ""
    table_class: type[Table]
    filterset_class: type[FilterSet]
    actions: Sequence[BulkAction] = ()
    template_name = "components/list_page.html"

    def get_queryset(self) -> QuerySet[Any]:
        raise NotImplementedError

    def get_context(self) -> dict[str, Any]:
        """More for the page's template."""
        return {}

    def is_living(self, table: Table) -> bool:
        """Whether a row of the page shown changes by itself, so that the list has to ask for itself again."""
        return False

    def run_action(self, action: BulkAction, records: QuerySet[Any]) -> str:
        """Does one bulk action; returns the sentence that says what happened."""
        raise NotImplementedError

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse | StreamingHttpResponse:
        filterset = self.filterset_class(request.GET, queryset=self.get_queryset(), request=request)
        if request.GET.get("export") == "csv":
            return self.export(filterset.qs)
        context = self._list_context(filterset)
        if wants_partial(request):
            return self._vary(render(request, "components/_list.html", context))
        return self._vary(render(request, self.template_name, {**context, **self.get_context()}))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        action = next((one for one in self.actions if one.name == request.POST.get("action")), None)
        if action is None:
            return HttpResponseBadRequest("There is no such action.")
        require(request.user, action.capability)
        records = self._selected()
        n = records.count()
        back = request.get_full_path()
        if not n:
            messages.warning(request, "Nothing was selected.")
            return redirect(back)
        if action.question and not is_confirmed(request):
            question = action.question.format(n=n)
            return confirmation_page(
                request, title=action.label, text=question, label=action.label, back=back, danger=action.danger
            )
        # Some of it may have been refused: this is said also to whoever wants no news of what was done.
        messages.success(request, self.run_action(action, records), extra_tags="of-several")
        return redirect(back)

    def _selected(self) -> QuerySet[Model]:
        filterset = self.filterset_class(self.request.GET, queryset=self.get_queryset(), request=self.request)
        if self.request.POST.get("all") == "1":
            return filterset.qs
        keys = [key for key in self.request.POST.getlist("pk") if key.isdecimal()]
        return self.get_queryset().filter(pk__in=keys)

    def _list_context(self, filterset: FilterSet) -> dict[str, Any]:
        preference = self._preference()
        allowed = capabilities_of(self.request.user)
        actions = [action for action in self.actions if action.capability in allowed]
        table = self.table_class(
            filterset.qs, chosen=preference.columns or None, selectable=bool(actions), request=self.request
        )
        size = preference.page_size if preference.page_size in PAGE_SIZES else DEFAULT_PAGE_SIZE
        RequestConfig(
            self.request, paginate={"per_page": size, "paginator_class": CappedPaginator, "silent": True}
        ).configure(table)
        return {
            "view": self,
            "title": self.title,
            "table": table,
            "filterset": filterset,
            "chips": list(filterset.chips()),
            "actions": actions,
            "page_sizes": PAGE_SIZES,
            "page_size": size,
            "living": self.is_living(table),
        }

    def _preference(self) -> ListPreference:
        known = ListPreference.objects.filter(user=self.request.user, list_name=self.list_name).first()
        return known or ListPreference(user=self.request.user, list_name=self.list_name, page_size=DEFAULT_PAGE_SIZE)

    def export(self, rows: QuerySet[Any]) -> StreamingHttpResponse:
        """All rows that match the filters, with every column of the table, as CSV."""
        table = self.table_class(rows, chosen=list(self.table_class.base_columns), request=self.request)
        writer = csv.writer(_Echo())

        def lines() -> Iterator[str]:
            for row in table.as_values(exclude_columns=("selection", "actions")):
                yield writer.writerow([_harmless(value) for value in row])

        response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{slugify(self.title)}.csv"'
        return response

    @staticmethod
    def _vary(response: HttpResponse) -> HttpResponse:
        response["Vary"] = "HX-Request, Cookie"
        return response


def _harmless(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, str) and value[:1] in "=+-@\t\r" and value[:1]:
        return f"'{value}"
    return value
