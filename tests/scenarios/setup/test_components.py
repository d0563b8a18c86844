"""Check and repair of what the hub makes use of in Sales, against the sandbox."""

import pytest

from connector.clients import sales_client
from connector.models import Connection
from tests.scenarios.setup.test_b_connection import complete, page, text  # noqa: F401  (fixtures)

HERE = "/c/default/connection/components/"
TABLE = "EntityDefinitions(LogicalName='product')"


@pytest.fixture
def untracked(complete, sandbox) -> Connection:  # noqa: F811
    """Sales no longer keeps track of the changes of products."""
    session = sales_client(complete).session
    session.send("PUT", TABLE, body={"ChangeTrackingEnabled": False})
    yield complete
    session.send("PUT", TABLE, body={"ChangeTrackingEnabled": True})


def tracks(connection: Connection) -> bool:
    answer = sales_client(connection).session.get(f"{TABLE}?$select=ChangeTrackingEnabled")
    return bool(answer.data["ChangeTrackingEnabled"])


def test_tracking_of_changes_is_switched_on(untracked, page):  # noqa: F811
    assert "Sales does not track changes of products" in text(page.post(HERE, {"action": "look"}))
    repaired = text(page.post(HERE, {"action": "repair"}))
    assert "Changes of products are tracked now." in repaired
    assert "exist and track their changes" in repaired
    assert tracks(untracked)


def test_the_owning_team_is_chosen_among_those_of_sales_while_disabled(complete, page):  # noqa: F811
    place = "/c/default/connection/team/"
    assert "Read the teams" in text(page.get(place))
    choices = dict(page.post(place, {"action": "read"}).context["form"].fields["team"].choices)
    team = next(key for key in choices if key)
    page.post(place, {"action": "save", "team": team})
    stored = Connection.objects.get(pk=complete.pk)
    assert (str(stored.chosen_team_id), stored.chosen_team_name) == (team, choices[team])
    assert page.post(place, {"action": "save", "team": str(complete.company_id)}).status_code == 422
    Connection.objects.update(enabled=True)
    refused = page.post(place, {"action": "save", "team": ""})
    assert (refused.status_code, "Disable the connection before changing owning team" in text(refused)) == (422, True)
