"""Links into both systems: from a record to its partner there, and from a row in Sales to its record here."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from config.web.request import PageRequest
from connector.choices import Direction, System
from coupling.models import Coupling, TableMapping
from coupling.records import words_of
from coupling.services.couplings import mirrored, read_live
from coupling.services.links import business_central_url, sales_url
from coupling.services.pairs import attach_records, key_of
from coupling.views.base import list_url, pair_url, record_of, says_errors, system_of


@require_http_methods(["GET", "HEAD"])
def record_open(request: PageRequest, connection: str, system: str, table: str, key: UUID) -> HttpResponse:
    """Leads to the partner of a record in the other system; asks whether to couple a record that has none."""
    side = system_of(system)
    coupling = _coupling(request, side, table, key)
    if coupling is None:
        return _ask(request, side, table, key)
    return redirect(_address(request, coupling, side.other))


@require_http_methods(["GET", "HEAD"])
@says_errors
def open_from_sales(request: PageRequest, connection: str) -> HttpResponse:
    """`?etn=account&id=…`, as a button in Sales calls it: the Business Central record, else Set Up Coupling."""
    entity = request.GET.get("etn", "")
    try:
        key = UUID(request.GET.get("id", "").strip("{}"))
    except ValueError as error:
        raise Http404("The address has to name a row: etn and id.") from error
    mapping: TableMapping | None = request.connection.mappings.filter(sales_entity=entity, kind="record").first()
    if mapping is None:
        raise Http404(f"{entity or 'This table'} isn't set up to be coupled.")
    coupling = _coupling(request, System.SALES, mapping.sales_table, key)
    if coupling is not None:
        return redirect(_address(request, coupling, System.BUSINESS_CENTRAL))
    return redirect(_to_set_up(request, mapping, key))


def _to_set_up(request: PageRequest, mapping: TableMapping, key: UUID) -> str:
    """Set Up Coupling for a row of Sales, on the point of creating its partner where the mapping creates such.

    A row that was made a moment ago is read first. Raises RecordMissingError where there is none.
    """
    if mirrored(request.connection, System.SALES, mapping.sales_table, key) is None:
        read_live(mapping, System.SALES, key)
    place = {"connection": request.connection.slug, "system": "sales", "table": mapping.sales_table, "key": key}
    creates = not mapping.synch_only_coupled_records and Direction(mapping.direction).allows(System.BUSINESS_CENTRAL)
    return f"{reverse('coupling-setup', kwargs=place)}{'?create=1' if creates else ''}"


def _coupling(request: PageRequest, side: System, table: str, key: UUID) -> Coupling | None:
    found: Coupling | None = (
        Coupling.objects.for_record(connection_id=request.connection.pk, system=side, table=table, key=key)
        .select_related("connection", "mapping")
        .first()
    )
    return found


def _address(request: PageRequest, coupling: Coupling, system: System) -> str:
    """The record in the system's own client; its pair's page where that has no card for the table."""
    if system == System.SALES:
        return sales_url(request.connection, coupling.mapping.sales_entity, key_of(coupling, system))
    attach_records([coupling])
    record: Any = coupling.bc_record  # type: ignore[attr-defined]
    address = business_central_url(request.connection, coupling.bc_table, record.number if record else "")
    if not address:
        messages.info(request, "Business Central has no card for this table; here is the pair.")
    return address or pair_url(coupling)


def _ask(request: PageRequest, side: System, table: str, key: UUID) -> HttpResponse:
    """Not coupled yet: couple it now? No leads back and changes nothing."""
    record = record_of(request.connection, side, table, key)
    place = {"connection": request.connection.slug, "system": str(side), "table": table, "key": key}
    context = {
        "title": "Not coupled yet",
        "record": record,
        "words": words_of(side, table),
        "couple": reverse("coupling-setup", kwargs=place),
        "back": list_url(request.connection, side, table),
    }
    return render(request, "coupling/not_coupled.html", context)
