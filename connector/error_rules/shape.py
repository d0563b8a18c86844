"""What a row of the error table looks like."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from connector.choices import System
from connector.errors import ErrorKind, Retry


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: when it fits, and what it means. With a `fallback` sentence the pattern only reads names."""

    code: str
    kind: ErrorKind
    message: str
    hint: str
    retry: Retry = Retry.NEVER
    system: System | None = None
    status: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    pattern: str = ""
    names: tuple[str, ...] = ()
    fallback: str = ""
    sign_in: bool = False

    def match(self, system: System | None, status: int, remote_code: str, message: str) -> dict[str, str] | None:
        """The names that the pattern found, or None when the rule does not fit."""
        if self.sign_in is not (system is None) or (self.system and self.system is not system):
            return None
        if (self.status and status not in self.status) or (self.codes and remote_code not in self.codes):
            return None
        if not self.pattern:
            return {}
        found = re.search(self.pattern, message, re.IGNORECASE | re.DOTALL)
        if found is None:
            return {} if self.fallback else None
        # A second alternative of a pattern names its groups with a 2 behind.
        return {name.rstrip("2"): value for name, value in found.groupdict().items() if value}


@dataclass(frozen=True, slots=True)
class TransportRule:
    """A request without an answer; `matches` sees the exception and the text of all its causes."""

    code: str
    kind: ErrorKind
    retry: Retry
    message: str
    hint: str
    matches: Callable[[Exception, str], bool]
