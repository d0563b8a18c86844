"""Coupled options: the codes of one option mapping, the options that stand for them, and what can be done by hand."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from config.roles import Capability, require
from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from connector.choices import Direction, System
from connector.errors import HubError, RemoteError
from coupling.choices import MappingKind
from coupling.models import BusinessCentralRecord, OptionMapping, TableCursor, TableMapping
from coupling.records import words_of
from coupling.services.couplings import require_usable
from coupling.services.options import (
    couple_option,
    option_lines,
    options_of,
    renames,
    uncouple_options,
    usage_of,
)
from coupling.synchronisation import service
from coupling.views.base import queued, says_errors

_NONE = "none"


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def option_list(request: PageRequest, connection: str) -> HttpResponse:
    """Codes and options of the mapping named (`mapping`), else of the first one."""
    mappings = list(
        request.connection.mappings.select_related("connection").filter(kind=MappingKind.OPTION, enabled=True)
    )
    if not mappings:
        raise Http404("No option mapping is switched on.")
    name = request.GET.get("mapping", "")
    mapping = next((one for one in mappings if one.name == name), mappings[0])
    if request.method == "POST":
        return _act(request, mapping)
    found = option_lines(mapping)
    search = request.GET.get("search", "").strip().casefold()
    unread = not TableCursor.objects.filter(
        connection=request.connection, system=System.BUSINESS_CENTRAL, table=mapping.business_central_table
    ).exists()
    if unread and request.connection.enabled and mapping.available:
        service().read_in_background(
            connection=request.connection, tables=[(System.BUSINESS_CENTRAL, mapping.business_central_table)]
        )
    context = {
        "title": "Coupled options",
        "mappings": mappings,
        "mapping": mapping,
        "found": found,
        "lines": [line for line in found.lines if not search or search in _words(line)],
        "coupled": sum(1 for line in found.lines if line.coupling),
        "search": request.GET.get("search", ""),
        "unread": unread,
        "to_sales": mapping.direction == Direction.TO_SALES,
    }
    return render(request, "coupling/options.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def option_setup(request: PageRequest, connection: str, name: str, key: UUID) -> HttpResponse:
    """Chooses the option of one code; they are few, so all are shown."""
    mapping: TableMapping = get_object_or_404(
        request.connection.mappings.select_related("connection").filter(kind=MappingKind.OPTION), name=name
    )
    codes = BusinessCentralRecord.objects.of_table(request.connection.pk, mapping.business_central_table)
    code = get_object_or_404(codes, key=key)
    back = list_address(request, mapping)
    if request.method == "POST":
        value = request.POST.get("option", "")
        if not value.lstrip("-").isdecimal():
            messages.error(request, "Choose an option first.")
            return redirect(request.path)
        coupled = couple_option(mapping=mapping, bc_key=key, value=int(value), user=request.user)
        if request.POST.get("choice", _NONE) == Direction.TO_SALES and mapping.direction == Direction.TO_SALES:
            job = service().synchronize_options(mapping=mapping, keys=[key], user=request.user, trigger="coupling")
            queued(request, job, f"{coupled.bc_code} is coupled with “{coupled.option_label}”; its label follows.")
        else:
            messages.success(request, f"{coupled.bc_code} is coupled with “{coupled.option_label}”.")
        return redirect(back)
    problem = ""
    try:
        options = options_of(mapping, live=True)
    except RemoteError as error:
        options, problem = [], f"{error} {error.hint}".strip()
    usage = usage_of(mapping)
    taken = {row.option_value: row for row in OptionMapping.objects.filter(mapping=mapping)}
    current = next((row for row in taken.values() if row.bc_key == key), None)
    suggested = next(
        (o.value for o in options if o.label.casefold().startswith(code.number.casefold()) and o.value not in taken),
        None,
    )
    context = {
        "title": "Set Up Coupling",
        "crumbs": [("Coupled options", back)],
        "mapping": mapping,
        "code": code,
        "options": [(option, taken.get(option.value), usage.get(option.value, 0)) for option in options],
        "holders": words_of(System.SALES, mapping.sales_table).plural.lower(),
        "chosen": current.option_value if current else suggested,
        "current": current,
        "problem": problem,
        "to_sales": mapping.direction == Direction.TO_SALES,
        "back": back,
    }
    return render(request, "coupling/option_setup.html", context)


def list_address(request: HttpRequest, mapping: TableMapping) -> str:
    address = reverse("option-list", kwargs={"connection": mapping.connection.slug})
    return f"{address}?{urlencode({'mapping': mapping.name})}"


def _words(line: object) -> str:
    code, option = line.code, line.option  # type: ignore[attr-defined]
    return f"{code.number if code else ''} {code.name if code else ''} {option.label if option else ''}".casefold()


def _act(request: PageRequest, mapping: TableMapping) -> HttpResponse:
    """Bulk actions over the ticked codes: synchronise or create, delete couplings, match all by code."""
    require(request.user, Capability.COUPLE)
    back = list_address(request, mapping)
    action = request.POST.get("action", "")
    if action == "match":
        require_usable(mapping)
        job = service().run_mapping(mapping=mapping, mode="modified", direction=None, user=request.user)
        queued(request, job, "Codes are coupled with the options of the same label.")
        return redirect(back)
    keys = {key for key in (_uuid(text) for text in request.POST.getlist("key")) if key}
    coupled = list(OptionMapping.objects.filter(mapping=mapping, bc_key__in=keys).select_related("mapping__connection"))
    if not keys:
        messages.warning(request, "Nothing was selected.")
        return redirect(back)
    if action == "uncouple":
        if not coupled:
            messages.warning(request, "None of the selected codes is coupled.")
        elif not is_confirmed(request):
            text = f"Delete {len(coupled)} couplings? Codes and options stay."
            return confirmation_page(request, title="Delete coupling", text=text, label="Delete coupling", back=back)
        else:
            messages.success(request, f"Couplings deleted: {uncouple_options(options=coupled, user=request.user)}.")
        return redirect(back)
    require_usable(mapping)
    if mapping.direction != Direction.TO_SALES:
        raise HubError("Options are written to Sales only.", code="mapping.direction")
    with_option = {row.bc_key for row in coupled}
    wanted = with_option if action == "synchronize" else keys - with_option
    if not wanted:
        messages.warning(
            request,
            "None of the selected codes is coupled."
            if action == "synchronize"
            else "Nothing to create: the selected codes are already coupled.",
        )
        return redirect(back)
    if action == "synchronize" and not is_confirmed(request) and (changed := renames(mapping, wanted)):
        told = "; ".join(each.words for each in changed)
        text = f"The labels are renamed in the column of every form and document: {told}."
        return confirmation_page(request, title="Rename labels?", text=text, label="Synchronize", back=back)
    job = service().synchronize_options(mapping=mapping, keys=sorted(wanted, key=str), user=request.user)
    left = len(keys) - len(wanted)
    queued(request, job, f"{len(wanted)} of {len(keys)} queued, {left} left out." if left else "Queued.")
    return redirect(back)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
