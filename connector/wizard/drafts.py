"""The draft of assisted setup: opening it, saving answers, and the connection that it describes.

A draft belongs to the connection, not to a person: whoever continues sees what was entered. Two people who save the
same draft at once are told of each other instead of overwriting.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.crypto import salted_hmac

from connector.choices import CredentialKind
from connector.errors import HubError
from connector.keypairs import facts_of
from connector.models import Connection, Credential, SetupDraft
from connector.wizard.step_form import StepForm
from connector.wizard.steps import BY_SLUG, CHECKED, STEPS


class DraftChangedError(HubError):
    """Somebody saved the draft after this page was opened."""

    code = "setup.changed"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What was entered of the credential; None leaves what is stored."""

    secret: str | None = None
    private_key: str | None = None
    certificate: str | None = None

    def __repr__(self) -> str:
        return "Secrets()"


def open_draft(connection: Connection) -> SetupDraft:
    """The connection's draft; a new one starts with the connection's credential, so that it can stand alone."""
    draft = SetupDraft.objects.select_related("changed_by").filter(connection=connection).first()
    if draft is not None:
        draft.connection = connection
        return draft
    credential = Credential.objects.filter(connection=connection).first()
    values: dict[str, Any] = {}
    if credential is not None and credential.kind == CredentialKind.CERTIFICATE:
        values = {"private_key": credential.secret, "certificate": credential.certificate}
    elif credential is not None:
        values = {"secret": credential.secret}
    draft, _ = SetupDraft.objects.get_or_create(connection=connection, defaults=values)
    return draft


def save(
    *,
    draft: SetupDraft,
    step: str,
    answers: Mapping[str, Any] | None,
    secrets: Secrets,
    revision: int,
    user: User,
    open_step: str = "",
) -> SetupDraft:
    """Stores what was typed on one step. Raises DraftChangedError where `revision` is not the newest."""
    with transaction.atomic():
        stored = SetupDraft.objects.select_for_update(of=("self",)).select_related("changed_by").get(pk=draft.pk)
        changed = answers is not None and stored.answers.get(step) != answers
        for name in ("secret", "private_key", "certificate"):
            value = getattr(secrets, name)
            changed = changed or (value is not None and value != getattr(stored, name))
        if stored.revision != revision and changed:
            who = stored.changed_by.get_username() if stored.changed_by else "Somebody"
            raise DraftChangedError(
                f"{who} saved this setup while you were on this page.",
                hint="What you typed is still here: save again to use it, or open the page anew to see theirs.",
            )
        if changed:
            stored.answers = {**stored.answers, step: dict(answers or {})}
            for name in ("secret", "private_key", "certificate"):
                if (value := getattr(secrets, name)) is not None:
                    setattr(stored, name, value)
            stored.revision += 1
            stored.changed_by = user
        if open_step:
            stored.step = open_step
        stored.save()
    stored.connection = draft.connection
    return stored


def note(draft: SetupDraft, *, checks: Mapping[str, Any] | None = None, found: Mapping[str, Any] | None = None) -> None:
    """Keeps what checks said and found, whatever others do to the answers meanwhile."""
    with transaction.atomic():
        stored = SetupDraft.objects.select_for_update().get(pk=draft.pk)
        draft.checks = stored.checks = {**stored.checks, **(checks or {})}
        draft.found = stored.found = {**stored.found, **(found or {})}
        stored.save(update_fields=["checks", "found"])


def form_of(draft: SetupDraft, slug: str) -> StepForm:
    """The step's form with the draft's answers, bound where there are any."""
    answers = draft.answers.get(slug)
    return BY_SLUG[slug].form(answers, draft=draft, connection=draft.connection)


def settled_form(draft: SetupDraft, slug: str) -> StepForm:
    """As `form_of`, but bound to the first values where nobody answered, so that it can be judged."""
    form = form_of(draft, slug)
    if form.is_bound:
        return form
    first = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    data = {name: value for name, value in first.items() if value not in (None, False)}
    return BY_SLUG[slug].form(data, draft=draft, connection=draft.connection)


def settings_of(draft: SetupDraft) -> dict[str, Any]:
    """The settings that the draft's valid steps mean."""
    found: dict[str, Any] = {}
    for step in STEPS:
        form = settled_form(draft, step.slug)
        # A form with one bad field still says something about the others.
        form.is_valid()
        try:
            found |= form.settings()
        except KeyError:
            continue
    return found


def candidate(draft: SetupDraft) -> Connection:
    """The connection as the draft describes it, with the draft's credential; never stored."""
    connection = Connection.objects.get(pk=draft.connection_id)
    for name, value in settings_of(draft).items():
        setattr(connection, name, value)
    if draft.found.get("capabilities"):
        connection.capabilities = draft.found["capabilities"]
    connection.credential = credential_of(draft)
    return connection


def credential_of(draft: SetupDraft) -> Credential:
    """The credential that the draft describes, not stored."""
    form = settled_form(draft, "identity")
    form.is_valid()
    until = form.cleaned_data.get("valid_until")
    if form.cleaned_data.get("credential_kind") == CredentialKind.CERTIFICATE:
        facts = facts_of(draft.certificate)
        return Credential(
            kind=CredentialKind.CERTIFICATE,
            secret=draft.private_key,
            certificate=draft.certificate,
            valid_until=facts.ends if facts else until,
        )
    return Credential(kind=CredentialKind.SECRET, secret=draft.secret, valid_until=until)


def fingerprint(draft: SetupDraft, slug: str) -> str:
    """Changes with everything that the checks of a step and of those before it were given."""
    inputs: dict[str, Any] = {"secret": draft.secret, "key": draft.private_key}
    for each in CHECKED:
        form = settled_form(draft, each)
        form.is_valid()
        inputs[each] = {
            name: str(value) for name, value in sorted(form.cleaned_data.items()) if name not in form.secrets
        }
        if each == slug:
            break
    return salted_hmac("couplet.setup", json.dumps(inputs), algorithm="sha256").hexdigest()


def is_fresh(draft: SetupDraft, slug: str) -> bool:
    """Whether the step's checks were made with the present values."""
    return bool(draft.checks.get(slug)) and draft.checks[slug].get("fingerprint") == fingerprint(draft, slug)
