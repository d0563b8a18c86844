import pytest
from django.conf import settings
from django.contrib.auth.models import User

from config import demo
from config.roles import Role
from sandbox.identity.clients import HUB_CLIENT_ID, HUB_CLIENT_SECRET


def test_sandbox_values_are_those_of_the_sandbox() -> None:
    assert (demo.SANDBOX_CLIENT_ID, demo.SANDBOX_CLIENT_SECRET) == (HUB_CLIENT_ID, HUB_CLIENT_SECRET)


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
