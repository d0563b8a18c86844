"""Workers killed in the middle of their work: another one finishes, nothing is there twice, nothing is lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as hub_settings
from django.db import connection as database
from django.utils import timezone

from coupling.models import Coupling, DirtyPair
from syncjobs.choices import JobMode, JobState, OperationState
from syncjobs.models import JobSlice, Operation, SynchJob
from syncjobs.services.ticking import tick
from tests.engine.live import CREATING, Hub

pytestmark = [pytest.mark.slow, pytest.mark.chaos]


@pytest.fixture(autouse=True)
def grace(hub: Hub, settings: Any) -> None:
    """Requests of a killed worker go on in the sandbox, which shares the machine with these tests."""
    settings.COUPLET_CREATE_GRACE_SECONDS = 3


_PROGRAM = """
import django
django.setup()
from django.conf import settings
from syncjobs import tasks
settings.SANDBOX_CA_FILE = {ca_file!r}
settings.COUPLET_CREATE_GRACE_SECONDS = 3
tasks.run_job({job_id})
"""
_PROJECT = Path(__file__).resolve().parents[2]


def start_worker(hub: Hub, job: SynchJob) -> "subprocess.Popen[bytes]":
    """A process of its own that works on the job, against the test's database."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.engine.worker_settings"}
    environment["WORKER_TEST_DATABASE"] = str(database.settings_dict["NAME"])
    program = _PROGRAM.format(ca_file=str(hub_settings.SANDBOX_CA_FILE), job_id=job.pk)
    return subprocess.Popen([sys.executable, "-c", program], cwd=_PROJECT, env=environment)


def wait_for(condition: Callable[[], bool], worker: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while not condition() and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def kill(worker: "subprocess.Popen[bytes]") -> None:
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def resume(job: SynchJob) -> SynchJob:
    """What the scheduler does half a minute after the last sign of life."""
    SynchJob.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=1))
    deadline = time.monotonic() + 30
    job.refresh_from_db()
    while job.state not in (JobState.SUCCEEDED, JobState.PARTLY, JobState.FAILED) and time.monotonic() < deadline:
        tick()
        job.refresh_from_db()
    return job


def assert_every_record_has_one_partner(hub: Hub, table: str, name: str, expected: int) -> None:
    names = [row[name] for row in (hub.sales if table == "accounts" else hub.bc).rows(table, name)]
    assert len(names) == len(set(names)) == expected
    assert Coupling.objects.count() == expected
    assert not DirtyPair.objects.exists()
    assert not JobSlice.objects.filter(open=True).exists()
    assert not Operation.objects.filter(state__in=[OperationState.PLANNED, OperationState.SENT]).exists()


def settled() -> int:
    return Operation.objects.filter(state=OperationState.SETTLED).count()


def test_killed_while_creating_in_sales(hub: Hub) -> None:
    total = 1500
    hub.create_customers(total)
    hub.sandbox.control("PUT", "/latency", {"sales": {"base_ms": 150, "per_operation_ms": 1}})
    job = hub.start("CUSTOMER", JobMode.FULL, options=CREATING)
    worker = start_worker(hub, job)
    wait_for(lambda: settled() > 100, worker)
    kill(worker)
    done = settled()
    assert done < total
    job = resume(job)
    assert (job.state, job.inserted) == (JobState.SUCCEEDED, total), job.message
    assert job.resumed >= 1
    assert_every_record_has_one_partner(hub, "accounts", "name", total)


def test_killed_while_creating_in_business_central(hub: Hub) -> None:
    total = 300
    hub.create_accounts(total)
    hub.sandbox.control("PUT", "/latency", {"business_central": {"base_ms": 300, "per_operation_ms": 2}})
    job = hub.start("CUSTOMER", JobMode.FULL, options=CREATING)
    worker = start_worker(hub, job)
    wait_for(lambda: Operation.objects.filter(state=OperationState.SENT).exists(), worker)
    # The requests are under way: they are answered by nobody and yet done.
    time.sleep(0.5)
    kill(worker)
    job = resume(job)
    assert (job.state, job.inserted) == (JobState.SUCCEEDED, total), job.message
    assert_every_record_has_one_partner(hub, "customers", "displayName", total)


def test_killed_while_reading_starts_over(hub: Hub) -> None:
    hub.create_customers(50)
    hub.sandbox.control("PUT", "/latency", {"sales": {"base_ms": 1500}})
    job = hub.start("CUSTOMER", JobMode.FULL, options=CREATING)
    worker = start_worker(hub, job)
    wait_for(lambda: SynchJob.objects.filter(pk=job.pk, state=JobState.RUNNING).exists(), worker)
    kill(worker)
    hub.sandbox.control("PUT", "/latency", {"sales": {"base_ms": 0}})
    job = resume(job)
    assert (job.state, job.inserted) == (JobState.SUCCEEDED, 50), job.message
    assert_every_record_has_one_partner(hub, "accounts", "name", 50)


def test_worker_that_is_asked_to_stop_leaves_its_work_to_others(hub: Hub) -> None:
    total = 600
    hub.create_customers(total)
    hub.sandbox.control("PUT", "/latency", {"sales": {"base_ms": 300}})
    job = hub.start("CUSTOMER", JobMode.FULL, options=CREATING)
    worker = start_worker(hub, job)
    wait_for(lambda: settled() > 0, worker)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    job.refresh_from_db()
    if job.state != JobState.SUCCEEDED:
        assert job.state == JobState.INTERRUPTED
        job = resume(job)
    assert (job.state, job.inserted) == (JobState.SUCCEEDED, total), job.message
    assert_every_record_has_one_partner(hub, "accounts", "name", total)


def test_two_workers_share_a_job(hub: Hub) -> None:
    total = 1200
    hub.create_customers(total)
    hub.sandbox.control("PUT", "/latency", {"sales": {"base_ms": 300}})
    job = hub.start("CUSTOMER", JobMode.FULL, options=CREATING)
    first = start_worker(hub, job)
    wait_for(lambda: SynchJob.objects.filter(pk=job.pk, collected_at__isnull=False).exists(), first)
    second = start_worker(hub, job)
    assert [first.wait(120), second.wait(120)] == [0, 0]
    job.refresh_from_db()
    assert (job.state, job.inserted) == (JobState.SUCCEEDED, total), job.message
    assert job.done == job.total == total
    assert_every_record_has_one_partner(hub, "accounts", "name", total)
