import json
import logging
import sys

import pytest

from config.logs import JsonFormatter, RedactingFilter
from connector.redaction import MASK, redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer eyJ0eXAi.abc-_", f"Authorization: Bearer {MASK}"),
        ("{'Authorization': 'Token 9944b09199c62bcf'}", f"{{'Authorization': 'Token {MASK}'}}"),
        ("client_secret=a%7Eb&grant_type=client_credentials", f"client_secret={MASK}&grant_type=client_credentials"),
        ('{"access_token": "eyJ0", "expires_in": 3599}', f'{{"access_token": "{MASK}", "expires_in": 3599}}'),
        ("postgresql://hub:geheim@db/couplet", f"postgresql://hub:{MASK}@db/couplet"),
        ("Cookie: sessionid=abc; theme=dark", f"Cookie: sessionid={MASK}; theme=dark"),
        ("GET https://127.0.0.1:8443/api/data/v9.2/accounts", "GET https://127.0.0.1:8443/api/data/v9.2/accounts"),
        ("coupled 12 records by token matching", "coupled 12 records by token matching"),
    ],
)
def test_redact_masks_credentials_and_nothing_else(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_redact_masks_a_whole_private_key() -> None:
    text = redact("-----BEGIN PRIVATE KEY-----\nMIIE\nvQIB\n-----END PRIVATE KEY-----")
    assert "MIIE" not in text
    assert "vQIB" not in text


def test_filter_masks_arguments_and_tracebacks() -> None:
    try:
        raise ValueError("password=hunter22 refused")
    except ValueError:
        error = sys.exc_info()
    record = logging.LogRecord("hub", logging.ERROR, __file__, 1, "token %s", ("Bearer abcdefghij",), error)
    RedactingFilter().filter(record)
    entry = json.loads(JsonFormatter().format(record))
    assert entry["message"] == f"token Bearer {MASK}"
    assert "hunter22" not in entry["traceback"]
    assert "ValueError" in entry["traceback"]


def test_filter_keeps_percent_signs_of_the_message() -> None:
    record = logging.LogRecord("hub", logging.INFO, __file__, 1, "%d of 100%%", (5,), None)
    RedactingFilter().filter(record)
    assert record.getMessage() == "5 of 100%"
