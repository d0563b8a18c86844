from typing import Any

from config import checks


def _ids(messages: list[Any]) -> list[str | None]:
    return [message.id for message in messages]


def test_secret_key_short_is_an_error(settings: Any) -> None:
    settings.SECRET_KEY = "short"
    assert _ids(checks.check_secret_key(None)) == ["config.E001"]


def test_encryption_keys_each_bad_one_is_named(settings: Any) -> None:
    settings.COUPLET_ENCRYPTION_KEYS = [settings.COUPLET_ENCRYPTION_KEYS[0], "not a key"]
    (message,) = checks.check_encryption_keys(None)
    assert message.id == "config.E002"
    assert "Key 2" in message.msg


def test_secrets_of_this_machine_with_a_shared_database_are_warned_of(settings: Any) -> None:
    settings.EMBEDDED_POSTGRES = False
    settings.SECRETS_IN_DATA_DIR = True
    assert _ids(checks.check_secrets_are_shared(None)) == ["config.W002"]
    settings.SECRETS_IN_DATA_DIR = False
    assert checks.check_secrets_are_shared(None) == []


def test_base_url_plain_is_warned_of_beyond_this_machine(settings: Any) -> None:
    for address, expected in (
        ("http://couplet.example.com", ["config.W001"]),
        ("https://couplet.example.com", []),
        ("http://127.0.0.1:8000", []),
        ("http://localhost:8000", []),
        ("http://[::1]:8000", []),
    ):
        settings.BASE_URL = address
        assert _ids(checks.check_base_url(None)) == expected, address
