"""A fresh hub beside a running sandbox, and an administrator who goes through assisted setup."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.roles import ensure_groups
from connector import auth
from connector.models import Connection, SetupDraft
from coupling.services.defaults import load_defaults
from tests.coupling.factories import make_person
from tests.sandbox_process import SandboxServer


class Wizard:
    """Assisted setup as a browser without JavaScript sees it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def open(self, step: str) -> Any:
        return self.client.get(f"/c/default/setup/step/{step}/")

    def post(self, step: str, action: str = "next", **values: Any) -> Any:
        revision = values.pop("revision", None)
        if revision is None:
            revision = self.draft.revision if SetupDraft.objects.exists() else 1
        return self.client.post(f"/c/default/setup/step/{step}/", {"action": action, "revision": revision, **values})

    @property
    def draft(self) -> SetupDraft:
        return SetupDraft.objects.get()


@pytest.fixture
def connection(db: None, sandbox: SandboxServer) -> Connection:
    """Nothing has been entered yet."""
    auth._kept.clear()
    made = Connection.objects.create()
    load_defaults(connection=made)
    return made


@pytest.fixture
def administrator(db: None) -> User:
    ensure_groups()
    return make_person("administrator", "administrator")


@pytest.fixture
def wizard(connection: Connection, administrator: User, client: Client) -> Wizard:
    client.force_login(administrator)
    return Wizard(client)


@pytest.fixture
def identity(sandbox: SandboxServer) -> dict[str, str]:
    return {
        "tenant_id": sandbox.tenant,
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "credential_kind": "secret",
        "cloud": "other",
        "authority_url": sandbox.url,
    }
