"""One PostgreSQL and one Redis for a whole test session, started by whichever process needs them first.

The process that pytest was started as owns the session's directory: it ends the servers and removes the directory, so
that a run leaves nothing behind and tests without a database never start one.
"""

import fcntl
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import embedded
from tests.settings import REDIS_DATABASES, SESSION_DIR

# Held for the life of the process: a Popen object that is collected while its program runs warns.
_started: list[embedded.Server] = []


def ensure_started() -> None:
    """Starts both servers unless a process of this session has done so."""
    with _locked():
        started = SESSION_DIR / "started"
        if not started.exists():
            _started.append(embedded.start_postgres(SESSION_DIR, durable=False))
            _started.append(embedded.start_redis(SESSION_DIR, durable=False, databases=REDIS_DATABASES))
            started.touch()


def end() -> None:
    """Ends both servers and removes the session's directory."""
    embedded.stop_leftovers(SESSION_DIR / "postgres", stop_signal=signal.SIGQUIT)
    embedded.stop_leftovers(SESSION_DIR / "redis", stop_signal=signal.SIGKILL)
    shutil.rmtree(SESSION_DIR, ignore_errors=True)


@contextmanager
def _locked() -> Iterator[None]:
    with (Path(SESSION_DIR) / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
