"""Which announcements of Sales the hub's own bulk writes pass by.

Sales would announce every row that the hub writes, and the hub would drop it: a call for each side and a system job in
the organisation for nothing. A request may name steps that it does not call, where the application user has the
privilege for that.
"""

from collections.abc import Mapping

from connector.choices import System
from connector.models import Connection, WebhookSubscription

PRIVILEGE = "prvBypassCustomBusinessLogic"
HEADER = "MSCRM.BypassBusinessLogicExecutionStepIds"


def own_steps(connection: Connection) -> Mapping[tuple[str, str], str]:
    """Ids of the hub's steps by entity set and kind of write; empty where they may not be passed by."""
    steps = WebhookSubscription.objects.filter(
        receiver__connection=connection, receiver__passes_own_steps=True, system=System.SALES
    )
    return {(table, event.lower()): step for table, event, step in steps.values_list("table", "event", "remote_id")}
