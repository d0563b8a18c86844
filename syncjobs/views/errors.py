"""Errors: records that do not follow their partner by themselves, or got none, with what is wrong and the ways out."""

from typing import Any

import django_filters
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from config.roles import Capability, require
from config.web.filters import FilterSet, PeriodFilter
from config.web.lists import BulkAction, ListView
from config.web.parts import number
from config.web.request import PageRequest
from connector.choices import System
from connector.errors import HubError
from connector.models import Connection
from coupling.choices import CouplingState, MissingSide
from coupling.models import Coupling
from coupling.services.pairs import attach_records
from coupling.services.requests import assign_many, delete_survivors, restore_many, retry_many, uncouple_many
from coupling.views.base import address_to_couple, couplings_with_state, queued, says_errors
from coupling.views.synchronize import ask_for_many
from syncjobs.filtersets import CreationErrorFilterSet, mappings_of
from syncjobs.models import Operation
from syncjobs.presentation import ERROR_KINDS, with_error_kind, with_title
from syncjobs.querysets import causes_of, failed_creations, of_cause
from syncjobs.services.jobs import retry_creations
from syncjobs.tables import CreationErrorTable, ErrorTable

MOST_DELETED = 50
_SYNCHRONIZE, _ASSIGN = "synchronize", "assign"
MINE, NOBODYS = "me", "nobody"

_TROUBLED_STATES = [
    (state.value, state.label)
    for state in (CouplingState.FAILING, CouplingState.SKIPPED, CouplingState.CONFLICT, CouplingState.BROKEN)
]


TROUBLED = Q(conflict=True) | Q(skipped_at__isnull=False) | ~Q(error_code="") | ~Q(missing="")
"""Couplings that do not follow by themselves."""


def troubled_couplings(connection: Connection) -> Any:
    return Coupling.objects.filter(TROUBLED, connection=connection)


def tabs_of(connection: Connection, current: str) -> list[tuple[str, str, int, bool]]:
    """The two kinds of errors: label, address, number, whether it is this page."""
    counts = {
        "error-list": ("Coupled records", troubled_couplings(connection).count()),
        "error-uncoupled": ("Without a partner", failed_creations(connection).count()),
    }
    return [
        (label, reverse(name, kwargs={"connection": connection.slug}), number, name == current)
        for name, (label, number) in counts.items()
    ]


class ErrorFilterSet(FilterSet):
    search = django_filters.CharFilter(method="find", label="Search")
    mapping = django_filters.ModelChoiceFilter(
        queryset=mappings_of, to_field_name="name", label="Mapping", empty_label="All mappings"
    )
    state = django_filters.MultipleChoiceFilter(choices=_TROUBLED_STATES, label="State")
    kind = django_filters.ChoiceFilter(
        choices=list(ERROR_KINDS.items()), field_name="error_kind", label="Kind", empty_label="All kinds"
    )
    error = django_filters.CharFilter(field_name="error_code", label="Error code")
    needs = django_filters.CharFilter(field_name="error_details__number", label="Waits for")
    coupling = django_filters.NumberFilter(field_name="pk", label="Coupling")
    assigned = django_filters.ChoiceFilter(
        choices=[(MINE, "Mine"), (NOBODYS, "Nobody's")], method="keep_assigned", label="Assigned", empty_label="All"
    )
    period = PeriodFilter(field_name="failed_at", label="Failed within")

    class Meta:
        model = Coupling
        fields = ("search", "mapping", "state", "kind", "error", "needs", "coupling", "assigned", "period")

    def find(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(Q(title__icontains=value) | Q(error_message__icontains=value))

    def keep_assigned(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(assigned_to=self.request.user if value == MINE else None)


class ErrorList(ListView):
    title = "Errors"
    lead = "Coupled records that do not follow their partner by themselves."
    icon = "circle-check"
    list_name = "errors"
    table_class = ErrorTable
    filterset_class = ErrorFilterSet
    template_name = "syncjobs/error_list.html"
    actions = (
        BulkAction("retry", "Retry", "refresh", Capability.COUPLE, "Try {n} records again?"),
        BulkAction(_SYNCHRONIZE, "Synchronize", "arrows-left-right", Capability.COUPLE),
        BulkAction(
            "restore", "Restore", "rotate-clockwise", Capability.COUPLE, "Create the missing side of {n} records again?"
        ),
        BulkAction(
            "uncouple",
            "Delete couplings",
            "unlink",
            Capability.COUPLE,
            "Delete the couplings of {n} records? Both records of each pair stay.",
            danger=True,
        ),
        BulkAction(_ASSIGN, "Assign", "user", Capability.COUPLE),
        BulkAction("delete", "Delete records", "trash", Capability.CHANGE_SETTINGS, danger=True),
    )

    def get(self, request: HttpRequest, **kwargs: Any) -> Any:
        # Pairs that lost both records are nobody's business any more.
        Coupling.objects.filter(connection=self.request.connection, missing=MissingSide.BOTH).delete()
        return super().get(request, **kwargs)

    def get_queryset(self) -> QuerySet[Coupling]:
        couplings = troubled_couplings(self.request.connection)
        return with_error_kind(with_title(couplings.with_state())).select_related(
            "mapping", "connection", "assigned_to"
        )

    def get_context(self) -> dict[str, Any]:
        troubled = troubled_couplings(self.request.connection)
        return {
            "tabs": tabs_of(self.request.connection, "error-list"),
            "causes": [
                (cause, address_to_couple(self.request.connection, cause.needs_mapping, cause.needs))
                for cause in causes_of(troubled.filter(missing=""))
            ],
            "retry_address": reverse("error-retry", kwargs={"connection": self.request.connection.slug}),
            "any": troubled.exists(),
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        action = request.POST.get("action")
        if action in (_SYNCHRONIZE, _ASSIGN, "delete"):
            require(request.user, Capability.CHANGE_SETTINGS if action == "delete" else Capability.COUPLE)
            chosen = self._selected().order_by().values("pk")
            couplings = list(couplings_with_state(self.request.connection).filter(pk__in=chosen).order_by("pk"))
            if action == "delete":
                return self._delete(request, couplings)
            if action == _ASSIGN:
                return self._assign(request, couplings)
            if whole := [coupling for coupling in couplings if not coupling.missing]:
                return ask_for_many(request, whole, back=request.get_full_path(), retry=True)
            messages.warning(request, "None of the selected records exists on both sides.")
            return redirect(request.get_full_path())
        try:
            return super().post(request, **kwargs)
        except HubError as error:
            messages.error(request, f"{error} {error.hint}".strip())
            return redirect(request.get_full_path())

    def _assign(self, request: HttpRequest, couplings: list[Coupling]) -> HttpResponse:
        """Asks who looks after the records, and notes it."""
        back = request.get_full_path()
        if not couplings:
            messages.warning(request, "Nothing was selected.")
            return redirect(back)
        people = User.objects.filter(is_active=True).order_by("username")
        if "person" not in request.POST:
            context = {"title": "Assign", "couplings": couplings, "people": people, "back": back}
            return render(request, "syncjobs/assign.html", context)
        person = people.filter(username=request.POST["person"]).first()
        assign_many(couplings=couplings, person=person, user=self.request.user)
        n = f"{len(couplings)} record{'s' if len(couplings) > 1 else ''}"
        messages.success(request, f"{person} looks after {n}." if person else f"Nobody looks after {n} any more.")
        return redirect(back)

    def _delete(self, request: HttpRequest, couplings: list[Coupling]) -> HttpResponse:
        """Asks with the names, and never takes more than fifty at once."""
        back = request.get_full_path()
        taken = [c for c in couplings if c.missing in (MissingSide.BUSINESS_CENTRAL, MissingSide.SALES)]
        if not taken:
            messages.warning(request, "None of the selected pairs misses exactly one record.")
            return redirect(back)
        if len(taken) > MOST_DELETED:
            messages.error(request, f"Select at most {MOST_DELETED} records to delete at once.")
            return redirect(back)
        # The dialog of the list cannot know the names; the page with them always asks.
        if request.POST.get("named") != "1":
            attach_records(taken)
            names = [
                f"{coupling.bc_record or coupling.sales_record} ({System(coupling.missing).other.label})"  # type: ignore[attr-defined]
                for coupling in taken
            ]
            context = {"title": "Delete records for good?", "names": names, "couplings": taken, "back": back}
            return render(request, "syncjobs/delete_records.html", context)
        try:
            work = delete_survivors(couplings=taken, user=self.request.user)
        except HubError as error:
            messages.error(request, f"{error} {error.hint}".strip())
            return redirect(back)
        queued(request, list(work.jobs), f"{work.taken} records are being deleted.")
        return redirect(reverse("error-list", kwargs={"connection": self.request.connection.slug}))

    def run_action(self, action: BulkAction, records: QuerySet[Coupling]) -> str:
        couplings = list(
            Coupling.objects.filter(pk__in=records.order_by().values("pk")).select_related(
                "mapping__connection", "connection"
            )
        )
        user = self.request.user
        if action.name == "uncouple":
            gone = uncouple_many(couplings=couplings, user=user)
            also = f", and {gone.children} of contacts with them" if gone.children else ""
            return f"Couplings deleted: {gone.taken}{also}."
        work = (restore_many if action.name == "restore" else retry_many)(couplings=couplings, user=user)
        if not work.taken:
            return (
                "None of these misses exactly one side; there was nothing to restore."
                if action.name == "restore"
                else "None of these exists on both sides; there was nothing to retry."
            )
        left = f" {len(work.left_out)} left out." if work.left_out else ""
        verb = "restored" if action.name == "restore" else "tried again"
        return f"{work.taken} record{'s are' if work.taken > 1 else ' is'} {verb}.{left}"


@require_POST
@says_errors
def retry_coupled(request: PageRequest, connection: str) -> HttpResponse:
    """Tries coupled records again: those of one cause (`mapping`, `error`, `needs`), or all."""
    rows = troubled_couplings(request.connection).filter(missing="").select_related("mapping__connection")
    if code := request.POST.get("error", ""):
        rows = of_cause(rows, mapping=request.POST.get("mapping", ""), code=code, needs=request.POST.get("needs", ""))
    work = retry_many(couplings=list(rows), user=request.user)
    if work.taken:
        queued(request, list(work.jobs), f"{number(work.taken)} records are tried again.")
    else:
        messages.info(request, "There was nothing to retry.")
    return redirect(reverse("error-list", kwargs={"connection": connection}))


class CreationErrorList(ListView):
    """Records whose partner could not be created, the newest failure of each, with their causes on top."""

    title = "Errors"
    lead = "Records that should have got a partner in the other system, but did not."
    icon = "circle-check"
    list_name = "creation-errors"
    table_class = CreationErrorTable
    filterset_class = CreationErrorFilterSet
    template_name = "syncjobs/creation_error_list.html"
    actions = (BulkAction("retry", "Retry", "refresh", Capability.COUPLE, "Try {n} records again?"),)

    def get_queryset(self) -> QuerySet[Operation]:
        rows = failed_creations(self.request.connection).select_related("mapping", "connection")
        return rows.defer("bc_base", "sales_base", "before", "after", "error_details")

    def get_context(self) -> dict[str, Any]:
        connection = self.request.connection
        causes = causes_of(failed_creations(connection))
        return {
            "tabs": tabs_of(connection, "error-uncoupled"),
            "causes": [
                (cause, address_to_couple(self.request.connection, cause.needs_mapping, cause.needs))
                for cause in causes
            ],
            "retry_address": reverse("error-uncoupled-retry", kwargs={"connection": connection.slug}),
        }

    def run_action(self, action: BulkAction, records: QuerySet[Operation]) -> str:
        return _retry(self.request, records)


@require_POST
@says_errors
def retry_cause(request: PageRequest, connection: str) -> HttpResponse:
    """Tries all records again that failed for one cause: `mapping`, `error` and `needs` name it."""
    wanted = of_cause(
        failed_creations(request.connection),
        mapping=request.POST.get("mapping", ""),
        code=request.POST.get("error", ""),
        needs=request.POST.get("needs", ""),
    )
    messages.success(request, _retry(request, wanted))
    return redirect(reverse("error-uncoupled", kwargs={"connection": connection}))


def _retry(request: PageRequest, operations: QuerySet[Operation]) -> str:
    n = operations.count()
    jobs = retry_creations(operations=operations, user=request.user)
    if not jobs:
        return "These records have a partner by now; there was nothing to retry."
    return f"{n} record{'s are' if n > 1 else ' is'} tried again; what fails once more stays in this list."
