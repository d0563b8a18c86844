"""Everything between "nothing runs" and "the processes can be started", in the order in which it has to happen.

Each step either heals what an earlier, interrupted start left behind or ends with one sentence that says what to do.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path

import psutil
import redis
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import OperationalError, connection, connections

from config import accounts, embedded

# Marks every process of a running hub with its data directory, so that a later start can find what was left behind.
MARK = "COUPLET_SUPERVISED"
_END_SECONDS = 8


class StartError(Exception):
    """The hub cannot be started; the text says why and what to do about it."""


@contextmanager
def only_instance(data_dir: Path) -> Iterator[None]:
    """Holds the data directory for this process. The lock ends with the process, however that ends."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "up.lock").open("a+", encoding="ascii")
    except PermissionError as error:
        owner = _owner(data_dir)
        raise StartError(
            f"{data_dir} cannot be written to. It belongs to {owner}: an earlier start ran as {owner}. "
            f"Give it to yourself (sudo chown -R $(id -un) {data_dir}) or set COUPLET_DATA_DIR to another directory."
        ) from error
    with lock:
        try:
            # Of the kind that forks do not inherit: a process left behind must not keep the next start out.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            lock.seek(0)
            raise StartError(
                f"Couplet already runs on {data_dir} (process {lock.read().strip()}). "
                "Stop that one first, or set COUPLET_DATA_DIR and COUPLET_PORT to run a second one beside it."
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def end_leftovers(data_dir: Path) -> None:
    """Ends the web server, workers, scheduler and sandbox of a start on `data_dir` that was killed."""
    leftovers = [process for process in psutil.process_iter() if _is_marked(process, data_dir)]
    for process in leftovers:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(leftovers, timeout=_END_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=_END_SECONDS)


def require_free_ports(ports: dict[str, tuple[str, int]]) -> None:
    """Raises StartError unless all can be listened on; `ports` maps the variable that sets one to (host, port)."""
    problems = []
    for variable, (host, port) in ports.items():
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((host, port))
            except OSError as error:
                reason = (
                    f"is taken{_taken_by(port)}" if port_is_open(host, port) else f"cannot be used ({error.strerror})"
                )
                problems.append(f"Port {port} {reason}. Choose another one: make run {variable}={port + 1}")
    if problems:
        raise StartError("\n".join(problems))


def port_is_open(host: str, port: int) -> bool:
    """Whether something answers there; `0.0.0.0` and the like are asked on this machine."""
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


@contextmanager
def running_servers(data_dir: Path) -> Iterator[list[embedded.Server]]:
    """The embedded servers that the settings ask for, stopped again at the end: Redis first, the database last."""
    with ExitStack() as stack:
        servers = []
        try:
            if settings.EMBEDDED_POSTGRES:
                servers.append(embedded.start_postgres(data_dir))
                stack.callback(servers[-1].stop)
            if settings.EMBEDDED_REDIS:
                servers.append(embedded.start_redis(data_dir))
                stack.callback(servers[-1].stop)
        except (embedded.ServerError, accounts.AccountError) as error:
            raise StartError(str(error)) from error
        yield servers


def prepare_database() -> None:
    """Migrations and the delivered defaults; harmless where all of it is there."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise StartError(f"The database does not answer: {str(error).strip()}\nIs DATABASE_URL right?") from error
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_defaults", stdout=StringIO())


def close_connections() -> None:
    """Before processes are forked: they must not share a database connection with this one."""
    connections.close_all()


def require_redis() -> None:
    try:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            client.ping()
    except redis.RedisError as error:
        raise StartError(f"Redis does not answer: {error}\nIs REDIS_URL right?") from error


def collect_static_files() -> None:
    """Puts style sheets, scripts and images, hashed and compressed, where the web server reads them, if any changed."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    fingerprint = _static_fingerprint()
    if stamp.exists() and stamp.read_text(encoding="ascii") == fingerprint:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(fingerprint, encoding="ascii")


def _static_fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(None):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _is_marked(process: psutil.Process, data_dir: Path) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(MARK) == str(data_dir)
    except psutil.Error:
        return False


def _taken_by(port: int) -> str:
    """Something like ` by nginx (process 123)` where this account may know, otherwise nothing."""
    with contextlib.suppress(psutil.Error):
        for entry in psutil.net_connections("tcp"):
            if entry.status == psutil.CONN_LISTEN and entry.laddr and entry.laddr.port == port and entry.pid:
                return f" by {psutil.Process(entry.pid).name()} (process {entry.pid})"
    return ""


def _owner(path: Path) -> str:
    try:
        return pwd.getpwuid(path.stat().st_uid).pw_name
    except (KeyError, OSError):
        return "another account"
