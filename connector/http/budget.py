"""How much the hub may ask of a service at once: one budget per service and application, shared by all workers.

A service counts the requests of an application, wherever they come from. So the slots of a budget are leases in Redis
that expire by themselves when a worker dies, a pause that one worker was told to make holds for all, and the number of
slots adapts: one more after each round without a refusal, a third fewer after a refusal.

Without Redis each process goes on with a budget of its own; that is logged, and the services' own limits still hold.
"""

import hashlib
import logging
import os
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis

from connector.choices import System
from connector.meter import Meter
from connector.shared import redis_client

log = logging.getLogger(__name__)

# A dead worker's slots are free again after this time. A request that takes longer lends its slot out twice, which
# costs a place in the service's queue and nothing else.
LEASE_SECONDS = 30
_POLL_SECONDS = 0.02
_POLL_LIMIT_SECONDS = 0.1
_KEEP_SECONDS = 3600
# Refusals of the same moment are one: the limit is lowered once for all of them.
_DECREASE_PAUSE_SECONDS = 2.0
_DECREASE_FACTOR = 0.66


@dataclass(frozen=True, slots=True)
class Policy:
    """Where a service's budget starts and how far it may grow.

    Sales (Dataverse): 52 concurrent requests per user and web server, the header x-ms-dop-hint recommends a number.
    Business Central: five running requests per user, 6,000 in five minutes, which is 20 a second.
    """

    start: int
    ceiling: int
    per_second: float | None = None
    burst: int = 0


POLICIES = {
    System.SALES: Policy(start=10, ceiling=50),
    System.BUSINESS_CENTRAL: Policy(start=5, ceiling=5, per_second=18.0, burst=150),
}

# Every script takes: slots, state; and reads the time from Redis, so that the machines' clocks do not matter.
_NOW = "local t = redis.call('TIME'); local now = t[1] + t[2] / 1e6; "
_TAKE = (
    _NOW
    + """
local start, ceiling, rate, burst, lease, id, keep =
  tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], ARGV[7]
local state = redis.call('HMGET', KEYS[2], 'limit', 'paused_until', 'tokens', 'filled_at')
local paused_until = tonumber(state[2]) or 0
if paused_until > now then return {'paused', tostring(paused_until - now)} end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local limit = math.min(tonumber(state[1]) or start, ceiling)
if redis.call('ZCARD', KEYS[1]) >= math.max(1, math.floor(limit)) then return {'full', '0'} end
if rate > 0 then
  local tokens = math.min(burst, (tonumber(state[3]) or burst) + (now - (tonumber(state[4]) or now)) * rate)
  if tokens < 1 then return {'paced', tostring((1 - tokens) / rate)} end
  redis.call('HSET', KEYS[2], 'tokens', tostring(tokens - 1), 'filled_at', tostring(now))
end
redis.call('ZADD', KEYS[1], now + lease, id)
redis.call('EXPIRE', KEYS[1], keep)
local minute = KEYS[2] .. ':' .. math.floor(now / 60)
if redis.call('INCR', minute) == 1 then redis.call('EXPIRE', minute, 900) end
redis.call('EXPIRE', KEYS[2], keep)
return {'taken', '0'}
"""
)
_GIVE_BACK = """
redis.call('ZREM', KEYS[1], ARGV[1])
if ARGV[2] == '1' then
  local start, ceiling = tonumber(ARGV[3]), tonumber(ARGV[4])
  local limit = math.min(tonumber(redis.call('HGET', KEYS[2], 'limit')) or start, ceiling)
  redis.call('HSET', KEYS[2], 'limit', tostring(math.min(ceiling, limit + 1 / math.max(1, limit))))
  redis.call('EXPIRE', KEYS[2], ARGV[5])
end
return 1
"""
_SLOW_DOWN = (
    _NOW
    + """
local pause, start, ceiling, factor, quiet, keep =
  tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local state = redis.call('HMGET', KEYS[2], 'limit', 'paused_until', 'lowered_at')
local limit = math.min(tonumber(state[1]) or start, ceiling)
if now - (tonumber(state[3]) or 0) > quiet then
  limit = math.max(1, limit * factor)
  redis.call('HSET', KEYS[2], 'limit', tostring(limit), 'lowered_at', tostring(now))
end
if now + pause > (tonumber(state[2]) or 0) then redis.call('HSET', KEYS[2], 'paused_until', tostring(now + pause)) end
redis.call('EXPIRE', KEYS[2], keep)
return tostring(limit)
"""
)


class Budget:
    """The budget of one service and application; cheap to make, all state is in Redis or in the process."""

    def __init__(self, system: System, client_id: str, origin: str, *, policy: Policy | None = None) -> None:
        digest = hashlib.sha256(f"{client_id}\n{origin}".encode()).hexdigest()[:20]
        self.policy = policy or POLICIES[system]
        self._keys = [f"couplet:budget:{system}:{digest}:{part}" for part in ("slots", "state")]
        self._local = _local_budget(f"{system}:{digest}", self.policy)

    @contextmanager
    def slot(self, *, deadline: float, meter: Meter | None = None) -> Iterator[None]:
        """Holds a slot for one request; waits for one until `deadline` (monotonic seconds).

        Raises TimeoutError. What is waited because of a pause or the pace counts as throttled in `meter`.
        """
        lease = uuid.uuid4().hex
        shared = self._wait(lease, deadline, meter)
        succeeded = False
        try:
            yield
            succeeded = True
        finally:
            self._give_back(lease, succeeded, shared=shared)

    def slow_down(self, pause_seconds: float) -> None:
        """The service refused for going too fast: nobody asks for `pause_seconds`, and fewer at once afterwards."""
        self._local.slow_down(pause_seconds)
        policy = self.policy
        arguments = (
            pause_seconds, policy.start, policy.ceiling, _DECREASE_FACTOR, _DECREASE_PAUSE_SECONDS, _KEEP_SECONDS,
        )  # fmt: skip
        self._run(_SLOW_DOWN, *arguments)

    def take_hint(self, recommended: int) -> None:
        """The service recommends this many requests at once; heeded as long as nothing has been learnt yet."""
        limit = max(1, min(recommended, self.policy.ceiling))
        try:
            redis_client().hsetnx(self._keys[1], "limit", str(limit))
        except redis.RedisError:
            self._local.take_hint(limit)

    def used(self, minutes: int = 5) -> int | None:
        """Requests of all workers in the last minutes, the present one included; None when Redis is away."""
        try:
            now = int(time.time() // 60)
            found: Any = redis_client().mget([f"{self._keys[1]}:{now - back}" for back in range(minutes)])
        except redis.RedisError:
            return None
        return sum(int(each) for each in found if each)

    def limit(self) -> int:
        """How many requests at once the budget allows at the moment."""
        try:
            stored: Any = redis_client().hget(self._keys[1], "limit")
        except redis.RedisError:
            return self._local.allowed
        return max(1, int(min(float(stored), self.policy.ceiling))) if stored else self.policy.start

    def _wait(self, lease: str, deadline: float, meter: Meter | None) -> bool:
        """Returns whether the slot is a shared one."""
        # One thread of the process asks, the others wait for their turn: dozens that poll would cost a core.
        turn = self._local.turn
        if not turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise TimeoutError
        try:
            poll = _POLL_SECONDS
            while True:
                self._local.freed.clear()
                verdict, seconds, shared = self._take(lease)
                if verdict == "taken":
                    return shared
                wait = seconds if verdict in ("paused", "paced") else poll * random.uniform(0.5, 1.5)  # noqa: S311
                poll = min(_POLL_LIMIT_SECONDS, poll * 1.5)
                if time.monotonic() + wait > deadline:
                    raise TimeoutError
                if verdict == "full":
                    self._local.freed.wait(wait)
                    continue
                if meter is not None:
                    meter.add_throttled(wait)
                time.sleep(wait)
        finally:
            turn.release()

    def _take(self, lease: str) -> tuple[str, float, bool]:
        policy = self.policy
        answer = self._run(
            _TAKE,
            policy.start,
            policy.ceiling,
            policy.per_second or 0,
            policy.burst,
            LEASE_SECONDS,
            lease,
            _KEEP_SECONDS,
        )
        if answer is None:
            verdict, seconds = self._local.take()
            return verdict, seconds, False
        return answer[0].decode(), float(answer[1]), True

    def _give_back(self, lease: str, succeeded: bool, *, shared: bool) -> None:
        policy = self.policy
        if shared:
            self._run(_GIVE_BACK, lease, int(succeeded), policy.start, policy.ceiling, _KEEP_SECONDS)
        else:
            self._local.give_back(succeeded)
        self._local.freed.set()

    def _run(self, script: str, *arguments: Any) -> Any:
        """The script's answer, or None when Redis is away."""
        try:
            return _scripts(script)(keys=self._keys, args=arguments, client=redis_client())
        except redis.RedisError as error:
            _say_that_redis_is_away(error)
            return None


@dataclass
class LocalBudget:
    """The same arithmetic for one process; thread-safe. Times are monotonic seconds."""

    policy: Policy
    limit: float = 0.0
    taken: int = 0
    paused_until: float = 0.0
    lowered_at: float = float("-inf")
    tokens: float = 0.0
    filled_at: float = 0.0
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held by the thread that asks for the next slot, whether in Redis or here."""
    freed: threading.Event = field(default_factory=threading.Event)
    """Set when a slot of this process was given back."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.limit = float(self.policy.start)
        self.tokens = float(self.policy.burst)

    @property
    def allowed(self) -> int:
        return max(1, int(self.limit))

    def take(self, now: float | None = None) -> tuple[str, float]:
        """`("taken", 0)`, `("full", 0)`, or `("paused" | "paced", seconds to wait)`."""
        now = time.monotonic() if now is None else now
        with self._lock:
            if self.paused_until > now:
                return "paused", self.paused_until - now
            if self.taken >= self.allowed:
                return "full", 0.0
            if self.policy.per_second:
                since = max(0.0, now - self.filled_at) if self.filled_at else 0.0
                self.tokens = min(self.policy.burst, self.tokens + since * self.policy.per_second)
                self.filled_at = now
                if self.tokens < 1:
                    return "paced", (1 - self.tokens) / self.policy.per_second
                self.tokens -= 1
            self.taken += 1
            return "taken", 0.0

    def give_back(self, succeeded: bool) -> None:
        with self._lock:
            self.taken -= 1
            if succeeded:
                self.limit = min(self.policy.ceiling, self.limit + 1 / max(1.0, self.limit))

    def slow_down(self, pause_seconds: float, now: float | None = None) -> None:
        now = time.monotonic() if now is None else now
        with self._lock:
            self.paused_until = max(self.paused_until, now + pause_seconds)
            if now - self.lowered_at > _DECREASE_PAUSE_SECONDS:
                self.limit = max(1.0, self.limit * _DECREASE_FACTOR)
                self.lowered_at = now

    def take_hint(self, limit: int) -> None:
        with self._lock:
            self.limit = float(limit)


_local_budgets: dict[tuple[int, str], LocalBudget] = {}
_registered: dict[str, Any] = {}
_lock = threading.Lock()
_last_said = 0.0


def _local_budget(name: str, policy: Policy) -> LocalBudget:
    with _lock:
        return _local_budgets.setdefault((os.getpid(), name), LocalBudget(policy))


def _scripts(script: str) -> Any:
    if script not in _registered:
        _registered[script] = redis_client().register_script(script)
    return _registered[script]


def _say_that_redis_is_away(error: redis.RedisError) -> None:
    global _last_said
    now = time.monotonic()
    if not _last_said or now - _last_said > 60:
        _last_said = now
        log.warning("Redis is away (%s): this process limits its requests on its own.", error)
