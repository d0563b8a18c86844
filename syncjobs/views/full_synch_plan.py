"""The plan of a full synchronisation: what a preview found, in words, and whether it still says anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from connector.choices import System
from connector.models import AuditEntry, Connection
from coupling.choices import MappingKind
from syncjobs.choices import JobState
from syncjobs.models import FullSynch, SynchJob

PLAN_WORDS = {
    "create_in_sales": "to create in Sales",
    "create_in_business_central": "to create in Business Central",
    "update_in_sales": "to update in Sales",
    "update_in_business_central": "to update in Business Central",
    "couple": "to couple",
    "unchanged": "unchanged",
    "ambiguous": "ambiguous",
    "blocked": "need another record coupled first",
    "failing": "would fail",
    "conflicts": "in conflict",
}
PLAN_TONES = {"ambiguous": "bad", "blocked": "bad", "failing": "bad", "conflicts": "conflict"}
PLAN_FILTERS: dict[str, dict[str, str]] = {
    "create_in_sales": {"kind": "create", "system": "sales", "state": "planned"},
    "create_in_business_central": {"kind": "create", "system": "business_central", "state": "planned"},
    "update_in_sales": {"kind": "update", "system": "sales", "state": "planned"},
    "update_in_business_central": {"kind": "update", "system": "business_central", "state": "planned"},
    "couple": {"kind": "couple"},
    "blocked": {"state": "failed"},
    "failing": {"state": "failed"},
    "conflicts": {"state": "conflict"},
}
"""Which of a preview's operations are meant; what stays as it is has none."""
PLAN_LASTS = timedelta(hours=24)
_CHANGES_OF_MAPPINGS = (
    "mapping.change", "mapping.reset", "mapping.import", "mapping.criteria", "mapping.create", "mapping.delete",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlanPart:
    words: str
    number: int
    tone: str
    url: str = ""


def preview_before(run: FullSynch) -> FullSynch | None:
    """The newest preview that ended before a real run: what was planned, against what happened."""
    previews = FullSynch.objects.filter(connection=run.connection_id, preview=True, pk__lt=run.pk)
    real = FullSynch.objects.filter(connection=run.connection_id, preview=False, pk__lt=run.pk).first()
    if real is not None:
        previews = previews.filter(pk__gt=real.pk)
    return previews.filter(finished_at__isnull=False).first()


def plan_problem(preview: FullSynch | None, connection: Connection) -> str:
    """Why a preview says nothing any more about a run that starts now; empty where it does."""
    if preview is None or preview.finished_at is None:
        return "There is no preview of this run yet."
    if preview.state not in (JobState.SUCCEEDED, JobState.PARTLY):
        return f"Preview {preview.pk} did not come to its end: {JobState(preview.state).label.lower()}."
    if preview.finished_at < timezone.now() - PLAN_LASTS:
        return f"Preview {preview.pk} is older than a day."
    changes = AuditEntry.objects.filter(connection=connection, at__gt=preview.created_at)
    changed = changes.filter(
        Q(action__startswith="field.") | Q(action__startswith="template.") | Q(action__startswith="rule.")
        | Q(action__in=_CHANGES_OF_MAPPINGS)
    ).order_by("-pk").first()  # fmt: skip
    return f"Something was changed since preview {preview.pk}: {changed.target}." if changed else ""


def parts_of(plan: Mapping[str, int], job: SynchJob | None = None) -> list[PlanPart]:
    """What a plan would do, without what it would not. `job`: the preview whose operations the parts lead to."""
    return [
        PlanPart(words, plan[name], PLAN_TONES.get(name, ""), _url(job, name))
        for name, words in PLAN_WORDS.items()
        if plan.get(name)
    ]


def _url(job: SynchJob | None, name: str) -> str:
    """The operations that a part of the plan counts: of the mapping's own tables, not of rows that go with them."""
    if job is None or job.mapping is None or name not in PLAN_FILTERS:
        return ""
    wanted = {"job": str(job.pk), **PLAN_FILTERS[name]}
    if job.mapping.kind == MappingKind.RECORD and "system" in wanted:
        wanted["table"] = job.mapping.table(System(wanted["system"]))
    elif job.mapping.kind == MappingKind.OPTION and name == "couple":
        return ""
    return f"{reverse('operation-list', kwargs={'connection': job.connection.slug})}?{urlencode(wanted)}"


def totals_of(plans: Sequence[Mapping[str, int]]) -> list[PlanPart]:
    """What the whole preview would do, over all lines."""
    return parts_of({name: sum(plan.get(name, 0) for plan in plans) for name in PLAN_WORDS})
