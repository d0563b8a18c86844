"""Log records without secrets, as text for people or as JSON for a log store.

The filter sits on the handler, so that it sees the records of every library too. It works on the finished text: that
way a secret in an argument, in an exception's message or in a URL is caught alike.
"""

import json
import logging
from datetime import UTC, datetime

from connector.redaction import redact


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
