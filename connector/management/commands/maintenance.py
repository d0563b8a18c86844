"""Before an upgrade of the hub: switches every enabled connection off; the next start brings them back."""

from typing import Any

from django.core.management.base import BaseCommand

from connector.services import maintenance


class Command(BaseCommand):
    help = "Switches all enabled connections off for maintenance; the scheduler's next start enables them again."

    def handle(self, *args: Any, **options: Any) -> None:
        found = maintenance.begin()
        for connection in found:
            self.stdout.write(f"{connection} is switched off until the hub starts again.")
        if not found:
            self.stdout.write("No connection is enabled.")
