"""Couple Salespeople: one line per Sales user with the salesperson to choose."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from config.web.request import PageRequest
from connector.choices import System
from connector.errors import HubError
from coupling.models import Coupling, TableMapping
from coupling.services import requests
from coupling.services.couplings import require_usable
from coupling.services.salespeople import MAPPING, lines_of, salespeople_of, save
from coupling.synchronisation import service
from coupling.views.base import crumbs_of, queued, says_errors
from coupling.views.undo import offer_undo

_PREFIX = "user-"


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def couple_salespeople(request: PageRequest, connection: str) -> HttpResponse:
    """The form; `suggest=1` chooses the salesperson with the user's e-mail address where none is coupled."""
    mapping = TableMapping.objects.select_related("connection").filter(connection=request.connection, name=MAPPING)
    found = mapping.first()
    if found is None:
        raise Http404("Salespeople are coupled under person ownership only.")
    people = salespeople_of(found)
    lines = lines_of(found, people)
    if request.method == "POST":
        return _act(request, found)
    picks = request.GET.get("pick") == "1"
    suggests = request.GET.get("suggest") == "1"
    coupled = sum(1 for line in lines if line.salesperson)
    hides = request.GET.get("coupled") == "hide"
    search = request.GET.get("search", "").strip()
    members, team_problem = _members(found)
    shown = [
        line
        for line in lines
        if not (hides and line.salesperson)
        and (not search or search.casefold() in f"{line.user.name} {line.email}".casefold())
    ]
    # What is left to do comes first.
    shown.sort(key=lambda line: bool(line.salesperson))
    context = {
        "title": "Couple Salespeople",
        "crumbs": crumbs_of(request.connection, System.BUSINESS_CENTRAL, found.business_central_table),
        "rows": [
            (
                line,
                (line.salesperson or line.suggested) if suggests else line.salesperson,
                None if members is None else line.user.key in members,
            )
            for line in shown
        ],
        "total": len(lines),
        "hides": hides,
        "search": search,
        "picks": picks,
        "team_problem": team_problem,
        "outside_team": sum(
            1 for line in lines if line.salesperson and members is not None and line.user.key not in members
        ),
        "people": people,
        "coupled": coupled,
        "suggestions": sum(1 for line in lines if line.suggested),
        "suggests": suggests,
        "prefix": _PREFIX,
    }
    return render(request, "coupling/salespeople.html", context)


def _members(mapping: TableMapping) -> tuple[set[UUID] | None, str]:
    """Users in the default owning team, or why they are not known."""
    if not mapping.connection.enabled:
        return None, ""
    try:
        return service().team_members(connection=mapping.connection), ""
    except HubError as error:
        return None, f"{error} {error.hint}".strip()


def _act(request: PageRequest, mapping: TableMapping) -> HttpResponse:
    """Saves the form, or does one of the actions over the ticked users."""
    action = request.POST.get("action", "save")
    if action == "save":
        return _save(request, mapping)
    keys = _keys(request.POST.getlist("user"))
    coupled = Coupling.objects.filter(mapping=mapping).select_related("mapping__connection", "connection")
    if action == "team":
        require_usable(mapping)
        added = service().add_to_team(mapping=mapping, users=list(coupled.values_list("sales_key", flat=True)))
        messages.success(
            request, f"{added} added to the team." if added else "Every coupled user is in the team already."
        )
    elif not keys:
        messages.warning(request, "Tick the users first.")
    elif action == "create":
        taken = set(coupled.filter(sales_key__in=keys).values_list("sales_key", flat=True))
        if free := [key for key in keys if key not in taken]:
            work = requests.create_other_side(mapping=mapping, system=System.SALES, keys=free, user=request.user)
            left = f" {len(taken)} coupled already and skipped." if taken else ""
            queued(request, list(work.jobs), f"{work.taken} salespeople are created.{left}")
        else:
            messages.info(request, "Nothing to create: the selected users are already coupled.")
    elif action == "uncouple":
        gone = list(coupled.filter(sales_key__in=keys))
        work = requests.uncouple_many(couplings=gone, user=request.user)
        left = f" {len(keys) - len(gone)} were not coupled." if len(keys) > len(gone) else ""
        offer_undo(request, f"Couplings deleted: {len(gone)}.{left}", work.deed)
    return redirect(request.get_full_path())


def _keys(texts: list[str]) -> list[UUID]:
    """Raises Http404 for a text that is no id."""
    try:
        return [UUID(text) for text in texts]
    except ValueError as error:
        raise Http404("That is not an id.") from error


def _save(request: PageRequest, mapping: TableMapping) -> HttpResponse:
    chosen: dict[UUID, UUID | None] = {}
    try:
        for name, value in request.POST.items():
            if name.startswith(_PREFIX):
                chosen[UUID(name.removeprefix(_PREFIX))] = UUID(str(value)) if value else None
    except ValueError as error:
        raise Http404("That is not an id.") from error
    saved = save(mapping=mapping, chosen=chosen, user=request.user)
    for problem in saved.problems:
        messages.error(request, problem)
    sentence = f"{saved.coupled} coupled, {saved.uncoupled} uncoupled."
    if saved.jobs:
        queued(request, saved.jobs, f"{sentence} The first synchronisation is queued.")
    elif saved.coupled or saved.uncoupled:
        messages.success(request, sentence)
    elif not saved.problems:
        messages.info(request, "Nothing was changed.")
    if saved.coupled and _outside_team(mapping):
        messages.warning(
            request, "Some coupled users are not in the default owning team and may not see synchronised rows."
        )
    return redirect(request.path)


def _outside_team(mapping: TableMapping) -> bool:
    members, _ = _members(mapping)
    coupled = Coupling.objects.filter(mapping=mapping).values_list("sales_key", flat=True)
    return members is not None and any(key not in members for key in coupled)
