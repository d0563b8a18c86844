"""Facts of a remote system that seldom change, kept for some minutes and shared by all processes through Redis."""

import json
import logging
from collections.abc import Callable
from typing import Any

import redis

from connector.shared import redis_client

log = logging.getLogger(__name__)

FACTS_SECONDS = 600


def cached(name: str, make: Callable[[], Any]) -> Any:
    """What `make` returned up to ten minutes ago, in any process; JSON values only."""
    key = f"couplet:facts:{name}"
    try:
        stored: Any = redis_client().get(key)
        if stored is not None:
            return json.loads(stored)
    except redis.RedisError:
        return make()
    value = make()
    try:
        redis_client().set(key, json.dumps(value), ex=FACTS_SECONDS)
    except redis.RedisError:
        log.debug("Redis is away; %s is not kept.", name)
    return value


def forget(prefix: str) -> None:
    """Drops what is kept under names that begin with `prefix`, after an installation has changed."""
    try:
        client = redis_client()
        for key in client.scan_iter(match=f"couplet:facts:{prefix}*"):
            client.delete(key)
    except redis.RedisError:
        log.debug("Redis is away; nothing to forget.")
