"""Takes credentials out of texts that are kept or shown: log lines, error details, audit entries, reports.

It works on finished text: that way a secret in an argument, in an exception's message or in an address is caught alike.
"""

import re

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
