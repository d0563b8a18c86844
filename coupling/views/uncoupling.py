"""Deleting every coupling of one mapping or of several: the question, its typed answer, and the deed."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from config.web.parts import number
from config.web.request import PageRequest
from connector.choices import System
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.models import TableMapping
from coupling.records import words_of
from coupling.services import requests
from coupling.services.children import CONTACTS
from coupling.views.base import says_errors
from coupling.views.undo import offer_undo


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping that loses its couplings; `children` are couplings of contacts that go with them."""

    mapping: TableMapping
    words: str
    count: int
    children: int


def uncouple_url(connection: Connection, names: Sequence[str]) -> str:
    """The question for several mappings."""
    address = reverse("coupling-tables-uncouple", kwargs={"connection": connection.slug})
    return f"{address}?{urlencode({'mapping': list(names)}, doseq=True)}"


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def uncouple_tables(request: PageRequest, connection: str, name: str = "") -> HttpResponse:
    """Asks for the mapping's name, or for the number of couplings where there are several mappings."""
    names = [name] if name else request.GET.getlist("mapping")
    mappings = request.connection.mappings.select_related("connection").filter(name__in=names)
    tables = [_table(mapping) for mapping in mappings if mapping.enabled]
    if not tables and name:
        raise Http404("This mapping is not there or switched off.")
    if not tables:
        messages.warning(request, "Select mappings that are switched on.")
        return redirect(reverse("mapping-list", kwargs={"connection": connection}))
    total = sum(table.count for table in tables)
    # Nobody types sixteen names, so of several mappings the number is what shows that the question was read.
    wanted = tables[0].mapping.name if len(tables) == 1 else str(total)
    typed = request.POST.get("name", "").strip()
    if request.method == "POST" and _same(typed, wanted):
        _uncouple(request, tables)
        return redirect(reverse("coupling-home", kwargs={"connection": connection}))
    if request.method == "POST":
        messages.error(request, f"Type {wanted} exactly as it is written to confirm.")
    context = {
        "title": f"Delete all couplings of {tables[0].mapping.name if len(tables) == 1 else f'{len(tables)} mappings'}",
        "tables": tables,
        "total": total,
        "children": 0 if CONTACTS in (table.mapping.name for table in tables) else sum(t.children for t in tables),
        "switched_off": [mapping.name for mapping in mappings if not mapping.enabled],
        "wanted": wanted,
        "typed": typed,
        "back": reverse("coupling-home" if name else "mapping-list", kwargs={"connection": connection}),
    }
    return render(request, "coupling/uncouple_table.html", context)


def _same(typed: str, wanted: str) -> bool:
    """Blanks between thousands are how pages write a number."""
    return typed == wanted or (wanted.isdecimal() and "".join(typed.split()) == wanted)


def _table(mapping: TableMapping) -> Table:
    rows = mapping.options if mapping.kind == MappingKind.OPTION else mapping.couplings
    words = words_of(System.BUSINESS_CENTRAL, mapping.business_central_table)
    return Table(mapping, words.singular, rows.count(), requests.children_of_all(mapping))


def _uncouple(request: PageRequest, tables: Sequence[Table]) -> None:
    """Each mapping can be taken back by itself, since their jobs end at different times."""
    background = 0
    for table in tables:
        work = requests.uncouple_table(mapping=table.mapping, user=request.user)
        background += bool(work.jobs)
        jobs = f" Job {', '.join(str(job.id) for job in work.jobs)} runs in the background." if work.jobs else ""
        offer_undo(request, f"{number(work.taken)} couplings of {table.mapping.name} are deleted.{jobs}", work.deed)
    if len(tables) > 1:
        at_once = len(tables) - background
        messages.info(
            request, f"Of {len(tables)} mappings {at_once} were done at once, {background} go on in the background."
        )
