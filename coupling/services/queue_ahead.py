"""The record of the work queue that comes after the one somebody looks at, found while they look.

Finding it may mean walking past thousands of lines that are coupled already; taking it is one look-up by its key. It is
not reserved: whether it is still free is asked when it comes up.
"""

from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import QuerySet

from coupling.services.queue_order import Lane, groups

KEPT_SECONDS = 300
"""As long as a record stays reserved for somebody who does nothing with it."""


def look_ahead(
    *, lane: Lane, user: User, current: UUID, place: str = "", records: QuerySet[Any] | None = None
) -> UUID | None:
    """Finds the record after `current` and remembers it; None where there is none. `place` names the list's filter."""
    found = next((keys[0] for keys in groups(lane, lane.waiting(records), user, current) if keys), None)
    cache.set(_name(lane, user, place), found, KEPT_SECONDS)
    return found


def remembered(*, lane: Lane, user: User, place: str = "") -> UUID | None:
    """The record that was found; forgotten hereby, since it comes after one record only."""
    name = _name(lane, user, place)
    found: UUID | None = cache.get(name)
    cache.delete(name)
    return found


def _name(lane: Lane, user: User, place: str) -> str:
    filters = blake2b(place.encode(), digest_size=16).hexdigest()
    return f"queue-ahead-{lane.mapping.pk}-{lane.system}-{user.pk}-{filters}"
