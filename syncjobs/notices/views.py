"""Status: whether everything works, what somebody has to know, and who is told of it."""

from dataclasses import dataclass
from smtplib import SMTPException
from typing import Any

import requests
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from config.web import banners
from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from connector.choices import NoticeKind
from connector.models import Connection, Notice, NoticeTarget, WebhookReceiver
from connector.notices.sending import deliver
from connector.services.audit import record_change
from connector.services.usage import ALLOWED, WINDOW_MINUTES, usage_of
from connector.services.webhook_address import origin_for
from syncjobs.models import WorkerHeartbeat
from syncjobs.notices.forms import OwnNoticesForm, PagesForm, TargetForm
from syncjobs.services.schedules import active_of
from syncjobs.services.workers import queue_lengths

_SILENT_SECONDS = 120
_NEWEST = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page: what is looked at, how it is, and in which words."""

    name: str
    state: str
    text: str
    at: Any = None
    url: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def status(request: PageRequest, connection: str) -> HttpResponse:
    """The page; a posted form adds somebody who is told."""
    form = TargetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        target = NoticeTarget.objects.create(connection=request.connection, **values)
        record_change(
            connection=request.connection,
            user=request.user,
            action="add notice target",
            after={"kind": values["kind"], "severity": values["severity"], "every_minutes": values["every_minutes"]},
        )
        messages.success(request, "Notices are sent there from now on." + _try(target))
        return redirect(reverse("status", kwargs={"connection": connection}))
    context = {
        "title": "Status",
        "rows": rows_of(request.connection),
        "open": Notice.objects.filter(connection=request.connection, resolved_at=None),
        "past": Notice.objects.filter(connection=request.connection, resolved_at__isnull=False)[:_NEWEST],
        "targets": NoticeTarget.objects.filter(connection=request.connection).select_related("user").order_by("pk"),
        "form": form,
    }
    return render(request, "syncjobs/status.html", context, status=422 if form.errors else 200)


@require_POST
def status_target_delete(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """Nobody is told at this address any more."""
    target = get_object_or_404(NoticeTarget, connection=request.connection, pk=pk)
    back = reverse("status", kwargs={"connection": connection})
    if not is_confirmed(request):
        return confirmation_page(
            request, title="Send no more notices there?", text=target.shown, label="Remove", back=back
        )
    target.delete()
    record_change(connection=request.connection, user=request.user, action="remove notice target")
    messages.success(request, "Nothing is sent there any more.")
    return redirect(back)


@require_http_methods(["GET", "HEAD", "POST"])
def account_notices(request: PageRequest) -> HttpResponse:
    """What the person who is signed in is told by e-mail about the connection at hand, and what pages say at once."""
    connection = request.connection
    if connection is None:
        raise Http404("Nothing is connected yet.")
    kinds = [kind for kind, _ in PagesForm.KINDS]
    hidden = banners.hidden_among(user=request.user, kinds=kinds)
    posted, about_pages = request.POST or None, request.POST.get("part") == "pages"
    pages = PagesForm(
        posted if about_pages else None,
        initial={"shown": [kind for kind in kinds if kind not in hidden]},
    )
    if pages.is_valid():
        unwanted = [kind for kind in kinds if kind not in pages.cleaned_data["shown"]]
        banners.hide_exactly(user=request.user, kinds=kinds, hidden=unwanted)
        messages.success(request, "Pages say what you chose.")
        return redirect("account-notices")
    own = NoticeTarget.objects.filter(connection=connection, user=request.user).first()
    initial: dict[str, Any] = {"wanted": own is not None}
    if own is not None:
        initial |= {"severity": own.severity, "every_minutes": own.every_minutes}
    form = OwnNoticesForm(None if about_pages else posted, email=request.user.email, initial=initial)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        if values.pop("wanted"):
            values["kind"], values["address"] = NoticeKind.EMAIL, request.user.email
            NoticeTarget.objects.update_or_create(connection=connection, user=request.user, defaults=values)
            messages.success(request, "You are told by e-mail from now on.")
        else:
            NoticeTarget.objects.filter(connection=connection, user=request.user).delete()
            messages.success(request, "You are not told by e-mail.")
        return redirect("account")
    context = {
        "title": "Your notices",
        "form": form,
        "pages": pages,
        "problem": own.problem if own else "",
        "crumbs": [("Your account", reverse("account"))],
    }
    return render(request, "syncjobs/own_notices.html", context, status=422 if form.errors or pages.errors else 200)


def rows_of(connection: Connection) -> list[Row]:
    """Everything that has to work, from the database and the queue; no request leaves the hub."""
    setup = reverse("connection-setup", kwargs={"connection": connection.slug})
    reason = connection.disabled_reason or "Nothing is synchronised until it is enabled."
    works = "Both systems are connected." if connection.enabled else reason
    tested = "passed" if connection.last_test.get("succeeded") else "failed"
    return [
        Row("Connection", connection.state, works, url=setup),
        Row("Last test", tested, "Every step passed." if tested == "passed" else "A step failed.",
            connection.last_test_at, f"{setup}#test")
        if connection.last_test
        else Row("Last test", "idle", "Not tested yet.", url=setup),
        *_processes(),
        *_usage(connection),
        *_announcements(connection),
        _schedules(connection),
    ]  # fmt: skip


def _processes() -> list[Row]:
    beats = list(WorkerHeartbeat.objects.values_list("kind", "at"))
    now = timezone.now()
    rows = []
    for kind, name in (("scheduler", "Scheduler"), ("worker", "Workers")):
        alive = [at for each, at in beats if each == kind and (now - at).total_seconds() < _SILENT_SECONDS]
        text = f"{len(alive)} alive" if alive else "None is running: jobs wait."
        rows.append(Row(name, "running" if alive else "failed", text, max(alive, default=None)))
    waiting = queue_lengths()
    words = ", ".join(f"{number} in {name}" for name, number in waiting.items()) or "The queue does not answer."
    rows.append(Row("Queue", "passed" if waiting else "failed", words))
    return rows


def _usage(connection: Connection) -> list[Row]:
    """What was asked of both systems lately, against what they allow."""
    url = reverse("statistics", kwargs={"connection": connection.slug})
    return [
        Row(
            f"Requests to {usage.system.label}",
            "idle" if usage.used is None else "warning" if usage.is_much else "passed",
            "Not known: the queue does not answer."
            if usage.used is None
            else f"{usage.used} of {ALLOWED} in the last {WINDOW_MINUTES} minutes, {usage.at_once} at once.",
            url=url,
        )
        for usage in usage_of(connection)
    ]


def _announcements(connection: Connection) -> list[Row]:
    receiver = WebhookReceiver.objects.filter(connection=connection).first()
    if receiver is None:
        text = "The hub has no address that the systems can reach, so it asks for changes every minute."
        if origin_for(connection):
            text = "Not registered yet." if connection.enabled else "Registered once the connection is enabled."
        return [Row("Announced changes", "idle", text)]
    counts = dict.fromkeys(("sales", "business_central"), 0)
    for system in receiver.subscriptions.values_list("system", flat=True):
        counts[system] += 1
    return [
        Row(
            f"Announced by {name}",
            "warning" if problem else "passed",
            problem or f"{counts[system]} registrations; {'they arrive' if heard else 'nothing was announced yet'}.",
            heard,
        )
        for name, system, problem, heard in (
            ("Sales", "sales", receiver.sales_message, receiver.sales_heard_at),
            ("Business Central", "business_central", receiver.business_central_message,
             receiver.business_central_heard_at),
        )
    ]  # fmt: skip


def _schedules(connection: Connection) -> Row:
    """Active ones of all, as Connection Setup counts them: none while the connection is disabled."""
    url = reverse("schedule-list", kwargs={"connection": connection.slug})
    if not connection.enabled:
        return Row("Schedules", "idle", "0 of 0 active: the connection is disabled.", url=url)
    active, every = active_of(connection)
    state = "passed" if active == every else "warning" if active else "failed"
    words = {
        "passed": "All are ready or running.",
        "warning": "Some are on hold or have failed.",
        "failed": "None is ready or running.",
    }
    return Row("Schedules", state, f"{active} of {every} active. {words[state]}", url=url)


def _try(target: NoticeTarget) -> str:
    """Sends a first message, so that a wrong address shows now and not when it matters."""
    try:
        deliver(target, "Couplet: notices come here", f"Notices of {target.connection} are sent to this place.")
    except (requests.RequestException, SMTPException, OSError) as error:
        target.problem = f"The first message could not be sent ({type(error).__name__}); check the address."
        target.save(update_fields=["problem"])
        return " The first message could not be sent, though; the list says why."
    return " A first message is on its way."
