"""Quick search in the head of every page: a record of either system by number, name or id, from the mirror alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from config.web.request import PageRequest, wants_partial
from connector.choices import System
from connector.models import Connection
from coupling.models import Coupling, TableMapping
from coupling.services.search import matching, mirror_of
from coupling.views.base import list_url

HITS_PER_SYSTEM = 8
SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Hit:
    """A found record; `url` leads to where it is dealt with."""

    label: str
    number: str
    name: str
    coupled: bool
    url: str


@require_safe
def quick_search(request: PageRequest, connection: str) -> HttpResponse:
    text = request.GET.get("search", "").strip()
    found = text if len(text) >= SHORTEST else ""
    groups = [(system.label, list(_hits(request.connection, system, found))) for system in System] if found else []
    context = {"title": "Search", "text": text, "groups": groups, "found": any(hits for _, hits in groups)}
    template = "syncjobs/_quick_search.html" if wants_partial(request) else "syncjobs/quick_search.html"
    return render(request, template, context)


def _hits(connection: Connection, system: System, text: str) -> Iterator[Hit]:
    side = "bc" if system == System.BUSINESS_CENTRAL else "sales"
    labels = _labels(connection, system)
    coupling = Coupling.objects.filter(
        **{"connection": connection, f"{side}_table": OuterRef("table"), f"{side}_key": OuterRef("key")}
    )
    records = mirror_of(system).objects.filter(connection=connection, table__in=labels).alive()
    records = records.annotate(coupling_id=Subquery(coupling.values("pk")[:1]))
    for record in matching(records, text, place=(connection.pk, ""))[:HITS_PER_SYSTEM]:
        yield Hit(
            labels[record.table],
            record.number,
            record.name or str(record.key),
            record.coupling_id is not None,
            _url(connection, system, record),
        )


def _labels(connection: Connection, system: System) -> dict[str, str]:
    """Table → what people call it, of the enabled mappings."""
    mappings = TableMapping.objects.filter(connection=connection, enabled=True)
    if system == System.BUSINESS_CENTRAL:
        return dict(mappings.values_list("business_central_table", "business_central_label"))
    return dict(mappings.values_list("sales_table", "sales_entity"))


def _url(connection: Connection, system: System, record: Any) -> str:
    """The pair's page of a coupled record, else the list that shows the record, where it can be coupled."""
    if record.coupling_id is not None:
        return reverse("coupling-detail", kwargs={"connection": connection.slug, "pk": record.coupling_id})
    query = urlencode({"search": record.number or record.name or record.key})
    return f"{list_url(connection, system, record.table)}?{query}"
