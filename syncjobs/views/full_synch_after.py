"""What is decided once lines have ended: how scheduled jobs go on, and what becomes of records that failed."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from config.web.request import PageRequest
from connector.models import Connection
from connector.services.setup import update_connection
from coupling.views.base import says_errors
from syncjobs.models import FullSynch
from syncjobs.services.after_full_synch import answer as answer_question
from syncjobs.services.full_synch_control import accept_failures, retry_failed

_MOST_LINES = 20


def _number(problem: str, least: int, most: int) -> forms.IntegerField:
    words = dict.fromkeys(("required", "invalid", "min_value", "max_value"), problem)
    return forms.IntegerField(min_value=least, max_value=most, error_messages=words)


class PaceForm(forms.ModelForm):
    class Meta:
        model = Connection
        fields = ("full_synch_hold_percent", "full_synch_parallel")

    full_synch_hold_percent = _number("Enter a share from 0 to 100 percent.", 0, 100)
    full_synch_parallel = _number(f"Enter a number of lines from 1 to {_MOST_LINES}.", 1, _MOST_LINES)


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
def pace(request: PageRequest, connection: str) -> HttpResponse:
    """From which share of failed records on dependents wait, and how many lines run at the same time."""
    form = PaceForm(request.POST, instance=request.connection)
    if not form.is_valid():
        for problem in form.errors.values():
            messages.error(request, str(problem[0]))
    elif form.has_changed():
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        row = update_connection(connection=request.connection, changes=changes, user=request.user)
        messages.success(
            request,
            f"{row.full_synch_parallel} line{'' if row.full_synch_parallel == 1 else 's'} at the same time; dependents "
            f"wait when more than {row.full_synch_hold_percent} % of a mapping's records failed.",
        )
    return redirect("full-synch-review", connection)


def _run(request: PageRequest, pk: int) -> FullSynch:
    return get_object_or_404(FullSynch.objects.select_related("connection"), connection=request.connection, pk=pk)
