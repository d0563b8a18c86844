"""Log records without secrets, as text for people or as JSON for a log store.

The filter sits on the handler, so that it sees the records of every library too. It works on the finished text: that
way a secret in an argument, in an exception's message or in a URL is caught alike.
"""

import json
import logging
import re
from datetime import UTC, datetime

MASK = "[redacted]"

_CREDENTIAL_NAMES = (
    "client_secret|client_assertion|access_token|refresh_token|id_token|password|passwd|secret_key|private_key|"
    "api_key|clientstate|csrfmiddlewaretoken|sessionid|couplet_session"
)
_PATTERNS = (
    # Authorization: Token …, Basic …, and a bearer token anywhere
    re.compile(r"(?i)(\bauthorization[\"']?\s*[=:]\s*[\"']?(?:\w+\s+)?)[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}"),
    # client_secret=…, "access_token": "…", password: …
    re.compile(rf"(?i)(\b(?:{_CREDENTIAL_NAMES})[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}}]+"),
    # scheme://user:password@host
    re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"),
    re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?(?=-----END|\Z)"),
)


def redact(text: str) -> str:
    """The text with the values of credentials masked; everything else stays as it is."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


class RedactingFilter(logging.Filter):
    """Masks credentials in a record's message and in its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time (ISO 8601, UTC), level, logger, message and, where there is one, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            entry["traceback"] = record.exc_text
        return json.dumps(entry, ensure_ascii=False)
