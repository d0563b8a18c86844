"""Starts a full synchronisation from the command line."""

import json as json_module
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connector.errors import HubError
from connector.management.connections import chosen_connection
from syncjobs.choices import LIVE_JOB_STATES, JobState
from syncjobs.management.jobs import add_common_arguments, job_data, work_until_done
from syncjobs.models import FullSynch, SynchJob
from syncjobs.services.full_synch import advance_full_synch, start_full_synch

_LOOK_SECONDS = 0.3


class Command(BaseCommand):
    help = "Synchronises all records of all mappings that are switched on, in dependency order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mappings", nargs="+", metavar="MAPPING", help="Only these.")
        add_common_arguments(parser)

    def handle(
        self,
        *args: Any,
        mappings: list[str] | None,
        preview: bool,
        wait: bool,
        json: bool,
        connection: str | None,
        **options: Any,
    ) -> None:
        try:
            full_synch = start_full_synch(connection=chosen_connection(connection), preview=preview, mappings=mappings)
        except HubError as error:
            raise CommandError(f"{error} {error.hint}".strip()) from error
        if wait:
            self._wait(full_synch, quiet=json)
        full_synch.refresh_from_db()
        lines = list(full_synch.lines.select_related("mapping").prefetch_related("jobs__mapping"))
        if json:
            data = {
                "id": full_synch.pk,
                "state": full_synch.state,
                "message": full_synch.message,
                "lines": [
                    {
                        "mapping": line.mapping.name,
                        "state": line.state,
                        "plan": line.plan,
                        "jobs": [job_data(job) for job in line.jobs.all()],
                    }
                    for line in lines
                ],
            }
            self.stdout.write(json_module.dumps(data, indent=2))
        else:
            for line in lines:
                messages = " ".join(job.message for job in line.jobs.all())
                self.stdout.write(f"{line.mapping.name:20} {line.get_state_display():12} {messages}")
            self.stdout.write(f"{full_synch}: {full_synch.get_state_display().lower()}. {full_synch.message}")
        if wait and full_synch.state != JobState.SUCCEEDED:
            sys.exit(1)

    def _wait(self, full_synch: FullSynch, *, quiet: bool) -> None:
        """Works on whatever line may run, in this process beside the workers."""
        while full_synch.state in LIVE_JOB_STATES:
            live = SynchJob.objects.filter(full_synch_line__full_synch=full_synch, state__in=LIVE_JOB_STATES)
            job = live.select_related("mapping").order_by("id").first()
            if job is not None:
                work_until_done([job], self.stdout, quiet=quiet)
            else:
                time.sleep(_LOOK_SECONDS)
            advance_full_synch(full_synch_id=full_synch.pk)
            full_synch.refresh_from_db()
