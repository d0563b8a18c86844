"""The list of mappings, with what can be done to several of them at once."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, DateTimeField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from config.roles import Capability, require
from config.web.lists import BulkAction, ListView
from connector.choices import System
from connector.errors import HubError
from connector.services.environments import neighbours
from coupling.filtersets import MappingFilterSet
from coupling.models import Coupling, OptionMapping, RecordTemplate, TableCursor, TableMapping
from coupling.services.mappings import update_mapping
from coupling.views.uncoupling import uncouple_url
from syncjobs.choices import JobMode, JobTrigger
from syncjobs.mapping_table import MappingTable
from syncjobs.models import Schedule, SynchJob
from syncjobs.services.jobs import start_job
from syncjobs.views.errors import TROUBLED

_UNCOUPLE, _RESET, _EXPORT = "uncouple", "reset", "export"
_PAGES = {_RESET: "mapping-reset", _EXPORT: "mapping-configuration-export"}
"""Deeds that have a page of their own: a difference to look at first, or a file."""

_MODES = {"modified": JobMode.MODIFIED, "full": JobMode.FULL}
_WORDS = {"modified": "started", "full": "started", "on": "switched on", "off": "switched off"}


class MappingList(ListView):
    title = "Mappings"
    lead = "Which table of Business Central follows which table of Sales, and how."
    icon = "arrows-left-right"
    list_name = "mappings"
    table_class = MappingTable
    filterset_class = MappingFilterSet
    template_name = "syncjobs/mapping_list.html"
    actions = (
        BulkAction("modified", "Synchronise changes", "refresh", Capability.OPERATE),
        BulkAction(
            "full",
            "All records",
            "stack-2",
            Capability.RUN_FULL,
            question="All records inside the filters of {n} mappings are compared, whatever the hub has seen before. "
            "Nothing is forced. Continue?",
        ),
        BulkAction("on", "Switch on", "player-play", Capability.CHANGE_SETTINGS),
        BulkAction(
            "off",
            "Switch off",
            "player-stop",
            Capability.CHANGE_SETTINGS,
            question="Nothing of {n} mappings is synchronised until they are switched on again. Couplings stay.",
        ),
        BulkAction(_RESET, "Delivered setup", "arrows-diff", Capability.CHANGE_SETTINGS),
        BulkAction(_EXPORT, "Export", "download", Capability.CHANGE_SETTINGS),
        BulkAction(_UNCOUPLE, "Delete couplings", "unlink", Capability.CHANGE_SETTINGS, danger=True),
    )

    def get_queryset(self) -> QuerySet[TableMapping]:
        couplings = Coupling.objects.filter(mapping=OuterRef("pk")).order_by().values("mapping")
        options = OptionMapping.objects.filter(mapping=OuterRef("pk")).order_by().values("mapping")
        schedule = Schedule.objects.filter(mapping=OuterRef("pk"), enabled=True)
        jobs = SynchJob.objects.filter(mapping=OuterRef("pk")).exclude(mode=JobMode.PREVIEW).order_by("-pk")
        return (
            TableMapping.objects.filter(connection=self.request.connection)
            .select_related("connection")
            .annotate(
                coupled=_number(couplings) + _number(options),
                troubled=_number(couplings.filter(TROUBLED)),
                skipped=_number(couplings.filter(skipped_at__isnull=False)),
                templates_made=_number(
                    RecordTemplate.objects.filter(mapping=OuterRef("pk")).order_by().values("mapping")
                ),
                reacts=Subquery(schedule.values("reacts_at_once")[:1]),
                interval=Subquery(schedule.values("interval_minutes")[:1]),
                last_state=Subquery(jobs.values("state")[:1]),
                last_job=Subquery(jobs.values("pk")[:1]),
                bc_read=_read(System.BUSINESS_CENTRAL, "business_central_table"),
                sales_read=_read(System.SALES, "sales_table"),
            )
        )

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        action = request.POST.get("action", "")
        if action == _UNCOUPLE or action in _PAGES:
            require(request.user, Capability.CHANGE_SETTINGS)
            if names := list(self._selected().values_list("name", flat=True)):
                return redirect(self._page_for(action, names))
        return super().post(request, **kwargs)

    def _page_for(self, action: str, names: list[str]) -> str:
        if action == _UNCOUPLE:
            # Its question has an answer to type, which the list's own question has not.
            return uncouple_url(self.request.connection, names)
        place = reverse(_PAGES[action], kwargs={"connection": self.request.connection.slug})
        return f"{place}?{urlencode({'name': names}, doseq=True)}"

    def get_context(self) -> dict[str, Any]:
        return {"neighbours": neighbours(self.request.connection)}

    def run_action(self, action: BulkAction, records: QuerySet[TableMapping]) -> str:
        done, problems = 0, []
        for mapping in records:
            try:
                if action.name in _MODES:
                    start_job(
                        connection=self.request.connection,
                        mapping=mapping,
                        mode=_MODES[action.name],
                        trigger=JobTrigger.USER,
                        user=self.request.user,
                    )
                else:
                    changes = {"enabled": action.name == "on"}
                    update_mapping(mapping=mapping, changes=changes, user=self.request.user)
                done += 1
            except HubError as error:
                problems.append(f"{mapping}: {error}")
        return " ".join([f"{done} {'mapping is' if done == 1 else 'mappings are'} {_WORDS[action.name]}.", *problems])


def _number(rows: QuerySet[Any, Any]) -> Coalesce:
    return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n")), 0)


def _read(system: System, table: str) -> Subquery:
    """When the mapping's table was last read for changes."""
    cursors = TableCursor.objects.filter(connection=OuterRef("connection"), system=system, table=OuterRef(table))
    return Subquery(cursors.values("read_at")[:1], output_field=DateTimeField())
