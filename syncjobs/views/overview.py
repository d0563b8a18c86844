"""Pages and acts that concern a whole connection: statistics, all changes at once, failures that were seen."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from connector.services.usage import ALLOWED, WINDOW_MINUTES, usage_of
from coupling.views.base import says_errors
from syncjobs.services.modified import synchronize_modified
from syncjobs.services.statistics import reset_failures, statistics_of

MODIFIED_QUESTION = (
    "All changes since the last run will be synchronised for every mapping, in the background. Only coupled records "
    "take part where a mapping says so."
)


@require_safe
def statistics(request: PageRequest, connection: str) -> HttpResponse:
    context = {
        "title": "Statistics",
        "rows": statistics_of(request.connection, now=timezone.now()),
        "usage": usage_of(request.connection),
        "allowed": ALLOWED,
        "window": WINDOW_MINUTES,
    }
    return render(request, "syncjobs/statistics.html", context)


@require_POST
@says_errors
def connection_modified(request: PageRequest, connection: str) -> HttpResponse:
    """Starts a run over the changes of every mapping, after a question."""
    if not is_confirmed(request):
        return confirmation_page(
            request,
            title="Synchronise modified records?",
            text=MODIFIED_QUESTION,
            label="Synchronise",
            back=request.connection.get_absolute_url(),
            danger=False,
        )
    started = synchronize_modified(connection=request.connection, user=request.user)
    if not started:
        messages.warning(request, "No mapping can run: all are switched off or unavailable.")
        return redirect(request.connection)
    messages.success(request, f"{len(started)} job{'s' if len(started) > 1 else ''} started, one per mapping.")
    return redirect(reverse("job-list", kwargs={"connection": connection}))


@require_POST
def failures_reset(request: PageRequest, connection: str) -> HttpResponse:
    """The failed runs of Home count as seen."""
    reset_failures(connection=request.connection, now=timezone.now())
    messages.success(request, "Failed runs are counted from here on.")
    return redirect("home")
