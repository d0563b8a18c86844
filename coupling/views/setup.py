"""Set Up Coupling: choose the partner of one record, see what each side would become, then couple.

Everything is in the address (record, search, partner, choice), so the page works without JavaScript; with it, the
search box is a combobox and the parts below refresh in place.
"""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods

from config.roles import Capability, capabilities_of
from config.web.request import PageRequest, wants_partial
from connector.choices import System
from connector.errors import HubError
from connector.services.audit import record_change
from coupling.exceptions import AlreadyCoupledError
from coupling.models import Coupling
from coupling.services import requests
from coupling.services.candidates import find_candidates
from coupling.services.changes import latest_undoable
from coupling.services.couplings import couple, move, take_over
from coupling.views.base import list_url, pair_url, queued
from coupling.views.setup_state import NONE, Setup
from coupling.views.undo import offer_undo

_PARTS = {"candidates": "coupling/_candidates.html", "choice": "coupling/_choice.html"}


@require_http_methods(["GET", "HEAD", "POST"])
def coupling_setup(request: PageRequest, connection: str, system: str, table: str, key: UUID) -> HttpResponse:
    """The page, its parts for htmx (`part=candidates` or `choice`), and the deed."""
    setup = Setup(request, system, table, key)
    if request.method == "POST":
        return _do(request, setup)
    part = request.GET.get("part", "") if wants_partial(request) else ""
    if part == "peek":
        return render(request, "coupling/_peek.html", setup.peek())
    # Looking through hits claims nothing, and neither does somebody who may only look.
    opens = request.method == "GET" and part != "candidates" and Capability.COUPLE in capabilities_of(request.user)
    holder = setup.claim() if opens else None
    claimed_until = setup.claimed_until() if opens and not holder else None
    context = setup.context() | {"holder": holder, "claimed_until": claimed_until}
    if part != "choice":
        offset = request.GET.get("offset", "")
        context["candidates"] = find_candidates(
            mapping=setup.mapping,
            record=setup.record,
            system=setup.system,
            text=context["search"],
            current=setup.current,
            with_coupled=context["with_coupled"],
            offset=int(offset) if offset.isdecimal() and len(offset) < 7 else 0,
            recent=setup.picked.recent(),
        )
    if setup.changes_partner and not setup.refusal:
        setup.picked.note(setup.partner.key)
    response = render(request, _PARTS.get(part, "coupling/setup.html"), context)
    response["Vary"] = "HX-Request, Cookie"
    return response


def _do(request: PageRequest, setup: Setup) -> HttpResponse:
    """Couples, moves or creates as the form says; a refusal stays on the page with its sentence."""
    again = f"{request.path}?{request.POST.get('state', '')}"
    if left := parse_datetime(request.POST.get("left", "")):
        setup.let_go(left)
        return HttpResponse(status=204)
    taking_over = request.POST.get("take_over") == "1"
    if holder := setup.claim(take_over=taking_over):
        messages.error(request, f"{setup.record} is being coupled by {holder.user} right now.")
        return redirect(again)
    if taking_over:
        return redirect(again)
    try:
        if setup.creates:
            return _create(request, setup, again)
        if setup.partner is None:
            messages.error(request, "Choose a record first.")
            return redirect(again)
        coupling = _couple(setup, request)
        sentence = f"Coupled with {setup.partner}."
        if setup.choice != NONE:
            requests.synchronize(
                coupling=coupling, direction=setup.choice, retry=True, user=request.user, trigger=requests.FIRST
            )
            sentence += " The first synchronisation is queued."
        setup.release()
        change = latest_undoable(coupling) if setup.changes_partner else None
        offer_undo(request, sentence, change.deed if change else None)
        return redirect(pair_url(coupling))
    except HubError as error:
        messages.error(request, f"{error} {error.hint}".strip())
        return redirect(again)


def _create(request: PageRequest, setup: Setup, again: str) -> HttpResponse:
    """Creates the partner, unless it looks like one that is there already and nobody said that it is not."""
    # Until the creation is queued, whatever stops it must not cost what was typed.
    setup.typed.keep()
    if setup.duplicates():
        if not setup.typed.anyway:
            messages.warning(request, "Look at the records that look alike first, or say that you create it anyway.")
            return redirect(again)
        record_change(
            connection=setup.connection,
            user=request.user,
            action="coupling.create_anyway",
            target=f"{setup.mapping.name} {setup.record}"[:200],
            after={"reason": setup.typed.reason[:500]},
        )
    work = requests.create_other_side(
        mapping=setup.mapping,
        system=setup.system,
        keys=[setup.record.key],
        user=request.user,
        values=setup.typed.values,
        complete=True,
    )
    setup.typed.forget()
    setup.release()
    queued(request, list(work.jobs), "Queued: the new record is created and coupled in the background.")
    return redirect(list_url(setup.connection, setup.system, setup.record.table))


def _couple(setup: Setup, request: PageRequest) -> Coupling:
    keys = {setup.system: setup.record.key, setup.other: setup.partner.key}
    if setup.coupling is not None and setup.partner.key == setup.current:
        return setup.coupling
    if setup.coupling is not None and setup.system == System.SALES:
        raise AlreadyCoupledError(
            "This row is already coupled.",
            hint="Delete that coupling first, or move it from the Business Central record.",
        )
    if request.POST.get("move_here") == "1":
        take_over(mapping=setup.mapping, sales_key=keys[System.SALES], user=request.user)
    if setup.coupling is not None:
        return move(coupling=setup.coupling, sales_key=setup.partner.key, user=request.user)
    return couple(
        mapping=setup.mapping, bc_key=keys[System.BUSINESS_CENTRAL], sales_key=keys[System.SALES], user=request.user
    )
