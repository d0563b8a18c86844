"""Creates the delivered mappings of every connection; makes the connection `default` where there is none."""

from typing import Any

from django.core.management.base import BaseCommand

from connector.models import Connection
from coupling.services.defaults import load_defaults


class Command(BaseCommand):
    help = "Creates or refreshes the delivered mappings of every connection; safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        if not Connection.objects.exists():
            Connection.objects.create()
        for connection in Connection.objects.all():
            mappings = load_defaults(connection=connection)
            self.stdout.write(f"{connection.slug}: {len(mappings)} mappings")
