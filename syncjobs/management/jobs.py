"""What the commands that start jobs share: which connection, waiting with a progress bar, and the outcome as text."""

import json
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import OutputWrapper
from django.db import connection as database

from syncjobs import tasks
from syncjobs.choices import LIVE_JOB_STATES, JobState
from syncjobs.models import SynchJob

_BAR = 30
_LOOK_SECONDS = 0.3


def add_common_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--connection", help="Slug of the connection; needed where there are several.")
    parser.add_argument("--preview", action="store_true", help="Plans only; nothing is written.")
    parser.add_argument("--wait", action="store_true", help="Works to the end and exits non-zero if anything failed.")
    parser.add_argument("--json", action="store_true", help="Prints the outcome as JSON.")


def job_data(job: SynchJob) -> dict[str, Any]:
    return {
        "id": job.pk,
        "mapping": job.mapping.name if job.mapping else None,
        "mode": job.mode,
        "direction": job.direction,
        "state": job.state,
        "message": job.message,
        "counters": job.counters,
        "requests": job.requests,
    }


def work_until_done(jobs: Sequence[SynchJob], output: OutputWrapper, *, quiet: bool) -> list[SynchJob]:
    """Runs the jobs in this process, beside whatever workers there are, until all have ended."""
    for job in jobs:
        worker = threading.Thread(target=_work, args=(job.pk,), daemon=True)
        worker.start()
        while True:
            job.refresh_from_db()
            if not quiet:
                _draw(job, output)
            if job.state not in LIVE_JOB_STATES:
                break
            if not worker.is_alive():
                # Others have the rest in hand, or another run has to end first.
                time.sleep(_LOOK_SECONDS)
                worker = threading.Thread(target=_work, args=(job.pk,), daemon=True)
                worker.start()
            time.sleep(_LOOK_SECONDS)
        worker.join()
        if not quiet:
            output.write("")
    return list(jobs)


def went_well(job: SynchJob) -> bool:
    return job.state == JobState.SUCCEEDED


def finish(jobs: Sequence[SynchJob], output: OutputWrapper, *, as_json: bool, waited: bool) -> None:
    """Prints what came of the jobs; exits with 1 when one did not succeed although it was waited for."""
    if as_json:
        output.write(json.dumps([job_data(job) for job in jobs], indent=2))
    else:
        for job in jobs:
            output.write(f"{job}: {job.get_state_display().lower()}. {job.message}")
    if waited and not all(went_well(job) for job in jobs):
        sys.exit(1)


def _work(job_id: int) -> None:
    try:
        tasks.run_job(job_id)
    finally:
        database.close()


def _draw(job: SynchJob, output: OutputWrapper) -> None:
    share = job.done / job.total if job.total else 0.0
    bar = "#" * round(share * _BAR)
    name = job.mapping.name if job.mapping else ""
    line = f"\r{name:20} [{bar:{_BAR}}] {job.done:,}/{job.total:,}  {job.get_state_display().lower()}"
    output.write(f"{line:100}", ending="")
    output.flush()
