"""A hub of the bench's own: `manage.py up` over a temporary directory, with its sandbox, steered from outside.

The bench's process shares the hub's settings and database, so it starts jobs exactly as the pages do and lets the
hub's workers do them. Import this before anything of the hub's: it sets the environment.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import requests

from bench.processes import HubProcesses

if TYPE_CHECKING:
    from connector.models import Connection
    from syncjobs.models import FullSynch, SynchJob

PROJECT = Path(__file__).resolve().parent.parent
_START_SECONDS = 600
_POLL_SECONDS = 0.1
LATENCY = {
    "sales": {"base_ms": 60, "per_operation_ms": 8},
    "business_central": {"base_ms": 80, "per_operation_ms": 25},
}
NO_LATENCY = {system: {"base_ms": 0, "per_operation_ms": 0} for system in LATENCY}
LIMITS = {
    "sales": {"requests_per_5_minutes": 6000, "execution_seconds_per_5_minutes": 1200, "concurrent": 52},
    "business_central": {"requests_per_5_minutes": 6000, "concurrent": 5, "queued": 95},
}
NO_LIMITS = {system: dict.fromkeys(limits) for system, limits in LIMITS.items()}


class Sandbox:
    """The control API of the hub's sandbox."""

    def __init__(self, http_port: int, port: int) -> None:
        self.url = f"https://127.0.0.1:{port}"
        self._control = f"http://127.0.0.1:{http_port}/sandbox"
        self._session = requests.Session()
        self._session.trust_env = False

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Raises requests.HTTPError for a refused request."""
        response = self._session.request(method, f"{self._control}{path}", json=body, timeout=1200)
        response.raise_for_status()
        return response.json() if response.content else None

    def load(self, **numbers: int) -> None:
        """Drops all data and loads so many records, all of them uncoupled."""
        self.control("POST", "/reset", {"dataset": "bulk", **numbers})

    def behave(self, *, latency: Any = None, limits: Any = None) -> None:
        if latency is not None:
            self.control("PUT", "/latency", latency)
        if limits is not None:
            self.control("PUT", "/limits", limits)

    def forget_requests(self) -> None:
        self.control("DELETE", "/requests")

    def requests(self) -> dict[str, Any]:
        """By system: what was asked since `forget_requests`."""
        counters: dict[str, Any] = self.control("GET", "/requests")
        return counters


class Installation:
    """A running hub with an enabled connection. Nothing runs by itself; `workers` serve all queues."""

    def __init__(self, data_dir: Path, sandbox: Sandbox, supervisor: int) -> None:
        self.data_dir, self.sandbox = data_dir, sandbox
        self.processes = HubProcesses(data_dir, supervisor)

    @property
    def connection(self) -> Connection:
        from connector.models import Connection

        return Connection.objects.get(slug="default")

    def start_over(self, **numbers: int) -> None:
        """New data in both systems; the hub knows nothing of either any more."""
        from connector.models import Connection
        from connector.services.setup import reset_connection

        self.sandbox.load(**numbers)
        connection = self.connection
        if connection.enabled:
            reset_connection(connection=connection, confirm=connection.slug, user=None)
        Connection.objects.update(automatic_jobs=False)

    def enable(self) -> None:
        from connector.models import Connection
        from connector.services.setup import update_connection

        Connection.objects.update(automatic_jobs=False)
        update_connection(connection=self.connection, changes={"enabled": True}, user=None)

    def run(self, name: str, mode: str, *, creating: bool = False) -> SynchJob:
        """One run of a mapping, handed to the workers and waited for. `creating`: uncoupled records get partners."""
        from coupling.models import TableMapping
        from syncjobs.choices import JobMode, JobTrigger
        from syncjobs.engine.options import RunOptions
        from syncjobs.services.jobs import start_job

        connection = self.connection
        job = start_job(
            connection=connection,
            mapping=TableMapping.objects.get(connection=connection, name=name),
            mode=JobMode(mode),
            trigger=JobTrigger.COMMAND,
            options=RunOptions(ignore_only_coupled=creating),
        )
        self._wait_for(job)
        return job

    def waits_during(self, name: str, *, times: int) -> list[float]:
        """Seconds that single pairs took to be synchronised, one after the other, during a full run of their table.

        At most `times` of them; fewer when the run was over sooner. Raises SystemExit when it was before the first.
        """
        from coupling.models import Coupling, TableMapping
        from syncjobs.choices import JobMode, JobTrigger
        from syncjobs.engine.options import RunOptions
        from syncjobs.services.jobs import retry_couplings, start_job

        connection = self.connection
        mapping = TableMapping.objects.get(connection=connection, name=name)
        full = start_job(
            connection=connection, mapping=mapping, mode=JobMode.FULL, trigger=JobTrigger.COMMAND,
            options=RunOptions(ignore_only_coupled=True),
        )  # fmt: skip
        seconds = []
        for _ in range(times):
            while (coupling := Coupling.objects.filter(mapping=mapping).order_by("?").first()) is None:
                time.sleep(_POLL_SECONDS)
            started = time.monotonic()
            (job,) = retry_couplings(couplings=[coupling], user=None)
            while not job.finished_at:
                time.sleep(_POLL_SECONDS / 10)
                job.refresh_from_db()
            waited = time.monotonic() - started
            full.refresh_from_db()
            if full.finished_at:
                break
            seconds.append(waited)
        if not seconds:
            raise SystemExit("The full run was over too soon: take more records.")
        self._wait_for(full)
        return seconds

    def run_full_synch(self, mappings: Sequence[str] | None = None) -> FullSynch:
        """A full synchronisation as the Full Synchronisation page starts it; None: of all mappings."""
        from syncjobs.services.full_synch import start_full_synch

        full_synch = start_full_synch(connection=self.connection, mappings=mappings)
        self._wait_for(full_synch)
        return full_synch

    def _wait_for(self, work: Any) -> None:
        from syncjobs.choices import LIVE_JOB_STATES

        while work.state in LIVE_JOB_STATES or self.processes.busy():
            time.sleep(_POLL_SECONDS)
            work.refresh_from_db()


@contextmanager
def installation(data_dir: Path, *, workers: int, first_port: int | None = None) -> Iterator[Installation]:
    """Starts everything and stops it again; ports are `first_port` and the next two, or free ones."""
    ports = [first_port + number for number in range(3)] if first_port else _free_ports(3)
    settings = {
        "COUPLET_DATA_DIR": str(data_dir),
        "COUPLET_PORT": str(ports[0]),
        "COUPLET_SANDBOX_PORT": str(ports[1]),
        "COUPLET_SANDBOX_HTTP_PORT": str(ports[2]),
        "COUPLET_WORKERS": str(workers),
    }
    os.environ.update(settings)
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    log = data_dir / "hub.log"
    data_dir.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        hub = subprocess.Popen(
            [sys.executable, "manage.py", "up"], cwd=PROJECT, env=environment, stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        sandbox = Sandbox(ports[2], ports[1])
        _wait_for_start(hub, log, sandbox)
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        django.setup()
        running = Installation(data_dir, sandbox, hub.pid)
        _wait_until(lambda: bool(running.connection.client_id), hub, log)
        running.enable()
        yield running
    finally:
        hub.send_signal(signal.SIGTERM)
        hub.wait()


def _wait_for_start(hub: subprocess.Popen[bytes], log: Path, sandbox: Sandbox) -> None:
    def answers() -> bool:
        try:
            return bool(sandbox.control("GET", "/health"))
        except requests.RequestException:
            return False

    _wait_until(answers, hub, log)


def _wait_until(condition: Callable[[], bool], hub: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        if hub.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"The hub did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")
        time.sleep(_POLL_SECONDS)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [candidate.getsockname()[1] for candidate in sockets]
    finally:
        for candidate in sockets:
            candidate.close()
