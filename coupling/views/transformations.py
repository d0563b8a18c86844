"""Transformation rules: the list, and one rule with its try-it box."""

from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.contrib import messages
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from config.web.columns import CountColumn, NameColumn
from config.web.filters import FilterSet
from config.web.lists import ListView
from config.web.request import PageRequest
from config.web.tables import Table
from coupling.exceptions import MappingError
from coupling.models import FieldMapping, TransformationRule
from coupling.services.transformations import delete_rule, save_rule, try_rule, users_of
from coupling.transformations import LABELS, PARAMETERS, RuleError, RuleKind
from coupling.views.base import says_errors


def _url(rule: TransformationRule) -> str:
    return reverse("mapping-rule-detail", kwargs={"connection": rule.connection.slug, "pk": rule.pk})


class RuleTable(Table):
    code = NameColumn(_url)
    description = tables.Column()
    kind = tables.Column(accessor="get_kind_display", order_by="kind", verbose_name="What it does")
    used = CountColumn(verbose_name="Used by")

    class Meta(Table.Meta):
        caption = "Transformation rules"
        order_by = ("code", "pk")
        default_columns = ["code", "description", "kind", "used"]
        empty_title = "No rules yet"
        empty_hint = "A rule changes a value on its way: upper case, a part of it, another format."


class RuleFilterSet(FilterSet):
    search = django_filters.CharFilter(method="find", label="Search")
    kind = django_filters.ChoiceFilter(
        choices=[(kind.value, label) for kind, label in LABELS.items()], label="What it does", empty_label="All"
    )

    class Meta:
        model = TransformationRule
        fields = ("search", "kind")

    def find(self, rows: QuerySet[TransformationRule], name: str, value: str) -> QuerySet[TransformationRule]:
        return rows.filter(code__icontains=value) | rows.filter(description__icontains=value)


class RuleList(ListView):
    title = "Transformation rules"
    lead = "Changes that values go through on their way from one system to the other. Field mappings name them."
    icon = "transform"
    list_name = "rules"
    table_class = RuleTable
    filterset_class = RuleFilterSet
    template_name = "coupling/rule_list.html"

    def get_queryset(self) -> QuerySet[TransformationRule]:
        users = (
            FieldMapping.objects.filter(mapping__connection=OuterRef("connection"), transformation=OuterRef("code"))
            .order_by()
            .annotate(one=F("transformation"))
            .values("one")
            .annotate(number=Count("pk"))
            .values("number")
        )
        rules = TransformationRule.objects.filter(connection=self.request.connection).select_related("connection")
        return rules.annotate(used=Coalesce(Subquery(users), 0))


class RuleForm(forms.ModelForm):
    """The rule and the parameters of its kind; changing the kind shows the other parameters after “Show fields”."""

    class Meta:
        model = TransformationRule
        fields = ("code", "description", "kind")
        labels = {"kind": "What it does"}
        help_texts = {"code": "Up to 20 characters, for example TRIM-NAME."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.data.get("kind") or self.instance.kind or self.initial.get("kind")
        kind = next((kind for kind in RuleKind if kind == chosen), None)
        for parameter in PARAMETERS.get(kind, ()) if kind else ():
            self.fields[f"p_{parameter.name}"] = forms.CharField(
                required=False,
                strip=False,
                label=parameter.label,
                help_text=parameter.help,
                initial=self.instance.parameters.get(parameter.name, ""),
            )

    def parameters(self) -> dict[str, Any]:
        values = {name[2:]: value for name, value in self.cleaned_data.items() if name.startswith("p_")}
        return {name: value for name, value in values.items() if value != ""}


@require_http_methods(["GET", "HEAD", "POST"])
def rule_detail(request: PageRequest, connection: str, pk: int | None = None) -> HttpResponse:
    """One rule, or a new one. `do`: save (default), fields (show those of another kind), or try with `value`."""
    rule = (
        get_object_or_404(TransformationRule.objects.select_related("connection"), connection=request.connection, pk=pk)
        if pk
        else TransformationRule(connection=request.connection, kind=RuleKind.UPPERCASE)
    )
    used_by = list(users_of(request.connection, rule.code)[:20]) if pk else []
    do = request.POST.get("do", "save")
    form = RuleForm(request.POST if request.method == "POST" else None, instance=rule)
    tried: dict[str, Any] = {}
    if request.method == "POST" and do != "fields" and form.is_valid():
        rule.parameters = form.parameters()
        if do == "try":
            tried = _tried(rule, request.POST.get("value", ""))
        else:
            try:
                save_rule(rule=rule, user=request.user)
            except MappingError as error:
                for name, problems in error.fields.items():
                    form.add_error(name if name in form.fields else f"p_{name}", problems)
            else:
                messages.success(request, f"{rule.code} is saved.")
                return redirect(_url(rule))
    if do == "fields":
        form.errors.clear()
    context = {
        "title": rule.code if pk else "New rule",
        "rule": rule,
        "form": form,
        "tried": tried,
        "value": request.POST.get("value", ""),
        "used_by": used_by,
        "crumbs": [
            ("Mappings", reverse("mapping-list", kwargs={"connection": connection})),
            ("Transformation rules", reverse("mapping-rule-list", kwargs={"connection": connection})),
        ],
    }
    return render(request, "coupling/rule_detail.html", context, status=422 if form.errors else 200)


@require_POST
@says_errors
def rule_delete(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    rule = get_object_or_404(
        TransformationRule.objects.select_related("connection"), connection=request.connection, pk=pk
    )
    delete_rule(rule=rule, user=request.user)
    messages.success(request, f"{rule.code} is deleted.")
    return redirect("mapping-rule-list", connection=connection)


def _tried(rule: TransformationRule, value: str) -> dict[str, Any]:
    try:
        return {"result": try_rule(rule=rule, value=value)}
    except RuleError as error:
        return {"problem": str(error)}
