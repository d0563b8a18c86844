"""Creating partners for many records: what was done and what was left out, and the values that are asked for once."""

from collections.abc import Mapping
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from config.web.parts import number
from config.web.request import PageRequest
from connector.choices import System
from coupling.models import TableMapping
from coupling.records import words_of
from coupling.services.create_many import Created
from coupling.services.new_gaps import gaps
from coupling.services.new_values import ValuesError
from coupling.services.requests import create_other_side
from coupling.views.base import crumbs_of, list_url, queued, says_errors, system_of
from coupling.views.new_record import TypedRecord
from coupling.views.suggestions import mapping_of

NAMED = 5
"""Records that a sentence names before it stops."""
_WAITING = "create-many"
"""Session key of the records that wait for a value: {"mapping/system": [ids]}."""


def told(request: PageRequest, system: System, table: str, done: Created) -> SafeString:
    """What became of a selection, with the ways on for what was left out. Keeps the records that wait for a value."""
    said = [format_html("{} queued, {} already coupled.", number(done.queued), number(done.coupled))]
    if done.outside:
        said.append(format_html("{} left out by the filters.", number(done.outside)))
    if done.claimed:
        said.append(format_html("{} left out: somebody else is coupling them right now.", number(done.claimed)))
    if done.alike:
        sentence = "{} look like records that exist already and wait for a person: {}."
        said.append(format_html(sentence, number(len(done.alike)), _links(request, system, table, done.alike)))
    if done.blank:
        sentence = "{} left out, since they have no value for {}; fill it in one by one: {}."
        links = _links(request, system, table, done.blank)
        said.append(format_html(sentence, number(len(done.blank)), ", ".join(sorted(done.needs)), links))
    for mapping, keys, values in done.waiting:
        kept = {f"{mapping.name}/{system}": [str(key) for key in keys]}
        request.session[_WAITING] = {**request.session.get(_WAITING, {}), **kept}
        address = reverse("create-many", args=[request.connection.slug, mapping.name, str(system)])
        sentence = '{} wait for {}, which nothing fills in. <a href="{}">Give it once for all</a>.'
        said.append(format_html(sentence, number(len(keys)), ", ".join(value.label for value in values), address))
    return format_html_join(" ", "{}", ((each,) for each in said))


def _links(request: PageRequest, system: System, table: str, names: Mapping[UUID, str]) -> SafeString:
    """The first records by name, each leading to the page on which its partner is created."""
    chosen = sorted(names.items(), key=lambda each: each[1])[:NAMED]
    place = {"connection": request.connection.slug, "system": str(system), "table": table}
    links = format_html_join(
        ", ",
        '<a href="{}?create=1">{}</a>',
        ((reverse("coupling-setup", kwargs={**place, "key": key}), name) for key, name in chosen),
    )
    return format_html("{} …", links) if len(names) > NAMED else links


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def create_many(request: PageRequest, connection: str, name: str, system: str) -> HttpResponse:
    """Asks once for what all partners need and nothing fills in, then has them made."""
    side = system_of(system)
    mapping: TableMapping = mapping_of(request, name)
    table = mapping.table(side)
    back = list_url(request.connection, side, table)
    place = f"{mapping.name}/{side}"
    keys = [UUID(key) for key in request.session.get(_WAITING, {}).get(place, [])]
    if not keys:
        messages.warning(request, "Select records in the list first.")
        return redirect(back)
    typed = TypedRecord(request, f"{mapping.pk}/{side}/many")
    if request.method == "POST":
        typed.keep()
        try:
            work = create_other_side(
                mapping=mapping, system=side, keys=keys, user=request.user, values=typed.values, complete=True
            )
        except ValuesError as error:
            messages.error(request, str(error))
            return redirect(request.path)
        typed.forget()
        request.session[_WAITING] = {p: k for p, k in request.session[_WAITING].items() if p != place}
        queued(request, list(work.jobs), f"{number(work.taken)} queued to be created and coupled.")
        return redirect(back)
    wanted, _ = gaps(mapping=mapping, system=side, keys=keys)
    words = words_of(side.other, mapping.table(side.other))
    context = {
        "title": f"Create {number(len(keys))} {words.plural.removesuffix(f' in {side.other.label}')}",
        "crumbs": crumbs_of(request.connection, side, table),
        "form": typed.form(wanted),
        "count": len(keys),
        "words": words,
        "other": side.other,
        "back": back,
    }
    return render(request, "coupling/create_many.html", context)
