"""Couple next: the work queue, one record at a time with its candidates side by side.

Everything is a form with buttons, so it works without JavaScript and on a phone; the script adds the keys.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from config.web.request import PageRequest
from connector.choices import Direction, System
from connector.errors import HubError
from coupling.filtersets import RecordFilterSet
from coupling.matching.choices import MatchVerdict
from coupling.models import BusinessCentralRecord, FieldMapping, TableMapping
from coupling.records import first_value, words_of
from coupling.services import queue
from coupling.services.claims import claim
from coupling.services.links import business_central_url, sales_url
from coupling.services.matching import may_create
from coupling.services.review import ShownCandidate, ShownLine, show
from coupling.services.suggestions import state_of
from coupling.views.base import list_url, record_of, says_errors
from coupling.views.suggestions import mapping_of, synchronize_choices

_MOST_COMPARED = 4
_SYNCHRONIZE = "queue-synchronize"
_FILTERS = ("search", "coupled", "state", "admitted", "mapping")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field of the side-by-side table; each candidate's value with whether it says the same."""

    label: str
    bc: str
    candidates: list[tuple[str, str]]


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def work_queue(request: PageRequest, connection: str, name: str) -> HttpResponse:
    """Shows the record that is up for this person, and does what they decide about it."""
    mapping = mapping_of(request, name)
    records, filters = _narrowed(request, mapping)
    here = request.path + (f"?{urlencode(filters, doseq=True)}" if filters else "")
    if request.method == "POST":
        return _act(request, mapping, here)
    words = {system: words_of(system, mapping.table(system)) for system in System}
    asked = request.GET.get("record", "")
    record, holder = _record(request, mapping, records, asked)
    progress = queue.progress(mapping=mapping, user=request.user, records=records)
    context: dict[str, Any] = {
        "title": f"Couple next: {words[System.BUSINESS_CENTRAL].plural}",
        "crumbs": [("Couplings", reverse("coupling-home", args=[connection]))],
        "mapping": mapping,
        "words": words[System.BUSINESS_CENTRAL],
        "other_words": words[System.SALES],
        "record": record,
        "holder": holder,
        "progress": progress,
        "state": state_of(mapping),
        "filters": filters,
        "here": here,
        "choices": synchronize_choices(mapping),
        "chosen": request.session.get(_SYNCHRONIZE, ""),
        "may_create": may_create(mapping),
        "last": queue.last_step(mapping=mapping, user=request.user),
        "list_address": list_url(request.connection, System.BUSINESS_CENTRAL, mapping.business_central_table),
    }
    if record is not None:
        shown = show([queue.line_of(mapping, record.key)], mapping)[0]
        context |= _record_context(mapping, record, shown)
    return render(request, "coupling/queue.html", context)


def _record_context(mapping: TableMapping, record: BusinessCentralRecord, shown: ShownLine) -> dict[str, Any]:
    candidates = shown.candidates
    setup = {
        "connection": mapping.connection.slug,
        "system": System.BUSINESS_CENTRAL.value,
        "table": record.table,
        "key": record.key,
    }
    return {
        "verdict": MatchVerdict(shown.line.verdict) if shown.line.pk else None,
        "candidates": [
            (number, each, sales_url(mapping.connection, mapping.sales_entity, each.record.key))
            for number, each in enumerate(candidates, start=1)
        ],
        "free": [each for each in candidates if not each.coupled_to],
        "comparisons": _comparisons(mapping, record, candidates[:_MOST_COMPARED]),
        "compared": candidates[:_MOST_COMPARED],
        "facts": _facts(record),
        "bc_link": business_central_url(mapping.connection, record.table, record.number),
        "setup_address": f"{reverse('coupling-setup', kwargs=setup)}?{urlencode({'mapping': mapping.name})}",
    }


def _narrowed(request: PageRequest, mapping: TableMapping) -> tuple[QuerySet[Any] | None, dict[str, list[str]]]:
    """The records of a list's filter, where one came from a list; None: all of the mapping."""
    filters = {name: request.GET.getlist(name) for name in _FILTERS if request.GET.get(name)}
    if not filters:
        return None, {}
    table = mapping.business_central_table
    rows = BusinessCentralRecord.objects.of_table(mapping.connection_id, table)
    filterset = RecordFilterSet.for_table(System.BUSINESS_CENTRAL, table)(request.GET, queryset=rows, request=request)
    return filterset.qs, filters


def _record(request: PageRequest, mapping: TableMapping, records: QuerySet[Any] | None, asked: str) -> tuple[Any, Any]:
    """The record to show, and somebody else's claim on it."""
    if not asked:
        return queue.next_record(mapping=mapping, user=request.user, records=records), None
    try:
        key = UUID(asked)
    except ValueError as error:
        raise Http404("That is not an id.") from error
    record = record_of(request.connection, System.BUSINESS_CENTRAL, mapping.business_central_table, key)
    if not queue.waiting(mapping).filter(key=key).exists():
        messages.info(request, f"{record} is coupled, or outside the mapping's filter.")
        return queue.next_record(mapping=mapping, user=request.user, records=records), None
    holder = claim(
        connection=request.connection,
        system=System.BUSINESS_CENTRAL,
        table=mapping.business_central_table,
        key=key,
        user=request.user,
    )
    return record, holder


def _facts(record: BusinessCentralRecord) -> list[tuple[str, str]]:
    columns = (("City", "city"), ("Phone", "phone"), ("E-mail", "email"), ("Salesperson", "salesperson"))
    found = [("No.", record.number)] if record.number else []
    return found + [(label, value) for label, column in columns if (value := first_value(record, column))]


def _comparisons(
    mapping: TableMapping, record: BusinessCentralRecord, candidates: list[ShownCandidate]
) -> list[Comparison]:
    """Fields that the record or a candidate has, those that differ first."""
    found = []
    for field in mapping.fields.filter(enabled=True, constant_value=""):
        if not _is_comparable(field):
            continue
        bc = _text(record.values.get(field.business_central_property))
        values = [_text(each.record.values.get(field.sales_attribute)) for each in candidates]
        if not bc and not any(values):
            continue
        marked = [(value, _mark(bc, value)) for value in values]
        found.append(Comparison(field.business_central_label or field.sales_attribute, bc, marked))
    return found


def _is_comparable(field: FieldMapping) -> bool:
    return bool(field.business_central_property and field.sales_attribute) and not (
        field.sales_lookup or field.transformation
    )


def _text(value: Any) -> str:
    return "" if value is None or value == "_x0020_" else str(value).strip()


def _mark(bc: str, sales: str) -> str:
    if not bc or not sales:
        return "" if bc == sales else "missing"
    return "same" if bc.casefold() == sales.casefold() else "differs"


def _act(request: PageRequest, mapping: TableMapping, here: str) -> HttpResponse:
    """One decision; the next record follows."""
    action = request.POST.get("action", "")
    if action == "undo":
        undone = queue.undo_last(mapping=mapping, user=request.user)
        messages.success(request, undone.sentence)
        # While a job takes the coupling back the record is not free yet; it comes up by itself, since it is claimed.
        return redirect(here if undone.jobs else _at(here, undone.bc_key))
    bc_key = _key(request.POST.get("record", ""))
    record = record_of(request.connection, System.BUSINESS_CENTRAL, mapping.business_central_table, bc_key)
    holder = claim(
        connection=request.connection,
        system=System.BUSINESS_CENTRAL,
        table=mapping.business_central_table,
        key=bc_key,
        user=request.user,
        take_over=action == "take_over",
    )
    if holder is not None:
        messages.error(request, f"{record} is being coupled by {holder.user} right now.")
        return redirect(_at(here, bc_key))
    if action == "take_over":
        return redirect(_at(here, bc_key))
    try:
        return redirect(_decide(request, mapping, record, action, here))
    except HubError as error:
        messages.error(request, f"{error} {error.hint}".strip())
        return redirect(_at(here, bc_key))


def _decide(request: PageRequest, mapping: TableMapping, record: BusinessCentralRecord, action: str, here: str) -> str:
    """Does what was decided and returns where to go on. Raises HubError where it is refused."""
    user, keys = request.user, [_key(text) for text in request.POST.getlist("candidate")]
    if action.startswith("accept:"):
        chosen = request.POST.get("synchronize", "")
        request.session[_SYNCHRONIZE] = chosen
        coupling, jobs = queue.accept(
            mapping=mapping,
            bc_key=record.key,
            sales_key=_key(action.partition(":")[2]),
            synchronize=Direction(chosen) if chosen else None,
            user=user,
        )
        address = reverse("coupling-detail", args=[mapping.connection.slug, coupling.pk])
        told = format_html(' and <a href="{}">being synchronised</a>', jobs[0].url) if jobs else ""
        messages.success(request, format_html('<a href="{}">{}</a> is coupled{}.', address, record, told))
    elif action == "create":
        job = queue.create(mapping=mapping, bc_key=record.key, user=user)
        sentence = 'A partner for {} is being created. <a href="{}">Job {}</a>'
        messages.success(request, format_html(sentence, record, job.url, job.id))
    elif action.startswith("rule_out:"):
        queue.rule_out_candidates(
            mapping=mapping, bc_key=record.key, sales_keys=[_key(action.partition(":")[2])], user=user
        )
        messages.success(request, "Ruled out; the two are not suggested to each other again.")
        return _at(here, record.key)
    elif action == "none":
        queue.rule_out_candidates(mapping=mapping, bc_key=record.key, sales_keys=keys, user=user)
        messages.success(request, f"None of the candidates is {record}. It comes back when nothing else is left.")
    elif action == "skip":
        queue.skip(mapping=mapping, bc_key=record.key, user=user)
    else:
        raise Http404("There is no such action.")
    return here


def _at(here: str, bc_key: UUID) -> str:
    return f"{here}{'&' if '?' in here else '?'}record={bc_key}"


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404("That is not an id.") from error
