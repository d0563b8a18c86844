"""A connection to the sandbox, its clients, and users of each role."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from config.roles import Role, ensure_groups
from connector import auth
from connector.business_central import BusinessCentralClient
from connector.choices import CredentialKind
from connector.clients import Meter, business_central_client, sales_client
from connector.http.session import Patience
from connector.models import Connection, Credential
from connector.sales import SalesClient
from tests.sandbox_process import SandboxServer

COMPANY_ID = "5a1f0c52-0000-4000-8000-000000000001"
QUICK = Patience(attempts=4, total_seconds=20, base_delay_seconds=0.01)


def sandbox_settings(sandbox: SandboxServer) -> dict[str, str]:
    """What a person enters on Connection Setup, the secret left out."""
    return {
        "tenant_id": sandbox.tenant,
        "client_id": sandbox.client_id,
        "authority_url": sandbox.url,
        "sales_url": sandbox.url,
        "business_central_url": sandbox.url,
        "business_central_environment": sandbox.environment,
    }


@pytest.fixture
def connection(db: None, sandbox: SandboxServer) -> Connection:
    """A disabled connection with everything it needs."""
    auth._kept.clear()
    made = Connection.objects.create(**sandbox_settings(sandbox), company_id=COMPANY_ID, company_name=sandbox.company)
    Credential.objects.create(connection=made, kind=CredentialKind.SECRET, secret=sandbox.client_secret)
    return Connection.objects.get(pk=made.pk)


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def sales(connection: Connection, meter: Meter) -> SalesClient:
    return sales_client(connection, meter=meter, patience=QUICK)


@pytest.fixture
def business_central(connection: Connection, meter: Meter) -> BusinessCentralClient:
    return business_central_client(connection, meter=meter, patience=QUICK)


def _user(role: Role) -> User:
    ensure_groups()
    user = User.objects.create_user(role.value, password=role.value)
    user.groups.add(Group.objects.get(name=role.value))
    return user


@pytest.fixture
def administrator(db: None) -> User:
    return _user(Role.ADMINISTRATOR)


@pytest.fixture
def operator(db: None) -> User:
    return _user(Role.OPERATOR)


@pytest.fixture
def salesperson(db: None) -> User:
    return _user(Role.SALESPERSON)


@pytest.fixture
def api() -> Any:
    """`api(user)` is a client of the REST API signed in as that user."""

    def signed_in(user: User) -> APIClient:
        client = APIClient()
        client.force_authenticate(user)
        return client

    return signed_in
