"""Operations: what was planned for and written to either system, record by record, with the values before and after."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

import config
from config.roles import Capability
from config.web.lists import BulkAction, ListView
from config.web.request import PageRequest
from coupling.models import Coupling
from coupling.services.requests import uncouple_many
from syncjobs.filtersets import OperationFilterSet
from syncjobs.models import Operation
from syncjobs.services.jobs import RETRYABLE, retry_couplings, retry_creations
from syncjobs.tables import OperationTable


def operations_of(request: PageRequest) -> QuerySet[Operation]:
    return Operation.objects.filter(connection=request.connection).select_related("mapping", "connection")


class OperationList(ListView):
    title = "Operations"
    lead = "Every change that a job planned or made in either system."
    icon = "list-details"
    list_name = "operations"
    table_class = OperationTable
    filterset_class = OperationFilterSet
    actions = (
        BulkAction("retry", "Retry", "refresh", Capability.COUPLE, "Try {n} records again?"),
        BulkAction(
            "uncouple",
            "Delete coupling",
            "unlink",
            Capability.COUPLE,
            "Delete the couplings of {n} selected operations? All records stay, they just stop following each other.",
            danger=True,
        ),
    )

    def get_queryset(self) -> QuerySet[Operation]:
        return operations_of(self.request).defer("bc_base", "sales_base", "before", "after", "error_details")

    def get_context(self) -> dict[str, Any]:
        url = reverse("job-list", kwargs={"connection": self.request.connection.slug})
        return {"crumbs": [("Synch Jobs", url)]}

    def run_action(self, action: BulkAction, records: QuerySet[Operation]) -> str:
        """Coupled records and those without a partner, a job per mapping each."""
        if action.name == "uncouple":
            return self._uncouple(records)
        retryable = records.filter(state__in=RETRYABLE, preview=False)
        couplings = Coupling.objects.filter(pk__in=retryable.order_by().values("coupling_id"))
        jobs = retry_couplings(couplings=list(couplings), user=self.request.user)
        jobs += retry_creations(operations=retryable, user=self.request.user)
        if not jobs:
            return "None of these failed; there was nothing to retry."
        return f"The failed records are tried again in {len(jobs)} job{'s' if len(jobs) > 1 else ''}."

    def _uncouple(self, records: QuerySet[Operation]) -> str:
        """Several operations of one record count once."""
        found = Coupling.objects.filter(pk__in=records.order_by().values("coupling_id"))
        couplings = list(found.select_related("mapping__connection", "connection"))
        if not couplings:
            return "None of these records is coupled."
        gone = uncouple_many(couplings=couplings, user=self.request.user)
        also = f", and {gone.children} of contacts with them" if gone.children else ""
        return f"Couplings to delete: {gone.taken}{also}." + (" This runs in the background." if gone.jobs else "")


@dataclass(frozen=True, slots=True)
class Difference:
    """One property of an operation: what was there and what was sent."""

    name: str
    before: Any
    after: Any
    changed: bool


def differences(operation: Operation) -> list[Difference]:
    names = [*operation.after, *(name for name in operation.before if name not in operation.after)]
    return [
        Difference(
            name,
            operation.before.get(name),
            operation.after.get(name),
            operation.before.get(name) != operation.after.get(name),
        )
        for name in names
    ]


def for_support(operation: Operation) -> str:
    """What somebody who is asked to help wants to know, without the record's values."""
    facts = {
        "Couplet": config.__version__,
        "Operation": f"{operation.pk}, {operation.get_kind_display()} in {operation.get_system_display()}",
        "Mapping": f"{operation.mapping.name}, job {operation.job_id}",
        "Table and record": f"{operation.table} {operation.record_id or ''}".strip(),
        "Error": f"{operation.error_code}: {operation.error_message} {operation.error_hint}".strip(),
        "Attempts": str(operation.attempts),
        "Planned, sent, ended": ", ".join(
            f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "never"
            for at in (operation.created_at, operation.sent_at, operation.settled_at)
        ),
        **{name.replace("_", " ").capitalize(): str(value) for name, value in operation.error_details.items()},
    }
    return "\n".join(f"{name}: {value}" for name, value in facts.items())


@require_safe
def operation_detail(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    operation = get_object_or_404(operations_of(request).select_related("job", "coupling"), pk=pk)
    crumbs = [("Synch Jobs", reverse("job-list", kwargs={"connection": connection}))]
    if operation.job:
        crumbs.append((str(operation.job), operation.job.get_absolute_url()))
    crumbs.append(("Operations", reverse("operation-list", kwargs={"connection": connection})))
    context = {
        "title": operation.record_name or str(operation),
        "operation": operation,
        "differences": differences(operation),
        "for_support": for_support(operation) if operation.error_code else "",
        "crumbs": crumbs,
    }
    return render(request, "syncjobs/operation_detail.html", context)
