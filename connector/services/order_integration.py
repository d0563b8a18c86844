"""Order integration in the Sales organisation: the switch that gives salespeople *Submit* and takes *Create invoice*.

It belongs to the organisation, so it stays on while any connection with the organisation needs it.
"""

import logging
from uuid import UUID

from connector.choices import SalesOrderIntegration
from connector.clients import INTERACTIVE, sales_client
from connector.errors import HubError, RemoteError, SettingsError
from connector.models import Connection
from connector.sales import SalesClient

log = logging.getLogger(__name__)

SWITCH = "issopintegrationenabled"
_WALLS = "msdyn_postconfigs"


def switch_order_integration(connection: Connection, *, organisation: UUID | None = None) -> None:
    """Makes the organisation's switch follow the connection's setting. Raises SettingsError where Sales refuses.

    `organisation`: its id, where the connection is disabled and so knows none.
    """
    others = Connection.objects.exclude(pk=connection.pk).filter(
        sales_url=connection.sales_url, enabled=True, sales_order_integration=SalesOrderIntegration.LEGACY
    )
    wanted = connection.sales_order_integration == SalesOrderIntegration.LEGACY or others.exists()
    client = sales_client(connection, patience=INTERACTIVE)
    address = f"organizations({organisation or connection.organization_id})"
    try:
        now = client.session.get(f"{address}?$select={SWITCH}").data.get(SWITCH)
        if now is not None and bool(now) != wanted:
            client.session.send("PATCH", address, body={SWITCH: wanted}, headers={"If-Match": "*"})
    except RemoteError as error:
        word = "on" if wanted else "off"
        raise SettingsError(
            f"Sales does not let order integration be switched {word}: {error} {error.hint}".strip(), conflict=True
        ) from error
    if wanted:
        _show_walls(client)


def _show_walls(client: SalesClient) -> None:
    """Gives orders an activity wall. Without one their timeline gets notes, so a refusal does no harm."""
    try:
        condition = "msdyn_entityname eq 'salesorder' and (statecode ne 0 or msdyn_configurewall ne true)"
        for row in client.query(_WALLS, properties=["msdyn_entityname"], filter=condition):
            body = {"statecode": 0, "msdyn_configurewall": True}
            client.session.send("PATCH", f"{_WALLS}({row.key})", body=body, headers={"If-Match": "*"})
    except HubError as error:
        log.info("Orders get no activity wall: %s", error)
