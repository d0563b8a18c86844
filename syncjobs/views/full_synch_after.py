"""What is decided once lines have ended: how scheduled jobs go on, and what becomes of records that failed."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from config.web.request import PageRequest
from connector.services.audit import record_change
from coupling.views.base import says_errors
from syncjobs.models import FullSynch
from syncjobs.services.after_full_synch import answer as answer_question
from syncjobs.services.full_synch_control import accept_failures, retry_failed

MOST_PERCENT = 100


@require_POST
@says_errors
def answer(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Whether scheduled jobs create partners from now on, mapping by mapping, and whether they run at all."""
    creating = request.POST.getlist("creating")
    automatic = "automatic" in request.POST
    answer_question(full_synch=_run(request, pk), creating=creating, automatic=automatic, user=request.user)
    words = f"Scheduled jobs create partners for {', '.join(creating)} from now on." if creating else ""
    words = words or "Scheduled jobs go on with coupled records only."
    messages.success(request, f"{words} Automatic jobs are on." if automatic else words)
    return redirect("full-synch-review", connection)


@require_POST
@says_errors
def accept(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """What waits because too many records failed runs all the same."""
    names = request.POST.getlist("mappings")
    accept_failures(full_synch=_run(request, pk), mappings=names)
    messages.success(request, f"What waited for {', '.join(names)} goes on.")
    return redirect("full-synch-review", connection)


@require_POST
@says_errors
def retry(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """The failed records of a line, and nothing else, once more."""
    name = request.POST.get("mapping", "")
    retry_failed(full_synch=_run(request, pk), mappings=[name])
    messages.success(request, f"The failed records of {name} are tried again.")
    return redirect("full-synch-review", connection)


@require_POST
def hold(request: PageRequest, connection: str) -> HttpResponse:
    """From which share of failed records on dependents wait for a decision."""
    typed = request.POST.get("percent", "").strip()
    before = request.connection.full_synch_hold_percent
    if not typed.isdecimal() or int(typed) > MOST_PERCENT:
        messages.error(request, "Enter a share from 0 to 100 %.")
    elif int(typed) != before:
        request.connection.full_synch_hold_percent = int(typed)
        request.connection.save(update_fields=["full_synch_hold_percent", "updated_at"])
        record_change(
            connection=request.connection, user=request.user, action="full_synch.hold",
            before={"percent": before}, after={"percent": int(typed)},
        )  # fmt: skip
        messages.success(request, f"Dependents wait when more than {typed} % of a mapping's records failed.")
    return redirect("full-synch-review", connection)


def _run(request: PageRequest, pk: int) -> FullSynch:
    return get_object_or_404(FullSynch.objects.select_related("connection"), connection=request.connection, pk=pk)
