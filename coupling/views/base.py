"""What the pages of couplings share: finding records, couplings and mappings of the connection; errors as sentences."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from config.web import banners
from config.web.request import PageRequest
from connector.choices import System
from connector.errors import HubError
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.filtersets import mappings_of_table
from coupling.models import Coupling, TableMapping
from coupling.records import LIST_ADDRESSES, words_of
from coupling.services.admission import is_admitted
from coupling.services.couplings import mirrored
from coupling.services.search import mirror_of
from coupling.synchronisation import StartedJob

_P = ParamSpec("_P")
QUEUED = "queued"
"""The kind of messages that say that work was queued."""


def system_of(text: str) -> System:
    """Raises Http404 for a word that names no system."""
    try:
        return System(text)
    except ValueError as error:
        raise Http404("A system is business_central or sales.") from error


def list_url(connection: Connection, system: System, table: str) -> str:
    """The record list of a table."""
    name = LIST_ADDRESSES.get((system, table))
    if name:
        return reverse(name, kwargs={"connection": connection.slug})
    return reverse("record-list", kwargs={"connection": connection.slug, "system": str(system), "table": table})


def address_to_couple(connection: Connection, mapping_name: str, number: str) -> str:
    """Where the record that something waits for is coupled; blank where the mapping or the number is not known."""
    mapping = connection.mappings.filter(name=mapping_name).first() if mapping_name and number else None
    if mapping is None:
        return ""
    if mapping.kind == MappingKind.OPTION:
        query = urlencode({"mapping": mapping.name, "search": number})
        return f"{reverse('option-list', kwargs={'connection': connection.slug})}?{query}"
    for system in System:
        table = mapping.table(system)
        record = mirror_of(system).objects.of_table(connection.pk, table).alive().filter(number=number).first()
        if record is not None:
            place = {"connection": connection.slug, "system": str(system), "table": table, "key": record.key}
            return reverse("record-detail", kwargs=place)
    bc_list = list_url(connection, System.BUSINESS_CENTRAL, mapping.business_central_table)
    return f"{bc_list}?{urlencode({'search': number})}"


def pair_url(coupling: Coupling) -> str:
    return reverse("coupling-detail", kwargs={"connection": coupling.connection.slug, "pk": coupling.pk})


def couplings_with_state(connection: Connection) -> QuerySet[Coupling]:
    rows = Coupling.objects.all().filter(connection=connection).with_state()
    return rows.select_related("connection", "mapping__connection", "created_by")


def coupling_of(request: PageRequest, pk: int) -> Coupling:
    """The coupling of this connection, with its state. Raises Http404."""
    coupling: Coupling = get_object_or_404(couplings_with_state(request.connection), pk=pk)
    return coupling


def record_of(connection: Connection, system: System, table: str, key: UUID) -> Any:
    """The mirrored record. Raises Http404."""
    record = mirrored(connection, system, table, key)
    if record is None:
        raise Http404("The hub has not read this record.")
    return record


def mapping_for(connection: Connection, system: System, record: Any, name: str = "") -> TableMapping | None:
    """The mapping asked for, else the first whose filter admits the record, else the first of the table."""
    mappings = mappings_of_table(connection, system, record.table)
    if name:
        return next((mapping for mapping in mappings if mapping.name == name), None)
    if len(mappings) > 1:
        for mapping in mappings:
            if is_admitted(mapping, system, record.key):
                return mapping
    return mappings[0] if mappings else None


def crumbs_of(connection: Connection, system: System, table: str) -> list[tuple[str, str]]:
    return [(words_of(system, table).plural, list_url(connection, system, table))]


def says_errors(
    view: Callable[Concatenate[PageRequest, _P], HttpResponse],
) -> Callable[Concatenate[PageRequest, _P], HttpResponse]:
    """A HubError of the view becomes a message on the page one came from."""

    @wraps(view)
    def answer(request: PageRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except HubError as error:
            messages.error(request, f"{error} {error.hint}".strip())
            return redirect(back_of(request))

    return answer


def back_of(request: HttpRequest, default: str = "/") -> str:
    """Where the form said to return to, else the page itself, else `default`; never another site."""
    for candidate in (request.POST.get("next", ""), request.headers.get("referer", "")):
        if candidate and url_has_allowed_host_and_scheme(candidate, allowed_hosts={request.get_host()}):
            return candidate
    return default


def queued(request: HttpRequest, jobs: list[StartedJob] | StartedJob, sentence: str = "Queued.") -> None:
    """Says that work was queued, unless the person does not want to hear it; the page shows the result."""
    if isinstance(request.user, User) and banners.is_hidden(user=request.user, kind=QUEUED):
        return
    numbers = [job.id for job in (jobs if isinstance(jobs, list) else [jobs])]
    named = f" Job {', '.join(map(str, numbers))}." if numbers else ""
    messages.success(request, f"{sentence}{named}")
