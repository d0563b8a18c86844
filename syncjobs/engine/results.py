"""What pure code answers instead of raising: a value, "leave it", or a problem that fails this record only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connector.errors import ErrorKind


class _Skip:
    """The target keeps what it has."""

    def __repr__(self) -> str:
        return "SKIP"


SKIP: Final = _Skip()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record cannot be synchronised as it is.

    `code` is stable, `message` and `hint` are for people, `value` is the offending value. A dependency names in
    `details` what has to be coupled first: `{"mapping": …, "number": …}`.
    """

    kind: ErrorKind
    code: str
    message: str
    hint: str = ""
    value: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Tells the same problem from another one: code and offending value, nothing that varies between runs."""
        return hashlib.sha256(f"{self.code}\n{self.value}".encode()).hexdigest()


def not_coupled(*, noun: str, number: str, partner: str, mapping: str) -> Problem:
    """A field refers to a record that has no partner in the other system."""
    article = "an" if partner[:1] in "aeio" else "a"  # a unit, a user
    return Problem(
        kind=ErrorKind.DEPENDENCY,
        code="engine.not_coupled",
        message=f"The {noun} {number} must be coupled first.",
        hint=f"Couple the {noun} with {article} {partner} or let {mapping} create it; this record is then tried again.",
        value=f"{mapping}:{number}",
        details={"mapping": mapping, "number": number},
    )
