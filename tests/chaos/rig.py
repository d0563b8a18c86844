"""The hub of a chaos campaign: embedded servers, a fresh database per run, real RQ workers, and ways to hurt them."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import psutil
import psycopg2
from django.core.management import call_command
from django.db import connection as database
from django_rq import get_connection

from config import embedded
from tests.chaos import environment

WORKERS = 2
_PROJECT = Path(__file__).resolve().parents[2]


class Rig:
    """One PostgreSQL and one Redis for the whole campaign; `workers` belong to a run."""

    def __enter__(self) -> "Rig":
        self._postgres = embedded.start_postgres(environment.DIRECTORY)
        self._redis = embedded.start_redis(environment.DIRECTORY, durable=False)
        call_command("migrate", verbosity=0)
        self._rename(environment.DATABASE, environment.TEMPLATE)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        database.close()
        self._redis.stop()
        self._postgres.stop()

    # -- Databases

    def fresh_database(self, template: str = environment.TEMPLATE) -> None:
        """The hub's database becomes a copy of `template`; Redis becomes empty."""
        database.close()
        self._administer(
            f"DROP DATABASE IF EXISTS {environment.DATABASE} WITH (FORCE)",
            f"CREATE DATABASE {environment.DATABASE} TEMPLATE {template}",
            # A copied sequence believes that its next values are in the log already. They are not, and a crash before
            # the first checkpoint would hand them out twice.
            "CHECKPOINT",
        )
        self.flush_redis()

    def keep_database(self, name: str) -> None:
        """The hub's database becomes the template `name` of later runs."""
        self._rename(environment.DATABASE, name)

    def _rename(self, old: str, new: str) -> None:
        database.close()
        self._administer(f"DROP DATABASE IF EXISTS {new} WITH (FORCE)", f"ALTER DATABASE {old} RENAME TO {new}")

    def _administer(self, *statements: str) -> None:
        known = database.settings_dict
        server = psycopg2.connect(host=known["HOST"], user=known["USER"], dbname="postgres")
        with contextlib.closing(server) as raw:
            raw.autocommit = True
            with raw.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

    # -- Faults of the servers

    def restart_postgres(self, *, crash: bool) -> None:
        """Ends PostgreSQL, in good order or as a power cut would, and starts it again."""
        process = psutil.Process(self._postgres.process.pid)
        process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        self._postgres.process.wait(60)
        self._postgres = embedded.start_postgres(environment.DIRECTORY)

    def flush_redis(self) -> None:
        with get_connection("default") as redis:
            redis.flushall()

    @contextlib.contextmanager
    def workers(self, log: Path) -> Iterator["Workers"]:
        crew = Workers(log)
        try:
            yield crew
        finally:
            crew.end()


class Workers:
    """RQ workers as the supervisor runs them. A killed one is started again by `look_after`."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._processes: list[subprocess.Popen[bytes] | None] = [self._start() for _ in range(WORKERS)]
        self._killed: set[int] = set()
        self._orphans: list[psutil.Process] = []
        self.unexpected_exits = 0

    def look_after(self) -> None:
        """Starts what was killed; counts what ended by itself, which would end a real hub."""
        for number, process in enumerate(self._processes):
            if process is None or process.poll() is None:
                continue
            if process.pid not in self._killed:
                self.unexpected_exits += 1
            self._processes[number] = self._start()

    def horses(self) -> list[psutil.Process]:
        """Processes that have a task in hand: one forked per task."""
        found = [each for each in self._orphans if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
        for process in self._processes:
            if process is not None and process.poll() is None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    found += psutil.Process(process.pid).children()
        return found

    def kill_horses(self, share: float, pick: float) -> int:
        """Kills that share of the busy processes, at least one, beginning at a picked one. Returns how many."""
        horses = self.horses()
        count = min(len(horses), max(1, round(share * len(horses))))
        start = int(pick * len(horses))
        for horse in (horses + horses)[start : start + count]:
            _kill(horse)
        return count

    def kill_worker(self, pick: float, *, horse_too: bool) -> None:
        """Kills a worker; its task dies with it or goes on as an orphan."""
        process = self._processes[int(pick * len(self._processes))]
        if process is None or process.poll() is not None:
            return
        children = psutil.Process(process.pid).children()
        self._killed.add(process.pid)
        process.kill()
        process.wait()
        for child in children:
            if horse_too:
                _kill(child)
            else:
                self._orphans.append(child)

    def show_where_they_are(self) -> None:
        """Every busy process writes the stacks of its threads into the log, and dies of it."""
        horses = self.horses()
        for horse in horses:
            with contextlib.suppress(psutil.NoSuchProcess):
                horse.send_signal(signal.SIGABRT)
        psutil.wait_procs(horses, timeout=5)

    def end(self) -> None:
        horses = self.horses()
        for process in self._processes:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        for horse in horses:
            _kill(horse)
        psutil.wait_procs(horses, timeout=10)

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "manage.py", "rqworker", "high", "default", "low", "--verbosity", "1"]
        with self._log.open("ab") as output:
            return subprocess.Popen(
                [*command, "--worker-ttl", "60"], cwd=_PROJECT, env={**os.environ, "PYTHONFAULTHANDLER": "1"},
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
