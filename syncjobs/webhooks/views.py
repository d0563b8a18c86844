"""The receiver's two addresses. They answer at once; a worker does what follows.

Nobody signs in here: the token in the address finds the connection, the key that the hub gave the system proves the
sender. Without the key nothing is read and nothing is answered that a stranger could use.
"""

import json
import logging
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from connector.models import WebhookReceiver
from connector.webhooks.announcements import from_business_central, from_sales, genuine_entries, is_from_sales
from syncjobs.webhooks.waiting import note

log = logging.getLogger(__name__)

_LONGEST_TOKEN = 500
_KNOWN_SECONDS = 5
_HEARD_EVERY = timedelta(seconds=30)

_known: dict[UUID, tuple[float, WebhookReceiver]] = {}
"""By token: until when (monotonic seconds) a receiver is taken as it was read."""


@csrf_exempt
@login_not_required
@require_POST
def webhook_sales(request: HttpRequest, token: UUID) -> HttpResponse:
    """A change of a row in Sales."""
    receiver = _receiver(token)
    if receiver is None or not is_from_sales(receiver, request.headers):
        return HttpResponse(status=401)
    note(receiver.connection, from_sales(receiver, _message(request)))
    _note_heard(receiver, "sales_heard_at")
    return HttpResponse(status=202)


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def webhook_business_central(request: HttpRequest, token: UUID) -> HttpResponse:
    """Changes in Business Central, or its question whether somebody is there."""
    receiver = _receiver(token)
    if receiver is None:
        return HttpResponse(status=401)
    question = request.GET.get("validationToken", "")
    if question:
        return HttpResponse(question[:_LONGEST_TOKEN], content_type="text/plain")
    entries = genuine_entries(receiver, _message(request))
    if not entries:
        # Business Central always sends the key; whoever does not is somebody else.
        return HttpResponse(status=401)
    note(receiver.connection, from_business_central(receiver, entries))
    _note_heard(receiver, "business_central_heard_at")
    return HttpResponse(status=202)


def _receiver(token: UUID) -> WebhookReceiver | None:
    """Remembered for a few seconds: a full synchronisation has every row that it writes announced, one by one."""
    until, known = _known.get(token, (0.0, None))
    if time.monotonic() < until:
        return known
    found = WebhookReceiver.objects.select_related("connection").filter(token=token, connection__enabled=True).first()
    if found is None:
        _known.pop(token, None)
    else:
        _known[token] = (time.monotonic() + _KNOWN_SECONDS, found)
    return found


def _note_heard(receiver: WebhookReceiver, name: str) -> None:
    """To the half minute is enough for the Status page."""
    before, now = getattr(receiver, name), timezone.now()
    if before is None or now - before > _HEARD_EVERY:
        setattr(receiver, name, now)
        WebhookReceiver.objects.filter(pk=receiver.pk).update(**{name: now})


def _message(request: HttpRequest) -> Any:
    """The message, or None where it is none: an answer of 4xx would make Business Central drop its subscriptions."""
    try:
        return json.loads(request.body)
    except (ValueError, RequestDataTooBig):
        log.warning("A webhook message could not be read.")
        return None
