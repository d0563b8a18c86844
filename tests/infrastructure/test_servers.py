"""The session's own servers and the sandbox, as every other test relies on them."""

import pytest
import requests
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django_rq import get_queue

from tests.sandbox_process import SandboxServer


@pytest.mark.django_db
def test_database_is_the_embedded_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        row = cursor.fetchone()
    assert row is not None
    assert row[0] == str(settings.DATA_DIR / "postgres")


@pytest.mark.django_db
def test_redis_database_is_this_workers_own(worker_id: str) -> None:
    cache.set("seen", worker_id)
    with get_queue("default").connection as client:
        expected = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
        assert client.get_connection_kwargs()["db"] == expected
        assert client.dbsize() == 1


@pytest.mark.django_db(transaction=True)
def test_jobs_run_at_once() -> None:
    job = get_queue("high").enqueue(divmod, 17, 5)
    assert job.return_value() == (3, 2)


def test_sandbox_answers_over_tls_that_its_own_authority_signed(sandbox: SandboxServer) -> None:
    answer = requests.get(f"{sandbox.url}/sandbox/health", verify=sandbox.ca_file, timeout=10)
    assert answer.json()["status"] == "ok"
