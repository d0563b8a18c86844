"""The Redis that all processes of the hub share, for tokens and budgets.

Neither is lost for good without it, so callers go on alone when it is away; the short time-outs keep that from
stalling a request.
"""

import os
from functools import lru_cache

import redis
from django.conf import settings


def redis_client() -> redis.Redis:
    """This process's client; it connects on first use."""
    return _client(os.getpid(), settings.REDIS_URL)


@lru_cache(maxsize=4)
def _client(process_id: int, url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=1)
