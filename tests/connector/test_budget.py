"""The budget: its arithmetic, and that all processes share it through Redis."""

import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from connector.choices import System
from connector.http import budget as module
from connector.http.budget import Budget, LocalBudget, Policy
from connector.meter import Meter
from connector.shared import redis_client

POLICY = Policy(start=2, ceiling=4)


def _budget(policy: Policy = POLICY) -> Budget:
    return Budget(System.SALES, "client", "https://sales.example", policy=policy)


def _soon() -> float:
    return time.monotonic() + 0.2


def _hold(budget: Budget) -> None:
    with budget.slot(deadline=_soon()):
        pass


class TestLocalBudget:
    def test_gives_no_more_slots_than_its_limit(self):
        local = LocalBudget(POLICY)
        assert [local.take(now=1.0)[0] for _ in range(3)] == ["taken", "taken", "full"]
        local.give_back(succeeded=False)
        assert local.take(now=1.0)[0] == "taken"

    def test_grows_by_one_after_a_round_without_refusals_up_to_the_ceiling(self):
        local = LocalBudget(POLICY)
        for _ in range(3):
            local.take(now=1.0)
            local.give_back(succeeded=True)
        assert local.allowed == 3
        for _ in range(50):
            local.take(now=1.0)
            local.give_back(succeeded=True)
        assert local.allowed == 4

    def test_refusals_of_one_moment_lower_the_limit_once(self):
        local = LocalBudget(Policy(start=10, ceiling=50))
        local.slow_down(3.0, now=100.0)
        local.slow_down(3.0, now=100.5)
        assert local.allowed == 6
        assert local.take(now=101.0) == ("paused", pytest.approx(2.5))
        assert local.take(now=104.0) == ("taken", 0.0)

    def test_paces_requests_after_the_burst(self):
        local = LocalBudget(Policy(start=5, ceiling=5, per_second=2.0, burst=2))
        assert [local.take(now=10.0)[0] for _ in range(3)] == ["taken", "taken", "paced"]
        assert local.take(now=10.5)[0] == "taken"


class TestSharedBudget:
    @pytest.fixture(autouse=True)
    def _servers(self, hub_servers):
        redis_client().flushdb()

    def test_two_holders_share_the_slots(self):
        with _budget().slot(deadline=_soon()), _budget().slot(deadline=_soon()), pytest.raises(TimeoutError):
            _hold(_budget())
        with _budget().slot(deadline=_soon()):
            pass

    def test_slots_of_a_dead_holder_come_back(self, monkeypatch):
        monkeypatch.setattr(module, "LEASE_SECONDS", 0.05)
        left_behind = [_budget().slot(deadline=_soon()) for _ in range(2)]
        for slot in left_behind:
            slot.__enter__()
        with _budget().slot(deadline=time.monotonic() + 2):
            pass

    def test_a_pause_holds_for_everybody_and_counts_as_throttled(self):
        _budget().slow_down(0.15)
        assert _budget().limit() == 1
        meter = Meter()
        started = time.monotonic()
        with _budget().slot(deadline=started + 2, meter=meter):
            waited = time.monotonic() - started
        assert waited >= 0.1
        assert meter.throttled_seconds >= 0.1

    def test_a_hint_sets_the_start_but_not_what_was_learnt(self):
        _budget().take_hint(3)
        assert _budget().limit() == 3
        _budget().take_hint(100)
        assert _budget().limit() == 3

    def test_success_raises_the_limit_for_everybody(self):
        for _ in range(3):
            with _budget().slot(deadline=_soon()):
                pass
        assert _budget().limit() == 3

    def test_another_application_has_its_own_budget(self):
        other = Budget(System.SALES, "other", "https://sales.example", policy=POLICY)
        with _budget().slot(deadline=_soon()), _budget().slot(deadline=_soon()), other.slot(deadline=_soon()):
            pass


def test_without_redis_the_process_limits_itself_and_says_so(monkeypatch, caplog):
    gone = redis.Redis(unix_socket_path="/nonexistent/redis.sock", retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(module, "redis_client", lambda: gone)
    monkeypatch.setattr(module, "_last_said", 0.0)
    lonely = Budget(System.SALES, "lonely", "https://sales.example", policy=POLICY)
    with lonely.slot(deadline=_soon()), lonely.slot(deadline=_soon()), pytest.raises(TimeoutError):
        _hold(lonely)
    assert "Redis is away" in caplog.text
