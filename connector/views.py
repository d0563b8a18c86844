"""Pages of connections: the list, and Connection Setup with its test."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from config.roles import Capability, capabilities_of
from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest, wants_partial
from connector.choices import SalesOrderIntegration
from connector.errors import HubError, SettingsError
from connector.forms import AddressesForm, NewConnectionForm, SettingsForm, SynchronisationForm
from connector.models import AuditEntry, Connection
from connector.other_company import other_company
from connector.provisioning import active_jobs_of, couplings_of
from connector.services import setup
from connector.services.another_company import CoupledError
from connector.services.components import missing_for_orders
from connector.services.connection_test import run_connection_test
from connector.services.encryption import NOTICE, WAY_OUT, can_keep_secrets
from connector.services.environments import neighbours

_NEWEST_CHANGES = 8
_FORMS: dict[str, type[SettingsForm]] = {"addresses": AddressesForm, "synchronisation": SynchronisationForm}

_ORDER_QUESTIONS = {
    SalesOrderIntegration.LEGACY.value: "Orders submitted in Sales become orders in Business Central, and what becomes "
    "of them there goes back. The mapping of orders is set up anew for that.",
    SalesOrderIntegration.BIDIRECTIONAL.value: "Orders that are changed in one system are changed in the other. The "
    "mappings of orders and their lines are set up anew for that.",
}

_UNITS_QUESTION = (
    "The mappings of units are replaced by those of the other way, with their fields and schedules, and the couplings "
    "of units go. A product in Sales keeps the unit group that it has: products that are coupled already may have to "
    "be made anew. Synchronise the units again before the products."
)


@require_http_methods(["GET", "HEAD", "POST"])
def connection_list(request: PageRequest) -> HttpResponse:
    """All connections, and a form for another one; with a single one, that one's setup page."""
    connections = list(Connection.objects.all())
    form = NewConnectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = setup.create_connection(values=form.cleaned_data, user=request.user)
        except SettingsError as error:
            for name, sentences in error.fields.items():
                form.add_error(name if name in form.fields else None, sentences)
        else:
            messages.success(request, f"{made} was made. Enter its addresses and test it.")
            return redirect(made)
    context = {"title": "Connections", "connections": connections, "form": form}
    return render(request, "connector/connection_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def connection_setup(request: PageRequest, connection: str) -> HttpResponse:
    """Settings, state and the newest test of one connection; saves, enables and disables."""
    if request.method == "POST":
        action = request.POST.get("action", "")
        if action == "enable":
            return _enable(request)
        if action == "disable":
            return _disable(request)
        if action == "reset-web-client":
            return _reset_web_client(request)
        if action in _FORMS:
            return _save(request, action)
    return _page(request)


@require_POST
def connection_test(request: PageRequest, connection: str) -> HttpResponse:
    """Tests both systems within the request; the answer is the result list, or the whole page without htmx."""
    report = run_connection_test(connection=request.connection)
    if wants_partial(request):
        return render(request, "connector/_test_report.html", {"connection": request.connection, "fresh": True})
    if report.succeeded:
        messages.success(request, "The connection works.")
    else:
        messages.error(request, "The connection does not work yet; the list below says why.")
    return redirect(f"{request.connection.get_absolute_url()}#test")


def _save(request: PageRequest, part: str) -> HttpResponse:
    form = _FORMS[part](request.POST, connection=request.connection, may_change=True, auto_id=f"{part}_%s")
    changes = form.changes(_last_editor(request.connection)) if form.is_valid() else {}
    if not form.errors and not is_confirmed(request) and (question := _question_before(request, changes)):
        return question
    if not form.errors:
        try:
            setup.update_connection(connection=request.connection, changes=changes, user=request.user)
        except CoupledError:
            return other_company(request, changes)
        except SettingsError as error:
            form.take_refusal(error)
        except HubError as error:
            form.add_error(None, f"{error} {error.hint}")
        else:
            messages.success(request, "The settings are saved." if changes else "Nothing was changed.")
            return redirect(request.connection)
    # The unsaved connection in memory may carry refused values; the page shows the stored ones.
    request.connection.refresh_from_db()
    return _page(request, {part: form}, status=422)


def _reset_web_client(request: PageRequest) -> HttpResponse:
    connection = setup.update_connection(
        connection=request.connection, changes={"web_client_url": ""}, user=request.user
    )
    messages.success(request, f"Links to Business Central lead to {connection.derived_web_client_url} again.")
    return redirect(connection)


def _question_before(request: PageRequest, changes: dict[str, Any]) -> HttpResponse | None:
    """What is asked before these settings are changed."""
    if question := _ORDER_QUESTIONS.get(changes.get("sales_order_integration", "")):
        return _ask_about_orders(request, question)
    if "unit_group_mapping" in changes:
        return confirmation_page(
            request,
            title="Couple units another way?",
            text=_UNITS_QUESTION,
            label="Change it",
            back=request.connection.get_absolute_url(),
        )
    return None


def _ask_about_orders(request: PageRequest, question: str) -> HttpResponse:
    """Asks Sales what orders would do without there, so that the answer is given knowingly."""
    missing = missing_for_orders(request.connection)
    return confirmation_page(
        request,
        title="Synchronise sales orders?",
        text=f"{question} {missing}".strip(),
        label="Switch on",
        back=request.connection.get_absolute_url(),
        danger=False,
    )


def _last_editor(connection: Connection) -> str:
    entry = AuditEntry.objects.filter(connection=connection, action="change connection").select_related("user").first()
    return entry.user.get_username() if entry and entry.user else "Somebody"


def _enable(request: PageRequest) -> HttpResponse:
    try:
        setup.enable(connection=request.connection, user=request.user)
    except setup.ChecksFailedError:
        messages.error(request, "The connection stays switched off; the list below says what to put right.")
        return redirect(f"{request.connection.get_absolute_url()}#test")
    except HubError as error:
        messages.error(request, f"The connection stays switched off. {error} {error.hint}")
    else:
        messages.success(request, "The connection is enabled; the test below passed.")
    return redirect(request.connection)


def _disable(request: PageRequest) -> HttpResponse:
    if not is_confirmed(request):
        context = {
            "title": "Disable the connection?",
            "couplings": couplings_of(request.connection),
            "crumbs": [("Connection Setup", request.connection.get_absolute_url())],
        }
        return render(request, "connector/disable.html", context)
    reason = request.POST.get("reason", "").strip()
    forget = request.POST.get("changes") == "forget"
    setup.disable(connection=request.connection, user=request.user, reason=reason, forget=forget)
    words = " What changes from now on is left out when it is enabled again." if forget else ""
    messages.success(request, f"The connection is disabled.{words}")
    return redirect(request.connection)


def _page(request: PageRequest, bound: dict[str, SettingsForm] | None = None, status: int = 200) -> HttpResponse:
    connection = request.connection
    may_change = Capability.CHANGE_SETTINGS in capabilities_of(request.user)
    forms: dict[str, Any] = {
        part: form(connection=connection, may_change=may_change, auto_id=f"{part}_%s") for part, form in _FORMS.items()
    }
    context = {
        "title": "Connection Setup",
        "forms": {**forms, **(bound or {})},
        "couplings": couplings_of(connection),
        "active_jobs": active_jobs_of(connection),
        "neighbours": neighbours(connection),
        "encryption_notice": "" if can_keep_secrets() else f"{NOTICE} {WAY_OUT}",
        "several": Connection.objects.count() > 1,
        "changes": AuditEntry.objects.filter(connection=connection)
        .exclude(action__startswith="coupling.")
        .select_related("user")[:_NEWEST_CHANGES],
    }
    return render(request, "connector/connection_setup.html", context, status=status)
