"""The embedded servers survive what happens to them: kills, stale files, long paths."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from config import accounts, embedded
from config.database import database_from_url

pytestmark = pytest.mark.slow


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for name in ("postgres", "redis"):
        embedded.stop_leftovers(tmp_path / name, stop_signal=signal.SIGKILL)


def _execute(data_dir: Path, statement: str) -> list[tuple[object, ...]]:
    database = database_from_url(embedded.postgres_address(data_dir))
    with closing(psycopg2.connect(host=database["HOST"], user=database["USER"], dbname=database["NAME"])) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def test_postgres_data_survives_a_killed_server(data_dir: Path) -> None:
    server = embedded.start_postgres(data_dir)
    _execute(data_dir, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.process.kill()
    server.process.wait()
    # A process id from before, now somebody else's: this test's own.
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        stale = data_dir / "postgres" / name
        stale.write_text("\n".join([str(os.getpid()), *stale.read_text().splitlines()[1:]]) + "\n")

    server = embedded.start_postgres(data_dir)
    assert _execute(data_dir, "SELECT answer FROM kept") == [(42,)]
    server.stop()
    assert server.has_ended()


def test_postgres_left_running_is_replaced(data_dir: Path) -> None:
    left = embedded.start_postgres(data_dir)
    server = embedded.start_postgres(data_dir)
    assert left.has_ended()
    assert _execute(data_dir, "SELECT 1") == [(1,)]
    server.stop()


def test_postgres_half_made_cluster_is_made_anew(data_dir: Path) -> None:
    unfinished = data_dir / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    embedded.start_postgres(data_dir).stop()
    assert not unfinished.exists()


def test_postgres_never_runs_as_root(data_dir: Path) -> None:
    server = embedded.start_postgres(data_dir)
    account = accounts.database_account(data_dir)
    assert psutil.Process(server.process.pid).uids().real == (account.uid if account else os.getuid()) != 0
    server.stop()


def test_servers_in_a_directory_too_deep_for_a_socket(data_dir: Path) -> None:
    deep = data_dir / ("d" * 60) / ("e" * 60)
    servers = [embedded.start_postgres(deep), embedded.start_redis(deep)]
    try:
        assert _execute(deep, "SELECT 1") == [(1,)]
        with redis.Redis.from_url(embedded.redis_address(deep)) as client:
            assert client.ping()
    finally:
        for server in servers:
            server.stop()


def test_redis_keeps_its_data_over_a_kill(data_dir: Path) -> None:
    server = embedded.start_redis(data_dir)
    with redis.Redis.from_url(embedded.redis_address(data_dir)) as client:
        client.config_set("appendfsync", "always")
        client.set("queued", "job")
    server.process.kill()
    server.process.wait()
    server = embedded.start_redis(data_dir)
    with redis.Redis.from_url(embedded.redis_address(data_dir)) as client:
        assert client.get("queued") == b"job"
    server.stop()


def test_broken_data_says_where_to_look(data_dir: Path) -> None:
    embedded.start_postgres(data_dir).stop()
    (data_dir / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(embedded.ServerError, match=r"(?s)PostgreSQL stopped while starting.*postgres\.log.*pg_control"):
        embedded.start_postgres(data_dir)
