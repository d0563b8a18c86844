"""The processes of a running hub under one roof: started together, ended together.

honcho starts them, shows their output and ends all when one ends. Added here: word when everything answers, and an eye
on the embedded servers, which run outside because they have to be up before the first process and down after the last.
"""

import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence

import requests
from django.conf import settings
from django.shortcuts import resolve_url
from honcho.manager import Manager

from config.embedded import Server
from config.startup import MARK

_WEB_PROCESSES = 2
_WEB_THREADS = 8
_REQUEST_SECONDS = 120
# An idle worker gives its sign of life 15 seconds before this ends, so well within what counts as silence.
_WORKER_TTL_SECONDS = 60
_POLL_SECONDS = 0.2


def web_address() -> str:
    """Where the web server answers on this machine, which need not be the address that people use."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.WEB_HOST, settings.WEB_HOST)  # noqa: S104
    return f"http://{host}:{settings.WEB_PORT}"


def sandbox_health_address() -> str:
    return f"http://127.0.0.1:{settings.SANDBOX_HTTP_PORT}/sandbox/health"


def commands() -> dict[str, list[str]]:
    """The command of each process by its name."""
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    processes: dict[str, list[str]] = {}
    if settings.SANDBOX_ENABLED:
        ports = ["--port", str(settings.SANDBOX_PORT), "--http-port", str(settings.SANDBOX_HTTP_PORT)]
        processes["sandbox"] = [*manage, "sandbox", *ports, "--data-dir", str(settings.SANDBOX_DATA_DIR)]
    gunicorn = [sys.executable, "-m", "gunicorn", "config.wsgi:application", "--no-control-socket"]
    gunicorn += ["--bind", f"{settings.WEB_HOST}:{settings.WEB_PORT}", "--workers", str(_WEB_PROCESSES)]
    gunicorn += ["--worker-class", "gthread", "--threads", str(_WEB_THREADS), "--timeout", str(_REQUEST_SECONDS)]
    processes["web"] = gunicorn
    for number in range(1, settings.WORKERS + 1):
        processes[f"worker-{number}"] = _worker(manage, "high", "default", "low")
    # A full synchronisation may keep all of those for hours; somebody who waits for one record does not wait for it.
    processes["worker-high"] = _worker(manage, "high")
    processes["scheduler"] = [*manage, "tick"]
    return processes


def _worker(manage: Sequence[str], *queues: str) -> list[str]:
    return [*manage, "rqworker", *queues, "--verbosity", "0", "--worker-ttl", str(_WORKER_TTL_SECONDS)]


class Supervisor(Manager):
    """Runs the processes until one ends, a server ends, or a signal asks for it."""

    def __init__(self, servers: Sequence[Server], announce: Callable[[], str]) -> None:
        super().__init__()
        self._servers = servers
        self._announce = announce
        self.failed_server: Server | None = None
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        environment |= {MARK: str(settings.DATA_DIR), "PYTHONUNBUFFERED": "1"}
        for name, command in commands().items():
            self.add_process(name, "exec " + shlex.join(command), env=environment, cwd=str(settings.BASE_DIR))

    @property
    def stopped_on_request(self) -> bool:
        return self.failed_server is None and self.returncode in {
            128 + signal.SIGINT,
            128 + signal.SIGTERM,
        }

    def _start(self) -> None:
        # The processes come from forks of this one, which a running thread would make unsafe: so the thread comes last.
        super()._start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        announced = False
        while not self._terminating:
            self.failed_server = next((server for server in self._servers if server.has_ended()), None)
            if self.failed_server:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            if not announced and everything_answers():
                announced = True
                sys.stdout.write(self._announce())
                sys.stdout.flush()
            time.sleep(_POLL_SECONDS)


def everything_answers() -> bool:
    addresses = [f"{web_address()}{resolve_url(settings.LOGIN_URL)}"]
    if settings.SANDBOX_ENABLED:
        addresses.append(sandbox_health_address())
    return all(_answers(address) for address in addresses)


def _answers(address: str) -> bool:
    """Any answer will do that is not an error of the server: a host or scheme that is not allowed is one too."""
    try:
        return requests.get(address, timeout=5, allow_redirects=False).status_code < 500
    except requests.RequestException:
        return False
