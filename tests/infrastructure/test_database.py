import pytest
from django.core.exceptions import ImproperlyConfigured

from config.database import database_from_url


def test_address_with_everything() -> None:
    database = database_from_url("postgresql://hub:p%40ss%2Fword@db.example.com:5433/couplet?sslmode=require")
    assert database["HOST"] == "db.example.com"
    assert database["PORT"] == "5433"
    assert database["USER"] == "hub"
    assert database["PASSWORD"] == "p@ss/word"
    assert database["NAME"] == "couplet"
    assert database["OPTIONS"] == {"sslmode": "require"}


def test_address_of_a_socket_directory() -> None:
    database = database_from_url("postgresql://postgres@/couplet?host=%2Fvar%2Frun%2Fmy%20hub")
    assert database["HOST"] == "/var/run/my hub"
    assert database["PORT"] == ""
    assert database["OPTIONS"] == {}


def test_address_of_an_ipv6_host() -> None:
    assert database_from_url("postgres://hub@[::1]:5432/couplet")["HOST"] == "::1"


@pytest.mark.parametrize("url", ["mysql://hub@db/couplet", "sqlite:///couplet.db"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="PostgreSQL only"):
        database_from_url(url)


def test_address_without_a_database_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="names no database"):
        database_from_url("postgresql://hub@db:5432/")
