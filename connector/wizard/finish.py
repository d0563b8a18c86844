"""Finish: turns the draft into the enabled connection, step by step, each of them safe to repeat.

A worker does it while the page watches. A failed step leaves the connection disabled (or, where it was enabled before,
as it is) and the draft with what was typed; Retry passes over what is done already and goes on there. So does a worker
that takes over from one that died.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import django_rq
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connector.choices import OwnershipModel
from connector.errors import HubError, SettingsError
from connector.models import Connection, Credential, SetupDraft
from connector.provisioning import subscribers
from connector.services import audit, setup
from connector.services.report import Report
from connector.wizard import checks, drafts
from connector.wizard.choices import choices_of, first_lines
from connector.wizard.forms import OwnershipForm
from connector.wizard.steps import BY_SLUG, CHECKED, STEPS
from connector.wizard.subjects import subjects

log = logging.getLogger(__name__)

_TASK = "connector.tasks.finish_setup"
_TASK_SECONDS = 900
# The checks of a slow system may take so long without a word in between.
SILENT_AFTER = timedelta(minutes=2)
_MOST_TAKEOVERS = 3
BUSY = "Finish is at work with the answers as they are; they can be changed again when it is over."
_OWN_MISTAKE = "The hub made a mistake here; nothing is switched on by it."


class FinishingError(HubError):
    """Finish cannot start."""

    code = "setup.not_ready"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What has to be done before Finish, and on which step."""

    step: str
    title: str
    sentence: str


def obstacles(draft: SetupDraft) -> list[Obstacle]:
    """Judges the draft alone, whatever was skipped by typing addresses."""
    found = []
    for step in STEPS:
        form = drafts.settled_form(draft, step.slug)
        problem = ""
        if not form.is_valid():
            problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
        elif step.slug == "business-central" and not form.settings().get("company_id"):
            problem = "No company was chosen."
        elif step.checked:
            problem = _UNCHECKED.get(checks.outcome(draft, step.slug), "")
        if problem:
            found.append(Obstacle(step.slug, step.title, problem))
    if refused := _refused_change(draft):
        found.append(Obstacle("business-central", BY_SLUG["business-central"].title, refused))
    return found


def _refused_change(draft: SetupDraft) -> str:
    """Why the connection cannot become what the draft says; blank where it can."""
    stored, wanted = Connection.objects.get(pk=draft.connection_id), drafts.settings_of(draft)
    changed = {name: getattr(stored, name) for name, value in wanted.items() if getattr(stored, name) != value}
    for subscriber in subscribers():
        if subscriber.check_change is not None and changed:
            try:
                subscriber.check_change(drafts.candidate(draft), changed)
            except SettingsError as error:
                return str(error)
    return ""


_UNCHECKED = {
    "": "Its checks have not been run.",
    "stale": "Something changed since its checks were run.",
    "failed": "A check failed.",
    "warning": "A warning was not accepted.",
}


def start(*, draft: SetupDraft, user: User) -> None:
    """Has a worker finish the setup. Raises FinishingError while one is at it."""
    with transaction.atomic():
        stored = SetupDraft.objects.select_for_update(of=("self",)).get(pk=draft.pk)
        if is_running(stored):
            raise FinishingError(f"{stored.progress['by']} is finishing this setup right now.")
        steps = [{"name": name, "state": "", "message": "", "hint": "", "where": ""} for name, _, _ in _STEPS]
        by = {"by": user.get_username(), "user": user.pk}
        stored.progress = {"state": "running", **by, "at": _now(), "takeovers": 0, "steps": steps}
        stored.save(update_fields=["progress"])
    _enqueue(stored.pk, user.pk)


def is_running(draft: SetupDraft) -> bool:
    """Whether a worker is at it, as far as anybody has heard of it lately."""
    return draft.progress.get("state") == "running" and not is_silent(draft)


def is_silent(draft: SetupDraft) -> bool:
    """Whether a worker that should be at it has not been heard of: it died, or none is there."""
    at = draft.progress.get("at")
    running = draft.progress.get("state") == "running"
    return bool(running and at and timezone.now() - datetime.fromisoformat(at) > SILENT_AFTER)


def resume_silent() -> None:
    """Has another worker go on where one died; called by the scheduler. Gives up after some, and says so."""
    for draft in SetupDraft.objects.filter(progress__state="running"):
        if not is_silent(draft):
            continue
        progress = draft.progress | {"at": _now(), "takeovers": draft.progress["takeovers"] + 1}
        if progress["takeovers"] > _MOST_TAKEOVERS:
            progress |= {"state": "failed"}
        # Two schedulers at once: the one that still finds the silent state goes on.
        taken = SetupDraft.objects.filter(pk=draft.pk, progress=draft.progress).update(progress=progress)
        if taken and progress["state"] == "running":
            _enqueue(draft.pk, progress["user"])


def run(draft_id: int, user_id: int) -> None:
    """All steps, noting on the draft how far they are; the draft is gone when everything is done."""
    draft = SetupDraft.objects.filter(pk=draft_id).first()
    if draft is None or draft.progress.get("state") != "running":
        return
    work = _Work(drafts.open_draft(draft.connection), User.objects.get(pk=user_id))
    for position, (_, where, act) in enumerate(_STEPS):
        _note(work.draft, position, "running")
        try:
            act(work)
        except HubError as error:
            _note(work.draft, position, "failed", message=str(error), hint=error.hint, where=where)
            return
        except Exception:
            log.exception("Finishing the setup of %s failed.", draft.connection)
            _note(work.draft, position, "failed", message=_OWN_MISTAKE, hint="The hub's log names it.")
            raise
        _note(work.draft, position, "passed")
    SetupDraft.objects.filter(pk=draft.pk).delete()


@dataclass(slots=True)
class _Work:
    """What the steps share."""

    draft: SetupDraft
    user: User
    report: Report | None = None

    @property
    def connection(self) -> Connection:
        """As it is stored now, with its own credential."""
        return Connection.objects.get(pk=self.draft.connection_id)


def _enqueue(draft_id: int, user_id: int) -> None:
    queue = django_rq.get_queue("high")
    queue.enqueue(_TASK, draft_id, user_id, job_timeout=_TASK_SECONDS, result_ttl=0, failure_ttl=3600)


def _note(draft: SetupDraft, position: int, state: str, **words: str) -> None:
    progress = draft.progress
    progress["steps"][position] |= {"state": state, **words}
    progress |= {"state": "failed" if state == "failed" else "running", "at": _now()}
    SetupDraft.objects.filter(pk=draft.pk).update(progress=progress)


def _now() -> str:
    return timezone.now().isoformat()


def _save(work: _Work) -> None:
    draft, connection, user = work.draft, work.connection, work.user
    wanted = drafts.settings_of(draft)
    changes: dict[str, Any] = {name: value for name, value in wanted.items() if getattr(connection, name) != value}
    company = changes.pop("company_id", None)
    changes.pop("company_name", None)
    new = drafts.credential_of(draft)
    stored = Credential.objects.filter(connection=connection).first()
    if stored is None or (stored.kind, stored.secret, stored.certificate) != (new.kind, new.secret, new.certificate):
        names = ("client_secret",) if new.kind == "secret" else ("private_key",)
        changes |= {names[0]: new.secret}
        if new.certificate:
            changes["certificate"] = new.certificate
    if company is not None:
        changes["company"] = str(company)
    if changes:
        setup.update_connection(connection=connection, changes=changes, user=user)
    Credential.objects.filter(connection=connection).update(valid_until=new.valid_until)


def _check(work: _Work) -> None:
    work.report = setup.check(connection=work.connection)


def _choose(work: _Work) -> None:
    subjects().apply(work.connection, choices_of(work.draft), work.user)


def _enable(work: _Work) -> None:
    connection = work.connection
    if not connection.enabled:
        setup.enable(connection=connection, user=work.user, report=work.report)


def _couple(work: _Work) -> None:
    form = drafts.settled_form(work.draft, "people")
    if not (isinstance(form, OwnershipForm) and form.is_valid()):
        return
    choice, connection = form.people(), work.connection
    if not (choice.pairs or choice.new) or connection.ownership_model != OwnershipModel.PERSON:
        return
    problems = subjects().couple_people(connection, choice, work.user)
    if problems:
        raise FinishingError(problems[0], hint="Choose again on the step Ownership and people, or couple them later.")


def _plan(work: _Work) -> None:
    lines = first_lines(work.draft)
    rules = {line.row.offer.name: [rule.key for rule in line.ticked] for line in lines if line.rules}
    subjects().set_rules(work.connection, rules, work.user)
    chosen = [line.choice for line in lines if line.takes_part]
    if wants_plan(work.draft) and chosen:
        subjects().plan_first(work.connection, chosen, work.user)


def wants_plan(draft: SetupDraft) -> bool:
    form = drafts.settled_form(draft, "first")
    return form.is_valid() and form.cleaned_data["start"] == "plan"


def _complete(work: _Work) -> None:
    draft, connection = work.draft, work.connection
    Connection.objects.filter(pk=connection.pk).update(setup_completed_at=timezone.now())
    accepted = [
        f"{slug}: {row['name']}"
        for slug in CHECKED
        for row in draft.checks.get(slug, {}).get("rows", [])
        if row["state"] == "warning"
    ]
    after = {"warnings accepted": ", ".join(accepted)}
    audit.record_change(connection=connection, user=work.user, action="finish setup", after=after)


# What the page says, the step of the setup where a failure is put right, and the deed.
_STEPS: tuple[tuple[str, str, Callable[[_Work], None]], ...] = (
    ("Settings and credential are saved", "business-central", _save),
    ("All checks are run once more", "compatibility", _check),
    ("Mappings are made and follow your choices", "subjects", _choose),
    ("Jobs are made, the connection is enabled", "subjects", _enable),
    ("Salespeople are coupled with users", "people", _couple),
    ("The first synchronisation is planned", "first", _plan),
    ("The checklist is completed", "summary", _complete),
)
