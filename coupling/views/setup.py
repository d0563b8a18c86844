"""Set Up Coupling: choose the partner of one record, see what each side would become, then couple.

Everything is in the address (record, search, partner, choice), so the page works without JavaScript; with it, the
search box is a combobox and the parts below refresh in place.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from config.web.request import PageRequest, wants_partial
from connector.choices import Direction, System
from connector.errors import HubError
from coupling.exceptions import AlreadyCoupledError
from coupling.filtersets import mappings_of_table
from coupling.models import Coupling, TableMapping
from coupling.records import words_of
from coupling.services import requests
from coupling.services.candidates import find_candidates
from coupling.services.couplings import couple, mirrored, move
from coupling.services.pairs import key_of
from coupling.synchronisation import FieldPreview, PairPreview, Problem, service
from coupling.views.base import crumbs_of, list_url, mapping_for, pair_url, queued, record_of, system_of

NONE, TO_SALES, TO_BC = "none", Direction.TO_SALES.value, Direction.TO_BUSINESS_CENTRAL.value
_PARTS = {"candidates": "coupling/_candidates.html", "choice": "coupling/_choice.html"}


@dataclass(frozen=True, slots=True)
class ChoiceCard:
    """One way to go on after coupling, with what it would write."""

    value: str
    label: str
    count: str
    allowed: bool


class Setup:
    """The state of the page for one record: mapping, present partner, chosen partner, choice."""

    def __init__(self, request: PageRequest, system: str, table: str, key: UUID) -> None:
        self.request, self.connection = request, request.connection
        self.system = system_of(system)
        self.record = record_of(self.connection, self.system, table, key)
        given = request.POST if request.method == "POST" else request.GET
        mapping = mapping_for(self.connection, self.system, self.record, given.get("mapping", ""))
        if mapping is None:
            raise Http404(f"{words_of(self.system, table).plural} are not set up to be coupled.")
        self.mapping: TableMapping = mapping
        self.other = self.system.other
        self.coupling = self._coupling()
        self.current = key_of(self.coupling, self.other) if self.coupling else None
        self.creates = given.get("create") == "1" and self.may_create
        self.partner: Any = None if self.creates else self._partner(given.get("partner", ""))
        self.choice = self._choice(given.get("choice", ""))

    def _coupling(self) -> Coupling | None:
        return (
            Coupling.objects.for_record(
                connection_id=self.connection.pk, system=self.system, table=self.record.table, key=self.record.key
            )
            .select_related("mapping__connection", "connection")
            .first()
        )

    def _partner(self, text: str) -> Any:
        if not text:
            return self._mirrored(self.current) if self.current else None
        try:
            key = UUID(text)
        except ValueError as error:
            raise Http404("That is not an id.") from error
        partner = self._mirrored(key)
        if partner is None:
            raise Http404("The hub has not read this record.")
        return partner

    def _mirrored(self, key: UUID) -> Any:
        return mirrored(self.connection, self.other, self.mapping.table(self.other), key)

    @property
    def may_create(self) -> bool:
        """Whether a partner can be made: not coupled, and the mapping writes to that side."""
        return self.coupling is None and Direction(self.mapping.direction).allows(self.other)

    def _choice(self, text: str) -> str:
        if self.creates:
            return TO_SALES if self.other == System.SALES else TO_BC
        if text in (NONE, TO_SALES, TO_BC) and (text == NONE or self.allows(text)):
            return text
        if self.coupling is not None:
            return NONE
        return TO_BC if self.mapping.direction == Direction.TO_BUSINESS_CENTRAL else TO_SALES

    def allows(self, direction: str) -> bool:
        return self.mapping.direction in (direction, Direction.BIDIRECTIONAL)

    def preview(self, direction: str) -> PairPreview | None:
        """What coupling in this direction would write; None without a partner."""
        if self.partner is None and not self.creates:
            return None
        keys = {self.system: self.record.key, self.other: None if self.creates else self.partner.key}
        return service().preview_pair(
            mapping=self.mapping,
            bc_key=keys[System.BUSINESS_CENTRAL],
            sales_key=keys[System.SALES],
            force_from=System.BUSINESS_CENTRAL if direction == TO_SALES else System.SALES,
        )

    def context(self) -> dict[str, Any]:
        words = {system: words_of(system, self.mapping.table(system)) for system in System}
        previews = {way: self.preview(way) for way in (TO_SALES, TO_BC) if self.allows(way)}
        shown = previews.get(self.choice) or next(iter(previews.values()), None)
        emptied = _emptied(shown, self.choice) if shown and self.choice != NONE else []
        changed_partner = self.partner is not None and self.partner.key != self.current
        return {
            "title": "Set Up Coupling",
            "crumbs": crumbs_of(self.connection, self.system, self.record.table),
            "setup": self,
            "record": self.record,
            "failure": self._failure(),
            "partner": self.partner,
            "mapping": self.mapping,
            "mappings": mappings_of_table(self.connection, self.system, self.record.table),
            "own_words": words[self.system],
            "other_words": words[self.other],
            "is_bc": self.system == System.BUSINESS_CENTRAL,
            "search": self.request.GET.get("search", ""),
            "with_coupled": self.request.GET.get("with_coupled") == "1",
            "cards": self._cards(previews),
            "preview": shown,
            "lines": _changes_first(shown),
            "writes_shown": self.choice != NONE,
            "emptied": emptied,
            "main_label": self._main_label(previews, words),
            "ready": self.creates or (self.partner is not None and (changed_partner or self.choice != NONE)),
            "moves": self.coupling is not None and changed_partner,
            "back": list_url(self.connection, self.system, self.record.table),
        }

    def _failure(self) -> Problem | None:
        """Why the record has no partner although it should have got one."""
        if self.coupling is not None:
            return None
        place = {"connection": self.connection, "system": self.system, "table": self.record.table}
        return service().failed_creations(**place, keys=[self.record.key]).get(self.record.key)

    def _cards(self, previews: dict[str, PairPreview | None]) -> list[ChoiceCard]:
        def count(way: str) -> str:
            preview = previews.get(way)
            if preview is None:
                return "" if self.allows(way) else "This mapping does not run this way"
            number = preview.writes_sales if way == TO_SALES else preview.writes_bc
            side = "Sales" if way == TO_SALES else "Business Central"
            return f"{number} of {len(preview.fields)} fields change in {side}"

        return [
            ChoiceCard(NONE, "Only couple", "Nothing is written now", not self.creates),
            ChoiceCard(
                TO_SALES,
                "To Sales",
                count(TO_SALES),
                self.allows(TO_SALES) and (not self.creates or self.other == System.SALES),
            ),
            ChoiceCard(
                TO_BC,
                "To Business Central",
                count(TO_BC),
                self.allows(TO_BC) and (not self.creates or self.other != System.SALES),
            ),
        ]

    def _main_label(self, previews: dict[str, PairPreview | None], words: Any) -> str:
        if self.creates:
            return f"Create {words[self.other].singular} and couple"
        verb = "Move coupling" if self.coupling and self.partner and self.partner.key != self.current else "Couple"
        if self.coupling and self.partner and self.partner.key == self.current:
            verb = "Keep coupling"
        preview = previews.get(self.choice)
        if self.choice == NONE or preview is None:
            return verb
        if self.choice == TO_SALES:
            return f"{verb} and update Sales ({_fields(preview.writes_sales)})"
        return f"{verb} and update Business Central ({_fields(preview.writes_bc)})"


def _changes_first(preview: PairPreview | None) -> list[FieldPreview]:
    """The fields that differ before those that agree, so that the difference is seen without scrolling."""
    return sorted(preview.fields, key=lambda line: line.equal) if preview else []


def _fields(number: int) -> str:
    return "1 field" if number == 1 else f"{number} fields"


def _emptied(preview: PairPreview, choice: str) -> list[str]:
    """Labels of the fields whose value would be lost without a new one."""
    found = []
    for line in preview.fields:
        now, after = (line.sales_now, line.sales_after) if choice == TO_SALES else (line.bc_now, line.bc_after)
        writes = line.writes_sales if choice == TO_SALES else line.writes_bc
        if writes and now not in (None, "", 0) and after in (None, ""):
            found.append(line.bc_label or line.sales_attribute)
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def coupling_setup(request: PageRequest, connection: str, system: str, table: str, key: UUID) -> HttpResponse:
    """The page, its parts for htmx (`part=candidates` or `choice`), and the deed."""
    setup = Setup(request, system, table, key)
    if request.method == "POST":
        return _do(request, setup)
    part = request.GET.get("part", "") if wants_partial(request) else ""
    context = {**setup.context(), "next_part": part}
    if part != "choice":
        context["candidates"] = find_candidates(
            mapping=setup.mapping,
            record=setup.record,
            system=setup.system,
            text=context["search"],
            current=setup.current,
            with_coupled=context["with_coupled"],
        )
    response = render(request, _PARTS.get(part, "coupling/setup.html"), context)
    response["Vary"] = "HX-Request, Cookie"
    return response


def _do(request: PageRequest, setup: Setup) -> HttpResponse:
    """Couples, moves or creates as the form says; a refusal stays on the page with its sentence."""
    try:
        if setup.creates:
            work = requests.create_other_side(
                mapping=setup.mapping, system=setup.system, keys=[setup.record.key], user=request.user
            )
            queued(request, list(work.jobs), "Queued: the new record is created and coupled in the background.")
            return redirect(list_url(setup.connection, setup.system, setup.record.table))
        if setup.partner is None:
            messages.error(request, "Choose a record first.")
            return redirect(request.get_full_path())
        coupling = _couple(setup, request)
        if setup.choice == NONE:
            messages.success(request, f"Coupled with {setup.partner}.")
        else:
            job = requests.synchronize(
                coupling=coupling, direction=setup.choice, retry=True, user=request.user, trigger="coupling"
            )
            queued(request, job, f"Coupled with {setup.partner}. The first synchronisation is queued.")
        return redirect(pair_url(coupling))
    except HubError as error:
        messages.error(request, f"{error} {error.hint}".strip())
        return redirect(request.get_full_path())


def _couple(setup: Setup, request: PageRequest) -> Coupling:
    keys = {setup.system: setup.record.key, setup.other: setup.partner.key}
    if setup.coupling is None:
        return couple(
            mapping=setup.mapping,
            bc_key=keys[System.BUSINESS_CENTRAL],
            sales_key=keys[System.SALES],
            user=request.user,
        )
    if setup.partner.key == setup.current:
        return setup.coupling
    if setup.system == System.SALES:
        raise AlreadyCoupledError(
            "This row is already coupled.",
            hint="Delete that coupling first, or move it from the Business Central record.",
        )
    return move(coupling=setup.coupling, sales_key=setup.partner.key, user=request.user)
