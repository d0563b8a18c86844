"""One mapping with its settings and fields. Changes go through `coupling.services.mappings`."""

from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from config.roles import Capability, capabilities_of, require
from config.web import edits
from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from connector.choices import Direction
from connector.models import AuditEntry
from coupling.choices import DeletionConflict, UpdateConflict
from coupling.exceptions import MappingError
from coupling.models import Coupling, FieldMapping, TableMapping
from coupling.records import sales_caption
from coupling.services.companies import (
    Companies,
    companies_of,
    consequence,
    is_multi_company,
    may_switch,
    what_changes,
)
from coupling.services.mappings import remove_field, update_field, update_mapping
from coupling.services.own_mappings import delete_mapping
from coupling.views.base import says_errors
from syncjobs.choices import JobMode
from syncjobs.models import Schedule
from syncjobs.record_rules import record_rules
from syncjobs.services.jobs import UNCONDITIONAL, run_mapping

RUN_MODES = (JobMode.MODIFIED, JobMode.FULL, UNCONDITIONAL, JobMode.PREVIEW)
FIELD_SETTINGS = ("direction", "enabled", "not_null", "clear_value_on_failed_sync")
_GRID = (*FIELD_SETTINGS, "transformation", "update_conflict_resolution", "constant_value")
_FIELD_WORDS = {
    "enabled": "whether it is on",
    "not_null": "never empty",
    "clear_value_on_failed_sync": "clear on failure",
    "update_conflict_resolution": "what happens when both sides changed it",
    "constant_value": "the constant",
}

_TABLE_WORDS = {"business_central_table": "Table in Business Central", "sales_table": "Table in Sales"}
_CHOICES: dict[str, list[tuple[str, str]]] = {
    "direction": Direction.choices,
    "update_conflict_resolution": UpdateConflict.choices,
    "deletion_conflict_resolution": DeletionConflict.choices,
}


class MappingForm(forms.ModelForm):
    """What people may change of a mapping; names and labels as the REST API documents them."""

    class Meta:
        model = TableMapping
        fields = (
            "direction",
            "synch_only_coupled_records",
            "create_new_in_case_of_no_match",
            "update_conflict_resolution",
            "deletion_conflict_resolution",
            "merge_fields",
            "business_central_filter",
            "sales_filter",
            "enabled",
        )
        labels = {
            "enabled": "Synchronise this mapping",
            "synch_only_coupled_records": "Only records that are coupled already",
            "create_new_in_case_of_no_match": "Create a partner where matching finds none",
            "update_conflict_resolution": "When both sides changed the same value",
            "deletion_conflict_resolution": "When a coupled record was deleted",
            "merge_fields": "Merge changes field by field",
            "business_central_filter": "Filter in Business Central",
            "sales_filter": "Filter in Sales",
        }
        widgets = {
            "business_central_filter": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            "sales_filter": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        }
        help_texts = {
            "merge_fields": "Off: a record that changed on both sides is a conflict as a whole.",
            "business_central_filter": "OData, for example <code>blocked eq ' '</code>. Empty admits every record.",
            "sales_filter": "OData, for example <code>statecode eq 0</code>. Empty admits every row.",
        }

    update_conflict_resolution = forms.ChoiceField(
        choices=UpdateConflict.choices, label=Meta.labels["update_conflict_resolution"]
    )
    deletion_conflict_resolution = forms.ChoiceField(
        choices=DeletionConflict.choices, label=Meta.labels["deletion_conflict_resolution"]
    )


def setting_words(name: str, *, of_field: bool) -> str:
    """What the pages call a setting of a mapping, or of a field."""
    known = _FIELD_WORDS if of_field else {**MappingForm.Meta.labels, **_TABLE_WORDS}
    words: str = known.get(name) or name.replace("_", " ")
    return f"{words[0].upper()}{words[1:]}"


def value_words(name: str, value: Any) -> Any:
    """A stored value as the pages say it."""
    choices = _CHOICES.get(name)
    return dict(choices).get(value, value) if choices and isinstance(value, str) else value


@require_http_methods(["GET", "HEAD", "POST"])
def mapping_detail(request: PageRequest, connection: str, name: str) -> HttpResponse:
    mapping = get_object_or_404(TableMapping, connection=request.connection, name=name)
    here = reverse("mapping-detail", kwargs={"connection": connection, "name": name})
    may_change = Capability.CHANGE_SETTINGS in capabilities_of(request.user)
    form = MappingForm(request.POST or None, instance=mapping)
    if not may_change:
        for field in form.fields.values():
            field.disabled = True
    stored = TableMapping.objects.select_related("connection").get(pk=mapping.pk)
    present = {field: getattr(stored, field) for field in form.fields}
    companies = companies_of(stored)
    if request.method == "POST" and form.is_valid():
        changes, clashes = edits.merged(request.POST.get(edits.SEEN, ""), form.cleaned_data, present)
        for clash in clashes:
            form.add_error(clash, edits.clash_words(_last_editor(mapping), present[clash]))
        try:
            if not clashes:
                update_mapping(mapping=stored, changes=changes, user=request.user)
        except MappingError as error:
            for name_of_field, problems in error.fields.items():
                form.add_error(name_of_field if name_of_field in form.fields else None, list(problems))
        else:
            if not clashes:
                messages.success(request, f"{name} is saved." if changes else "Nothing was changed.")
                for warning in _warnings(stored, changes, companies):
                    messages.warning(request, warning)
                return redirect(here)
    context = {
        "title": name,
        "mapping": mapping,
        "sales_caption": sales_caption(mapping),
        "form": form,
        "seen": edits.shown(present),
        "fields": _with_seen(mapping.fields.all()),
        "rules": list(request.connection.transformation_rules.all()),
        "directions": Direction,
        "policies": UpdateConflict,
        "schedule": Schedule.objects.filter(mapping=mapping).first(),
        "companies": companies,
        "multi_company": is_multi_company(stored),
        "may_switch_companies": may_switch(stored),
        "company_question": what_changes(stored),
        "record_rules": record_rules(stored),
        "counts": Coupling.objects.filter(mapping=mapping).count() + mapping.options.count(),
        "crumbs": [("Mappings", reverse("mapping-list", kwargs={"connection": connection}))],
    }
    return render(request, "syncjobs/mapping_detail.html", context, status=422 if form.errors else 200)


def _warnings(mapping: TableMapping, changes: dict[str, Any], companies: Companies | None) -> Iterator[str]:
    """What changed settings lead to together; `companies`: whose rows took part before."""
    recreates = {"synch_only_coupled_records", "deletion_conflict_resolution"} & changes.keys()
    uncouples = mapping.deletion_conflict_resolution == DeletionConflict.REMOVE_COUPLING
    if recreates and uncouples and not mapping.synch_only_coupled_records:
        yield (
            "A pair loses its coupling when one record is deleted, and records without a partner get one: the next run "
            "may make the deleted record again."
        )
    if "sales_filter" in changes and (words := consequence(companies, mapping)):
        yield words


@require_POST
def mapping_fields(request: PageRequest, connection: str, name: str) -> HttpResponse:
    """Saves direction and switches of the fields in the grid; what is refused is said field by field."""
    mapping = get_object_or_404(TableMapping, connection=request.connection, name=name)
    saved, filled = 0, True
    removed = request.POST.get("remove", "")
    if removed.isdecimal():
        field = get_object_or_404(mapping.fields.select_related("mapping__connection"), pk=removed, user_defined=True)
        remove_field(field=field, user=request.user)
        messages.success(request, f"{field} is no longer mapped.")
        return redirect(reverse("mapping-detail", kwargs={"connection": connection, "name": name}) + "#fields")
    bulk = request.POST.get("bulk", "")
    for field in mapping.fields.select_related("mapping__connection"):
        changes, clashes = (_bulk_changes(bulk, field), []) if bulk else _field_changes(request, field)
        if clashes:
            who = _last_editor(mapping)
            words = ", ".join(_FIELD_WORDS.get(each, each) for each in clashes)
            messages.error(request, f"{field}: {who} changed {words} while you were on this page; yours is not saved.")
        if not changes:
            continue
        try:
            update_field(field=field, changes=changes, user=request.user)
            saved += 1
            filled = filled and not changes.get("enabled")
        except MappingError as error:
            problems = " ".join(problem for lines in error.fields.values() for problem in lines)
            messages.error(request, f"{field}: {problems}")
    if saved:
        messages.success(request, f"{saved} field mapping{'s are' if saved > 1 else ' is'} saved.")
    if not filled:
        messages.info(request, "Run all records once, so that what was switched on fills where nothing else changes.")
    return redirect(reverse("mapping-detail", kwargs={"connection": connection, "name": name}) + "#fields")


def _bulk_changes(bulk: str, field: FieldMapping) -> dict[str, Any]:
    """What a button for all fields changes in one: switches it, or takes a rule of one's own away."""
    if bulk == "rules":
        return {"transformation": ""} if field.transformation and field.has_own_rule_or_none else {}
    wanted = {"on": True, "off": False}.get(bulk, field.enabled)
    return {"enabled": wanted} if wanted != field.enabled else {}


def _with_seen(fields: Iterable[FieldMapping]) -> list[FieldMapping]:
    """The rows of the grid, each with what its hidden input carries."""
    rows = list(fields)
    for field in rows:
        field.seen = edits.shown({name: getattr(field, name) for name in _GRID})  # type: ignore[attr-defined]
    return rows


def _last_editor(mapping: TableMapping) -> str:
    """Who changed the mapping or its fields last."""
    entries = AuditEntry.objects.filter(connection=mapping.connection_id, target__startswith=mapping.name)
    entry = entries.select_related("user").first()
    return entry.user.get_username() if entry and entry.user else "Somebody"


def _field_changes(request: PageRequest, field: FieldMapping) -> tuple[dict[str, Any], list[str]]:
    """What the grid changes, and what somebody else changed meanwhile; a row not in the grid changes nothing."""
    direction = request.POST.get(f"direction-{field.pk}")
    if direction not in Direction.values:
        return {}, []
    wanted: dict[str, Any] = {"direction": direction}
    for setting in FIELD_SETTINGS[1:]:
        wanted[setting] = f"{setting}-{field.pk}" in request.POST
    if f"transformation-{field.pk}" in request.POST:
        wanted["transformation"] = request.POST[f"transformation-{field.pk}"]
    if field.constant_value and (constant := request.POST.get(f"constant_value-{field.pk}", "").strip()):
        wanted["constant_value"] = constant
    policy = request.POST.get(f"update_conflict_resolution-{field.pk}", field.update_conflict_resolution)
    if policy in ("", *UpdateConflict.values):
        wanted["update_conflict_resolution"] = policy
    stored = {name: getattr(field, name) for name in _GRID}
    return edits.merged(request.POST.get(f"{edits.SEEN}-{field.pk}", ""), wanted, stored)


@require_POST
@says_errors
def mapping_synchronize(request: PageRequest, connection: str, name: str) -> HttpResponse:
    """Starts a run of the whole mapping; `mode` is modified, full, unconditional or preview."""
    mapping = get_object_or_404(TableMapping, connection=request.connection, name=name)
    mode = request.POST.get("mode")
    if mode not in RUN_MODES:
        raise Http404("There is no such kind of run.")
    confirmed = "confirm_deletions" in request.POST
    if mode in (JobMode.FULL, UNCONDITIONAL) or confirmed:
        require(request.user, Capability.RUN_FULL)
    return redirect(run_mapping(mapping=mapping, mode=mode, user=request.user, confirm_deletions=confirmed))


@require_POST
@says_errors
def mapping_delete(request: PageRequest, connection: str, name: str) -> HttpResponse:
    """Deletes a mapping of one's own with its couplings; records in both systems stay."""
    mapping = get_object_or_404(TableMapping, connection=request.connection, name=name)
    back = reverse("mapping-detail", kwargs={"connection": connection, "name": name})
    if not is_confirmed(request):
        couplings = Coupling.objects.filter(mapping=mapping).count()
        return confirmation_page(
            request,
            title=f"Delete {name}?",
            text=f"Its fields and {couplings} couplings go; records in both systems stay as they are.",
            label="Delete",
            back=back,
            danger=True,
        )
    delete_mapping(mapping=mapping, user=request.user)
    messages.success(request, f"{name} is deleted. Records in both systems stay as they are.")
    return redirect("mapping-list", connection=connection)
