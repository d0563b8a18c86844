"""Couple next: the work queue, one record at a time with its candidates side by side.

Both sides of a mapping have a queue. Everything is a form with buttons, so it works without JavaScript and on a phone;
the script adds the keys.
"""

from collections.abc import Sequence
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

from config.web.request import PageRequest, wants_partial
from connector.choices import Direction, System
from connector.errors import HubError
from coupling.filtersets import RecordFilterSet
from coupling.matching.choices import MatchVerdict
from coupling.models import FieldMapping, TableMapping
from coupling.records import first_value, words_of
from coupling.services import queue
from coupling.services.claims import claim
from coupling.services.links import business_central_url, sales_url
from coupling.services.matching import may_create
from coupling.services.new_values import missing_values, preview_new
from coupling.services.queue_ahead import look_ahead, remembered
from coupling.services.queue_order import Lane
from coupling.services.review import ShownCandidate, say_the_same
from coupling.services.search import mirror_of
from coupling.services.suggestions import state_of
from coupling.views.base import list_url, record_of, says_errors
from coupling.views.suggestions import mapping_of, synchronize_choices

_MOST_COMPARED = 4
_SYNCHRONIZE = "queue-synchronize"
_AHEAD = "ahead"
"""Part that shows nothing: it has the next record found while the page is read."""
_FILTERS = ("search", "coupled", "state", "admitted", "mapping", "mine", "suggested")
_NAMES = {System.BUSINESS_CENTRAL: "Business Central", System.SALES: "Sales"}
_ADDRESSES = {System.BUSINESS_CENTRAL: "queue", System.SALES: "queue-sales"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field of the side-by-side table; each candidate's value with whether it says the same."""

    label: str
    own: str
    candidates: list[tuple[str, str]]


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def work_queue(
    request: PageRequest, connection: str, name: str, system: str = System.BUSINESS_CENTRAL.value
) -> HttpResponse:
    """Shows the record that is up for this person, and does what they decide about it."""
    lane = Lane(mapping_of(request, name), System(system))
    mapping, other = lane.mapping, lane.system.other
    records, filters = _narrowed(request, lane)
    here = request.path + (f"?{urlencode(filters, doseq=True)}" if filters else "")
    if request.method == "POST":
        return _act(request, lane, here)
    asked = request.GET.get("record", "")
    if wants_partial(request) and request.GET.get("part") == _AHEAD:
        look_ahead(lane=lane, user=request.user, current=_key(asked), place=here, records=records)
        return HttpResponse(status=204)
    words = {side: words_of(side, mapping.table(side)) for side in System}
    record, holder = _record(request, lane, records, asked, here)
    context: dict[str, Any] = {
        "title": f"Couple next: {words[lane.system].plural}",
        "crumbs": [("Couplings", reverse("coupling-home", args=[connection]))],
        "mapping": mapping,
        "lane": lane,
        "side": _NAMES[lane.system],
        "other_side": _NAMES[other],
        "words": words[lane.system],
        "other_words": words[other],
        "record": record,
        "holder": holder,
        "progress": queue.progress(lane=lane, user=request.user, records=records),
        "state": state_of(mapping),
        "filters": filters,
        "here": here,
        "choices": synchronize_choices(mapping),
        "chosen": request.session.get(_SYNCHRONIZE, ""),
        "may_create": may_create(mapping, other),
        "last": queue.last_step(lane=lane, user=request.user),
        "list_address": list_url(request.connection, lane.system, lane.table),
        "other_queue": reverse(_ADDRESSES[other], args=[connection, mapping.name]),
    }
    if record is not None:
        context |= _record_context(lane, queue.shown(lane, record))
        context["ahead"] = f"{_at(here, record.key)}&part={_AHEAD}"
    return render(request, "coupling/queue.html", context)


def _record_context(lane: Lane, shown: queue.Waiting) -> dict[str, Any]:
    mapping, record, candidates = lane.mapping, shown.record, shown.candidates
    return {
        "verdict": MatchVerdict(shown.line.verdict) if shown.line else None,
        "candidates": [
            (number, each, _remote_address(mapping, lane.system.other, each.record))
            for number, each in enumerate(candidates, start=1)
        ],
        "free": [each for each in candidates if not each.coupled_to],
        "comparisons": _comparisons(lane, record, candidates[:_MOST_COMPARED]),
        "compared": candidates[:_MOST_COMPARED],
        "facts": _facts(record),
        "own_link": _remote_address(mapping, lane.system, record),
        "setup_address": _setup_address(lane, record),
    }


def _setup_address(lane: Lane, record: Any) -> str:
    place = [lane.mapping.connection.slug, lane.system.value, record.table, record.key]
    return f"{reverse('coupling-setup', args=place)}?{urlencode({'mapping': lane.mapping.name})}"


def _remote_address(mapping: TableMapping, system: System, record: Any) -> str:
    """Where a record is opened in its own system."""
    if system == System.SALES:
        return sales_url(mapping.connection, mapping.sales_entity, record.key)
    return business_central_url(mapping.connection, record.table, record.number)


def _narrowed(request: PageRequest, lane: Lane) -> tuple[QuerySet[Any] | None, dict[str, list[str]]]:
    """The records of a list's filter, where one came from a list; None: all of the mapping."""
    filters = {name: request.GET.getlist(name) for name in _FILTERS if request.GET.get(name)}
    if not filters:
        return None, {}
    rows = mirror_of(lane.system).objects.of_table(lane.mapping.connection_id, lane.table)
    filterset = RecordFilterSet.for_table(lane.system, lane.table)(request.GET, queryset=rows, request=request)
    return filterset.qs, filters


def _record(request: PageRequest, lane: Lane, records: QuerySet[Any] | None, asked: str, here: str) -> tuple[Any, Any]:
    """The record to show, and somebody else's claim on it."""
    if not asked:
        ahead = remembered(lane=lane, user=request.user, place=here)
        return queue.next_record(lane=lane, user=request.user, records=records, ahead=ahead), None
    key = _key(asked)
    record = record_of(request.connection, lane.system, lane.table, key)
    if not lane.waiting().filter(key=key).exists():
        messages.info(request, f"{record} is coupled, or outside the mapping's filter.")
        return queue.next_record(lane=lane, user=request.user, records=records), None
    return record, claim(**lane.place, key=key, user=request.user)


def _facts(record: Any) -> list[tuple[str, str]]:
    columns = (("City", "city"), ("Phone", "phone"), ("E-mail", "email"), ("Salesperson", "salesperson"))
    found = [("No.", record.number)] if record.number else []
    return found + [(label, value) for label, column in columns if (value := first_value(record, column))]


def _comparisons(lane: Lane, record: Any, candidates: Sequence[ShownCandidate]) -> list[Comparison]:
    """Fields that the record or a candidate has."""
    found = []
    for field in lane.mapping.fields.filter(enabled=True, constant_value=""):
        if not _is_comparable(field):
            continue
        names = (field.business_central_property, field.sales_attribute)
        mine, theirs = names if lane.system == System.BUSINESS_CENTRAL else reversed(names)
        own = _text(record.values.get(mine))
        values = [_text(each.record.values.get(theirs)) for each in candidates]
        if not own and not any(values):
            continue
        marked = [(value, _mark(own, value)) for value in values]
        found.append(Comparison(field.business_central_label or field.sales_attribute, own, marked))
    return found


def _is_comparable(field: FieldMapping) -> bool:
    return bool(field.business_central_property and field.sales_attribute) and not (
        field.sales_lookup or field.transformation
    )


def _text(value: Any) -> str:
    return "" if value is None or value == "_x0020_" else str(value).strip()


def _mark(own: str, other: str) -> str:
    if not own or not other:
        return "" if own == other else "missing"
    return "same" if say_the_same(own, other) else "differs"


def _act(request: PageRequest, lane: Lane, here: str) -> HttpResponse:
    """One decision; the next record follows."""
    action = request.POST.get("action", "")
    if action == "undo":
        undone = queue.undo_last(lane=lane, user=request.user)
        messages.success(request, undone.sentence)
        # While a job takes the coupling back the record is not free yet; it comes up by itself, since it is claimed.
        return redirect(here if undone.jobs else _at(here, undone.key))
    key = _key(request.POST.get("record", ""))
    record = record_of(request.connection, lane.system, lane.table, key)
    holder = claim(**lane.place, key=key, user=request.user, take_over=action == "take_over")
    if holder is not None:
        messages.error(request, f"{record} is being coupled by {holder.user} right now.")
        return redirect(_at(here, key))
    if action == "take_over":
        return redirect(_at(here, key))
    try:
        return redirect(_decide(request, lane, record, action, here))
    except HubError as error:
        messages.error(request, f"{error} {error.hint}".strip())
        return redirect(_at(here, key))


def _decide(request: PageRequest, lane: Lane, record: Any, action: str, here: str) -> str:
    """Does what was decided and returns where to go on. Raises HubError where it is refused."""
    user, keys = request.user, [_key(text) for text in request.POST.getlist("candidate")]
    if action.startswith("accept:"):
        chosen = request.POST.get("synchronize", "")
        request.session[_SYNCHRONIZE] = chosen
        coupling, jobs = queue.accept(
            lane=lane,
            key=record.key,
            partner=_key(action.partition(":")[2]),
            synchronize=Direction(chosen) if chosen else None,
            user=user,
        )
        address = reverse("coupling-detail", args=[lane.mapping.connection.slug, coupling.pk])
        told = format_html(' and <a href="{}">being synchronised</a>', jobs[0].url) if jobs else ""
        messages.success(request, format_html('<a href="{}">{}</a> is coupled{}.', address, record, told))
    elif action == "create":
        if missing_values(lane.mapping, lane.system.other, preview_new(lane.mapping, lane.system, record.key).body):
            messages.info(request, "The new record needs values that the mapping leaves empty.")
            return f"{_setup_address(lane, record)}&create=1"
        job = queue.create(lane=lane, key=record.key, user=user)
        sentence = 'A partner for {} is being created. <a href="{}">Job {}</a>'
        messages.success(request, format_html(sentence, record, job.url, job.id))
    elif action.startswith("rule_out:"):
        queue.rule_out_candidates(lane=lane, key=record.key, partners=[_key(action.partition(":")[2])], user=user)
        messages.success(request, "Ruled out; the two are not suggested to each other again.")
        return _at(here, record.key)
    elif action == "none":
        queue.rule_out_candidates(lane=lane, key=record.key, partners=keys, user=user)
        messages.success(request, f"None of the candidates is {record}. It comes back when nothing else is left.")
    elif action == "skip":
        queue.skip(lane=lane, key=record.key, user=user)
    else:
        raise Http404("There is no such action.")
    return here


def _at(here: str, key: UUID) -> str:
    return f"{here}{'&' if '?' in here else '?'}record={key}"


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404("That is not an id.") from error
