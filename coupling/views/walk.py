"""Couple next from the Sales side: Set Up Coupling of one uncoupled row after the other, of a list's filter.

Suggestions and the queue that lives on them start from Business Central. Rows of Sales are walked through in the order
of their list; where one was left is in the address, so that a reload or another tab goes on from there.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from config.web.request import PageRequest
from connector.choices import System
from coupling.filtersets import RecordFilterSet, mappings_of_table
from coupling.services.admission import admits
from coupling.services.claims import claimed_by_others
from coupling.services.pairs import only_coupled
from coupling.services.search import mirror_of
from coupling.views.base import list_url, system_of

WALK = "walk"
"""Name of the parameter of Set Up Coupling that holds the filters walked through, as a query string."""


@require_http_methods(["GET", "HEAD"])
def next_record(request: PageRequest, connection: str, system: str, table: str) -> HttpResponse:
    """Leads to the next uncoupled record behind `after` that nobody else has, else back to the list."""
    side = system_of(system)
    filters = request.GET.copy()
    after = filters.pop("after", [""])[-1]
    found = _next(request, side, table, filters, after)
    if found is None:
        messages.info(request, "That was the last uncoupled record of this list.")
        return redirect(f"{list_url(request.connection, side, table)}?{filters.urlencode()}")
    place = {"connection": connection, "system": system, "table": table, "key": found}
    query = QueryDict(mutable=True)
    query[WALK] = filters.urlencode() or "all"
    return redirect(f"{reverse('coupling-setup', kwargs=place)}?{query.urlencode()}")


def _next(request: PageRequest, side: System, table: str, filters: QueryDict, after: str) -> UUID | None:
    rows: QuerySet[Any] = mirror_of(side).objects.of_table(request.connection.pk, table).alive()
    rows = RecordFilterSet.for_table(side, table)(filters, queryset=rows, request=request).qs
    rows = only_coupled(rows, request.connection, side, table, coupled=False)
    admitted = Q(pk__in=[])
    for mapping in mappings_of_table(request.connection, side, table):
        admitted |= admits(mapping, side)
    taken = claimed_by_others(request.connection, side, table, request.user)
    rows = rows.filter(admitted).exclude(key__in=taken.values("key")).order_by("name", "key")
    last: Any = (
        mirror_of(side).objects.of_table(request.connection.pk, table).filter(key=after).first() if after else None
    )
    if last is not None:
        rows = rows.filter(Q(name__gt=last.name) | Q(name=last.name, key__gt=last.key))
    return rows.values_list("key", flat=True).first()


def on_from(connection_slug: str, side: System, table: str, key: UUID, walk: str) -> str:
    """The address of the record after `key` on a walk."""
    place = {"connection": connection_slug, "system": str(side), "table": table}
    query = QueryDict("" if walk == "all" else walk, mutable=True)
    query["after"] = str(key)
    return f"{reverse('record-next', kwargs=place)}?{query.urlencode()}"
