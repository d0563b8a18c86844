"""Another company or organisation for a connection that is coupled already: the couplings stay parked where they are.

Couplings belong to the records of one company and one organisation. So the connection keeps them, switched off, and a
new one takes over everything else: addresses, identity, settings, mappings. Going back means enabling the old one.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.text import slugify

from connector.errors import SettingsError
from connector.models import Connection, Credential
from connector.provisioning import subscribers
from connector.services import audit
from connector.services.setup import SWITCHES, WHILE_DISABLED, update_connection

COUPLED = "connection.coupled"
"""Code of the refusal that leads here."""

_SLUG_LENGTH, _NAME_LENGTH = 40, 100
_ID = re.compile(r"[0-9a-fA-F-]{36}")


class CoupledError(SettingsError):
    """The connection is coupled with records of the company and organisation that it has now."""

    code = COUPLED


def connect_another(*, connection: Connection, changes: Mapping[str, Any], user: User | None) -> Connection:
    """A new, disabled connection that is like `connection` but for `changes` (settings as `update_connection` takes
    them). `connection` stays as it is. Raises HubError; nothing is made then."""
    with transaction.atomic():
        copied = {name: getattr(connection, name) for name in (SWITCHES | WHILE_DISABLED) - {"name"}}
        copied |= {"name": connection.name, "company_name": connection.company_name}
        made = Connection.objects.create(slug=_free_slug(connection, changes), **copied)
        for credential in Credential.objects.filter(connection=connection):
            credential.pk, credential.connection = None, made
            credential.save()
        for subscriber in subscribers():
            if subscriber.copied is not None:
                subscriber.copied(connection, made)
        made = update_connection(connection=made, changes=changes, user=user)
        if "name" not in changes:
            made.name = f"{connection.name}: {made.company_name}"[:_NAME_LENGTH]
        made.setup_completed_at = connection.setup_completed_at
        made.save(update_fields=["name", "setup_completed_at"])
        audit.record_change(
            connection=connection, user=user, action="park couplings", after={"other connection": made.slug}
        )
    return made


def _free_slug(connection: Connection, changes: Mapping[str, Any]) -> str:
    """After the company's name where one was typed, not an id; a number makes it unique."""
    company = str(changes.get("company") or "")
    base = (slugify(company) if not _ID.fullmatch(company) else "") or connection.slug
    base = base[:_SLUG_LENGTH]
    taken = set(Connection.objects.values_list("slug", flat=True))
    number = 2
    slug = base
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return slug
