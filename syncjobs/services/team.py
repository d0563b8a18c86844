"""Members of the default owning team in Sales: coupled users outside of it may not see the rows that the hub writes."""

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from connector.choices import System
from connector.clients import INTERACTIVE, sales_client
from connector.errors import ErrorKind, HubError, RemoteError
from connector.models import Connection
from connector.services.teams import MEMBERS, members_of
from coupling.models import SalesRecord, TableMapping
from syncjobs.choices import OperationKind, OperationState
from syncjobs.models import Operation


def team_members(connection: Connection) -> set[UUID]:
    """Users in the team, asked live. Raises RemoteError; HubError where no team is known."""
    return members_of(sales_client(connection, patience=INTERACTIVE), _team(connection))


def add_to_team(*, connection: Connection, mapping: TableMapping, users: Sequence[UUID]) -> int:
    """Adds users that are not members yet; returns how many. Each has its row in the journal. Raises RemoteError."""
    client = sales_client(connection, patience=INTERACTIVE)
    members = team_members(connection)
    missing = [key for key in users if key not in members]
    names = dict(
        SalesRecord.objects.of_table(connection.pk, mapping.sales_table)
        .filter(key__in=missing)
        .values_list("key", "name")
    )
    for key in missing:
        reference = f"{client.session.root.rstrip('/')}/systemusers({key})"
        operation = Operation.objects.create(
            connection=connection,
            mapping=mapping,
            system=System.SALES,
            table="teams",
            record_id=connection.owning_team_id,
            sales_key=key,
            record_name=names.get(key, str(key)),
            kind=OperationKind.UPDATE,
            state=OperationState.SENT,
            after={MEMBERS: str(key)},
            attempts=1,
            sent_at=timezone.now(),
        )
        try:
            client.session.send("POST", f"teams({_team(connection)})/{MEMBERS}/$ref", body={"@odata.id": reference})
        except RemoteError as error:
            operation.state, operation.error_code = OperationState.FAILED, error.code
            operation.error_message, operation.error_hint = str(error), error.hint
            operation.save()
            raise
        operation.state, operation.settled_at = OperationState.SETTLED, timezone.now()
        operation.save()
    return len(missing)


def _team(connection: Connection) -> UUID:
    if connection.owning_team_id is None:
        raise HubError(
            "The default owning team is not known.",
            kind=ErrorKind.CONFIG,
            code="connection.no_team",
            hint="Test the connection on the Connection Setup page; the team is looked up then.",
        )
    return connection.owning_team_id
