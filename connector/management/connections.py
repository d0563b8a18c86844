"""Which connection a command is about."""

from django.core.management.base import CommandError

from connector.models import Connection


def chosen_connection(slug: str | None) -> Connection:
    """The named connection, or the only one. Raises CommandError."""
    connections = Connection.objects.filter(slug=slug) if slug else Connection.objects.all()
    found = list(connections[:2])
    if len(found) != 1:
        known = ", ".join(Connection.objects.values_list("slug", flat=True)) or "none"
        raise CommandError(f"Name one connection with --connection. There is: {known}.")
    return found[0]
