"""Named people with tokens, a client whose every answer is held against the published description, and a hub."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from connector.models import Connection
from tests.api.schema import problems
from tests.coupling.factories import make_connection, make_person
from tests.engine.live import Hub, connect
from tests.sandbox_process import SandboxServer

ROOT = "/api/v1/connections/default"
ROLES = ("administrator", "operator", "salesperson", "viewer")


class Api:
    """A client of one person (or of nobody); addresses without `/api/` are those below the connection."""

    def __init__(self, key: str = "") -> None:
        self.client = APIClient()
        if key:
            self.client.credentials(HTTP_AUTHORIZATION=f"Token {key}")

    def get(self, address: str, **query: Any) -> Any:
        return self._send("get", address, query)

    def post(self, address: str, body: Any = None) -> Any:
        return self._send("post", address, {} if body is None else body)

    def patch(self, address: str, body: Any) -> Any:
        return self._send("patch", address, body)

    def delete(self, address: str) -> Any:
        return self._send("delete", address, None)

    def send(self, method: str, address: str, body: Any = None) -> Any:
        """Any method, described or not; the answer is not judged."""
        path = address if address.startswith("/api/") else f"{ROOT}/{address}"
        return getattr(self.client, method)(path, {} if body is None else body, format="json")

    def _send(self, method: str, address: str, data: Any) -> Any:
        path = address if address.startswith("/api/") else f"{ROOT}/{address}"
        more = {} if method == "get" else {"format": "json"}
        answer = getattr(self.client, method)(path, data, **more)
        body = answer.json() if answer.content else None
        assert problems(urlsplit(path).path, method, answer.status_code, body) == []
        return answer


@pytest.fixture
def people(db: None) -> dict[str, User]:
    return {role: make_person(role, role) for role in ROLES} | {"outsider": make_person("outsider")}


@pytest.fixture
def api(people: dict[str, User]) -> Callable[[str], Api]:
    """`api("salesperson")` is that person's client, `api("")` a stranger's."""

    def client_of(name: str) -> Api:
        return Api(Token.objects.get_or_create(user=people[name])[0].key if name else "")

    return client_of


@pytest.fixture
def connection(db: None) -> Connection:
    """Enabled, with its mappings; nothing answers at its addresses."""
    unreachable = "https://127.0.0.1:9"
    return make_connection(
        tenant_id="contoso",
        client_id="hub",
        authority_url=unreachable,
        business_central_url=unreachable,
        business_central_environment="Production",
        company_id="5a1f0c52-0000-4000-8000-000000000001",
        company_name="CRONUS",
    )


@pytest.fixture
def hub(sandbox: SandboxServer, transactional_db: None, settings: Any) -> Hub:
    """A hub connected with an empty sandbox; jobs run in this process, on real transactions."""
    settings.COUPLET_CREATE_GRACE_SECONDS = 0
    return Hub(connect(sandbox), sandbox)
