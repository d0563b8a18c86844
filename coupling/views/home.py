"""Couplings home: every mapping with how far its coupling is, in the order in which one couples."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from config.web.request import PageRequest
from connector.choices import System
from coupling.choices import MappingKind
from coupling.records import TableWords, sales_caption, words_of
from coupling.services.overview import MappingOverview, overview
from coupling.services.suggestions import is_suggested, suggestion_counts
from coupling.synchronisation import service
from coupling.views.base import list_url, queued, says_errors


@dataclass(slots=True)
class Card:
    """One mapping on the page, with the addresses it leads to. `counts`: label, number, address of those records."""

    row: MappingOverview
    title: str
    list_address: str
    sales_address: str
    counts: list[tuple[str, int, str]]
    suggested: int | None = None
    """Uncoupled records with a candidate; None where partners are not suggested for the table."""


@require_http_methods(["GET", "HEAD"])
def couplings_home(request: PageRequest, connection: str) -> HttpResponse:
    """A card per mapping."""
    rows = overview(request.connection)
    suggested = suggestion_counts(request.connection)
    cards = [_card(request, row) for row in rows]
    for card in cards:
        if is_suggested(card.row.mapping):
            numbers = suggested.get(card.row.mapping.pk, {})
            card.suggested = sum(number for verdict, number in numbers.items() if verdict not in ("none", "taken"))
    context = {
        "title": "Couplings",
        "cards": cards,
        "coupled": sum(row.coupled for row in rows),
    }
    return render(request, "coupling/home.html", context)


@require_POST
@says_errors
def find_broken(request: PageRequest, connection: str) -> HttpResponse:
    """Looks for couplings with a missing side: of the mapping named, or of all that have couplings."""
    mappings = request.connection.mappings.select_related("connection").filter(
        enabled=True, available=True, kind=MappingKind.RECORD
    )
    if name := request.POST.get("mapping", ""):
        mappings = mappings.filter(name=name)
    jobs = [
        service().find_broken(mapping=mapping, user=request.user) for mapping in mappings if mapping.couplings.exists()
    ]
    if jobs:
        queued(request, jobs, "All couplings are checked for records that were deleted; you can keep working.")
    else:
        messages.info(request, "Nothing is coupled yet, so nothing can be broken.")
    return redirect(reverse("error-list", kwargs={"connection": connection}))


def _card(request: PageRequest, row: MappingOverview) -> Card:
    connection, mapping = request.connection, row.mapping
    bc: TableWords = words_of(System.BUSINESS_CENTRAL, mapping.business_central_table)
    if mapping.kind == MappingKind.OPTION:
        address = f"{reverse('option-list', kwargs={'connection': connection.slug})}?mapping={mapping.name}"
        title = f"{mapping.business_central_label} and {sales_caption(mapping).lower()}"
        return Card(row, title, address, address, _counts(row, address, address))
    bc_list = list_url(connection, System.BUSINESS_CENTRAL, mapping.business_central_table)
    sales_list = list_url(connection, System.SALES, mapping.sales_table)
    sales = words_of(System.SALES, mapping.sales_table)
    title = f"{bc.plural.removesuffix(' in Business Central')} and {sales.plural.removesuffix(' in Sales').lower()}"
    return Card(row, title, bc_list, sales_list, _counts(row, f"{bc_list}?", f"{sales_list}?"))


def _counts(row: MappingOverview, bc: str, sales: str) -> list[tuple[str, int, str]]:
    if row.mapping.kind == MappingKind.OPTION:
        found: list[tuple[str, Any, str]] = [
            ("not coupled", row.free_bc, bc),
            ("failing", row.failing, bc),
        ]
        return [each for each in found if each[1]]
    free = "coupled=false&admitted=inside"
    found = [
        ("free in Business Central", row.free_bc, f"{bc}{free}"),
        ("free in Sales", row.free_sales, f"{sales}{free}"),
        ("waiting", row.waiting, f"{bc}state=changes_waiting"),
        ("failing", row.failing, f"{bc}state=failing"),
        ("conflicts", row.conflicts, f"{bc}state=conflict"),
        ("skipped", row.skipped, f"{bc}state=skipped"),
        ("broken", row.broken, f"{bc}state=broken"),
        ("outside the filter", row.outside_filter, f"{bc}state=outside_filter"),
    ]
    return [each for each in found if each[1]]
