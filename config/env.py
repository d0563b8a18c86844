"""Typed reading of environment variables.

The settings are the only place that reads the environment, and they read it through these functions, so that a
misspelt boolean or a port out of range stops the start with a sentence instead of changing behaviour silently.
Every value can also come from a file named by `<NAME>_FILE`, which is how container platforms hand over secrets.
"""

import os
from pathlib import Path
from typing import overload
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@overload
def text(name: str) -> str | None: ...
@overload
def text(name: str, default: str) -> str: ...
def text(name: str, default: str | None = None) -> str | None:
    """The variable's text without surrounding blanks; `default` when it is unset or empty.

    Raises ImproperlyConfigured when `<NAME>_FILE` cannot be read or both forms are given.
    """
    value = os.environ.get(name, "").strip()
    file_name = os.environ.get(f"{name}_FILE", "").strip()
    if value and file_name:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE, not both.")
    if file_name:
        try:
            value = Path(file_name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {file_name}, which cannot be read: {error}.") from error
    return value or default


def boolean(name: str, default: bool) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off, in any case; anything else is refused."""
    value = text(name)
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; use 1 or 0.")


def integer(name: str, default: int, *, at_least: int, at_most: int) -> int:
    """A whole number between the two bounds, both included."""
    value = text(name)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {value!r}; use a whole number.") from error
    if not at_least <= number <= at_most:
        raise ImproperlyConfigured(f"{name} is {number}; use a number from {at_least} to {at_most}.")
    return number


def port(name: str, default: int) -> int:
    """A TCP port number."""
    return integer(name, default, at_least=1, at_most=65535)


def items(name: str) -> list[str]:
    """Comma-separated parts without blanks, empty ones left out; an unset variable is an empty list."""
    return [part.strip() for part in text(name, "").split(",") if part.strip()]


def directory(name: str, default: Path) -> Path:
    """An absolute directory path; `~` is the home directory, a relative path starts at the current directory."""
    return Path(text(name, str(default))).expanduser().resolve()


def web_origin(name: str, default: str) -> str:
    """An http(s) address without a trailing slash, such as `https://couplet.example.com`."""
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        raise ImproperlyConfigured(f"{name} is {value!r}; use an address such as https://couplet.example.com.")
    return value
