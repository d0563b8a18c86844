"""Runs of a scenario: one undisturbed per variant as the measure, then any number of disturbed ones against it."""

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db import connection as database
from django.db.models import Count, Value
from django.db.models.functions import Replace
from redis.exceptions import RedisError

from connector.models import Connection
from coupling.models import TableCursor
from syncjobs.choices import OperationState
from syncjobs.models import Operation, SynchJob
from syncjobs.services import ticking
from tests.chaos import contents, environment
from tests.chaos.contents import Contents
from tests.chaos.rig import Rig, Workers
from tests.chaos.scenario import Scenario, loose_ends
from tests.chaos.schedule import (
    CRASH_POSTGRES,
    FAULTS,
    FLUSH_REDIS,
    KILL_BETWEEN_STEPS,
    KILL_TASK,
    KILL_WHILE_SENT,
    KILL_WORKER,
    ORPHAN_TASK,
    RESTART_POSTGRES,
    Schedule,
    make_schedule,
    quiet,
)
from tests.engine.live import Hub, connect
from tests.sandbox_process import SandboxServer, start_sandbox

STALL_SECONDS = 300
"""A run in which nothing has happened for so long is stuck."""
MOST_REQUESTS = 4
"""A disturbed run may take so many times the requests of an undisturbed one."""

_LATENCY = {
    "sales": {"base_ms": 15, "per_operation_ms": 0.3},
    "business_central": {"base_ms": 20, "per_operation_ms": 1},
}
_CERTIFICATES = (environment.CA_FILE.name, "server.pem", "server.key")
_TICK_SECONDS = 0.5
# A job without a sign of life is taken up after half a minute; a campaign has no time for that.
_DEAD_AFTER = timedelta(seconds=3)
_WAIT_FOR_MOMENT = 4.0

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Prepared:
    """Data of a variant, and what an undisturbed run made of it."""

    database: str
    numbers: frozenset[str]
    expected: Contents
    outcome: dict[str, Any]
    requests: int
    seconds: float


@dataclass(slots=True)
class Result:
    """How a run went; `problems` are sentences, empty when all is as it has to be."""

    scenario: str
    seed: int
    schedule: Schedule
    problems: list[str] = field(default_factory=list)
    requests: int = 0
    expected_requests: int = 0
    seconds: float = 0.0
    kills: int = 0
    resumed: int = 0
    injected: int = 0
    rows: int = 0

    def __str__(self) -> str:
        verdict = "ok" if not self.problems else "FAILED"
        return (
            f"{self.scenario}, seed {self.seed}: {verdict}; {self.schedule}; {self.kills} kills, "
            f"{self.injected} faults, {self.resumed} resumptions; {self.rows} rows; {self.requests} requests "
            f"({self.requests / max(1, self.expected_requests):.1f} of an undisturbed run); {self.seconds:.0f} s"
        )


class Campaign:
    """Seeds of one scenario. Not for use by two threads."""

    def __init__(self, rig: Rig, scenario: Scenario, *, variants: int, say: Callable[[str], None]) -> None:
        self._rig, self._scenario, self._variants, self._say = rig, scenario, variants, say
        self._prepared: dict[int, Prepared] = {}
        ticking.DEAD_AFTER = _DEAD_AFTER

    def run(self, seed: int) -> Result:
        variant = seed % self._variants
        prepared = self._prepared.get(variant) or self._prepare(variant)
        result = Result(self._scenario.name, seed, make_schedule(seed), expected_requests=prepared.requests)
        started = time.monotonic()
        with self._sandbox(variant, f"seed-{seed}") as sandbox:
            self._rig.fresh_database(prepared.database)
            self._disturbed(sandbox, prepared, result)
        result.seconds = time.monotonic() - started
        return result

    # -- The measure

    def _prepare(self, variant: int) -> Prepared:
        directory = self._directory(variant)
        directory.mkdir()
        for name in _CERTIFICATES:
            # All sandboxes of a campaign are trusted alike.
            if (environment.DIRECTORY / name).exists():
                shutil.copy(environment.DIRECTORY / name, directory / name)
        with _running(directory) as sandbox:
            for name in _CERTIFICATES:
                shutil.copy(directory / name, environment.DIRECTORY / name)
            self._rig.fresh_database()
            sandbox.reset("bulk", seed=variant, **self._scenario.sizes)
            self._scenario.prepare(Hub(connect(sandbox), sandbox), variant)
            known = contents.numbers(contents.read_rows(directory))
        name = f"couplet_{self._scenario.name}_{variant}"
        self._rig.keep_database(name)
        with self._sandbox(variant, f"undisturbed-{variant}") as sandbox:
            self._rig.fresh_database(name)
            result = Result(self._scenario.name, -1, quiet())
            started = time.monotonic()
            self._execute(sandbox, result)
            result.seconds = time.monotonic() - started
            expected = contents.read(sandbox.data_dir, known)
            problems = [*result.problems, *self._scenario.failures(), *loose_ends(expected)]
            problems += self._further_run(sandbox)
            prepared = Prepared(name, known, expected, self._scenario.outcome(), result.requests, result.seconds)
        if problems:
            raise AssertionError("The undisturbed run is not fit to be a measure:\n" + "\n".join(problems))
        rows = sum(len(each) for each in expected.rows.values())
        named = f"{self._scenario.name}, variant {variant}"
        self._say(f"{named}: {rows} rows, {result.requests} requests, {result.seconds:.0f} s undisturbed")
        self._prepared[variant] = prepared
        return prepared

    # -- A run

    def _disturbed(self, sandbox: SandboxServer, prepared: Prepared, result: Result) -> None:
        self._execute(sandbox, result)
        if result.problems:
            return
        now = contents.read(sandbox.data_dir, prepared.numbers)
        result.rows = sum(len(each) for each in now.rows.values())
        result.resumed = sum(SynchJob.objects.values_list("resumed", flat=True))
        result.problems += self._scenario.failures()
        result.problems += now.differences(prepared.expected)
        result.problems += loose_ends(now)
        if (outcome := self._scenario.outcome()) != prepared.outcome:
            result.problems.append(f"the hub reports {outcome} instead of {prepared.outcome}")
        if result.requests > MOST_REQUESTS * prepared.requests:
            result.problems.append(f"{result.requests} requests instead of {prepared.requests}")
        result.problems += self._further_run(sandbox)

    def _execute(self, sandbox: SandboxServer, result: Result) -> None:
        """Lets the scenario run to its end on real workers while the schedule strikes."""
        # The sandbox listens on other ports than the one that the variant's connection was made with.
        former = Connection.objects.get().sales_url
        Connection.objects.update(authority_url=sandbox.url, sales_url=sandbox.url, business_central_url=sandbox.url)
        TableCursor.objects.update(cursor=Replace("cursor", Value(former), Value(sandbox.url)))
        sandbox.control("PUT", "/latency", _LATENCY)
        if result.schedule.clocks:
            sandbox.control("PUT", "/clock", result.schedule.clocks)
        sandbox.control("DELETE", "/requests")
        log = environment.DIRECTORY / f"workers-{sandbox.data_dir.name}.log"
        with self._rig.workers(log) as workers:
            self._scenario.start(Connection.objects.get())
            over = self._until_over(workers, _Striker(self._rig, workers, sandbox, result))
            if workers.unexpected_exits:
                result.problems.append(f"{workers.unexpected_exits} workers ended by themselves, see {log}")
            if not over:
                workers.show_where_they_are()
                jobs = SynchJob.objects.filter(finished_at__isnull=True).select_related("mapping")
                states = [(str(job.mapping), job.state, job.message, job.done, job.total) for job in jobs]
                result.problems.append(f"stuck: {states}, log {log}")
        result.injected += sum(fault["injected"] for fault in sandbox.control("GET", "/faults"))
        sandbox.control("PUT", "/faults", [])
        result.requests = sum(system["requests"] for system in sandbox.control("GET", "/requests").values())

    def _until_over(self, workers: Workers, striker: "_Striker") -> bool:
        ticked, moved = 0.0, time.monotonic()
        state: Any = None
        while time.monotonic() - moved < STALL_SECONDS:
            workers.look_after()
            striker.strike_if_due()
            if time.monotonic() - ticked > _TICK_SECONDS:
                ticked = time.monotonic()
                with _server_away_is_no_matter():
                    close_old_connections()
                    ticking.tick()
            with _server_away_is_no_matter():
                if self._scenario.is_over():
                    return True
                known, state = state, (_progress(), len(striker.waiting))
                if state != known:
                    moved = time.monotonic()
            time.sleep(0.1)
        return False

    def _further_run(self, sandbox: SandboxServer) -> list[str]:
        before = contents.read_rows(sandbox.data_dir)
        jobs = self._scenario.run_again(Connection.objects.get())
        found = contents.changes(before, contents.read_rows(sandbox.data_dir))
        problems = [f"the further run wrote: {found[:5]} ({len(found)} in all)"] if found else []
        return problems + [
            f"the further run of {job.mapping} wrote: {job.message} {_writes_of(job)}"
            for job in jobs
            if job.inserted or job.modified or job.deleted or job.coupled
        ]

    def _directory(self, variant: int) -> Path:
        return environment.DIRECTORY / f"{self._scenario.name}-{variant}"

    @contextlib.contextmanager
    def _sandbox(self, variant: int, name: str) -> Iterator[SandboxServer]:
        """A sandbox over a copy of the variant's data: same keys, same content, and its own stamps from here on."""
        directory = environment.DIRECTORY / f"{self._scenario.name}-{name}"
        shutil.copytree(self._directory(variant), directory)
        try:
            with _running(directory) as sandbox:
                yield sandbox
        finally:
            shutil.rmtree(directory, ignore_errors=True)


class _Striker:
    """Carries the schedule out, one blow at a time, between two looks at the run."""

    def __init__(self, rig: Rig, workers: Workers, sandbox: SandboxServer, result: Result) -> None:
        self._rig, self._workers, self._sandbox, self._result = rig, workers, sandbox, result
        self.waiting = list(result.schedule.blows)
        self._last = time.monotonic()

    def strike_if_due(self) -> None:
        if not self.waiting or time.monotonic() - self._last < self.waiting[0].pause:
            return
        blow = self.waiting.pop(0)
        logger.info("%s", blow)
        if blow.kind == FAULTS:
            self._result.injected += sum(fault["injected"] for fault in self._sandbox.control("GET", "/faults"))
            self._sandbox.control("PUT", "/faults", blow.faults)
        elif blow.kind == KILL_TASK:
            self._result.kills += self._workers.kill_horses(0.6, blow.pick)
        elif blow.kind in (KILL_WORKER, ORPHAN_TASK):
            self._workers.kill_worker(blow.pick, horse_too=blow.kind == KILL_WORKER)
            self._result.kills += 1
        elif blow.kind == KILL_BETWEEN_STEPS:
            self._kill_when(Operation.objects.filter(state__in=["planned", "sent"], table__in=_FURTHER_TABLES))
        elif blow.kind == KILL_WHILE_SENT:
            self._kill_when(Operation.objects.filter(state="sent"))
        elif blow.kind == FLUSH_REDIS:
            self._rig.flush_redis()
        elif blow.kind in (RESTART_POSTGRES, CRASH_POSTGRES):
            self._rig.restart_postgres(crash=blow.kind == CRASH_POSTGRES)
        self._last = time.monotonic()

    def _kill_when(self, moment: Any) -> None:
        deadline = time.monotonic() + _WAIT_FOR_MOMENT
        while time.monotonic() < deadline:
            with _server_away_is_no_matter():
                if moment.all().exists():
                    self._result.kills += self._workers.kill_horses(1.0, 0.0)
                    return
            time.sleep(0.01)


_FURTHER_TABLES = ("productpricelevels", "uoms", "pricelevels", "SetState", "invoicedetails")
"""Rows that follow a pair's own: prices, units, lists."""


@contextlib.contextmanager
def _running(directory: Any) -> Iterator[SandboxServer]:
    sandbox = start_sandbox(directory)
    try:
        yield sandbox
    finally:
        sandbox.stop()


def _writes_of(job: SynchJob) -> str:
    """The first writes of a job with their values, for whoever looks for the reason."""
    rows = Operation.objects.filter(job=job, state=OperationState.SETTLED)[:3]
    return "; ".join(f"{row.kind} {row.table} {row.record_name}: {row.before} becomes {row.after}" for row in rows)


def _progress() -> tuple[Any, ...]:
    """Something that changes as long as a run gets on."""
    operations = Operation.objects.aggregate(ended=Count("settled_at"), made=Count("pk"))
    return (*operations.values(), *SynchJob.objects.order_by("pk").values_list("state", "requests", "collected_at"))


@contextlib.contextmanager
def _server_away_is_no_matter() -> Iterator[None]:
    """The scheduler outlives that; so does whoever plays it."""
    try:
        yield
    except (DatabaseError, InterfaceError, RedisError) as error:
        logger.info("Away: %s", error)
        database.close()
