"""The request as views get it: signed in, with the connection and the htmx flags that middleware attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

if TYPE_CHECKING:
    from connector.models import Connection


class PageRequest(HttpRequest):
    """A request of a page below `/c/<connection>/`; for annotations only, never constructed."""

    user: User
    htmx: HtmxDetails
    connection: Connection


def wants_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page: one URL, two answers."""
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request
