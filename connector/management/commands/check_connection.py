"""`manage.py check_connection`: tests a connection and says what is wrong; exits non-zero when a step failed."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from connector.management.connections import chosen_connection
from connector.services.connection_test import run_connection_test

_MARKS = {"passed": "ok", "warning": "warning", "failed": "FAILED", "skipped": "skipped"}


class Command(BaseCommand):
    help = "Tests sign-in, addresses, tables and permissions of a connection in both systems; changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--connection", help="Slug of the connection; needed where there are several.")
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        report = run_connection_test(connection=chosen_connection(options["connection"]))
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), indent=2))
        else:
            for step in report.steps:
                self.stdout.write(f"{_MARKS[step.state]:8} {step.system:17} {step.name}: {step.message}")
                if step.hint:
                    self.stdout.write(f"{'':27}{step.hint}")
        if not report.succeeded:
            raise SystemExit(1)
