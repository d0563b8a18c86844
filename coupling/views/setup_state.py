"""What Set Up Coupling shows for one record: mapping, partner now and chosen, choice, and what each would do."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404

from config.web.request import PageRequest
from connector.choices import Direction, System
from connector.errors import RemoteError
from coupling.choices import MappingKind
from coupling.filtersets import mappings_of_table
from coupling.matching.models import RecordClaim
from coupling.models import Coupling, TableCursor, TableMapping
from coupling.records import words_of
from coupling.services.candidates import refusal_of
from coupling.services.claims import claim, claimed_until, let_go, release
from coupling.services.couplings import mirrored
from coupling.services.duplicates import Duplicate, duplicates_of
from coupling.services.links import sales_url
from coupling.services.new_values import missing_values
from coupling.services.pairs import attach_records, key_of
from coupling.synchronisation import UNREAD, FieldPreview, PairPreview, Problem, service
from coupling.views.base import address_to_couple, crumbs_of, list_url, mapping_for, pair_url, record_of, system_of
from coupling.views.new_record import PREFIX, REASON, NewValuesForm, TypedRecord

NONE, TO_SALES, TO_BC = "none", Direction.TO_SALES.value, Direction.TO_BUSINESS_CENTRAL.value
PEEK = "peek"
"""Part of the page that shows a row's values beside the record's without choosing it."""
_PICKED = "picked-rows"
_MOST_PICKED = 5


@dataclass(frozen=True, slots=True)
class ChoiceCard:
    """One way to go on after coupling, with what it would write."""

    value: str
    label: str
    count: str
    allowed: bool


class Picked:
    """Rows that this person picked last in one table, whatever they were for; kept with the session."""

    def __init__(self, request: PageRequest, system: System, table: str) -> None:
        self.session = request.session
        self.place = f"{request.connection.slug}/{system}/{table}"

    def recent(self) -> list[UUID]:
        return [UUID(text) for text in self.session.get(_PICKED, {}).get(self.place, [])]

    def note(self, key: UUID) -> None:
        known = [text for text in self.session.get(_PICKED, {}).get(self.place, []) if text != str(key)]
        self.session[_PICKED] = {**self.session.get(_PICKED, {}), self.place: [str(key), *known][:_MOST_PICKED]}


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
        self.only_differences = given.get("only") == "1"
        self.taken_by: Coupling | None = None
        self.typed = TypedRecord(request, f"{self.mapping.pk}/{self.system}/{self.record.key}")
        self.picked = Picked(request, self.other, self.mapping.table(self.other))
        self.refusal = "" if request.GET.get("part") == PEEK else self._refusal()

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
    def changes_partner(self) -> bool:
        """Whether another row was chosen than the one coupled now."""
        return self.partner is not None and self.partner.key != self.current

    def _refusal(self) -> str:
        """Why the chosen row cannot be taken, after reading it live; blank where it can. Sets `taken_by`."""
        if not self.changes_partner or self.request.method != "GET":
            return ""
        table = self.mapping.table(self.other)
        # Where the system cannot be asked, what the mirror knows has to do; coupling itself reads again.
        with suppress(RemoteError):
            service().refresh(connection=self.connection, system=self.other, table=table, keys=[self.partner.key])
        self.partner = self._mirrored(self.partner.key)
        self.taken_by = (
            Coupling.objects.for_record(
                connection_id=self.connection.pk, system=self.other, table=table, key=self.partner.key
            )
            .select_related("connection", "mapping")
            .first()
        )
        if self.taken_by is not None:
            attach_records([self.taken_by])
            owner = self.taken_by.bc_record if self.system == System.BUSINESS_CENTRAL else self.taken_by.sales_record  # type: ignore[attr-defined]
            return f"{self.partner} already belongs to {owner or 'another record'}."
        return refusal_of(self.mapping, self.other, self.partner)

    def duplicates(self) -> list[Duplicate]:
        """Records of the other side that may be the one about to be created."""
        if not self.creates:
            return []
        found = duplicates_of(mapping=self.mapping, system=self.system, records=[self.record])
        return found.get(self.record.key, [])

    def claim(self, *, take_over: bool = False) -> RecordClaim | None:
        """Gives the record to whoever asks; returns the claim of somebody else who has it and keeps it."""
        place: dict[str, Any] = {"connection": self.connection, "system": self.system, "table": self.record.table}
        return claim(**place, key=self.record.key, user=self.request.user, take_over=take_over)

    def claimed_until(self) -> datetime | None:
        """Names the reservation of this page, so that leaving it ends no later one."""
        place: dict[str, Any] = {"connection": self.connection, "system": self.system, "table": self.record.table}
        return claimed_until(**place, key=self.record.key, user=self.request.user)

    def let_go(self, until: datetime) -> None:
        place: dict[str, Any] = {"connection": self.connection, "system": self.system, "table": self.record.table}
        let_go(**place, key=self.record.key, user=self.request.user, until=until)

    def release(self) -> None:
        place: dict[str, Any] = {"connection": self.connection, "system": self.system, "table": self.record.table}
        release(**place, keys=[self.record.key], user=self.request.user)

    def read_what_is_unread(self, previews: list[PairPreview]) -> bool:
        """Asks for tables that the preview refers to and the hub has not read; tells whether there are any."""
        if not self.connection.enabled:
            return False
        if not any(UNREAD in (line.bc_now_text, line.sales_now_text) for shown in previews for line in shown.fields):
            return False
        read = set(TableCursor.objects.filter(connection=self.connection).values_list("system", "table"))
        wanted: set[tuple[System, str]] = set()
        for mapping in self.connection.mappings.filter(name__in=self.mapping.depends_on, enabled=True, available=True):
            systems = [System.BUSINESS_CENTRAL] if mapping.kind == MappingKind.OPTION else list(System)
            wanted |= {(system, mapping.table(system)) for system in systems}
        unread = [place for place in sorted(wanted) if place not in read]
        if unread:
            service().read_in_background(connection=self.connection, tables=unread)
        return bool(unread)

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

    def peek(self) -> dict[str, Any]:
        """Both sides' values as the hub knows them, for a row that somebody only looks at."""
        preview = self.preview(TO_SALES if self.allows(TO_SALES) else TO_BC)
        lines = _changes_first(preview, [])
        return {
            "partner": self.partner,
            "lines": [line for line in lines if not line.equal],
            "equal": sum(1 for line in lines if line.equal),
            "total": len(lines),
        }

    def context(self) -> dict[str, Any]:
        words = {system: words_of(system, self.mapping.table(system)) for system in System}
        previews = {} if self.refusal else {way: self.preview(way) for way in (TO_SALES, TO_BC) if self.allows(way)}
        shown = previews.get(self.choice) or next(iter(previews.values()), None)
        emptied = _emptied(shown, self.choice) if shown and self.choice != NONE else []
        known = [preview for preview in previews.values() if preview is not None]
        lines = _changes_first(shown, emptied)
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
            "before": self.request.GET.get("before", ""),
            "with_coupled": self.request.GET.get("with_coupled") == "1",
            "cards": self._cards(previews),
            "preview": shown,
            "lines": [line for line in lines if not (self.only_differences and line.equal)],
            "equal": sum(1 for line in lines if line.equal),
            "replaced": _replaced(shown, self.choice) if shown and self.choice != NONE else 0,
            "needs": self._needs(shown),
            "duplicates": self.duplicates(),
            "new_values": self._new_values(shown),
            "state": self._state(),
            "reading": self.read_what_is_unread(known),
            "taken_address": pair_url(self.taken_by) if self.taken_by else "",
            "may_move_here": self.taken_by is not None and self.system == System.BUSINESS_CENTRAL,
            "writes_shown": self.choice != NONE,
            "emptied": emptied,
            "sales_root": sales_url(self.connection, self.mapping.sales_entity, ""),
            "main_label": self._main_label(previews, words),
            "ready": not self.refusal
            and (self.creates or (self.partner is not None and (self.changes_partner or self.choice != NONE))),
            "moves": self.coupling is not None and self.changes_partner,
            "back": list_url(self.connection, self.system, self.record.table),
        }

    def _new_values(self, preview: PairPreview | None) -> NewValuesForm | None:
        """What the new record needs and the mapping leaves empty."""
        if not self.creates or preview is None:
            return None
        wanted = missing_values(self.mapping, self.other, preview.body)
        return self.typed.form(wanted) if wanted else None

    def _state(self) -> str:
        """The address of the page, to come back to it; what was typed is kept elsewhere."""
        kept = self.request.GET.copy()
        for name in [name for name in kept if name.startswith(PREFIX) or name in (REASON, "part")]:
            del kept[name]
        return kept.urlencode()

    def _needs(self, preview: PairPreview | None) -> list[tuple[Problem, str]]:
        """What keeps values from being carried, each with the page on which its cause is removed."""
        return [
            (problem, address_to_couple(self.connection, problem.needs_mapping, problem.needs))
            for problem in (preview.problems if preview else ())
        ]

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


def _changes_first(preview: PairPreview | None, emptied: list[str]) -> list[FieldPreview]:
    """Values that get lost first, then the fields that differ, so that the difference is seen without scrolling."""
    lost = set(emptied)
    return sorted(preview.fields, key=lambda line: (label_of(line) not in lost, line.equal)) if preview else []


def label_of(line: FieldPreview) -> str:
    return line.bc_label or line.sales_attribute


def _fields(number: int) -> str:
    return "1 field" if number == 1 else f"{number} fields"


def _emptied(preview: PairPreview, choice: str) -> list[str]:
    """Labels of the fields whose value would be lost without a new one."""
    found = []
    for line in preview.fields:
        now, after = (line.sales_now, line.sales_after) if choice == TO_SALES else (line.bc_now, line.bc_after)
        writes = line.writes_sales if choice == TO_SALES else line.writes_bc
        if writes and now not in (None, "", 0) and after in (None, ""):
            found.append(label_of(line))
    return found


def _replaced(preview: PairPreview, choice: str) -> int:
    """How many non-empty values get another one."""
    if choice == TO_SALES:
        return sum(1 for line in preview.fields if line.writes_sales and line.sales_now not in (None, "", 0))
    return sum(1 for line in preview.fields if line.writes_bc and line.bc_now not in (None, "", 0))
