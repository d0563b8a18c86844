"""The filter of one side of a mapping: built from conditions, counted live, saved when it fits."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from config.web.request import PageRequest
from connector.errors import RemoteError
from coupling.exceptions import MappingError
from coupling.models import TableMapping
from coupling.services.companies import companies_of, consequence
from coupling.services.filter_builder import COMPARISONS, ConditionError, condition, filter_columns, joined, sample
from coupling.services.mappings import filter_problem, update_mapping
from coupling.services.schema import ColumnChoice
from coupling.views.base import system_of


class FilterForm(forms.Form):
    text = forms.CharField(
        required=False,
        label="Filter",
        help_text="OData. Empty admits every record.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )


class ConditionForm(forms.Form):
    column = forms.ChoiceField(label="Column")
    comparison = forms.ChoiceField(choices=list(COMPARISONS.items()))
    value = forms.CharField(required=False, strip=False)

    def __init__(self, *args: Any, columns: list[ColumnChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(column.name, column.described) for column in columns]
        self.fields["column"].choices = choices  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
def mapping_filter(request: PageRequest, connection: str, name: str, system: str) -> HttpResponse:
    """`do`: add a condition, count what the filter lets through (live), or save."""
    mapping = get_object_or_404(
        TableMapping.objects.select_related("connection"), connection=request.connection, name=name
    )
    side = system_of(system)
    here = reverse("mapping-detail", kwargs={"connection": connection, "name": name})
    do = request.POST.get("do", "")
    form = FilterForm({"text": request.POST.get("text", mapping.filter(side))})
    form.is_valid()
    context: dict[str, Any] = {"mapping": mapping, "system": side, "caption": side.label}
    try:
        columns = filter_columns(mapping, side)
    except RemoteError as error:
        columns, context["problem"] = [], error
    builder = ConditionForm(request.POST if do == "add" else None, columns=columns)
    text = form.cleaned_data.get("text", "")
    if do == "add" and builder.is_valid():
        column = next(each for each in columns if each.name == builder.cleaned_data["column"])
        try:
            added = condition(
                column=column,
                comparison=builder.cleaned_data["comparison"],
                value=builder.cleaned_data["value"],
                system=side,
            )
        except ConditionError as error:
            builder.add_error("value", str(error))
        else:
            form, builder = FilterForm({"text": joined(text, added)}), ConditionForm(columns=columns)
            do, text = "count", joined(text, added)
    if do in ("count", "save") and (refused := filter_problem(mapping, side, text) if text else ""):
        form.add_error("text", refused)
    elif do == "count":
        try:
            context["sample"] = sample(mapping=mapping, system=side, text=text)
        except RemoteError as error:
            context["problem"] = error
    elif do == "save":
        try:
            companies = companies_of(mapping)
            update_mapping(mapping=mapping, changes={f"{side}_filter": text}, user=request.user)
        except MappingError as error:
            form.add_error("text", [problem for lines in error.fields.values() for problem in lines])
        else:
            messages.success(request, f"The filter in {side.label} is saved.")
            if words := consequence(companies, mapping):
                messages.warning(request, words)
            return redirect(here)
    context |= {
        "title": f"Filter in {side.label}",
        "form": form,
        "builder": builder,
        "crumbs": [("Mappings", reverse("mapping-list", kwargs={"connection": connection})), (name, here)],
    }
    wrong = form.errors or builder.errors
    return render(request, "coupling/mapping_filter.html", context, status=422 if wrong else 200)
