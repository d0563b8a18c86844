"""Tells Sales what happened to orders: posts in the order's timeline, or a note where orders have no wall.

Posts are created under keys derived from the event, so a lost answer cannot tell anything twice.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from connector.bulk import WriteStatus
from connector.choices import System
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.events import ACCOUNT
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.models import DocumentEvent
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

SALES = System.SALES
ATTEMPTS = 5
_TITLE = "Business Central"
_STATUS_POST, _AUTO = 7, 1


def send_posts(run: JobRun) -> int:
    """Sends what waits; how many were told."""
    waiting = DocumentEvent.objects.filter(
        document__connection=run.connection, document__sales_gone=False, posted_at__isnull=True,
        post_attempts__lt=ATTEMPTS,
    ).exclude(post="")  # fmt: skip
    events = list(waiting.select_related("document__connection", "document__coupling").order_by("at", "id"))
    agreed = [event for event in events if _is_agreed(run, event)]
    left = _write(run, agreed, as_post=True)
    left = _write(run, [event for event in left if not event.details.get(ACCOUNT)], as_post=False)
    for event in left:
        run.progress.log(f"{event.document}: the timeline could not be written. {event.post_error}", LogLevel.WARNING)
    told = len(agreed) - len(left)
    SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + told)
    return told


def _is_agreed(run: JobRun, event: DocumentEvent) -> bool:
    context = HookContext(Step.POST, event.document, body={"text": event.post}, log=run.progress.log)
    problem = run_before(context)
    if problem is not None:
        DocumentEvent.objects.filter(pk=event.pk).update(post_error=problem.message, post_attempts=ATTEMPTS)
        return False
    event.post = str(context.body["text"])
    return True


def _write(run: JobRun, events: Sequence[DocumentEvent], *, as_post: bool) -> list[DocumentEvent]:
    """Those that could not be written."""
    changes: dict[UUID | None, tuple[DocumentEvent, Change]] = {
        event.post_key: (event, _change(event, as_post=as_post)) for event in events if event.post_key
    }
    left = []
    for change, result in journal.write(run, [change for _, change in changes.values()]):
        event, _ = changes[change.key]
        if result.status in (WriteStatus.DONE, WriteStatus.EXISTS):
            DocumentEvent.objects.filter(pk=event.pk).update(posted_at=timezone.now(), post_error="")
            run_after(HookContext(Step.POST, event.document, body=change.body, log=run.progress.log))
            continue
        if result.status == WriteStatus.UNKNOWN or journal.is_passing(result.error):
            continue
        event.post_error = str(result.error)
        # A wall that an account does not have, or an account that is gone, stays so; orders get a note instead.
        last = ATTEMPTS if event.details.get(ACCOUNT) else F("post_attempts") + (0 if as_post else 1)
        DocumentEvent.objects.filter(pk=event.pk).update(post_error=event.post_error, post_attempts=last)
        left.append(event)
    return left


def _change(event: DocumentEvent, *, as_post: bool) -> Change:
    target = f"/salesorders({event.document.sales_key})"
    if as_post:
        table, names = "posts", {"text": event.post, "source": _AUTO, "type": _STATUS_POST}
        about = {"regardingobjectid_salesorder@odata.bind": target}
        if account := event.details.get(ACCOUNT):
            about = {"regardingobjectid_account@odata.bind": f"/accounts({account})"}
        body = {"postid": str(event.post_key), **names, **about}
    else:
        table = "annotations"
        body = {
            "annotationid": str(event.post_key), "subject": _TITLE, "notetext": event.post,
            "objectid_salesorder@odata.bind": target,
        }  # fmt: skip
    key: UUID | None = event.post_key
    return Change(event.document, SALES, table, OperationKind.CREATE, body, key=key, sales_key=key)
