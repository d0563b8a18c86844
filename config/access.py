"""Which capability every address needs, and the two gates that ask for it.

`ADDRESSES` is the whole list: an address that is missing here is closed to everybody, and a test walks the URL
configuration to find such ones. Both gates decide before the view does any work, and both then resolve the connection
that the path names, so that views find it as `request.connection`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework.permissions import BasePermission

from config.roles import Capability, capabilities_of
from config.web.password_again import ask_if_long_ago

if TYPE_CHECKING:
    # REST framework's views load this module while they are loaded themselves.
    from rest_framework.request import Request
    from rest_framework.views import APIView

VISITED = "connection"
"""Session key of the connection whose pages a person used last; pages without one in their path show it."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Needs:
    """The capability to look at an address and the one to change something through it (default: the same)."""

    read: Capability
    write: Capability | None = None

    def capability(self, method: str) -> Capability:
        return self.read if method in SAFE_METHODS else self.write or self.read


_READ = Needs(Capability.READ)
_READ_SETTINGS = Needs(Capability.READ_SETTINGS)
_SETTINGS = Needs(Capability.READ_SETTINGS, Capability.CHANGE_SETTINGS)
_COUPLE = Needs(Capability.COUPLE)
_DOCUMENTS = Needs(Capability.PROCESS_DOCUMENTS)
_OPERATE = Needs(Capability.OPERATE)
_RUN_FULL = Needs(Capability.RUN_FULL)
_UNDO = Needs(Capability.UNDO)
_CHANGE = Needs(Capability.CHANGE_SETTINGS)

PUBLIC = frozenset({"login", "logout", "healthz", "webhook-sales", "webhook-business-central"})
"""Addresses that need no account: the webhooks ask for a key of their own, and health says only whether it is well."""

ADDRESSES: dict[str, Needs] = {
    # Everybody's own account and the hub as a whole
    "account": _READ,
    "account-token": _READ,
    "password-change": _READ,
    "list-settings": _READ,
    "home": _READ,
    "quick-search": _READ,
    "schema": _READ,
    "api-docs": _READ,
    # The connection, app "connector"
    "connection-setup": _SETTINGS,
    "connection-test": _OPERATE,
    "connection-report": _READ_SETTINGS,
    "connection-certificate": _CHANGE,
    "connection-components": _SETTINGS,
    "connection-team": _SETTINGS,
    "connection-modified": _CHANGE,
    "statistics": _READ_SETTINGS,
    "failures-reset": _OPERATE,
    "metrics": _READ_SETTINGS,
    "connection-list": _SETTINGS,
    "people": _CHANGE,
    "encryption": _CHANGE,
    "encryption-rotate": _CHANGE,
    "person": _CHANGE,
    "status": _SETTINGS,
    "account-notices": _READ,
    "status-target-delete": _CHANGE,
    "setup-start": _CHANGE,
    "setup-step": _CHANGE,
    "setup-certificate": _CHANGE,
    "setup-demo": _CHANGE,
    "setup-discard": _CHANGE,
    "api-connection-list": _SETTINGS,
    "api-connection-detail": _SETTINGS,
    "api-connection-test": _OPERATE,
    "api-connection-reset": _CHANGE,
    "api-connection-another": _CHANGE,
    # Records and couplings, app "coupling"
    "customer-list": _READ,
    "account-list": _READ,
    "salesperson-list": _READ,
    "user-list": _READ,
    "salesperson-couple": _COUPLE,
    "record-list": _READ,
    "record-detail": _READ,
    "record-open": _READ,
    "record-open-from-sales": _READ,
    "option-list": Needs(Capability.READ, Capability.COUPLE),
    "option-setup": _COUPLE,
    "coupling-detail": _READ,
    "coupling-setup": Needs(Capability.READ, Capability.COUPLE),
    "coupling-log": _READ,
    "coupling-banner": _READ,
    "coupling-undo": _COUPLE,
    "coupling-home": _READ,
    "coupling-find-broken": _COUPLE,
    "coupling-table-uncouple": _CHANGE,
    "coupling-tables-uncouple": _CHANGE,
    "coupling-synchronize": _COUPLE,
    "coupling-synchronize-many": _COUPLE,
    "coupling-uncouple": _COUPLE,
    "coupling-retry": _COUPLE,
    "coupling-restore": _COUPLE,
    "coupling-delete-record": _COUPLE,
    "create-many": _COUPLE,
    "match-criteria": _COUPLE,
    "match-review": Needs(Capability.READ, Capability.COUPLE),
    "match-clear": _COUPLE,
    "match-import": _COUPLE,
    "match-undo": _COUPLE,
    "suggestion-review": Needs(Capability.READ, Capability.COUPLE),
    "suggestion-clear": _COUPLE,
    "suggestion-import": _COUPLE,
    "suggestion-refresh": _COUPLE,
    "queue": _COUPLE,
    "queue-sales": _COUPLE,
    "ruled-out-list": Needs(Capability.READ, Capability.COUPLE),
    "api-match-lines": _READ,
    "api-match-accept": _COUPLE,
    "api-suggestion-list": _READ,
    "api-suggestion-accept": _COUPLE,
    "api-suggestion-refresh": _COUPLE,
    "api-queue": _COUPLE,
    "api-queue-decide": _COUPLE,
    "api-ruled-out-list": Needs(Capability.READ, Capability.COUPLE),
    "api-ruled-out-detail": Needs(Capability.READ, Capability.COUPLE),
    "api-record-list": _READ,
    "api-coupling-list": Needs(Capability.READ, Capability.COUPLE),
    "api-coupling-detail": Needs(Capability.READ, Capability.COUPLE),
    "api-coupling-create": _COUPLE,
    "api-coupling-bulk": _COUPLE,
    "api-coupling-synchronize": _COUPLE,
    "api-coupling-retry": _COUPLE,
    "api-coupling-restore": _COUPLE,
    "api-coupling-delete-record": _COUPLE,
    "api-coupling-change-list": _READ,
    "api-coupling-change-undo": _COUPLE,
    "api-mapping-uncouple": _CHANGE,
    "api-option-list": Needs(Capability.READ, Capability.COUPLE),
    "api-option-detail": _COUPLE,
    "api-duplicate-list": _READ,
    "api-new-record": _COUPLE,
    # Mappings
    "mapping-list": _READ_SETTINGS,
    "mapping-detail": _SETTINGS,
    "mapping-new": _CHANGE,
    "mapping-fields": _SETTINGS,
    "mapping-fields-new": _CHANGE,
    "mapping-try": _READ_SETTINGS,
    "mapping-lengths": _READ_SETTINGS,
    "mapping-history": _READ_SETTINGS,
    "mapping-take-back": _CHANGE,
    "mapping-delete": _CHANGE,
    "mapping-companies": _CHANGE,
    "mapping-filter": _CHANGE,
    "mapping-templates": _READ_SETTINGS,
    "mapping-template": _SETTINGS,
    "mapping-template-new": _CHANGE,
    "mapping-reset": _CHANGE,
    "mapping-rule-list": _READ_SETTINGS,
    "mapping-rule-new": _CHANGE,
    "mapping-rule-detail": _SETTINGS,
    "mapping-rule-delete": _CHANGE,
    "mapping-configuration": _CHANGE,
    "mapping-configuration-export": _CHANGE,
    "mapping-configuration-copy": _CHANGE,
    "mapping-configuration-delete": _CHANGE,
    "api-configuration": _CHANGE,
    "mapping-synchronize": _OPERATE,
    "api-mapping-list": _SETTINGS,
    "api-mapping-detail": _SETTINGS,
    "api-mapping-synchronize": _OPERATE,
    "api-mapping-match": _COUPLE,
    "api-mapping-find-broken": _COUPLE,
    "api-field-list": _SETTINGS,
    "api-field-detail": _SETTINGS,
    "api-template-list": _SETTINGS,
    "api-template-detail": _SETTINGS,
    # Sales documents
    "sales-order-list": Needs(Capability.READ, Capability.PROCESS_DOCUMENTS),
    "sales-order-refresh": _READ,
    "sales-order-detail": _READ,
    "sales-order-action": _DOCUMENTS,
    "sales-receivables-setup": _SETTINGS,
    "customer-panel": _READ,
    "customer-records": _READ,
    "customer-statistics": _COUPLE,
    "api-coupling-statistics": _COUPLE,
    "api-sales-order-list": _READ,
    "api-sales-order-create": _DOCUMENTS,
    "sales-quote-list": Needs(Capability.READ, Capability.PROCESS_DOCUMENTS),
    "sales-quote-detail": _READ,
    "sales-quote-action": _DOCUMENTS,
    "sales-quote-archive-list": _READ,
    "sales-quote-archive-detail": _READ,
    "api-sales-quote-list": _READ,
    "api-sales-quote-process": _DOCUMENTS,
    "api-sales-quote-versions": _READ,
    # Jobs, operations, schedules, full synchronisation; app "syncjobs"
    "job-list": _READ,
    "job-detail": _READ,
    "job-log": _READ,
    "job-cancel": _OPERATE,
    "job-retry": _OPERATE,
    "job-undo": _UNDO,
    "job-delete": _UNDO,
    "operation-list": _READ,
    "operation-detail": _READ,
    "operation-retry": _COUPLE,
    "operation-resolve": _COUPLE,
    "error-list": _READ,
    "error-retry": _COUPLE,
    "error-uncoupled": _READ,
    "error-uncoupled-retry": _COUPLE,
    "schedule-list": _READ_SETTINGS,
    "schedule-edit": _SETTINGS,
    "schedule-action": _OPERATE,
    "full-synch-review": _READ,
    "full-synch-start": _RUN_FULL,
    "full-synch-preview": _OPERATE,
    "full-synch-restart": _RUN_FULL,
    "full-synch-cancel": _OPERATE,
    "full-synch-pause": _OPERATE,
    "full-synch-leave-out": _RUN_FULL,
    "full-synch-accept": _RUN_FULL,
    "full-synch-retry": _OPERATE,
    "full-synch-answer": _SETTINGS,
    "full-synch-pace": _SETTINGS,
    "job-clean": _UNDO,
    "schedule-pause-all": _OPERATE,
    "schedule-time-zone": _CHANGE,
    "api-status": _READ,
    "api-job-list": _READ,
    "api-job-detail": Needs(Capability.READ, Capability.UNDO),
    "api-job-log": _READ,
    "api-job-cancel": _OPERATE,
    "api-job-undo": _UNDO,
    "api-operation-list": _READ,
    "api-operation-retry": _COUPLE,
    "api-operation-resolve": _COUPLE,
    "api-schedule-list": _READ_SETTINGS,
    "api-schedule-detail": Needs(Capability.READ_SETTINGS, Capability.OPERATE),
    "api-schedule-run": _OPERATE,
    # What the body asks for decides between a preview and a run; the view says so before any work.
    "api-full-synch-list": Needs(Capability.READ, Capability.OPERATE),
    "api-full-synch-detail": _READ,
    "api-full-synch-restart": _RUN_FULL,
    "api-full-synch-accept": _RUN_FULL,
    "api-full-synch-retry": _OPERATE,
    "api-full-synch-cancel": _OPERATE,
    "api-full-synch-pause": _OPERATE,
    "api-full-synch-resume": _OPERATE,
}


DESTRUCTIVE = frozenset(
    {
        "job-undo",
        "job-delete",
        "job-clean",
        "mapping-reset",
        "mapping-delete",
        "coupling-table-uncouple",
        "coupling-delete-record",
    }
)
"""Pages whose POST cannot simply be taken back: they ask for the password where it was entered long ago."""


def needs_of(url_name: str | None) -> Needs | None:
    """What the address called `url_name` needs; None where nobody wrote it down, which closes it."""
    return ADDRESSES.get(url_name or "")


def resolve_connection(request: HttpRequest, slug: str | None) -> None:
    """Sets `request.connection`: the one named in the path, else the one last visited, else the first, else None.

    Raises Http404 for a name that does not exist.
    """
    connections = apps.get_model("connector", "Connection").objects
    if slug is None:
        visited = connections.filter(slug=request.session.get(VISITED, "")).first()
        request.connection = visited or connections.first()  # type: ignore[attr-defined]
        return
    request.connection = connections.filter(slug=slug).first()  # type: ignore[attr-defined]
    if request.connection is None:  # type: ignore[attr-defined]
        raise Http404("There is no connection of this name.")


class AccessMiddleware:
    """The gate of all pages; stands after Django's LoginRequiredMiddleware, which sends strangers to the sign-in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        match = request.resolver_match
        name = match.url_name if match else None
        is_api = hasattr(getattr(view, "cls", None), "permission_classes")
        if name in PUBLIC or is_api:
            return None
        needs = needs_of(name)
        if needs is None or needs.capability(str(request.method)) not in capabilities_of(request.user):
            raise PermissionDenied
        slug = kwargs.get("connection")
        resolve_connection(request, slug)
        if slug is not None and request.session.get(VISITED) != slug:
            request.session[VISITED] = slug
        if name in DESTRUCTIVE and request.method == "POST":
            return ask_if_long_ago(request)
        return None


class HasCapability(BasePermission):
    """The gate of the REST API: the default permission class, since only the API knows who a token belongs to."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        match = request.resolver_match
        needs = needs_of(match.url_name if match else None)
        if needs is None or needs.capability(str(request.method)) not in capabilities_of(request.user):
            return False
        resolve_connection(request._request, view.kwargs.get("connection"))
        return True
