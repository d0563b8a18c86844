"""What a first look needs: a person of every role to sign in as, and a connection that points at the sandbox.

Only a hub with a sandbox has these users: their password is printed at every start.
"""

import logging
from dataclasses import dataclass

import requests
from django.conf import settings
from django.contrib.auth.models import Group, User

from config import keys
from config.roles import Role
from connector.choices import OwnershipModel
from connector.errors import HubError
from connector.models import Connection
from connector.services.setup import update_connection
from connector.wizard.presets import Preset, register_preset

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SandboxClient:
    """An application that the sandbox has registered from the start."""

    client_id: str
    secret: str


# Published values of a local stand-in, no secrets; the hub never imports the sandbox, and a test keeps them alike.
HUB_CLIENT = SandboxClient("c0091e70-0000-4000-8000-000000000001", "couplet-sandbox-secret")
GUEST_CLIENT = SandboxClient("c0091e70-0000-4000-8000-000000000002", "anyone-sandbox-secret")


DEMO_CHOICES: dict[str, object] = {
    "ownership_model": OwnershipModel.PERSON,
    "unit_group_mapping": False,
    "extended_pricing": False,
}
"""The choices of the product description: the salesperson owns, units become unit groups of their own, customer price
groups become price lists."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A demo user; `password` is None where the user has chosen another since."""

    username: str
    password: str | None


def ensure_demo_users() -> list[SignIn]:
    """One user for each role, with a password made for this data directory. Existing users stay as they are."""
    password = keys.kept_secret(settings.DATA_DIR, "demo_password", keys.new_password)
    return [_ensure_user(role, password) for role in Role]


def _ensure_user(role: Role, password: str) -> SignIn:
    user = User.objects.filter(username=role.value).first()
    if user is None:
        user = User.objects.create_user(role.value, password=password, first_name=role.value.capitalize())
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    return SignIn(role.value, password if user.check_password(password) else None)


def sandbox_values() -> dict[str, str]:
    """The settings that lead to the running sandbox, the credential among them. Raises HubError where it is silent."""
    address = f"http://127.0.0.1:{settings.SANDBOX_HTTP_PORT}/sandbox/health"
    try:
        health = requests.get(address, timeout=10).json()
    except requests.RequestException as error:
        raise HubError("The sandbox does not answer.", hint="It starts with the hub: make run.") from error
    return settings_for(tenant=health["tenant"], environment=health["environment"], company=health["company"])


def settings_for(*, tenant: str, environment: str, company: str) -> dict[str, str]:
    """As `sandbox_values`, for a sandbox whose values are known."""
    return {
        "tenant_id": tenant,
        "client_id": HUB_CLIENT.client_id,
        "client_secret": HUB_CLIENT.secret,
        "authority_url": sandbox_origin(),
        "sales_url": sandbox_origin(),
        "business_central_url": sandbox_origin(),
        "business_central_environment": environment,
        "company": company,
    }


def offer_sandbox() -> None:
    """Assisted setup offers to connect the sandbox by itself."""
    register_preset(Preset("sandbox", "The sandbox", sandbox_values, dict(DEMO_CHOICES)))


def ensure_demo_connection(*, tenant: str, environment: str, company: str) -> None:
    """Fills in the first connection for the running sandbox unless somebody has set it up already.

    Testing and enabling is left to the administrator, who finds the values in assisted setup.
    """
    connection = Connection.objects.filter(slug="default", tenant_id="", client_id="", sales_url="").first()
    if connection is None:
        return
    values = {**settings_for(tenant=tenant, environment=environment, company=company), **DEMO_CHOICES}
    try:
        update_connection(connection=connection, changes=values, user=None)
    except HubError as error:
        logger.warning("The connection could not be filled in for the sandbox: %s", error)


def sandbox_origin() -> str:
    return f"https://127.0.0.1:{settings.SANDBOX_PORT}"
