"""A connected hub with an empty organisation per scenario, and a salesperson who is signed in."""

import pytest
from django.test import Client

from tests.coupling.factories import make_person
from tests.scenarios.coupling.pages import Seller
from tests.scenarios.engine.conftest import _database, api, hub, transactional_db  # noqa: F401  (fixtures)
from tests.scenarios.engine.world import World


@pytest.fixture
def seller(hub: World, client: Client) -> Seller:  # noqa: F811
    """A salesperson at work."""
    client.force_login(make_person("seller", "salesperson"))
    return Seller(hub, client)
