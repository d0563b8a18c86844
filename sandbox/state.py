"""The one object that holds everything a running sandbox consists of."""

import threading
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.clock import Clock
from sandbox.control.counters import Counters, RequestLog
from sandbox.control.faults import FaultInjector
from sandbox.control.limits import LatencyKeeper, LimitKeeper
from sandbox.control.profile import Profile
from sandbox.identity.clients import ENVIRONMENT, TENANT_ID, ClientRegistry
from sandbox.identity.tokens import TokenService
from sandbox.storage import Image, Store

DATASET_KEY = "dataset"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many records the bulk dataset holds."""

    customers: int = 0
    accounts: int = 0
    contacts: int = 0
    items: int = 0


class Sandbox:
    """Data, clock and switches of one process. The two services are attached by `sandbox.application`."""

    tenant_id = TENANT_ID
    environment = ENVIRONMENT

    def __init__(self, data_directory: Path) -> None:
        data_directory.mkdir(parents=True, exist_ok=True)
        self.data_directory = data_directory
        self.clock = Clock()
        self.store = Store(data_directory / "sandbox.sqlite3")
        self.clients = ClientRegistry(data_directory / "clients.json")
        self.tokens = TokenService(data_directory / "token.key", self.clock, self.clients.get)
        self.profile = Profile()
        self.limits = LimitKeeper()
        self.latency = LatencyKeeper()
        self.faults = FaultInjector()
        self.counters = Counters()
        self.log = RequestLog()
        self.reset_lock = threading.Lock()
        self.images: dict[Hashable, Image] = {}
        """Datasets as they were right after they were made, by everything that they depend on."""
        self.sales: Any = None
        self.business_central: Any = None

    def reset_controls(self) -> None:
        """Everything the control API switched goes back to its default; registered clients stay."""
        self.clock.reset()
        self.profile.reset()
        self.limits.reset()
        self.latency.reset()
        self.faults.clear()
        self.counters.clear()
        self.log.clear()
