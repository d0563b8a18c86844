"""Lets announcements in before everything that only pages and people need.

A full synchronisation has each of its own writes announced, one request for each. Sessions, security headers and
access checks would cost several times what the receiver itself does; it proves its senders without them.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

_RECEIVERS = "syncjobs.webhooks.urls"


class ReceiverMiddleware:
    """Has to be the first of all."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/hooks/"):
            return self.get_response(request)
        try:
            match = resolve(request.path_info, _RECEIVERS)
        except Resolver404:
            return self.get_response(request)
        answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
        return answer
