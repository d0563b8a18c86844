"""`manage.py api_token`."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from rest_framework.authtoken.models import Token


@pytest.fixture
def person(db) -> User:
    return User.objects.create_user("ada")


def _printed(*arguments: str) -> str:
    out = StringIO()
    call_command("api_token", *arguments, stdout=out)
    return out.getvalue().strip()


def test_api_token_prints_the_same_token_again(person):
    first = _printed("ada")
    assert first == Token.objects.get(user=person).key
    assert _printed("ada") == first


def test_api_token_new_replaces_it(person):
    first = _printed("ada")
    second = _printed("ada", "--new")
    assert second != first
    assert list(Token.objects.filter(user=person).values_list("key", flat=True)) == [second]


def test_api_token_unknown_user_is_refused(db):
    with pytest.raises(CommandError, match="nobody"):
        _printed("nobody")
