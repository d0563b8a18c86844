"""Home: what runs, what needs somebody, and how every mapping does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from config.roles import Capability, capabilities_of
from config.web.request import PageRequest, wants_partial
from connector.models import Connection
from coupling.models import Coupling, DirtyPair, OptionMapping, TableMapping
from coupling.records import sales_caption
from syncjobs.choices import LIVE_JOB_STATES, JobState
from syncjobs.models import Schedule, SynchJob
from syncjobs.presentation import Progress, next_run_words, progress_of
from syncjobs.querysets import count_by_mapping, failed_creations
from syncjobs.services.statistics import failed_runs

MOST_RUNNING = 8


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for a person."""

    icon: str
    tone: str
    title: str
    text: str
    url: str
    action: str


@require_safe
def home(request: PageRequest) -> HttpResponse:
    connection = request.connection
    context: dict[str, Any] = {"title": "Home"}
    if connection is None:
        return render(request, "syncjobs/home_empty.html", context)
    uncreated = count_by_mapping(failed_creations(connection))
    may_set_up = Capability.READ_SETTINGS in capabilities_of(request.user)
    context["running"] = _running(connection)
    context["failed_runs"] = failed_runs(connection)
    context["needs"] = needs_of(
        connection,
        may_set_up=may_set_up,
        may_change=Capability.CHANGE_SETTINGS in capabilities_of(request.user),
        uncreated=sum(uncreated.values()),
    )
    context["mappings"] = tiles_of(connection, uncreated)
    context["live"] = bool(context["running"])
    return render(request, "syncjobs/_home.html" if wants_partial(request) else "syncjobs/home.html", context)


def tiles_of(connection: Connection, uncreated: dict[int, int]) -> list[Any]:
    """The enabled mappings with the figures of their tiles, in one query.

    `uncreated`: records without a partner because creating it failed, by the mapping's key.
    """
    newest = SynchJob.objects.filter(mapping=OuterRef("pk")).exclude(mode="preview").order_by("-pk")
    schedule = Schedule.objects.filter(mapping=OuterRef("pk"))
    couplings = Coupling.objects.filter(mapping=OuterRef("pk")).order_by().values("mapping")
    waiting = DirtyPair.objects.filter(mapping=OuterRef("pk")).order_by().values("mapping")

    def count(condition: Q) -> Subquery:
        return Subquery(couplings.filter(condition).annotate(n=Count("pk")).values("n"))

    def options(name: str) -> Subquery:
        rows = OptionMapping.objects.filter(mapping=OuterRef("pk")).order_by().values("mapping")
        return Subquery(rows.annotate(n=Count("pk"), failing=Count("pk", filter=~Q(error_code=""))).values(name))

    mappings = TableMapping.objects.filter(connection=connection, enabled=True).annotate(
        last_job_id=Subquery(newest.values("pk")[:1]),
        last_state=Subquery(newest.values("state")[:1]),
        last_finished=Subquery(newest.values("finished_at")[:1]),
        next_run=Subquery(schedule.filter(enabled=True).values("next_run")[:1]),
        coupled=Coalesce(count(Q()), 0) + Coalesce(options("n"), 0),
        troubled=Coalesce(count(~Q(error_code="") | Q(skipped_at__isnull=False) | ~Q(missing="")), 0),
        failing_options=options("failing"),
        conflicts=count(Q(conflict=True)),
        waiting=Subquery(waiting.annotate(n=Count("pk")).values("n")),
    )
    tiles: list[Any] = list(mappings)
    for tile in tiles:
        tile.uncreated = uncreated.get(tile.pk, 0)
        tile.sales_caption = sales_caption(tile)
        tile.next_words = next_run_words(tile.next_run, automatic=connection.automatic_jobs)
        tile.last_state = JobState(tile.last_state) if tile.last_state else None
    return tiles


def needs_of(connection: Connection, *, may_set_up: bool, may_change: bool, uncreated: int) -> list[Need]:
    """What waits for a person, gravest first. `uncreated`: records whose partner could not be created."""
    needs: list[Need] = []

    def add(icon: str, tone: str, title: str, text: str, url: str, action: str) -> None:
        needs.append(Need(icon, tone, title, text, url, action))

    def page(name: str, query: str = "") -> str:
        return reverse(name, kwargs={"connection": connection.slug}) + query

    if may_set_up and not connection.enabled:
        add(
            "plug-connected-x",
            "red",
            "The connection is not enabled",
            connection.disabled_reason or "Nothing is synchronised until it is.",
            page("setup-start") if may_change else page("connection-setup"),
            "Assisted Setup" if may_change else "Connection Setup",
        )
    counts = Coupling.objects.filter(connection=connection).aggregate(
        conflict=Count("pk", filter=Q(conflict=True)),
        skipped=Count("pk", filter=Q(skipped_at__isnull=False)),
        failing=Count("pk", filter=~Q(error_code="") & Q(skipped_at__isnull=True)),
        broken=Count("pk", filter=~Q(missing="")),
    )
    words = {
        "conflict": ("arrows-diff", "purple", "in conflict", "The same value changed on both sides; choose one."),
        "skipped": ("player-track-next", "red", "skipped", "They failed twice and wait for a retry or a change."),
        "broken": ("link-plus", "red", "without a partner", "One side was deleted; restore it or uncouple."),
        "failing": ("alert-triangle", "yellow", "failing", "They are tried once more by the next run."),
    }
    for state, (icon, tone, text, hint) in words.items():
        if n := counts[state]:
            add(
                icon,
                tone,
                f"{n} record{'s' if n > 1 else ''} {text}",
                hint,
                page("error-list", f"?state={state}"),
                "Show",
            )
    if uncreated:
        add(
            "circle-x",
            "red",
            f"{uncreated} record{'s' if uncreated > 1 else ''} could not be created",
            "They have no partner yet. See the causes, put them right and try again.",
            page("error-uncoupled"),
            "Show",
        )
    seen = Q(finished_at__gt=connection.failures_reset_at) if connection.failures_reset_at else Q()
    newer = SynchJob.objects.filter(mapping=OuterRef("mapping"), pk__gt=OuterRef("pk"), state=JobState.SUCCEEDED)
    failed = (
        SynchJob.objects.filter(connection=connection, state=JobState.FAILED, mapping__isnull=False)
        .filter(seen, ~Exists(newer))
        .values("mapping__name")
        .annotate(newest=Max("pk"))
        .order_by("mapping__name")[:5]
    )
    for job in failed:
        add(
            "circle-x",
            "red",
            f"The last run of {job['mapping__name']} failed",
            "The job says why.",
            reverse("job-detail", kwargs={"connection": connection.slug, "pk": job["newest"]}),
            "Show job",
        )
    return needs


def _running(connection: Connection) -> list[tuple[SynchJob, Progress]]:
    now: datetime = timezone.now()
    jobs = (
        SynchJob.objects.filter(connection=connection, state__in=LIVE_JOB_STATES)
        .select_related("mapping", "connection")
        .order_by("-pk")[:MOST_RUNNING]
    )
    return [(job, progress_of(job, now=now)) for job in jobs]
