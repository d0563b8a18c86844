"""A running sandbox and small clients for both of its APIs; each test module starts from a fresh dataset."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
import requests

from sandbox.datasets.company import COMPANY_ID
from sandbox.identity.tokens import BUSINESS_CENTRAL_AUDIENCE
from tests.sandbox_process import SandboxServer


def decimal_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value))


@dataclass
class ApiClient:
    """Requests with a token. Paths are relative to ``root``; bodies and answers are JSON with exact decimals."""

    server: SandboxServer
    root: str
    token: str
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.session.verify = self.server.ca_file

    def request(
        self, method: str, path: str, body: Any = None, *, raw: bytes | str | None = None, **headers: str
    ) -> requests.Response:
        """``headers`` have underscores for hyphens."""
        url = path if path.startswith("http") else f"{self.root}{path}"
        data = raw if raw is not None else None if body is None else json.dumps(body, default=decimal_default)
        sent = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json",
            **({"Content-Type": "application/json"} if data is not None else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.session.request(method, url, data=data, headers=sent, timeout=60)

    def get(self, path: str, **headers: str) -> Any:
        """The decoded answer of a GET that has to succeed."""
        response = self.request("GET", path, **headers)
        assert response.status_code == 200, response.text
        return json.loads(response.text, parse_float=Decimal)

    def create(self, path: str, body: Any) -> str:
        """Id of the row that a POST created."""
        response = self.request("POST", path, body)
        assert response.status_code == 204, response.text
        return response.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")

    def error(self, response: requests.Response) -> tuple[int, str]:
        """(status, code) of a refusal in the service's shape."""
        body = response.json()
        assert set(body) == {"error"}
        assert body["error"]["message"]
        assert response.headers["x-ms-service-request-id"]
        return response.status_code, body["error"]["code"]


def get_token(server: SandboxServer, scope: str, **form: str) -> requests.Response:
    """The token endpoint's answer for the hub's client; ``form`` overrides its fields."""
    with requests.Session() as session:
        session.trust_env = False
        return session.post(
            f"{server.url}/{server.tenant}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": server.client_id,
                "client_secret": server.client_secret,
                "scope": scope,
                **form,
            },
            verify=server.ca_file,
            timeout=30,
        )


@pytest.fixture(scope="session")
def sales_token(sandbox_server: SandboxServer) -> str:
    return str(get_token(sandbox_server, f"{sandbox_server.url}/.default").json()["access_token"])


@pytest.fixture(scope="session")
def business_central_token(sandbox_server: SandboxServer) -> str:
    return str(get_token(sandbox_server, f"{BUSINESS_CENTRAL_AUDIENCE}/.default").json()["access_token"])


@pytest.fixture(scope="module")
def empty_server(sandbox_server: SandboxServer) -> SandboxServer:
    """The sandbox with the empty dataset, once per test module."""
    sandbox_server.reset("empty")
    return sandbox_server


@pytest.fixture
def steered(empty_server: SandboxServer) -> Iterator[SandboxServer]:
    """A sandbox whose clock, limits, faults, latency and profile a test may change."""
    yield empty_server
    empty_server.control("PUT", "/faults", [])
    empty_server.control("PUT", "/clock", {name: {"offset_s": 0} for name in ("sales", "business_central")})
    off = {"requests_per_5_minutes": None, "execution_seconds_per_5_minutes": None, "concurrent": None, "queued": None}
    empty_server.control("PUT", "/limits", {"sales": off, "business_central": off})
    none = {"base_ms": 0, "per_operation_ms": 0}
    empty_server.control("PUT", "/latency", {"sales": none, "business_central": none})
    empty_server.control(
        "PUT",
        "/profile",
        {
            "sales": {
                "denied": [],
                "business_central_solution": True,
                "dynamics_web_api_batches": True,
                "order_wall": True,
            }
        },
    )


@pytest.fixture
def sales(empty_server: SandboxServer, sales_token: str) -> ApiClient:
    """The Dataverse Web API."""
    return ApiClient(empty_server, f"{empty_server.url}/api/data/v9.2/", sales_token)


@pytest.fixture
def business_central(empty_server: SandboxServer, business_central_token: str) -> ApiClient:
    """API v2.0 of the company, paths relative to it."""
    environment = f"{empty_server.url}/v2.0/{empty_server.tenant}/{empty_server.environment}"
    root = f"{environment}/api/v2.0/companies({COMPANY_ID})/"
    return ApiClient(empty_server, root, business_central_token)
