"""Pages that make mappings of one's own: two tables first, then the fields. What they offer is read live.

The page itself opens at once; the part with the choices says that it asks both systems and comes by itself (or by its
link, without JavaScript).
"""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from config.web.parts import DASH
from config.web.request import PageRequest, wants_partial
from connector.choices import Direction
from connector.errors import RemoteError
from coupling.choices import MappingKind
from coupling.exceptions import MappingError
from coupling.models import TableMapping
from coupling.services.copying import Copied, copy_mapping
from coupling.services.own_mappings import (
    NAME_LENGTH,
    FieldChoice,
    add_fields,
    create_mapping,
    free_columns,
    is_fresh,
)
from coupling.services.schema import (
    ColumnChoice,
    TableChoice,
    business_central_tables,
    look_again,
    sales_tables,
    suggested_pairs,
)

_EMPTY_ROWS = 4


class NewMappingForm(forms.Form):
    """Two tables and a name; the choices are those of the two systems."""

    name = forms.CharField(
        max_length=NAME_LENGTH, help_text="For example PAYMENT METHOD. It cannot be changed afterwards."
    )
    business_central_table = forms.ChoiceField(
        label="Table in Business Central", help_text="Tables that no mapping uses yet."
    )
    sales_table = forms.ChoiceField(
        label="Table in Sales", help_text="Tables that no mapping uses yet and that track their changes."
    )
    direction = forms.ChoiceField(choices=Direction.choices, initial=Direction.TO_SALES)
    synch_only_coupled_records = forms.BooleanField(
        required=False, initial=True, label="Only records that are coupled already"
    )

    def __init__(self, *args: Any, bc: list[TableChoice], sales: list[TableChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["business_central_table"].choices = _tables(bc)  # type: ignore[attr-defined]
        self.fields["sales_table"].choices = _tables(sales)  # type: ignore[attr-defined]


class FieldChoiceForm(forms.Form):
    """One pair; a row that is not taken, or that names nothing, is left out."""

    take = forms.BooleanField(required=False, label="Take")
    business_central_property = forms.ChoiceField(required=False, label="Business Central")
    constant_value = forms.CharField(required=False, max_length=250, label="Or a constant")
    direction = forms.ChoiceField(choices=Direction.choices, label="Direction")
    sales_attribute = forms.ChoiceField(required=False, label="Sales")

    def __init__(
        self, *args: Any, bc: list[tuple[str, str]], sales: list[tuple[str, str]], way: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["business_central_property"].choices = bc  # type: ignore[attr-defined]
        self.fields["sales_attribute"].choices = sales  # type: ignore[attr-defined]
        self.fields["direction"].initial = way

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        source = values.get("business_central_property") or values.get("constant_value")
        if values.get("take") and bool(source) != bool(values.get("sales_attribute")):
            self.add_error("sales_attribute" if source else "business_central_property", "Choose both sides.")
        if values.get("business_central_property") and values.get("constant_value"):
            self.add_error("constant_value", "A field has a property or a constant, not both.")
        return values

    @property
    def choice(self) -> FieldChoice | None:
        values = self.cleaned_data
        if not values.get("take") or not values.get("sales_attribute"):
            return None
        return FieldChoice(
            values["business_central_property"],
            values["sales_attribute"],
            Direction(values["direction"]),
            values["constant_value"],
        )


FieldChoiceFormSet = forms.formset_factory(FieldChoiceForm, extra=_EMPTY_ROWS, max_num=200, absolute_max=200)


@require_http_methods(["GET", "HEAD", "POST"])
def mapping_new(request: PageRequest, connection: str) -> HttpResponse:
    """First step: which tables. The mapping comes into being switched off; with `copy`, after another one's pattern."""
    pattern = _pattern(request)
    page: dict[str, Any] = {
        "title": f"Duplicate {pattern.name}" if pattern else "New table mapping",
        "pattern": pattern,
        "crumbs": [("Mappings", reverse("mapping-list", kwargs={"connection": connection}))],
        "live_url": f"{request.path}?{urlencode({'live': 1, **({'copy': pattern.name} if pattern else {})})}",
    }
    if request.method != "POST" and "live" not in request.GET:
        return render(request, "coupling/mapping_new.html", page)
    look_again(request.connection)
    try:
        form = NewMappingForm(
            request.POST or None,
            bc=business_central_tables(request.connection),
            sales=sales_tables(request.connection),
            initial=_shown_first(pattern),
        )
        if request.method == "POST" and form.is_valid() and pattern:
            copied = copy_mapping(connection=request.connection, source=pattern, user=request.user, **_settings(form))
            _say_copied(request, copied)
            return redirect("mapping-detail", connection=connection, name=copied.mapping.name)
        if request.method == "POST" and form.is_valid():
            mapping = create_mapping(connection=request.connection, user=request.user, **_settings(form))
            messages.success(request, f"{mapping.name} is made and switched off. Now choose its fields.")
            return redirect("mapping-fields-new", connection=connection, name=mapping.name)
    except MappingError as error:
        for name, problems in error.fields.items():
            form.add_error(name if name in form.fields else None, problems)
    except RemoteError as error:
        return _live(request, "coupling/mapping_new.html", {**page, "problem": error})
    return _live(request, "coupling/mapping_new.html", {**page, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def mapping_fields_new(request: PageRequest, connection: str, name: str) -> HttpResponse:
    """Second step, and the way to further fields of any mapping: pairs that fit, and rows for others."""
    mapping = get_object_or_404(
        TableMapping.objects.select_related("connection"),
        connection=request.connection,
        name=name,
        kind=MappingKind.RECORD,
    )
    here = reverse("mapping-detail", kwargs={"connection": connection, "name": name})
    fresh = is_fresh(mapping)
    page: dict[str, Any] = {
        "title": "New fields",
        "mapping": mapping,
        "fresh": fresh,
        "crumbs": [("Mappings", reverse("mapping-list", kwargs={"connection": connection})), (name, here)],
        "live_url": f"{request.path}?live=1",
    }
    if request.method != "POST" and "live" not in request.GET:
        return render(request, "coupling/mapping_fields_new.html", page)
    look_again(request.connection)
    try:
        rows = _rows(request, mapping, fresh)
        if request.method == "POST" and rows.is_valid():
            taken = [(position, form.choice) for position, form in enumerate(rows.forms) if form.choice]
            try:
                added = add_fields(mapping=mapping, choices=[choice for _, choice in taken], user=request.user)
            except MappingError as error:
                for place, problems in error.fields.items():
                    rows.forms[taken[int(place)][0]].add_error(None, problems)
            else:
                _say_added(request, mapping, len(added), fresh)
                return redirect(f"{here}#fields")
    except RemoteError as error:
        return _live(request, "coupling/mapping_fields_new.html", {**page, "problem": error})
    return _live(request, "coupling/mapping_fields_new.html", {**page, "rows": rows})


def _pattern(request: PageRequest) -> TableMapping | None:
    """The mapping that is duplicated, where one is."""
    name = request.GET.get("copy", "")
    if not name:
        return None
    return get_object_or_404(TableMapping, connection=request.connection, name=name, kind=MappingKind.RECORD)


def _shown_first(pattern: TableMapping | None) -> dict[str, Any]:
    if pattern is None:
        return {}
    return {"direction": pattern.direction, "synch_only_coupled_records": pattern.synch_only_coupled_records}


def _say_copied(request: PageRequest, copied: Copied) -> None:
    name, number = copied.mapping.name, copied.mapping.fields.count()
    fields = f"{number} field{'' if number == 1 else 's'}"
    messages.success(request, f"{name} is made with {fields} and switched off. Look at it, then switch it on.")
    if copied.left_out:
        messages.warning(request, f"Left out, since the new tables have nothing for it: {', '.join(copied.left_out)}.")


def _live(request: PageRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The whole page, or only its live part for htmx."""
    if wants_partial(request):
        return render(request, template.replace("coupling/", "coupling/_"), context)
    return render(request, template, {**context, "live": True}, status=422 if request.method == "POST" else 200)


def _rows(request: PageRequest, mapping: TableMapping, fresh: bool) -> Any:
    bc, sales = free_columns(mapping)
    way = mapping.direction
    options = {"bc": _columns(bc), "sales": _columns(sales), "way": way}
    if request.method == "POST":
        return FieldChoiceFormSet(request.POST, form_kwargs=options)
    initial = [
        {"take": fresh, "business_central_property": one.name, "sales_attribute": other.name, "direction": way}
        for one, other in suggested_pairs(bc, sales)
    ]
    return FieldChoiceFormSet(initial=initial, form_kwargs=options)


def _settings(form: NewMappingForm) -> dict[str, Any]:
    return {**form.cleaned_data, "direction": Direction(form.cleaned_data["direction"])}


def _tables(choices: list[TableChoice]) -> list[tuple[str, str]]:
    return [("", "Choose a table"), *((choice.key, _caption(choice)) for choice in choices)]


def _caption(choice: TableChoice) -> str:
    beside = "" if choice.service in ("", "api") else ", companion"
    return f"{choice.label} ({choice.name}{beside})"


def _columns(choices: list[ColumnChoice]) -> list[tuple[str, str]]:
    return [("", DASH), *((choice.name, choice.described) for choice in choices)]


def _say_added(request: PageRequest, mapping: TableMapping, number: int, fresh: bool) -> None:
    words = f"{number} field mapping{'s are' if number != 1 else ' is'} added"
    if not number:
        messages.warning(request, "No pair was taken.")
    elif fresh:
        messages.success(request, f"{words}. Match or preview {mapping.name} next; its schedule is on hold.")
    else:
        messages.success(
            request, f"{words}, disabled. Enable what you need, then run all records once so that it fills."
        )
