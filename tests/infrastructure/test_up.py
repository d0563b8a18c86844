"""`manage.py up` as a person uses it: start, stop, start again, and after the worst."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from config import startup

pytestmark = pytest.mark.slow

PROJECT_DIR = Path(__file__).resolve().parents[2]
_START_SECONDS = 120
_STOP_SECONDS = 60


@dataclass
class Hub:
    """A hub in a directory and on ports of its own, started as often as a test likes."""

    directory: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.environment['COUPLET_PORT']}"

    @property
    def output(self) -> str:
        return (self.directory / "output").read_text(encoding="utf-8", errors="replace")

    def start(self) -> subprocess.Popen[bytes]:
        with (self.directory / "output").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=PROJECT_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    def start_and_wait(self) -> None:
        process = self.start()
        deadline = time.monotonic() + _START_SECONDS
        while "Ctrl-C stops everything" not in self.output:
            assert process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)

    def stop(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(_STOP_SECONDS)

    def processes(self) -> list[str]:
        """Commands of everything that runs on this data directory, database and Redis included."""
        data_dir = self.environment["COUPLET_DATA_DIR"]
        found = []
        for process in psutil.process_iter(["cmdline", "cwd", "environ"]):
            environment = process.info["environ"] or {}
            marked = environment.get(startup.MARK) == data_dir
            if marked or str(process.info["cwd"]).startswith(data_dir):
                found.append(" ".join(process.info["cmdline"] or []))
        return found


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    ports = []
    for _ in range(3):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(str(free.getsockname()[1]))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COUPLET_", "DJANGO_"))}
    names = ("COUPLET_PORT", "COUPLET_SANDBOX_PORT", "COUPLET_SANDBOX_HTTP_PORT")
    environment |= dict(zip(names, ports, strict=True))
    environment["COUPLET_DATA_DIR"] = str(tmp_path / "var")
    hub = Hub(tmp_path, environment)
    yield hub
    if hub.process and hub.process.poll() is None:
        hub.stop(signal.SIGTERM)


def test_up_over_its_whole_life(hub: Hub) -> None:
    """One test for three starts on the same data, because each takes a while."""
    hub.start_and_wait()
    password = _password(hub)
    assert _signs_in(hub, password)
    assert len(hub.processes()) > 5
    assert hub.stop(signal.SIGINT) == 0
    assert hub.output.rstrip().endswith("Stopped.")
    assert hub.processes() == []

    # Killed, it leaves everything running; the next start ends that and has the data.
    hub.start_and_wait()
    hub.stop(signal.SIGKILL)
    assert hub.processes() != []
    hub.start_and_wait()
    assert _password(hub) == password

    # The database is gone: everything else ends, and the reason is said.
    postmaster = Path(hub.environment["COUPLET_DATA_DIR"]) / "postgres" / "postmaster.pid"
    os.kill(int(postmaster.read_text().split()[0]), signal.SIGKILL)
    assert hub.process is not None
    assert hub.process.wait(_STOP_SECONDS) == 1
    assert "PostgreSQL ended by itself" in hub.output
    assert hub.processes() == []


def test_up_port_taken_names_it_before_anything_starts(hub: Hub) -> None:
    with socket.create_server(("127.0.0.1", int(hub.environment["COUPLET_PORT"]))):
        assert hub.start().wait(_START_SECONDS) == 1
    assert f"Port {hub.environment['COUPLET_PORT']} is taken" in hub.output
    assert "Traceback" not in hub.output
    assert hub.processes() == []


def _password(hub: Hub) -> str:
    sign_in = re.search(r"Sign in +administrator +password (\S+)", hub.output)
    assert sign_in is not None, hub.output
    return sign_in[1]


def _signs_in(hub: Hub, password: str) -> bool:
    address = f"{hub.address}/accounts/login/"
    with requests.Session() as session:
        session.get(address, timeout=30)
        form = {
            "username": "administrator",
            "password": password,
            "csrfmiddlewaretoken": session.cookies["couplet_csrf"],
        }
        answer = session.post(address, data=form, headers={"Referer": hub.address}, timeout=30, allow_redirects=False)
    return answer.status_code == 302
