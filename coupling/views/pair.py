"""The page of one record: its pair with both sides' values, or the way to couple it; and the actions on a pair."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST

from config.web import banners
from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from connector.choices import Direction, System
from connector.errors import HubError
from coupling.choices import CouplingState
from coupling.models import Coupling
from coupling.records import words_of
from coupling.services import requests
from coupling.services.admission import violated_condition
from coupling.services.changes import changes_of, latest_undoable
from coupling.services.links import business_central_url, sales_url
from coupling.services.merged import address_to_move, attach_survivors
from coupling.services.pairs import attach_records
from coupling.services.related import related_of
from coupling.services.wording import Wording
from coupling.synchronisation import HistoryEntry, StartedJob, service
from coupling.tables import record_url
from coupling.views.base import (
    back_of,
    coupling_of,
    crumbs_of,
    list_url,
    pair_url,
    queued,
    record_of,
    says_errors,
    system_of,
)
from coupling.views.synchronize import question_for
from coupling.views.undo import offer_undo

LOG_LENGTH = 20


@require_http_methods(["GET", "HEAD"])
def record_detail(request: PageRequest, connection: str, system: str, table: str, key: UUID) -> HttpResponse:
    """Leads to the record's pair, or to Set Up Coupling while it has none."""
    side = system_of(system)
    coupling = (
        Coupling.objects.for_record(connection_id=request.connection.pk, system=side, table=table, key=key)
        .select_related("connection")
        .first()
    )
    if coupling is not None:
        return redirect(pair_url(coupling))
    record_of(request.connection, side, table, key)
    return redirect(
        reverse("coupling-setup", kwargs={"connection": connection, "system": system, "table": table, "key": key})
    )


def _outside(coupling: Coupling) -> str:
    """The condition of the filter that one of the records fails; blank for a pair inside."""
    if not coupling.outside_filter:
        return ""
    system = System(coupling.outside_filter)
    key = coupling.bc_key if system == System.BUSINESS_CENTRAL else coupling.sales_key
    return violated_condition(coupling.mapping, system, key)


def _history(coupling: Coupling) -> list[tuple[HistoryEntry, list[tuple[str, str, Any, Any]]]]:
    """Operations of the pair, each with what it changed: name, label, value before and after, in words."""
    entries = service().history(coupling=coupling)
    wording = Wording(
        coupling.mapping, [value for entry in entries for pair in entry.changes.values() for value in pair]
    )
    return [
        (
            entry,
            [
                (
                    name,
                    wording.label(entry.system, name),
                    wording.value(entry.system, name, before),
                    wording.value(entry.system, name, after),
                )
                for name, (before, after) in entry.changes.items()
            ],
        )
        for entry in entries
    ]


@require_http_methods(["GET", "HEAD"])
def coupling_detail(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Both sides' mapped values, state, problem, last synchronisation and history."""
    coupling = coupling_of(request, pk)
    attach_records([coupling])
    attach_survivors([coupling])
    survivor = coupling.merged_into  # type: ignore[attr-defined]
    bc, sales = coupling.bc_record, coupling.sales_record  # type: ignore[attr-defined]
    preview, unreadable = None, ""
    try:
        preview = service().preview_pair(
            mapping=coupling.mapping,
            bc_key=None if coupling.missing in ("business_central", "both") else coupling.bc_key,
            sales_key=None if coupling.missing in ("sales", "both") else coupling.sales_key,
            force_from=None,
        )
    except HubError as error:
        unreadable = str(error)
    name = str(bc or sales or coupling.pk)
    context: dict[str, Any] = {
        "title": name,
        "crumbs": crumbs_of(request.connection, System.BUSINESS_CENTRAL, coupling.bc_table),
        "coupling": coupling,
        "state": CouplingState(coupling.state),  # type: ignore[attr-defined]
        "bc": bc,
        "sales": sales,
        "bc_words": words_of(System.BUSINESS_CENTRAL, coupling.bc_table),
        "sales_words": words_of(System.SALES, coupling.sales_table),
        "preview": preview,
        "unreadable": unreadable,
        "asks": preview is None or question_for(coupling.mapping.direction, preview).asks,
        "ways": _ways(coupling),
        "related": [
            (each, record_url(request.connection, each.system, each.record.table, each.record.key))
            for each in related_of(coupling.mapping, preview.fields if preview else ())
        ],
        "children": requests.children_to_go([coupling]),
        "banner_hidden": banners.is_hidden(user=request.user, kind=coupling.state),  # type: ignore[attr-defined]
        "history": _history(coupling),
        "jobs": service().jobs_of(coupling=coupling),
        "changes": list(changes_of(coupling)[:20]),
        "undoable": latest_undoable(coupling),
        "sales_link": sales_url(request.connection, coupling.mapping.sales_entity, coupling.sales_key),
        "bc_link": business_central_url(request.connection, coupling.bc_table, bc.number if bc else ""),
        "outside": _outside(coupling),
        "survivor": survivor,
        "move_address": address_to_move(coupling, survivor) if survivor else "",
        "one_missing": coupling.missing in ("business_central", "sales"),
        "busy": coupling.state == CouplingState.WORKING,  # type: ignore[attr-defined]
    }
    template = "coupling/_pair.html" if request.htmx and request.GET.get("part") else "coupling/pair.html"
    return render(request, template, context)


def _ways(coupling: Coupling) -> list[tuple[System, HistoryEntry | None]]:
    """The newest attempt in each direction that the mapping runs, or ran when it was different."""
    tried = service().last_ways(coupling=coupling)
    allowed = Direction(coupling.mapping.direction)
    return [
        (system, tried.get(system))
        for system in (System.SALES, System.BUSINESS_CENTRAL)
        if allowed.allows(system) or system in tried
    ]


@require_POST
@says_errors
def banner(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Whether pages of pairs open with the banner of this kind of trouble, for the person signed in."""
    coupling = coupling_of(request, pk)
    kind = CouplingState(coupling.state)  # type: ignore[attr-defined]
    if request.POST.get("show") == "1":
        banners.show_again(user=request.user, kind=kind)
        messages.success(request, f"Pages of pairs say again when one is {kind.label.lower()}.")
    else:
        banners.hide(user=request.user, kind=kind)
        messages.success(request, f"The banner “{kind.label}” is folded away on pages of pairs, for you only.")
    return redirect(pair_url(coupling))


@require_http_methods(["GET", "HEAD"])
def coupling_log(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """The jobs that touched the pair, newest first; those of its mapping where none is noted."""
    coupling = coupling_of(request, pk)
    attach_records([coupling])
    name = str(coupling.bc_record or coupling.sales_record or coupling.pk)  # type: ignore[attr-defined]
    context = {
        "title": "Synchronization log",
        "crumbs": [
            *crumbs_of(request.connection, System.BUSINESS_CENTRAL, coupling.bc_table),
            (name, pair_url(coupling)),
        ],
        "name": name,
        "jobs": [(job, _log_line(job)) for job in service().jobs_of(coupling=coupling, limit=LOG_LENGTH)],
    }
    return render(request, "coupling/log.html", context)


def _log_line(job: StartedJob) -> dict[str, Any]:
    """A job's representation with times as times."""
    shown = dict(job.representation)
    for name in ("started_at", "finished_at"):
        shown[name] = parse_datetime(shown[name]) if isinstance(shown[name], str) else shown[name]
    return shown


@require_POST
@says_errors
def uncouple(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Deletes one coupling, at once, with a way back; both records stay."""
    coupling = coupling_of(request, pk)
    work = requests.uncouple_many(couplings=[coupling], user=request.user)
    also = f", and with it {work.children} of its contacts" if work.children else ""
    where = " It is being deleted in the background." if work.jobs else ""
    offer_undo(request, f"The coupling is deleted{also}.{where}", work.deed)
    return redirect(list_url(request.connection, System.BUSINESS_CENTRAL, coupling.bc_table))


@require_POST
@says_errors
def retry(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Lifts failure and skip marks and synchronises again."""
    coupling = coupling_of(request, pk)
    work = requests.retry_many(couplings=[coupling], user=request.user)
    queued(request, list(work.jobs), "Queued to be tried again.")
    return redirect(back_of(request, pair_url(coupling)))


@require_POST
@says_errors
def restore(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Creates the missing record again from the surviving one."""
    coupling = coupling_of(request, pk)
    requests.require_one_missing(coupling)
    work = requests.restore_many(couplings=[coupling], user=request.user)
    queued(request, list(work.jobs), "The missing record is being created again.")
    return redirect(back_of(request, pair_url(coupling)))


@require_POST
@says_errors
def delete_record(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Deletes the surviving record and the coupling after the question."""
    coupling = coupling_of(request, pk)
    requests.require_one_missing(coupling)
    survivor = System(coupling.missing).other
    if not is_confirmed(request):
        return confirmation_page(
            request,
            title="Delete the record for good?",
            text=f"This removes it from {survivor.label}, not just the coupling.",
            label="Delete record",
            back=pair_url(coupling),
        )
    work = requests.delete_survivors(couplings=[coupling], user=request.user)
    queued(request, list(work.jobs), f"The record in {survivor.label} is being deleted.")
    return redirect(list_url(request.connection, System.BUSINESS_CENTRAL, coupling.bc_table))
