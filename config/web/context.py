"""What the base layout shows on every page; worked out only when a template asks, so that partials cost nothing."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.http import HttpRequest

import config
from config.roles import Can, capabilities_of
from config.web.banners import DONE, is_hidden
from config.web.navigation import Link, navigation

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Environment:
    """What the badge beside the company says; production has to look different from everything else."""

    label: str
    kind: str
    """production, sandbox or local."""


def environment_of(connection: Any) -> Environment:
    host = urlsplit(connection.business_central_url).hostname or ""
    label = connection.business_central_environment or "Not set up"
    if host in LOCAL_HOSTS:
        return Environment(label, "local")
    return Environment(label, "production" if label.lower() == "production" else "sandbox")


def page(request: HttpRequest) -> dict[str, Any]:
    """What every template may ask for; the callables are called by the template. `quiet`: the person does not want to
    be told what was merely done."""
    connection = getattr(request, "connection", None)
    user = getattr(request, "user", None)
    allowed = capabilities_of(user) if user is not None else frozenset()
    match = request.resolver_match
    current = (match.url_name or "") if match else ""

    def links() -> list[tuple[str, list[Link]]]:
        return list(navigation(connection=connection.slug if connection else None, current=current, allowed=allowed))

    return {
        "can": Can(allowed),
        "connection": connection,
        "navigation": links,
        "environment": lambda: environment_of(connection) if connection else None,
        "version": config.__version__,
        "quiet": lambda: isinstance(user, User) and is_hidden(user=user, kind=DONE),
    }
