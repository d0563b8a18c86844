"""Synch Jobs: the list, one job with live progress and log, and what can be done with it."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from config.roles import Capability
from config.web.lists import BulkAction, ListView
from config.web.request import PageRequest, wants_partial
from config.web.tables import Table
from connector.errors import HubError
from syncjobs.choices import LIVE_JOB_STATES, LogLevel
from syncjobs.filtersets import JobFilterSet
from syncjobs.models import JobLogEntry, SynchJob
from syncjobs.presentation import counters_of, progress_of, with_duration
from syncjobs.services.jobs import cancel_job, delete_job
from syncjobs.tables import JobTable

UNDO_QUESTION = (
    "Couplet writes back what this job changed, where nobody has changed it since, and lists the rest. "
    "Records it created are deleted."
)
DELETE_QUESTION = "The job and its operations are removed from the journal, so it can no longer be undone."
LOG_LINES = 500
"""Lines of the log a page shows at most; older ones are in the API."""


def jobs_of(request: PageRequest) -> QuerySet[SynchJob]:
    return SynchJob.objects.filter(connection=request.connection).select_related("mapping", "user", "connection")


class JobList(ListView):
    title = "Synch Jobs"
    lead = "Every run of a mapping, whoever asked for it."
    icon = "list-check"
    list_name = "jobs"
    table_class = JobTable
    filterset_class = JobFilterSet
    template_name = "syncjobs/job_list.html"
    actions = (
        BulkAction("cancel", "Cancel", "player-stop", Capability.OPERATE, "Cancel {n} jobs? What they wrote stays."),
        BulkAction("delete", "Delete", "trash", Capability.UNDO, "Delete {n} jobs and their operations?", danger=True),
    )

    def get_queryset(self) -> QuerySet[SynchJob]:
        return with_duration(jobs_of(self.request))

    def is_living(self, table: Table) -> bool:
        return any(job.state in LIVE_JOB_STATES for job in table.page.object_list.data)

    def run_action(self, action: BulkAction, records: QuerySet[SynchJob]) -> str:
        act = cancel_job if action.name == "cancel" else delete_job
        done, refused = 0, 0
        for job in records:
            try:
                act(job=job)
                done += 1
            except HubError:
                refused += 1
        words = "asked to stop" if action.name == "cancel" else "deleted"
        rest = "had ended already" if action.name == "cancel" else "run or are still needed"
        return f"{done} jobs {words}." + (f" {refused} {rest}." if refused else "")


@require_safe
def job_detail(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    job = get_object_or_404(jobs_of(request), pk=pk)
    if wants_partial(request):
        return render(request, "syncjobs/_job.html", {"part": True, **_live_context(job)})
    context = {
        "title": str(job),
        "crumbs": [("Synch Jobs", reverse("job-list", kwargs={"connection": connection}))],
        "options": {name.replace("_", " "): value for name, value in job.options.items()},
        **_live_context(job),
        **_log_context(request, job),
    }
    return render(request, "syncjobs/job_detail.html", context)


@require_safe
def job_log(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """The log's lines after `after`; with `level`, only those at least as grave."""
    job = get_object_or_404(jobs_of(request), pk=pk)
    template = "syncjobs/_job_log_lines.html" if "after" in request.GET else "syncjobs/_job_log.html"
    return render(request, template, _log_context(request, job))


def _live_context(job: SynchJob) -> dict[str, Any]:
    return {
        "job": job,
        "progress": progress_of(job),
        "counters": counters_of(job),
        "has_operations": job.operations.exists(),
        "undo_question": UNDO_QUESTION,
        "delete_question": DELETE_QUESTION,
    }


def _log_context(request: HttpRequest, job: SynchJob) -> dict[str, Any]:
    level = request.GET.get("level", "")
    after = request.GET.get("after", "")
    lines: QuerySet[JobLogEntry] = job.log.all()
    if level in LogLevel.values:
        lines = lines.filter(level__in=LogLevel.values[LogLevel.values.index(level) :])
    if after.isdecimal():
        lines = lines.filter(pk__gt=int(after))
    newest = list(lines.order_by("-pk")[:LOG_LINES])[::-1]
    return {
        "job": job,
        "lines": newest,
        "level": level,
        "levels": LogLevel,
        "after": newest[-1].pk if newest else after or 0,
        "progress": progress_of(job),
    }
