"""The record lists of both systems, one page for every mapped table."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from config.roles import Capability, require
from config.web.confirm import confirmation_page, is_confirmed
from config.web.lists import BulkAction, ListView
from connector.choices import Direction, System
from connector.errors import HubError
from coupling.choices import CouplingState, MappingKind
from coupling.filtersets import RecordFilterSet, mappings_of_table
from coupling.models import Coupling, TableCursor
from coupling.records import words_of
from coupling.services import requests
from coupling.services.children import PARENTS
from coupling.services.create_many import create_partners
from coupling.services.list_counts import ALL, NOT_COUPLED, SUGGESTED, list_counts, own_count
from coupling.services.pairs import couplings_of, side_of
from coupling.services.search import mirror_of
from coupling.services.suggestions import is_suggested
from coupling.tables import RecordTable
from coupling.views.base import couplings_with_state, list_url, system_of
from coupling.views.create_many import told
from coupling.views.matching import selection_url
from coupling.views.synchronize import ask_for_many

MOST_AT_ONCE = 10_000
_SYNCHRONIZE, _MATCH, _UNCOUPLE = "synchronize", "match", "uncouple"

VIEWS = (
    ("All", ""),
    ("Mine", "mine=true"),
    ("Not coupled", "coupled=false"),
    ("Suggestions", "suggested=true"),
    ("In sync", "state=in_sync"),
    ("Changes waiting", "state=changes_waiting"),
    ("Failing", "state=failing"),
    ("Skipped", "state=skipped"),
    ("Conflict", "state=conflict"),
    ("Broken", "state=broken"),
    ("Outside filter", "state=outside_filter"),
)
"""Quick ways through a list: label, query string."""
TROUBLE = frozenset({"state=failing", "state=skipped", "state=conflict", "state=broken"})
"""Views that nobody wants to be full."""


class RecordListView(ListView):
    """Records of the table that the address names."""

    icon = "table"
    template_name = "coupling/record_list.html"
    system: System
    table: str

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.system, self.table = system_of(kwargs["system"]), kwargs["table"]
        words = words_of(self.system, self.table)
        self.title = words.plural
        self.lead = f"What {self.system.label} holds, and what each {words.singular} is coupled with."
        self.list_name = f"records-{self.system}-{self.table}"[:60]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.mappings = mappings_of_table(self.request.connection, self.system, self.table)
        if not self.mappings and not self.get_queryset().exists():
            raise Http404("This table is not mapped.")
        self.actions = self._actions()
        self.table_class = RecordTable.for_table(self.request.connection, self.system, self.table)
        self.filterset_class = RecordFilterSet.for_table(self.system, self.table)
        return super().dispatch(request, *args, **kwargs)

    def _actions(self) -> Sequence[BulkAction]:
        if not self.request.connection.enabled:
            return ()
        found = [BulkAction(_SYNCHRONIZE, "Synchronize", "refresh", Capability.COUPLE)]
        creating = [m for m in self.mappings if Direction(m.direction).allows(self.system.other)]
        if creating:
            singular = words_of(self.system.other, creating[0].table(self.system.other)).singular
            label = f"Create {singular} in {'Sales' if self.system == System.BUSINESS_CENTRAL else 'Business Central'}"
            question = "Create partners for {n} selected records? Coupled ones are left out."
            found.append(BulkAction("create", label, "plus", Capability.COUPLE, question))
        if self.system == System.BUSINESS_CENTRAL and any(is_suggested(mapping) for mapping in self.mappings):
            found.append(BulkAction(_MATCH, "Match-based coupling", "git-compare", Capability.COUPLE))
        # How many contacts go along is known to the server only, so for their parents its page asks.
        takes_contacts = any(mapping.name in PARENTS for mapping in self.mappings)
        question = (
            ""
            if takes_contacts
            else "Delete the couplings of {n} selected records? All records stay, they just stop following each other."
        )
        found.append(BulkAction(_UNCOUPLE, "Delete coupling", "unlink", Capability.COUPLE, question, danger=True))
        return found

    def get_queryset(self) -> QuerySet[Any]:
        return mirror_of(self.system).objects.of_table(self.request.connection.pk, self.table)

    def get_context(self) -> dict[str, Any]:
        current = self.request.GET.urlencode()
        counts = self._counts()
        return {
            "tables": self._tables(),
            "views": [(label, query, query == current, counts.get(query), query in TROUBLE) for label, query in VIEWS],
            "no_connection": not self.request.connection.enabled,
            "reading": self._reading(),
            "suggesting": next((mapping for mapping in self.mappings if is_suggested(mapping)), None),
            "unavailable": [mapping.unavailable_reason for mapping in self.mappings if mapping.unavailable_reason],
        }

    def _counts(self) -> dict[str, int]:
        """Number of records behind each view, by its query."""
        numbers = list_counts(self.request.connection, self.system, self.table, self.mappings)
        found = {f"state={state}": numbers.get(state, 0) for state in CouplingState.values}
        named = {"": ALL, "coupled=false": NOT_COUPLED, "suggested=true": SUGGESTED}
        mine = own_count(self.request.connection, self.system, self.table, self.request.user)
        return found | {query: numbers[name] for query, name in named.items() if name in numbers} | {"mine=true": mine}

    def _reading(self) -> bool:
        """The table is being read for the first time."""
        cursor = TableCursor.objects.filter(
            connection=self.request.connection, system=self.system, table=self.table
        ).first()
        return cursor is None or cursor.read_at is None

    def _tables(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The lists of all mapped tables, by system: (label, address)."""
        connection = self.request.connection
        mapped = list(connection.mappings.filter(kind=MappingKind.RECORD))
        return [
            (
                system.label,
                [
                    (words_of(system, table).plural, list_url(connection, system, table))
                    for table in dict.fromkeys(mapping.table(system) for mapping in mapped)
                ],
            )
            for system in System
        ]

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if request.POST.get("action") == _MATCH:
            require(request.user, Capability.COUPLE)
            keys = list(self._selected().order_by("pk").values_list("key", flat=True)[:MOST_AT_ONCE])
            mapping = next((mapping for mapping in self.mappings if is_suggested(mapping)), None)
            if not keys or mapping is None:
                messages.warning(request, "Nothing was selected.")
                return redirect(request.get_full_path())
            return redirect(selection_url(self.request, mapping, keys))
        if request.POST.get("action") == _SYNCHRONIZE:
            require(request.user, Capability.COUPLE)
            couplings = list(self._couplings(self._selected())[: MOST_AT_ONCE + 1])
            if len(couplings) > MOST_AT_ONCE:
                messages.error(request, f"Select at most {MOST_AT_ONCE} records, or run the whole mapping instead.")
                return redirect(request.get_full_path())
            if not couplings:
                messages.warning(request, "None of the selected records is coupled.")
                return redirect(request.get_full_path())
            return ask_for_many(request, couplings, back=request.get_full_path())
        if request.POST.get("action") == _UNCOUPLE and any(mapping.name in PARENTS for mapping in self.mappings):
            require(request.user, Capability.COUPLE)
            if not is_confirmed(request):
                return self._ask_to_uncouple(request)
        try:
            return super().post(request, **kwargs)
        except HubError as error:
            messages.error(request, f"{error} {error.hint}".strip())
            return redirect(request.get_full_path())

    def _ask_to_uncouple(self, request: HttpRequest) -> HttpResponse:
        couplings = list(self._couplings(self._selected())[:MOST_AT_ONCE])
        if not couplings:
            messages.warning(request, "None of the selected records is coupled.")
            return redirect(request.get_full_path())
        children = requests.children_to_go(couplings)
        with_them = f" {children} contact coupling{'s go' if children > 1 else ' goes'} with them." if children else ""
        return confirmation_page(
            request,
            title=f"Delete {len(couplings)} coupling{'s' if len(couplings) > 1 else ''}?",
            text=f"All records stay, they just stop following each other.{with_them}",
            label="Delete coupling",
            back=request.get_full_path(),
        )

    def run_action(self, action: BulkAction, records: QuerySet[Any]) -> str:
        return self._create(records) if action.name == "create" else self._uncouple(records)

    def _couplings(self, records: QuerySet[Any]) -> QuerySet[Coupling]:
        side = side_of(self.system)
        chosen = couplings_of(self.request.connection, self.system, self.table).filter(
            **{f"{side}_key__in": records.order_by().values("key")}
        )
        return couplings_with_state(self.request.connection).filter(pk__in=chosen.values("pk")).order_by("pk")

    def _uncouple(self, records: QuerySet[Any]) -> str:
        couplings = list(self._couplings(records)[:MOST_AT_ONCE])
        if not couplings:
            return "None of the selected records is coupled."
        work = requests.uncouple_many(couplings=couplings, user=self.request.user)
        children = f", and {work.children} of contacts with them" if work.children else ""
        return f"Couplings to delete: {work.taken}{children}." + (" This runs in the background." if work.jobs else "")

    def _create(self, records: QuerySet[Any]) -> str:
        alive = records.filter(deleted_at__isnull=True).order_by()
        done = create_partners(
            connection=self.request.connection,
            system=self.system,
            table=self.table,
            mappings=self.mappings,
            keys=list(alive.values_list("key", flat=True)[:MOST_AT_ONCE]),
            user=self.request.user,
        )
        return told(self.request, self.system, self.table, done)
