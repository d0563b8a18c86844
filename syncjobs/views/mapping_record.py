"""What a mapping would do with a record that somebody picks, which of its columns are short, and what was changed.

All of it comes from the mirror and the audit log; neither system is asked.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from config.web.request import PageRequest
from connector.choices import Direction, System
from connector.errors import HubError
from coupling.choices import MappingKind
from coupling.exceptions import MappingError
from coupling.models import Coupling, TableMapping
from coupling.records import plural_of
from coupling.services.admission import violated_condition
from coupling.services.lengths import short_columns
from coupling.services.mapping_history import changes_of_mapping, take_back
from coupling.services.search import search_records
from coupling.synchronisation import service
from coupling.views.base import record_of
from syncjobs.views.mappings import setting_words, value_words

_OFFERED = 6
_WAYS = {"": None, **{system.value: system for system in System}}


@require_safe
def mapping_try(request: PageRequest, connection: str, name: str) -> HttpResponse:
    """Records to pick from, and field by field what a run would do with the one picked."""
    mapping = _mapping(request, name, kind=MappingKind.RECORD)
    text = request.GET.get("q", "").strip()[:200]
    context: dict[str, Any] = {
        "title": "Preview with a record",
        "mapping": mapping,
        "text": text,
        "sides": [(system, plural_of(mapping, system), _offered(mapping, system, text)) for system in System],
        "crumbs": _crumbs(request, name),
    }
    if "key" in request.GET:
        context |= _picked(request, mapping)
    return render(request, "syncjobs/mapping_try.html", context)


def _offered(mapping: TableMapping, system: System, text: str) -> list[Any]:
    return search_records(
        connection=mapping.connection, system=system, table=mapping.table(system), text=text, limit=_OFFERED
    )


def _picked(request: PageRequest, mapping: TableMapping) -> dict[str, Any]:
    """The record and its preview. A record without a partner shows what would be created for it."""
    try:
        system, key = System(request.GET.get("system", "")), UUID(request.GET["key"])
    except ValueError as error:
        raise Http404("There is no such record.") from error
    record = record_of(request.connection, system, mapping.table(system), key)
    place = {"connection_id": mapping.connection_id, "system": system, "table": record.table, "key": key}
    coupling = Coupling.objects.for_record(**place).filter(mapping=mapping, missing="").first()
    keys = (coupling.bc_key, coupling.sales_key) if coupling else (key, None)
    bc_key, sales_key = keys if coupling or system == System.BUSINESS_CENTRAL else (None, key)
    wins = _WAYS.get(request.GET.get("wins", "")) if coupling else None
    found: dict[str, Any] = {
        "record": record,
        "system": system,
        "coupling": coupling,
        "wins": wins or "",
        "ways": [(way, label) for way, label in _ways(mapping) if coupling],
        "outside": violated_condition(mapping, system, key),
        "creates": "" if coupling else _created_in(mapping, system),
    }
    if coupling or found["creates"]:
        try:
            found["preview"] = service().preview_pair(
                mapping=mapping, bc_key=bc_key, sales_key=sales_key, force_from=wins
            )
        except HubError as error:
            found["unreadable"] = str(error)
    return found


def _ways(mapping: TableMapping) -> list[tuple[str, str]]:
    """Whose values win, where a mapping goes both ways."""
    if mapping.direction != Direction.BIDIRECTIONAL:
        return []
    return [("", "As a run would"), *((system.value, f"{system.label} wins") for system in System)]


def _created_in(mapping: TableMapping, system: System) -> str:
    """Where a partner of the record can be created; blank where the mapping does not go there."""
    return system.other.label if Direction(mapping.direction).allows(system.other) else ""


@require_safe
def mapping_lengths(request: PageRequest, connection: str, name: str) -> HttpResponse:
    """A part of the mapping's page that comes after it, since it measures all values of both tables."""
    mapping = _mapping(request, name)
    return render(request, "syncjobs/_mapping_lengths.html", {"short": short_columns(mapping)})


@require_safe
def mapping_history(request: PageRequest, connection: str, name: str) -> HttpResponse:
    mapping = _mapping(request, name)
    changes = [
        (
            change,
            [
                (
                    setting_words(each, of_field=bool(change.subject)),
                    value_words(each, before),
                    value_words(each, after),
                )
                for each, before, after in change.values
            ],
        )
        for change in changes_of_mapping(mapping)
    ]
    context = {"title": "History", "mapping": mapping, "changes": changes, "crumbs": _crumbs(request, name)}
    return render(request, "syncjobs/mapping_history.html", context)


@require_POST
def mapping_take_back(request: PageRequest, connection: str, name: str, entry: int) -> HttpResponse:
    """Puts back what stood before one change."""
    mapping = _mapping(request, name)
    try:
        take_back(mapping=mapping, entry_id=entry, user=request.user)
    except MappingError as error:
        problems = " ".join(problem for lines in error.fields.values() for problem in lines)
        messages.error(request, f"It stays as it is. {problems or error}")
    except HubError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "It is as it was before that change.")
    return redirect("mapping-history", connection=connection, name=name)


def _mapping(request: PageRequest, name: str, **more: Any) -> TableMapping:
    mappings = TableMapping.objects.select_related("connection")
    mapping: TableMapping = get_object_or_404(mappings, connection=request.connection, name=name, **more)
    return mapping


def _crumbs(request: PageRequest, name: str) -> list[tuple[str, str]]:
    at = {"connection": request.connection.slug}
    return [
        ("Mappings", reverse("mapping-list", kwargs=at)),
        (name, reverse("mapping-detail", kwargs={**at, "name": name})),
    ]
