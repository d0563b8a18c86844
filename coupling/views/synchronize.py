"""Synchronize Now: the question of the direction, for one pair and for many, and the start of the job."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from config.web.request import PageRequest
from connector.choices import Direction, System
from coupling.exceptions import CouplingError
from coupling.models import Coupling
from coupling.services import requests
from coupling.services.pairs import attach_records
from coupling.synchronisation import FieldPreview, PairPreview, service
from coupling.views.base import (
    back_of,
    coupling_of,
    couplings_with_state,
    crumbs_of,
    list_url,
    pair_url,
    queued,
    says_errors,
)

MERGE = "merge"
FIELDS = "fields"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to the question: its value, words, a sentence about what it does."""

    value: str
    label: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before a pair is synchronised. `warning` is blank where nothing newer is overwritten."""

    choices: Sequence[Choice]
    preselected: str
    notice: str = ""
    warning: str = ""
    asks: bool = True


_SEND = Choice("to_sales", "Send to Sales", "The values of Business Central replace those of Sales.")
_GET = Choice("to_business_central", "Get from Sales", "The values of Sales replace those of Business Central.")
_MERGE = Choice(MERGE, "Merge", "Each side gets what changed on the other.")
_FIELDS = Choice(
    FIELDS, "Decide field by field", "The side ticked in the table below wins; the changed side is proposed."
)


@dataclass(frozen=True, slots=True)
class Differing:
    """A field whose values differ. `name` is what a decision about it is called, blank where none can be made;
    `proposed` the side that changed, blank where both did."""

    line: FieldPreview
    name: str
    proposed: str


def differing_of(preview: PairPreview, *, decidable: bool) -> list[Differing]:
    """Fields that differ; where `decidable` those that follow both ways can be decided one by one."""
    return [
        Differing(
            line,
            (line.bc_property or line.sales_attribute)
            if decidable and line.direction == Direction.BIDIRECTIONAL
            else "",
            _proposed(line),
        )
        for line in preview.fields
        if not line.equal
    ]


def _proposed(line: FieldPreview) -> str:
    if line.clash or line.bc_changed == line.sales_changed:
        return ""
    return System.BUSINESS_CENTRAL if line.bc_changed else System.SALES


def question_for(direction: str, preview: PairPreview) -> Question:
    """Which answers are offered and which one is proposed, by direction of the mapping and what changed where."""
    bc, sales = preview.changed(System.BUSINESS_CENTRAL), preview.changed(System.SALES)
    if preview.never:
        bc = sales = True
    differs = any(not line.equal for line in preview.fields)
    if direction == Direction.BIDIRECTIONAL:
        return _two_way(bc, sales, clash=preview.clash or (preview.never and differs), never=preview.never)
    source = System.BUSINESS_CENTRAL if direction == Direction.TO_SALES else System.SALES
    choice = _SEND if direction == Direction.TO_SALES else _GET
    target_newer = sales if source == System.BUSINESS_CENTRAL else bc
    if bc and sales and not differs:
        return Question([choice], choice.value, asks=False)
    if target_newer and differs:
        return Question([choice], "", warning=f"{source.other.label} has newer data. It will be overwritten.")
    return Question([choice], choice.value)


def _two_way(bc: bool, sales: bool, *, clash: bool, never: bool) -> Question:
    if bc and sales and clash:
        words = (
            "The pair was never synchronised and its values differ."
            if never
            else "The same value changed on both sides since the last synchronisation."
        )
        return Question([_SEND, _GET], "to_sales", warning=f"{words} The data of one side will be replaced.")
    if bc and sales:
        return Question([_SEND, _GET, _MERGE], MERGE, notice="Both sides changed, in different fields.")
    if bc:
        return Question([_SEND, _GET, _MERGE], "to_sales", notice="Only Business Central changed.")
    if sales:
        return Question([_SEND, _GET, _MERGE], "to_business_central", notice="Only Sales changed.")
    return Question([_SEND, _GET, _MERGE], MERGE, notice="Neither side changed; related data may have.")


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def synchronize_pair(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """The question for one pair, and its answer."""
    coupling = coupling_of(request, pk)
    if request.method == "POST":
        answer = request.POST.get("direction", "")
        job = requests.synchronize(
            coupling=coupling,
            direction=None if answer in (MERGE, FIELDS) else answer or None,
            retry=request.POST.get("retry") == "1",
            user=request.user,
            choices=_decided(request, coupling) if answer == FIELDS else None,
        )
        queued(request, job, "Queued. The result appears here.")
        return redirect(pair_url(coupling))
    attach_records([coupling])
    preview = _preview(coupling)
    question = question_for(coupling.mapping.direction, preview)
    # Who wins per field is a question only where it is known what changed.
    differing = differing_of(
        preview, decidable=coupling.mapping.direction == Direction.BIDIRECTIONAL and not preview.never
    )
    decidable = [each for each in differing if each.name]
    if decidable:
        question = replace(question, choices=[*question.choices, _FIELDS])
    context = {
        "title": "Synchronize Now",
        "crumbs": [
            *crumbs_of(request.connection, System.BUSINESS_CENTRAL, coupling.bc_table),
            (_pair_name(coupling), pair_url(coupling)),
        ],
        "coupling": coupling,
        "preview": preview,
        "differing": differing,
        "decidable": bool(decidable),
        "question": question,
        "back": pair_url(coupling),
    }
    return render(request, "coupling/synchronize.html", context)


def _preview(coupling: Coupling) -> PairPreview:
    return service().preview_pair(
        mapping=coupling.mapping, bc_key=coupling.bc_key, sales_key=coupling.sales_key, force_from=None
    )


def _decided(request: HttpRequest, coupling: Coupling) -> dict[str, str]:
    """Property → the side that wins. Raises CouplingError where a field that changed on both sides was left open."""
    decided: dict[str, str] = {}
    for each in differing_of(_preview(coupling), decidable=True):
        side = request.POST.get(f"field-{each.name}", "") or each.proposed
        if each.name and side in System.values:
            decided[each.name] = side
        elif each.name and each.line.clash:
            label = each.line.bc_label or each.name
            raise CouplingError(f"Tick the side that wins for {label}.", code="coupling.undecided")
    return decided


def ask_for_many(
    request: HttpRequest, couplings: Sequence[Coupling], *, back: str, retry: bool = False
) -> HttpResponse:
    """One question for a whole selection; its form posts to `synchronize_many`. `retry` takes skipped pairs, too."""
    directions = {coupling.mapping.direction for coupling in couplings}
    two_way = Direction.BIDIRECTIONAL in directions
    one_way = directions - {Direction.BIDIRECTIONAL}
    choices = [_SEND, _GET] if two_way else [_SEND if Direction.TO_SALES in one_way else _GET]
    context = {
        "title": "Synchronize Now",
        "couplings": couplings,
        "chosen": ",".join(str(coupling.pk) for coupling in couplings),
        "skipped": 0 if retry else sum(1 for coupling in couplings if coupling.skipped_at),
        "broken": sum(1 for coupling in couplings if coupling.missing),
        "choices": choices,
        "mixed": bool(two_way and one_way),
        "back": back,
        "retry": retry,
        "action": reverse("coupling-synchronize-many", kwargs={"connection": couplings[0].connection.slug}),
    }
    return render(request, "coupling/synchronize_many.html", context)


@require_POST
@says_errors
def synchronize_many(request: PageRequest, connection: str) -> HttpResponse:
    """Starts one job per mapping for the posted pairs; pairs of a one-way mapping keep that direction."""
    chosen = [int(pk) for pk in request.POST.get("couplings", "").split(",") if pk.isdecimal()]
    couplings = list(couplings_with_state(request.connection).filter(pk__in=chosen))
    answer = request.POST.get("direction", "")
    back = back_of(request, list_url(request.connection, System.BUSINESS_CENTRAL, "customers"))
    jobs: list[Any] = []
    taken = 0
    left_out: list[requests.LeftOut] = []
    for mapping_id in sorted({coupling.mapping_id for coupling in couplings}):
        part = [coupling for coupling in couplings if coupling.mapping_id == mapping_id]
        own = part[0].mapping.direction
        work = requests.synchronize_many(
            couplings=part,
            direction=answer if own == Direction.BIDIRECTIONAL else own,
            user=request.user,
            retry=request.POST.get("retry") == "1",
        )
        jobs, taken, left_out = [*jobs, *work.jobs], taken + work.taken, [*left_out, *work.left_out]
    sentence = f"{taken} of {len(couplings)} queued, {len(left_out)} left out."
    if jobs:
        queued(request, jobs, sentence)
    else:
        messages.warning(request, sentence)
    for reason in sorted({left.reason for left in left_out}):
        count = sum(1 for left in left_out if left.reason == reason)
        messages.warning(request, f"{count} left out: {reason}")
    return redirect(back)


def _pair_name(coupling: Coupling) -> str:
    record = coupling.bc_record or coupling.sales_record  # type: ignore[attr-defined]
    return str(record) if record else str(coupling.pk)
