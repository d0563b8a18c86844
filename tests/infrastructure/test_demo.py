from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from config import demo
from config.roles import Role
from connector.choices import OwnershipModel
from connector.models import Connection
from connector.services.connection_test import run_connection_test
from sandbox.identity.clients import GUEST_CLIENT_ID, GUEST_CLIENT_SECRET, HUB_CLIENT_ID, HUB_CLIENT_SECRET
from tests.sandbox_process import SandboxServer


def test_sandbox_values_are_those_of_the_sandbox() -> None:
    assert demo.SandboxClient(HUB_CLIENT_ID, HUB_CLIENT_SECRET) == demo.HUB_CLIENT
    assert demo.SandboxClient(GUEST_CLIENT_ID, GUEST_CLIENT_SECRET) == demo.GUEST_CLIENT


def _fill_in(sandbox: SandboxServer, settings: Any) -> Connection:
    settings.SANDBOX_PORT = urlsplit(sandbox.url).port
    demo.ensure_demo_connection(tenant=sandbox.tenant, environment=sandbox.environment, company=sandbox.company)
    return Connection.objects.get()


@pytest.mark.django_db(transaction=True)
def test_demo_connection_is_filled_in_so_that_its_test_succeeds(sandbox: SandboxServer, settings: Any) -> None:
    Connection.objects.create()
    connection = _fill_in(sandbox, settings)
    assert connection.ownership_model == OwnershipModel.PERSON
    assert not connection.enabled
    report = run_connection_test(connection=connection)
    assert [step.message for step in report.steps if step.state == "failed"] == []


@pytest.mark.django_db(transaction=True)
def test_demo_connection_that_somebody_set_up_stays(sandbox: SandboxServer, settings: Any) -> None:
    Connection.objects.create(sales_url="https://contoso.crm4.dynamics.com")
    assert _fill_in(sandbox, settings).sales_url == "https://contoso.crm4.dynamics.com"


@pytest.mark.django_db
def test_demo_users_one_for_each_role_can_sign_in() -> None:
    for sign_in in demo.ensure_demo_users():
        user = User.objects.get(username=sign_in.username)
        assert sign_in.password is not None
        assert user.check_password(sign_in.password)
        assert [group.name for group in user.groups.all()] == [sign_in.username]
        assert not user.is_superuser
    assert User.objects.count() == len(Role)
    assert (settings.DATA_DIR / "secrets" / "demo_password").stat().st_mode & 0o077 == 0


@pytest.mark.django_db
def test_demo_users_keep_the_password_they_chose() -> None:
    demo.ensure_demo_users()
    operator = User.objects.get(username="operator")
    operator.set_password("my own choice")
    operator.save()
    passwords = {sign_in.username: sign_in.password for sign_in in demo.ensure_demo_users()}
    assert passwords["operator"] is None
    assert passwords["salesperson"] is not None
    operator.refresh_from_db()
    assert operator.check_password("my own choice")
