"""Reviews: what was found for uncoupled records, by the suggestions or by a match run, and decisions on many at once.

One page shows both; a run's has its number in the address. Everything is a form, so it works without JavaScript.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST

from config.roles import Capability, capabilities_of
from config.web import parts
from config.web.confirm import confirmation_page, is_confirmed
from config.web.lists import BulkAction, ListView
from config.web.request import PageRequest, wants_partial
from connector.choices import Direction, System
from connector.errors import HubError
from coupling.exceptions import CouplingError
from coupling.matching.choices import MatchVerdict
from coupling.matching.models import RuledOutPair
from coupling.models import Coupling, TableMapping
from coupling.records import plural_of
from coupling.review_tables import COUPLED, TABS, ReviewFilterSet, ReviewTable, RuledOutFilterSet, RuledOutTable
from coupling.services import requests
from coupling.services.couplings import require_usable
from coupling.services.review import (
    MOST_AT_ONCE,
    accept_lines,
    check_direction,
    csv_lines,
    read_decisions,
    refuse_lines,
    show,
)
from coupling.services.ruled_out import allow_again
from coupling.services.suggestions import counts_of, is_suggested, lines_of, state_of
from coupling.synchronisation import StartedJob, service
from coupling.views.base import list_url, queued, says_errors

_SAMPLE_EVERY = 20
_MOST_SAMPLED = 50
_ACTIONS = {
    "couple": None,
    "couple_to_sales": Direction.TO_SALES,
    "couple_to_business_central": Direction.TO_BUSINESS_CENTRAL,
}
_LARGEST_FILE = 20 * 1024 * 1024


def mapping_of(request: PageRequest, name: str) -> TableMapping:
    """The mapping of the address, if records are coupled under it. Raises Http404."""
    mapping = TableMapping.objects.select_related("connection").filter(connection=request.connection, name=name).first()
    if mapping is None or mapping.kind != "record":
        raise Http404("There is no such mapping of records.")
    return mapping


def review_url(mapping: TableMapping, job_id: int | None) -> str:
    slug = mapping.connection.slug
    if job_id is None:
        return reverse("suggestion-review", args=[slug, mapping.name])
    return reverse("match-review", args=[slug, mapping.name, job_id])


def synchronize_choices(mapping: TableMapping) -> list[tuple[str, str]]:
    """What may happen after coupling: (value, label)."""
    targets = Direction(mapping.direction).targets
    choices = [("", "Only couple")]
    if System.SALES in targets:
        choices.append((Direction.TO_SALES.value, "Couple and update Sales"))
    if System.BUSINESS_CENTRAL in targets:
        choices.append((Direction.TO_BUSINESS_CENTRAL.value, "Couple and update Business Central"))
    return choices


class ReviewList(ListView):
    """Lines of a mapping's suggestions, or of one run."""

    icon = "checklist"
    template_name = "coupling/review.html"
    list_name = "match-review"
    mapping: TableMapping
    job: StartedJob | None = None
    job_id: int | None = None

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.mapping = mapping_of(self.request, kwargs["name"])
        self.job_id = kwargs.get("job")
        if self.job_id is not None:
            self.job = service().run_of(mapping=self.mapping, job_id=self.job_id)
            if self.job is None:
                raise Http404("There is no such run.")
        plural = plural_of(self.mapping, System.BUSINESS_CENTRAL)
        self.title = f"Match-based coupling: {plural}" if self.job_id else f"Suggestions: {plural}"
        self.table_class = ReviewTable.for_mapping(self.mapping)
        self.filterset_class = ReviewFilterSet.for_mapping(self.mapping)
        self.actions = self._actions()

    def _actions(self) -> Sequence[BulkAction]:
        tab = self.request.GET.get("verdict", "")
        if tab == COUPLED:
            question = "Undo the couplings of {n} records? All records stay."
            return [BulkAction("undo", "Undo coupling", "arrow-back-up", Capability.COUPLE, question, danger=True)]
        found = []
        for name, label in synchronize_choices(self.mapping):
            action = f"couple_{name}" if name else "couple"
            question = f"{label}: {{n}} records with the row proposed for each?"
            found.append(BulkAction(action, label, "link", Capability.COUPLE, question))
        question = "None of the candidates of {n} records is the right one? They are not suggested again."
        found.append(BulkAction("refuse", "None of these", "ban", Capability.COUPLE, question, danger=True))
        return found

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse | StreamingHttpResponse:
        if self.job is not None and request.GET.get("part") == _PROGRESS:
            # What the run found changes the whole page: tabs, buttons and rows.
            if not self._is_live():
                return HttpResponse(headers={"HX-Refresh": "true"})
            context = {"job": self.job.representation, "base": review_url(self.mapping, self.job_id)}
            return render(request, "coupling/_review_progress.html", context)
        if not request.GET and not wants_partial(request):
            first = next((tab for tab, number in self._counts().items() if number), None)
            if first:
                return redirect(f"{request.path}?verdict={first}")
        return super().get(request, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        return lines_of(self.mapping, self.job_id)

    def _is_live(self) -> bool:
        return self.job is not None and self.job.representation["state"] in _LIVE

    def _counts(self) -> dict[str, int]:
        return counts_of(self.mapping, self.job_id)

    def get_context(self) -> dict[str, Any]:
        counts = self._counts()
        shown = self.request.GET.get("verdict", "")
        always = {"clear", "several", "taken", "none", COUPLED}
        return {
            "mapping": self.mapping,
            "crumbs": [("Couplings", reverse("coupling-home", args=[self.mapping.connection.slug]))],
            "tabs": [
                (value, label, counts[value], value == shown)
                for value, label in TABS
                if counts[value] or value in always
            ],
            "clear": counts[MatchVerdict.CLEAR],
            "left": sum(number for tab, number in counts.items() if tab != COUPLED),
            "explanation": MatchVerdict(shown).explanation if shown in MatchVerdict.values else "",
            "job": self.job.representation if self.job else None,
            "job_url": self.job.url if self.job else "",
            "job_number": self.job_id,
            "live": self._is_live(),
            "may_undo": self.job is not None and _may_undo(self.request, self.job),
            "state": None if self.job_id else state_of(self.mapping),
            "base": review_url(self.mapping, self.job_id),
            "list_address": list_url(
                self.request.connection, System.BUSINESS_CENTRAL, self.mapping.business_central_table
            ),
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, **kwargs)
        except HubError as error:
            messages.error(request, f"{error} {error.hint}".strip())
            return redirect(request.get_full_path())

    def run_action(self, action: BulkAction, records: QuerySet[Any]) -> str:
        lines = list(records[: MOST_AT_ONCE + 1])
        if len(lines) > MOST_AT_ONCE:
            raise CouplingError(
                f"Select at most {MOST_AT_ONCE:,} records at once.",
                code="match.too_many",
                hint="Couple all clear ones with the button above.",
            )
        if action.name == "refuse":
            pairs = refuse_lines(lines=lines, mapping=self.mapping, user=self.request.user)
            return f"{parts.number(pairs)} pairs are ruled out and not suggested again."
        if action.name == "undo":
            return self._undo([line.bc_key for line in lines])
        decided = accept_lines(
            lines=[line for line in lines if not line.is_coupled],
            mapping=self.mapping,
            synchronize=_ACTIONS[action.name],
            user=self.request.user,
        )
        job = decided.job
        sentence = f"{parts.number(decided.accepted)} pairs are being coupled."
        return format_html('{} <a href="{}">Job {}</a>', sentence, job.url, job.id) if job else sentence

    def _undo(self, keys: list[Any]) -> str:
        couplings = list(
            Coupling.objects.filter(mapping=self.mapping, bc_key__in=keys).select_related("mapping", "connection")
        )
        work = requests.uncouple_many(couplings=couplings, user=self.request.user)
        return f"{work.taken} couplings are taken back." + (" This runs in the background." if work.jobs else "")

    def export(self, rows: QuerySet[Any]) -> StreamingHttpResponse:
        """The lines with an empty column for decisions, to be filled in and imported."""
        writer = csv.writer(_Echo())

        def lines() -> Iterator[str]:
            for row in csv_lines(rows.order_by("-score", "id").iterator(chunk_size=500), self.mapping):
                yield writer.writerow([_harmless(value) for value in row])

        response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="review-{self.mapping.name.lower()}.csv"'
        return response


_LIVE = ("queued", "running", "interrupted")
_PROGRESS = "progress"
"""Part of the page that asks for itself again while a run lives."""


class _Echo:
    """A file for `csv.writer` that hands every line back."""

    def write(self, line: str) -> str:
        return line


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def _may_undo(request: PageRequest, job: StartedJob) -> bool:
    """A run that coupled something can be undone by administrators and by whoever started it."""
    shown = job.representation
    if shown["state"] in _LIVE or not shown["counters"]["coupled"]:
        return False
    own = shown["user"] == request.user.get_username() and Capability.COUPLE in capabilities_of(request.user)
    return own or Capability.UNDO in capabilities_of(request.user)


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def accept_clear(request: PageRequest, connection: str, name: str, job: int | None = None) -> HttpResponse:
    """Couples all clear lines after a sample of them was shown."""
    mapping = mapping_of(request, name)
    clear = lines_of(mapping, job).filter(verdict=MatchVerdict.CLEAR, is_coupled=False, best_key__isnull=False)
    back = review_url(mapping, job)
    if request.method == "POST":
        require_usable(mapping)
        synchronize = Direction(request.POST["synchronize"]) if request.POST.get("synchronize") else None
        check_direction(mapping, synchronize)
        started = service().accept_clear(
            mapping=mapping, job_id=job, synchronize=synchronize, user=request.user, trigger="user"
        )
        queued(request, started, "The clear ones are being coupled.")
        return redirect(started.url)
    keys = list(clear.order_by("score", "id").values_list("pk", flat=True))
    sample = keys[:: _SAMPLE_EVERY if len(keys) > _SAMPLE_EVERY else 1][:_MOST_SAMPLED]
    context = {
        "title": f"Couple {parts.number(len(keys))} clear ones",
        "crumbs": [("Review", back)],
        "mapping": mapping,
        "total": len(keys),
        "sample": show(clear.filter(pk__in=sample).order_by("score", "id"), mapping),
        "choices": synchronize_choices(mapping),
        "chosen": "",
        "back": back,
    }
    return render(request, "coupling/review_clear.html", context)


@require_POST
@says_errors
def refresh(request: PageRequest, connection: str, name: str) -> HttpResponse:
    """Compares everything anew, in a job."""
    mapping = mapping_of(request, name)
    require_usable(mapping)
    if not is_suggested(mapping):
        raise Http404("Partners are not suggested for this table.")
    started = service().look_for_suggestions(mapping=mapping, user=request.user)
    queued(request, started, "All uncoupled records are being compared again.")
    return redirect(started.url)


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def import_decisions(request: PageRequest, connection: str, name: str, job: int | None = None) -> HttpResponse:
    """Takes an exported review back, with its decisions."""
    mapping = mapping_of(request, name)
    back, problems = review_url(mapping, job), []
    if request.method == "POST":
        file = request.FILES.get("file")
        if file is None or (file.size or 0) > _LARGEST_FILE:
            problems = ["Choose a CSV file of at most 20 MB."]
        else:
            problems = _carry_out(request, mapping, file.read())
            if not problems:
                return redirect(back)
    context = {
        "title": "Import decisions",
        "crumbs": [("Review", back)],
        "mapping": mapping,
        "problems": problems,
        "choices": synchronize_choices(mapping),
        "chosen": request.POST.get("synchronize", ""),
        "back": back,
    }
    return render(request, "coupling/review_import.html", context, status=400 if problems else 200)


def _carry_out(request: PageRequest, mapping: TableMapping, content: bytes) -> list[str]:
    """Carries the decisions out; returns what is wrong with the file."""
    synchronize = Direction(request.POST["synchronize"]) if request.POST.get("synchronize") else None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ["The file is not in UTF-8; save it as “CSV UTF-8”."]
    try:
        decided = read_decisions(mapping=mapping, text=text, user=request.user, synchronize=synchronize)
    except HubError as error:
        return [f"{error} {error.hint}".strip()]
    if decided.problems:
        return list(decided.problems)
    sentence = f"{decided.accepted} pairs are being coupled, {decided.ruled_out} are ruled out."
    if decided.job:
        queued(request, decided.job, sentence)
    else:
        messages.success(request, sentence)
    return []


@require_POST
@says_errors
def undo_run(request: PageRequest, connection: str, name: str, job: int) -> HttpResponse:
    """Undoes a whole run after the question: its links, and what its first synchronisation wrote."""
    mapping = mapping_of(request, name)
    run = service().run_of(mapping=mapping, job_id=job)
    if run is None:
        raise Http404("There is no such run.")
    if not _may_undo(request, run):
        raise CouplingError("Only an administrator or whoever started the run can undo it.", code="match.undo")
    back = review_url(mapping, job)
    if not is_confirmed(request):
        number = parts.number(run.representation["counters"]["coupled"])
        return confirmation_page(
            request,
            title="Undo the whole run?",
            text=f"{number} couplings are taken back, and what was written with them, where nobody changed it since.",
            label="Undo the run",
            back=back,
        )
    started = service().undo_run(mapping=mapping, job_id=job, user=request.user)
    queued(request, started, "The run is being undone.")
    return redirect(started.url)


class RuledOutList(ListView):
    title = "Ruled-out pairs"
    lead = "Records that somebody said are not the same. They are never suggested to each other."
    icon = "ban"
    list_name = "ruled-out"
    table_class = RuledOutTable
    filterset_class = RuledOutFilterSet
    actions = (BulkAction("allow", "Allow again", "arrow-back-up", Capability.COUPLE, "Suggest {n} pairs again?"),)

    def get_queryset(self) -> QuerySet[RuledOutPair]:
        rows = RuledOutPair.objects.filter(mapping__connection=self.request.connection)
        return rows.select_related("mapping__connection", "mapping__suggestion_state", "user")

    def run_action(self, action: BulkAction, records: QuerySet[Any]) -> str:
        number = allow_again(rows=list(records), user=self.request.user)
        return f"{number} pairs may be suggested again; they come up within a minute."
