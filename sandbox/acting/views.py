"""Views of the acting pages: find, open, create, change and delete records, and run their actions."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from sandbox import pages
from sandbox.acting.central import CentralWorkspace
from sandbox.acting.client import RefusedError
from sandbox.acting.model import Outcome, RecordView
from sandbox.acting.sales import SalesWorkspace
from sandbox.definitions.dataverse_source import load

Workspace = SalesWorkspace | CentralWorkspace
USER_COOKIE = "sandbox_sales_user"
_STYLE = Path(__file__).with_name("style.css")
_LINKS = ("/api/data/", "/v2.0/")
_NUMBER = re.compile(r"'No\.' IS '(.+)'")
_CARDS = {
    "21": "customers", "26": "vendors", "5050": "contacts", "30": "items", "495": "currencies", "41": "salesQuotes",
    "42": "salesOrders", "132": "salesInvoices",
}  # fmt: skip
"""Number of a card page → the area that shows its records."""


def _workspace(request: HttpRequest, product: str) -> Workspace:
    sandbox = pages.current()
    if product == "sales":
        return SalesWorkspace(sandbox, request.COOKIES.get(USER_COOKIE, ""))
    return CentralWorkspace(sandbox)


def _context(workspace: Workspace, **values: Any) -> dict[str, Any]:
    groups: dict[str, list[Any]] = {}
    for area in workspace.areas():
        groups.setdefault(area.group, []).append(area)
    context: dict[str, Any] = {"workspace": workspace, "product": workspace.product, "groups": groups, **values}
    if isinstance(workspace, SalesWorkspace):
        context["users"] = workspace.users()
    return context


def _title(workspace: Workspace, area: str) -> str:
    try:
        return workspace.area_title(area)
    except KeyError:
        raise Http404 from None


@require_GET
def stylesheet(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_STYLE.read_bytes(), content_type="text/css; charset=utf-8")


@require_GET
def open_row(request: HttpRequest) -> HttpResponse:
    """The address that the product gives a row: `/main.aspx?pagetype=entityrecord&etn=account&id=…`."""
    tables = {table.logical_name: table.entity_set for table in load().tables}
    area, key = tables.get(request.GET.get("etn", ""), ""), request.GET.get("id", "").strip("{}")
    if not area or not key:
        return HttpResponseRedirect(reverse("acting-home", args=["sales"]))
    return HttpResponseRedirect(reverse("acting-record", args=["sales", area, key]))


@require_GET
def home(request: HttpRequest, product: str) -> HttpResponse:
    workspace, number = _workspace(request, product), _NUMBER.fullmatch(request.GET.get("filter", ""))
    area = _CARDS.get(request.GET.get("page", "")) if isinstance(workspace, CentralWorkspace) else None
    if area is not None and number is not None:
        # The address that the product gives a card: `?page=42&filter='No.' IS '1001'`.
        found = workspace.listing(area, number[1].replace("''", "'"), "").rows
        if found:
            return HttpResponseRedirect(reverse("acting-record", args=[product, area, found[0][0]]))
    return render(request, "acting/home.html", _context(_workspace(request, product)))


@require_POST
def act_as(request: HttpRequest, product: str) -> HttpResponse:
    """Chooses the salesperson whose eyes and rights the Sales pages have."""
    response = HttpResponseRedirect(reverse("acting-home", args=[product]))
    response.set_cookie(USER_COOKIE, request.POST.get("user", ""), httponly=True, samesite="Lax")
    return response


@require_GET
def listing(request: HttpRequest, product: str, area: str) -> HttpResponse:
    workspace = _workspace(request, product)
    title = _title(workspace, area)
    search, link = request.GET.get("q", "").strip(), request.GET.get("page", "")
    if link and not link.startswith(_LINKS):
        link = ""
    error, rows = "", None
    try:
        rows = workspace.listing(area, search, link)
    except RefusedError as refused:
        error = str(refused)
    next_page = f"?{urlencode({'q': search, 'page': rows.next_link})}" if rows and rows.next_link else ""
    context = _context(
        workspace,
        area=area,
        title=title,
        listing=rows,
        search=search,
        error=error,
        next_page=next_page,
        message=_message(request),
        can_create=workspace.can_create(area),
    )
    return render(request, "acting/list.html", context)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, product: str, area: str) -> HttpResponse:
    workspace = _workspace(request, product)
    title = _title(workspace, area)
    parent = request.GET.get("parent", "")
    error = ""
    try:
        view = workspace.blank(area, parent)
        if request.method == "POST":
            key = workspace.create(area, request.POST.dict())
            above = workspace.record(area, key).parent
            return _to_record(product, above.area if above else area, above.key if above else key, "Created.")
    except RefusedError as refused:
        error = str(refused)
        view = workspace.blank(area, parent) if request.method == "POST" else RecordView("", title, "", [], [])
        _keep_input(view, request)
    return render(request, "acting/record.html", _context(workspace, area=area, title=title, view=view, error=error))


@require_http_methods(["GET", "POST"])
def record(request: HttpRequest, product: str, area: str, key: str) -> HttpResponse:
    workspace = _workspace(request, product)
    title = _title(workspace, area)
    error = ""
    if request.method == "POST":
        try:
            workspace.save(area, key, request.POST.get("etag", ""), request.POST.dict())
            return _to_record(product, area, key, "Saved.")
        except RefusedError as refused:
            error = str(refused)
    try:
        view = workspace.record(area, key)
    except RefusedError as refused:
        raise Http404(str(refused)) from refused
    if error:
        _keep_input(view, request)
    message = "" if error else _message(request)
    context = _context(workspace, area=area, title=title, view=view, error=error, message=message)
    return render(request, "acting/record.html", context)


@require_POST
def act(request: HttpRequest, product: str, area: str, key: str, action: str) -> HttpResponse:
    workspace = _workspace(request, product)
    _title(workspace, area)
    try:
        outcome = workspace.act(area, key, action, request.POST.dict())
    except RefusedError as refused:
        outcome = Outcome(f"Not done: {refused}")
    if outcome.key:
        return _to_record(product, outcome.area, outcome.key, outcome.message)
    try:
        workspace.record(area, key)
    except RefusedError:  # a posted order and a converted quote vanish
        return _to_list(product, area, outcome.message)
    return _to_record(product, area, key, outcome.message)


@require_POST
def delete(request: HttpRequest, product: str, area: str, key: str) -> HttpResponse:
    workspace = _workspace(request, product)
    _title(workspace, area)
    try:
        above = workspace.record(area, key).parent
        workspace.delete(area, key)
    except RefusedError as refused:
        return _to_record(product, area, key, f"Not deleted: {refused}")
    return _to_record(product, above.area, above.key, "Deleted.") if above else _to_list(product, area, "Deleted.")


def _to_list(product: str, area: str, message: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('acting-list', args=[product, area])}?{urlencode({'message': message})}")


def _to_record(product: str, area: str, key: str, message: str) -> HttpResponse:
    address = reverse("acting-record", args=[product, area, key])
    return HttpResponseRedirect(f"{address}?{urlencode({'message': message})}")


def _message(request: HttpRequest) -> str:
    return request.GET.get("message", "")[:500]


def _keep_input(view: RecordView, request: HttpRequest) -> None:
    """A refused form shows what the person typed."""
    for field in [*view.fields, *view.more]:
        if field.kind == "boolean":
            field.value = request.POST.get(field.name, "")
        elif field.name in request.POST:
            field.value = request.POST[field.name]
