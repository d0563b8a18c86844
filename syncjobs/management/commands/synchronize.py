"""Starts runs of mappings from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connector.choices import Direction
from connector.errors import HubError
from connector.management.connections import chosen_connection
from coupling.models import TableMapping
from syncjobs.choices import JobMode, JobTrigger
from syncjobs.management.jobs import add_common_arguments, finish, work_until_done
from syncjobs.services.jobs import start_job


class Command(BaseCommand):
    help = "Synchronises mappings (all that are switched on by default), in dependency order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mappings", nargs="*", metavar="MAPPING")
        parser.add_argument("--full", action="store_true", help="All records inside the filters, not only changes.")
        parser.add_argument("--direction", choices=Direction.values, help="Limits the run to one direction.")
        add_common_arguments(parser)

    def handle(
        self,
        *args: Any,
        mappings: list[str],
        full: bool,
        preview: bool,
        direction: str | None,
        wait: bool,
        json: bool,
        connection: str | None,
        **options: Any,
    ) -> None:
        chosen = chosen_connection(connection)
        rows = TableMapping.objects.filter(connection=chosen).select_related("connection")
        known = {row.name: row for row in rows}
        if unknown := [name for name in mappings if name not in known]:
            raise CommandError(f"There is no mapping {', '.join(unknown)}. There are: {', '.join(known)}.")
        wanted = [row for row in rows if (row.name in mappings if mappings else row.enabled and row.available)]
        mode = JobMode.PREVIEW if preview else JobMode.FULL if full else JobMode.MODIFIED
        jobs = []
        for mapping in wanted:
            try:
                job = start_job(
                    connection=chosen,
                    mapping=mapping,
                    mode=mode,
                    direction=direction,
                    trigger=JobTrigger.COMMAND,
                    hand_over=not wait,
                )
            except HubError as error:
                raise CommandError(f"{mapping}: {error} {error.hint}".strip()) from error
            jobs.append(job)
            if wait:
                work_until_done([job], self.stdout, quiet=json)
        finish(jobs, self.stdout, as_json=json, waited=wait)
