"""Signs of life of the workers, copied from the queue's memory into Postgres, where every page may look."""

from datetime import datetime, timedelta

import django_rq
from django.utils import timezone
from redis.exceptions import RedisError
from rq import Worker

from syncjobs.models import WorkerHeartbeat

WORKER = "worker"
_FORGET_AFTER = timedelta(minutes=10)


def note_workers(*, now: datetime) -> None:
    """Notes each worker's newest heartbeat and forgets workers that went away long ago."""
    try:
        workers = Worker.all(connection=django_rq.get_connection("default"))
        beats = {worker.name: worker.last_heartbeat for worker in workers if worker.last_heartbeat}
    except RedisError:
        return
    WorkerHeartbeat.objects.bulk_create(
        [WorkerHeartbeat(name=name, kind=WORKER, at=_aware(at)) for name, at in beats.items()],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at"],
    )
    WorkerHeartbeat.objects.filter(kind=WORKER, at__lt=now - _FORGET_AFTER).delete()


def queue_lengths() -> dict[str, int]:
    """Waiting tasks per queue; empty where the queue cannot be reached."""
    try:
        return {name: len(django_rq.get_queue(name)) for name in ("high", "default", "low")}
    except RedisError:
        return {}


def _aware(at: datetime) -> datetime:
    return at if timezone.is_aware(at) else at.replace(tzinfo=timezone.get_default_timezone())
