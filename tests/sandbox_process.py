"""The sandbox as the tests use it: a process of its own, reached over real HTTPS."""

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from sandbox.identity.clients import HUB_CLIENT_ID, HUB_CLIENT_SECRET

PROJECT_DIR = Path(__file__).resolve().parent.parent
_START_SECONDS = 180


class SandboxStartError(Exception):
    """The sandbox ended or stayed silent while starting; the text is its output."""


@dataclass
class SandboxServer:
    """A running sandbox: where it is and how to steer it."""

    url: str
    http_url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    client_id: str = HUB_CLIENT_ID
    client_secret: str = HUB_CLIENT_SECRET

    @property
    def ca_file(self) -> str:
        return str(self.data_dir / "ca.pem")

    @cached_property
    def health(self) -> dict[str, Any]:
        """tenant, environment, company, sales_scope, business_central_scope, freight_account_no, version."""
        return self.control("GET", "/health")

    @property
    def tenant(self) -> str:
        return str(self.health["tenant"])

    @property
    def environment(self) -> str:
        return str(self.health["environment"])

    @property
    def company(self) -> str:
        return str(self.health["company"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the control API below /sandbox; the decoded answer, or None where there is none.

        Raises requests.HTTPError for a refused request.
        """
        response = self._session.request(
            method,
            f"{self.http_url}/sandbox{path}",
            data=None if body is None else json.dumps(body),
            headers={"Content-Type": "application/json"},
            timeout=120,
        )
        response.raise_for_status()
        return response.json() if response.content else None

    def reset(self, dataset: str = "empty", **numbers: int) -> None:
        """Drops all data and loads a dataset; `numbers` are seed, customers, accounts, contacts, items."""
        self.control("POST", "/reset", {"dataset": dataset, **numbers})

    def stop(self) -> None:
        self._session.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @cached_property
    def _session(self) -> requests.Session:
        return requests.Session()


def start_sandbox(data_dir: Path) -> SandboxServer:
    """Starts a sandbox over `data_dir` on free ports and waits until it answers. Raises SandboxStartError."""
    port, http_port = _free_ports(2)
    output = data_dir / "sandbox.log"
    command = [sys.executable, "manage.py", "sandbox", "--port", str(port), "--http-port", str(http_port)]
    command += ["--data-dir", str(data_dir), "--dataset", "empty"]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=PROJECT_DIR, env=environment, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
    server = SandboxServer(f"https://127.0.0.1:{port}", f"http://127.0.0.1:{http_port}", data_dir, process)
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(server):
        if process.poll() is not None or time.monotonic() > deadline:
            server.stop()
            raise SandboxStartError(output.read_text(encoding="utf-8", errors="replace"))
        time.sleep(0.05)
    return server


def _answers(server: SandboxServer) -> bool:
    try:
        return bool(server.health)
    except requests.ConnectionError:
        return False


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for candidate in sockets:
            candidate.bind(("127.0.0.1", 0))
        return [candidate.getsockname()[1] for candidate in sockets]
    finally:
        for candidate in sockets:
            candidate.close()
