"""Undo of a changed link: at once where nothing else changed, else after showing what stays as it is."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from config.web.confirm import is_confirmed
from config.web.request import PageRequest
from connector.choices import System
from coupling.choices import LinkChange
from coupling.services import changes
from coupling.services.couplings import require_enabled
from coupling.services.search import mirror_of
from coupling.services.wording import Wording
from coupling.views.base import list_url, queued, says_errors


@dataclass(frozen=True, slots=True)
class Line:
    """A value that the first synchronisation wrote; `stays` where somebody changed it since."""

    system: System
    name: str
    label: str
    before: Any
    after: Any
    stays: bool


def _lines(plan: changes.UndoPlan) -> list[Line]:
    """What stays first, in words."""
    written = [*((value, True) for value in plan.kept), *((value, False) for value in plan.back)]
    wording = Wording(plan.change.mapping, [each for value, _ in written for each in (value.before, value.after)])
    return [
        Line(
            value.system,
            value.name,
            wording.label(value.system, value.name),
            wording.value(value.system, value.name, value.before),
            wording.value(value.system, value.name, value.after),
            stays,
        )
        for value, stays in written
    ]


def offer_undo(request: PageRequest, sentence: str, deed: UUID | None) -> None:
    """Says what was done, with a button that takes it back."""
    if deed is None:
        messages.success(request, sentence)
        return
    address = reverse("coupling-undo", kwargs={"connection": request.connection.slug, "deed": deed})
    form = format_html(
        '<form method="post" action="{}"><input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        '<button class="btn btn-sm">Undo</button></form>',
        address,
        get_token(request),
    )
    messages.success(request, format_html("{} {}", sentence, form), extra_tags="with-a-way-back")


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def undo(request: PageRequest, connection: str, deed: UUID) -> HttpResponse:
    """The deed's page, and the undo. What somebody changed since is shown first, because it stays."""
    change = changes.undoable(request.connection, deed)
    require_enabled(request.connection)
    plan = changes.plan_undo(change)
    if request.method == "POST" and (is_confirmed(request) or not plan.kept):
        done = changes.undo(change, request.user)
        left = f" {done.left} could not be put back: their records are gone or coupled otherwise." if done.left else ""
        if change.kind == LinkChange.UNCOUPLE:
            messages.success(request, f"Coupled again: {done.done}.{left}")
        elif done.jobs:
            queued(request, list(done.jobs), "Undone; the rest runs in the background.")
        else:
            messages.success(request, "Undone.")
        return redirect(list_url(request.connection, System.BUSINESS_CENTRAL, change.mapping.business_central_table))
    records = {
        system: mirror_of(system)
        .objects.of_table(change.connection_id, change.mapping.table(system))
        .filter(key=change.bc_key if system == System.BUSINESS_CENTRAL else change.sales_key)
        .first()
        for system in System
    }
    context = {
        "title": "Undo",
        "plan": plan,
        "lines": _lines(plan),
        "change": change,
        "bc": records[System.BUSINESS_CENTRAL],
        "sales": records[System.SALES],
        "back": list_url(request.connection, System.BUSINESS_CENTRAL, change.mapping.business_central_table),
    }
    return render(request, "coupling/undo.html", context)
