"""What a page of assisted setup shows: the steps with their state, the form of one, and what belongs beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from config.web.request import PageRequest
from connector.keypairs import facts_of
from connector.models import Connection, SetupDraft
from connector.wizard import checks, choices, drafts, finish, presets
from connector.wizard.step_form import StepForm
from connector.wizard.steps import BY_SLUG, CHECKED, STEPS, Step, after, before
from connector.wizard.system_forms import SalesForm

LEAVE_QUESTION = "Setup is not finished. Your answers are kept as a draft and nothing is switched on. Leave?"


@dataclass(slots=True)
class Stepper:
    """One entry of the list of steps."""

    step: Step
    number: int
    state: str
    label: str
    url: str


def show(
    request: PageRequest,
    draft: SetupDraft,
    step: Step,
    form: StepForm,
    *,
    notices: list[str] | None = None,
    wanted_off: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    """`wanted_off`: mappings that were switched off although others need them."""
    advanced = bool(request.session.get("setup_advanced")) and step.slug != "welcome"
    hidden = [name for name in form.advanced if not advanced and name not in form.errors]
    if "cloud" in hidden and form["cloud"].value() != "worldwide":
        # Addresses that are not the usual ones are never out of sight.
        hidden = []
    if isinstance(form, SalesForm) and not (checks.needs_reason(draft) or form["over_privileged_reason"].value()):
        hidden.append("over_privileged_reason")
    context: dict[str, Any] = {
        "title": "Assisted Setup",
        "step": step,
        "stepper": _stepper(request, draft, step),
        "form": form,
        "hidden": hidden,
        "advanced": advanced,
        "draft": draft,
        "notices": notices or [],
        "previous": before(step.slug),
        "last": after(step.slug) is None,
        "preset": presets.preset_for(request.connection),
        "outcome": checks.outcome(draft, step.slug) if step.checked else "",
        "result": draft.checks.get(step.slug) if step.checked else None,
        "leave_question": LEAVE_QUESTION,
        **_extra(draft, step, form, wanted_off),
    }
    return render(request, "connector/setup_step.html", context, status=status)


def _extra(draft: SetupDraft, step: Step, form: StepForm, wanted_off: Sequence[str]) -> dict[str, Any]:
    """What single steps show besides their form."""
    match step.slug:
        case "identity":
            return {"certificate": facts_of(draft.certificate) if draft.certificate else None}
        case "sales" if isinstance(form, SalesForm):
            return {"shortened": form.shortened}
        case "welcome":
            same = Connection.objects.exclude(pk=draft.connection_id).filter(
                company_id=draft.connection.company_id, company_id__isnull=False
            )
            return {"same_company": same.first()}
        case "subjects":
            rows = choices.rows_of(draft)
            stops = [(name, choices.dependents(rows, name)) for name in wanted_off]
            return {"cards": choices.cards_of(rows), "stops": stops}
        case "people":
            return {"people": draft.found.get("people")}
        case "first":
            return {"lines": choices.first_lines(draft)}
        case "summary":
            return _summary(draft)
    return {}


def _summary(draft: SetupDraft) -> dict[str, Any]:
    rows = choices.rows_of(draft)
    return {
        "settings": drafts.settings_of(draft),
        "credential": drafts.credential_of(draft),
        "rows": [row for row in rows if row.choice.enabled and row.offer.available],
        "off": [row for row in rows if not (row.choice.enabled and row.offer.available)],
        "warnings": [
            (BY_SLUG[slug].title, check)
            for slug in CHECKED
            for check in draft.checks.get(slug, {}).get("rows", [])
            if check["state"] == "warning"
        ],
        "obstacles": finish.obstacles(draft),
        "plans": finish.wants_plan(draft),
        **finish_progress(draft),
    }


def finish_address(draft: SetupDraft) -> str:
    """The summary while Finish is at work; it knows where to lead to when the draft is gone."""
    return f"{address_of(draft.connection.slug, 'summary')}?finish={'plan' if finish.wants_plan(draft) else 'done'}"


def finish_progress(draft: SetupDraft) -> dict[str, Any]:
    """What Finish has done so far, for the page and for the part of it that asks again."""
    if not draft.progress:
        return {"finishing": None}
    return {
        "finishing": draft.progress,
        "running": draft.progress["state"] == "running",
        "silent": finish.is_silent(draft),
        "watch": finish_address(draft),
        "titles": {step.slug: step.title for step in STEPS},
    }


_LABELS = {
    "current": "this step",
    "done": "done",
    "todo": "to do",
    "warning": "a warning to look at",
    "failed": "a check failed",
    "stale": "its checks are out of date",
}


def _stepper(request: PageRequest, draft: SetupDraft, current: Step) -> list[Stepper]:
    entries = []
    for number, step in enumerate(STEPS, start=1):
        state = _state(draft, step)
        shown = "current" if step is current else state
        url = address_of(request.connection.slug, step.slug)
        entries.append(Stepper(step, number, shown, _LABELS[shown], url))
    return entries


def _state(draft: SetupDraft, step: Step) -> str:
    if step.checked:
        outcome = checks.outcome(draft, step.slug)
        return {"": "todo", "passed": "done"}.get(outcome, outcome)
    if step.slug not in draft.answers:
        return "todo"
    return "done" if drafts.settled_form(draft, step.slug).is_valid() else "failed"


def address_of(connection: str, step: str) -> str:
    return reverse("setup-step", kwargs={"connection": connection, "step": step})
