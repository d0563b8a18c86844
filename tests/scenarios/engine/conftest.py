"""One database and one sandbox per module; each scenario starts from an empty organisation and a fresh connection.

Emptying the whole database between tests would take longer than most scenarios: a connection takes everything along.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from rest_framework.authtoken.models import Token

from connector.models import Connection
from tests.api.conftest import Api
from tests.coupling.factories import make_person
from tests.engine.live import connect
from tests.sandbox_process import SandboxServer
from tests.scenarios.engine.world import World


@pytest.fixture(scope="module")
def _database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def transactional_db(_database: None) -> None:
    """The database without the flush after every test; its name tells pytest-django to make one."""


@pytest.fixture
def hub(sandbox: SandboxServer, transactional_db: None, settings: Any) -> World:
    settings.COUPLET_CREATE_GRACE_SECONDS = 0
    Connection.objects.all().delete()
    User.objects.all().delete()
    connection = connect(sandbox)
    sandbox.control("DELETE", "/requests")
    return World(connection, sandbox)


@pytest.fixture
def api(hub: World) -> Callable[[str], Api]:
    """`api("operator")` is a client of a person with that role."""

    def client_of(role: str) -> Api:
        person = User.objects.filter(username=role).first() or make_person(role, role)
        return Api(Token.objects.get_or_create(user=person)[0].key)

    return client_of
