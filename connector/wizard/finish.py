"""Finish: turns the draft into the enabled connection, step by step, each of them safe to repeat.

A failed step leaves the connection disabled (or, where it was enabled before, as it is) and the draft with what was
typed; pressing Finish again goes through all of it anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone

from connector.choices import OwnershipModel
from connector.errors import HubError
from connector.models import Connection, Credential, SetupDraft
from connector.services import audit, setup
from connector.wizard import checks, drafts
from connector.wizard.choices import choices_of, first_lines
from connector.wizard.forms import OwnershipForm
from connector.wizard.steps import CHECKED, STEPS
from connector.wizard.subjects import subjects

_LOCK_SECONDS = 300
_SECRETS = ("secret", "certificate", "private_key")


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
    return found


_UNCHECKED = {
    "": "Its checks have not been run.",
    "stale": "Something changed since its checks were run.",
    "failed": "A check failed.",
    "warning": "A warning was not accepted.",
}


def finish(*, draft: SetupDraft, user: User) -> str:
    """Runs all steps; returns "" or the sentence of the step that failed. Progress is kept on the draft."""
    lock = f"couplet:setup:finish:{draft.connection_id}"
    if not cache.add(lock, user.get_username(), timeout=_LOCK_SECONDS):
        raise FinishingError(f"{cache.get(lock)} is finishing this setup right now.", hint="Look again in a minute.")
    try:
        return _run(draft, user)
    finally:
        cache.delete(lock)


def _run(draft: SetupDraft, user: User) -> str:
    connection = Connection.objects.get(pk=draft.connection_id)
    steps: list[tuple[str, Callable[[], None]]] = [
        ("Settings and credential are saved", partial(_save, draft, connection, user)),
        ("What is synchronised, in which direction", partial(_choose, draft, connection, user)),
        (
            "All checks are run once more, mappings and jobs are made, the connection is enabled",
            partial(_enable, connection, user),
        ),
        ("Salespeople are coupled with users", partial(_couple, draft, connection, user)),
        ("The first synchronisation is planned", partial(_plan, draft, connection, user)),
        ("The checklist is completed", partial(_complete, draft, connection, user)),
    ]
    progress: list[dict[str, str]] = []
    for position, (name, act) in enumerate(steps):
        try:
            act()
        except HubError as error:
            progress.append({"name": name, "state": "failed", "message": str(error), "hint": error.hint})
            progress += [{"name": later, "state": "", "message": "", "hint": ""} for later, _ in steps[position + 1 :]]
            SetupDraft.objects.filter(pk=draft.pk).update(progress=progress)
            return str(error)
        progress.append({"name": name, "state": "passed", "message": "", "hint": ""})
        SetupDraft.objects.filter(pk=draft.pk).update(progress=progress)
    SetupDraft.objects.filter(pk=draft.pk).delete()
    return ""


def _save(draft: SetupDraft, connection: Connection, user: User) -> None:
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
    connection.refresh_from_db()


def _choose(draft: SetupDraft, connection: Connection, user: User) -> None:
    subjects().apply(connection, choices_of(draft), user)


def _enable(connection: Connection, user: User) -> None:
    connection.refresh_from_db()
    connection = Connection.objects.get(pk=connection.pk)
    if not connection.enabled:
        setup.enable(connection=connection, user=user)


def _couple(draft: SetupDraft, connection: Connection, user: User) -> None:
    form = drafts.settled_form(draft, "people")
    if not (isinstance(form, OwnershipForm) and form.is_valid()):
        return
    pairs = {UUID(person): UUID(salesperson) for person, salesperson in form.pairs().items()}
    stored = Connection.objects.get(pk=connection.pk)
    if not pairs or stored.ownership_model != OwnershipModel.PERSON:
        return
    problems = subjects().couple_people(stored, pairs, user)
    if problems:
        raise FinishingError(problems[0], hint="Choose again on the step Ownership and people, or couple them later.")


def _plan(draft: SetupDraft, connection: Connection, user: User) -> None:
    names = [line.row.offer.name for line in first_lines(draft) if line.takes_part]
    if wants_plan(draft) and names:
        subjects().plan_first(Connection.objects.get(pk=connection.pk), names, user)


def wants_plan(draft: SetupDraft) -> bool:
    form = drafts.settled_form(draft, "first")
    return form.is_valid() and form.cleaned_data["start"] == "plan"


def _complete(draft: SetupDraft, connection: Connection, user: User) -> None:
    reason = draft.checks.get("sales", {}).get("reason", "")
    Connection.objects.filter(pk=connection.pk).update(setup_completed_at=timezone.now(), over_privileged_reason=reason)
    accepted = [
        f"{slug}: {row['name']}"
        for slug in CHECKED
        for row in draft.checks.get(slug, {}).get("rows", [])
        if row["state"] == "warning"
    ]
    after = {"warnings accepted": ", ".join(accepted)}
    if reason:
        after["System Administrator because"] = reason
    audit.record_change(connection=connection, user=user, action="finish setup", after=after)
