"""Match-based coupling: the page that chooses the criteria and starts the run, or its dry run."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from config.roles import Capability, capabilities_of
from config.web.request import PageRequest
from connector.choices import Direction, System
from connector.errors import HubError
from coupling.choices import UpdateConflict
from coupling.models import TableMapping
from coupling.records import plural_of, words_of
from coupling.services.matching import (
    MOST_SELECTED,
    Criterion,
    may_create,
    offered_fields,
    save_criteria,
    start_match,
)
from coupling.services.suggestions import is_suggested
from coupling.views.base import list_url, queued
from coupling.views.suggestions import mapping_of, review_url

SELECTION = "match-selection"
"""Session key of the records that a list handed over: {mapping name: [Business Central ids]}."""
_HIGHEST_PRIORITY = 99
_WINNERS = {
    UpdateConflict.SEND_TO_SALES.value: Direction.TO_SALES,
    UpdateConflict.GET_FROM_SALES.value: Direction.TO_BUSINESS_CENTRAL,
}


def selection_url(request: PageRequest, mapping: TableMapping, keys: Sequence[UUID]) -> str:
    """Keeps the selected records for the criteria page and returns its address. At most MOST_SELECTED."""
    request.session[SELECTION] = {mapping.name: [str(key) for key in keys[:MOST_SELECTED]]}
    return f"{reverse('match-criteria', args=[mapping.connection.slug, mapping.name])}?selected=1"


@require_http_methods(["GET", "HEAD", "POST"])
def criteria(request: PageRequest, connection: str, name: str) -> HttpResponse:
    """The form. Nothing is stored before a run is started; only those who change settings can keep the ticks."""
    mapping = mapping_of(request, name)
    selected = _selected(request, mapping)
    form = _Form(request, mapping)
    if request.method == "POST":
        try:
            return _start(request, mapping, form, selected)
        except HubError as error:
            messages.error(request, f"{error} {error.hint}".strip())
    words = words_of(System.BUSINESS_CENTRAL, mapping.business_central_table)
    context: dict[str, Any] = {
        "title": f"Match-based coupling: {plural_of(mapping, System.BUSINESS_CENTRAL)}",
        "crumbs": [("Couplings", reverse("coupling-home", args=[connection]))],
        "mapping": mapping,
        "form": form,
        "rows": form.rows(),
        "selected": len(selected) if selected is not None else None,
        "words": words,
        "two_way": mapping.direction == Direction.BIDIRECTIONAL,
        "may_create": may_create(mapping),
        "may_keep": Capability.CHANGE_SETTINGS in capabilities_of(request.user),
        "suggested": is_suggested(mapping),
        "back": list_url(request.connection, System.BUSINESS_CENTRAL, mapping.business_central_table),
    }
    return render(request, "coupling/match_criteria.html", context, status=400 if request.method == "POST" else 200)


def _selected(request: PageRequest, mapping: TableMapping) -> list[UUID] | None:
    """Records that a list handed over; None: all uncoupled ones."""
    given = request.POST if request.method == "POST" else request.GET
    if given.get("selected") != "1":
        return None
    kept: dict[str, list[str]] = request.session.get(SELECTION, {})
    return [UUID(key) for key in kept.get(mapping.name, [])]


class _Form:
    """What the page shows as ticked: the posted form, else the mapping's own criteria."""

    def __init__(self, request: PageRequest, mapping: TableMapping) -> None:
        self.mapping, self.posted = mapping, request.POST if request.method == "POST" else None
        self.fields = offered_fields(mapping)

    def rows(self) -> list[tuple[Any, bool, bool, int]]:
        """(field, match on it, case matters, priority)."""
        ticked = {each.field_id: each for each in self.criteria()}
        return [
            (
                field,
                field.pk in ticked,
                ticked[field.pk].case_sensitive if field.pk in ticked else False,
                ticked[field.pk].priority if field.pk in ticked else 0,
            )
            for field in self.fields
        ]

    def criteria(self) -> list[Criterion]:
        if self.posted is None:
            return [Criterion(f.pk, f.case_sensitive, f.match_priority) for f in self.fields if f.used_for_matching]
        return [
            Criterion(f.pk, bool(self.posted.get(f"case-{f.pk}")), self._priority(f.pk))
            for f in self.fields
            if self.posted.get(f"match-{f.pk}")
        ]

    def _priority(self, pk: int) -> int:
        text = str(self.posted.get(f"priority-{pk}", "")).strip() if self.posted else ""
        return min(int(text), _HIGHEST_PRIORITY) if text.isdecimal() else 0

    @property
    def synchronize(self) -> bool:
        return bool(self.posted.get("synchronize")) if self.posted else self.mapping.synch_after_bulk_coupling

    @property
    def create(self) -> bool:
        return bool(self.posted.get("create")) if self.posted else self.mapping.create_new_in_case_of_no_match

    @property
    def winner(self) -> str:
        return self.posted.get("winner", "") if self.posted else ""

    def direction(self) -> Direction | None:
        """Where the new pairs are synchronised to; None without. A two-way mapping needs a winner."""
        if not self.synchronize:
            return None
        own = Direction(self.mapping.direction)
        if own != Direction.BIDIRECTIONAL:
            return own
        if self.winner not in _WINNERS:
            raise HubError(
                "Choose which side wins if the two differ, or switch the synchronisation after coupling off.",
                code="match.winner",
            )
        return _WINNERS[self.winner]


def _start(request: PageRequest, mapping: TableMapping, form: _Form, selected: list[UUID] | None) -> HttpResponse:
    dry_run = request.POST.get("action") != "run"
    direction = form.direction()
    started = start_match(
        mapping=mapping,
        criteria=form.criteria(),
        bc_keys=selected,
        create_unmatched=form.create,
        synchronize=direction,
        dry_run=dry_run,
        user=request.user,
    )
    if request.POST.get("keep") and Capability.CHANGE_SETTINGS in capabilities_of(request.user):
        save_criteria(
            mapping=mapping,
            criteria=form.criteria(),
            create_unmatched=form.create,
            synchronize=form.synchronize,
            user=request.user,
        )
    sentence = "The dry run has begun; nothing is coupled." if dry_run else "Matching has begun."
    queued(request, started, sentence)
    return redirect(review_url(mapping, started.id))
