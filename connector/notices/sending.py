"""Sends open notices to those who want them: by e-mail, or to a chat's incoming webhook.

A target that collects gets one message with everything since the last; a cause that stays is told again once a day. A
message that cannot be sent is tried again in the next round, and the target says why.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from smtplib import SMTPException

import requests
from django.conf import settings
from django.core.mail import send_mail

from connector.choices import NoticeKind, Severity
from connector.http.transport import CONNECT_TIMEOUT_SECONDS, transport
from connector.models import Notice, NoticeDelivery, NoticeTarget

log = logging.getLogger(__name__)

_AGAIN = timedelta(days=1)
_SECONDS = 15
_MOST = 50


def send_due(*, now: datetime) -> int:
    """Sends what is due to every target; returns how many messages went out."""
    sent = 0
    for target in NoticeTarget.objects.select_related("connection", "user").exclude(user__is_active=False):
        if target.last_sent_at and target.last_sent_at > now - timedelta(minutes=target.every_minutes):
            continue
        notices = _untold(target, now)
        if not notices:
            continue
        try:
            deliver(target, *words_of(notices, now))
        except (requests.RequestException, SMTPException, OSError) as error:
            # An address of a chat is a secret, and requests names it in its errors.
            log.warning("A notice of %s could not be sent (%s).", target.connection.slug, type(error).__name__)
            NoticeTarget.objects.filter(pk=target.pk).update(
                problem=f"The last message could not be sent ({type(error).__name__}); it is tried again."
            )
            continue
        sent += 1
        NoticeTarget.objects.filter(pk=target.pk).update(last_sent_at=now, problem="")
        NoticeDelivery.objects.bulk_create(
            [NoticeDelivery(notice=notice, target=target, at=now) for notice in notices],
            update_conflicts=True,
            unique_fields=["notice", "target"],
            update_fields=["at"],
        )
    return sent


def deliver(target: NoticeTarget, subject: str, text: str) -> None:
    """Sends one message. Raises what the mail server or the chat's address does."""
    if target.kind == NoticeKind.EMAIL:
        send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [target.recipient])
        return
    answer = transport().post(
        target.address,
        json={"text": f"**{subject}**\n\n{text}"},
        timeout=(CONNECT_TIMEOUT_SECONDS, _SECONDS),
        allow_redirects=False,
    )
    answer.raise_for_status()


def words_of(notices: Sequence[Notice], now: datetime) -> tuple[str, str]:
    """Subject and text of a message about `notices`, gravest first."""
    order = list(Severity)
    sorted_ones = sorted(notices, key=lambda notice: order.index(Severity(notice.severity)))
    subject = sorted_ones[0].title if len(notices) == 1 else f"{sorted_ones[0].title} and {len(notices) - 1} more"
    parts = []
    for notice in sorted_ones:
        again = "Still happening: " if notice.opened_at < now - _AGAIN else ""
        lines = [f"{again}{notice.title}", notice.text, f"{settings.BASE_URL}{notice.path}" if notice.path else ""]
        parts.append("\n".join(line for line in lines if line))
    return f"Couplet: {subject}", "\n\n".join(parts)


def _untold(target: NoticeTarget, now: datetime) -> list[Notice]:
    told = NoticeDelivery.objects.filter(target=target, at__gt=now - _AGAIN).values("notice")
    notices = Notice.objects.filter(connection=target.connection_id, resolved_at=None).exclude(pk__in=told)
    least = Severity(target.severity)
    return [notice for notice in notices[:_MOST] if Severity(notice.severity).reaches(least)]
