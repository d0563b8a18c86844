"""What a first look needs: three people to sign in as, and the sandbox's values.

Only a hub with a sandbox has these users: their password is printed at every start.
"""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import Group, User

from config import keys
from config.roles import Role

# The client that the sandbox has registered for the hub. Published values of a local stand-in, no secrets; the hub
# never imports the sandbox, and a test keeps the two alike.
SANDBOX_CLIENT_ID = "c0091e70-0000-4000-8000-000000000001"
SANDBOX_CLIENT_SECRET = "couplet-sandbox-secret"  # noqa: S105


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
