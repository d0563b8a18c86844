"""People of every role, a client of the REST API, and a hub connected with the running sandbox."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from tests.coupling.factories import make_person
from tests.engine.live import Hub, connect
from tests.sandbox_process import SandboxServer


@pytest.fixture
def hub(sandbox: SandboxServer, transactional_db: None, settings: Any) -> Hub:
    """A hub connected with an empty sandbox; jobs run in this process, on real transactions."""
    settings.COUPLET_CREATE_GRACE_SECONDS = 0
    return Hub(connect(sandbox), sandbox)


@pytest.fixture
def people(db: None) -> dict[str, User]:
    roles = ("administrator", "operator", "salesperson")
    return {role: make_person(role, role) for role in roles} | {"outsider": make_person("outsider")}


@pytest.fixture
def api(people: dict[str, User]) -> Any:
    """`api("salesperson")` is a client of the REST API signed in as that person."""

    def signed_in(name: str) -> APIClient:
        client = APIClient()
        client.force_authenticate(people[name])
        return client

    return signed_in
