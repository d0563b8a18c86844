"""How many workers share a job, and how they are called."""

import django_rq
from rq import Worker

from syncjobs.choices import JobMode, JobTrigger
from syncjobs.models import SynchJob

HIGH, DEFAULT, LOW = "high", "default", "low"
READ_SECONDS = 1800
_RUN_JOB = "syncjobs.tasks.run_job"
_MOST_HELPERS = 16
_WAITED_FOR = frozenset({JobMode.SELECTED, JobMode.CREATE, JobMode.UNCOUPLE, JobMode.RESTORE, JobMode.DELETE})


def queue_of(job: SynchJob) -> str:
    """Somebody waits for `high`; `low` is what may take hours."""
    if job.trigger == JobTrigger.FULL_SYNCH:
        return LOW
    return HIGH if job.mode in _WAITED_FOR else DEFAULT


def enqueue(task: str, job: SynchJob, *, queue: str | None = None) -> None:
    """Puts a task of `syncjobs.tasks` about `job` on its queue. The queue keeps nothing: Postgres is the truth."""
    django_rq.get_queue(queue or queue_of(job)).enqueue(
        f"syncjobs.tasks.{task}", job.pk, job_timeout=-1, result_ttl=0, failure_ttl=3600
    )


def waiting_jobs() -> set[int]:
    """Ids of the jobs whose `run_job` is on a queue and was taken by no worker yet."""
    found: set[int] = set()
    for name in (HIGH, DEFAULT, LOW):
        found |= {task.args[0] for task in django_rq.get_queue(name).jobs if task.func_name == _RUN_JOB}
    return found


def enqueue_reading(connection_id: int, system: str, table: str) -> None:
    """Asks for the changes of a table that somebody looks at; asked twice it is read once."""
    django_rq.get_queue(HIGH).enqueue(
        "syncjobs.tasks.read_table", connection_id, str(system), table,
        job_id=f"read-{connection_id}-{system}-{table}", job_timeout=READ_SECONDS, result_ttl=0, failure_ttl=0,
    )  # fmt: skip


def worker_count(job: SynchJob) -> int:
    """Workers that serve the job's queue, this one included."""
    queue = django_rq.get_queue(queue_of(job))
    return max(1, Worker.count(queue=queue))


def call_helpers(job: SynchJob, *, slices: int) -> None:
    """Asks further workers to join when there is more than one slice."""
    for _ in range(min(slices, worker_count(job), _MOST_HELPERS) - 1):
        enqueue("work_on_job", job)
