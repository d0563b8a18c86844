"""The registered applications: who may ask for tokens and what they may open.

Kept in a file of its own in the data directory, because resetting the data must not lock out a configured client.
"""

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

TENANT_ID = "7e4a47aa-0000-4000-8000-000000000001"
TENANT_DOMAIN = "couplet.example"
ENVIRONMENT = "production"

HUB_CLIENT_ID = "c0091e70-0000-4000-8000-000000000001"
HUB_CLIENT_SECRET = "couplet-sandbox-secret"  # noqa: S105 - a published value of a local stand-in
GUEST_CLIENT_ID = "c0091e70-0000-4000-8000-000000000002"
GUEST_CLIENT_SECRET = "anyone-sandbox-secret"  # noqa: S105 - a published value of a local stand-in

DEFAULT_EXPIRES_IN = 3599


@dataclass(frozen=True, slots=True)
class Client:
    """``certificate`` is a PEM certificate. The two flags say whether the application exists as a user in the Sales
    organisation and is enabled in Business Central; ``expires_in`` is the life of its tokens in seconds."""

    client_id: str
    client_secret: str | None = None
    certificate: str | None = None
    sales_application_user: bool = True
    business_central_application: bool = True
    expires_in: int = DEFAULT_EXPIRES_IN


DEFAULT_CLIENTS = (
    Client(HUB_CLIENT_ID, HUB_CLIENT_SECRET),
    Client(GUEST_CLIENT_ID, GUEST_CLIENT_SECRET),
)


class ClientRegistry:
    """All registered clients. Thread-safe; a registration replaces an earlier one with the same id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._clients = {client.client_id: client for client in DEFAULT_CLIENTS}
        if path.exists():
            for entry in json.loads(path.read_text(encoding="utf-8")):
                self._clients[entry["client_id"]] = Client(**entry)

    def get(self, client_id: str) -> Client | None:
        return self._clients.get(client_id.lower())

    def all(self) -> list[Client]:
        return list(self._clients.values())

    def register(self, client: Client) -> None:
        with self._lock:
            self._clients[client.client_id] = client
            self._path.write_text(json.dumps([asdict(item) for item in self._clients.values()], indent=1), "utf-8")
