"""What people do with a job: cancel, retry what failed, undo, delete. All are POST; the last two ask first."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from connector.services.audit import record_change
from coupling.models import Coupling
from coupling.views.base import says_errors
from syncjobs.choices import OperationState
from syncjobs.models import SynchJob
from syncjobs.querysets import failed_creations
from syncjobs.services.jobs import cancel_job, delete_job, retry_couplings, retry_creations
from syncjobs.services.retention import deletable_jobs, forget_jobs
from syncjobs.services.undo import creations_of, undo_job
from syncjobs.views.jobs import DELETE_QUESTION, UNDO_QUESTION, jobs_of

_WEEK = timedelta(days=7)
_NAMED = 10


@require_POST
@says_errors
def job_cancel(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    job = get_object_or_404(jobs_of(request), pk=pk)
    cancel_job(job=job)
    messages.success(request, f"{job} stops after the requests under way. What it has written stays.")
    return redirect(job)


@require_POST
@says_errors
def job_retry(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Synchronises again what failed in the job, in a job per mapping."""
    job = get_object_or_404(jobs_of(request), pk=pk)
    failed = Coupling.objects.filter(
        operations__job=job, operations__state__in=[OperationState.FAILED, OperationState.SKIPPED]
    ).distinct()
    started = retry_couplings(couplings=list(failed), user=request.user)
    alone = failed_creations(request.connection).filter(job=job)
    started += retry_creations(operations=alone, user=request.user)
    if not started:
        messages.info(request, "Nothing that failed in this job is left to be tried again.")
        return redirect(job)
    messages.success(request, "The failed records are tried again.")
    return redirect(started[0])


@require_POST
@says_errors
def job_undo(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    job = get_object_or_404(jobs_of(request), pk=pk)
    if number := creations_of(job).count():
        if request.POST.get("creations", "").strip() != str(number):
            return _ask_for_creations(request, job, number)
    elif not is_confirmed(request):
        return confirmation_page(
            request, title=f"Undo {job}?", text=UNDO_QUESTION, label="Undo the job", back=job.get_absolute_url()
        )
    return redirect(undo_job(job=job, user=request.user))


def _ask_for_creations(request: PageRequest, job: SynchJob, number: int) -> HttpResponse:
    """Records that go are named, and their number is typed: they cannot be brought back."""
    typed = request.POST.get("creations", "").strip()
    names = list(creations_of(job).order_by("pk").values_list("record_name", flat=True)[:_NAMED])
    context = {
        "title": f"Undo {job}?",
        "job": job,
        "question": UNDO_QUESTION,
        "number": number,
        "names": names,
        "more": number - len(names),
        "typed": typed,
        "back": job.get_absolute_url(),
    }
    return render(request, "syncjobs/job_undo.html", context, status=422 if typed else 200)


@require_POST
@says_errors
def job_delete(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    job = get_object_or_404(jobs_of(request), pk=pk)
    if not is_confirmed(request):
        return confirmation_page(
            request, title=f"Delete {job}?", text=DELETE_QUESTION, label="Delete the job", back=job.get_absolute_url()
        )
    name = str(job)
    delete_job(job=job)
    messages.success(request, f"{name} is deleted.")
    return redirect(reverse("job-list", kwargs={"connection": connection}))


@require_POST
def job_clean(request: PageRequest, connection: str) -> HttpResponse:
    """Deletes ended jobs with their errors: those older than a week, or with `action` all, all of them."""
    everything = request.POST.get("action") == "all"
    before = None if everything else timezone.now() - _WEEK
    back = reverse("job-list", kwargs={"connection": connection})
    if not is_confirmed(request):
        number = deletable_jobs(request.connection, before=before).count()
        return confirmation_page(
            request,
            title="Delete all jobs that have ended?" if everything else "Delete jobs older than 7 days?",
            text=f"{number} jobs and their errors go and can no longer be undone. Records are not affected. "
            "Jobs that a skipped or uncreated record refers to stay.",
            label="Delete",
            back=back,
        )
    deleted = forget_jobs(connection=request.connection, before=before)
    record_change(
        connection=request.connection, user=request.user, action="job.clean", after={"jobs": deleted, "all": everything}
    )
    messages.success(request, f"{deleted} jobs are deleted.")
    return redirect(back)
