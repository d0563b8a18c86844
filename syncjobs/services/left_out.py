"""Mappings that full synchronisations leave out, whatever is chosen for single runs, until somebody takes them in."""

from django.contrib.auth.models import User
from django.db import transaction

from connector.errors import ErrorKind, HubError
from connector.models import Connection
from connector.services.audit import record_change
from syncjobs.services.full_synch import eligible_mappings


def leave_out(*, connection: Connection, mapping: str, out: bool, user: User | None) -> None:
    """Leaves a mapping out of full synchronisations until it is taken in again. Raises HubError for an unknown one."""
    if mapping not in {each.name for each in eligible_mappings(connection)}:
        raise HubError(f"There is no mapping {mapping}.", kind=ErrorKind.DATA, code="full_synch.unknown_mapping")
    with transaction.atomic():
        stored = Connection.objects.select_for_update().get(pk=connection.pk)
        names = {*stored.full_synch_left_out, mapping} if out else {*stored.full_synch_left_out} - {mapping}
        before, after = stored.full_synch_left_out, sorted(names)
        if before == after:
            return
        Connection.objects.filter(pk=stored.pk).update(full_synch_left_out=after)
        record_change(
            connection=stored,
            user=user,
            action="full_synch.leave_out" if out else "full_synch.take_in",
            target=mapping,
            before={"left out": before},
            after={"left out": after},
        )
