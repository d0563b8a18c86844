"""Starting a full synchronisation: the choice of its lines, the plan that comes first, and what is asked before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from connector.choices import Direction, OwnershipModel, System
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.services.free import free_records
from coupling.views.base import says_errors
from syncjobs.models import FullSynch
from syncjobs.services.full_synch import eligible_mappings, start_full_synch
from syncjobs.services.left_out import leave_out
from syncjobs.services.standing import guarded
from syncjobs.views.full_synch_lines import Line
from syncjobs.views.full_synch_plan import plan_problem

START_QUESTION = (
    "This synchronises every record inside the filters of the chosen mappings, also those that are not coupled yet: a "
    "record without a partner gets one. It is meant for the first time. It runs in the background; progress shows here."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was posted: the lines that take part, and how each of them shall run."""

    mappings: list[str]
    directions: dict[str, str]
    match_first: list[str]
    winners: dict[str, str]

    @classmethod
    def of(cls, request: PageRequest) -> "Choice":
        posted = request.POST
        names = list(dict.fromkeys(posted.getlist("mappings")))
        wanted = {name: posted.get(f"direction-{name}", "") for name in names}
        return cls(
            mappings=names,
            directions={name: value for name, value in wanted.items() if value in Direction.values},
            match_first=[name for name in posted.getlist("match") if name in names],
            winners={name: value for name in names if (value := posted.get(f"winner-{name}")) in System.values},
        )


@require_POST
@says_errors
def start(request: PageRequest, connection: str) -> HttpResponse:
    """A plan comes first; where a line would create many records beside many, their number has to be typed."""
    choice = Choice.of(request)
    if not choice.mappings:
        return _nothing_chosen(request)
    plan, problem = _plan_of(request.connection, choice)
    if problem and "unplanned" not in request.POST:
        context = {
            "title": "Calculate the plan first?",
            "problem": problem,
            "question": START_QUESTION,
            "posted": _posted(request, "confirmed"),
            "back": _here(connection),
        }
        return render(request, "syncjobs/full_synch_unplanned.html", context)
    if question := _guard(request, choice, None if problem else plan):
        return question
    if not is_confirmed(request):
        return confirmation_page(
            request,
            title="Start the full synchronisation?",
            text=START_QUESTION,
            label="Start",
            back=_here(connection),
            danger=False,
        )
    _start(request, choice, preview=False)
    messages.success(request, "The full synchronisation has started.")
    return redirect(_here(connection))


@require_POST
@says_errors
def preview(request: PageRequest, connection: str) -> HttpResponse:
    choice = Choice.of(request)
    if not choice.mappings:
        return _nothing_chosen(request)
    _start(request, choice, preview=True)
    messages.success(request, "The preview is calculated; nothing is written. Start when you have seen it.")
    return redirect(_here(connection))


@require_POST
@says_errors
def leave_out_line(request: PageRequest, connection: str) -> HttpResponse:
    """Leaves a mapping out until it is taken in again, whatever is chosen for single runs."""
    name, out = request.POST.get("mapping", ""), request.POST.get("action") != "in"
    leave_out(connection=request.connection, mapping=name, out=out, user=request.user)
    messages.success(request, f"{name} {'is left out until you take it in again' if out else 'takes part again'}.")
    return redirect(_here(connection))


def start_question(connection: Connection, lines: Sequence[Line]) -> str:
    """The question before a start, with what should be done first."""
    words = START_QUESTION
    if connection.ownership_model == OwnershipModel.PERSON:
        people = next((line.standing for line in lines if line.mapping.name == "SALESPEOPLE" and line.standing), None)
        if people and people.sales_free:
            words += f" Couple all salespeople with Sales users first: {people.sales_free} users are not."
    return words


def _plan_of(connection: Connection, choice: Choice) -> tuple[FullSynch | None, str]:
    """The newest run as a plan of the choice, and what is wrong with it as one."""
    newest = FullSynch.objects.filter(connection=connection).first()
    plan = newest if newest and newest.preview else None
    if problem := plan_problem(plan, connection):
        return plan, problem
    planned = {line.mapping.name: line for line in plan.lines.select_related("mapping")} if plan else {}
    if missing := [name for name in choice.mappings if name not in planned]:
        return plan, f"The preview does not cover {', '.join(missing)}."
    other = [
        name
        for name in choice.mappings
        if choice.directions.get(name, planned[name].direction) != planned[name].direction
        or choice.winners.get(name, "") != planned[name].winner
        or (name in choice.match_first) != planned[name].match_first
    ]
    words = f"The preview was calculated with another direction, winner or matching for {', '.join(other)}."
    return plan, words if other else ""


def _guard(request: PageRequest, choice: Choice, plan: FullSynch | None) -> HttpResponse | None:
    mappings = [mapping for mapping in eligible_mappings(request.connection) if mapping.name in choice.mappings]
    directions = {mapping.name: choice.directions.get(mapping.name, mapping.direction) for mapping in mappings}
    found = guarded(
        request.connection,
        free_records([mapping for mapping in mappings if mapping.kind == MappingKind.RECORD]),
        directions,
        choice.match_first,
        dict(plan.lines.values_list("mapping__name", "plan")) if plan else {},
    )
    number = sum(each.creates for each in found)
    typed = request.POST.get("creates", "").replace(",", "").replace(".", "").strip()
    if not found or typed == str(number):
        return None
    context = {
        "title": "Start the full synchronisation?",
        "guarded": found,
        "number": number,
        "typed": typed,
        "posted": _posted(request, "confirmed", "creates"),
        "back": _here(request.connection.slug),
    }
    return render(request, "syncjobs/full_synch_guard.html", context, status=422 if typed else 200)


def _posted(request: PageRequest, *without: str) -> list[tuple[str, Any]]:
    """What was posted, for a form that posts it again."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in ("csrfmiddlewaretoken", *without)
        for value in values
    ]


def _start(request: PageRequest, choice: Choice, *, preview: bool) -> None:
    start_full_synch(
        connection=request.connection,
        preview=preview,
        mappings=choice.mappings,
        directions=choice.directions,
        match_first=choice.match_first,
        winners=choice.winners,
        user=request.user,
    )


def _nothing_chosen(request: PageRequest) -> HttpResponse:
    messages.warning(request, "Choose at least one mapping.")
    return redirect(_here(request.connection.slug))


def _here(connection: str) -> str:
    return reverse("full-synch-review", kwargs={"connection": connection})
