"""Advisory locks of Postgres: who works on what, in a form that a dying worker cannot leave behind.

A session's locks end with its connection, so a worker that is killed lets go at once. Names are readable text, hashed
to the 64 bits that Postgres takes.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

_POLL_SECONDS = 0.2


def _call(function: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])
        row = cursor.fetchone()
    return row is not None and row[0] is not False


def try_lock(name: str) -> bool:
    """Takes the lock for this session unless another session has it."""
    return _call("pg_try_advisory_lock", name)


def unlock(name: str) -> None:
    _call("pg_advisory_unlock", name)


def lock_shared(name: str) -> None:
    """Takes the lock beside other sharers; waits while somebody has it exclusively."""
    _call("pg_advisory_lock_shared", name)


def unlock_shared(name: str) -> None:
    _call("pg_advisory_unlock_shared", name)


def lock_in_transaction(name: str) -> None:
    """Waits for the lock and keeps it until the transaction ends."""
    _call("pg_advisory_xact_lock", name)


def is_free(name: str) -> bool:
    """Whether nobody has the lock in any form right now. Has to be asked inside a transaction."""
    return _call("pg_try_advisory_xact_lock", name)


@contextmanager
def waiting_lock(name: str, *, while_waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the lock of this session; `while_waiting` is called every now and then until it is free."""
    while not try_lock(name):
        while_waiting()
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        unlock(name)


def table_lock(connection_id: int, system: str, table: str) -> str:
    return f"couplet:pull:{connection_id}:{system}:{table}"


def job_lock(job_id: int) -> str:
    """Shared by every worker of a job; free means that nobody works on it."""
    return f"couplet:job:{job_id}"


def slice_lock(slice_id: int) -> str:
    return f"couplet:slice:{slice_id}"


def start_lock(connection_id: int) -> str:
    """Guards the decision which waiting job of a connection may start."""
    return f"couplet:start:{connection_id}"
