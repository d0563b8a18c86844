"""Couple Salespeople: one line per Sales user with the salesperson to choose."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from config.web.request import PageRequest
from connector.choices import System
from coupling.models import TableMapping
from coupling.services.salespeople import MAPPING, lines_of, salespeople_of, save
from coupling.views.base import crumbs_of, queued, says_errors

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
        return _save(request, found)
    suggests = request.GET.get("suggest") == "1"
    coupled = sum(1 for line in lines if line.salesperson)
    context = {
        "title": "Couple Salespeople",
        "crumbs": crumbs_of(request.connection, System.BUSINESS_CENTRAL, found.business_central_table),
        "rows": [(line, (line.salesperson or line.suggested) if suggests else line.salesperson) for line in lines],
        "people": people,
        "coupled": coupled,
        "suggestions": sum(1 for line in lines if line.suggested),
        "suggests": suggests,
        "prefix": _PREFIX,
    }
    return render(request, "coupling/salespeople.html", context)


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
    return redirect(request.path)
