"""Templates of a mapping: values that a newly created record gets beside the mapped ones."""

import json
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from coupling.exceptions import MappingError
from coupling.models import RecordTemplate, TableMapping
from coupling.services.mappings import remove_template, save_template


class TemplateForm(forms.ModelForm):
    """`values` is typed line by line, `property = value`."""

    values = forms.CharField(
        label="Values",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="One a line, for example <code>customertypecode = 3</code>. Names are those of the system in which "
        "the record is created; numbers, true, false and null are written as such, a number that is a text in quotes.",
    )

    class Meta:
        model = RecordTemplate
        fields = ("system", "priority", "filter", "values")
        labels = {"system": "For records created in", "priority": "Priority", "filter": "Only where"}
        widgets = {"filter": forms.Textarea(attrs={"rows": 2, "spellcheck": "false"})}
        help_texts = {
            "priority": "The template with the lowest number whose condition fits is taken.",
            "filter": "OData over the record of the other system. Empty fits every record.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["values"] = "\n".join(
            f"{name} = {_written(value)}" for name, value in (self.instance.values or {}).items()
        )

    def clean_values(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for number, line in enumerate(self.cleaned_data["values"].splitlines(), start=1):
            if not line.strip():
                continue
            name, equals, value = line.partition("=")
            if not equals or not name.strip():
                raise forms.ValidationError(f"Line {number} is not “property = value”.")
            if name.strip() in found:
                raise forms.ValidationError(f"“{name.strip()}” stands there twice.")
            found[name.strip()] = _read(value.strip())
        return found


def _read(text: str) -> Any:
    try:
        value = json.loads(text, parse_float=Decimal)
    except ValueError:
        return text
    return text if isinstance(value, dict | list) else value


def _written(value: Any) -> str:
    """As it was typed; a text that reads like something else stands in quotes."""
    if isinstance(value, str):
        return value if _read(value) == value else json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


@require_safe
def template_list(request: PageRequest, connection: str, name: str) -> HttpResponse:
    mapping = get_object_or_404(TableMapping, connection=request.connection, name=name, kind="record")
    context = {
        "title": "Templates for new records",
        "mapping": mapping,
        "templates": mapping.templates.order_by("system", "priority", "pk"),
        "crumbs": _crumbs(request, name),
    }
    return render(request, "coupling/template_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def template_detail(request: PageRequest, connection: str, name: str, pk: int | None = None) -> HttpResponse:
    """One template, or a new one. `do` remove takes it away."""
    mapping = get_object_or_404(
        TableMapping.objects.select_related("connection"), connection=request.connection, name=name, kind="record"
    )
    template = get_object_or_404(mapping.templates, pk=pk) if pk else RecordTemplate(mapping=mapping)
    back = reverse("mapping-templates", kwargs={"connection": connection, "name": name})
    if pk and request.POST.get("do") == "remove":
        if not is_confirmed(request):
            text = "New records no longer get its values. Records that exist stay as they are."
            return confirmation_page(request, title="Remove the template?", text=text, label="Remove", back=back)
        remove_template(template=template, user=request.user)
        messages.success(request, "The template is removed.")
        return redirect(back)
    form = TemplateForm(request.POST or None, instance=template)
    if request.method == "POST" and form.is_valid():
        changed = form.save(commit=False)
        changed.values = form.cleaned_data["values"]
        try:
            save_template(template=changed, user=request.user)
        except MappingError as error:
            for field, problems in error.fields.items():
                form.add_error(field, list(problems))
        else:
            messages.success(request, "The template is saved; records created from now on get its values.")
            return redirect(back)
    context = {
        "title": "Template" if pk else "New template",
        "mapping": mapping,
        "template": template,
        "form": form,
        "back": back,
        "crumbs": [*_crumbs(request, name), ("Templates", back)],
    }
    return render(request, "coupling/template_detail.html", context, status=422 if form.errors else 200)


def _crumbs(request: PageRequest, name: str) -> list[tuple[str, str]]:
    place = {"connection": request.connection.slug}
    return [
        ("Mappings", reverse("mapping-list", kwargs=place)),
        (name, reverse("mapping-detail", kwargs={**place, "name": name})),
    ]
